"""What is measured of each text block of a page, as one row of numbers a block. Pure.

Nothing here knows a language: lengths, links, punctuation, places in the page, neighbours, words of class attributes and the phrase
lists of `pipelines/words`. Models are trained for exactly these numbers, in this order; a test holds their widths together.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from pipelines import lines
from pipelines.arrays import Array, Flags, Numbers, Whole
from pipelines.blocks import Block, Blocks
from pipelines.boxes import AROUND, TAGS, Boxes, groups
from pipelines.characters import (
    BAR,
    COMMA,
    DIGIT,
    LOWER,
    SPACE,
    STOP,
    TERMINAL,
    UPPER,
    WIDE,
    Characters,
    characters,
    edge_marks,
)  # fmt: skip

LISTS = ("also_read", "more_from", "prompts", "credits", "legal_tails", "external_content", "times", "paywall_notices")
_LEVELS = 4
_NEIGHBOURS = (-2, -1, 1, 2)
_REACH = 2  # of them
_LINK, _SHORT_LINK, _BESIDE_LINK = 0.85, 40, 60  # share linked; units: so short a link beside another is part of a menu
_NOTICE = 400  # units; a line that begins with a phrase of a list is shorter
_TITLE = 300  # characters; a title is shorter
_TOP = 400  # blocks among which the headline is

_FAR = 99  # blocks
_NONE: frozenset[str] = frozenset()
PROSE_WIDTH = 80  # units (see _Sizes): a sentence or more
_CLOSING = "\"”»'’)]」』“› "
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_CLOCK = re.compile(r"\b\d{1,2}[:.h]\d\d\b")


@dataclass(slots=True)
class Known:
    """What is known of the article already: its title, description, and articleBody of its JSON-LD."""

    title: str = ""
    description: str = ""
    declared: str = ""
    authors: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sizes:
    """Sizes of the blocks; in units: characters, those of scripts without spaces two and a half."""

    width: Numbers
    links: Numbers  # share (0 to 1) of linked characters
    ends: Numbers  # 1: ends as a sentence does
    prose: Numbers  # width of unlinked prose; 0 for all that is none


@dataclass(frozen=True, slots=True)
class Measured:
    """The numbers of the blocks that may be text, (len(kept), columns), which those are, and the widths of all."""

    rows: Array
    kept: Whole
    width: Numbers


def measure(page: Blocks, known: Known) -> Measured:
    """What is measured of the blocks of a page; those that are nothing but a short link are left out at once."""
    texts = [block.text for block in page.blocks]
    chars = characters(texts)
    sizes = _sizes(page.blocks, chars)
    boxes = Boxes(page.boxes)
    of = np.fromiter((block.box for block in page.blocks), np.int64, len(page.blocks))
    kept = np.flatnonzero(~_in_menu(sizes))
    if not len(kept):
        return Measured(np.zeros((0, 0), np.float32), kept, sizes.width)
    said = _said(texts, kept, known.title)
    lists = _phrases(page.blocks, kept, sizes)
    at = of[kept]
    parts = [
        _own(chars, kept, sizes),
        _marks([page.blocks[index] for index in kept.tolist()], chars, kept),
        _bits(boxes.tag[at], len(TAGS)),
        boxes.depth[at][:, None],
        _bits(boxes.around[at], len(AROUND)),
        boxes.hidden[at][:, None],
        _bits(boxes.near[at], len(groups())),
        _bits(boxes.any[at], len(groups())),
        _boxed(boxes, of, sizes)[kept],
        _signed(boxes, of, sizes)[kept],
        _placed(boxes, of, sizes, _headline(page, said, known.title))[kept],
        _beside(boxes, of, sizes, lists)[kept],
        lists[kept],
        _told(texts, kept, said, known),
        np.broadcast_to(_whole_page(sizes, known), (len(kept), 4)),
    ]
    return Measured(np.concatenate(parts, 1, dtype=np.float32), kept, sizes.width)


def _in_menu(sizes: _Sizes) -> Flags:
    """The blocks that are nothing but a short link, beside others of their kind."""
    link = (sizes.links >= _LINK) & (sizes.width <= _BESIDE_LINK)
    beside = np.zeros_like(link)
    beside[1:] |= link[:-1]
    beside[:-1] |= link[1:]
    return link & beside & (sizes.width <= _SHORT_LINK)


def _whole_page(sizes: _Sizes, known: Known) -> Numbers:
    prose, width = sizes.prose.sum(), sizes.width.sum()
    return np.array([np.log1p(prose), np.log1p(len(sizes.width)), prose / max(1.0, width), float(bool(known.title))])


def _sizes(blocks: list[Block], chars: Characters) -> _Sizes:
    n = len(blocks)
    length = np.diff(chars.ends, prepend=-1) - 1.0
    width = length + 1.5 * chars.counts[:, WIDE]
    linked = np.fromiter((block.linked for block in blocks), np.float64, n)
    links = np.minimum(1.0, linked / np.maximum(1.0, length))
    ends = np.fromiter((is_sentence(block.text) for block in blocks), np.float64, n)
    is_prose = (width >= PROSE_WIDTH) & (links < 0.4) & ((ends > 0) | (width > 200))
    return _Sizes(width, links, ends, np.where(is_prose, width * (1 - links), 0.0))


def is_sentence(text: str) -> bool:
    """Whether a text ends as sentences do."""
    text = text[-6:].rstrip(_CLOSING)
    return text[-1:] in TERMINAL if text else False


def _columns(*columns: Array | Numbers | Whole | Flags) -> Numbers:
    """Numbers side by side; np.column_stack takes some times as long."""
    return np.concatenate(columns, dtype=np.float64).reshape(len(columns), -1).T


def _own(chars: Characters, kept: Whole, sizes: _Sizes) -> Numbers:
    counts = chars.counts[kept]
    length = np.maximum(1.0, counts.sum(1).astype(np.float64))
    word_count = np.maximum(1.0, counts[:, SPACE] + 1.0 + counts[:, WIDE])
    return _columns(
        np.log1p(sizes.width[kept]),
        sizes.links[kept],
        sizes.ends[kept],
        counts[:, DIGIT] / length,
        counts[:, UPPER] / length,
        counts[:, COMMA] / word_count,
        counts[:, STOP] / word_count,
        length / word_count,
        counts[:, BAR] > 0,
        (counts[:, UPPER] > 3) & (counts[:, LOWER] == 0),
    )


def _marks(blocks: list[Block], chars: Characters, kept: Whole) -> Numbers:
    """Links, letters that are strong or italic, what a block begins and ends with, and signs in it."""
    told = np.array([(block.links, block.strong, block.italic, block.broken) for block in blocks], np.float64).T
    ends = chars.ends[kept]
    starts = np.append(0, chars.ends[:-1] + 1)[kept]
    size = (ends - starts).astype(np.float64)
    first, last = edge_marks()[chars.codes[starts]], edge_marks()[chars.codes[ends - 1]]
    numbers = chars.counts[kept, DIGIT] + chars.counts[kept, WIDE]  # digits of Thai and its like are wide
    may_date = ((size < 120) & (numbers > 2)).tolist()
    dated = [block.text if may else "" for block, may in zip(blocks, may_date, strict=True)]
    return _columns(
        np.minimum(told[0], 20),
        np.minimum(1.0, told[1] / size),
        np.minimum(1.0, told[2] / size),
        last & 1,
        first >> 4 & 1,
        first >> 2 & 1,
        first >> 3 & 1,
        last >> 1 & 1,
        told[3],
        *(chars.having(char)[kept] for char in "©@{"),
        *(np.array([pattern.search(text) is not None for text in dated]) for pattern in (_YEAR, _CLOCK)),
    )


def _bits(masks: Whole, count: int) -> Numbers:
    return ((masks[:, None] >> np.arange(count)) & 1).astype(np.float64)


def _boxed(boxes: Boxes, of: Whole, sizes: _Sizes) -> Numbers:
    """How much prose, linked text and how many blocks the boxes around a block have; the page's main box."""
    prose = boxes.summed(of, sizes.prose)
    width = boxes.summed(of, sizes.width)
    linked = boxes.summed(of, sizes.width * sizes.links)
    count = boxes.summed(of, np.ones(len(of)))
    total, total_width = max(1.0, prose[0]), max(1.0, width[0])
    rows: list[Numbers] = []
    at = of
    for _ in range(_LEVELS):
        wide = np.maximum(1.0, width[at])
        rows.extend((prose[at] / total, linked[at] / wide, np.log1p(width[at]), prose[at] / wide, np.log1p(count[at])))
        at = boxes.up[at]
    main, most = _chain(boxes, prose, 0.55 * total), _chain(boxes, prose, 0.85 * total)
    direct = np.bincount(of, sizes.prose, len(prose))
    direct_width = np.bincount(of, sizes.width, len(prose))
    rows.extend(
        (
            _within(boxes, main[-1], of),
            _within(boxes, most[-1], of),
            boxes.depth[of] + 1 - sum(_within(boxes, box, of) for box in main),
            boxes.depth[of] - boxes.depth[main[-1]],
            direct[of] / total,
            direct_width[of] / total_width,
        )
    )
    return _columns(*rows)


def _chain(boxes: Boxes, prose: Numbers, least: float) -> list[int]:
    """The boxes from the body down that each hold at least so much prose."""
    chain = [0]
    for index in np.flatnonzero(prose >= least).tolist():
        if index and boxes.up[index] == chain[-1]:
            chain.append(index)
    return chain


def _within(boxes: Boxes, box: int, of: Whole) -> Numbers:
    """1 for the blocks that stand in a box, else 0."""
    inside: Numbers = ((of >= box) & (of <= boxes.last[box])).astype(np.float64)
    return inside


def _signed(boxes: Boxes, of: Whole, sizes: _Sizes) -> Numbers:
    """How much of the page's prose stands in boxes that look the same, with and without the box around them."""
    total = max(1.0, sizes.prose.sum())
    pairs = np.unique(boxes.look * (boxes.look.max() + 1) + boxes.look[boxes.up], return_inverse=True)[1]
    columns: list[Numbers] = []
    for numbers in (pairs[of], boxes.look[of]):
        columns.extend((np.bincount(numbers, sizes.prose)[numbers] / total, np.log1p(np.bincount(numbers))[numbers]))
    return _columns(*columns)


def _placed(boxes: Boxes, of: Whole, sizes: _Sizes, head: int | None) -> Numbers:
    """Where a block stands: in the page, beside the headline (block number `head`), and among the prose."""
    n = len(of)
    at = np.arange(n)
    prose = sizes.prose > 0
    total = max(1.0, sizes.prose.sum())
    places = np.flatnonzero(prose)
    first, last = (int(places[0]), int(places[-1])) if len(places) else (n, -1)
    since, until = _distances(places, n)
    from_head = at - head if head is not None else np.full(n, -1)
    is_h1 = boxes.tag[of] == 1 << TAGS.index("h1")
    return _columns(
        at / n,
        (np.cumsum(sizes.prose) - sizes.prose) / total,
        from_head / n,
        from_head > 0,
        np.log1p(np.abs(from_head)) if head is not None else np.full(n, 9.0),
        from_head == 0,
        np.log1p(since),
        np.log1p(until),
        at < first,
        at > last,
        np.log1p(np.maximum(0, first - at)),
        np.log1p(np.maximum(0, at - last)),
        np.minimum(3, np.cumsum(is_h1)),
        np.minimum(3, boxes.article)[of],
    )


def _distances(places: Whole, n: int) -> tuple[Whole, Whole]:
    """How many blocks stand between each of `n` blocks and the prose before and after it; _FAR where there is none."""
    at = np.arange(n)
    if not len(places):
        return np.full(n, _FAR), np.full(n, _FAR)
    before, after = np.searchsorted(places, at), np.searchsorted(places, at, side="right")
    since = np.where(before > 0, at - places[np.maximum(before - 1, 0)] - 1, _FAR)
    until = np.where(after < len(places), places[np.minimum(after, len(places) - 1)] - at - 1, _FAR)
    return since, until


def _said(texts: list[str], kept: Whole, title: str) -> dict[int, frozenset[str]]:
    """The words of the short blocks that have one in common with the title."""
    wanted = frozenset(title.lower().split())
    found = ((index, texts[index].lower().split()) for index in kept.tolist() if len(texts[index]) < _TITLE)
    return {index: frozenset(said) for index, said in found if not wanted.isdisjoint(said)}


def _headline(page: Blocks, said: dict[int, frozenset[str]], title: str) -> int | None:
    """The block that says the title: the most alike of the first 400; the first h1 where none is alike."""
    wanted = frozenset(title.lower().split())
    best, place = 0.5, None
    for index, found in said.items():
        alike = len(found & wanted) / max(1, len(found | wanted)) if index < _TOP else 0
        if alike > best:
            best, place = alike, index
    if place is None:
        place = next((index for index, block in enumerate(page.blocks) if page.boxes[block.box].tag == "h1"), None)
    return place


def _beside(boxes: Boxes, of: Whole, sizes: _Sizes, lists: Numbers) -> Numbers:
    """The blocks before and after."""
    n = len(of)
    parents = boxes.up[of]
    tags = np.asarray(np.log2(boxes.tag[of] + 0.5), np.float64)
    log_width = np.asarray(np.log1p(sizes.width), np.float64)
    noise = np.asarray(lists.any(1), np.float64)
    values = np.full((6, n + 2 * _REACH), -1.0)  # of the blocks, and on both sides of none
    values[:, _REACH:-_REACH] = log_width, sizes.links, sizes.ends, tags, sizes.prose > 0, noise
    columns: list[Numbers] = []
    for step in _NEIGHBOURS:
        at = np.arange(n) + step
        same = np.where((at >= 0) & (at < n), _same(of, at) | _same(parents, at), -1.0)
        beside = values[:, _REACH + step : _REACH + step + n]
        columns.extend((*beside[:3], same, *beside[3:]))
    return _columns(*columns)


def _same(numbers: Whole, at: Whole) -> Flags:
    return np.asarray(numbers.take(at, mode="clip") == numbers)


def _phrases(blocks: list[Block], kept: Whole, sizes: _Sizes) -> Numbers:
    """Which lists of phrases a short block begins with."""
    found = np.zeros((len(blocks), len(LISTS)))
    for index in kept[sizes.width[kept] < _NOTICE].tolist():
        for name in lines.told(lines.bare(blocks[index].text), LISTS):
            found[index, LISTS.index(name)] = 1
    return found


def _told(texts: list[str], kept: Whole, said: dict[int, frozenset[str]], known: Known) -> Numbers:
    """What other parts of the page say the same."""
    title = frozenset(known.title.lower().split())
    description, declared = " ".join(known.description.split()), " ".join(known.declared.split())
    own = [texts[index] for index in kept.tolist()]
    words = [said.get(index) or _NONE for index in kept.tolist()]
    common = np.array([len(each & title) for each in words])
    counts = Counter(texts)
    first: dict[str, int] = {}
    return _columns(
        common / np.array([max(1, len(each)) for each in words]),
        common / max(1, len(title)),
        np.array([len(text) > 20 and text in description for text in own]),
        np.array([text[:50] in declared and text[-30:] in declared for text in own]) if declared else np.full(len(own), -1),
        np.array([min(5, counts[text]) for text in own]),
        np.array([first.setdefault(text, place) < place for place, text in enumerate(own)]),
    )
