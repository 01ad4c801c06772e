"""Whether a page is an article; if not, why. Signals are general: status, bytes, shape, declared types, words in many languages. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from pipelines import words
from pipelines.jsonld import LISTING_TYPES, Graph, types_of
from pipelines.normalize import fold, words_in
from pipelines.tree import MAX_WALK, text_of
from storage.records import Page

MIN_WORDS = 25  # fewer are no article, unless the page declares one
MIN_DECLARED_WORDS = 10
FEW_WORDS = 130  # a wall, a challenge or a soft 404 says no more than this
_MARKUP_TYPES = ("html", "xml", "text/plain", "octet-stream", "unknown")
_MAGIC = (b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"PK\x03\x04", b"\x1f\x8b", b"OggS", b"ID3", b"\x00\x00\x01\x00", b"wOFF", b"BZh", b"7z\xbc", b"MZ")
_MARKUP = re.compile(rb"<\s*(?:!doctype|html|head|body|meta|title|div|p|article|section|span|h1|a|br|table|script)\b", re.I)
_FEED = re.compile(rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:rss|feed|rdf:RDF|urlset|sitemapindex|svg)\b", re.I | re.S)
_REFRESH = re.compile(r"^\s*\d*\.?\d*\s*[;,]\s*url\s*=", re.I)
_ROOT_APP = frozenset({"root", "app", "__next", "__nuxt", "react-root", "app-root", "main-app", "svelte", "ember-app"})
_ARTICLE_TYPE = re.compile(r"Article$|^(?:BlogPosting|LiveBlogPosting|Report|Review|Recipe)$")
_INDEX_PATH = re.compile(r"/(?:index|home|default|start|startseite|accueil|inicio)?(?:\.\w{2,5})?$", re.I)
_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "option", "textarea", "iframe"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What a page consists of; lengths in characters."""

    text: int = 0
    linked: int = 0  # text inside links
    prose: int = 0  # unlinked text of paragraphs that are longer than a teaser
    headlines: int = 0  # headings that are links, or links that hold a heading
    headings: tuple[str, ...] = ()  # texts of the first h1 and h2
    password: bool = False
    form_fields: int = 0
    app_root: bool = False
    refresh: bool = False
    noscript: str = ""
    words: str = ""  # the visible text, at most 20,000 characters


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
    if start.startswith(_MAGIC) or _FEED.match(start[:4_096]):
        return True
    if _MARKUP.search(start):
        return False
    wide = start[:2] in (b"\xff\xfe", b"\xfe\xff") or start[1:2] == b"\x00"
    return start[:1] in (b"{", b"[") or (not wide and start.count(b"\x00") > len(start) // 50) or (not wide and b"<" not in start)


def shape(tree: HtmlElement) -> Shape:
    """The shape of a parsed page, in one walk."""
    text = linked = prose = headlines = fields = 0
    password = app_root = False
    parts: list[str] = []
    for element in islice(tree.iter(), MAX_WALK):
        tag = element.tag
        if tag in _SKIPPED or not isinstance(tag, str):
            text += len((element.tail or "").strip())
            continue
        if tag == "a":
            size = len(text_of(element, 2_000))
            linked += size
            headlines += size > 15 and any(part.tag in ("h2", "h3", "h4") for part in element.iter("h2", "h3", "h4"))
        elif tag == "p":
            own = len(text_of(element, 20_000)) - sum(len(text_of(link, 2_000)) for link in element.iter("a"))
            prose += own if own > 120 else 0
        elif tag in ("h2", "h3", "h4"):
            headlines += any(len(text_of(link, 400)) > 15 for link in element.iter("a"))
        elif tag == "input":
            password = password or (element.get("type") or "").lower() == "password"
            fields += (element.get("type") or "text").lower() in ("text", "email", "password", "tel")
        elif tag == "div" and (element.get("id") or "").lower() in _ROOT_APP:
            app_root = True
        for piece in (element.text, element.tail):
            if piece and (stripped := piece.strip()):
                text += len(stripped)
                if len(parts) < 1_500:
                    parts.append(stripped)
    return Shape(
        text, linked, prose, headlines, _first_headings(tree), password, fields, app_root, _refreshes(tree), _noscript(tree), " ".join(parts)[:20_000]
    )


def _first_headings(tree: HtmlElement) -> tuple[str, ...]:
    found = [text_of(element, 400) for tag in ("title", "h1", "h2") for _, element in zip(range(3), tree.iter(tag), strict=False)]
    return tuple(text for text in found if text)


def _refreshes(tree: HtmlElement) -> bool:
    return any((meta.get("http-equiv") or "").lower() == "refresh" and _REFRESH.match(meta.get("content") or "") for meta in tree.iter("meta"))


def _noscript(tree: HtmlElement) -> str:
    return " ".join(text_of(element, 1_000) for _, element in zip(range(5), tree.iter("noscript"), strict=False))


def blocked(page_shape: Shape, html: str, count: int) -> str | None:
    """Whether the page is a machine's answer in place of an article with `count` words: bot-challenge, meta-refresh, soft-404, walls."""
    if count > FEW_WORDS:
        return None
    said = page_shape.words[:6_000]
    top = " \n ".join(page_shape.headings[:4])
    if _challenge(page_shape, html, top, said):
        return "bot-challenge"
    if page_shape.refresh and count < MIN_WORDS:
        return "meta-refresh"
    if _not_found(page_shape.headings):
        return "soft-404"
    if _consent(top, said, count):
        return "consent-wall"
    return _closed(page_shape, top, said, count)


def _challenge(page_shape: Shape, html: str, top: str, said: str) -> bool:
    if page_shape.text >= 1_500:
        return False
    if words.pattern("bot_phrases").search(top):
        return True
    spoken = words.pattern("bot_phrases").search(f"{said} {page_shape.noscript}") is not None
    return (spoken or page_shape.text < 300) and words.pattern("bot_markers").search(html[:200_000]) is not None


def _not_found(headings: tuple[str, ...]) -> bool:
    """Whether title or headline says little else than that there is nothing."""
    for heading in headings:
        match = words.pattern("not_found").search(heading)
        if match and _whole_words(heading, match) and len(match.group()) >= 0.25 * len(heading):
            return True
    return False


def _whole_words(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    wide = match.group()[0] > "\u2e80" or "\u0e00" <= match.group()[0] <= "\u0e7f"
    return wide or not (before.isalnum() or after.isalnum())


def _consent(top: str, said: str, count: int) -> bool:
    found = {match.group().lower() for match in words.pattern("consent").finditer(said)}
    return len(found) >= 3 or (len(found) >= 2 and count < 80) or (bool(words.pattern("consent").search(top)) and bool(found))


def _closed(page_shape: Shape, top: str, said: str, count: int) -> str | None:
    entrance = words.pattern("login").search(top) is not None
    if count < 60 and page_shape.text < 3_000 and (page_shape.password or (entrance and page_shape.form_fields)):
        return "login"
    return "paywall" if count < MIN_WORDS and words.pattern("paywall").search(said) else None


def judged(page_shape: Shape, graph: Graph, og_type: str | None, url: str, count: int, *, dated: bool) -> str | None:
    """Whether a page with `count` words of text is too empty, or a list of other pages: needs-javascript, empty, home, section; else None."""
    declared = _declares_article(graph, og_type)
    if count < (MIN_DECLARED_WORDS if declared else MIN_WORDS):
        return _nothing(page_shape)
    if _is_home(url) and not (_has_article_node(graph) and page_shape.headlines < 8):
        return "home" if page_shape.headlines >= 3 or page_shape.prose < 1_000 or not declared else None
    return "section" if _lists(page_shape, graph, count, declared=declared, dated=dated) else None


def _nothing(page_shape: Shape) -> str:
    scripted = page_shape.app_root or words.pattern("javascript").search(f"{page_shape.noscript} {page_shape.words[:2_000]}")
    if scripted and page_shape.text < 1_000:
        return "needs-javascript"
    return "section" if page_shape.headlines >= 8 else "empty"


def _declares_article(graph: Graph, og_type: str | None) -> bool:
    return _has_article_node(graph) or fold(og_type or "") in ("article", "news", "blog", "newsarticle")


def _has_article_node(graph: Graph) -> bool:
    return any(not listed and any(_ARTICLE_TYPE.search(name) for name in types_of(node)) for node, listed in graph.nodes)


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme.startswith("http") and not parts.query and bool(re.fullmatch(r"/?", parts.path) or _INDEX_PATH.fullmatch(parts.path))


def _lists(page_shape: Shape, graph: Graph, count: int, *, declared: bool, dated: bool) -> bool:
    """Many headlines that lead elsewhere, mostly linked text, little prose; a declared article must look far more like a list."""
    share = page_shape.linked / max(1, page_shape.text)
    listing_type = bool(graph.types() & LISTING_TYPES)
    evidence = (
        (page_shape.headlines >= 10) + (page_shape.headlines >= 25) + (share > 0.5) + (share > 0.75) + 2 * listing_type
        + (page_shape.prose < 600) + (page_shape.prose < 150) + (not dated)
    )  # fmt: skip
    return evidence >= (7 if declared else 5) and count < 1_500


def word_count(text: str) -> int:
    """Words of a text, see normalize.words_in."""
    return words_in(text)
