"""`--max-runtime`: a run ends whatever holds it up, and leaves all in order."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from itertools import repeat

import pytest

from tests.hostile.server import Line
from tests.staged import MOMENTS, SLOW, STORIES, Moment, Stage, carries_on, opening, recovering, unfinished

TIME = "8s"  # enough to come to the moment, on a busy machine too
BOUND = 50.0  # seconds after which it will never end; what holds it up lasts for minutes, or for ever
HELD_UP = [moment for moment in MOMENTS if moment not in (opening, recovering)]  # which nothing holds up, or as parsing does


def ends(crawl: subprocess.Popen[str]) -> str:
    """What a run said that ends by itself."""
    try:
        return crawl.communicate(timeout=BOUND)[1]
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(crawl.pid, signal.SIGKILL)
        crawl.communicate()
        pytest.fail("the run does not end")


def in_order(stage: Stage) -> None:
    """No file is open, no lease held, and the next run does the rest."""
    assert unfinished(stage) == []
    assert stage.desk.rows("SELECT url FROM urls WHERE lease_run IS NOT NULL") == []
    stage.timeout = 60
    carries_on(stage)


@pytest.mark.parametrize("moment", HELD_UP, ids=lambda moment: moment.__name__)
def test_a_run_ends_when_its_time_is_up(stage: Stage, moment: Moment) -> None:
    """Whatever it waits for: a database, a name server, a host, a body, a worker, its turn."""
    stage.timeout = 9 if moment.__name__ == "stalling" else 3  # what times out by itself is tried again later
    with moment(stage) as reached:
        crawl = stage.start("--max-runtime", TIME)
        reached(crawl)
        if moment.__name__ != "locked":
            ends(crawl)
    ends(crawl)
    in_order(stage)


def test_a_body_that_never_ends_is_cut(stage: Stage) -> None:
    """A server that sends a byte from time to time holds a run no longer than one that sends none."""

    def dribble(line: Line) -> None:
        line.head("Content-Length: 100000")
        line.drip(repeat(b"x"), 0.05)

    stage.timeout = 9  # longer than the run has
    stage.server.answers[SLOW.path] = dribble
    ends(stage.start("--max-runtime", TIME))
    assert set(stage.desk.rows("SELECT truncated FROM captures WHERE url LIKE ?", f"%{SLOW.path}")) == {("time",)}
    stage.settle()
    in_order(stage)


def test_an_endless_robots_txt_is_read_as_far_as_it_counts(stage: Stage) -> None:
    """However fast it comes, it neither fills the memory nor holds the run."""

    def endless(line: Line) -> None:
        line.head("Content-Type: text/plain")
        line.flood(repeat(b"# nothing\n" * 1000))

    stage.timeout = 3
    stage.server.answers["/robots.txt"] = endless
    ends(stage.start("--max-runtime", "20s"))
    stage.settle()
    in_order(stage)


def test_a_long_crawl_delay_leaves_the_rest_to_later_runs(stage: Stage) -> None:
    """With a minute between two pages a run of two seconds asks for one, and ends."""
    stage.server.answers["/robots.txt"] = lambda line: line.reply(b"User-agent: *\nCrawl-delay: 60\n")
    ends(stage.start("--max-runtime", "2s"))
    assert len(set(stage.server.asked) & {story.path for story in STORIES}) == 0  # the home page was the first
    assert stage.desk.one("SELECT count(*) FROM urls WHERE lease_run IS NOT NULL") == 0
