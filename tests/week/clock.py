"""A clock that is put on between runs, so that nobody has to wait for it. While a run is at work it goes as fast as any."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Virtual time in seconds since 1970: the machine's time and an offset."""

    def __init__(self, start: datetime) -> None:
        self.offset = start.timestamp() - time.time()

    def seconds(self) -> float:
        """Now."""
        return time.time() + self.offset

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def put_on(self, until: datetime) -> None:
        """Let the time come; it never goes back."""
        self.offset += max(0.0, until.timestamp() - self.seconds())
