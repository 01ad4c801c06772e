"""Word lists as data: one phrase a line in NAME.txt, `#` starts a comment."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of words/NAME.txt without comments and empty ones."""
    text = files(__name__).joinpath(f"{name}.txt").read_text("utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _phrase(line: str) -> str:
    return re.escape(line).replace(r"\ ", r"\s+").replace("'", "['\u2018\u2019\u02bc]")


@cache
def pattern(name: str) -> re.Pattern[str]:
    """One case-insensitive pattern that matches any phrase of the list, longest first; `'` in it is any apostrophe."""
    phrases = sorted(map(_phrase, lines(name)), key=len, reverse=True)
    return re.compile("|".join(phrases), re.IGNORECASE)
