"""The characters of many texts at once: how many of each kind each text has, and what it begins and ends with. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from pipelines.arrays import Flags, Whole
from storage.articles.edits import WIDE as WIDE_SCRIPTS

TERMINAL = ".?!。！？…।؟۔"
_EDGES = (":：", "?？", "\"“„«‘'—–-「『", "([（【")  # marks at the end of a text, two; and at its beginning, two

# Kinds of characters, counted a block at once.
UPPER, LOWER, DIGIT, STOP, COMMA, SPACE, WIDE, BAR, KINDS = range(9)


@cache
def _kinds() -> NDArray[np.uint8]:
    """The kind of each character of the basic plane; KINDS where it is none of those counted."""
    table, wide = np.full(0x10000, KINDS, np.uint8), re.compile(f"[{WIDE_SCRIPTS}]")
    for code in range(0x10000):
        name = category(chr(code))
        if name == "Lu":
            table[code] = UPPER
        elif name in ("Ll", "Lo", "Lt"):
            table[code] = LOWER
        elif name == "Nd":
            table[code] = DIGIT
        elif name == "Zs":
            table[code] = SPACE
        if wide.match(chr(code)):
            table[code] = WIDE
    for chars, kind in ((TERMINAL, STOP), (",，、;،؛", COMMA), ("|•·", BAR)):
        for char in chars:
            table[ord(char)] = kind
    return table


@dataclass(slots=True)
class Characters:
    """The characters of all texts in one row, those beyond the basic plane as its last; each text ends with a line feed."""

    codes: Whole
    ends: Whole  # per text, the place of its line feed
    counts: Whole  # how many of each kind it has, all line feeds but the last too: (texts, kinds + 1)

    def having(self, char: str) -> Flags:
        """The texts that have a character."""
        found = np.zeros(len(self.ends), np.bool_)
        found[np.searchsorted(self.ends, np.flatnonzero(self.codes == ord(char)))] = True
        return found


def characters(texts: list[str]) -> Characters:
    """The characters of texts, none of which is empty or has a line feed."""
    raw = np.frombuffer("\n".join([*texts, ""]).encode("utf-32-le", "replace"), np.uint32)
    codes = np.minimum(raw, 0xFFFF).astype(np.int64)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    rows = np.repeat(np.arange(0, len(texts) * (KINDS + 1), KINDS + 1), lengths)
    counts = np.bincount(rows + _kinds()[codes], minlength=len(texts) * (KINDS + 1)).reshape(len(texts), KINDS + 1)
    counts[-1, KINDS] -= 1  # the model was trained without the last line feed
    return Characters(codes, np.cumsum(lengths) - 1, counts)


@cache
def edge_marks() -> NDArray[np.uint8]:
    """What each character of the basic plane is where a text begins or ends: a bit for each of _EDGES, and one for a capital."""
    table = np.array([chr(code).isupper() << len(_EDGES) for code in range(0x10000)], np.uint8)
    for bit, edges in enumerate(_EDGES):
        table[[ord(char) for char in edges]] |= 1 << bit
    return table
