"""Lines that begin with a known phrase, or are nothing but one: labels, prompts, credits and notices. Pure.

The lists are `pipelines/words/NAME.txt`; a phrase with `$` at its end counts only where the line says nothing else.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from pipelines import words
from storage.articles.edits import WIDE

MAX_LINE = 800  # characters of a line that are looked at
_EDGE = " \t>»›→▶►•·*#-–—:[(|+"
END = " .:：…>»›→▶►)]|!-–—"
_WIDE = re.compile(f"[{WIDE}]")
_BEFORE_COLON = re.compile(r"(?<=\S)\s?[:：]")
_KEYS = re.compile(f"[{WIDE}]|[^\\W{WIDE}]+")  # where a phrase may begin
_FIRST_WORD = re.compile(f"[^\\W{WIDE}]+")


def bare(line: str) -> str:
    """A line as phrases are compared with it: lower case, plain apostrophes, no bullet or bracket before it."""
    return _bare(line[:MAX_LINE])


@lru_cache(maxsize=2_000)
def _bare(line: str) -> str:
    if ":" in line or "\uff1a" in line:
        line = _BEFORE_COLON.sub(":", line)
    if not line.isascii():
        line = line.replace("\u2019", "'").replace("\u2018", "'").replace("\u02bc", "'").replace("\u00ad", "")
        line = line.lower().replace("i\u0307", "i")
    return line.lower().lstrip(_EDGE)


def told(line: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of those lists that a `bare` line begins with a phrase of."""
    entries = _index(names).get(_key(line))
    if not entries:
        return ()
    return tuple({name for phrase, whole, name in entries if line.startswith(phrase) and _is(line, phrase, whole)})


def cover(line: str, names: tuple[str, ...]) -> float:
    """The share (0 to 1) of a `bare` line that phrases of the lists take, anywhere in it, from the beginning of a word on."""
    index, taken = _index(names), 0
    at = 0  # where the last phrase ended
    for match in _KEYS.finditer(line):
        start, key = match.start(), match.group()
        entries = index.get(line[start : start + 2] if _WIDE.match(key) else key)
        if entries and start >= at:
            sizes = [len(phrase) for phrase, _, _ in entries if line.startswith(phrase, start) and _ends(line, start + len(phrase))]
            if sizes:
                at = start + max(sizes)
                taken += max(sizes)
    return taken / max(1, len(line))


def taken(line: str, name: str) -> int:
    """How many characters of a `bare` line the longest phrase of the list takes that it begins with; 0: none."""
    entries = _index((name,)).get(_key(line), ())
    return max((len(phrase) for phrase, whole, _ in entries if line.startswith(phrase) and _is(line, phrase, whole)), default=0)


def _is(line: str, phrase: str, whole: bool) -> bool:
    """Whether a line that starts with a phrase begins with it in earnest, or is nothing else where that is asked for."""
    return _ends(line, len(phrase)) and not (whole and line[len(phrase) :].strip(END))


def _ends(line: str, at: int) -> bool:
    """Whether no word goes on there."""
    return at >= len(line) or not line[at].isalnum() or not line[at - 1].isalnum() or _WIDE.match(line[at - 1]) is not None


def _key(line: str, at: int = 0) -> str:
    """The first word; of scripts that are written without spaces, the first two characters."""
    match = _FIRST_WORD.match(line, at)
    return match.group() if match else line[at : at + 2]


@cache
def _index(names: tuple[str, ...]) -> dict[str, tuple[tuple[str, bool, str], ...]]:
    """(phrase, whether it must be all of the line, its list) by `_key`."""
    found: dict[str, list[tuple[str, bool, str]]] = {}
    for name in names:
        for line in words.lines(name):
            if phrase := bare(line.removesuffix("$")):
                found.setdefault(_key(phrase), []).append((phrase, line.endswith("$"), name))
    return {key: tuple(group) for key, group in found.items()}


def tells_of_cookies(line: str) -> bool:
    """Whether a `bare` line has a word for cookies, or for partners as such lines have it."""
    stems = _consent_stems()
    return any(stem in line for kind in ("cookies", "partners") for stem in stems[kind])


def asks_for_consent(line: str) -> bool:
    """Whether a `bare` line asks for consent to cookies and the like: by three kinds of words, cookies or partners among them."""
    return tells_of_cookies(line) and len(consent_words(line)) >= 3


def consent_words(line: str) -> frozenset[str]:
    """The kinds of words that a `bare` line has of those with which sites ask for consent."""
    return frozenset(kind for kind, stems in _consent_stems().items() if any(_begins_word(line, stem) for stem in stems))


def _begins_word(line: str, stem: str) -> bool:
    at = line.find(stem)
    return at >= 0 and (at == 0 or not line[at - 1].isalnum() or _WIDE.match(stem) is not None)


@cache
def _consent_stems() -> dict[str, tuple[str, ...]]:
    """The kinds of words and their stems, which begin a word except in scripts without spaces."""
    found = {}
    for line in words.lines("consent_stems"):
        kind, _, stems = line.partition(":")
        found[kind] = tuple(stem.replace("_", " ") for stem in stems.split())
    return found
