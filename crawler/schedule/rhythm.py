"""How often a source brings something new, learnt from its polls: pure functions of what is remembered and of one poll.

The model is a Poisson process with a rate a source (gamma prior), a profile by hour of the week (`week.py`), and a level that
follows the last days. News is counted in distinct moments; links that come together weigh as 1 + log2 of how many: a thousand
that come at once are eleven, not a thousand. Moments are POSIX seconds (UTC), durations seconds, rates news an hour.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from crawler.schedule.week import DAY, HOUR, SLOTS, Week, rates, slot

HALF_LIFE = 28 * DAY  # of what was learnt
REACH = 28 * DAY  # announced moments older than this say nothing of now
APART = 60.0  # moments nearer than this are one
MOST_NEWS = 200  # counted of one poll
SLACK = 10 * 60.0  # how far clocks differ

PRIOR_RATE = 2.0 / 24  # of a source of which nothing is known
PRIOR_NEWS = 0.5  # as many pseudo-news weigh against what is seen
LEVEL_TIME = 3 * DAY  # memory of the level
LEVEL_NEWS = 4.0  # pseudo-news for which the level is as usual


@dataclass(frozen=True, slots=True)
class Poll:
    """What one successful poll brought.

    `new` links were not known before; `published` are announced moments of those: few, none or wrong ones. `overrun`: nothing
    on the page was known, so that something may have been missed. `unchanged`: 304, or the same bytes. `size`: links there.
    """

    at: float
    previous_at: float | None = None
    new: int = 0
    published: Sequence[float] = ()
    overrun: bool = False
    unchanged: bool = False
    size: int = 0


@dataclass(frozen=True)
class Profile:
    """News (`counts`) by hour of the week, and the hours watched by day and by hour of day; all fade with HALF_LIFE."""

    counts: tuple[float, ...] = (0.0,) * SLOTS
    days: tuple[float, ...] = (0.0,) * 7
    hours: tuple[float, ...] = (0.0,) * 24
    until: float = 0.0  # watched until, as far as it is entered here; also the moment of the last fading

    @cached_property
    def week(self) -> Week:
        """Rates of the hours of the week against their mean."""
        found = rates(self.counts, self.days, self.hours, (sum(self.counts) or 1.0) / (sum(self.hours) or 1.0))
        level = sum(found) / SLOTS
        return Week.of([each / level for each in found])


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is remembered of a source. `exposure` (hours watched) and `news` (moments seen) are totals that never fade."""

    at: float | None = None  # watched until
    since: float | None = None  # watched from
    news: int = 0
    exposure: float = 0.0
    last_news: float | None = None
    seen: float = 0.0  # news and hours watched, fading
    watched: float = 0.0
    recent: float = 0.0  # news of the last days, and how many were expected
    usual: float = 0.0
    size: int = 0  # links that the page holds
    haste: float = 1.0  # how much sooner it is asked since it ran over
    whole_at: float = 0.0  # the last answer that was no 304
    quiet: int = 0  # 304 in a row since then
    caught: int = 0  # unconditional polls in a row that brought what conditional ones before had not
    lying: bool = False
    profile: Profile = Profile()

    def to_json(self) -> str:
        """Short text that `from_json` reads, under 1.5 kB."""
        return json.dumps({name: _short(getattr(self, name)) for name in self.__slots__}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> Rhythm:
        """What `to_json` wrote; a fresh one for anything else."""
        try:
            rhythm: Rhythm = _like(_FRESH, json.loads(text or ""))
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return _FRESH
        return rhythm if rhythm.is_possible() else _FRESH

    def is_possible(self) -> bool:
        """Whether these can be counts and moments at all."""
        amounts = (self.seen, self.watched, self.recent, self.usual, self.haste, *self.profile.counts)
        watched = (*self.profile.days, *self.profile.hours)
        moments_fit = (self.at is None) == (self.since is None)
        return moments_fit and min(amounts) >= 0 and min(watched) >= 0 < self.haste


_FRESH = Rhythm()


def _short(value: Any) -> Any:
    if isinstance(value, Profile):
        return {field.name: _short(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_short(each) for each in value]
    if isinstance(value, float):
        rounded = round(value, 0 if abs(value) > 1e6 else 1 if abs(value) >= 10 else 2)
        return int(rounded) if rounded == int(rounded) else rounded
    return value


def _like(fresh: Any, value: Any) -> Any:
    """`value` in the type of the fresh one's. Raises KeyError, TypeError or ValueError where it is something else."""
    if isinstance(fresh, Rhythm | Profile):
        return type(fresh)(**{field.name: _like(getattr(fresh, field.name), value[field.name]) for field in fields(fresh)})
    if isinstance(fresh, tuple):
        if not isinstance(value, list) or len(value) != len(fresh):
            raise TypeError
        return tuple(_number(each) for each in value)
    if isinstance(fresh, bool):
        return bool(value)
    if fresh is None:
        return None if value is None else _number(value)
    return type(fresh)(_number(value))


def _number(value: Any) -> float:
    if isinstance(value, bool | str):
        raise TypeError
    number = float(value)
    if not -1e12 < number < 1e12:
        raise ValueError
    return number


# What is expected


def mean_rate(rhythm: Rhythm) -> float:
    """News an hour, whatever the hour, above 0."""
    return (rhythm.seen + PRIOR_NEWS) / (rhythm.watched + PRIOR_NEWS / PRIOR_RATE)


def rate(rhythm: Rhythm, moment: float) -> float:
    """News an hour that the source's history leads to expect in that hour of the week, above 0."""
    return mean_rate(rhythm) * rhythm.profile.week.rates[slot(moment)]


def expected(rhythm: Rhythm, start: float, end: float) -> float:
    """How many news the source's history leads to expect from `start` to `end`, by hour of the week."""
    return mean_rate(rhythm) * rhythm.profile.week.between(start, end)


# What is learnt


def moments(poll: Poll) -> list[float]:
    """The distinct moments at which the new links of a poll appeared, as far as can be known, oldest first."""
    since = poll.at - REACH if poll.previous_at is None else max(poll.previous_at, poll.at - REACH)
    if poll.new <= 0 or poll.at <= since:
        return []
    dated = [m for m in poll.published[: 4 * MOST_NEWS] if since - SLACK < m <= poll.at + SLACK]
    seen = _distinct(min(max(m, since), poll.at) for m in dated)
    if poll.previous_at is None:
        return seen[-MOST_NEWS:] if len(seen) > 2 else []
    undated = min(poll.new - min(len(dated), poll.new), int((poll.at - since) / APART) + 1, MOST_NEWS)
    spread = (since + (poll.at - since) * (n + 0.5) / undated for n in range(undated))
    return _distinct([*seen, *spread])[-MOST_NEWS:]


def _distinct(found: Iterable[float]) -> list[float]:
    kept: list[float] = []
    for moment in sorted(found):
        if not kept or moment - kept[-1] >= APART:
            kept.append(moment)
    return kept


def learn(rhythm: Rhythm, poll: Poll) -> Rhythm:
    """What is known after a successful poll. A poll that is older than what is known teaches nothing."""
    news = moments(poll)
    before = poll.previous_at if rhythm.at is None else rhythm.at
    start = before if before is not None else min([poll.at, *news])
    start = max(start, poll.at - REACH)
    if poll.at < start:
        return rhythm
    news = [m for m in news if m >= start - APART]
    weight = _weight(poll, len(news))
    rhythm = _levelled(rhythm, start, poll.at, weight) if rhythm.at is not None else rhythm
    ran_over = poll.overrun and poll.new > 1 and poll.previous_at is not None
    keep = 0.5 ** ((poll.at - start) / HALF_LIFE)
    return replace(
        rhythm,
        at=poll.at,
        since=start if rhythm.since is None else rhythm.since,
        news=rhythm.news + len(news),
        exposure=rhythm.exposure + (poll.at - start) / HOUR,
        last_news=max(news[-1], rhythm.last_news or news[-1]) if news else rhythm.last_news,
        seen=rhythm.seen * keep + weight,
        watched=rhythm.watched * keep + (poll.at - start) / HOUR,
        size=poll.size if poll.size and not poll.unchanged else rhythm.size,
        haste=min(rhythm.haste * 2, 16.0) if ran_over else max(rhythm.haste * 0.97, 1.0),
        profile=_entered(rhythm.profile, rhythm.at or start, poll.at, news),
    )


def _weight(poll: Poll, news: int) -> float:
    """What moments of news count for: links that come together are more than one, by the logarithm of how many."""
    if not news or poll.previous_at is None:
        return news
    return min(news * (1 + math.log2(max(poll.new / news, 1.0))), float(MOST_NEWS))


def _entered(profile: Profile, start: float, end: float, news: Sequence[float]) -> Profile:
    """The profile after a poll. It costs to make one: without news it is made once a day."""
    start = profile.until or start
    if not news and end - start < DAY:
        return profile if profile.until else replace(profile, until=start)
    keep = 0.5 ** ((end - start) / HALF_LIFE)
    counts = [count * keep for count in profile.counts]
    hours, days = [each * keep for each in profile.hours], [each * keep for each in profile.days]
    for moment in news:
        counts[slot(moment)] += 1
    at = max(start, end - REACH)
    while at < end:
        until = min(end, (at // HOUR + 1) * HOUR)
        place = slot(at)
        hours[place % 24] += (until - at) / HOUR
        days[place // 24] += (until - at) / HOUR
        at = until
    return Profile(tuple(counts), tuple(days), tuple(hours), end)


def _levelled(rhythm: Rhythm, start: float, end: float, news: float) -> Rhythm:
    """The level of the last days."""
    fade = math.exp(-(end - start) / LEVEL_TIME)
    return replace(rhythm, recent=rhythm.recent * fade + news, usual=rhythm.usual * fade + expected(rhythm, start, end))


def level(rhythm: Rhythm) -> float:
    """How much of the usual came in the last days: 1 is as always."""
    return (rhythm.recent + LEVEL_NEWS) / (rhythm.usual + LEVEL_NEWS)


# When to ask

EQUAL_SHARE = 0.94


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often to ask: seconds between polls at least and at most, and polls a day of a source with REFERENCE news an hour.

    `equal_share` of those, from 0 to 1, every source gets alike; the rest follows the news.
    """

    least: float = 300.0
    most: float = DAY
    polls_per_day: float = 48.0
    equal_share: float = EQUAL_SHARE


REFERENCE = 8.0 / 24  # news an hour of a source of the middle
RARE = 0.2 / 24  # below it a source gets less than an equal share
WITHIN = 0.5  # the power of the rate within the week: the square root has the least mean delay for so many polls
FIRST_WAIT = 30 * 60.0  # seconds until a source of which nothing is known is asked again
FULL = 0.4  # of what the page holds may come between two polls


def next_poll(rhythm: Rhythm, now: float, bounds: Bounds, jitter: float = 0.5) -> float:
    """The moment of the next poll: when the integral of the rate's power since `now` reaches what the budget allows.

    `jitter` from 0 to 1 moves it by up to a tenth of the interval.
    """
    whole = mean_rate(rhythm)
    pace = pace_of(whole, bounds) * rhythm.haste
    most = max(bounds.most, bounds.least)
    known = max(FIRST_WAIT, rhythm.exposure * HOUR)  # a source is left alone no longer than it was watched
    room = FULL * rhythm.size if rhythm.size > 4 else math.inf
    lately = level(rhythm)
    due, held, at, end = 0.0, 0.0, now, now + min(most, known)
    while at < end:
        until = (at // HOUR + 1) * HOUR
        here, span = lately * rate(rhythm, (at + until) / 2), (until - at) / HOUR
        step, news = pace * (here / whole) ** WITHIN * span, here * span
        if due + step >= 1 or held + news >= room:
            end = at + min((1 - due) / step, (room - held) / news) * (until - at)
            break
        due, held, at = due + step, held + news, until
    wait = (min(end, now + most) - now) * (0.9 + 0.2 * jitter)
    return now + min(max(wait, bounds.least), most)


def pace_of(news: float, bounds: Bounds) -> float:
    """Polls an hour of a source with so many news an hour: one part is the same for all that live, the other follows the news."""
    alike = bounds.equal_share * math.sqrt(min(1.0, news / RARE))
    return bounds.polls_per_day / 24 * (alike + (1 - bounds.equal_share) * news / REFERENCE)
