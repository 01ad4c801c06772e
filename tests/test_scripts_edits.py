"""The simulation of edits: what is made, and what counts as caught."""

from __future__ import annotations

import subprocess
import sys

import pytest

from crawler.schedule.revisits import BUDGET
from scripts.simulation.edits import DAY, PARAMETERS, EditedStory, sites
from scripts.simulation.revisiting import by_ladder, by_ours, climb, every, judge, newsdiffs


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_the_same_seed_makes_the_same_stories(name: str) -> None:
    """In order, edits after publication, some stories without any, sites that differ."""
    made = sites(PARAMETERS[name], 12, 20)
    assert made == sites(PARAMETERS[name], 12, 20)
    for site in made:
        assert [story.found for story in site] == sorted(story.found for story in site)
        assert all(list(story.edits) == sorted(story.edits) and min(story.edits, default=9e9) > story.published for story in site)
    edited = [sum(bool(story.edits) for story in site) for site in made]
    assert min(edited) < max(edited) < 20 * len(made)


@pytest.mark.parametrize(
    ("visits", "caught"),
    [([], 0), ([15.0], 0), ([25.0], 1), ([25.0, 26.0], 1), ([35.0], 1), ([25.0, 35.0], 2), ([25.0, 35.0, 99.0], 3), ([99.0], 1)],
)
def test_an_edit_is_caught_by_a_visit_before_the_next_one(visits: list[float], caught: int) -> None:
    """A visit catches the newest edit alone, once; edits before the first fetch do not count."""
    story = EditedStory("a", 0.0, 10.0, (5.0, 20.0, 30.0, 90.0))
    catch = judge([([story], [visits])])
    assert (catch.caught, catch.edits, catch.requests) == (caught, 3, len(visits))


def test_the_ladder_of_newsdiffs_begins_again_with_each_change() -> None:
    """Every quarter of an hour for three hours, and once more so after an edit that was seen."""
    quiet = climb(EditedStory("a", 0.0, 0.0, ()), newsdiffs)
    edited = climb(EditedStory("a", 0.0, 0.0, (5 * 3600.0,)), newsdiffs)
    assert quiet[:13] == [900.0 * number for number in range(1, 13)] + [10_800.0 + 3600]
    assert len(edited) > len(quiet) + 10


def test_ours_catches_more_with_a_visit_than_a_fixed_ladder() -> None:
    """On few stories of the tuned set: several times as much as a visit a day."""
    made = sites(PARAMETERS["tuned"], 8, 12)
    own, daily = by_ours(made, BUDGET), by_ladder(made, every(DAY, 30))
    assert own.yield_ > 2 * daily.yield_
    assert own.most <= 450


def test_the_table_is_printed() -> None:
    """`python -m scripts.simulation.revisiting` says what each ladder did."""
    command = [sys.executable, "-m", "scripts.simulation.revisiting", "--sites", "2", "--stories", "4", "--set", "tuned"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines() if "NewsDiffs  " in line] == ["NewsDiffs"]
    assert done.stdout.count("at equal visits") == 2
