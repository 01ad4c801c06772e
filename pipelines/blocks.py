"""A page's tree as a list of text blocks, the lines a reader sees, and the boxes they lie in. Pure.

A block is the longest run of inline content between two block-level tags or <br>; a box is a block-level element.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml.html import HtmlElement

MAX_BOXES = 60_000  # block-level elements looked into; the largest news pages have a tenth of that
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
_INLINE = frozenset({"a", "br"}) | _STRONG | _ITALIC


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
    cut: bool = False  # the page has more than is looked at


class _Walk:
    """One walk over a tree; the state of the block that is being gathered. A box is made once there is text in it."""

    def __init__(self) -> None:
        self.found = Blocks()
        self.open: list[HtmlElement] = []  # the block-level elements around the place
        self.path: list[int] = []  # the boxes of the outermost of them
        self.parts: list[str] = []
        self.linked = self.links = self.strong = self.italic = 0
        self.in_link = self.in_strong = self.in_italic = 0
        self.broken = False
        self.href = ""
        self.begun = False  # something of the block was seen
        self.seen = 0

    def inside(self, element: HtmlElement) -> None:
        """The text in an element and all that is in it; two calls a level at most: deep trees would exhaust the stack."""
        if (text := element.text) and (self.parts or not text.isspace()):
            self.text(text)
        for child in element:
            tag = child.tag
            if tag in _BLOCK or (tag in _SKIPPED and _holds_prose(child)):
                self.block(child)
            elif tag in _INLINE:
                self.inline(child, tag)
            elif tag not in _SKIPPED:
                self.inside(child)
            if (text := child.tail) and (self.parts or not text.isspace()):
                self.text(text)

    def following(self, element: HtmlElement) -> None:
        """What stands behind an element: a page may go on after `</body>`."""
        if text := element.tail:
            self.text(text)
        for sibling in element.itersiblings():
            self.block(sibling)
            if text := sibling.tail:
                self.text(text)

    def text(self, text: str) -> None:
        """Text within the block that is being gathered; white space before it is left out by those who call."""
        self.begun = True
        self.parts.append(text)
        if self.in_link or self.in_strong or self.in_italic:
            size = len(text.strip())
            self.linked += size if self.in_link else 0
            self.strong += size if self.in_strong else 0
            self.italic += size if self.in_italic else 0

    def inline(self, element: HtmlElement, tag: str) -> None:
        """A link, a line break, or what is strong or italic."""
        if tag == "br":
            self.flush()
            self.begun = self.broken = True
        elif tag == "a":
            self.begun = True
            self.links += 1
            self.href = self.href or element.get("href", "")
            self.in_link += 1
            self.inside(element)
            self.in_link -= 1
        elif tag in _STRONG:
            self.in_strong += 1
            self.inside(element)
            self.in_strong -= 1
        else:
            self.in_italic += 1
            self.inside(element)
            self.in_italic -= 1

    def block(self, element: HtmlElement) -> None:
        """A block-level element: it ends the block before it, and is a box if it has text."""
        self.seen += 1
        if self.seen > MAX_BOXES:
            self.found.cut = True
            return
        self.flush()
        self.open.append(element)
        self.inside(element)
        self.flush()
        self.open.pop()
        del self.path[len(self.open) :]

    def flush(self) -> None:
        """End the block, if there is one."""
        if not self.begun:
            return
        if self.parts:
            text = " ".join("".join(self.parts).split())
            if text and len(self.found.blocks) < MAX_BLOCKS:
                self.found.blocks.append(
                    Block(text, self.box(), self.linked, self.links, self.strong, self.italic, self.broken, self.href)
                )
            elif text:
                self.found.cut = True
            self.parts.clear()
        self.linked = self.links = self.strong = self.italic = 0
        self.href = ""
        self.broken = self.begun = False

    def box(self) -> int:
        """The index of the innermost box; it is made now, with those around it, if it was without text so far."""
        for element in self.open[len(self.path) :]:
            self.found.boxes.append(_box(element, self.path[-1] if self.path else -1))
            self.path.append(len(self.found.boxes) - 1)
        return self.path[-1]


def _box(element: HtmlElement, parent: int) -> Box:
    attributes = dict(element.items())  # one call of lxml, not six
    get = attributes.get
    label = f"{get('class', '')} {get('id', '')} {get('itemprop', '')} {get('role', '')}"
    style = get("style")
    hidden = get("hidden") is not None or (style is not None and "none" in style and "display" in style)
    return Box(element.tag, label[:300], parent, hidden)


def _holds_prose(element: HtmlElement) -> bool:
    """Whether what is no text by its tag has swallowed some: a <button> that is never closed takes the article with it."""
    return next(element.iter("p"), None) is not None


def blocks_of(tree: HtmlElement) -> Blocks:
    """The boxes and blocks of a tree (as `tree.parse` makes it: at most some 256 deep); what follows its body belongs to it."""
    walk = _Walk()
    body = next((child for child in tree if child.tag == "body"), tree)
    walk.open.append(body)
    walk.inside(body)
    if body is not tree:
        walk.following(body)
    walk.flush()
    return walk.found
