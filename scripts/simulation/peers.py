"""The polling policies of others, as they are published, each with its knobs. What is from memory is told in docs/simulation.md."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from scripts.simulation.engine import Answer
from scripts.simulation.trace import Trace

MINUTE = 60.0
DAY = 86_400.0
WEEK = 7 * DAY


def phase(place: int, interval: float) -> float:
    """Some part of an interval, the same each time: sources do not all begin at one moment."""
    return Random(place).random() * interval  # noqa: S311 - no secret


@dataclass
class Fixed:
    """Every source at one interval (seconds)."""

    interval: float

    def begin(self, place: int, trace: Trace, at: float) -> float:
        """The first poll, within the first interval."""
        return at + phase(place, self.interval)

    def conditional(self, place: int) -> bool:
        """It sends validators."""
        return True

    def after(self, place: int, trace: Trace, answer: Answer) -> float:
        """The next poll."""
        return answer.at + self.interval


@dataclass
class EntryFrequency:
    """miniflux, POLLING_SCHEDULER=entry_frequency: a week, by the entries of the last week times `factor`, within bounds."""

    factor: float = 1.0
    least: float = 5 * MINUTE
    most: float = DAY
    known: dict[int, int] = field(default_factory=dict)

    def begin(self, place: int, trace: Trace, at: float) -> float:
        """A feed is fetched when it is added: within the first five minutes here."""
        return at + phase(place, 5 * MINUTE)

    def conditional(self, place: int) -> bool:
        """It sends validators."""
        return True

    def after(self, place: int, trace: Trace, answer: Answer) -> float:
        """The next poll, by what is known of the last week's stories."""
        if answer.failed is None and not answer.not_modified:
            self.known[place] = answer.last
        known = self.known.get(place, 0)
        entries = known - min(known, bisect_left(trace.stories, answer.at - WEEK))
        interval = self.most if not entries else WEEK / (entries * self.factor)
        return answer.at + min(max(interval, self.least), self.most)


@dataclass
class DuplicateShare:
    """Media Cloud's rss-fetcher: the interval grows by `step` where most of a feed was known, and shrinks where little was."""

    least: float = 60 * MINUTE
    most: float = DAY
    first: float = 6 * 60 * MINUTE
    low: float = 0.5
    high: float = 0.9
    step: float = 30 * MINUTE
    intervals: dict[int, float] = field(default_factory=dict)
    failures: dict[int, int] = field(default_factory=dict)

    def begin(self, place: int, trace: Trace, at: float) -> float:
        """The first poll: all feeds are queued at once, and worked off."""
        return at + phase(place, 60 * MINUTE)

    def conditional(self, place: int) -> bool:
        """It sends validators."""
        return True

    def after(self, place: int, trace: Trace, answer: Answer) -> float:
        """The next poll, after the interval was adjusted."""
        interval = self.intervals.get(place, min(max(self.first, self.least), self.most))
        if answer.failed is not None:
            self.failures[place] = self.failures.get(place, 0) + 1
            return answer.at + min(interval * 2.0 ** (self.failures[place] - 1), 7 * DAY)
        self.failures[place] = 0
        known = 1.0 if answer.not_modified or not answer.entries else 1 - answer.new / answer.entries
        if known > self.high:
            interval += self.step
        elif known < self.low:
            interval -= self.step
        self.intervals[place] = min(max(interval, self.least), self.most)
        return answer.at + self.intervals[place]


def duplicate_shares() -> list[DuplicateShare]:
    """The members of rss-fetcher's family that are tried."""
    pairs = [(0.5, 0.75), (0.75, 0.9), (0.9, 0.97)]
    spans = [(5, 24), (15, 24), (15, 6), (60, 24)]
    return [
        DuplicateShare(least * MINUTE, most * 60 * MINUTE, 6 * 60 * MINUTE, low, high, step * MINUTE)
        for low, high in pairs
        for least, most in spans
        for step in (15, 60)
    ]


Make = Callable[[], "Fixed | EntryFrequency | DuplicateShare"]
