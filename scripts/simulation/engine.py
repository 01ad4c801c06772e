"""The virtual clock: polls one at a time in order of their moments, each host left alone for its gap."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scripts.simulation.trace import Trace, World


@dataclass(slots=True)
class Answer:
    """What a poll of a simulated source gave. `first`, `last`: the places of the new stories in its trace."""

    at: float
    failed: str | None = None
    not_modified: bool = False
    first: int = 0
    last: int = 0
    entries: int = 0
    overrun: bool = False

    @property
    def new(self) -> int:
        """How many stories were not known."""
        return self.last - self.first


class Policy(Protocol):
    """Decides when a source is polled. It keeps what it remembers of each source by the source's place."""

    def begin(self, place: int, trace: Trace, at: float) -> float:
        """The moment of the first poll."""

    def conditional(self, place: int) -> bool:
        """Whether the next poll asks with the validators of the last answer."""

    def after(self, place: int, trace: Trace, answer: Answer) -> float:
        """The moment of the next poll."""


@dataclass
class Result:
    """What a policy achieved: the moment at which each story was found (None: never), and what it took."""

    requests: int = 0
    asked: list[int] = field(default_factory=list)  # requests a source
    found: list[list[float | None]] = field(default_factory=list)
    least_gap: float = float("inf")  # seconds between two requests to one host


def run(world: World, policy: Policy) -> Result:
    """Poll all sources from the world's start to its end."""
    traces = world.traces
    result = Result(0, [0] * len(traces), [[None] * len(trace.stories) for trace in traces])
    seen = [-1] * len(traces)  # how many stories had appeared at the last whole answer; -1: never asked
    free: dict[str, float] = {}
    queue = [(policy.begin(place, trace, world.start), place) for place, trace in enumerate(traces)]
    heapq.heapify(queue)
    while queue and queue[0][0] < world.end:
        due, place = heapq.heappop(queue)
        trace = traces[place]
        last = free.get(trace.host)
        if last is not None and due < last + world.gap:
            heapq.heappush(queue, (last + world.gap, place))
            continue
        if last is not None:
            result.least_gap = min(result.least_gap, due - last)
        free[trace.host] = due
        result.asked[place] += 1
        answer = ask(trace, due, seen[place], conditional=policy.conditional(place))
        if answer.failed is None and not answer.not_modified:
            _note(result.found[place], answer, first=seen[place] < 0)
            seen[place] = answer.last
        heapq.heappush(queue, (policy.after(place, trace, answer), place))
    result.requests = sum(result.asked)
    return result


def ask(trace: Trace, at: float, seen: int, *, conditional: bool) -> Answer:
    """What a server answers to one that knows the first `seen` stories (-1: asks for the first time)."""
    if trace.is_down(at):
        return Answer(at, failed=trace.reason)
    until = trace.until(at)
    if conditional and seen >= 0 and (until == seen or trace.lies(at)):
        return Answer(at, not_modified=True, first=seen, last=seen)
    oldest = max(0, until - trace.window)
    first = max(seen, oldest)
    return Answer(at, None, False, first, until, until - oldest, overrun=0 <= seen <= oldest and until > first and oldest > 0)


def _note(found: list[float | None], answer: Answer, *, first: bool) -> None:
    if not first:
        found[answer.first : answer.last] = [answer.at] * answer.new


def delays(trace: Trace, found: Sequence[float | None], start: float, end: float) -> list[float]:
    """Seconds from each story's appearance, within a span, to its discovery; infinite for one that was never found."""
    return [
        float("inf") if at is None else at - moment
        for moment, at in zip(trace.stories, found, strict=True)
        if start <= moment < end
    ]
