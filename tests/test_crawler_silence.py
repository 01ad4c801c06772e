"""When a source is called silent: its own rhythm decides, and the budget of false alarms."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.monitoring.silence import SLOT, Pulse, beat, begun, expected_articles, is_silent, rarity, tempo
from crawler.schedule.week import DAY, HOUR

MONDAY = 1_772_409_600.0  # 2026-03-02T00:00Z


def office(weeks: int, start: float = MONDAY) -> list[float]:
    """News every hour from 8 to 18 on weekdays."""
    days = [start + week * 7 * DAY + day * DAY for week in range(weeks) for day in range(5)]
    return [day + hour * HOUR + 7 for day in days for hour in range(8, 19)]


def memoryless(rate: float, days: float, seed: int = 1) -> list[float]:
    """News at random moments, `rate` a day."""
    rng, moment, found = random.Random(seed), MONDAY, []
    while (moment := moment + rng.expovariate(rate / DAY)) < MONDAY + days * DAY:
        found.append(moment)
    return found


def silent_after(pulse: Pulse, budget: float = 5) -> float:
    """Hours after its newest news that a source is called silent."""
    assert pulse.last is not None
    last = pulse.last
    return next(hours for hours in range(24 * 400) if is_silent(pulse, last + hours * HOUR, budget))


def test_nights_and_weekends_are_no_silence() -> None:
    """A source of weekdays is not silent on Monday before work, and is by the end of that day."""
    pulse = begun(office(8))
    monday = MONDAY + 56 * DAY
    assert not is_silent(pulse, monday + 7 * HOUR, 5)
    assert is_silent(pulse, monday + 40 * HOUR, 5)


def test_a_fast_source_is_silent_sooner_than_a_slow_one() -> None:
    """Its own history decides: hours for the one, weeks for the other."""
    fast, slow = begun(memoryless(40, 30)), begun(memoryless(0.5, 120))
    assert silent_after(fast) < 24
    assert 10 * 24 < silent_after(slow) < 60 * 24


def test_a_larger_budget_means_an_earlier_alarm() -> None:
    """And none at all means that there is no alarm."""
    pulse = begun(memoryless(6, 60))
    assert silent_after(pulse, 100) < silent_after(pulse, 5) < silent_after(pulse, 0.1)
    assert not is_silent(pulse, MONDAY + 3000 * DAY, 0)


def test_a_memoryless_source_is_found_near_the_optimum() -> None:
    """With the rate known, ln(n / budget) expected news is the best that can be; what is learnt costs a quarter of it more."""
    pulse = begun(memoryless(10, 90))
    best = 10.2 / 10 * 24  # ln(10 * 14 / 0.005) news, in hours
    assert best < silent_after(pulse) < 1.25 * best


def test_bursts_make_patient() -> None:
    """Of two sources with as many news, the one whose news come in bursts is called silent later."""
    bursts = [moment + n * SLOT for moment in memoryless(1, 60) for n in range(6)]
    assert silent_after(begun(bursts)) > 2 * silent_after(begun(memoryless(6, 60)))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_young_source_is_neither_early_nor_never(count: int) -> None:
    """After a few news six hours apart it is not silent within a day, and it is within the year."""
    pulse = begun([MONDAY + n * 6 * HOUR for n in range(count)])
    assert 24 < silent_after(pulse) < 24 * 365


def test_the_first_weekend_of_a_source_is_no_silence() -> None:
    """Days of the week that it was never watched on count for little."""
    pulse = begun(office(1))
    assert not is_silent(pulse, MONDAY + 7 * DAY + 7 * HOUR, 5)


def test_a_burst_is_one_moment() -> None:
    """A thousand articles at once are as many stories, and one news."""
    pulse = beat(begun([MONDAY]), [MONDAY + DAY + n for n in range(300)])
    assert sum(pulse.hours) == 1
    assert pulse.stories == pytest.approx(301, rel=0.02)


def test_what_is_expected_is_counted_in_articles() -> None:
    """Two articles at each of its moments are twice as many; nothing is said of a source that is hardly known."""
    single, double = office(4), [moment + more for moment in office(4) for more in (0, 60)]
    monday = MONDAY + 28 * DAY
    one, two = (expected_articles(begun(moments), monday, monday + DAY) for moments in (single, double))
    assert one == pytest.approx(11, rel=0.2)
    assert two == pytest.approx(2 * (one or 0), rel=0.05)
    assert expected_articles(begun([MONDAY]), monday, monday + DAY) is None


def test_a_pulse_survives_the_database() -> None:
    """Its text is short, and gives back what judges the same."""
    pulse = begun(memoryless(20, 120))
    again = Pulse.from_json(pulse.to_json())
    assert len(pulse.to_json()) < 3000
    assert silent_after(again) == pytest.approx(silent_after(pulse), rel=0.1)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str))
def test_any_text_is_a_pulse(text: str) -> None:
    """Broken or foreign text is a fresh one."""
    assert Pulse.from_json(text) == Pulse()


@given(st.lists(st.floats(MONDAY, MONDAY + 90 * DAY), min_size=1, max_size=40), st.floats(0, 500))
def test_rarity_is_a_probability_that_falls(moments: list[float], size: float) -> None:
    """Whatever the gaps: between 0 and 1, and no larger for a longer gap; expected news never fall with time."""
    pulse = begun(moments)
    assert 0 <= rarity(pulse.gaps, size * 2) <= rarity(pulse.gaps, size) <= 1
    usual = tempo(pulse)
    assert usual.between(MONDAY, MONDAY + size * HOUR) <= usual.between(MONDAY, MONDAY + (size + 1) * HOUR)
