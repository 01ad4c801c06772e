"""What is learnt of the hours of a week."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.schedule.week import DAY, HOUR, SLOTS, WEEK, Week, rates, slot

MONDAY = 1_772_409_600.0  # 2026-03-02T00:00Z
WEEKS = 4
AT_NINE = [MONDAY + week * WEEK + day * DAY + 9 * HOUR for week in range(WEEKS) for day in range(5) for _ in range(3)]


def learnt(moments: list[float], mean: float = 0.1) -> list[float]:
    """Of four weeks that were watched whole."""
    counts = [0.0] * SLOTS
    for moment in moments:
        counts[slot(moment)] += 1
    return rates(counts, [WEEKS * 24.0] * 7, [WEEKS * 7.0] * 24, mean)


def test_an_hour_that_brings_much_is_expected_to() -> None:
    """More than its neighbours, those more than the rest of the day, a weekday more than a day of the weekend."""
    found = learnt(AT_NINE)
    nine, ten, night, saturday = (found[slot(MONDAY + hours * HOUR)] for hours in (9, 10, 20, 5 * 24 + 9))
    assert nine > ten > night
    assert nine > saturday


def test_what_is_not_known_is_the_mean() -> None:
    """Nothing watched and nothing seen: every hour has the rate that was given."""
    assert rates([0.0] * SLOTS, [0.0] * 7, [0.0] * 24, 0.25) == pytest.approx([0.25] * SLOTS)


@given(st.floats(0, 400), st.floats(0, 400))
def test_what_is_expected_adds_up(first: float, second: float) -> None:
    """Between two moments it is the sum of the hours between, whatever the week; backwards it is nothing."""
    week = Week.of([float(hour % 24) for hour in range(SLOTS)])
    middle, end = MONDAY + first * HOUR, MONDAY + (first + second) * HOUR
    whole = week.between(MONDAY, end)
    assert week.between(MONDAY, middle) + week.between(middle, end) == pytest.approx(whole, abs=1e-4)
    assert week.between(MONDAY, MONDAY + WEEK) == pytest.approx(week.fortnight / 2)
    assert week.between(end, MONDAY - 1) == 0
