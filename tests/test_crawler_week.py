"""A short week of cron on a virtual clock: what befalls a few runs, and what must hold then. `make week` runs a whole one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.week import cron
from tests.week.judge import faults, figures, too_short

pytestmark = pytest.mark.timeout(280)
RUNS = 33
INCIDENTS = {
    2: cron.locked_out, 6: cron.killed, 9: cron.skipped, 13: cron.full_disk, 17: cron.killed, 21: cron.set_back, 24: cron.patient,
    27: cron.killed,
}  # fmt: skip


def test_a_week_of_cron_ends_with_everything_once_and_nothing_too_soon(tmp_path: Path) -> None:
    """Every story is stored once, every wording handed out is a version, no gap is short, exit codes are deserved."""
    with cron.opened(tmp_path, RUNS, seed=3) as week:
        cron.play(week, INCIDENTS)
        broken = faults(week)
        print(*figures(week), sep="\n")
        edits = [wording for paper in week.papers for wording, _ in paper.edits]
    assert broken == []
    assert len(edits) >= 30


def test_gaps_that_are_a_little_short_each_time_are_found() -> None:
    """A single note may be late; a request at once, or one after the other too soon, is a broken promise."""
    assert not too_short([0.3, 0.45, 0.15, 0.3], 0.3)
    assert too_short([0.3, 0.05, 0.3], 0.3)
    assert too_short([0.27] * 10, 0.3)
