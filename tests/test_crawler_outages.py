"""Whether the network is away, from run to run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.run.outages import Outage, after

NOON, LATER = "2026-03-01T12:00:00.000Z", "2026-03-01T12:10:00.000Z"
PARTLY, WHOLLY = Outage(NOON, 4), Outage(NOON, 5)


def asked(good: int, bad: int) -> dict[str, bool]:
    """So many sources that gave something, and that did not."""
    return {f"source-{n}": n < good for n in range(good + bad)}


def test_an_outage_begins_once() -> None:
    """Its first moment stays, however many runs it lasts, and a few that fail are enough to go on."""
    assert after(Outage(), asked(0, 12), 100, 12, NOON) == WHOLLY
    assert after(WHOLLY, asked(0, 12), 100, 12, LATER) == WHOLLY
    assert after(WHOLLY, asked(0, 1), 100, 0, LATER) == WHOLLY


def test_a_few_of_many_that_fail_begin_none() -> None:
    """Nor does a run that asked nobody begin or end one."""
    assert after(Outage(), asked(0, 2), 100, 0, NOON) == Outage()
    assert after(Outage(), {}, 100, 0, NOON) == Outage()
    assert after(PARTLY, {}, 100, 0, LATER) == PARTLY


def test_an_outage_may_become_worse_and_not_better_by_parts() -> None:
    """All fail after some did not: a higher level; some answer after none did, and most do not: the same."""
    assert after(PARTLY, asked(0, 12), 100, 12, LATER) == WHOLLY
    assert after(WHOLLY, asked(1, 30), 100, 30, LATER) == WHOLLY


def test_an_outage_is_over_when_sources_answer() -> None:
    """One that does is enough where most did not fail to answer."""
    assert after(WHOLLY, asked(1, 2), 100, 0, LATER) == Outage()


@pytest.mark.parametrize("known", [Outage(), PARTLY, WHOLLY])
def test_an_outage_survives_the_database(known: Outage) -> None:
    """Its text gives it back."""
    assert Outage.from_text(known.to_text()) == known


@given(st.text() | st.none())
def test_any_text_is_an_outage_or_none(text: str | None) -> None:
    """What we did not write is none, or has a level of ours."""
    assert Outage.from_text(text).level in (0, 4, 5)
