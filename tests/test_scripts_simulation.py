"""The simulated fortnight: a small one, its files, and what must hold in any."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from scripts.simulation.__main__ import main
from scripts.simulation.engine import Policy, ask, run
from scripts.simulation.generate import HELD_OUT, TUNED, made, world
from scripts.simulation.newsrooms import KINDS, newsrooms
from scripts.simulation.oracle import at_shares
from scripts.simulation.ours import ours
from scripts.simulation.peers import DuplicateShare, EntryFrequency, Fixed
from scripts.simulation.score import matched, per_source, ratio, score
from scripts.simulation.trace import Trace, World, read, write

SMALL = world(replace(TUNED, sources=25, days=4))
POLICIES: dict[str, Callable[[], Policy]] = {
    "ours": lambda: ours(24.0),
    "fixed": lambda: Fixed(3600.0),
    "entries": EntryFrequency,
    "duplicates": DuplicateShare,
}


def test_a_set_is_the_same_each_time() -> None:
    """The same parameters give the same sources; another set gives others."""
    assert world(replace(TUNED, sources=25, days=4)) == SMALL
    assert world(replace(HELD_OUT, sources=25, days=4)) != SMALL


@pytest.mark.skipif(not available_timezones(), reason="no time zones here")
def test_newsrooms_are_the_same_each_time() -> None:
    """Sources of all kinds; an edition comes at once; all are read back."""
    made_up = newsrooms(each=2)
    assert made_up == newsrooms(each=2)
    assert {trace.kind for trace in made_up.traces} == set(KINDS)
    editions = [trace for trace in made_up.traces if trace.kind == "edition"]
    assert all(sum(b - a < 60 for a, b in pairwise(trace.stories)) > len(trace.stories) / 2 for trace in editions)
    text = io.StringIO()
    write(text, made_up)
    assert read(text.getvalue().splitlines(), "newsrooms") == made_up


@pytest.mark.parametrize("name", POLICIES)
def test_every_story_is_found_or_missed_and_hosts_are_left_alone(name: str) -> None:
    """No story is found before it appears, each is counted once, and no host is asked sooner than its gap allows."""
    result = run(SMALL, POLICIES[name]())
    assert result.least_gap >= SMALL.gap - 1e-6
    assert result.requests == sum(result.asked) > 0
    told = score(SMALL, result)
    assert told.stories == sum(len(source) for source in per_source(SMALL, result, 0.0))
    assert 0 <= told.missed < told.stories
    assert all(delay >= 0 for source in per_source(SMALL, result, 0.0) for delay in source)


def test_our_run_is_deterministic() -> None:
    """Two runs of our schedule ask the same and find the same."""
    assert run(SMALL, ours(24.0)) == run(SMALL, ours(24.0))


def test_a_larger_budget_asks_more_and_finds_sooner() -> None:
    """The knob turns both ends of the curve."""
    few, many = (score(SMALL, run(SMALL, ours(budget))) for budget in (6.0, 48.0))
    assert few.requests < many.requests
    assert many.median < few.median


def test_we_are_sooner_than_a_fixed_interval() -> None:
    """At no more requests than hourly polling takes, half of the stories are found sooner."""
    honest = replace(SMALL, traces=tuple(trace for trace in SMALL.traces if not trace.lying))
    hourly = run(honest, Fixed(3600.0))
    _, mine = matched(honest, ours, round(hourly.requests * 0.97), 20.0)
    compared = ratio(honest, mine, hourly)
    assert compared.requests <= 1
    assert compared.median < 0.9


def test_an_etag_that_lies_is_found_out() -> None:
    """Where every conditional request is answered 304, our schedule still finds the stories, and a fixed interval none."""
    hours = tuple(SMALL.start + 3600.0 * (n + 0.5) for n in range(96))
    lying = World("lying", SMALL.start, SMALL.end, (Trace("a", "a.test", hours, lying=((0.0, 9e9),)),))
    assert score(lying, run(lying, ours(48.0))).missed < 12
    assert score(lying, run(lying, Fixed(900.0))).missed >= 70


def test_a_dead_source_is_asked_less_and_found_alive_again() -> None:
    """A server that is down for two days costs few requests, and its stories are found after it is back."""
    stories = tuple(SMALL.start + 3600.0 * n for n in range(96))
    days = 86_400.0
    back = World("back", SMALL.start, SMALL.end, (Trace("a", "a.test", stories, down=((SMALL.start, SMALL.start + days),)),))
    result = run(back, ours(48.0))
    assert result.found[0][90] is not None
    gone = World("gone", SMALL.start, SMALL.end, (Trace("a", "a.test", stories, down=((0.0, 9e9),), reason="http-404"),))
    assert 1 < run(gone, ours(48.0)).requests < 10


def test_what_left_the_window_is_missed() -> None:
    """Of stories that a page shows no longer, the answer says that it ran over."""
    trace = Trace("a", "a.test", tuple(float(n) for n in range(1, 31)), window=10)
    answer = ask(trace, 30.0, 5, conditional=True)
    assert (answer.first, answer.last, answer.entries, answer.overrun) == (20, 30, 10, True)
    assert not ask(trace, 30.0, 25, conditional=True).overrun
    assert ask(trace, 30.0, 30, conditional=True).not_modified


def test_traces_are_read_as_they_are_written() -> None:
    """A set written as JSON lines is read as the same set; unsorted stories are put in order."""
    text = io.StringIO()
    write(text, SMALL)
    again = read(text.getvalue().splitlines(), SMALL.name)
    assert again == SMALL
    loose = read(['{"id": 7, "stories": [30, 10], "announced": [null, 9], "more": 1}'], "loose")
    assert loose.traces[0] == Trace("7", "7", (10.0, 30.0), announced=(9.0, None))


def test_traces_made_elsewhere_get_a_whole_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two days, a source without stories, stories in no order and at one moment: all peers and the curve are told."""
    hours = [SMALL.start + 3600 * n for n in (40, 3, 3, 7, 12, 30, 0, 48)]
    file = tmp_path / "traces.jsonl"
    file.write_text("\n".join(json.dumps({"id": name, "stories": moments}) for name, moments in (("a", hours), ("b", []))))
    assert main(["--traces", str(file)]) == 0
    told = capsys.readouterr().out
    assert "2 sources, 2.0 days, 7 stories" in told
    for name in ("fixed 15 min", "fixed 60 min", "miniflux", "dup. "):
        assert told.count(f"\n{name}") >= 3  # its own figures, and ours against them with either share
    assert told.count("newswarc, ") == 10
    assert "least gap of a host" in told


def test_who_knows_the_truth_finds_more_sooner() -> None:
    """At the requests of hourly polling, a schedule that knows the true rates is sooner than it, in the mean of all sources too."""
    sources, truths = made(replace(TUNED, sources=25, days=4))
    hourly = run(sources, Fixed(3600.0))
    _, best = matched(sources, partial(at_shares, truths, [1.0] * len(truths), 0.5), hourly.requests, 1.0)
    assert ratio(sources, best, hourly).median < 0.9
    assert ratio(sources, best, hourly).mean < 0.9


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"id": "a"}',
        '{"stories": "x"}',
        '{"id": "a", "stories": []}',
        '{"id": "a", "stories": [5]}',
        '{"id": "a", "stories": [NaN, 5]}',
        '{"id": "a", "stories": [1e999, 5]}',
        '{"id": "a", "stories": [true, 5]}',
        '{"id": "a", "stories": [1767571200000, 1767571300000]}',
        '{"id": "a", "stories": [0, 1767571200]}',
        '{"id": "a", "stories": [1, 2]}\n{"id": "a", "stories": [1, 2]}',
        '{"id": "a", "stories": [1, 2], "announced": []}',
        '{"id": "a", "stories": [1, 2], "announced": ["x", 1]}',
        '{"id": "a", "stories": [1, 2], "window": 0}',
        '{"id": "a", "stories": [1, 2], "down": [[1]]}',
        '{"id": "a", "stories": [1, 2], "down": [[2, 1]]}',
        '{"id": "a", "stories": [1, 2], "lying": [1]}',
        '{"start": 5, "end": 1}\n{"id": "a", "stories": [1, 2]}',
        '{"start": 5, "gap": -1}\n{"id": "a", "stories": [1, 20]}',
    ],
)
def test_a_file_that_is_no_trace_is_told_in_one_line(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read ends with one line and status 2."""
    file = tmp_path / "traces.jsonl"
    file.write_text(text)
    assert main(["--traces", str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
