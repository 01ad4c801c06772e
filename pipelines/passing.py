"""Lines that change by themselves: a time, a date, a count of comments. Whether they differ is no edit. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pipelines import words
from storage.articles.edits import WIDE

MAX_LINE = 80  # characters: whatever is longer says more than a time
MIN_KEPT = 0.5  # of a text's characters: one that is mostly such lines (a list of results) is what they say

_RUN = re.compile(  # of letters and their marks; an apostrophe is one
    r"[^\s\d!-&(-/:-@\[-`{-~\xa0-\xbf\u2000-\u2018\u201a-\u206f\u2190-\u2bff\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]++"
)
_WIDE_RUN = re.compile(f"[{WIDE}]")
_CLOCK = r"\d{1,2}[:.h]\d{2}(?::\d{2})?"
_DAY = r"\d{1,4}([./-])\d{1,2}\1\d{1,4}\.?"
_NUMBER = r"\d{1,9}(?:[.,'\u2019\u00a0\u202f ]\d{1,3}){0,3}"
_ALONE = re.compile(
    rf"(?:{_DAY}(?:[\s,|/\u2013-]{{1,5}}{_CLOCK})?|{_CLOCK}(?:[\s,|/\u2013-]{{1,5}}{_DAY})?|{_NUMBER})", re.ASCII
)
_EDGES = " \t()[]\u00b7\u2022\u2013\u2014-,.:;"


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """Words of such lines; `marks` need no number beside them; `wide` matches a run of them in scripts without spaces."""

    all: frozenset[str]
    marks: frozenset[str]
    wide: re.Pattern[str]


def lasting(text: str) -> str:
    """The text without its lines that only tell a time or a count; all of it where little else would be left."""
    lines = text.split("\n")
    kept = "\n".join(line for line in lines if not is_passing(line))
    return kept if len(kept) >= MIN_KEPT * len(text) else text


def is_passing(line: str) -> bool:
    """Whether a line says no more than when something was written, or how many have done something."""
    if len(line) > MAX_LINE:
        return False
    runs = _RUN.findall(line.casefold().replace("\u2019", "'"))
    if not runs:
        return _ALONE.fullmatch(line.strip(_EDGES)) is not None
    known = _vocabulary()
    if not all(run in known.all or (_WIDE_RUN.match(run) and known.wide.fullmatch(run)) for run in runs):
        return False
    return any(char.isdigit() for char in line) or not known.marks.isdisjoint(runs)


@cache
def _vocabulary() -> _Vocabulary:
    marks: set[str] = set()
    found: set[str] = set()
    for line in (*words.lines("passing_words"), *words.lines("months")):
        group, _, names = line.partition(":")
        of_line = {run for name in names.split() for run in _RUN.findall(name.casefold())}
        found |= of_line
        marks |= of_line if group == "mark" else set()
    wide = sorted((word for word in found if _WIDE_RUN.match(word)), key=len, reverse=True)
    return _Vocabulary(frozenset(found), frozenset(marks), re.compile(f"(?:{'|'.join(map(re.escape, wide))})++"))
