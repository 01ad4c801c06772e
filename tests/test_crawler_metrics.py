"""Metrics for Prometheus' textfile collector, as its own parser reads them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crawler.monitoring.metrics import MOST_SOURCES, Ended, Samples, updated, write
from storage.query.measures import Measured
from storage.records import Ledger
from tests.desk import Desk
from tests.newsroom.server import Newsroom

MEASURED = Measured(
    ledger=Ledger(articles={"added": 3, "failed": 1}, others={"feed/polled": 2, "robots/fetched": 1}, pending=7),
    exchanges={"2xx": 5, "none": 1},
    archived_bytes=1000,
    good=frozenset({"room"}),
    added={"room": 3},
    troubles={"silent": 2},
    warc_bytes=5000,
    database_bytes=4096,
    oldest_due="2026-03-01T12:00:00.000Z",
)
RUN = Ended(at=1000.0, duration=12.5, exit_code=0, measured=MEASURED, sources=frozenset({"room", "dead"}))


def read(path: Path) -> Samples:
    """The samples of a file, by name and the values of their labels, but for the collection's."""
    found: Samples = {}
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            assert sample.labels.pop("collection") == "desk"
            found[sample.name, tuple(sample.labels.values())] = sample.value
    return found


def test_counters_grow_and_gauges_change() -> None:
    """A second run adds to what is counted, and replaces what is measured."""
    once = updated({}, RUN)
    twice = updated(once, replace(RUN, at=2000.0, measured=replace(MEASURED, troubles={}, oldest_due=None)))
    assert (once["newswarc_runs_total", ("0",)], twice["newswarc_runs_total", ("0",)]) == (1, 2)
    assert twice["newswarc_articles_total", ("added",)] == 6
    assert twice["newswarc_polls_total", ("feed",)] == 4
    assert twice["newswarc_archived_bytes_total", ()] == 2000
    assert twice["newswarc_pending_urls", ()] == 7
    assert once["newswarc_sources_in_trouble", ("silent",)] == 2
    assert once["newswarc_oldest_due_timestamp_seconds", ()] == 1772366400
    assert not [key for key in twice if key[0] in {"newswarc_sources_in_trouble", "newswarc_oldest_due_timestamp_seconds"}]


def test_a_run_that_failed_keeps_the_last_success() -> None:
    """And whatever else it could not measure."""
    after = updated(updated({}, RUN), Ended(2000.0, 1.0, 7, None, None))
    assert after["newswarc_last_success_timestamp_seconds", ()] == 1000
    assert after["newswarc_last_run_timestamp_seconds", ()] == 2000
    assert after["newswarc_last_run_exit_code", ()] == 7
    assert after["newswarc_source_last_success_timestamp_seconds", ("room",)] == 1000
    assert after["newswarc_database_bytes", ()] == 4096


def test_series_of_sources_are_bounded() -> None:
    """A source that is gone has none, and of very many sources only some have any."""
    many = frozenset(f"s{number:05}" for number in range(MOST_SOURCES + 10))
    after = updated(updated({}, RUN), replace(RUN, measured=replace(MEASURED, good=many, added={}), sources=many))
    named = [key for key in after if key[0] == "newswarc_source_last_success_timestamp_seconds"]
    assert len(named) == MOST_SOURCES
    assert ("newswarc_source_articles_total", ("room",)) not in after
    assert after["newswarc_sources", ()] == len(many)


@pytest.mark.parametrize("left", [b"", b"\xff\x00", b"newswarc_runs_total{", b'newswarc_runs_total{collection="desk"} 3\n'])
def test_a_file_that_cannot_be_read_is_written_over(tmp_path: Path, left: bytes) -> None:
    """Counters begin anew, which Prometheus expects of them."""
    path = tmp_path / "news.prom"
    path.write_bytes(left)
    write(path, "desk", RUN)
    assert read(path)["newswarc_runs_total", ("0",)] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["news.prom"]


def test_a_file_has_its_names_escaped(tmp_path: Path) -> None:
    """A collection may be called whatever it likes."""
    write(tmp_path / "a.prom", 'a "b"\\c\n', RUN)
    write(tmp_path / "a.prom", 'a "b"\\c\n', RUN)
    [family] = [f for f in text_string_to_metric_families((tmp_path / "a.prom").read_text()) if f.name == "newswarc_runs"]
    assert [(s.labels["collection"], s.value) for s in family.samples] == [('a "b"\\c\n', 2)]


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool here")
def test_promtool_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    """Names, units and types are as Prometheus wants them."""
    write(tmp_path / "a.prom", "desk", RUN)
    with (tmp_path / "a.prom").open("rb") as file:
        subprocess.run(["promtool", "check", "metrics"], stdin=file, check=True)


def test_a_crawl_writes_them(desk: Desk, newsroom: Newsroom) -> None:
    """What the database says of the run; by every run that ends, faulty settings too; only where they are wanted."""
    desk.configure(("room", newsroom.url), allow="true")
    file = desk.folder / "newswarc.toml"
    desk.run("crawl", "-q", "--max-pages", "2")
    assert not list(desk.folder.glob("*.prom"))
    file.write_text(f'{file.read_text()}\n[report]\nmetrics = "news.prom"\n')
    desk.run("crawl", "-q")
    found = read(desk.folder / "news.prom")
    run_id = desk.one("SELECT max(id) FROM runs")
    assert found["newswarc_articles_total", ("added",)] == desk.one(
        "SELECT count(*) FROM outcomes WHERE run_id = ? AND verdict = 'added'", run_id
    )
    assert found["newswarc_archived_bytes_total", ()] == desk.one(
        "SELECT sum(warc_length) FROM captures WHERE run_id = ?", run_id
    )
    assert found["newswarc_database_bytes", ()] > 0
    assert found["newswarc_warc_bytes", ()] == sum(f.stat().st_size for f in (desk.folder / "warc").glob("*.gz"))
    success = found["newswarc_last_success_timestamp_seconds", ()]
    file.write_text(file.read_text().replace("delay = 0", "delya = 0"))
    desk.run("crawl", code=3)
    found = read(desk.folder / "news.prom")
    assert found["newswarc_runs_total", ("3",)] == 1
    assert found["newswarc_last_success_timestamp_seconds", ()] == success


def test_metrics_that_cannot_be_written_fail_no_run(desk: Desk, newsroom: Newsroom) -> None:
    """A line says so, with -q too."""
    desk.configure(("room", newsroom.url), allow="true")
    told = desk.run("crawl", "-q", "--max-pages", "1", "--metrics", "/no/such/place/news.prom").stderr
    assert told == "The metrics cannot be written to /no/such/place/news.prom: No such file or directory\n"
