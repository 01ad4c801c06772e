"""Whether a source is silent: whether so long a gap is a rare event in its own history. Pure.

News are counted in moments of ten minutes, so that a burst is one. Gaps between them are measured not in hours but in news that
the source would have brought by its hours of the week, so that nights and weekends are no silence. The long ones have a tail that
is fitted to them (peaks over a threshold, generalised Pareto): exponential where a source is memoryless, heavier where its news
come in bursts or few gaps are known, as the predictive tail of a Gamma-exponential is. How rare is rare follows from a
budget of false alarms.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import exp, floor, log1p, log2

SLOT = 600.0  # seconds that one moment of news is long
HOUR = 3600.0
DAY = 24 * HOUR
WEEK_HOURS = 168
WEEK = WEEK_HOURS * HOUR
FORTNIGHT_HOURS = 2 * WEEK_HOURS
HALF_LIFE = 8 * WEEK  # after which what was seen weighs half
UNSEEN = 0.15  # of the usual rate, in hours of days of the week that the source was never watched on

_DAILY = 2.0  # news that an hour of the day, or a day of the week, must bring before it is believed to be unlike others
_HOURLY = 4.0  # the same of an hour of the week
_STEPS = 4  # bins of gaps to an octave
_LEAST, _MOST = -3 * _STEPS, 12 * _STEPS  # from 1/8 to 4,096 expected news
_BINS = _MOST - _LEAST + 1
_FORGOTTEN = 0.01  # a count that is not kept any more
_LARGEST = 1e11  # of a number that is kept: seconds since 1970
_PRIOR = 3.0  # gaps that are taken for granted before any is seen ...
_EXCESS = 2.5  # ... and how far they lie above any threshold
_USUAL_SHAPE = 0.1  # of a tail of which nothing is known
_SHAPE_KNOWN = 15.0  # gaps after which the tail itself says as much of its shape
_TAILS = (0.0, 0.5, 0.75, 0.9)  # quantiles above which tails are fitted: the heaviest one counts
_GROWN = 6 * WEEK  # after which a source shows what it is like ...
_CAUTION = 4  # ... and the power with which it is given more time before
_FEWEST = 8.0  # gaps above a quantile that is used


_EDGES = [0.0, *(2 ** ((step + _LEAST) / _STEPS) for step in range(1, _BINS))]  # where a bin of gaps begins
_SIZES = [_EDGES[1] / 2, *(edge * 2 ** (0.5 / _STEPS) for edge in _EDGES[1:])]  # of the gaps in it


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a source brings news. Moments are seconds since 1970; counts lose half their weight in HALF_LIFE."""

    first: float | None = None  # since when it is watched
    last: float | None = None  # its newest news
    hours: tuple[float, ...] = (0.0,) * WEEK_HOURS  # moments of news by hour of the week, UTC, Thursday first
    watched: float = 0.0  # hours
    gaps: tuple[float, ...] = (0.0,) * _BINS  # gaps in expected news, by their size
    stories: float = 0.0  # articles, of which a moment may bring many

    def to_json(self) -> str:
        """For the database: under 3 kB."""
        told = {"first": self.first, "last": self.last, "watched": round(self.watched, 1), "stories": round(self.stories, 1)}
        return json.dumps(told | {"hours": _sparse(self.hours), "gaps": _sparse(self.gaps)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> Pulse:
        """What `to_json` wrote; a fresh one of anything else."""
        try:
            told = json.loads(text or "")
            first, last, watched, stories = (_number(told[name]) for name in ("first", "last", "watched", "stories"))
            return cls(first, last, _dense(told["hours"], WEEK_HOURS), watched, _dense(told["gaps"], _BINS), stories)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError):
            return cls()


def _sparse(counts: Sequence[float]) -> dict[str, float]:
    return {str(place): round(count, 2) for place, count in enumerate(counts) if count >= _FORGOTTEN}


def _dense(told: dict[str, float], size: int) -> tuple[float, ...]:
    counts = [0.0] * size
    for place, count in told.items():
        counts[int(place)] = _number(count)
    return tuple(counts)


def _number(told: object) -> float:
    """Raises ValueError or TypeError for what is no number that we write."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told < _LARGEST:
        raise ValueError("no number of ours")
    return float(told)


@dataclass(frozen=True, slots=True)
class Tempo:
    """What a pulse expects: news an hour, by hour of the week, and their sums up to its beginning."""

    rates: Sequence[float]
    sums: Sequence[float]  # one more than rates: the last is a whole week's

    @property
    def fortnight(self) -> float:
        """News in two weeks."""
        return 2 * self.sums[-1]

    def between(self, start: float, end: float) -> float:
        """News expected between two moments."""
        return max(0.0, self._since(end) - self._since(start))

    def _since(self, moment: float) -> float:
        weeks, hours = divmod(moment / HOUR, WEEK_HOURS)
        hour = min(int(hours), WEEK_HOURS - 1)
        return weeks * self.sums[-1] + self.sums[hour] + self.rates[hour] * (hours - hour)


def beat(pulse: Pulse, moments: Sequence[float]) -> Pulse:
    """The pulse after news at some moments; those that are no later than its newest, by less than SLOT, are none."""
    for moment in sorted(moments):
        if pulse.last is None or pulse.first is None:
            pulse = replace(pulse, first=moment, last=moment)
        elif moment - pulse.last >= SLOT:
            pulse = beaten(pulse, moment, tempo(pulse))
        pulse = replace(pulse, stories=pulse.stories + 1)
    return pulse


def begun(moments: Sequence[float]) -> Pulse:
    """The pulse of a source that is seen for the first time, with all that it has: gaps are measured by what they lead to."""
    pulse = beat(Pulse(), moments)
    if pulse.last is None:
        return pulse
    distinct = [pulse.first or pulse.last]
    for moment in sorted(moments):
        if moment - distinct[-1] >= SLOT:
            distinct.append(moment)
    usual, gaps = tempo(pulse), list(Pulse().gaps)
    for start, end in pairwise(distinct):
        gaps[_bin(usual.between(start, end))] += 1
    return replace(pulse, gaps=tuple(gaps))


def beaten(pulse: Pulse, moment: float, usual: Tempo) -> Pulse:
    """The pulse after one more moment of news, of which `usual` is the tempo before it."""
    last = moment if pulse.last is None else pulse.last
    passed = moment - last
    kept = 0.5 ** (passed / HALF_LIFE)
    gap = _bin(usual.between(last, moment))
    hours = [count * kept for count in pulse.hours]
    hours[int(moment // HOUR) % WEEK_HOURS] += 1
    gaps = [count * kept for count in pulse.gaps]
    gaps[gap] += 1
    watched, stories = pulse.watched * kept + passed / HOUR, pulse.stories * kept
    return replace(pulse, last=moment, hours=tuple(hours), watched=watched, gaps=tuple(gaps), stories=stories)


def _bin(gap: float) -> int:
    step = floor(log2(gap) * _STEPS) if gap > 0 else _LEAST
    return min(max(step, _LEAST), _MOST) - _LEAST


# ---- what is expected


def tempo(pulse: Pulse) -> Tempo:
    """News an hour that a source brings, by hour of the week: its mean, hour of the day and day of the week as far as they are
    known, and hour of the week as far as that is known beyond them.
    """
    total, watched = sum(pulse.hours), max(pulse.watched, 1.0)
    mean = (total + 0.5) / watched
    seen = _seen(pulse)
    spent = [watched / max(sum(seen), 1.0) * one for one in seen]  # hours watched, by hour of the week
    daily = [_factor(pulse.hours[hour::24], spent[hour::24], mean, _DAILY) for hour in range(24)]
    days = [slice(24 * day, 24 * day + 24) for day in range(7)]
    weekly = [_factor(pulse.hours[day], spent[day], mean, _DAILY) for day in days]
    rates = [
        _rate(pulse.hours[hour], spent[hour], mean * daily[hour % 24] * weekly[hour // 24]) for hour in range(WEEK_HOURS)
    ]
    rates = [rate if seen[hour] else rate * UNSEEN for hour, rate in enumerate(rates)]
    return Tempo(rates, [0.0, *accumulate(rates)])


def _seen(pulse: Pulse) -> list[int]:
    """Hours of the week that the source was watched in: 1, others 0."""
    first, last = int((pulse.first or 0) // HOUR), int((pulse.last or 0) // HOUR)
    if last - first >= WEEK_HOURS:
        return [1] * WEEK_HOURS
    seen = [0] * WEEK_HOURS
    for hour in range(first, last + 1):
        seen[hour % WEEK_HOURS] = 1
    return seen


def _factor(counts: Sequence[float], hours: Sequence[float], mean: float, weight: float) -> float:
    return (sum(counts) + weight) / (mean * sum(hours) + weight)


def _rate(count: float, hours: float, usual: float) -> float:
    return usual * (count + _HOURLY) / (usual * hours + _HOURLY)


# ---- how rare a gap is


def rarity(gaps: Sequence[float], size: float) -> float:
    """The probability, at most 1, that a gap is longer than `size` expected news, after the gaps that were seen."""
    seen = sum(gaps)
    heaviest, tail, wanted = 0.0, _Tail(), [share * seen for share in _TAILS]
    for step in range(len(gaps) - 1, -1, -1):
        if not gaps[step] and step:
            continue
        tail = tail.with_gaps(gaps[step], _SIZES[step])
        while wanted and seen - tail.count <= wanted[-1] + _FORGOTTEN:
            wanted.pop()
            if size > _EDGES[step] and (tail.count >= _FEWEST or not wanted):
                heaviest = max(heaviest, tail.beyond(size, _EDGES[step], seen))
    return min(1.0, heaviest) if heaviest else 1.0


@dataclass(frozen=True, slots=True)
class _Tail:
    """The longest gaps: how many, and the sums of their sizes and of the squares of these."""

    count: float = 0.0
    sizes: float = 0.0
    squares: float = 0.0

    def with_gaps(self, count: float, size: float) -> _Tail:
        return _Tail(self.count + count, self.sizes + count * size, self.squares + count * size**2)

    def beyond(self, size: float, edge: float, seen: float) -> float:
        """The probability of a gap longer than `size`: what lies above `edge` is Pareto (Pickands 1975), by its moments."""
        count = self.count + _PRIOR
        mean = (self.sizes - self.count * edge + _PRIOR * _EXCESS) / count
        weight = self._weight(edge)
        shape = weight + 1 / count  # what few gaps leave open makes a tail as heavy as that
        return count / (seen + _PRIOR) * exp(-log1p(shape * (size - edge) / (mean * (1 - weight))) / shape)

    def _weight(self, edge: float) -> float:
        """The Pareto shape: 0 of memoryless gaps, more of heavier tails; as far as it is known, else what is usual."""
        excess = self.sizes - self.count * edge
        square = self.squares - 2 * edge * self.sizes + self.count * edge**2
        varied = square * self.count / excess**2 - 1 if excess > 0 else 1.0  # squared coefficient of variation
        told = max(-0.5, (1 - 1 / varied) / 2) if varied > 0 else -0.5
        return max(0.0, (told * self.count + _USUAL_SHAPE * _SHAPE_KNOWN) / (self.count + _SHAPE_KNOWN))


def allowed(usual: Tempo, budget: float, age: float) -> float:
    """The probability below which a gap is an alarm: `budget` is false alarms a fortnight over 1,000 sources.

    Of a source that is watched for `age` seconds, less than six weeks, a burst may be all that is known: it is given more time.
    """
    return budget / 1000 / max(usual.fortnight, 1.0) * min(1.0, age / _GROWN) ** _CAUTION


def expected_articles(pulse: Pulse, start: float, end: float) -> float | None:
    """Articles that a source would have brought between two moments; None of one that is hardly known."""
    moments = sum(pulse.hours)
    if pulse.watched < 24 or moments < 1:
        return None
    return tempo(pulse).between(start, end) * max(1.0, pulse.stories / moments)


def is_silent(pulse: Pulse, until: float, budget: float) -> bool:
    """Whether a source that was asked at `until`, and had nothing new since its last news, is silent."""
    if pulse.last is None or until <= pulse.last:
        return False
    if pulse.watched < WEEK_HOURS and until - pulse.last < 2 * DAY:
        return False  # its nights are not known yet
    usual = tempo(pulse)
    age = until - (pulse.first or pulse.last)
    return rarity(pulse.gaps, usual.between(pulse.last, until)) < allowed(usual, budget, age)
