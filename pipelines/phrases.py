"""Lines that begin with a known phrase, or are nothing but one: labels, prompts, credits and notices. Pure.

The lists are `pipelines/words/NAME.txt`; a phrase with `$` at its end counts only where the line says nothing else.
"""

from __future__ import annotations

import re
from functools import cache

from pipelines import words

MAX_LINE = 400  # characters of a line that are looked at
_EDGE = " \t>»›→▶►•·*#-–—:[(|+"
_END = " .:：…>»›→▶►)]|!-–—"
_WIDE = re.compile("[\u0e00-\u0e7f\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

_FIRST_WORD = re.compile(f"[^\\W{_WIDE.pattern[1:-1]}]+")


def bare(line: str) -> str:
    """A line as phrases are compared with it: lower case, plain apostrophes, no bullet or bracket before it."""
    line = line[:MAX_LINE]
    if not line.isascii():
        line = line.replace("\u2019", "'").replace("\u2018", "'").replace("\u02bc", "'").replace("\u00ad", "")
    return line.lower().lstrip(_EDGE)


def told(line: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of those lists that a `bare` line begins with a phrase of."""
    entries = _index(names).get(_key(line))
    return tuple({name for phrase, whole, name in entries if _is(line, phrase, whole)}) if entries else ()


def said(line: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of those lists that a `bare` line has a phrase of anywhere, from the beginning of a word on."""
    index, found = _index(names), set[str]()
    for match in _word_starts().finditer(line):
        for phrase, _, name in index.get(_key(line, match.start()), ()):
            if line.startswith(phrase, match.start()) and _ends(line, match.start() + len(phrase)):
                found.add(name)
    return tuple(found)


def taken(line: str, name: str) -> int:
    """How many characters of a `bare` line the longest phrase of the list takes that it begins with; 0: none."""
    entries = _index((name,)).get(_key(line), ())
    return max((len(phrase) for phrase, whole, _ in entries if _is(line, phrase, whole)), default=0)


def _is(line: str, phrase: str, whole: bool) -> bool:
    return line.startswith(phrase) and _ends(line, len(phrase)) and not (whole and line[len(phrase) :].strip(_END))


def _key(line: str, at: int = 0) -> str:
    """The first word; of scripts that are written without spaces, the first two characters."""
    match = _FIRST_WORD.match(line, at)
    return match.group() if match else line[at : at + 2]


def _ends(line: str, at: int) -> bool:
    return at >= len(line) or not line[at].isalnum() or _WIDE.match(line[at - 1]) is not None


@cache
def _word_starts() -> re.Pattern[str]:
    """Where a phrase may begin: at words, and at every character of scripts that are written without spaces."""
    return re.compile(f"{_WIDE.pattern}|\\b\\w")


@cache
def _index(names: tuple[str, ...]) -> dict[str, tuple[tuple[str, bool, str], ...]]:
    """(phrase, whether it must be all of the line, its list) by `_key`."""
    found: dict[str, list[tuple[str, bool, str]]] = {}
    for name in names:
        for line in words.lines(name):
            if phrase := bare(line.removesuffix("$")):
                found.setdefault(_key(phrase), []).append((phrase, line.endswith("$"), name))
    return {key: tuple(group) for key, group in found.items()}
