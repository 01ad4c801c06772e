"""Whether a page is an article; if not, why. Pure.

Signals are general: status, bytes, shape, declared types, words in many languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from pipelines import words
from pipelines.decode import unmarked_wide
from pipelines.jsonld import LISTING_TYPES, Graph, types_of
from pipelines.normalize import fold, words_in
from pipelines.tree import MAX_WALK, text_of
from storage.records import Page

MIN_WORDS = 25  # fewer are no article, unless the page declares one
MIN_DECLARED_WORDS = 10
MIN_LISTED = 5  # headlines and teasers of other pages in the text of a list
MIN_OWN_WORDS = 60  # beside them; with more, there is a story too
TEASER_WORDS = 40  # a paragraph of a story has more, on average
FEW_WORDS = 130  # a wall, a challenge or a soft 404 says no more than this
MAX_TEASER = 250  # words before a paywall; to search longer pages costs more than it tells
_LABEL = 15  # characters; a headline has more
_PROSE = 120  # characters; a paragraph of a story has more
_MAX_TOLD = 2_000
_MARKUP_TYPES = ("html", "xml", "text/plain", "octet-stream", "unknown")
_MAGIC = (
    b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"PK\x03\x04", b"\x1f\x8b", b"OggS", b"ID3",
    b"\x00\x00\x01\x00", b"wOFF", b"BZh", b"7z\xbc", b"MZ",
)  # fmt: skip
_NOISE = bytes({*range(1, 32), 127} - {*b"\t\n\f\r\x1b"})
_INDEX_TITLE = re.compile(r"Index of /", re.IGNORECASE)
_MARKUP = re.compile(
    rb"<\s*(?:!doctype|html|head|body|meta|title|div|p|article|section|span|h1|a|br|table|script)\b", re.IGNORECASE
)
_FEED = re.compile(
    rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*+<(?:rss|feed|rdf:RDF|urlset|sitemapindex|svg)\b",
    re.IGNORECASE | re.DOTALL,
)
# XML of another kind than HTML; JSON, also as the argument of a callback.
_OTHER_XML = re.compile(
    rb"\s*+<\?xml[^>]*+>\s*+(?:(?><!--.*?-->|<\?.*?\?>)\s*+)*+"
    rb"<(?!!|(?:[\w.-]++:)?(?:html|head|body|title|meta|div|p|article|section|main|h1)\b)[a-z_]",
    re.IGNORECASE | re.DOTALL,
)
_JSON = re.compile(rb"(?:[\w$.]{1,60}+\s*+\(\s*+)?(?:\[\s*+)*+\{\s*+(?:\"[^\"<>]{0,200}+\"\s*+:|\})")
_DOCUMENT = re.compile(rb"(?:(?><!--.*?-->)\s*+)*+<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_REFRESH = re.compile(r"^\s*+\d*+\.?\d*+\s*+[;,]\s*+url\s*+=", re.IGNORECASE)
_ROOT_APP = frozenset({"root", "app", "__next", "__nuxt", "react-root", "app-root", "main-app", "svelte", "ember-app"})
_ARTICLE_TYPE = re.compile(r"Article$|^(?:BlogPosting|LiveBlogPosting|Report|Review|Recipe)$")
_INDEX_PATH = re.compile(r"/(?:index|home|default|start|startseite|accueil|inicio)?(?:\.\w{2,5})?$", re.IGNORECASE)
_HEADLINES = ("h2", "h3", "h4")
_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "option", "textarea", "iframe"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What a page consists of; lengths in characters."""

    text: int = 0
    linked: int = 0  # text inside links
    prose: int = 0  # unlinked text of long paragraphs that do not stand below a linked headline, as teasers do
    headlines: int = 0  # headings that are links, or links that hold a heading
    headings: tuple[str, ...] = ()  # texts of the first h1 and h2
    password: bool = False
    form_fields: int = 0
    app_root: bool = False
    told: tuple[str, ...] = ()  # what links and the teasers below them say; labels left out
    refresh: bool = False
    noscript: str = ""
    words: str = ""  # the visible text, at most 20,000 characters

    def retold(self) -> frozenset[str]:
        """What links and teasers say, folded; what is as long as a paragraph of a story left out."""
        return frozenset(fold(said) for said in self.told if words_in(said[:1_000]) <= TEASER_WORDS)


def served(page: Page) -> str | None:
    """Why what was served cannot be an article page, judged before parsing: http-404, empty, not-html; else None."""
    if page.status not in (200, 203):
        return f"http-{page.status}"
    if not page.body.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        return "empty"
    declared = (page.content_type or "").split(";")[0].strip().lower()
    if declared and not any(kind in declared for kind in _MARKUP_TYPES) and not _MARKUP.search(page.body[:4_096]):
        return "not-html"
    return "not-html" if _other_bytes(page.body) else None


def _other_bytes(body: bytes) -> bool:
    """Whether bytes served as a page are an image, a PDF, an archive, JSON or a feed."""
    start = body[:65_536].lstrip(b" \t\r\n\xef\xbb\xbf")
    if start.startswith(_MAGIC) or start[4:8] == b"ftyp" or _JSON.match(start):
        return True
    if _FEED.match(start[:4_096]) or _OTHER_XML.match(start[:4_096]):
        return True
    if _DOCUMENT.match(start):
        return False
    wide = body[:2] in (b"\xff\xfe", b"\xfe\xff") or unmarked_wide(body) is not None
    if not wide and len(start) - len(start.translate(None, _NOISE)) > len(start) // 50:
        return True  # some `<p` or `<a` is found in any noise
    if _MARKUP.search(start):
        return False
    return (
        start[:1] in (b"{", b"[")
        or (not wide and start.count(b"\x00") > len(start) // 50)
        or (not wide and b"<" not in start)
    )


@dataclass(slots=True)
class _Tally:
    text: int = 0
    linked: int = 0
    prose: int = 0
    headlines: int = 0
    form_fields: int = 0
    password: bool = False
    app_root: bool = False
    refresh: bool = False
    told: dict[str, None] = field(default_factory=dict)
    headings: dict[str, list[str]] = field(default_factory=lambda: {"title": [], "h1": [], "h2": []})
    noscript: list[str] = field(default_factory=list)


def shape(tree: HtmlElement) -> Shape:
    """The shape of a parsed page, in one walk."""
    tally, pieces = _Tally(), list[str]()
    for element in islice(tree.iter(), MAX_WALK):
        tag = element.tag
        if reader := _READERS.get(tag):
            reader(tally, element)
        if tag in _SKIPPED:
            tally.text += len((element.tail or "").strip())
            continue
        if (piece := element.text) and (piece := piece.strip()):
            pieces.append(piece)
        if (piece := element.tail) and (piece := piece.strip()):
            pieces.append(piece)
    return Shape(
        tally.text + sum(map(len, pieces)),
        tally.linked,
        tally.prose,
        tally.headlines,
        tuple(text for texts in tally.headings.values() for text in texts if text),
        tally.password,
        tally.form_fields,
        tally.app_root,
        tuple(tally.told),
        tally.refresh,
        " ".join(tally.noscript),
        " ".join(piece[:2_000] for piece in pieces[:1_500])[:20_000],
    )


def _count_link(tally: _Tally, link: HtmlElement) -> None:
    said = text_of(link, 2_000)
    size = len(said)
    tally.linked += size
    if size > _LABEL:
        if not (link.get("href") or "#").startswith("#"):
            _tell(tally, said)
        tally.headlines += len(link) > 0 and next(link.iter(*_HEADLINES), None) is not None


def _tell(tally: _Tally, said: str) -> None:
    if len(said) > _LABEL and len(tally.told) < _MAX_TOLD:
        tally.told[said] = None


def _count_paragraph(tally: _Tally, paragraph: HtmlElement) -> None:
    if _below_linked_headline(paragraph):
        _tell(tally, text_of(paragraph, 2_000))
        return
    own = len(text_of(paragraph, 20_000))
    if own > _PROSE:
        own -= sum(len(text_of(link, 2_000)) for link in paragraph.iter("a"))
        tally.prose += own if own > _PROSE else 0


def _below_linked_headline(paragraph: HtmlElement) -> bool:
    above = paragraph.getprevious()
    if above is None or not isinstance(above.tag, str):
        return False
    if above.tag in _HEADLINES:
        return next(above.iter("a"), None) is not None
    return above.tag == "a" and next(above.iter(*_HEADLINES), None) is not None


def _read_heading(tally: _Tally, heading: HtmlElement) -> None:
    if len(texts := tally.headings[heading.tag]) < 3:
        texts.append(text_of(heading, 400))


def _count_heading(tally: _Tally, heading: HtmlElement) -> None:
    if heading.tag == "h2":
        _read_heading(tally, heading)
    tally.headlines += any(len(text_of(link, 400)) > 15 for link in heading.iter("a"))


def _count_input(tally: _Tally, field: HtmlElement) -> None:
    kind = (field.get("type") or "text").lower()
    tally.password = tally.password or kind == "password"
    tally.form_fields += kind in ("text", "email", "password", "tel")


def _read_noscript(tally: _Tally, noscript: HtmlElement) -> None:
    if len(tally.noscript) < 5:
        tally.noscript.append(text_of(noscript, 1_000))


def _read_meta(tally: _Tally, meta: HtmlElement) -> None:
    if (meta.get("http-equiv") or "").lower() == "refresh" and _REFRESH.match(meta.get("content") or ""):
        tally.refresh = True


def _count_division(tally: _Tally, division: HtmlElement) -> None:
    tally.app_root = tally.app_root or (division.get("id") or "").lower() in _ROOT_APP


_READERS: dict[str, Callable[[_Tally, HtmlElement], None]] = {
    "a": _count_link,
    "p": _count_paragraph,
    "title": _read_heading,
    "h1": _read_heading,
    "h2": _count_heading,
    "h3": _count_heading,
    "h4": _count_heading,
    "input": _count_input,
    "div": _count_division,
    "meta": _read_meta,
    "noscript": _read_noscript,
}


def blocked(page_shape: Shape, html: str, text: str, count: int) -> str | None:
    """Why a page whose `text` has `count` words is a machine's answer in place of an article; None when it is not."""
    if count > FEW_WORDS:
        return None
    said = page_shape.words[:6_000]
    top = " \n ".join(page_shape.headings[:4])
    if _challenge(page_shape, html, top, said):
        return "bot-challenge"
    if page_shape.refresh and count < MIN_WORDS:
        return "meta-refresh"
    if wrong := _wrong(page_shape.headings, said):
        return wrong
    titled = count < 80 and any(map(words.pattern("consent").match, page_shape.headings[:2]))
    if _consent(top, text if count >= MIN_WORDS else said, count) or (titled and _consent(top, said, count)):
        return "consent-wall"
    return _closed(page_shape, top, said, count)


def _wrong(headings: tuple[str, ...], said: str) -> str | None:
    if _headed(headings, "not_found", 0.25):
        return "soft-404"
    failed = _headed(headings, "server_pages", 0.4) or words.pattern("stack_traces").search(said)
    return "server-page" if failed else None


def _challenge(page_shape: Shape, html: str, top: str, said: str) -> bool:
    if page_shape.text >= 1_500:
        return False
    if words.pattern("bot_phrases").search(top):
        return True
    found = words.pattern("bot_phrases").finditer(f"{said} {page_shape.noscript}")
    spoken = {match.group().lower() for match in found}
    return len(spoken) > 1 or (
        (bool(spoken) or page_shape.text < 300) and words.pattern("bot_markers").search(html[:200_000]) is not None
    )


def _headed(headings: tuple[str, ...], phrases: str, share: float) -> bool:
    """Whether title or headline says little else than a phrase of this list: at least this share of it."""
    for heading in headings:
        match = words.pattern(phrases).search(heading)
        if match and _whole_words(heading, match) and len(match.group()) >= share * len(heading):
            return True
    return False


def _whole_words(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    wide = match.group()[0] > "\u2e80" or "\u0e00" <= match.group()[0] <= "\u0e7f"
    return wide or not (before.isalnum() or after.isalnum())


def _consent(top: str, said: str, count: int) -> bool:
    found = {match.group().lower() for match in words.pattern("consent").finditer(said)}
    return (
        len(found) >= 3
        or (len(found) >= 2 and count < 80)
        or (bool(words.pattern("consent").search(top)) and bool(found))
    )


def _closed(page_shape: Shape, top: str, said: str, count: int) -> str | None:
    entrance = words.pattern("login").search(top) is not None
    if count < 60 and page_shape.text < 3_000 and (page_shape.password or (entrance and page_shape.form_fields)):
        return "login"
    return "paywall" if count < MIN_WORDS and words.pattern("paywall").search(said) else None


def walled(page_shape: Shape, count: int) -> bool:
    """Whether a page whose text has `count` words shows little, and asks to subscribe."""
    said = page_shape.words[:8_000]
    return count <= MAX_TEASER and any(words.pattern(name).search(said) for name in ("paywall", "paywall_notices"))


@dataclass(frozen=True, slots=True)
class Declared:
    """What a page says of itself, apart from its text."""

    url: str
    graph: Graph
    og_type: str | None = None
    dated: bool = False

    def has_article_node(self) -> bool:
        """Whether JSON-LD describes an article that is not an entry of a list."""
        nodes = self.graph.nodes
        return any(not listed and any(map(_ARTICLE_TYPE.search, types_of(node))) for node, listed in nodes)

    def an_article(self) -> bool:
        """Whether JSON-LD or Open Graph calls the page an article."""
        return self.has_article_node() or fold(self.og_type or "") in ("article", "news", "blog", "newsarticle")


def judged(page_shape: Shape, declared: Declared, text: str, count: int) -> str | None:
    """Why a page whose `text` has `count` words is too empty, or a list of other pages; None when it is not."""
    article = declared.an_article()
    if any(map(_INDEX_TITLE.match, page_shape.headings)):
        return "section"  # a folder of files, as web servers list it
    if count < 2 * MIN_WORDS and words.pattern("javascript").search(text):
        return "needs-javascript"
    if count < (MIN_DECLARED_WORDS if article else MIN_WORDS):
        return _nothing(page_shape)
    if is_home(declared.url) and not (declared.has_article_node() and page_shape.headlines < 8):
        return "home" if page_shape.headlines >= 3 or page_shape.prose < 1_000 or not article else None
    return "section" if _lists(page_shape, declared, count) or _retells(page_shape, declared, text) else None


def _nothing(page_shape: Shape) -> str:
    scripted = page_shape.app_root or words.pattern("javascript").search(
        f"{page_shape.noscript} {page_shape.words[:2_000]}"
    )
    if scripted and page_shape.text < 1_000:
        return "needs-javascript"
    return "section" if page_shape.headlines >= 8 else "empty"


def is_home(url: str) -> bool:
    """Whether a URL is, by its looks, the front page of a site."""
    parts = urlsplit(url)
    return (
        parts.scheme.startswith("http")
        and not parts.query
        and bool(re.fullmatch(r"/?", parts.path) or _INDEX_PATH.fullmatch(parts.path))
    )


def _lists(page_shape: Shape, declared: Declared, count: int) -> bool:
    """Many headlines that lead elsewhere, mostly linked text, little prose; a declared article must look more so."""
    share = page_shape.linked / max(1, page_shape.text)
    listing_type = bool(declared.graph.types() & LISTING_TYPES)
    evidence = (
        (page_shape.headlines >= 10)
        + (page_shape.headlines >= 25)
        + (share > 0.5)
        + (share > 0.75)
        + 2 * listing_type
        + (page_shape.prose < 600)
        + (page_shape.prose < 150)
        + 3 * (page_shape.prose < 150 and page_shape.headlines >= 5 and not declared.an_article())
        + (not declared.dated)
    )
    return evidence >= (7 if declared.an_article() else 5) and count < 1_500


def _retells(page_shape: Shape, declared: Declared, text: str) -> bool:
    """Whether the text is headlines that lead elsewhere, with teasers at most: extraction leaves those of a story out."""
    if declared.has_article_node():
        return False
    lines = text.split("\n")
    if len(lines) < MIN_LISTED or words_in(max(lines, key=len)) >= MIN_OWN_WORDS:
        return False  # no teaser is so long: this one is the page's own
    retold = page_shape.retold()
    own = [line for line in lines if fold(line) not in retold]
    listed = len(lines) - len(own)
    return listed >= MIN_LISTED and 3 * listed >= len(lines) and words_in(" ".join(own)) < MIN_OWN_WORDS
