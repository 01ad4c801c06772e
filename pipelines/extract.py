"""From a fetched page to an article, or to the reason why it is none. Pure; the only file that knows trafilatura.

The page is decoded and parsed once; metadata is read from the whole tree, then its body is weighed block by block (`body`).
Where that is in doubt, the tree is stripped of what never is body and handed to trafilatura's fast mode; where little is
found, to its whole cascade.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice

from lxml.etree import LxmlError, strip_elements
from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.settings import Extractor

from pipelines import body, classify, jsonld, metadata, reservations
from pipelines.claims import Claims
from pipelines.classify import Shape
from pipelines.decode import decode
from pipelines.extractor import EXTRACTOR
from pipelines.features import Known
from pipelines.gather import gather
from pipelines.metadata import Fields
from pipelines.normalize import clean_line, clean_text, wording, words_in
from pipelines.paragraphs import Paragraph
from pipelines.tree import parse, text_of
from storage import urlkey
from storage.records import Announced, Candidate, NoArticle, Page
from storage.warc.reservations import Said

MAX_TEXT = 2_000_000  # characters of article text kept
MAX_ELEMENTS = 30_000  # trafilatura's time grows with their square; the largest news pages have a third of that
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
_FRAGMENT = 60  # words: of a page that broke off, fewer are no article
_FEW = 40  # words: so short a text may have missed the body

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
    held: list[HtmlElement]  # lxml makes the object of an element again for each walk, unless someone has it


@dataclass(frozen=True, slots=True)
class _Body:
    """The paragraphs of an article; `cut`: the page has more of it."""

    paragraphs: tuple[Paragraph, ...]
    cut: bool = False

    @property
    def text(self) -> str:
        """One paragraph a line."""
        return "\n".join(paragraph.text for paragraph in self.paragraphs)


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a page gives: `candidate` even where `reason` says that it is no article; None where nothing can be read.

    `paragraphs` are the lines of the candidate's text, and what each is; `said` what rights its HTML reserves.
    """

    candidate: Candidate | None
    reason: str | None = None
    paragraphs: tuple[Paragraph, ...] = ()
    said: Said = field(default_factory=dict)

    @property
    def result(self) -> Candidate | NoArticle:
        """The article, or why there is none."""
        if self.candidate is None or self.reason is not None:
            return NoArticle(self.reason or "empty")
        return self.candidate


def extract(page: Page, announced: Announced | None) -> Candidate | NoArticle:
    """The article on a page, or why there is none. The same input always gives the same result."""
    return read(page, announced).result


def read(page: Page, announced: Announced | None) -> Reading:
    """What a page gives, whatever it turns out to be: for those who want to see what `extract` judges."""
    if reason := classify.served(page):
        return Reading(None, reason)
    html = decode(page.body, page.content_type)
    tree = parse(html)
    if tree is None:
        return Reading(None, "empty")
    held = list(islice(tree.iter(), MAX_ELEMENTS))
    claims = gather(tree, page.url, announced, page.fetched_at)
    parsed = _Parsed(page, html, tree, claims, classify.shape(tree), held)
    said = reservations.of_tree(tree, claims, page.url)
    fields = metadata.choose(parsed.claims, page.url, page.fetched_at)
    return replace(_judged(parsed, fields, _body(parsed, fields)), said=said)


def _judged(parsed: _Parsed, fields: Fields, found: _Body) -> Reading:
    text = found.text
    count = words_in(text)
    declared = classify.Declared(parsed.page.url, parsed.claims.graph, fields.og_type, fields.published is not None)
    reason = (
        classify.blocked(parsed.shape, parsed.html, text, count)
        or classify.judged(parsed.shape, declared, text, count)
        or ("empty" if parsed.page.cut and count < _FRAGMENT else None)
    )
    candidate = _candidate(parsed.page, fields, text, count, cut=parsed.page.cut or found.cut)
    return Reading(replace(candidate, walled=classify.walled(parsed.shape, count)), reason, found.paragraphs)


def _candidate(page: Page, fields: Fields, text: str, count: int, *, cut: bool) -> Candidate:
    published, modified = fields.published, fields.modified
    return Candidate(
        url=_own_url(page.url),
        canonical_url=fields.canonical_url,
        title=fields.title,
        text=text,
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
        text_sha256=wording(fields.title, text),
        extractor=EXTRACTOR,
        truncated=cut,
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


def _body(parsed: _Parsed, fields: Fields) -> _Body:
    """The body's paragraphs; where the page shows few, those that its JSON-LD or all of trafilatura's ways give."""
    declared = _declared_body(parsed.claims)
    known = Known(fields.title or "", fields.description or "", declared, fields.authors)
    found = body.find(parsed.tree, known, lambda: fast_verdict(parsed.tree, parsed.page.url))
    kept, cut = _cleaned(found.paragraphs)
    kept = _fuller(kept, declared)
    if _says_little(kept):
        kept = _fuller(kept, _whole_verdict(parsed))
    return _Body(kept, found.cut or cut)


def _says_little(paragraphs: Iterable[Paragraph]) -> bool:
    counts = accumulate(words_in(paragraph.text) for paragraph in paragraphs)
    return next((False for count in counts if count >= _FEW), True)


def _cleaned(paragraphs: Iterable[Paragraph]) -> tuple[tuple[Paragraph, ...], bool]:
    """The paragraphs, clean, as far as MAX_TEXT characters go; and whether there is more."""
    kept: list[Paragraph] = []
    room = MAX_TEXT
    for paragraph in paragraphs:
        if room <= 0:
            return tuple(kept), True
        text = clean_line(paragraph.text[:room])
        if text:
            kept.append(Paragraph(text, paragraph.kind))
        room -= len(paragraph.text) + 1
    return tuple(kept), room < 0


def _fuller(kept: tuple[Paragraph, ...], other: str) -> tuple[Paragraph, ...]:
    """The other text, as paragraphs, where it is more than twice as long."""
    if len(other) <= 2 * sum(len(paragraph.text) for paragraph in kept):
        return kept
    return _cleaned(Paragraph(line) for line in clean_text(other[:MAX_TEXT]).split("\n"))[0]


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


def fast_verdict(tree: HtmlElement, url: str) -> str:
    """The text that trafilatura's fast mode finds in a tree, "" in a huge one; the tree is stripped of what never is body."""
    if _is_huge(tree):
        return ""
    _strip(tree)
    return _trafilatura(tree, url, fast=True)


def _whole_verdict(parsed: _Parsed) -> str:
    return "" if _is_huge(parsed.tree) else _trafilatura(parsed.tree, parsed.page.url, fast=False)


def _is_huge(tree: HtmlElement) -> bool:
    return sum(1 for _ in islice(tree.iter(), MAX_ELEMENTS + 1)) > MAX_ELEMENTS
