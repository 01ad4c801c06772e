"""A day on which all sources are quiet is no silence of each; one that dies among the living is."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.monitoring.lulls import FEWEST, SPANS, lull
from crawler.monitoring.silence import Lull, Pulse, begun, is_silent, tempo
from crawler.schedule.week import DAY, HOUR

NOW = 1_772_409_600.0


@cache
def _lived(seed: int, rate: float) -> Pulse:
    rng, moment, found = random.Random(seed), NOW, []
    while (moment := moment - rng.expovariate(rate / DAY)) > NOW - 50 * DAY:
        found.append(moment)
    return begun(found)


def pulse(seed: int, until: float, rate: float = 10.0) -> Pulse:
    """A source with news at random moments, `rate` a day, the newest at `until`; one of ten rhythms."""
    return replace(_lived(seed % 10, rate), last=until)


STEADY = pulse(3, NOW, rate=3)


def test_a_holiday_of_all_sources_alarms_about_none() -> None:
    """Without the factor, nearly all of a hundred would be silent after a day and a half."""
    pulses = [pulse(seed, NOW - 36 * HOUR) for seed in range(100)]
    assert sum(is_silent(one, NOW, 5) for one in pulses) > 50
    dip = lull(pulses, NOW)
    assert dip.shares
    assert sum(is_silent(one, NOW, 5, dip) for one in pulses) == 0


def test_one_dead_source_among_the_living_is_as_silent_as_ever() -> None:
    """Where others bring what they should there is no lull."""
    dead = pulse(1, NOW - 3 * DAY)
    dip = lull([dead, *(pulse(seed, NOW) for seed in range(2, 60))], NOW)
    assert not dip.shares
    assert is_silent(dead, NOW, 5, dip)


def test_half_of_the_sources_on_holiday_spare_one_another() -> None:
    """A source that was silent long before is called silent all the same."""
    away = [pulse(seed, NOW - 30 * HOUR) for seed in range(50)]
    dip = lull(away + [pulse(seed, NOW) for seed in range(50, 100)], NOW)
    assert sum(is_silent(one, NOW, 5, dip) for one in away) <= 1
    assert is_silent(pulse(200, NOW - 7 * DAY), NOW, 5, dip)


def test_a_lull_puts_off_an_alarm_and_never_forbids_it() -> None:
    """When all sources die they are told, four days later at most than each would be."""
    pulses = [pulse(seed, NOW) for seed in range(20)]
    for one in pulses:
        alone = next(hours for hours in range(1000) if is_silent(one, NOW + hours * HOUR, 5))
        later = NOW + alone * HOUR + SPANS[-1] + HOUR
        assert is_silent(one, later, 5, lull(pulses, later))


def test_few_sources_show_no_lull() -> None:
    """Nor do sources that never brought anything."""
    assert not lull([pulse(seed, NOW - 3 * DAY) for seed in range(FEWEST - 1)], NOW).shares
    assert not lull([Pulse()] * 50, NOW).shares


@settings(deadline=None)  # how long it takes is no matter of this test
@given(st.lists(st.floats(0, 10), max_size=12), st.floats(0, 1), st.floats(0, 6))
def test_a_lull_only_shortens_a_gap(ages: list[float], share: float, days: float) -> None:
    """Whatever the sources: shares lie between 0 and 1, and a gap is neither negative nor longer than without."""
    base = STEADY
    pulses = [replace(base, last=NOW - age * DAY) for age in ages]
    usual, start = tempo(base), NOW - days * DAY
    assert all(0 <= one < 1 for _, one in lull(pulses, NOW).shares)
    spared = Lull([(DAY, share)]).between(usual, start, NOW)
    assert -1e-6 <= spared <= usual.between(start, NOW) + 1e-6
