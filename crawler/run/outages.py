"""Whether the network is away, from run to run: what is told once, however many runs it lasts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crawler.run.ledger import NEEDS_A_PERSON, stand_for_all
from storage.errors import AllSourcesFailed


@dataclass(frozen=True, slots=True)
class Outage:
    """Since when sources do not answer (None: they do), and the exit code that tells of it: 5 where all fail, else 4."""

    since: str | None = None
    level: int = 0

    def to_text(self) -> str:
        """For the row of a run."""
        return f"{self.level} {self.since or ''}".strip()

    @classmethod
    def from_text(cls, text: str | None) -> Outage:
        """What `to_text` wrote; none of anything else."""
        level, _, since = (text or "").partition(" ")
        return cls(since, int(level)) if since and level in ("4", "5") else cls()


def after(before: Outage, results: Mapping[str, bool], sources: int, unanswered: int, now: str) -> Outage:
    """What is known after a run of so many `sources`: `results` says of which it asked whether it gave something.

    While the network is away a run that asked a few in vain shows that it still is. One that asked none shows nothing.
    """
    is_all = bool(results) and not any(results.values()) and (before.since is not None or stand_for_all(results, sources))
    if unanswered or is_all:
        level = AllSourcesFailed.exit_code if is_all else NEEDS_A_PERSON
        return Outage(before.since or now, max(before.level, level))
    return Outage() if any(results.values()) else before
