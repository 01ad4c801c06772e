"""How long a publisher asks to be left alone, in seconds from a moment on: HTTP caching (RFC 9111), RSS and its syndication module.

Pure. What is absurd, negative, doubled or hostile says nothing, or as much as `LONGEST` at most. How much a hint counts is the
schedule's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from storage.times import parse

LONGEST = 31 * 86_400.0  # seconds

_MOST_TEXT = 4_096  # characters of a header that are read
_DIRECTIVE = re.compile(r'[ \t,]*+([A-Za-z0-9-]{1,40}+)[ \t]*+(?:=[ \t]*+(?:"([^"]*+)"[ \t]*+|([^",;]*+)))?+(?:[,;]|$)')
_SECONDS = re.compile(r"[0-9]{1,19}")
_NOT_KEPT = frozenset({"no-cache", "no-store"})
_PERIODS = {"hourly": 3_600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEK = 7 * 24  # hours

Headers = Iterable[tuple[str, str]]  # lower-case names


@dataclass(slots=True)
class FeedSays:
    """What a feed says of when to come again, as written there; the first word on each counts."""

    ttl: str | None = None
    period: str | None = None
    frequency: str | None = None
    base: str | None = None
    skip_hours: tuple[str, ...] = ()
    skip_days: tuple[str, ...] = ()


def longest(*hints: float | None) -> float | None:
    """The hint that respects all of them."""
    return max((hint for hint in hints if hint is not None), default=None)


# ---- HTTP


def of_headers(headers: Headers, now: str) -> float | None:
    """For how long an answer says that it stays fresh for a cache of one user (RFC 9111, 4.2); `now` is when it came.

    `s-maxage` is for shared caches. `no-cache` and `no-store` forbid to keep, and ask for no pause.
    """
    said: dict[str, str] = {}
    directives: dict[str, str] = {}
    for name, value in headers:
        if name == "cache-control":
            for directive, argument in _directives(value):
                directives.setdefault(directive, argument)
        else:
            said.setdefault(name, value)
    if not _NOT_KEPT.isdisjoint(directives):
        return None
    if "max-age" in directives:
        age = _seconds(said.get("age", "")) or 0
        return _bounded(_less(_seconds(directives["max-age"]), age))
    return _until_expires(said, now)


def _directives(value: str) -> Iterable[tuple[str, str]]:
    """Directives and their arguments, bare or quoted (RFC 9111, 5.2), up to the first that is none."""
    place, text = 0, value[:_MOST_TEXT]
    while place < len(text) and (match := _DIRECTIVE.match(text, place)):
        yield match[1].lower(), (match[2] or match[3] or "").strip()
        place = match.end()


def _until_expires(said: dict[str, str], now: str) -> float | None:
    expires = _http_date(said.get("expires"))
    if expires is None:
        return None
    return _bounded((expires - (_http_date(said.get("date")) or parse(now))).total_seconds())


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text[:100]) if text else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(text: str) -> int | None:
    return int(text) if _SECONDS.fullmatch(text.strip()) else None


def _less(seconds: int | None, age: int) -> int | None:
    return None if seconds is None else seconds - age


def _bounded(seconds: float | None) -> float | None:
    return min(float(seconds), LONGEST) if seconds is not None and seconds > 0 else None


# ---- feeds


def of_feed(says: FeedSays, now: str) -> float | None:
    """The longer of `ttl` (minutes) and the syndication module's interval, and on to where no `skipHours`, `skipDays` bars."""
    pause = longest(_ttl(says.ttl), _interval(says, now))
    return _bounded(_past_skips(pause or 0.0, says, parse(now)) or None)


def _ttl(text: str | None) -> float | None:
    minutes = _number(text)
    return _bounded(minutes * 60) if minutes else None


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,6}", text) else None


def _interval(says: FeedSays, now: str) -> float | None:
    """`updatePeriod` over `updateFrequency`; with an `updateBase`, up to the next moment that lies so many of them behind it."""
    period = _PERIODS.get((says.period or "").lower())
    if period is None:
        return None
    interval = period / (_number(says.frequency) or 1)
    base = _moment(says.base)
    if base is None:
        return _bounded(interval)
    return _bounded(interval - (parse(now) - base).total_seconds() % interval)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text[:40]) if text else None
    except ValueError:
        return None
    return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _past_skips(pause: float, says: FeedSays, now: datetime) -> float | None:
    """The pause, prolonged to the first hour (UTC) that is not skipped; as it is where every hour of the week is."""
    hours = {number % 24 for text in says.skip_hours if (number := _number(text)) is not None and number <= 24}
    days = {_DAYS.index(text.lower()) for text in says.skip_days if text.lower() in _DAYS}
    if not hours and not days:
        return pause
    first = now + timedelta(seconds=pause)
    for ahead in range(_WEEK + 1):
        hour = first + timedelta(hours=ahead)
        if hour.hour not in hours and hour.weekday() not in days:
            start = hour if not ahead else hour.replace(minute=0, second=0, microsecond=0)
            return (start - now).total_seconds()
    return pause
