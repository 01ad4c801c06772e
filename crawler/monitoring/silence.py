"""Whether a source is silent: whether so long a gap is a rare event in its own history. Pure.

News are counted in moments of ten minutes, so that a burst is one. Gaps between them are measured not in hours but in news that
the source would have brought by its hours of the week, so that nights and weekends are no silence. The long ones have a tail that
is fitted to them (peaks over a threshold, generalised Pareto): exponential where a source is memoryless, heavier where its news
come in bursts or few gaps are known, as the predictive tail of a Gamma-exponential is. A source whose gaps vary as exponential
ones do, above each threshold, is taken for memoryless. How rare is rare follows from a budget of false alarms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import exp, floor, log1p, log2, sqrt

from crawler.schedule.week import DAY, HOUR, SLOTS, WEEK, Week, rates, slot

SLOT = 600.0  # seconds that one moment of news is long
HALF_LIFE = 8 * WEEK  # after which what was seen weighs half
UNSEEN = 0.15  # of the usual rate, in hours of days of the week that the source was never watched on

_STEPS = 4  # bins of gaps to an octave
_LEAST, _MOST = -3 * _STEPS, 12 * _STEPS  # from 1/8 to 4,096 expected news
_BINS = _MOST - _LEAST + 1
_FORGOTTEN = 0.01  # a count that is not kept any more
_LARGEST = 1e11  # of a number that is kept: seconds since 1970
_USUAL_SHAPE = 0.1  # of a tail of which nothing is known
_TAILS = (0.0, 0.5, 0.75, 0.9)  # quantiles above which tails are fitted: the heaviest one counts
_GROWN = 6 * WEEK  # of news, after which a source shows what it is like ...
_CAUTION = 7  # ... and the power with which it is given more time before
_WAITING = 1 / 3  # of the time since its newest news that counts as if there had been some
_FEWEST = 8.0  # gaps above a quantile that is used
_PLAIN = 80.0  # gaps that can show a source to be memoryless: all its gaps count then, and no higher quantile
_NOISE = 0.8  # standard errors that the variation of such gaps may lie above that of exponential ones


_EDGES = [0.0, *(2 ** ((step + _LEAST) / _STEPS) for step in range(1, _BINS))]  # where a bin of gaps begins
_SIZES = [_EDGES[1] / 2, *(edge * 2 ** (0.5 / _STEPS) for edge in _EDGES[1:])]  # of the gaps in it


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a source brings news. Moments are seconds since 1970; counts lose half their weight in HALF_LIFE."""

    first: float | None = None  # since when it is watched
    last: float | None = None  # its newest news
    hours: tuple[float, ...] = (0.0,) * SLOTS  # moments of news by hour of the week, UTC, Thursday first
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
            return cls(first, last, _dense(told["hours"], SLOTS), watched, _dense(told["gaps"], _BINS), stories)
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


def beaten(pulse: Pulse, moment: float, usual: Week) -> Pulse:
    """The pulse after one more moment of news, of which `usual` is the tempo before it."""
    last = moment if pulse.last is None else pulse.last
    passed = moment - last
    kept = 0.5 ** (passed / HALF_LIFE)
    gap = _bin(usual.between(last, moment))
    hours = [count * kept for count in pulse.hours]
    hours[slot(moment)] += 1
    gaps = [count * kept for count in pulse.gaps]
    gaps[gap] += 1
    watched, stories = pulse.watched * kept + passed / HOUR, pulse.stories * kept
    return replace(pulse, last=moment, hours=tuple(hours), watched=watched, gaps=tuple(gaps), stories=stories)


def _bin(gap: float) -> int:
    step = floor(log2(gap) * _STEPS) if gap > 0 else _LEAST
    return min(max(step, _LEAST), _MOST) - _LEAST


# ---- what is expected


def tempo(pulse: Pulse) -> Week:
    """News an hour that a source brings, by hour of the week."""
    seen, watched = _seen(pulse), max(pulse.watched, 1.0)
    spent = watched / max(sum(seen), 1)  # hours, in each hour of the week that it was watched in
    days = [spent * sum(seen[24 * day : 24 * day + 24]) for day in range(7)]
    hours = [spent * sum(seen[hour::24]) for hour in range(24)]
    found = rates(pulse.hours, days, hours, (sum(pulse.hours) + 0.5) / watched)
    return Week.of([rate if seen[place] else rate * UNSEEN for place, rate in enumerate(found)])


def _seen(pulse: Pulse) -> list[int]:
    """Hours of the week that the source was watched in: 1, others 0."""
    first, last = int((pulse.first or 0) // HOUR), int((pulse.last or 0) // HOUR)
    if last - first >= SLOTS:
        return [1] * SLOTS
    seen = [0] * SLOTS
    for hour in range(first, last + 1):
        seen[hour % SLOTS] = 1
    return seen


# ---- how rare a gap is


def rarity(gaps: Sequence[float], size: float) -> float:
    """The probability, at most 1, that a gap is longer than `size` expected news, after the gaps that were seen."""
    seen, tails = sum(gaps), list(_tails(gaps))
    is_plain = seen >= _PLAIN and all(tail.is_plain for tail in tails)
    belief, used = (_MEMORYLESS, tails[:1]) if is_plain else (_ANY, tails)
    return min(1.0, max((tail.beyond(size, seen, belief) for tail in used if size > tail.edge), default=1.0))


@dataclass(frozen=True, slots=True)
class _Belief:
    """What is taken for granted of gaps before any is seen."""

    gaps: float  # so many ...
    excess: float  # ... that lie so far above any threshold
    shape_known: float  # gaps after which the tail itself says as much of its shape


_ANY = _Belief(2.0, 2.0, 60.0)
_MEMORYLESS = _Belief(2.0, 1.5, 40.0)


@dataclass(frozen=True, slots=True)
class _Tail:
    """The gaps above an edge: how many, and the sums of their sizes and of the squares of these."""

    edge: float
    count: float
    sizes: float
    squares: float

    @property
    def excess(self) -> float:
        """The sum of what lies above the edge."""
        return self.sizes - self.count * self.edge

    @property
    def varied(self) -> float:
        """The squared coefficient of variation above the edge: 1 of exponential gaps."""
        square = self.squares - 2 * self.edge * self.sizes + self.count * self.edge**2
        return square * self.count / self.excess**2 - 1 if self.excess > 0 else 1.0

    @property
    def is_plain(self) -> bool:
        """Whether it varies no more than exponential gaps would, of which the standard error is 2 / sqrt(count)."""
        return self.varied <= 1 + _NOISE * 2 / sqrt(self.count)

    def beyond(self, size: float, seen: float, belief: _Belief) -> float:
        """The probability of a gap longer than `size`: what lies above the edge is Pareto (Pickands 1975), by its moments."""
        count = self.count + belief.gaps
        mean = (self.excess + belief.gaps * belief.excess) / count
        weight = self._weight(belief)
        shape = weight + 1 / count  # what few gaps leave open makes a tail as heavy as that
        return count / (seen + belief.gaps) * exp(-log1p(shape * (size - self.edge) / (mean * (1 - weight))) / shape)

    def _weight(self, belief: _Belief) -> float:
        """The Pareto shape: 0 of memoryless gaps, more of heavier tails; as far as it is known, else what is usual."""
        told = max(-0.5, (1 - 1 / self.varied) / 2) if self.varied > 0 else -0.5
        return max(0.0, (told * self.count + _USUAL_SHAPE * belief.shape_known) / (self.count + belief.shape_known))


def _tails(gaps: Sequence[float]) -> Iterator[_Tail]:
    """Those above the quantiles that have gaps enough, the lowest first; of few gaps, all of them alone."""
    counts, sizes, squares = (_from_the_end(gaps[n] * size**power for n, size in enumerate(_SIZES)) for power in range(3))
    for share in _TAILS:
        wanted = (1 - share) * counts[0] - _FORGOTTEN
        step = max((n for n, count in enumerate(counts) if count and count >= wanted), default=0)
        if share and counts[step] < _FEWEST:
            return
        yield _Tail(_EDGES[step], counts[step], sizes[step], squares[step])


def _from_the_end(terms: Iterator[float]) -> list[float]:
    return list(accumulate(list(terms)[::-1]))[::-1]


def allowed(usual: Week, budget: float, brought: float, gap: float) -> float:
    """The probability below which a gap is an alarm: `budget` is false alarms a fortnight over 1,000 sources.

    Of a source that has `brought` news for less than six weeks (seconds), a burst may be all that is known: it is given more time.
    """
    age = brought + _WAITING * gap
    return budget / 1000 / max(usual.fortnight, 1.0) * min(1.0, age / _GROWN) ** _CAUTION


def expected_articles(pulse: Pulse, start: float, end: float) -> float | None:
    """Articles that a source would have brought between two moments; None of one that is hardly known."""
    moments = sum(pulse.hours)
    if pulse.watched < 24 or moments < 1:
        return None
    return tempo(pulse).between(start, end) * max(1.0, pulse.stories / moments)


@dataclass(frozen=True, slots=True)
class Lull:
    """What all sources together show of the last days, on a holiday: (seconds, share of the usual news that came in them)."""

    shares: Sequence[tuple[float, float]] = ()

    def between(self, usual: Week, start: float, end: float) -> float:
        """News expected between two moments, of which `end` is now: as few as one of the shares explains."""
        whole = usual.between(start, end)
        missed = ((1 - share) * usual.between(max(start, end - span), end) for span, share in self.shares)
        return whole - max(missed, default=0.0)


def is_silent(pulse: Pulse, until: float, budget: float, lull: Lull | None = None) -> bool:
    """Whether a source that was asked at `until`, and had nothing new since its last news, is silent."""
    if pulse.last is None or until <= pulse.last:
        return False
    if pulse.watched < SLOTS and until - pulse.last < 2 * DAY:
        return False  # its nights are not known yet
    usual = tempo(pulse)
    level = allowed(usual, budget, pulse.last - (pulse.first or pulse.last), until - pulse.last)
    return rarity(pulse.gaps, (lull or Lull()).between(usual, pulse.last, until)) < level
