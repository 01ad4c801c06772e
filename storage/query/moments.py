"""Dates and moments as people type them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from storage.errors import UsageError
from storage.times import iso

_DIGITS = re.compile(r"\d{14}", re.ASCII)


def moment(text: str) -> str:
    """A date or ISO 8601 moment as the database writes moments; without offset it is UTC. Raises UsageError."""
    try:
        return date.fromisoformat(text).isoformat() + "T00:00:00.000Z"
    except ValueError:
        pass
    try:
        said = datetime.fromisoformat(text)
        return iso(said if said.tzinfo else said.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no date; write 2026-03-01 or 2026-03-01T12:00:00Z") from None


def end_of(text: str) -> str:
    """The first moment after a date, or after the second that a moment names. Raises UsageError.

    A moment is ISO 8601, or the fourteen digits that the addresses of web archives have.
    """
    try:
        if _DIGITS.fullmatch(text):
            return iso(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC) + timedelta(seconds=1))
        return iso(_start(text) + _span(text))
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no date; write 2026-03-01, 2026-03-01T12:00:00Z or 20260301120000") from None


def _start(text: str) -> datetime:
    said = datetime.fromisoformat(text)
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def _span(text: str) -> timedelta:
    """How long what was named is: a day, a second, a millisecond."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return timedelta(milliseconds=1) if datetime.fromisoformat(text).microsecond else timedelta(seconds=1)
    return timedelta(days=1)
