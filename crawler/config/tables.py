"""The `[[source]]` tables in the bytes of newswarc.toml: where each stands, one paused, one taken out. Pure.

Lines are looked at, not TOML: whoever uses this reads the outcome again and compares (`config_edit`). So text
that only looks like a table is never taken for one in silence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_HEADER = re.compile(rb"\s*\[\[\s*(?:source|\"source\"|'source')\s*\]\]\s*(?:#.*)?", re.DOTALL)
_ANY_HEADER = re.compile(rb"\s*\[")
_PAUSED = re.compile(rb"\s*(?:paused|\"paused\"|'paused')\s*=")


@dataclass(frozen=True, slots=True)
class Span:
    """The lines of one table: `start` is its header, `end` is behind its last line that says something."""

    start: int
    end: int


def paused(content: bytes, numbers: Collection[int], *, yes: bool) -> bytes:
    """The file with `paused = true` in the tables with these numbers (from 0), or without it."""
    lines = content.splitlines(keepends=True)
    for span in reversed(_chosen(lines, numbers)):
        kept = [line for line in lines[span.start : span.end] if not _PAUSED.match(line)]
        lines[span.start : span.end] = [*_ended(kept, content), b"paused = true" + _ending(content)] if yes else kept
    return b"".join(lines)


def without(content: bytes, numbers: Collection[int]) -> bytes:
    """The file without the tables with these numbers (from 0), nor the comments right above them."""
    lines = content.splitlines(keepends=True)
    for span in reversed(_chosen(lines, numbers)):
        start, end = _above(lines, span.start), _below(lines, span.end)
        while end < len(lines) and not lines[end].strip():
            end += 1
        if end == len(lines):
            while start and not lines[start - 1].strip():
                start -= 1
        del lines[start:end]
    return b"".join(lines)


def spans(lines: Sequence[bytes]) -> Iterator[Span]:
    """The tables, in their order."""
    headers = [number for number, line in enumerate(lines) if _ANY_HEADER.match(line)]
    for start, following in pairwise([*headers, len(lines)]):
        if _HEADER.fullmatch(lines[start]):
            yield Span(start, max(number + 1 for number in range(start, following) if _says(lines[number])))


def _chosen(lines: Sequence[bytes], numbers: Collection[int]) -> list[Span]:
    return [span for number, span in enumerate(spans(lines)) if number in numbers]


def _says(line: bytes) -> bool:
    """Whether a line is neither blank nor a comment."""
    return bool(line.strip()) and not _is_comment(line)


def _is_comment(line: bytes) -> bool:
    return line.lstrip().startswith(b"#")


def _above(lines: Sequence[bytes], start: int) -> int:
    """Where the comments begin that stand right above a table."""
    while start and _is_comment(lines[start - 1]):
        start -= 1
    return start


def _below(lines: Sequence[bytes], end: int) -> int:
    """Where the comments end that stand right below a table, unless they stand right above the next one."""
    last = end
    while last < len(lines) and _is_comment(lines[last]):
        last += 1
    return end if last < len(lines) and lines[last].strip() else last


def _ending(content: bytes) -> bytes:
    return b"\r\n" if b"\r\n" in content else b"\n"


def _ended(lines: list[bytes], content: bytes) -> list[bytes]:
    """The same lines, the last one with its end."""
    return lines if lines[-1].endswith(b"\n") else [*lines[:-1], lines[-1] + _ending(content)]
