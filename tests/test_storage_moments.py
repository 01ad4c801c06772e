"""Dates and moments as people type them."""

from __future__ import annotations

import pytest

from storage.errors import UsageError
from storage.query.moments import end_of


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-02-28", "2026-03-01T00:00:00.000Z"),
        ("20260228", "2026-03-01T00:00:00.000Z"),
        ("20260301120000", "2026-03-01T12:00:01.000Z"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:01.000Z"),
        ("2026-03-01 12:00", "2026-03-01T12:00:01.000Z"),
        ("2026-03-01T12:00:00.250Z", "2026-03-01T12:00:00.251Z"),
        ("2026-03-01T13:00:00+01:00", "2026-03-01T12:00:01.000Z"),
    ],
)
def test_the_end_is_that_of_what_was_named(text: str, end: str) -> None:
    """Of a day, of a second, or of the millisecond; without offset it is UTC."""
    assert end_of(text) == end


@pytest.mark.parametrize("text", ["", "yesterday", "20261301120000", "9999-12-31", "99991231235959", "2026-02-30"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """With what would be one."""
    with pytest.raises(UsageError, match="is no date; write 2026-03-01, 2026-03-01T12:00:00Z or 20260301120000"):
        end_of(text)
