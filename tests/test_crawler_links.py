"""Home and section pages: which links are taken, which are refused and why, which seeds a home page gives."""

from __future__ import annotations

import time

import pytest

from crawler.discovery.discover import Discovered, Scope, discover
from storage.records import Kind, Link, Page

HOME = "https://www.zeitung.example/"
SCOPE = Scope.of(HOME)
NOW = "2026-03-03T12:00:00.000Z"


def read(
    body: str | bytes, kind: Kind = Kind.HOME, scope: Scope = SCOPE, url: str = HOME, content_type: str | None = None
) -> Discovered:
    """What a page leads to."""
    raw = body.encode() if isinstance(body, str) else body
    page = Page(url=url, frontier_url=url, fetched_at=NOW, status=200, content_type=content_type, body=raw)
    return discover(page, kind, scope, NOW)


def reasons(found: Discovered) -> dict[str, str | None]:
    """Path of each link and why it was refused."""
    return {link.url.removeprefix("https://www.zeitung.example"): link.refused for link in found.links}


FRONT = """<!doctype html><html lang="de"><head><meta charset="utf-8"><title>Die Zeitung &amp; ihr Netz</title>
<link rel="alternate" type="application/rss+xml" title="Alles" href="/feeds/alles.xml">
<link rel="alternate" type="application/atom+xml" href="https://feeds.zeitung.example/atom">
<link rel="alternate" type="application/rss+xml" href="https://sammler.example/zeitung">
<link rel="alternate" type="application/rss+xml" title="Zeitung &raquo; Kommentar-Feed" href="/comments/feed/">
<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/2">
<link rel="alternate" type="application/json" href="/feed.json">
<link rel="alternate" hreflang="en" href="/en/"><link rel="canonical" href="/kanonisch-ist-kein-link">
<link rel="sitemap" href="/sitemap.xml"></head><body>
<header><a href="/"><img alt="Zeitung"></a>
<nav><ul><li><a href="/politik/">Politik</a><li><a href="/sport/fussball">Fußball</a><li><a href="/kultur">Kultur</a>
<li><a href="/themen/">Themen</a><li><a href="/abo">Abo</a><li><a href="/suche?q=">Suche</a>
<li><a href="/kategorie/wirtschaft">Wirtschaft</a><li><a href="/tag/bruecken">Brücken</a>
<li><a href="https://anderswo.example/job">Stellen</a><li><a href="/rss">RSS</a>
<li><a href="/politik/die-neue-bruecke-wird-teurer-als-gedacht">Die neue Brücke wird teurer als gedacht</a></ul></nav>
</header><main>
<article><h2><a href="/region/bruecke">Brücke</a></h2><a href="/region/bruecke#kommentare">3</a></article>
<div class="teaser"><a href="/2026/03/03/hochwasser">Pegel</a> <a href="meldung-4711.html">Kurz</a>
<a href="/kurz">Warum am Fluss niemand mehr wohnen will</a> <a href="/politik/">Mehr Politik</a>
<a href="/autor/ana-lem">Ana Lem</a> <a rel="tag" href="/was/immer/es-auch-sei-hier">x</a> <a href="/x"><img></a>
<a href="/bild.jpg">Bild</a> <a href="mailto:post@zeitung.example">Post</a> <a href="#oben">oben</a> <a>leer</a>
<a href="/region/?page=2">weiter</a> <a href="/verlag/feed.xml">Feed</a></div></main>
<footer><a href="/impressum">Impressum</a><a href="/unser-haus">Unser Haus</a><a href="javascript:void(0)">Cookies</a>
</footer></body></html>"""


def test_a_front_page() -> None:
    """Stories pass, all else is refused with its reason, nothing is lost."""
    assert reasons(read(FRONT)) == {
        "https://sammler.example/zeitung": "offsite",
        "/themen/": "not-article-like: themen",
        "/abo": "not-article-like: abo",
        "/suche?q=": "not-article-like: search",
        "/tag/bruecken": "not-article-like: tag",
        "https://anderswo.example/job": "offsite",
        "/rss": "not-article-like: rss",
        "/politik/die-neue-bruecke-wird-teurer-als-gedacht": None,
        "/region/bruecke": None,
        "/2026/03/03/hochwasser": None,
        "/meldung-4711.html": None,
        "/kurz": None,
        "/autor/ana-lem": "not-article-like: autor",
        "/was/immer/es-auch-sei-hier": "not-article-like: tag",
        "/x": "not-article-like: no-text",
        "/bild.jpg": "media-file",
        "/region/?page=2": "not-article-like: paging",
        "/impressum": "not-article-like: impressum",
        "/unser-haus": "not-article-like: menu",
    }


def test_seeds_of_a_front_page() -> None:
    """Feeds that the head declares or a link names, the sitemap, sections of the menu; no feed of comments."""
    seeds = [(link.kind, link.url.removeprefix("https://www.zeitung.example")) for link in read(FRONT).seeds]
    assert seeds == [
        (Kind.FEED, "/feeds/alles.xml"),
        (Kind.FEED, "https://feeds.zeitung.example/atom"),
        (Kind.FEED, "/feed.json"),
        (Kind.SITEMAP, "/sitemap.xml"),
        (Kind.FEED, "/verlag/feed.xml"),
        (Kind.SECTION, "/politik/"),
        (Kind.SECTION, "/sport/fussball"),
        (Kind.SECTION, "/kultur"),
        (Kind.SECTION, "/kategorie/wirtschaft"),
    ]
    assert {link.priority for link in read(FRONT).seeds} == {0}


def test_title_and_what_is_no_page() -> None:
    """The title is kept; addresses that can never be fetched stand apart."""
    found = read(FRONT)
    assert found.title == "Die Zeitung & ihr Netz"
    assert [(link.url, link.refused) for link in found.unusable] == [
        ("mailto:post@zeitung.example", "invalid-url: scheme"),
        ("javascript:void(0)", "invalid-url: scheme"),
    ]


def test_a_section_page_gives_articles_only() -> None:
    """Feeds and sections are looked for on the home page alone."""
    found = read(FRONT, Kind.SECTION)
    assert found.seeds == ()
    assert reasons(found)["/2026/03/03/hochwasser"] is None
    assert reasons(found)["/sport/fussball"] == "not-article-like: menu"


def test_at_most_forty_sections() -> None:
    """A menu of hundreds does not become hundreds of seeds."""
    menu = "".join(f'<a href="/ressort-{chr(97 + i // 26)}{chr(97 + i % 26)}">Teil {i}</a>' for i in range(100))
    found = read(f"<nav>{menu}</nav>")
    assert len(found.seeds) == 40
    assert len(found.links) == 60


@pytest.mark.parametrize(
    "box",
    [
        "<nav>{}</nav>",
        "<header><div>{}</div></header>",
        '<div class="site main-nav">{}</div>',
        '<ul id="hauptmenu"><li>{}</ul>',
        '<div class="topMenu">{}</div>',
        '<ul role="menubar">{}</ul>',
        '<div class="navbar">{}</div>',
    ],
)
def test_menus(box: str) -> None:
    """Tags, roles, classes and identifiers that mean navigation."""
    found = read(box.format('<a href="/kultur">Kultur</a>'))
    assert [link.kind for link in found.seeds] == [Kind.SECTION]


@pytest.mark.parametrize(
    "box",
    [
        "<div>{}</div>",
        "<footer>{}</footer>",
        '<div class="has-nav">{}</div>',
        '<div class="navy unavailable">{}</div>',
        '<body class="with-menu">{}</body>',
        "<article><header>{}</header></article>",
        "<nav><article>{}</article></nav>",
    ],
)
def test_what_is_no_menu(box: str) -> None:
    """Footers, states of a page and headers of stories are no menus."""
    assert read(box.format('<a href="/kultur">Kultur</a>')).seeds == ()


def test_all_anchors_of_a_page_count_together() -> None:
    """A picture without text and a headline elsewhere are one link."""
    found = read('<nav><a href="/x"><img></a></nav><h3><a href="/x">Ein Haus am See</a></h3><a href="/x#k">2</a>')
    assert reasons(found) == {"/x": None}


def test_text_in_attributes_and_inside_headings() -> None:
    """aria-label and title stand in for missing text; a heading inside the link counts; scripts are no text."""
    body = """<a href="/a" aria-label="Warum der Fluss so hoch steht"></a><a href="/b"><h4>Kurz</h4></a>
    <a href="/c"><style>.a { color: red; margin: 0 0 0 0 }</style>Kurz</a>"""
    assert reasons(read(body)) == {"/a": None, "/b": None, "/c": "not-article-like: short-slug"}


def test_the_section_that_a_card_names_is_no_story() -> None:
    """Inside an <article> only the headline is the story."""
    card = '<article><a href="/region">Region</a><h3><a href="/fluss">Am Fluss</a></h3></article>'
    assert reasons(read(card)) == {"/region": "not-article-like: short-slug", "/fluss": None}


def test_base_and_relative_links() -> None:
    """<base> holds for all links, also when it is relative; a broken one is passed over."""
    link = '<h2><a href="neu">x</a></h2>'
    assert reasons(read(f'<base href="/archiv/">{link}')) == {"/archiv/neu": None}
    assert reasons(read(f'<base target="x"><base href="https://zeitung.example/b/c">{link}')) == {
        "https://zeitung.example/b/neu": None
    }
    assert reasons(read(f'<base href="mailto:x">{link}')) == {"/neu": None}


def test_scope_comes_first() -> None:
    """The patterns deny and allow decide before the shape does, and an allowed URL needs no shape."""
    scope = Scope.of(HOME, allow=[r"/s/\w+$", "https://blog.zeitung.example/"], deny=["/s/intern"])
    urls = ["/s/a", "/s/intern", "/2026/03/03/x-y", "https://blog.zeitung.example/a", "/s/a.pdf", "/s/impressum"]
    found = read("".join(f'<a href="{url}">x</a>' for url in urls), scope=scope)
    assert list(reasons(found).values()) == [
        None,
        "denied",
        "not-allowed",
        None,
        "not-allowed",
        "not-article-like: impressum",
    ]


def test_the_page_itself_is_no_link() -> None:
    """Links to the page they stand on are left out, whatever their scheme."""
    found = read('<a href="">x</a><a href="?">y</a><a href="http://www.zeitung.example/">z</a>')
    assert found.links == ()
    assert found.problem == "no-links"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<h2><a href='/über'>x</a></h2>".encode(), None),
        ("<meta charset=windows-1252><h2><a href='/über'>x</a></h2>".encode("cp1252"), None),
        ("<h2><a href='/über'>x</a></h2>".encode("cp1252"), "text/html; charset=ISO-8859-1"),
        ("\ufeff<h2><a href='/über'>x</a></h2>".encode("utf-16"), None),
    ],
)
def test_encodings(body: bytes, content_type: str | None) -> None:
    """Non-ASCII links are read in the encoding of the page."""
    assert list(reasons(read(body, content_type=content_type))) == ["/%C3%BCber"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("", "empty"),
        ("<html><body><div id=root></div><script src=x></script></body></html>", "no-links"),
        ('{"a": 1}', "not-a-page: json"),
        (bytes(range(256)) * 8, "not-a-page: binary"),
        ("<a href='/x'>x</a>" * 10_001, "too-many-links: 10000 read"),
    ],
)
def test_problems(body: str | bytes, problem: str) -> None:
    """What keeps a page from being read is named."""
    assert read(body).problem == problem


def test_a_feed_where_a_home_page_was_expected() -> None:
    """The address of a source may be a feed."""
    found = read("<rss><channel><item><link>/a</link></item></channel></rss>")
    assert found.links[0].url == "https://www.zeitung.example/a"


STORY = '<h2><a href="/ein-langer-name-zum-schluss">x</a></h2>'


@pytest.mark.parametrize(
    "body",
    [
        STORY + "<div>" * 100_000,
        "<div>" * 50_000 + STORY + "<div>" * 50_000,
        STORY + "<b><a href='/x'>" * 100_000,
        STORY + "<div><a href='/x'>" * 100_000,
        STORY + "<p>" + "x" * 10_000_000,
        STORY + '<a href="' + "x" * 10_000_000 + '">x</a>',
        STORY + "<p class='" + "menu " * 1_000_000 + "'><a href=/x>x</a>",
        STORY + "".join(f"<a href='/{'a1' * 3900}{i}'>x</a>" for i in range(100)),
        STORY + "".join(f"<a href='/{'-a' * 1900}?id={'a1' * 1900}{i}'>x</a>" for i in range(100)),
        STORY.replace("x</a>", "\x00</a>") + "<p>" * 50 + "\x00\x1b",
    ],
)
def test_hostile_pages(body: str) -> None:
    """Deep nesting, endless lines and monstrous links neither crash nor cost much, and the story is found."""
    started = time.process_time()
    assert Link("https://www.zeitung.example/ein-langer-name-zum-schluss") in read(body).links
    assert time.process_time() - started < 10
