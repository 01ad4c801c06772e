"""Made-up sources by the thousand: every parameter and seed of them stands here.

Rates are log-normal, a few stories a month to some hundred a day. Stories come as an inhomogeneous Poisson process by hour
of the week, with clusters (Hawkes) where a source is bursty, at certain minutes where it is clocked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from scripts.simulation.trace import Spans, Trace, World

HOUR = 3600.0
DAY = 24 * HOUR
START = 1_767_571_200.0  # Monday 2026-01-05 00:00 UTC
BEFORE = 21 * DAY  # stories that are on the pages already


@dataclass(frozen=True)
class Parameters:
    """What a set of sources is drawn from. `mixture`: shares of kinds; `rate`: median of stories a day, `spread` its log-sd."""

    name: str
    seed: int
    sources: int = 1000
    days: int = 14
    mixture: Mapping[str, float] = field(default_factory=dict)
    rate: float = 4.0
    spread: float = 1.7
    most: float = 400.0
    night: tuple[float, float] = (0.02, 0.3)  # rate at night against the day's
    weekend: tuple[float, float] = (0.1, 0.7)
    branching: tuple[float, float] = (0.3, 0.7)
    burst: tuple[float, float] = (5 * 60.0, 3600.0)  # mean time from a story to one that follows from it
    outages: float = 0.3  # mean number a source
    outage: float = 6 * HOUR
    shared_hosts: float = 0.2
    undated: float = 0.25
    lying_dates: float = 0.06


TUNED = Parameters(
    "tuned",
    seed=20260105,
    mixture={
        "diurnal": 0.27,
        "weekly": 0.18,
        "bursty": 0.2,
        "memoryless": 0.15,
        "dying": 0.05,
        "reviving": 0.05,
        "lying": 0.04,
        "silent": 0.06,
    },
)
HELD_OUT = Parameters(
    "held-out",
    seed=77003311,
    mixture={
        "diurnal": 0.2,
        "weekly": 0.25,
        "bursty": 0.13,
        "memoryless": 0.22,
        "clocked": 0.03,
        "dying": 0.04,
        "reviving": 0.03,
        "lying": 0.02,
        "silent": 0.08,
    },
    rate=2.5,
    spread=2.0,
    most=600.0,
    night=(0.005, 0.5),
    weekend=(0.05, 0.9),
    branching=(0.2, 0.85),
    burst=(2 * 60.0, 4 * 3600.0),
    outages=0.6,
    shared_hosts=0.35,
    undated=0.4,
    lying_dates=0.1,
)
FRESH = Parameters(
    "fresh",
    seed=905_518_264,
    mixture={
        "diurnal": 0.23,
        "weekly": 0.22,
        "bursty": 0.17,
        "memoryless": 0.18,
        "clocked": 0.02,
        "dying": 0.06,
        "reviving": 0.04,
        "lying": 0.03,
        "silent": 0.05,
    },
    rate=6.0,
    spread=1.4,
    most=250.0,
    night=(0.05, 0.25),
    weekend=(0.2, 0.8),
    branching=(0.25, 0.6),
    burst=(10 * 60.0, 2 * 3600.0),
    outages=0.4,
    outage=4 * HOUR,
    shared_hosts=0.1,
    undated=0.3,
    lying_dates=0.04,
)
SETS = {"tuned": TUNED, "held-out": HELD_OUT, "fresh": FRESH}


@dataclass(frozen=True)
class Truth:
    """What a source really is: stories an hour by hour of the week, its bursts, and the spans in which it lives."""

    rates: tuple[float, ...]
    branching: float = 0.0
    time: float = HOUR  # seconds, mean, from a story to one that follows from it
    alive: Spans = ((0.0, math.inf),)


def world(parameters: Parameters) -> World:
    """All sources of a set; the same each time."""
    return made(parameters)[0]


def made(parameters: Parameters) -> tuple[World, list[Truth]]:
    """All sources of a set, and what no schedule may know of them."""
    rng = np.random.default_rng(parameters.seed)
    kinds = list(parameters.mixture)
    shares = np.array([parameters.mixture[kind] for kind in kinds])
    drawn = rng.choice(len(kinds), size=parameters.sources, p=shares / shares.sum())
    sources = [_source(parameters, rng, number, kinds[kind]) for number, kind in enumerate(drawn)]
    traces = tuple(trace for trace, _ in sources)
    return World(parameters.name, START, START + parameters.days * DAY, traces), [truth for _, truth in sources]


def _source(parameters: Parameters, rng: np.random.Generator, number: int, kind: str) -> tuple[Trace, Truth]:
    end = START + parameters.days * DAY
    stories, truth = _stories(parameters, rng, kind)
    alive = _SPANS.get(kind, _always)(rng, end)
    stories = stories[[any(since <= moment < until for since, until in alive) for moment in stories]]
    shared = rng.random() < parameters.shared_hosts
    host = f"host{rng.integers(parameters.sources // 20 + 1)}.test" if shared else f"source{number}.test"
    lying: Spans = ((START + rng.uniform(0, 5) * DAY, end),) if kind == "lying" else ()
    trace = Trace(
        id=f"source{number}",
        host=host,
        stories=tuple(float(moment) for moment in stories),
        window=int(rng.choice([10, 20, 30, 50, 100])),
        kind=kind,
        announced=_announced(parameters, rng, stories),
        down=_outages(parameters, rng, end),
        lying=lying,
    )
    return trace, replace(truth, alive=alive)


def _stories(parameters: Parameters, rng: np.random.Generator, kind: str) -> tuple[np.ndarray, Truth]:
    """The moments of a source that lives all the time, rounded to whole seconds, and its rates."""
    a_day = min(float(rng.lognormal(np.log(parameters.rate), parameters.spread)), parameters.most)
    if kind == "silent":
        a_day = 0.02
    flat = kind == "memoryless" or (kind in ("bursty", "silent") and rng.random() < 0.5)
    profile = np.ones(168) if flat else _profile(parameters, rng, weekly=kind == "weekly")
    branching = float(rng.uniform(*parameters.branching)) if kind == "bursty" else 0.0
    hours = np.arange(START - BEFORE, START + parameters.days * DAY, HOUR)
    weights = profile[(hours // HOUR).astype(int) % 168]
    counts = rng.poisson(weights / profile.mean() * a_day / 24 * (1 - branching))
    moments = np.repeat(hours, counts) + rng.uniform(0, HOUR, counts.sum())
    time = HOUR
    if branching:
        time = float(np.exp(rng.uniform(*np.log(parameters.burst))))
        moments = _with_bursts(rng, moments, branching, time)
    if kind == "clocked":
        moments = moments // HOUR * HOUR + rng.integers(60) * 60 + rng.uniform(0, 30, len(moments))
    moments = np.unique(np.round(moments))
    rates = tuple(float(rate) for rate in profile / profile.mean() * a_day / 24)
    return moments[moments < START + parameters.days * DAY], Truth(rates, branching, time)


def _profile(parameters: Parameters, rng: np.random.Generator, *, weekly: bool) -> np.ndarray:
    """Weights of the hours of a week, from Thursday 00:00 UTC: a day with a morning's peak, nights, and weekends."""
    hours = np.arange(24.0)
    night = rng.uniform(*parameters.night)
    rise, fall = rng.uniform(5, 9), rng.uniform(17, 23.5)
    day = 1 / (1 + np.exp(-(hours - rise) * 2)) / (1 + np.exp((hours - fall) * 1.5))
    peak = rng.uniform(0, 2) * np.exp(-((hours - rng.uniform(7, 18)) ** 2) / 4)
    shifted = np.roll(night + (1 - night) * day + peak * day, int(rng.integers(24)))
    week = np.tile(shifted, 7).reshape(7, 24)
    if weekly:
        week[2:4] *= rng.uniform(*parameters.weekend)
        week *= rng.lognormal(0, 0.3, 7)[:, None]
    flat: np.ndarray = week.reshape(168)
    return flat


def _with_bursts(rng: np.random.Generator, moments: np.ndarray, branching: float, time: float) -> np.ndarray:
    """The moments and, generation after generation, those that follow from them."""
    all_of_them, parents = [moments], moments
    for _ in range(60):
        children = np.repeat(parents, rng.poisson(branching, len(parents)))
        if not len(children):
            break
        parents = children + rng.exponential(time, len(children))
        all_of_them.append(parents)
    return np.concatenate(all_of_them)


def _always(rng: np.random.Generator, end: float) -> Spans:  # noqa: ARG001
    return ((0.0, math.inf),)


def _dying(rng: np.random.Generator, end: float) -> Spans:
    return ((0.0, float(rng.uniform(START, end))),)


def _reviving(rng: np.random.Generator, end: float) -> Spans:
    died = START - rng.uniform(1, 20) * DAY
    return (0.0, float(died)), (float(rng.uniform(START + DAY, end)), math.inf)


_SPANS: Mapping[str, Callable[[np.random.Generator, float], Spans]] = {
    "dying": _dying,
    "reviving": _reviving,
}


def _announced(
    parameters: Parameters, rng: np.random.Generator, stories: np.ndarray
) -> tuple[float | None, ...] | None:
    """What the feed says: nothing, the minute of the story, some time before it, or a lie."""
    chance = rng.random()
    if chance < parameters.undated:
        return None
    if chance < parameters.undated + parameters.lying_dates:
        offset = rng.choice([-30 * DAY, -6 * HOUR, 8 * HOUR])
        constant = rng.random() < 0.3
        return tuple(float(START - DAY) if constant else float(moment + offset) for moment in stories)
    late = rng.choice([0.0, 0.0, 120.0, 900.0])
    return tuple(float(moment // 60 * 60 - rng.exponential(late + 1e-9)) for moment in stories)


def _outages(parameters: Parameters, rng: np.random.Generator, end: float) -> Spans:
    starts = rng.uniform(START, end, rng.poisson(parameters.outages))
    return tuple((float(start), float(start + rng.exponential(parameters.outage))) for start in sorted(starts))
