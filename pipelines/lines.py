"""Lines that begin with a known phrase, or are nothing but one: labels, prompts, credits and notices. Pure.

The lists are `pipelines/words/NAME.txt`; a phrase with `$` at its end counts only where the line says nothing else.
"""

from __future__ import annotations

import re
from functools import cache

from pipelines import words

MAX_LINE = 800  # characters of a line that are looked at
_EDGE = " \t>»›→▶►•·*#-–—:[(|+"
END = " .:：…>»›→▶►)]|!-–—"
_WIDE = re.compile("[\u0e00-\u0e7f\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_BEFORE_COLON = re.compile(r"(?<=\S)\s?[:：]")
_FIRST_WORD = re.compile(f"[^\\W{_WIDE.pattern[1:-1]}]+")


def bare(line: str) -> str:
    """A line as phrases are compared with it: lower case, plain apostrophes, no bullet or bracket before it."""
    line = line[:MAX_LINE]
    line = _BEFORE_COLON.sub(":", line)
    if not line.isascii():
        line = line.replace("\u2019", "'").replace("\u2018", "'").replace("\u02bc", "'").replace("\u00ad", "")
    return line.lower().lstrip(_EDGE)


def told(line: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of those lists that a `bare` line begins with a phrase of."""
    entries = _index(names).get(_key(line))
    return tuple({name for phrase, whole, name in entries if _is(line, phrase, whole)}) if entries else ()


def cover(line: str, names: tuple[str, ...]) -> float:
    """The share (0 to 1) of a `bare` line that phrases of the lists take, anywhere in it, from the beginning of a word on."""
    index, taken = _index(names), 0
    at = 0  # where the last phrase ended
    for match in _word_starts().finditer(line):
        start = match.start()
        if start < at:
            continue
        sizes = [
            len(phrase)
            for phrase, _, _ in index.get(_key(line, start), ())
            if line.startswith(phrase, start) and _ends(line, start + len(phrase))
        ]
        if sizes:
            at = start + max(sizes)
            taken += max(sizes)
    return taken / max(1, len(line))


def taken(line: str, name: str) -> int:
    """How many characters of a `bare` line the longest phrase of the list takes that it begins with; 0: none."""
    entries = _index((name,)).get(_key(line), ())
    return max((len(phrase) for phrase, whole, _ in entries if _is(line, phrase, whole)), default=0)


def _is(line: str, phrase: str, whole: bool) -> bool:
    return line.startswith(phrase) and _ends(line, len(phrase)) and not (whole and line[len(phrase) :].strip(END))


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


def asks_for_consent(line: str) -> bool:
    """Whether a `bare` line asks for consent to cookies and the like: by three kinds of words, cookies or partners among them."""
    found = consent_words(line)
    return len(found) >= 3 and not found.isdisjoint({"cookies", "partners"})


def consent_words(line: str) -> frozenset[str]:
    """The kinds of words that a `bare` line has of those with which sites ask for consent."""
    return frozenset(kind for kind, stems in _consent_stems() if stems.search(line))


@cache
def _consent_stems() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The kinds of words and their stems, which begin a word except in scripts without spaces."""
    found = []
    for line in words.lines("consent_stems"):
        kind, _, stems = line.partition(":")
        patterns = (re.escape(stem.replace("_", " ")) for stem in stems.split())
        found.append((kind, re.compile("|".join(p if _WIDE.match(p) else rf"\b{p}" for p in patterns))))
    return tuple(found)
