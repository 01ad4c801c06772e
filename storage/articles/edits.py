"""What an edit changed, word by word. Pure.

Two texts are aligned by their lines, and where lines differ by their words: what both have just once, in the longest
order that they share ("patience diff"), and so on between those. The time grows with the length of the texts, whatever
they hold; the answer is not always the shortest, but one that reads well.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

MAX_DEPTH = 16  # how often what lies between common pieces is looked at once more
MAX_FINE = 200_000  # characters of differing lines that are compared by words; more are told as replaced

WIDE = "\u0e00-\u0e7f\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts without spaces
_PUNCTUATION = r"!-/:-@\[-^`{-~\xa1-\xbf\u060c\u061b\u061f\u0964\u0965\u2000-\u206f\u3000-\u303f\uff00-\uff0f"
_COUNTED = re.compile(f"[{WIDE}]|[^\\W{WIDE}]+")
_LINE = re.compile(r"\s*+[^\n]++")
_WORD = re.compile(rf"\s*+(?:[{WIDE}]|[^\s{_PUNCTUATION}{WIDE}]++|\S)")  # its accents and vowel signs included


class Op(StrEnum):
    """What became of a stretch of text."""

    EQUAL = "equal"
    DELETE = "delete"
    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of text, with the white space before it; an equal one as the later text has it."""

    op: Op
    text: str


@dataclass(frozen=True, slots=True)
class Size:
    """How much an edit changed, in words; in scripts without spaces each character is one."""

    added: int = 0
    removed: int = 0

    def __add__(self, other: Size) -> Size:
        """Both together."""
        return Size(self.added + other.added, self.removed + other.removed)


def edits(before: str, after: str) -> list[Edit]:
    """What leads from one text to the other: equal and inserted stretches, joined, are the later one."""
    stretches = groupby(_by_lines(before.strip(), after.strip()), key=lambda edit: edit.op)
    return [Edit(op, "".join(edit.text for edit in same)) for op, same in stretches]


def size(before: str, after: str) -> Size:
    """How many words an edit added and removed."""
    total = Counter({Op.INSERT: 0, Op.DELETE: 0})
    for edit in edits(before, after):
        if edit.op is not Op.EQUAL:
            total[edit.op] += sum(1 for _ in _COUNTED.finditer(edit.text))
    return Size(total[Op.INSERT], total[Op.DELETE])


def _by_lines(before: str, after: str) -> Iterator[Edit]:
    old, new = _LINE.findall(before), _LINE.findall(after)
    for kept, removed, added in _aligned(old, new):
        yield from _told(kept, "", "")
        if len(removed) + len(added) > MAX_FINE or not removed or not added:
            yield from _told("", removed, added)
        else:
            yield from _by_words(removed, added)


def _by_words(before: str, after: str) -> Iterator[Edit]:
    """The edits within lines. Punctuation alone between two changes is part of both: no islands of it."""
    gone: list[str] = []
    come: list[str] = []
    for kept, removed, added in _aligned(_WORD.findall(before), _WORD.findall(after)):
        if gone and (removed or added) and not _COUNTED.search(kept):
            gone += (kept, removed)
            come += (kept, added)
            continue
        yield from _told("", "".join(gone), "".join(come))
        yield from _told(kept, "", "")
        gone, come = [removed], [added]
    yield from _told("", "".join(gone), "".join(come))


def _told(kept: str, removed: str, added: str) -> Iterator[Edit]:
    stretches = (Edit(Op.EQUAL, kept), Edit(Op.DELETE, removed), Edit(Op.INSERT, added))
    return (edit for edit in stretches if edit.text)


# --- alignment --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Gap:
    """What is still to be aligned: pieces of the one from `a` up to `a_end`, of the other from `b` up to `b_end`."""

    a: int
    a_end: int
    b: int
    b_end: int
    depth: int = 0


def _aligned(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """(kept, removed, added), in order: what follows a common stretch up to the next one."""
    at_old = at_new = 0
    kept: list[str] = []
    for a, b in [*_common([piece.strip() for piece in old], [piece.strip() for piece in new]), (len(old), len(new))]:
        if a > at_old or b > at_new:
            yield "".join(kept), "".join(old[at_old:a]), "".join(new[at_new:b])
            kept = []
        kept += new[b : b + 1]
        at_old, at_new = a + 1, b + 1
    if kept:
        yield "".join(kept), "", ""


def _common(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The places of common pieces, rising in both."""
    found: list[tuple[int, int]] = []
    gaps = [_Gap(0, len(old), 0, len(new))]
    while gaps:
        gap = _without_start(old, new, gaps.pop(), found)
        anchors = _anchors(old, new, gap)
        if not anchors:  # ends only now: a full stop would be taken for that of a paragraph which went with its own
            gap = _without_end(old, new, gap, found)
            anchors = _anchors(old, new, gap)
        found += anchors
        if gap.depth < MAX_DEPTH:
            gaps += _between(gap, anchors)
    return sorted(found)


def _without_start(old: Sequence[str], new: Sequence[str], gap: _Gap, found: list[tuple[int, int]]) -> _Gap:
    """The gap without what both sides begin with, which is added to what was found."""
    a, b = gap.a, gap.b
    while a < gap.a_end and b < gap.b_end and old[a] == new[b]:
        found.append((a, b))
        a, b = a + 1, b + 1
    return replace(gap, a=a, b=b)


def _without_end(old: Sequence[str], new: Sequence[str], gap: _Gap, found: list[tuple[int, int]]) -> _Gap:
    """The same for what they end with."""
    a_end, b_end = gap.a_end, gap.b_end
    while gap.a < a_end and gap.b < b_end and old[a_end - 1] == new[b_end - 1]:
        a_end, b_end = a_end - 1, b_end - 1
        found.append((a_end, b_end))
    return replace(gap, a_end=a_end, b_end=b_end)


def _anchors(old: Sequence[str], new: Sequence[str], gap: _Gap) -> list[tuple[int, int]]:
    """Pieces that both sides of a gap have just once, in the longest order that they share."""
    if gap.a == gap.a_end or gap.b == gap.b_end:
        return []
    once = _once(old, gap.a, gap.a_end)
    other = _once(new, gap.b, gap.b_end)
    return _longest_rising([(a, other[piece]) for piece, a in once.items() if piece in other])


def _once(pieces: Sequence[str], start: int, end: int) -> dict[str, int]:
    """Piece -> place of those that are there once, in order."""
    counts = Counter(pieces[start:end])
    return {pieces[place]: place for place in range(start, end) if counts[pieces[place]] == 1}


def _longest_rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of pairs, rising in their first, that rises in their second too."""
    ends: list[int] = []  # the least second of a rising part, by its length
    last: list[int] = []  # the pair that it ends with
    before: list[int] = []  # of each pair, the one before it
    for number, (_, second) in enumerate(pairs):
        length = bisect_left(ends, second)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [second]
        last[length : length + 1] = [number]
    return list(reversed(list(_followed(pairs, before, last[-1] if last else -1))))


def _followed(pairs: Sequence[tuple[int, int]], before: Sequence[int], number: int) -> Iterator[tuple[int, int]]:
    while number >= 0:
        yield pairs[number]
        number = before[number]


def _between(gap: _Gap, anchors: Iterable[tuple[int, int]]) -> Iterator[_Gap]:
    """The gaps that anchors leave; none where there are no anchors."""
    a, b, depth = gap.a, gap.b, gap.depth + 1
    for at_a, at_b in anchors:
        yield _Gap(a, at_a, b, at_b, depth)
        a, b = at_a + 1, at_b + 1
    if (a, b) != (gap.a, gap.b):
        yield _Gap(a, gap.a_end, b, gap.b_end, depth)
