"""Sitemaps, their indexes, lists of URLs and the lines of robots.txt."""

from __future__ import annotations

import gzip
import resource

import pytest

from crawler.discovery.discover import Discovered, Scope, discover, sitemaps_in_robots
from crawler.discovery.sitemaps import is_fresh
from storage.records import OLD, Announced, Kind, Link, Page

URL = "https://zeitung.example/sitemap.xml"
SCOPE = Scope.of("https://zeitung.example/")
NOW = "2026-03-03T12:00:00.000Z"
SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
IMAGE = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'


def read(body: str | bytes, content_type: str | None = None) -> Discovered:
    """What a sitemap leads to."""
    raw = body.encode() if isinstance(body, str) else body
    page = Page(url=URL, frontier_url=URL, fetched_at=NOW, status=200, content_type=content_type, body=raw)
    return discover(page, Kind.SITEMAP, SCOPE, NOW)


def urlset(entries: str, names: str = SITEMAP) -> str:
    """A sitemap."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {names}>{entries}</urlset>'


GOOGLE_NEWS = urlset(
    """<url><loc>https://zeitung.example/sport/ufuo-wa-mchezo</loc>
    <xhtml:link rel="alternate" hreflang="en" href="https://zeitung.example/en/x"/>
    <image:image><image:loc>/p.jpg</image:loc><image:title>Foto</image:title></image:image>
    <image:image><image:loc>https://zeitung.example/q.jpg</image:loc></image:image>
    <news:news><news:publication><news:name>Gazeti</news:name><news:language>sw</news:language></news:publication>
    <news:publication_date>2026-03-03T08:00:00+03:00</news:publication_date>
    <news:title>Ufuo wa mchezo &amp; zaidi</news:title><news:keywords>michezo, pwani , ,</news:keywords></news:news>
    <lastmod>2026-03-03</lastmod></url>""",
    f'{SITEMAP} {NEWS} {IMAGE} xmlns:xhtml="http://www.w3.org/1999/xhtml"',
)


def test_google_news() -> None:
    """Title, date, language and keywords travel with the link; picture titles and alternates do not."""
    found = read(GOOGLE_NEWS)
    assert found == Discovered(
        links=(
            Link(
                "https://zeitung.example/sport/ufuo-wa-mchezo",
                announced=Announced(
                    title="Ufuo wa mchezo & zaidi",
                    published="2026-03-03T08:00:00+03:00",
                    modified="2026-03-03",
                    tags=("michezo", "pwani"),
                    language="sw",
                ),
                priority=1,
            ),
        )
    )


@pytest.mark.parametrize(
    "names",
    ["", 'xmlns="http://www.google.com/schemas/sitemap/0.84"', 'xmlns="https://www.sitemaps.org/schemas/sitemap/0.9"'],
)
def test_namespaces_do_not_matter(names: str) -> None:
    """Old, wrong, missing and undeclared namespaces are read alike."""
    entry = "<url><loc> https://zeitung.example/a-b </loc><news:news><news:title>T</news:title></news:news></url>"
    said = read(urlset(entry, names)).links[0].announced
    assert said is not None
    assert said.title == "T"


def test_prefixed_elements() -> None:
    """A sitemap may give its own elements a prefix."""
    body = f"<s:urlset {SITEMAP.replace('xmlns', 'xmlns:s')}><s:url><s:loc>https://zeitung.example/a</s:loc></s:url></s:urlset>"
    assert [link.url for link in read(body).links] == ["https://zeitung.example/a"]


def test_fresh_pages_go_first() -> None:
    """What changed in the last three days has priority 1, older and undated pages the one of old pages."""
    days = {
        "2026-03-03": 1,
        "2026-02-28T23:00:00-05:00": 1,
        "2026-02-27": OLD,
        "2027-01-01": 1,
        "gestern": OLD,
        "2026-02-30": OLD,
    }
    entries = "".join(f"<url><loc>/{i}</loc><lastmod>{day}</lastmod></url>" for i, day in enumerate(days))
    assert [link.priority for link in read(urlset(entries + "<url><loc>/x</loc></url>")).links] == [*days.values(), OLD]
    assert not is_fresh(None, NOW)


def test_pages_that_are_no_articles() -> None:
    """A sitemap lists all pages of a site: those that say what they are are refused, short names are not."""
    reasons = {
        "/": "not-article-like: root",
        "/impressum": "not-article-like: impressum",
        "/tag/bruecken": "not-article-like: tag",
        "/autor/ana-lem": "not-article-like: autor",
        "/login": "not-article-like: login",
        "/bild.jpg": "media-file",
        "/bruecke": None,
        "/thema/bruecken/neu.html": None,
        "https://anderswo.example/a": "offsite",
    }
    found = read(urlset("".join(f"<url><loc>{path}</loc></url>" for path in reasons)))
    assert [link.refused for link in found.links] == list(reasons.values())


def test_index_brings_the_newest_first() -> None:
    """Fresh and news sitemaps have priority 0, undated ones 1, the archive that of old pages, newest first within each."""
    children = [
        ("/2019-05.xml", "2019-05-31"),
        ("/pages.xml", ""),
        ("/2026-02.xml.gz", "2026-02-20T10:00:00Z"),
        ("/news.xml", "2026-02-01"),
        ("/2026-03.xml", "2026-03-03"),
        ("https://maps.zeitung.example/x.xml", "2026-03-02"),
        ("https://anderswo.example/x.xml", ""),
    ]
    entries = "".join(
        f"<sitemap><loc>{loc}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</sitemap>" for loc, day in children
    )
    found = read(f"<sitemapindex {SITEMAP}>{entries}</sitemapindex>")
    assert [(link.url.rpartition("/")[2], link.priority) for link in found.seeds] == [
        ("2026-03.xml", 0),
        ("x.xml", 0),
        ("news.xml", 0),
        ("pages.xml", 1),
        ("2026-02.xml.gz", OLD),
        ("2019-05.xml", OLD),
    ]
    assert {link.kind for link in found.seeds} == {Kind.SITEMAP}
    assert found.seeds[0].announced == Announced(modified="2026-03-03")
    assert [(link.url, link.kind, link.refused) for link in found.links] == [
        ("https://anderswo.example/x.xml", Kind.SITEMAP, "offsite")
    ]


@pytest.mark.parametrize("layers", [1, 2])
def test_gzip(layers: int) -> None:
    """A .gz file that the server compressed once more is read as well."""
    body = GOOGLE_NEWS.encode()
    for _ in range(layers):
        body = gzip.compress(body)
    assert read(body) == read(GOOGLE_NEWS)


def test_gzip_that_ends_early_or_late() -> None:
    """What a torn file still gives is taken and the damage named; padding behind the end is none."""
    entries = "".join(f"<url><loc>/{i}-{i * 7919}</loc></url>" for i in range(3000))
    body = gzip.compress(urlset(entries).encode())
    torn = read(body[: len(body) // 2])
    assert torn.problem == "damaged"
    assert 0 < len(torn.links) < 3000
    padded = read(body + b"\x00" * 512)
    assert padded.problem is None
    assert len(padded.links) == 3000


def test_text_sitemap() -> None:
    """One URL a line, in any line ending; other lines are no URLs."""
    found = read("\ufeffhttps://zeitung.example/a\r\nhttps://zeitung.example/b\n\n# x\nHTTPS://zeitung.example/c ")
    assert [link.url[-1] for link in found.links] == ["a", "b", "c"]
    assert {link.priority for link in found.links} == {OLD}


def test_feed_as_sitemap() -> None:
    """Google takes feeds for sitemaps, so publishers give feeds as sitemaps."""
    found = read("<rss><channel><item><link>/a</link><title>A</title></item></channel></rss>")
    assert found.links == (Link("https://zeitung.example/a", announced=Announced(title="A")),)


def test_at_most_fifty_thousand_entries() -> None:
    """The protocol's limit holds, and what was left out is said; the pages read stay few in memory."""
    entries = "".join(f"<url><loc>/{i}</loc></url>" for i in range(50_010))
    found = read(urlset(entries))
    assert len(found.links) == 50_000
    assert found.problem == "too-many-entries: 50000 read"


def test_ampersands_and_escapes_in_urls() -> None:
    """Lone and doubled ampersands are what was meant."""
    entries = (
        "<url><loc>/a?x=1&y=2</loc></url><url><loc>/b?x=1&amp;y=2</loc></url><url><loc>/c?x=1&amp;amp;y=2</loc></url>"
    )
    assert [link.url[-8:] for link in read(urlset(entries)).links] == ["?x=1&y=2"] * 3


def test_a_bomb_ends_at_the_limit() -> None:
    """A gigabyte out of a megabyte is not unpacked, and memory does not grow with it."""
    block = gzip.compress(b" " * (1 << 24), 9)
    body = gzip.compress(urlset("<url><loc>/a</loc></url>")[:-9].encode()) + block * 64
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read(body)
    assert found.problem == "too-large"
    assert [link.url for link in found.links] == ["https://zeitung.example/a"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


@pytest.mark.parametrize(
    "body",
    [
        "<urlset>" + "<x/>" * 1_000_000,
        "<urlset>" + "<x>" * 1_000_000,
        "<urlset>" + "<url/>" * 500_000,
        "<urlset>" + "&" * 5_000_000,
        "<urlset>" + "<![CDATA[" * 500_000,
        "<urlset><url><loc>" + "a" * 20_000_000,
    ],
)
def test_hopeless_files_end_soon(body: str) -> None:
    """Endless elements, nesting and ampersands cost little and raise nothing."""
    assert read(body).problem is not None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty"),
        (b"<html><title>404</title></html>", "not-a-sitemap: html"),
        (b"Not found", "not-a-sitemap: text"),
        (b"{}", "not-a-feed: json"),
        (b"<urlset></urlset>", "no-entries"),
        (b"<urlset><url></url><url><loc> </loc></url></urlset>", "no-entries"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><urlset><url><loc>/a</loc></url></urlset>', "entity-declarations"),
        (b"\x1f\x8b\x08\x00broken", "empty"),
    ],
)
def test_problems(body: bytes, problem: str) -> None:
    """What is no sitemap is named."""
    assert read(body).problem == problem


ROBOTS = """\ufeffSitemap: https://zeitung.example/news.xml  # the news
User-agent: *
Disallow: /intern
sitemap : /pages.xml
SITEMAP:https://maps.zeitung.example/x.xml
Sitemap: https://anderswo.example/x.xml
Sitemap: mailto:x
Sitemap:
# Sitemap: /commented.xml
Sitemap: /news.xml
"""


@pytest.mark.parametrize("body", [ROBOTS, ROBOTS.encode(), ROBOTS.replace("\n", "\r\n")])
def test_lines_of_robots_txt(body: str | bytes) -> None:
    """Every spelling of the line; relative ones too; each sitemap once; those elsewhere are refused."""
    links = sitemaps_in_robots(body, "https://zeitung.example/robots.txt", SCOPE)
    assert [(link.url, link.refused) for link in links] == [
        ("https://zeitung.example/news.xml", None),
        ("https://zeitung.example/pages.xml", None),
        ("https://maps.zeitung.example/x.xml", None),
        ("https://anderswo.example/x.xml", "offsite"),
    ]
    assert {(link.kind, link.priority) for link in links} == {(Kind.SITEMAP, 0)}


def test_thousands_of_sitemaps_do_not_come_before_the_stories() -> None:
    """Of many sitemaps in robots.txt or fresh in an index the first hundred are urgent; the others wait, none is lost."""
    urls = [f"https://zeitung.example/s{n}.xml" for n in range(300)]
    lines = sitemaps_in_robots("".join(f"Sitemap: {url}\n" for url in urls), "https://zeitung.example/robots.txt", SCOPE)
    entries = "".join(f"<sitemap><loc>{url}</loc><lastmod>{NOW[:10]}</lastmod></sitemap>" for url in urls)
    for seeds in (lines, read(f"<sitemapindex {SITEMAP}>{entries}</sitemapindex>").seeds):
        assert [link.url for link in seeds] == urls
        assert [link.priority for link in seeds] == [0] * 100 + [OLD] * 200


def test_robots_page() -> None:
    """The door reads a robots.txt too."""
    url = "https://zeitung.example/robots.txt"
    page = Page(url=url, frontier_url=url, fetched_at=NOW, status=200, content_type=None, body=ROBOTS.encode())
    found = discover(page, Kind.ROBOTS, SCOPE, NOW)
    assert len(found.seeds) == 3
    assert len(found.links) == 1
