"""The headline on the screen: which heading it is, how it reads, and what else stands in its part of the page. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from pipelines import titles, words
from pipelines.claims import MAX_TITLE, Claim
from pipelines.normalize import fold
from pipelines.tree import Survey, parted_text, text_of

MAX_HEADINGS = 20
_LIMIT = 4 * MAX_TITLE
_SILENT = frozenset(
    {"script", "style", "noscript", "template", "svg", "button", "option", "select", "rt", "rp", "time", "del"}
)
_APART = re.compile("comment|related|teaser|recommend|sidebar|footer|promo(?!ted)|widget|newsletter")
_SAME = 0.8  # the share of a heading's words that a head has too, when it is the headline whatever it stands in
_MOST_OF_H2 = 0.7  # and the share of the head's words that an h2 must have: the head may have the site's name besides
_MOST = 0.5  # of an h1
_SHARED = 27  # the weight that a heading gains which og:title repeats


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and how it reads: `text` in full, `bare` without the kicker in an element of its own (None: has none)."""

    element: HtmlElement
    text: str
    bare: str | None
    banner: bool  # it only leads to the home page


@dataclass(frozen=True, slots=True)
class Headline:
    """The headings that may be the page's headline, the likeliest first, and the ancestors of that one."""

    headings: tuple[Heading, ...] = ()
    around: frozenset[HtmlElement] = frozenset()

    @property
    def element(self) -> HtmlElement | None:
        """The likeliest heading."""
        return self.headings[0].element if self.headings else None

    def apart(self, element: HtmlElement) -> bool:
        """Whether an element belongs to a comment, teaser, sidebar or another story rather than to the article."""
        return _apart(element, self.around)


@dataclass(frozen=True, slots=True)
class _Heads:
    """What the page's head says its headline is: <title> and og:title, folded; and their parts between separators."""

    title: str  # as it stands
    folded: tuple[str, ...]
    parts: frozenset[str]

    def likeness(self, text: str) -> float:
        """The share (0 to 1) of a text's words that one of them has too."""
        return max(_shared(text, folded) for folded in self.folded)

    def same(self, text: str, most: float = _MOST) -> bool:
        """Whether a heading of three words or more has most of a head's words, and that one most of its."""
        key = fold(text)
        long = len(key.split()) > 2 or (not text.isascii() and len(text) > 7)
        if not long or key in self.parts:
            return long
        return self.likeness(text) >= _SAME and any(_shared(folded, key) >= most for folded in self.folded if folded)


def _shared(text: str, other: str) -> float:
    """The share of a text's words, or of its characters in scripts without spaces, that another, folded, has too."""
    key = fold(text)
    parts = key.split()
    if len(parts) < 3 and not text.isascii():
        parts = list(key.replace(" ", ""))
    return sum(part in other for part in parts) / len(parts) if parts else 0.0


def _heads_of(seen: Survey) -> _Heads:
    title = next((text for element in seen.titles[:3] if (text := text_of(element, _LIMIT))), "")
    texts = [title, *seen.metas.get("og:title", [])[:1]]
    parts = (fold(part) for text in texts for part in titles.parts(text[:_LIMIT]))
    return _Heads(title, tuple(map(fold, texts)), frozenset(part for part in parts if part))


def find(tree: HtmlElement, seen: Survey, url: str) -> Headline:
    """The headline of the page at `url`: an h1, or without one an h2 that says what <title> says."""
    heads = _heads_of(seen)
    found = [heading for element in seen.headings[:MAX_HEADINGS] if (heading := _heading(element, url, heads)).text]
    told = [heading for heading in found if heads.same(heading.text) and not heading.banner]
    found = [heading for heading in found if heading in told or not _apart(heading.element, frozenset())]
    if not told:
        second = (_heading(element, url, heads) for element in islice(tree.iter("h2"), MAX_HEADINGS))
        found += [heading for heading in second if heads.same(heading.text, _MOST_OF_H2)][:1]
    ranked = sorted(found, key=lambda heading: (heading.banner, -heads.likeness(heading.text)))[:5]
    around = frozenset(ranked[0].element.iterancestors()) if ranked else frozenset()
    return Headline(tuple(ranked), around)


def claims(headline: Headline, seen: Survey) -> Iterator[Claim]:
    """Claims about the title: the page's <title>, and the headings as they read; what og:title says too counts most."""
    heads = _heads_of(seen)
    yield Claim("title", heads.title, "title", 50)
    for rank, heading in enumerate(headline.headings):
        weight = (30 if heading.banner else 60) - 3 * rank
        for bonus, text in enumerate((heading.text, heading.bare)):
            if text:
                shared = _SHARED if fold(text) in heads.folded[1:] else round(24 * heads.likeness(text))
                yield Claim("title", text, heading.element.tag, weight + shared + bonus)


def _heading(element: HtmlElement, url: str, heads: _Heads) -> Heading:
    parts = list(islice(_parts(element, 0), 60))
    text = _joined(part for part, _ in parts)
    bare = _joined(part for part, kicker in parts if not kicker)
    rest = _joined(islice(_after_first(element), 60))
    bare = rest if bare == text and fold(rest) in heads.parts else bare
    return Heading(element, text, bare if bare and bare != text else None, _is_banner(element, text, url))


def _after_first(heading: HtmlElement) -> Iterator[str]:
    """The texts of a heading behind the element that it begins with; none where it begins with a text."""
    if (heading.text or "").strip() or not len(heading):
        return
    yield heading[0].tail or ""
    for child in heading[1:]:
        yield from (text for text, _ in _parts(child, 1))
        yield child.tail or ""


def _joined(parts: Iterator[str]) -> str:
    return " ".join("".join(part[:_LIMIT] for part in parts).replace("\u00ad", "").split())[:_LIMIT]


def _parts(element: HtmlElement, depth: int) -> Iterator[tuple[str, bool]]:
    """The texts of a heading in order, and whether each belongs to a kicker; what is no part of its words left out."""
    if element.text:
        yield element.text, False
    for child in element:
        if depth < 8 and child.tag not in _SILENT:
            kicker = _is_kicker(child.get("class"), child.get("itemprop"))
            yield from ((text, kicker or inner) for text, inner in _parts(child, depth + 1))
            if kicker:
                yield " ", True
        if child.tail:
            yield child.tail, False


@lru_cache(maxsize=10_000)
def _is_kicker(classes: str | None, itemprop: str | None) -> bool:
    label = f"{classes or ''} {itemprop or ''}".lower()
    return len(label) < 400 and _kickers().search(label) is not None


@cache
def _kickers() -> re.Pattern[str]:
    return re.compile(
        rf"(?<![a-z])(?:[a-z]+[-_]{{1,2}})*(?:{'|'.join(map(re.escape, words.lines('kicker_classes')))})(?![a-z])"
    )


def _is_banner(element: HtmlElement, text: str, url: str) -> bool:
    """Whether a heading is a link to the home page, of a page that is not the home page."""
    link = element.find(".//a[@href]")
    if link is None:
        link = next((ancestor for ancestor in islice(element.iterancestors("a"), 1)), None)
    if link is None or fold(parted_text(link, _LIMIT)) != fold(text):
        return False
    try:
        target, own = urlsplit(link.get("href") or ""), urlsplit(url)
    except ValueError:
        return False
    plain = target.path in ("", "/") and not target.query and not target.fragment
    return plain and own.path not in ("", "/") and bool(target.netloc or target.path)


def _apart(element: HtmlElement, around: frozenset[HtmlElement]) -> bool:
    """What contains the headline is no teaser, whatever it is called; the foot of the headline's article is no page's foot."""
    foot = False
    for ancestor in islice(element.iterancestors(), 12):
        if ancestor in around:
            return foot and ancestor.tag != "article"
        verdict = _is_apart(ancestor.tag, ancestor.get("class"), ancestor.get("id"), ancestor.get("itemtype"))
        if verdict == "foot":
            foot = True
        elif verdict:
            return True
    return foot


@lru_cache(maxsize=10_000)
def _is_apart(tag: str, classes: str | None, identifier: str | None, itemtype: str | None) -> str | None:
    if tag in ("aside", "nav"):
        return "apart"
    label = f"{classes or ''} {identifier or ''} {itemtype or ''}".lower()
    found = {match.group() for match in _APART.finditer(label)} if tag not in ("body", "html", "main") else set()
    if found - {"footer"}:
        return "apart"
    return "foot" if found or tag == "footer" else None
