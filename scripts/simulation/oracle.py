"""A schedule that knows what no schedule can: the true rates, bursts, outages and deaths. A bound for all others."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf

from scripts.simulation.engine import Answer
from scripts.simulation.generate import HOUR, Truth
from scripts.simulation.peers import DAY, MINUTE, phase
from scripts.simulation.trace import Trace

STEP = 10 * MINUTE
SLOTS = 168
FULL = 0.4  # of what a page holds may come between two polls
MEMORY = 5  # mean times after which a burst is over


@dataclass
class Oracle:
    """The next poll comes when the integral of the true rate to the power `within`, since the last, reaches the source's share.

    `shares`: polls an hour of each source, in proportion.
    """

    truths: Sequence[Truth]
    shares: Sequence[float]
    within: float = 0.5
    least: float = 5 * MINUTE
    most: float = 2 * DAY

    def begin(self, place: int, trace: Trace, at: float) -> float:
        """The first poll, within the first five minutes as that of others."""
        return at + phase(place, 5 * MINUTE)

    def conditional(self, place: int) -> bool:
        """It is never told that nothing is new where something is."""
        return False

    def after(self, place: int, trace: Trace, answer: Answer) -> float:
        """The next poll; none while the server is down."""
        truth, now = self.truths[place], answer.at
        due = self._due(truth, self.shares[place], trace, now)
        wait = min(max(due - now, self.least), self.most)
        return max([now + wait, *(end for start, end in trace.down if start <= now + wait < end)])

    def _due(self, truth: Truth, share: float, trace: Trace, now: float) -> float:
        mean = sum(truth.rates) / SLOTS
        stirred = _stirred(truth, trace, now)
        done, at, end = 0.0, now, now + self.most
        while at < end:
            until = (at // STEP + 1) * STEP if at < now + 4 * HOUR else (at // HOUR + 1) * HOUR
            middle = (at + until) / 2
            rate = (1 - truth.branching) * truth.rates[int(middle // HOUR) % SLOTS] if _lives(truth, middle) else 0.0
            # stories yet unseen bring others: on average a burst fades the slower, and the calm rate is the larger
            fading = exp(-(middle - now) / truth.time * (1 - truth.branching))
            rate = rate * (1 + truth.branching / (1 - truth.branching) * (1 - fading)) + stirred * fading
            span = (until - at) / HOUR
            step: float = max(share * (rate / mean) ** self.within, rate / (FULL * trace.window)) * span
            if done + step >= 1:
                return float(at + (1 - done) / step * (until - at))
            done, at = done + step, until
        return inf


def _lives(truth: Truth, at: float) -> bool:
    return any(since <= at < until for since, until in truth.alive)


def _stirred(truth: Truth, trace: Trace, now: float) -> float:
    """Stories an hour that follow from those that have appeared."""
    if not truth.branching:
        return 0.0
    start, end = bisect_right(trace.stories, now - MEMORY * truth.time), bisect_right(trace.stories, now)
    return sum(truth.branching / truth.time * HOUR * exp((moment - now) / truth.time) for moment in trace.stories[start:end])


def at_shares(truths: Sequence[Truth], shares: Sequence[float], within: float, knob: float) -> Oracle:
    """An oracle that asks sources so many times an hour, all of them times `knob`."""
    return Oracle(truths, [knob * share for share in shares], within)
