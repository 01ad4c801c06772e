"""From a fetched page to an article, or to the reason why it is none. Pure; the only file that knows trafilatura.

The page is decoded and parsed once; metadata is read from the whole tree, which is then stripped of what never is
body and handed to trafilatura: its fast mode first, its whole cascade where that found too little.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from lxml.etree import LxmlError, strip_elements
from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.settings import Extractor

from pipelines import classify, jsonld, metadata
from pipelines.claims import Claims
from pipelines.classify import Shape
from pipelines.decode import decode
from pipelines.extractor import EXTRACTOR
from pipelines.gather import gather
from pipelines.metadata import Fields
from pipelines.normalize import clean_line, clean_text, fold, wording, words_in
from pipelines.tree import parse, text_of
from storage import urlkey
from storage.records import Announced, Candidate, NoArticle, Page

MAX_TEXT = 2_000_000  # characters of article text kept
MAX_ELEMENTS = 30_000  # trafilatura's time grows with their square; the largest news pages have a third of that
MAX_PLAIN = 500_000  # characters of text taken from a page with more
_NEVER_BODY = (
    "script",
    "style",
    "svg",
    "iframe",
    "template",
    "button",
    "input",
    "select",
    "textarea",
    "object",
    "canvas",
    "video",
    "audio",
)
_KEPT_SCRIPTS = "ld+json"  # trafilatura reads articleBody there when the page shows nothing
_FRAMES = ("nav", "footer")
_PROSE = 300  # characters of paragraphs that make a frame worth keeping
_GONE = "gone"
_ENOUGH_OF_PROSE = 0.6
_SHORT = 600  # characters: a text so short may have missed the body

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it cannot read is our verdict, not a log line
logging.getLogger("htmldate").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """One page, read: everything the verdict and the fields are made of."""

    page: Page
    html: str
    tree: HtmlElement
    claims: Claims
    shape: Shape


@dataclass(frozen=True, slots=True)
class _Body:
    """The text of an article; `cut`: the page has more of it."""

    text: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a page gives: `candidate` even where `reason` says that it is no article; None where nothing can be read."""

    candidate: Candidate | None
    reason: str | None = None


def extract(page: Page, announced: Announced | None, memory: None = None) -> Candidate | NoArticle:
    """The article on a page, or why there is none. The same input always gives the same result."""
    reading = read(page, announced, memory)
    if reading.candidate is None or reading.reason is not None:
        return NoArticle(reading.reason or "empty")
    return reading.candidate


def read(page: Page, announced: Announced | None, memory: None = None) -> Reading:
    """What a page gives, whatever it turns out to be: for those who want to see what `extract` judges."""
    del memory  # what is learnt of a site comes later; callers already pass it
    if reason := classify.served(page):
        return Reading(None, reason)
    html = decode(page.body, page.content_type)
    tree = parse(html)
    if tree is None:
        return Reading(None, "empty")
    parsed = _Parsed(page, html, tree, gather(tree, page.url, announced, page.fetched_at), classify.shape(tree))
    fields = metadata.choose(parsed.claims, page.url, page.fetched_at)
    return _judged(parsed, fields, _body(parsed, fields.title))


def _judged(parsed: _Parsed, fields: Fields, body: _Body) -> Reading:
    text = body.text
    count = words_in(text)
    declared = classify.Declared(parsed.page.url, parsed.claims.graph, fields.og_type, fields.published is not None)
    reason = classify.blocked(parsed.shape, parsed.html, text, count) or classify.judged(
        parsed.shape, declared, text, count
    )
    return Reading(_candidate(parsed.page, fields, body, count), reason)


def _candidate(page: Page, fields: Fields, body: _Body, count: int) -> Candidate:
    published, modified = fields.published, fields.modified
    return Candidate(
        url=_own_url(page.url),
        canonical_url=fields.canonical_url,
        title=fields.title,
        text=body.text,
        authors=fields.authors,
        published_at=published.utc() if published else None,
        published_local=published.local() if published else None,
        published_precision=published.precision if published else None,
        modified_at=modified.utc() if modified else None,
        modified_local=modified.local() if modified else None,
        modified_precision=modified.precision if modified else None,
        site_name=fields.site_name,
        section=fields.section,
        tags=fields.tags,
        description=fields.description,
        image_url=fields.image_url,
        language=fields.language,
        word_count=count,
        text_sha256=wording(fields.title, body.text),
        extractor=EXTRACTOR,
        truncated=page.cut or body.cut,
        provenance=fields.sources,
        organizations=fields.organizations,
        is_accessible_for_free=fields.is_accessible_for_free,
        page_type=fields.page_type,
    )


def _own_url(url: str) -> str:
    try:
        return urlkey.canonical(url)
    except ValueError:
        return url


def _body(parsed: _Parsed, title: str | None) -> _Body:
    """The body's text, one paragraph a line."""
    _strip(parsed.tree)
    text, cut = _longest(parsed)
    return _Body(_without_title(clean_text(text[:MAX_TEXT]), title), cut or len(text) > MAX_TEXT)


def _longest(parsed: _Parsed) -> tuple[str, bool]:
    """The fullest of the texts that the ways of reading give, and whether it is cut."""
    if sum(1 for _ in islice(parsed.tree.iter(), MAX_ELEMENTS + 1)) > MAX_ELEMENTS:
        return _plainly(parsed.tree)
    text = _trafilatura(parsed.tree, parsed.page.url, fast=True)
    if len(text) < max(_SHORT, _ENOUGH_OF_PROSE * min(parsed.shape.prose, 30_000)):
        whole = _trafilatura(parsed.tree, parsed.page.url, fast=False)
        text = whole if len(whole) > len(text) else text
    declared = _declared_body(parsed.claims)
    return (declared if len(declared) > 2 * len(text) else text), False


def _strip(tree: HtmlElement) -> None:
    """Take away what never is body; navigation and footers only where they hold no prose."""
    never = [element for element in tree.iter(*_NEVER_BODY) if not _is_kept_script(element)]
    _drop(tree, never)
    _drop(tree, [element for element in tree.iter(*_FRAMES) if not _holds_prose(element)])


def _drop(tree: HtmlElement, elements: list[HtmlElement]) -> None:
    """Take elements out, all at once: one by one, each would have the text around it copied."""
    around = {parent for element in elements if (parent := element.getparent()) is not None}
    for element in elements:
        element.tag = _GONE
    strip_elements(tree, _GONE, with_tail=False)
    for parent in around:  # what is left in pieces becomes one text again: trafilatura's searches count them
        parent.text = parent.text
        for child in parent:
            child.tail = child.tail


def _is_kept_script(element: HtmlElement) -> bool:
    return element.tag == "script" and _KEPT_SCRIPTS in (element.get("type") or "")


def _holds_prose(frame: HtmlElement) -> bool:
    size = 0
    for part in frame.iter("p", "h1"):
        size += len(text_of(part, 2_000))
        if size >= _PROSE:
            return True
    return False


def _trafilatura(tree: HtmlElement, url: str, *, fast: bool) -> str:
    options = Extractor(output_format="python", fast=fast, comments=False, url=url)
    document = _guarded(lambda: bare_extraction(tree, options=options))
    return getattr(document, "text", None) or ""


def _guarded(call: Callable[[], object]) -> object:
    """What a third-party call returns; None when a page makes it fail: that costs its part of the page only."""
    try:
        return call()
    except (LxmlError, ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError, AssertionError):
        return None


def _declared_body(found: Claims) -> str:
    node = found.node or {}
    return "\n".join(text for value in jsonld.strings(node.get("articleBody"))[:1] if (text := _plain(value)))


def _plain(value: str) -> str:
    if "<" not in value:
        return value
    tree = parse(f"<div>{value}</div>")
    return "\n".join(clean_line(part) for part in tree.itertext()) if tree is not None else ""


def _plainly(tree: HtmlElement) -> tuple[str, bool]:
    """The prose of a page that is too large to be weighed part by part, and whether it goes on beyond MAX_PLAIN."""
    lines: list[str] = []
    size = 0
    for count, element in enumerate(tree.iter("p", "h2", "h3", "pre", "blockquote")):
        if size > MAX_PLAIN or count == MAX_ELEMENTS:
            return "\n".join(lines), True
        if element.tag != "blockquote" or element.find(".//p") is None:
            lines.append(text_of(element, MAX_PLAIN))
            size += len(lines[-1])
    return "\n".join(lines), size > MAX_PLAIN


def _without_title(text: str, title: str | None) -> str:
    """The text without first lines that only repeat the title."""
    for _ in range(2):
        first, _, rest = text.partition("\n")
        if not rest or not title or fold(first) != fold(title):
            break
        text = rest
    return text
