"""Which URLs of a page are like hundreds that became no article: a trap that no pattern tells. Pure.

URLs have one shape when they differ in numbers, hashes and names alone. A shape is barren when many of it were fetched and
(nearly) none became an article. Stories of a news site have few shapes, and become articles: none of theirs is ever barren.
One in SAMPLE is let through nevertheless, so that a shape which begins to bear is found out.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from storage.records import State

FEW = 20  # new links of a page that are no flood
MANY = 200  # of a shape that were fetched
BEARS = 0.02  # share of them that became articles, of a shape that is not barren
SAMPLE = 8

_HASH = re.compile(r"(?=[^0-9]*[0-9])(?=[^a-z]*[a-z])(?:[0-9a-z]{12,}|[0-9a-f-]{16,})", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+")
_UNSEEN = frozenset("bot-challenge consent-wall login paywall needs-javascript meta-refresh server-page alias links-only".split())


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a URL."""

    url: str
    state: str
    reason: str | None = None


def refused(urls: Iterable[str], judged: Iterable[Judged]) -> frozenset[str]:
    """Those of some new URLs that are of a barren shape, but for the sample. `judged` are the newest of the same source."""
    barren = barren_shapes(judged)
    return frozenset(url for url in urls if shape(url) in barren and not is_sample(url))


def barren_shapes(judged: Iterable[Judged]) -> frozenset[str]:
    """Shapes of which many were fetched and hardly any became an article. What a wall hid, or nobody read, does not count."""
    fetched: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    for one in judged:
        if one.reason not in _UNSEEN:
            form = shape(one.url)
            fetched[form] += 1
            stored[form] += one.state in {State.STORED, State.GONE}
    return frozenset(form for form, count in fetched.items() if count >= MANY and stored[form] < BEARS * count)


@lru_cache(maxsize=4096)
def shape(url: str) -> str:
    """The host, the first segment where it is a word, what the others are, and the names of the parameters."""
    path, _, query = url.partition("://")[2].partition("?")
    host, *segments = path.split("/")
    forms = [_of(segment) for segment in segments]
    if len(forms) > 1 and forms[0] == "word":
        forms[0] = segments[0].casefold()
    names = sorted({parameter.partition("=")[0] for parameter in query.split("&") if parameter})
    return "/".join([host, *forms]) + (f"?{'&'.join(names)}" if names else "")


def _of(segment: str) -> str:
    """What a segment of a path is: a number, a hash, a name of several words, a word."""
    text = unquote(segment)
    if not text or text.isdigit():
        return "0" if text else ""
    if _HASH.fullmatch(text):
        return "*"
    return "name" if len(_WORDS.findall(text)) > 1 or any(map(str.isdigit, text)) else "word"


def is_sample(url: str) -> bool:
    """Always the same of a URL."""
    return zlib.crc32(url.encode()) % SAMPLE == 0
