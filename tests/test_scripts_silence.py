"""The simulation of silence: a small one, and what must hold in any."""

from __future__ import annotations

import random
from statistics import median

import pytest

from crawler.schedule.week import WEEK
from scripts.simulation.silence import BUDGETS, SETS, SHAPES, START, Found, Parameters, simulated, stories

SMALL = Parameters(seed=3, sources=6, most=6.0, weeks=5)


@pytest.fixture(scope="module", params=["memoryless", "bursty-diurnal"])
def found(request: pytest.FixtureRequest) -> Found:
    """A few sources of a kind."""
    return simulated(request.param, SMALL)


def test_a_set_lives_the_same_each_time() -> None:
    """The same parameters give the same alarms and delays."""
    assert simulated("memoryless", SMALL) == simulated("memoryless", SMALL)


def test_a_larger_budget_alarms_no_less_and_no_later(found: Found) -> None:
    """Of each source, whatever its kind: delays fall with the budget, and alarms grow."""
    names = [f"budget {budget:g}" for budget in BUDGETS]
    alarms = [found.alarms[name] for name in names]
    assert alarms == sorted(alarms)
    for delays in zip(*(found.delays[name] for name in names), strict=True):
        hours = [one[0] for one in delays]
        assert hours == sorted(hours, reverse=True)


def test_a_fixed_rule_waits_as_long_as_it_says(found: Found) -> None:
    """And alarms more often than one by history."""
    assert {hours for hours, _, _ in found.delays["24 hours"]} == {24.0}
    assert found.alarms["24 hours"] > found.alarms["budget 5"]


def test_no_rule_beats_what_is_possible() -> None:
    """On memoryless sources the median delay in stories lies above ln(n / budget), below five times that after three weeks."""
    delays = simulated("memoryless", SMALL).delays["budget 5"]
    assert 1 < median(one[1] for one in delays) / median(one[2] for one in delays) < 5


@pytest.mark.parametrize("kind", list(SHAPES))
def test_stories_come_in_order_and_in_time(kind: str) -> None:
    """Within the weeks of the set."""
    moments = stories(kind, 4.0, SETS["tuned"], random.Random(1))
    assert moments == sorted(moments)
    assert moments
    assert START <= moments[0] <= moments[-1] < START + SETS["tuned"].weeks * WEEK
