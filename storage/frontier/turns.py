"""Who has the next turn at a host that gives few of them: its seeds and its pages, half of the turns each.

Elsewhere seeds come first. At a host that wants a long gap, or answers a few requests and then asks for patience, seeds are due
again before the first page would have its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")
LATELY = 86_400.0  # seconds after a block in which a host gives few turns
LONG_GAP = 60.0  # seconds between two requests, above which it does


def seeds_begin(host: str, now: str) -> bool:
    """Whether the first turn of this hour is a seed's: a coin that falls the same way for whoever asks within the hour.

    `now` is ISO text. No parity of hours: a host that is asked every two hours would have the same side up each time.
    """
    return crc32(f"{host} {now[:13]}".encode()) & 1 == 0


def alternating(seeds: Sequence[T], pages: Sequence[T], host: str, now: str) -> list[T]:
    """Both in turns, each in its own order; what is left of the longer one comes last."""
    pairs = zip_longest(seeds, pages) if seeds_begin(host, now) else zip_longest(pages, seeds)
    return [each for each in chain.from_iterable(pairs) if each is not None]
