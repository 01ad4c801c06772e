"""Retry-After (RFC 9110, 10.2.3): which answers ask for patience, and until when a host is left alone then."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from storage.times import parse, seconds_until

PLEAS = frozenset({429, 503})  # statuses that may ask for patience


class Gate(Protocol):
    """What keeps a host's blocks."""

    def block(self, host: str, seconds: float | None, reason: str) -> None:
        """Leave a host alone for some seconds; None: it did not say for how long."""


def heed(gate: Gate, host: str, status: int, retry: bytes | None, at: str) -> None:
    """A host asked for patience at that moment (RFC 9110, 10.2.3): a 429 in any case, a 503 when it names a time."""
    seconds = retry_after(retry, parse(at))
    if seconds is not None:
        gate.block(host, seconds + seconds_until(at), f"http-{status}")
    elif status == 429:
        gate.block(host, None, f"http-{status}")


def retry_after(value: bytes | None, at: datetime) -> float | None:
    """Seconds to wait as a Retry-After header says: delay-seconds or an HTTP-date; None when it says nothing readable."""
    text = (value or b"").decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 7 * 86_400))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter from a zone that is a very long number
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - at).total_seconds()), 7 * 86_400.0)
