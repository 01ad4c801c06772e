"""Which URLs look like articles, by themselves and by how they are linked."""

from __future__ import annotations

import pytest

from crawler.discovery.shapes import Anchor, _words_of, is_section, listed_refusal, media_refusal, refusal
from storage.urlkey import canonical

HOST = "https://zeitung.example"

ARTICLES = [
    "/2026/03/03/hochwasser",
    "/politik/2026-03-03/bruecke/",
    "/20260303-bruecke",
    "/2026/mar/03/bridge",
    "/03/03/2026/most",
    "/03-2026/most",
    "/archiv/2026_03_most.html",
    "/politik/die-neue-bruecke-wird-teurer",
    "/politik/bruecke-4711123.html",
    "/4711123/bruecke",
    "/a-123456",
    "/bruecke-ld.1161246",
    "/die-bruecke-am-fluss/artikel",
    "/article/bridge",
    "/noticias/puente",
    "/nota/822",
    "/822",
    "/berichte/718",
    "/bericht-1026",
    "/most/AST1F4445T1FUTIL02SM.html",
    "/n/3f2b8c1e-9a4d-4c7e-8a51-0123456789ab",
    "/?p=2895",
    "/index.php?id=4711",
    "/view.php?newsID=c3aa546f-24d3-4b47-9c0c-59db58b2f725",
    "/news_view.htm?lang=e&Seq_Code=181595",
    "/region/neue-bruecke",
    "/neue-bruecke.html",
    "/blog/bruecke",
    "/Ein_Haus_am_See",
    "/Neue%20Br%C3%BCcke%20offen",
    "/TransformationslaborNeueWege.html",
    "/%D0%BD%D0%BE%D0%B2%D1%8B%D0%B9-%D0%BC%D0%BE%D1%81%D1%82-%D1%87%D0%B5%D1%80%D0%B5%D0%B7-%D1%80%D0%B5%D0%BA%D1%83",
    "/新しい橋が川に完成しました",
    "/الجسر-الجديد-على-النهر",
    "/נפתח-הגשר-החדש",
    "/सेतु-का-उद्घाटन",
    "/donaudampfschifffahrtsgesellschaft",
    "/thema/bruecken/die-neue-bruecke-ist-offen",
    "/tema/bro/den-nye-broen-er-apen/81717808",
    "/category/region/2026/03/03/hochwasser",
    "/autoren/ana-lem/warum-die-bruecke-nicht-haelt",
    "/columnists/202603031077343476-the-bridge-again",
    "/story/index.html?storyid=12",
    "/newsletter/am-morgen-12345",
]

OTHERS = {
    "/": "root",
    "/index.html": "root",
    "/?utm=x": "root",
    "/politik": "short-slug",
    "/politik/": "short-slug",
    "/sport/index.html": "short-slug",
    "/impressum": "impressum",
    "/de/impressum.html": "impressum",
    "/service/kontakt/index.php": "kontakt",
    "/about-us": "about-us",
    "/about_us": "about-us",
    "/2026/03/03/contact-us": "contact-us",
    "/%D0%BA%D0%BE%D0%BD%D1%82%D0%B0%D0%BA%D1%82%D1%8B": "контакты",
    "/会社概要": "会社概要",
    "/من-نحن": "من-نحن",
    "/hakkımızda-kunye/künye": "künye",
    "/quiénes-somos": "quiénes-somos",
    "/chi-siamo": "chi-siamo",
    "/login?next=/a": "login",
    "/login/neues-passwort-fuer-alle-12345": "login",
    "/shop/tasse-mit-bruecke-und-fluss-12345": "shop",
    "/tag/die-neue-bruecke": "tag",
    "/tags/12345": "tags",
    "/autor/ana-lem-123456": "autor",
    "/author/ana": "author",
    "/themen/bruecke-12345.html": "themen",
    "/category/region/": "category",
    "/kategorie/region/stadt": "kategorie",
    "/suche?q=bruecke": "search",
    "/?s=bruecke": "search",
    "/politik?page=2": "paging",
    "/neue-bruecke-im-bau?page=2": "paging",
    "/politik/seite/3": "paging",
    "/politik/page-3": "paging",
    "/neue-bruecke-im-bau/comment-page-1": "paging",
    "/neue-bruecke-im-bau?share=mail": "variant",
    "/neue-bruecke-im-bau?replytocom=12": "variant",
    "/2026/03/": "date-archive",
    "/2026/03/03/": "date-archive",
    "/archiv/2026": "date-archive",
    "/wp-content/uploads/2026/03/x-y-z": "wp-content",
}

MEDIA = ["/a.jpg", "/2026/03/03/bericht.PDF", "/wp-content/x.mp4", "/feed.xml", "/ton.mp3?x=1", "/karte.kmz"]


@pytest.mark.parametrize("path", ARTICLES)
def test_articles_by_url_alone(path: str) -> None:
    """Dates, numbers, long names, words for articles: in any script."""
    assert refusal(canonical(HOST + path)) is None


@pytest.mark.parametrize(("path", "why"), OTHERS.items())
def test_others_by_url_alone(path: str, why: str) -> None:
    """Front, legal, account, list, paging and archive pages, in many languages, with the word that gave them away."""
    assert refusal(canonical(HOST + path)) == f"not-article-like: {why}"


@pytest.mark.parametrize("path", MEDIA)
def test_media_files(path: str) -> None:
    """Pictures, films, documents and feeds are told by their extension."""
    assert refusal(canonical(HOST + path)) == "media-file"
    assert listed_refusal(canonical(HOST + path)) == "media-file"
    assert media_refusal(canonical(HOST + path)) == "media-file"


@pytest.mark.parametrize(
    ("path", "anchor", "why"),
    [
        ("/bruecke", Anchor("Brücke"), "short-slug"),
        ("/bruecke", Anchor(""), "no-text"),
        ("/bruecke", Anchor("Brücke", prominent=True), None),
        ("/bruecke", Anchor("Die neue Brücke ist da"), None),
        ("/bruecke", Anchor("Brückeneinweihungsfeierlichkeiten"), None),
        ("/hashi", Anchor("新しい橋が川に完成"), None),
        ("/neue-bruecke", Anchor("Brücke"), "short-slug"),
        ("/region/neue-bruecke", Anchor("Brücke"), None),
        ("/region/neue-bruecke", Anchor("Brücke", menu=True), "menu"),
        ("/region/rund-um-den-fluss", Anchor("Am Fluss", menu=True), "menu"),
        ("/region/so-schoen-ist-die-neue-bruecke", Anchor("Am Fluss", menu=True), None),
        ("/story/die-neue-bruecke", Anchor("Brücke", menu=True), None),
        ("/region/neue-bruecke", Anchor("Die neue Brücke ist da", menu=True), None),
        ("/region/bruecke-471112", Anchor("Brücke", menu=True), None),
        ("/die-neue-bruecke-ist-da", Anchor("x", rel=frozenset({"tag", "nofollow"})), "tag"),
        ("/impressum", Anchor("Die neue Brücke ist da", prominent=True), "impressum"),
    ],
)
def test_how_a_link_is_placed(path: str, anchor: Anchor, why: str | None) -> None:
    """Headlines lift short names, menus sink labels, numbers and dates hold anywhere."""
    assert refusal(HOST + path, anchor) == (why and f"not-article-like: {why}")


def test_expected_urls_need_no_shape() -> None:
    """What the owner of a source allows is refused only for what it says it is."""
    assert refusal(f"{HOST}/x", Anchor("", menu=True), expected=True) is None
    assert refusal(f"{HOST}/impressum", expected=True) == "not-article-like: impressum"


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/x", None),
        ("/thema/x/y", None),
        ("/thema", "thema"),
        ("/tag/x", "tag"),
        ("/", "root"),
        ("/x?page=2", "paging"),
    ],
)
def test_listed_in_a_sitemap(path: str, refused: str | None) -> None:
    """A sitemap's word is taken for short names."""
    assert listed_refusal(HOST + path) == (refused and f"not-article-like: {refused}")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("/politik", "Politik", True),
        ("/sport/fussball/", "Fußball", True),
        ("/kultur.html", "Kultur", True),
        ("/de", "Deutsch", True),
        ("/category/region", "Region", True),
        ("/политика", "Политика", True),
        ("/category", "Alle", False),
        ("/impressum", "Impressum", False),
        ("/login", "Anmelden", False),
        ("/tag/fluss", "Fluss", False),
        ("/a/b/c", "Tief", False),
        ("/politik?x=1", "Politik", False),
        ("/die-neue-bruecke-ist-da", "Brücke", False),
        ("/bericht-4711", "Bericht", False),
        ("/politik", "", False),
        ("/politik", "Alles, was in der Politik geschieht", False),
        ("/wetter.pdf", "Wetter", False),
        ("/", "Start", False),
    ],
)
def test_sections(path: str, text: str, expected: bool) -> None:
    """Short paths with a label, no lists of tags, no legal pages, no stories."""
    assert is_section(canonical(HOST + path), Anchor(text, menu=True)) is expected


def test_the_word_lists_are_well_formed() -> None:
    """Words are written as they are compared, and none is in the list of articles' own words."""
    groups = _words_of("paths.txt")
    assert set(groups) == {"area", "page", "list", "paging", "section"}
    for words in groups.values():
        assert words
        for word in words:
            assert word == word.casefold()
            assert not set(word) & set("_/ ?#%")
    assert set(_words_of("files.txt")) == {"media", "page"}
    assert not _words_of("files.txt")["media"] & _words_of("files.txt")["page"]
