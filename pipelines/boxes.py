"""What is known of each box of a page, along the way from the page's body down to it. Pure."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import numpy as np

from pipelines import words
from pipelines.arrays import Numbers, Whole
from pipelines.blocks import Box

TAGS = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "th", "blockquote", "figcaption", "div", "section", "article")
AROUND = (
    "article", "main", "aside", "header", "footer", "nav", "figure", "form", "ul", "ol", "table", "blockquote", "section",
    "noscript", "dl", "button",
)  # fmt: skip
_TAG_BIT = {tag: 1 << index for index, tag in enumerate(TAGS)}
_AROUND_BIT = {tag: 1 << index for index, tag in enumerate(AROUND)}
_NAME = 80  # characters of a class that are looked at
_HEAD = 3  # letters by which a word is looked for
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")


class Boxes:
    """The boxes of a page in document order; masks have a bit for each of TAGS, AROUND or `groups()`."""

    def __init__(self, boxes: list[Box]) -> None:
        n = len(boxes)
        looks: dict[tuple[str, str], int] = {}
        self.look = np.array([looks.setdefault((box.tag, box.label), len(looks)) for box in boxes])  # a number for tag and label
        self.up = np.array([box.parent for box in boxes])
        self.up[0] = 0
        self.tag = np.array([_TAG_BIT.get(tag, 0) for tag, _ in looks])[self.look]
        names = np.array([_mask(label) for _, label in looks])[self.look]
        around = np.array([_AROUND_BIT.get(tag, 0) for tag, _ in looks])[self.look]
        hidden = np.array([box.hidden for box in boxes])
        names[0] = around[0] = hidden[0] = 0
        self.near = names | names[self.up]
        # What holds for all that stands in a box is handed down in one number.
        handed = _handed_down(hidden + (around << 1) + (names << 1 + len(AROUND)), self.up)
        self.hidden = (handed & 1).astype(np.float64)
        self.around = handed >> 1 & (1 << len(AROUND)) - 1
        self.any = handed >> 1 + len(AROUND)
        self.depth, self.last = _nested(self.up.tolist(), n)  # depth; the last box within each
        self.article = _ordinals(boxes, "article")

    def summed(self, of: Whole, values: Numbers) -> Numbers:
        """Per box, the sum of a value over all blocks in it."""
        running = np.concatenate([[0.0], np.cumsum(np.bincount(of, values, len(self.last)))])
        sums: Numbers = running[self.last + 1] - running[:-1]
        return sums


def _handed_down(own: Whole, up: Whole) -> Whole:
    """Per box, the bits that it or a box around it has."""
    found = own.tolist()
    for index, (bits, above) in enumerate(zip(found, up.tolist(), strict=True)):
        found[index] = bits | found[above]
    return np.array(found)


def _nested(up: list[int], n: int) -> tuple[Numbers, Whole]:
    """Per box, how many are around it, and the last one that is in it."""
    depth, last = [0] * n, list(range(n))
    for index in range(1, n):
        depth[index] = depth[up[index]] + 1
    for index in range(n - 1, 0, -1):
        last[up[index]] = max(last[up[index]], last[index])
    return np.array(depth, np.float64), np.array(last)


def _ordinals(boxes: list[Box], tag: str) -> Whole:
    """Per box, the number of outermost elements `tag` that begin before or at it; 0 outside of them all."""
    if not any(box.tag == tag for box in boxes):
        return np.zeros(len(boxes), np.int64)
    found, count = [0] * len(boxes), 0
    for index, box in enumerate(boxes):
        inside = found[box.parent] if box.parent >= 0 else 0
        if box.tag == tag and not inside:
            inside = count = count + 1
        found[index] = inside
    return np.array(found)


@cache
def groups() -> tuple[str, ...]:
    """What words in class, id, role and itemprop tell of: the groups of words/box_words.txt."""
    return tuple(line.partition(":")[0] for line in words.lines("box_words"))


@cache
def _word_bits() -> tuple[dict[str, int], dict[str, list[tuple[str, int]]]]:
    """The bit of each word (those in a row joined); by their first three letters, the beginnings of words: those with `*`."""
    found: dict[str, int] = {}
    for index, line in enumerate(words.lines("box_words")):
        for word in line.partition(":")[2].split():
            joined = word.replace("-", "").replace("_", "")
            found[joined] = found.get(joined, 0) | 1 << index
    starts: dict[str, list[tuple[str, int]]] = {}
    for word in [word for word in found if word.endswith("*")]:
        starts.setdefault(word[:_HEAD], []).append((word[:-1], found.pop(word)))
    return found, starts


@cache
def _heads() -> frozenset[str]:
    """The letters with which words of the list begin."""
    bits, starts = _word_bits()
    return frozenset((*(word[:_HEAD] for word in bits), *starts))


@lru_cache(maxsize=20_000)
def _mask(label: str) -> int:
    """The groups that the names in a label belong to."""
    mask = 0
    for name in label.split():
        mask |= _name_mask(name)
    return mask


@lru_cache(maxsize=50_000)
def _name_mask(name: str) -> int:
    """The groups that the words of one name, alone or two in a row, belong to."""
    found = [word.lower() for word in _WORD.findall(name[:_NAME])]
    heads, mask = _heads(), 0
    for place, word in enumerate(found, 1):
        following = found[place] if place < len(found) else ""
        if word[:_HEAD] in heads or (len(word) < _HEAD and (word + following)[:_HEAD] in heads):
            mask |= _word_mask(word, following)
    return mask


def _word_mask(word: str, following: str) -> int:
    bits, starts = _word_bits()
    mask = bits.get(word, 0) | bits.get(word + following, 0)
    for start, bit in starts.get(word[:_HEAD], ()):
        mask |= bit if (word + following).startswith(start) else 0
    return mask
