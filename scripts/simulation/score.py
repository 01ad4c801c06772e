"""What policies achieved, compared: delays over all stories, and source by source."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scripts.simulation.engine import Policy, Result, delays, run
from scripts.simulation.trace import World

DAY = 86_400.0
UNFOUND = 2 * DAY  # what a story that was never found counts as, where a mean is taken
CLEARLY = 2.0  # standard errors


@dataclass(frozen=True, slots=True)
class Score:
    """Requests a source and day; median, 95th percentile and mean delay in minutes; stories never found of all stories."""

    requests: float
    median: float
    p95: float
    mean: float
    missed: int
    stories: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours against a peer's. `fair`: share of sources that are not clearly worse; `strictly`: whose mean delay is no longer."""

    requests: float
    median: float
    p95: float
    mean: float
    fair: float
    strictly: float


def per_source(world: World, result: Result, warm: float) -> list[list[float]]:
    """Delays of each source's stories but for the first `warm` days, and for the last, of which some may be found later."""
    start, end = world.start + warm * DAY, world.end - DAY
    return [delays(trace, found, start, end) for trace, found in zip(world.traces, result.found, strict=True)]


def score(world: World, result: Result, warm: float = 0.0) -> Score:
    """The figures of one run."""
    found = sorted(delay for source in per_source(world, result, warm) for delay in source)
    days = (world.end - world.start) / DAY * len(world.traces)
    missed = sum(delay == math.inf for delay in found)
    mean = sum(min(delay, UNFOUND) for delay in found) / max(len(found), 1)
    return Score(result.requests / days, _at(found, 0.5) / 60, _at(found, 0.95) / 60, mean / 60, missed, len(found))


def ratio(world: World, ours: Result, peers: Result, warm: float = 0.0) -> Ratio:
    """Ours against a peer's, which should have taken as many requests."""
    mine, other = score(world, ours, warm), score(world, peers, warm)
    pairs = zip(per_source(world, ours, warm), per_source(world, peers, warm), strict=True)
    gains = [_against(a, b) for a, b in pairs if a]
    return Ratio(
        ours.requests / max(peers.requests, 1),
        _part(mine.median, other.median),
        _part(mine.p95, other.p95),
        _part(mine.mean, other.mean),
        sum(mean <= CLEARLY * error for mean, error in gains) / max(len(gains), 1),
        sum(mean <= 0 for mean, _ in gains) / max(len(gains), 1),
    )


def _part(ours: float, other: float) -> float:
    return math.nan if math.isinf(ours) or not other else ours / other


def _against(ours: Sequence[float], peers: Sequence[float]) -> tuple[float, float]:
    """Mean difference of the delays of a source's stories, and its standard error; of a single story the error is its own size."""
    pairs = zip(ours, peers, strict=True)
    differences = [min(a, UNFOUND) - min(b, UNFOUND) for a, b in pairs]
    mean = sum(differences) / len(differences)
    if len(differences) < 2:
        return mean, abs(mean)
    variance = sum((each - mean) ** 2 for each in differences) / (len(differences) - 1)
    return mean, math.sqrt(variance / len(differences))


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan


def matched(world: World, make: Callable[[float], Policy], requests: int, first: float) -> tuple[float, Result]:
    """The policy whose budget comes nearest to so many requests in four tries: within 3 % below and 1 % above, as a rule."""
    knob, best = first, None
    for _ in range(4):
        result = run(world, make(knob))
        share = result.requests / requests
        if best is None or _miss(share) < _miss(best[1].requests / requests):
            best = knob, result
        if 0.97 <= share <= 1.01:
            break
        knob = min(max(knob * share**-1.15, 0.2), 1440.0)
    assert best is not None
    return best


def _miss(share: float) -> float:
    return abs(share - 0.99) * (3 if share > 1.01 else 1)
