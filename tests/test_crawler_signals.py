"""SIGTERM, SIGINT and SIGHUP at the moments when a run is slow to hear: it ends in time, and nothing is lost or doubled."""

from __future__ import annotations

import itertools
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.desk import wait_until
from tests.killing import THOROUGH
from tests.staged import (
    MOMENTS,
    SLOW,
    Moment,
    Stage,
    alive,
    carries_on,
    family,
    locked,
    opening,
    parsing,
    recovering,
    stalling,
    unfinished,
)

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
FIRST, SECOND = 10.0, 2.0  # seconds in which a run ends by a signal, and by a second one
GONE = 2.0  # seconds after which nothing of it is left
SECONDED = (locked, recovering, stalling, parsing)


def each_with(moments: Sequence[Moment]) -> pytest.MarkDecorator:
    """Each moment with one signal or, thoroughly, with all: it is the moment that makes a difference."""
    in_turns = [(moment, SIGNALS[number % len(SIGNALS)]) for number, moment in enumerate(moments)]
    chosen = list(itertools.product(moments, SIGNALS)) if THOROUGH else in_turns
    names = [f"{moment.__name__}-{signum.name}" for moment, signum in chosen]
    return pytest.mark.parametrize(("moment", "signum"), chosen, ids=names)


# --- what must hold ---------------------------------------------------------------------------------------------------


def ended_in(crawl: subprocess.Popen[str], seconds: float) -> tuple[str, float]:
    """What the run said, and how long it took to end; one that does not end in time is killed, and the test fails."""
    began = time.monotonic()
    try:
        _, said = crawl.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(crawl.pid, signal.SIGKILL)
        crawl.communicate()
        pytest.fail(f"still running {seconds} s after the signal")
    return said, time.monotonic() - began


@each_with(MOMENTS)
def test_a_signal_ends_the_run_in_good_order(stage: Stage, moment: Moment, signum: signal.Signals) -> None:
    """Within 10 s: exit code 128 + n, one line, no open file, no lease, no process left; the next run carries on."""
    with moment(stage) as reached:
        crawl = stage.start()
        reached(crawl)
        before = family(crawl.pid)
        crawl.send_signal(signum)
        said, _ = ended_in(crawl, FIRST)
        assert crawl.returncode == 128 + signum, said
        assert re.fullmatch(rf"newswarc: error: stopped by {signum.name};[^\n]*\n", said), said
        assert unfinished(stage) == []
        wait_until(lambda: not alive(before), GONE)
    if (stage.desk.folder / "news.db").exists():
        stage.desk.run("verify", code=None if moment is opening else 0)
        with suppress(sqlite3.OperationalError):  # it may have ended before there was a table
            assert stage.desk.rows("SELECT url FROM urls WHERE lease_run IS NOT NULL") == []
    carries_on(stage)


def test_a_body_that_was_cut_by_a_signal_is_archived_and_marked(stage: Stage) -> None:
    """What had come of it is in the archive, truncated by time."""
    with stalling(stage) as reached:
        crawl = stage.start()
        reached(crawl)
        crawl.send_signal(signal.SIGTERM)
        ended_in(crawl, FIRST)
    query = "SELECT http_status, truncated FROM captures WHERE url LIKE ?"
    assert stage.desk.rows(query, f"%{SLOW.path}") == [(200, "time")]
    carries_on(stage)


@each_with(SECONDED)
def test_a_second_signal_ends_it_at_once(stage: Stage, moment: Moment, signum: signal.Signals) -> None:
    """Within 2 s, with the same exit code, and no process is left; the next run carries on."""
    with moment(stage) as reached:
        crawl = stage.start()
        reached(crawl)
        before = family(crawl.pid)
        crawl.send_signal(signum)
        wait_until(lambda: not _pending(crawl.pid, signum), FIRST)
        crawl.send_signal(signum)
        said, _ = ended_in(crawl, SECOND)
        assert crawl.returncode == 128 + signum, said
        assert "Traceback" not in said
        wait_until(lambda: not alive(before), GONE)
    carries_on(stage)


def _pending(pid: int, signum: signal.Signals) -> bool:
    """Whether a signal waits to be taken: a second one of its kind would be lost until then."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(("ShdPnd:", "SigPnd:")) and int(line.split()[1], 16) >> (signum - 1) & 1:
                return True
    return False
