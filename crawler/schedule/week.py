"""The hours of a week: how news spreads over them, learnt of one source, and how much is to be expected between two moments. Pure.

What is known of an hour of the week is shrunk level by level: source, hour of the day, day of the week, hour of weekday or
weekend, hour of the week. Weeks begin on Thursday 00:00 UTC, where POSIX time does. Moments are seconds, rates news an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

HOUR = 3600.0  # seconds
DAY = 24 * HOUR
WEEK = 7 * DAY
SLOTS = 168  # hours of a week
_WEEKEND, _WORKDAYS = (2, 3), (0, 1, 4, 5, 6)  # days of that week
_SHRINK = (4.0, 6.0, 8.0, 12.0)  # pseudo-news: hour of day, day of week, hour of weekday or weekend, hour of week


@dataclass(frozen=True, slots=True)
class Week:
    """What is expected: news an hour, by hour of the week, and their sums up to its beginning."""

    rates: Sequence[float]
    sums: Sequence[float]  # one more than rates: the last is a whole week's

    @classmethod
    def of(cls, rates: Sequence[float]) -> Week:
        """Rates, SLOTS of them, with their sums."""
        return cls(rates, [0.0, *accumulate(rates)])

    @property
    def fortnight(self) -> float:
        """News in two weeks."""
        return 2 * self.sums[-1]

    def between(self, start: float, end: float) -> float:
        """News expected between two moments; none where `end` is not after `start`."""
        return max(0.0, self._since(end) - self._since(start))

    def _since(self, moment: float) -> float:
        weeks, hours = divmod(moment / HOUR, SLOTS)
        hour = min(int(hours), SLOTS - 1)
        return weeks * self.sums[-1] + self.sums[hour] + self.rates[hour] * (hours - hour)


def slot(moment: float) -> int:
    """The hour of the week that a moment lies in."""
    return int(moment // HOUR) % SLOTS


def rates(counts: Sequence[float], days: Sequence[float], hours: Sequence[float], mean: float) -> list[float]:
    """News an hour by hour of the week: `counts` came in each of them, while `days` and `hours` of the day were watched (hours).

    Each level of knowledge is shrunk towards the one above it, the first towards `mean`, which is above 0.
    """
    watched = sum(hours) or 1.0
    by_hour = _hours_of_day(counts, hours, mean)
    by_day = [_shrunk(sum(counts[24 * day : 24 * day + 24]), days[day], mean, _SHRINK[1]) / mean for day in range(7)]
    found = [0.0] * SLOTS
    for alike in (_WEEKEND, _WORKDAYS):
        spent = sum(days[day] for day in alike)
        for hour in range(24):
            share = hours[hour] / watched
            seen = sum(counts[24 * day + hour] for day in alike)
            usual = sum(by_hour[hour] * by_day[day] for day in alike) / len(alike)
            lift = _shrunk(seen, share * spent, usual, _SHRINK[2]) / usual
            for day in alike:
                place, told = 24 * day + hour, by_hour[hour] * by_day[day] * lift
                found[place] = _shrunk(counts[place], share * days[day], told, _SHRINK[3])
    return found


def _hours_of_day(counts: Sequence[float], watched: Sequence[float], mean: float) -> list[float]:
    """Rates by hour of day; neighbours are alike, so half of what is known of an hour comes from them."""
    news = [sum(counts[hour::24]) for hour in range(24)]
    return [
        _shrunk(
            news[h] + 0.5 * (news[h - 1] + news[h - 23]),
            watched[h] + 0.5 * (watched[h - 1] + watched[h - 23]),
            mean,
            _SHRINK[0],
        )
        for h in range(24)
    ]


def _shrunk(seen: float, watched: float, prior: float, weight: float) -> float:
    """The mean of a gamma posterior whose prior has the mean `prior` and weighs as `weight` news."""
    return (seen + weight) / (watched + weight / prior)
