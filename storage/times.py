"""One way to write a moment: ISO 8601 UTC with milliseconds, so that text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def iso(moment: datetime) -> str:
    """`2026-03-01T12:00:00.000Z` of an aware datetime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def iso_of(seconds: float) -> str:
    """The same of seconds since 1970."""
    return iso(datetime.fromtimestamp(seconds, UTC))


def now() -> str:
    """This moment: the only clock of all that is stored or planned. Log lines have their own, pauses time.monotonic."""
    return iso(datetime.now(UTC))


def parse(text: str) -> datetime:
    """The aware datetime of what `iso` wrote."""
    return datetime.fromisoformat(text)


def later(text: str, seconds: float) -> str:
    """`text` moved by `seconds`."""
    return iso(parse(text) + timedelta(seconds=seconds))


def seconds_until(moment: str) -> float:
    """From now; negative when it has passed."""
    return (parse(moment) - parse(now())).total_seconds()
