"""How fast silent sources are found, against false alarms: `python -m scripts.simulation.silence`.

Sources of several kinds and rates live for some weeks, and die at a random moment of the last fortnight. What the
rule under test is told is what a crawl would see: news as they appear, and at the first sight what a feed still shows.
"""

from __future__ import annotations

import argparse
import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median

from crawler.monitoring.silence import SLOT, Pulse, allowed, beaten, begun, rarity, tempo
from crawler.schedule.week import DAY, HOUR, SLOTS, Week

START = 1_700_000_000.0 // (7 * DAY) * (7 * DAY)
WINDOW = 20  # stories that a feed shows
BUDGETS = (1.0, 5.0, 20.0, 100.0)


@dataclass(frozen=True, slots=True)
class Parameters:
    """One set: how many sources, their rates (stories a day, log-normal), how bursty, how long they are watched."""

    seed: int
    sources: int = 600
    middle: float = 6.0
    spread: float = 1.5
    branching: float = 0.6
    weeks: int = 8
    most: float = 40.0
    night: float = 0.03
    weekend: float = 0.15


SETS = {  # the rule was chosen on the first two
    "tuned": Parameters(seed=1),
    "wide": Parameters(seed=3, middle=4.0, spread=1.8, branching=0.75, weeks=9, night=0.06, weekend=0.05),
    "held-out": Parameters(seed=2, middle=3.0, spread=1.9, branching=0.75, weeks=6, night=0.1, weekend=0.0),
    "fresh": Parameters(seed=4, sources=200, middle=5.0, spread=1.7, branching=0.65, weeks=7, night=0.05, weekend=0.3),
}


def memoryless(moment: float, told: Parameters) -> float:  # noqa: ARG001
    """The same at all hours."""
    return 1.0


def diurnal(moment: float, told: Parameters) -> float:
    """Much by day, little at night."""
    hour = moment / HOUR % 24
    return told.night + 2 * max(0.0, math.sin(math.pi * (hour - 6) / 14)) if 6 <= hour <= 20 else told.night


def weekly(moment: float, told: Parameters) -> float:
    """By day, and little at weekends: days 2 and 3 of a week that begins on a Thursday."""
    day = int(moment / DAY) % 7
    return diurnal(moment, told) * (told.weekend if day in (2, 3) else 1.3)


SHAPES: dict[str, Callable[[float, Parameters], float]] = {
    "memoryless": memoryless,
    "diurnal": diurnal,
    "weekly": weekly,
    "bursty": memoryless,
    "bursty-diurnal": diurnal,
    "irregular": memoryless,
}


def stories(kind: str, rate: float, told: Parameters, rng: random.Random) -> list[float]:
    """Moments of stories of one source, from START on, in order."""
    end = START + told.weeks * 7 * DAY
    bursty = told.branching if "bursty" in kind else 0.0
    found = list(_thinned(kind, rate * (1 - bursty), end, told, rng))
    if kind == "irregular":
        found = list(_renewed(rate, end, rng))
    queue = list(found)
    while bursty and queue:
        parent = queue.pop()
        for _ in range(_poisson(bursty, rng)):
            child = parent + rng.expovariate(1 / (2 * HOUR))
            if child < end:
                queue.append(child)
                found.append(child)
    return sorted(found)


def _thinned(kind: str, rate: float, end: float, told: Parameters, rng: random.Random) -> Iterator[float]:
    """A Poisson process whose rate follows the shape of its kind."""
    highest, moment = 3.0, START
    while (moment := moment + rng.expovariate(rate * highest / DAY)) < end:
        if rng.random() * highest < SHAPES[kind](moment, told):
            yield moment


def _renewed(rate: float, end: float, rng: random.Random) -> Iterator[float]:
    """Gaps with a heavier tail than memoryless ones: log-normal, sigma 1."""
    moment = START
    while (moment := moment + rng.lognormvariate(math.log(DAY / rate) - 0.5, 1.0)) < end:
        yield moment


def _poisson(mean: float, rng: random.Random) -> int:
    count, product, limit = 0, rng.random(), math.exp(-mean)
    while product > limit:
        count, product = count + 1, product * rng.random()
    return count


@dataclass(slots=True)
class Found:
    """What came of the sources of one kind."""

    fortnights: float = 0.0  # source-fortnights that were watched
    alarms: Counter[str] = field(default_factory=Counter)
    delays: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)  # (hours, expected stories, optimum)


Rule = Callable[[Pulse, float], float]  # the probability, or what is like one, of a gap that lasts until then


def simulated(kind: str, told: Parameters) -> Found:
    """All sources of a kind."""
    rng = random.Random(f"{told.seed}/{kind}")  # noqa: S311 - nothing is secret
    found = Found(delays={rule: [] for rule in [*map(_name, BUDGETS), *SIMPLE]})
    for _ in range(told.sources):
        rate = min(max(rng.lognormvariate(math.log(told.middle), told.spread), 0.1), told.most)
        _live(stories(kind, rate, told, rng), rate, kind, told, rng, found)
    return found


def _name(budget: float) -> str:
    return f"budget {budget:g}"


def _live(moments: Sequence[float], rate: float, kind: str, told: Parameters, rng: random.Random, found: Found) -> None:
    end = START + told.weeks * 7 * DAY
    seen_at = START + 14 * DAY  # the crawl begins
    first = bisect_left(moments, seen_at)
    death = rng.uniform(end - 14 * DAY, end)
    if first < 2:
        return
    pulse = begun(moments[max(0, first - WINDOW) : first])
    found.fortnights += (death - seen_at) / (14 * DAY)
    for moment in [*moments[first : bisect_left(moments, death)], death]:
        if pulse.last is None or moment - pulse.last < SLOT:
            continue
        usual = tempo(pulse)
        _judge(pulse, usual, moment, found)
        if moment < death:
            pulse = beaten(pulse, moment, usual)
    _die(pulse, rate, kind, told, found)


def _mean(pulse: Pulse) -> float:
    return max(pulse.watched, 1.0) * HOUR / max(sum(pulse.hours), 1.0)


SIMPLE: dict[str, Callable[[Pulse], float]] = {
    "24 hours": lambda _: DAY,
    "48 hours": lambda _: 2 * DAY,
    "5 mean gaps": lambda pulse: 5 * _mean(pulse),
    "15 mean gaps": lambda pulse: 15 * _mean(pulse),
}


def _judge(pulse: Pulse, usual: Week, moment: float, found: Found) -> None:
    assert pulse.last is not None
    for name, limit in SIMPLE.items():
        found.alarms[name] += moment - pulse.last > limit(pulse)
    rare = rarity(pulse.gaps, usual.between(pulse.last, moment))
    for budget in BUDGETS:
        found.alarms[_name(budget)] += not _is_young(pulse, moment) and rare < _level(pulse, usual, budget, moment)


def _level(pulse: Pulse, usual: Week, budget: float, moment: float) -> float:
    last = pulse.last or 0.0
    return allowed(usual, budget, last - (pulse.first or last), moment - last)


def _is_young(pulse: Pulse, moment: float) -> bool:
    return pulse.watched < SLOTS and moment - (pulse.last or 0) < 2 * DAY


def _die(pulse: Pulse, rate: float, kind: str, told: Parameters, found: Found) -> None:
    """Measure from the last story: what the rule can know; expected stories are those of the true rate."""
    assert pulse.last is not None
    usual = tempo(pulse)
    for budget in BUDGETS:
        moment = _first(pulse.last, partial(_is_rare, pulse, usual, budget))
        best = math.log(rate * 14 / (budget / 1000))
        found.delays[_name(budget)].append(((moment - pulse.last) / HOUR, _expected(kind, rate, told, pulse.last, moment), best))
    for name, limit in SIMPLE.items():
        moment = pulse.last + limit(pulse)
        found.delays[name].append((limit(pulse) / HOUR, _expected(kind, rate, told, pulse.last, moment), 0.0))


def _is_rare(pulse: Pulse, usual: Week, budget: float, moment: float) -> bool:
    rare = rarity(pulse.gaps, usual.between(pulse.last or 0.0, moment))
    return rare < _level(pulse, usual, budget, moment) and not _is_young(pulse, moment)


def _first(start: float, is_true: Callable[[float], bool]) -> float:
    """The first moment after `start`, to ten minutes, at which it holds; two years at most."""
    low, high = start, start + HOUR
    while not is_true(high) and high < start + 730 * DAY:
        low, high = high, start + 2 * (high - start)
    while high - low > SLOT:
        middle = (low + high) / 2
        low, high = (low, middle) if is_true(middle) else (middle, high)
    return high


def _expected(kind: str, rate: float, told: Parameters, start: float, end: float) -> float:
    steps = min(max(int((end - start) / HOUR), 24), 2000)
    width = (end - start) / steps
    return rate / DAY * width * sum(SHAPES[kind](start + (n + 0.5) * width, told) for n in range(steps))


def main() -> None:
    """Print one table a parameter set."""
    parser = argparse.ArgumentParser(prog="python -m scripts.simulation.silence", description=__doc__)
    parser.add_argument("--set", action="append", choices=list(SETS), help="Parameter sets; all of them without it.")
    parser.add_argument("--kind", action="append", choices=list(SHAPES), help="Kinds of sources; all of them without it.")
    parser.add_argument("--sources", type=int, metavar="N", help="How many sources of a kind.")
    given = parser.parse_args()
    for name in given.set or list(SETS):
        told = replace(SETS[name], sources=given.sources or SETS[name].sources)
        print(f"parameter set {name}: {told}")
        print("kind            rule          false alarms   median delay: hours  expected stories  best possible")
        for kind in given.kind or list(SHAPES):
            _print(kind, simulated(kind, told))


def _print(kind: str, found: Found) -> None:
    for rule, delays in found.delays.items():
        hours, expected, best = (median(column) for column in zip(*delays, strict=True))
        alarms = found.alarms[rule]
        a_fortnight = alarms / found.fortnights * 1000
        shown = f"{best:8.1f}" if best and kind == "memoryless" else ""
        print(f"{kind:15} {rule:14} {a_fortnight:8.1f} ({alarms:5d}) {hours:10.1f} {expected:15.1f} {shown}")


if __name__ == "__main__":
    main()
