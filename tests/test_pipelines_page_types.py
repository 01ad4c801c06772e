"""What kind of article a page is, whether all may read it, and when it was changed."""

import pytest

from tests.claimed import fields, ld

OG = '<meta property="og:type" content="{}">'
SITE = "https://tide.test"


@pytest.mark.parametrize(
    ("head", "path", "expected"),
    [
        (ld(headline="x"), "/a", ("article", "json-ld")),
        (OG.format("article"), "/a", ("article", "og:type")),
        ("", "/a", None),
        (ld(**{"@type": "LiveBlogPosting"}), "/a", ("live-blog", "json-ld")),
        (ld(**{"@type": ["NewsArticle", "OpinionNewsArticle"]}), "/a", ("opinion", "json-ld")),
        (ld(**{"@type": "VideoObject", "name": "x"}), "/a", ("video", "json-ld")),
        (OG.format("video.other"), "/a", ("video", "og:type")),
        (OG.format("video.other") + ld(headline="x"), "/a", ("article", "json-ld")),
        (OG.format("article"), "/meinung/hafen-faehre", ("opinion", "url")),
        (OG.format("article"), "/en-direct/le-bac", ("live-blog", "url")),
        (OG.format("article"), "/hafen/liveticker-zur-faehre", ("live-blog", "url")),
        (OG.format("article"), "/video-shop-opens", ("article", "og:type")),
        (
            OG.format("article") + '<meta property="article:section" content="Opinión">',
            "/a",
            ("opinion", "meta:article:section"),
        ),
        (OG.format("article") + "<title>Kommentar: Die Fähre</title>", "/a", ("opinion", "title")),
        (OG.format("article") + "<title>社説：渡し船の未来を考える</title>", "/a", ("opinion", "title")),
        (
            OG.format("article") + '<meta property="article:opinion" content="true">',
            "/a",
            ("opinion", "meta:article:opinion"),
        ),
    ],
)
def test_the_page_type_is_what_the_page_declares_first(head, path, expected):
    """JSON-LD, Open Graph, the address, the section, the words before the headline; unknown is None."""
    found = fields(head, url=SITE + path)
    assert ((found.page_type, dict(found.sources)["page_type"]) if found.page_type else None) == expected


@pytest.mark.parametrize(
    ("head", "free"),
    [
        (ld(isAccessibleForFree=True), True),
        (ld(isAccessibleForFree="False"), False),
        (ld(isAccessibleForFree="http://schema.org/True"), True),
        (ld(hasPart={"@type": "WebPageElement", "isAccessibleForFree": False, "cssSelector": ".wall"}), False),
        (ld(hasPart=[{"isAccessibleForFree": "true"}]), None),
        (ld(isAccessibleForFree=True, hasPart=[{"isAccessibleForFree": False}]), True),
        ('<meta property="article:content_tier" content="free">', True),
        ('<meta property="article:content_tier" content="metered">', False),
        ('<meta itemprop="isAccessibleForFree" content="false">', False),
        ('<meta name="paywall" content="true">', False),
        ('<meta property="article:content_tier" content="gold">', None),
        ("", None),
    ],
)
def test_whether_everybody_may_read_a_page_is_only_what_it_declares(head, free):
    """The statement about the whole page counts before one about a part; unknown is None."""
    assert fields(head, '<div class="paywall premium">Subscribe</div>').is_accessible_for_free is free


def test_the_time_of_a_change_keeps_its_zone():
    """As the time of publication does."""
    found = fields(ld(dateModified="2026-04-05T07:08+02:00"))
    assert (found.modified.local(), found.modified.precision) == ("2026-04-05T07:08+02:00", "minute")


def test_a_video_was_published_when_it_was_uploaded():
    """Where it says nothing else."""
    assert (
        fields(ld(**{"@type": "VideoObject", "name": "x", "uploadDate": "2026-04-05"})).published.utc() == "2026-04-05"
    )
