"""A page's tree as a list of text blocks, the lines a reader sees, and the boxes they lie in. Pure.

A block is the longest run of inline content between two block-level tags or <br>; a box is a block-level element.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml.html import HtmlElement

MAX_ELEMENTS = 60_000  # elements looked at; the largest news pages have a quarter of that
MAX_BLOCKS = 20_000

_BLOCK = frozenset(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table tbody td tfoot th "
    "thead tr ul caption amp-story noscript html".split()
)
_SKIPPED = frozenset(
    "head script style svg template iframe button input select textarea object canvas video audio math map option "
    "datalist progress meter link meta title base param source track noembed noframes applet".split()
)
_STRONG = frozenset({"b", "strong"})
_ITALIC = frozenset({"em", "i", "cite", "small"})


@dataclass(slots=True)
class Box:
    """A block-level element: its place among the boxes, and what lies in it."""

    tag: str
    label: str  # class, id, itemprop, role
    parent: int  # index of the box around it; -1 of the first
    hidden: bool = False


@dataclass(slots=True)
class Block:
    """A run of text, and what of it is linked, strong or italic (characters without white space around)."""

    text: str
    box: int  # index of the innermost box around it
    linked: int = 0
    links: int = 0
    strong: int = 0
    italic: int = 0
    broken: bool = False  # it begins behind a <br>
    href: str = ""  # of its first link


@dataclass(slots=True)
class Blocks:
    """All boxes and blocks of a page, in document order."""

    boxes: list[Box] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


class _Walk:
    """One walk over a tree; the state of the block that is being gathered."""

    def __init__(self) -> None:
        self.found = Blocks()
        self.parts: list[str] = []
        self.linked = self.links = self.strong = self.italic = 0
        self.in_link = self.in_strong = self.in_italic = 0
        self.broken = False
        self.href = ""
        self.seen = 0

    def text(self, text: str) -> None:
        self.parts.append(text)
        if self.in_link or self.in_strong or self.in_italic:
            size = len(text.strip())
            if self.in_link:
                self.linked += size
            if self.in_strong:
                self.strong += size
            if self.in_italic:
                self.italic += size

    def flush(self, box: int, *, broken: bool = False) -> None:
        if self.parts:
            text = " ".join("".join(self.parts).split())
            if text and len(self.found.blocks) < MAX_BLOCKS:
                self.found.blocks.append(
                    Block(text, box, self.linked, self.links, self.strong, self.italic, self.broken, self.href)
                )
            self.parts.clear()
        self.linked = self.links = self.strong = self.italic = 0
        self.href = ""
        self.broken = broken

    def box(self, element: HtmlElement, tag: str, parent: int) -> int:
        get = element.get
        label = f"{get('class') or ''} {get('id') or ''} {get('itemprop') or ''} {get('role') or ''}"
        style = get("style")
        hidden = get("hidden") is not None or (style is not None and "none" in style and "display" in style)
        self.found.boxes.append(Box(tag, label[:300], parent, hidden))
        return len(self.found.boxes) - 1

    def inside(self, element: HtmlElement, box: int) -> None:
        if element.text:
            self.text(element.text)
        for child in element:
            self.child(child, box)
            if child.tail:
                self.text(child.tail)

    def child(self, element: HtmlElement, box: int) -> None:
        tag = element.tag
        if not isinstance(tag, str) or (tag in _SKIPPED and not _holds_prose(element)):
            return
        self.seen += 1
        if self.seen > MAX_ELEMENTS:
            return
        if tag in _BLOCK or tag in _SKIPPED:
            self.flush(box)
            own = self.box(element, tag, box)
            self.inside(element, own)
            self.flush(own)
        elif tag == "br":
            self.flush(box, broken=True)
        elif tag == "a":
            self.links += 1
            self.href = self.href or element.get("href") or ""
            self.in_link += 1
            self.inside(element, box)
            self.in_link -= 1
        elif tag in _STRONG:
            self.in_strong += 1
            self.inside(element, box)
            self.in_strong -= 1
        elif tag in _ITALIC:
            self.in_italic += 1
            self.inside(element, box)
            self.in_italic -= 1
        else:
            self.inside(element, box)


def _holds_prose(element: HtmlElement) -> bool:
    """Whether what is no text by its tag has swallowed some: a <button> that is never closed takes the article with it."""
    return next(element.iter("p"), None) is not None


def blocks_of(tree: HtmlElement) -> Blocks:
    """The boxes and blocks of a tree (as `tree.parse` makes it: at most some 256 deep)."""
    walk = _Walk()
    body = next((child for child in tree if child.tag == "body"), tree)
    own = walk.box(body, "body", -1)
    walk.inside(body, own)
    walk.flush(own)
    return walk.found
