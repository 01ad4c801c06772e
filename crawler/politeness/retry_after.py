"""Retry-After (RFC 9110, 10.2.3): which answers ask for patience, and until when a host is left alone then."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol

from storage.times import parse, seconds_until

UNASKED_BLOCK = 300.0  # seconds, of a 429 that names no time
PLEAS = frozenset({429, 503})  # statuses that may ask for patience


class Gate(Protocol):
    """What keeps a host's blocks."""

    def block(self, host: str, seconds: float | None, reason: str) -> None:
        """Leave a host alone for some seconds; None: it did not say for how long."""


class Plea(NamedTuple):
    """What an answer says of time, as text; an empty one where it says nothing."""

    retry_after: str
    date: str


def heed(gate: Gate, host: str, status: int, plea: Plea, at: str) -> None:
    """A host asked for patience at that moment (RFC 9110, 10.2.3): a 429 in any case, a 503 when it names a time."""
    seconds = patience(plea, parse(at))
    if seconds is not None:
        gate.block(host, seconds + seconds_until(at), f"http-{status}")
    elif status == 429:
        gate.block(host, None, f"http-{status}")


def patience(plea: Plea, at: datetime) -> float | None:
    """Seconds to wait, at most seven days: delay-seconds, or a date as the server's own clock (Date) counts to it.

    None when it names no time that is ahead.
    """
    text = plea.retry_after.strip()
    if text.isascii() and text.isdigit():
        seconds = float(int(text[:9]))
    elif (moment := _moment(text)) is not None:
        seconds = (moment - (_moment(plea.date.strip()) or at)).total_seconds()
    else:
        return None
    return min(seconds, 7 * 86_400.0) if seconds > 0 else None


def _moment(text: str) -> datetime | None:
    """A date of HTTP (RFC 9110, 5.6.7), or of ISO 8601, which some servers send in its place."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError):  # the latter from a zone that is a very long number
            moment = read(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
