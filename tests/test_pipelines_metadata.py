"""Titles, dates, authors, canonical URLs: every field chosen among what a page claims."""

import json

import pytest

from pipelines import authors, dates, titles
from storage.records import Announced
from tests.claimed import URL, fields, ld


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Ferry sails again | Harbour Herald</title>", "", "Ferry sails again"),
        ("<title>Harbour Herald - Ferry sails again</title>", "", "Ferry sails again"),
        ("<title>Ferry sails again - harbour-herald.test</title>", "", "Ferry sails again"),
        (
            (
                '<meta property="og:title" content="Ferry sails again – Tidewater Post">'
                '<meta property="og:site_name" content="Tidewater Post">'
            ),
            "",
            "Ferry sails again",
        ),
        (
            '<meta property="og:title" content="Why the ferry sails again after you waited">',
            "<h1>Ferry sails again after you waited</h1>",
            "Ferry sails again after you waited",
        ),
        ("<title>Ferry sails again | The long slogan of the town's own voice</title>", "", "Ferry sails again"),
        ("<title>Ferry sails again</title>", "<h1>Harbour Herald</h1>", "Ferry sails again"),
        (ld(headline="Ferry &amp; pier &quot;open&quot;"), "", 'Ferry & pier "open"'),
        ("<title>Fähre: Wer zahlt?</title>", "<h1>Fähre: Wer zahlt?</h1>", "Fähre: Wer zahlt?"),
        ("<title>渡し船が再開｜港新聞</title><meta property='og:site_name' content='港新聞'>", "", "渡し船が再開"),
        (ld(headline="Ferry \u202esails\x1b[31m again\u200b"), "", "Ferry sails again"),
        ("", "", None),
    ],
)
def test_title(head, body, title):
    """The headline, without the site's name."""
    assert fields(head, body).title == title


@pytest.mark.parametrize(
    ("text", "utc", "local", "precision"),
    [
        ("2026-04-05T07:08:09+02:00", "2026-04-05T05:08:09.000Z", "2026-04-05T07:08:09+02:00", "second"),
        ("2026-04-05T07:08+0200", "2026-04-05T05:08:00.000Z", "2026-04-05T07:08+02:00", "minute"),
        ("2026-04-05T07:08:09.123Z", "2026-04-05T07:08:09.000Z", "2026-04-05T07:08:09+00:00", "second"),
        ("Sun, 05 Apr 2026 07:08:09 GMT", "2026-04-05T07:08:09.000Z", "2026-04-05T07:08:09+00:00", "second"),
        ("2026-04-05 07:08:09", "2026-04-05", "2026-04-05T07:08:09", "day"),
        ("2026-04-05", "2026-04-05", "2026-04-05", "day"),
        ("20260405", "2026-04-05", "2026-04-05", "day"),
        ("5. April 2026, 07:08 Uhr", "2026-04-05", "2026-04-05T07:08", "day"),
        ("5 de abril de 2026", "2026-04-05", "2026-04-05", "day"),
        ("April 5, 2026", "2026-04-05", "2026-04-05", "day"),
        ("le 5 avril 2026 à 7h08", "2026-04-05", "2026-04-05T07:08", "day"),
        ("5 апреля 2026", "2026-04-05", "2026-04-05", "day"),
        ("2026年4月5日", "2026-04-05", "2026-04-05", "day"),
        ("05.04.2026", "2026-04-05", "2026-04-05", "day"),
        ("1775372889", "2026-04-05T07:08:09.000Z", "2026-04-05T07:08:09+00:00", "second"),
        ("Sun Apr 5 07:08:09 2026", "2026-04-05", "2026-04-05T07:08:09", "day"),
        ("Apr 5, 2026 7:08 pm EDT", "2026-04-05T23:08:00.000Z", "2026-04-05T19:08-04:00", "minute"),
    ],
)
def test_a_moment_keeps_what_is_declared(text, utc, local, precision):
    """Time and zone are kept when both are known; a clock without zone is only a day."""
    moment = dates.parse(text)
    assert moment is not None
    assert (moment.utc(), moment.local(), moment.precision) == (utc, local, precision)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-13-40",
        "99999-99-99T99:99",
        "call 0405 2026",
        "version 3.11.7",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_what_is_no_date_declares_none(text):
    """Unknown is None, never a guess."""
    assert dates.parse(text) is None


@pytest.mark.parametrize("text", ["2026-05-03T00:00:00Z", "2031-01-01", "1989-12-31", "0001-01-01"])
def test_the_future_and_the_far_past_are_not_believed(text):
    """A date more than a day after the fetch, or before 1990, is no publication date."""
    assert fields(ld(datePublished=text)).published is None


def test_a_naive_time_takes_the_zone_of_a_source_that_means_the_same():
    """Two declarations of one moment complete each other."""
    found = fields(
        ld(datePublished="2026-04-05T07:08:00")
        + '<meta property="article:published_time" content="2026-04-05T05:08:00Z">'
    )
    assert found.published.local() == "2026-04-05T07:08:00+02:00"
    assert found.published.utc() == "2026-04-05T05:08:00.000Z"


def test_a_utc_time_is_shown_in_the_publishers_zone_where_the_page_shows_it():
    """`published_local` is the day the publisher's readers saw."""
    found = fields(ld(datePublished="2026-04-04T22:30:10Z"), '<h1>x</h1><span class="date">5 April 2026, 00:30</span>')
    assert (found.published.local(), found.published.utc()) == ("2026-04-05T00:30:10+02:00", "2026-04-04T22:30:10.000Z")


@pytest.mark.parametrize(
    "body",
    [
        "<h1>x</h1><p>5 April 2026, 00:30</p>",
        "<h1>x</h1><div><span>News</span> <span>5/4/2026 00:30 </span></div>",
        '<h1>x</h1><p class="byline-date">April 5, 2026 <span>|</span> 12:30am</p>',
    ],
)
def test_a_time_of_day_beside_the_headline_tells_the_zone_of_a_moment_in_utc(body):
    """It need not be marked as a date."""
    assert fields(ld(datePublished="2026-04-04T22:30:10Z"), body).published.local() == "2026-04-05T00:30:10+02:00"


def test_another_time_of_day_tells_no_zone():
    """It is of something else: the moment stays in UTC."""
    body = "<h1>x</h1><p>5 April 2026, 00:41</p>"
    assert fields(ld(datePublished="2026-04-04T22:30:10Z"), body).published.local() == "2026-04-04T22:30:10+00:00"


def test_slashed_dates_are_read_by_the_pages_region():
    """4/5/2026 is May in Britain, April in the United States, and unknown in English alone."""
    body = '<h1>x</h1><span class="date">4/5/2026</span>'
    assert fields(body=body, lang="en-US").published.utc() == "2026-04-05"
    assert fields(body=body.replace("4/5/2026", "3/4/2026"), lang="en-GB").published.utc() == "2026-04-03"
    assert fields(body=body, lang="en").published is None


def test_the_url_dates_a_story_last():
    """A day in the URL counts where nothing else does."""
    found = fields(url="https://www.harbour-herald.test/2026/04/05/ferry")
    assert (found.published.utc(), dict(found.sources)["published"]) == ("2026-04-05", "url")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["By Jane Doe and John Q. Roe"], ("Jane Doe", "John Q. Roe")),
        (["Von Anna Muster, Redakteurin"], ("Anna Muster",)),
        (["Jane Doe, Senior Reporter"], ("Jane Doe",)),
        (["Herald staff reporter"], ("Herald staff reporter",)),
        (["jane doe reporter"], ("jane doe",)),
        (["JANE DOE"], ("Jane Doe",)),
        (["Jane Doe", "jane doe"], ("Jane Doe",)),
        (["Par Élodie Petit et Luc Grand"], ("Élodie Petit", "Luc Grand")),
        (["Автор: Иван Петров"], ("Иван Петров",)),
        (["山田太郎、佐藤花子"], ("山田太郎", "佐藤花子")),
        (["https://social.test/jane", "jane@paper.test"], ()),
        (["admin"], ()),
        (["5 April 2026"], ()),
        (["Jane Doe (in Port Alba)"], ("Jane Doe",)),
        (["J\u200bane \u202eDoe"], ("Jane Doe",)),
    ],
)
def test_authors(values, names):
    """Names alone: no "By", no roles, no addresses."""
    assert authors.names(values) == names


def test_a_byline_that_names_a_person_wins_over_the_sites_own_name():
    """The paper is the author only where no person is."""
    head = ld(author={"@type": "Organization", "name": "Harbour Herald"}, publisher={"name": "Harbour Herald"})
    assert fields(head, '<h1>x</h1><p class="byline">By Jane Doe</p>').authors == ("Jane Doe",)
    assert fields(head).authors == ("Harbour Herald",)


def test_authors_of_the_graph_are_resolved():
    """{"@id": ...} stands for the node with that name."""
    graph = {
        "@graph": [
            {"@type": "NewsArticle", "headline": "x", "author": {"@id": "#j"}},
            {"@id": "#j", "@type": "Person", "name": "Jane Doe"},
        ]
    }
    assert fields(f'<script type="application/ld+json">{json.dumps(graph)}</script>').authors == ("Jane Doe",)


@pytest.mark.parametrize(
    ("href", "canonical"),
    [
        ("https://www.harbour-herald.test/news/ferry", "https://www.harbour-herald.test/news/ferry"),
        ("/news/ferry", "https://www.harbour-herald.test/news/ferry"),
        ("https://www.harbour-herald.test/", None),
        ("https://elsewhere.test/news/ferry", None),
        ("javascript:alert(1)", None),
        ("http://[::1", None),
    ],
)
def test_canonical(href, canonical):
    """Same site only, and never the home page."""
    assert fields(f'<link rel="canonical" href="{href}">').canonical_url == canonical


def test_an_amp_page_resolves_to_its_story():
    """A variant names the page it is a variant of."""
    found = fields(
        '<link rel="canonical" href="https://www.harbour-herald.test/news/ferry">',
        url="https://amp.harbour-herald.test/news/ferry",
    )
    assert found.canonical_url == "https://www.harbour-herald.test/news/ferry"


def test_what_a_feed_announced_fills_the_gaps():
    """A story without metadata takes what its feed said."""
    announced = Announced(
        "Ferry sails again", "Sun, 05 Apr 2026 07:08:09 +0200", None, ("Jane Doe",), ("ferry",), language="en"
    )
    found = fields(announced=announced)
    assert (found.title, found.authors, found.published.utc()) == (
        "Ferry sails again",
        ("Jane Doe",),
        "2026-04-05T05:08:09.000Z",
    )
    assert dict(found.sources)["title"] == "announced"


@pytest.mark.parametrize(
    "text",
    [
        '<!-- {"@type":"NewsArticle","headline":"Ferry sails"} -->',
        '{"@type":"NewsArticle","headline":"Ferry sails",}',
        '{"@type":"NewsArticle","headline":"Ferry sails"};',
        "{&quot;@type&quot;:&quot;NewsArticle&quot;,&quot;headline&quot;:&quot;Ferry sails&quot;}",
        '{"@type":"NewsArticle","x":"a\nb","headline":"Ferry sails"}',
        '[{"@type":"WebSite","name":"Harbour Herald"},{"@type":["Thing","NewsArticle"],"headline":"Ferry sails"}]',
        '{"@type":"NewsArticle","headline":"Ferry sails" "oops"}',
    ],
)
def test_broken_json_ld_is_read_leniently(text):
    """What publishers' templates break is repaired, or read by pattern."""
    assert fields(f'<script type="application/ld+json">{text}</script>').title == "Ferry sails"


def test_the_pages_own_node_is_chosen_among_several():
    """A list of other stories in JSON-LD does not lend its headline."""
    other = {
        "@type": "NewsArticle",
        "headline": "Another story",
        "url": "https://www.harbour-herald.test/other",
        "datePublished": "2026-01-01",
    }
    own = {"@type": "NewsArticle", "headline": "Ferry sails", "url": URL}
    assert fields(f'<script type="application/ld+json">{json.dumps([other, own])}</script>').title == "Ferry sails"


def test_site_labels_and_titles_that_are_nothing_else():
    """A title that is only the site's name is kept whole by the cutter, and not chosen by the chooser."""
    labels = titles.site_labels(["Harbour Herald"], "www.harbour-herald.test")
    assert titles.without_site("Harbour Herald", labels) == "Harbour Herald"
    assert (
        fields(
            '<meta property="og:title" content="Harbour Herald"><meta property="og:site_name" content="Harbour Herald">',
            "<h1>Ferry sails</h1>",
        ).title
        == "Ferry sails"
    )


def test_tags_section_language_image():
    """The lesser fields, cleaned."""
    head = '<meta property="article:section" content="Local"><meta name="keywords" content="ferry, pier,ferry">'
    head += '<meta property="og:image" content="/pier.jpg"><meta name="description" content="All &amp;amp; more">'
    found = fields(head)
    assert (found.section, found.tags, found.language) == ("Local", ("ferry", "pier"), "en")
    assert (found.image_url, found.description) == ("https://www.harbour-herald.test/pier.jpg", "All & more")
