"""What is learnt of a source from its polls, and when it is asked again."""

from __future__ import annotations

import json

import pytest

from crawler.schedule.rhythm import RARE, Bounds, Poll, Rhythm, expected, learn, mean_rate, moments, next_poll, pace_of
from crawler.schedule.week import DAY, HOUR, WEEK

START = 1_767_571_200.0  # a Monday, 00:00 UTC
BOUNDS = Bounds(least=300, most=DAY, polls_per_day=48)


def watched(hours: list[int], days: int = 28, every: float = HOUR) -> Rhythm:
    """A source with a story at half past each of these hours of the day, polled without dates."""
    rhythm, at = learn(Rhythm(), Poll(START, None, 20, (), size=20)), START
    while at < START + days * DAY:
        previous, at = at, at + every
        new = sum(previous % DAY < hour * HOUR + 1800 <= previous % DAY + every for hour in hours)
        rhythm = learn(rhythm, Poll(at, previous, new, (), size=20))
    return rhythm


def wait(rhythm: Rhythm, now: float, bounds: Bounds = BOUNDS) -> float:
    return next_poll(rhythm, now, bounds) - now


def test_a_source_with_more_news_is_asked_more_often() -> None:
    """The interval shrinks with the rate of news."""
    small = Bounds(least=300, most=DAY, polls_per_day=12, equal_share=0.1)
    waits = [
        sum(wait(watched(list(range(0, 24, step))), START + 28 * DAY + hour * HOUR, small) for hour in range(24))
        for step in (2, 6, 12)
    ]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1] / 2


def test_a_source_of_which_little_is_known_is_left_alone_no_longer_than_it_was_watched() -> None:
    """Half an hour after the first poll that told no dates, then twice as long each time, until the budget is what counts."""
    sparse, at, rhythm, waits = Bounds(polls_per_day=1.0), START, Rhythm(), []
    for _ in range(8):
        rhythm = learn(rhythm, Poll(at=at, previous_at=rhythm.at, size=20))
        waits.append((next_poll(rhythm, at, sparse) - at) / 60)
        at += waits[-1] * 60
    assert waits[:5] == pytest.approx([30, 30, 60, 120, 240])
    assert waits[-1] > 12 * 60


def test_what_is_shared_equally_does_not_follow_the_news() -> None:
    """With an equal share of all polls, a source with ten times the news is asked as often."""
    bounds = Bounds(least=300, most=DAY, polls_per_day=24, equal_share=1.0)
    paces = [pace_of(news, bounds) for news in (RARE, 10 * RARE)]
    assert paces == [1.0, 1.0]
    assert pace_of(10 * RARE, Bounds(equal_share=0.0)) == pytest.approx(10 * pace_of(RARE, Bounds(equal_share=0.0)))


def test_hours_in_which_news_comes_are_asked_more_often() -> None:
    """A source that publishes by day is asked less at night."""
    rhythm = watched(list(range(8, 18)))
    midnight = START + 28 * DAY
    assert wait(rhythm, midnight + 12 * HOUR) < wait(rhythm, midnight + HOUR) / 2


def test_what_is_expected_adds_up() -> None:
    """What is expected of a week is near what came in one, and of two spans is the sum of both."""
    rhythm = watched([7, 8, 9, 17])
    now = START + 28 * DAY
    assert expected(rhythm, now, now + WEEK) == pytest.approx(28, rel=0.1)
    halves = expected(rhythm, now, now + 2.3 * DAY) + expected(rhythm, now + 2.3 * DAY, now + 9 * DAY)
    assert expected(rhythm, now, now + 9 * DAY) == pytest.approx(halves)
    assert expected(rhythm, now + 8 * HOUR, now + 9 * HOUR) > 4 * expected(rhythm, now + 2 * HOUR, now + 3 * HOUR)
    assert expected(rhythm, now, now) == 0


def test_the_first_poll_teaches_from_announced_dates() -> None:
    """A feed whose entries are an hour apart is known to be lively before a second poll; one of months is not."""
    lively = learn(Rhythm(), Poll(START, None, 24, [START - n * HOUR for n in range(24)], size=24))
    slow = learn(Rhythm(), Poll(START, None, 24, [START - (n + 1) * 9 * DAY for n in range(24)], size=24))
    assert mean_rate(lively) == pytest.approx(1, rel=0.2)
    assert mean_rate(slow) < 0.05
    assert wait(lively, START) < wait(slow, START)


@pytest.mark.parametrize("lie", [START + 10 * DAY, START - 3000 * DAY, 0.0, -1e30, 1e30, float("nan")])
def test_dates_that_lie_are_not_believed(lie: float) -> None:
    """Dates of the future, of long ago and of no time leave a source as if it had announced none."""
    rhythm = learn(Rhythm(), Poll(START, None, 20, [lie] * 20, size=20))
    assert mean_rate(rhythm) == mean_rate(Rhythm())
    after = learn(rhythm, Poll(START + HOUR, START, 2, [lie] * 2, size=20))
    plain = learn(rhythm, Poll(START + HOUR, START, 2, (), size=20))
    assert after == plain


def test_links_that_come_at_once_are_one_moment() -> None:
    """Ten thousand links with one date count once, and without dates are bounded."""
    assert len(moments(Poll(START, START - HOUR, 10_000, [START - 60] * 10_000))) < 100
    assert len(moments(Poll(START, START - HOUR, 50, [START - 60] * 50))) == 1
    assert len(moments(Poll(START, START - 30 * DAY, 10_000, ()))) <= 200


def test_a_page_that_ran_over_is_asked_sooner() -> None:
    """Where nothing on the page was known, the interval is halved."""
    before = learn(Rhythm(), Poll(START, None, 10, (), size=10))
    after = learn(before, Poll(START + HOUR, START, 10, (), overrun=True, size=10))
    same = learn(before, Poll(START + HOUR, START, 10, (), size=10))
    assert wait(after, START + HOUR) == pytest.approx(max(wait(same, START + HOUR) / 2, 300), rel=0.1)


@pytest.mark.parametrize("budget", [1, 48, 1e6])
def test_bounds_hold(budget: float) -> None:
    """Whatever is known and whatever the jitter, a poll is never sooner or later than allowed."""
    bounds = Bounds(least=600, most=7200, polls_per_day=budget)
    for rhythm in (Rhythm(), watched([8]), watched(list(range(24)))):
        for jitter in (0.0, 1.0):
            now = START + 28 * DAY
            assert 600 <= next_poll(rhythm, now, bounds, jitter) - now <= 7200


def test_a_rhythm_is_kept_as_short_text() -> None:
    """What is read is what was written but for roundings, in less than 1.5 kB, also of a source that is full of news."""
    rhythm = watched(list(range(24)), every=600)
    text = rhythm.to_json()
    assert len(text) < 1500
    assert Rhythm.from_json(text).to_json() == text
    assert wait(Rhythm.from_json(text), START + 28 * DAY) == pytest.approx(wait(rhythm, START + 28 * DAY), rel=0.05)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "null",
        "[]",
        "{",
        '{"at": 1}',
        "[" * 100_000,
        json.dumps(json.loads(Rhythm().to_json()) | {"seen": "1"}),
        json.dumps(json.loads(Rhythm().to_json()) | {"seen": 1e400}),
        json.dumps(json.loads(Rhythm().to_json()) | {"at": 5}),
        json.dumps(json.loads(Rhythm().to_json()) | {"profile": {"counts": [1]}}),
        json.dumps(json.loads(Rhythm().to_json()) | {"profile": None}),
        json.dumps(json.loads(Rhythm().to_json()) | {"seen": -5, "watched": 3}),
    ],
)
def test_broken_text_is_a_fresh_rhythm(text: str | None) -> None:
    """Text that is none of ours is forgotten, without an error."""
    assert Rhythm.from_json(text) == Rhythm()


def test_a_clock_that_went_back_teaches_nothing() -> None:
    """A poll before the last one changes nothing."""
    rhythm = learn(Rhythm(), Poll(START, None, 10, (), size=10))
    assert learn(rhythm, Poll(START - HOUR, START, 10, ())) == rhythm


def test_links_that_come_together_are_more_than_one() -> None:
    """Sixteen at once weigh five times one, five hundred not ten times; the first sight of a page is no flood."""
    one, many, flood, first = (
        learn(Rhythm(), Poll(START + HOUR, previous_at=previous, new=new, published=[START + 60.0] * new))
        for new, previous in ((1, START), (16, START), (500, START), (16, None))
    )
    assert many.seen == pytest.approx(5 * one.seen)
    assert flood.seen < 10 * one.seen
    assert first.seen == 0
