"""A run's own log, on its way to the archive."""

from __future__ import annotations

import io
import json
import logging
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from warcio.archiveiterator import ArchiveIterator

from crawler.run.journal import Journal
from storage.records import RecordPlace
from storage.warc.read import scan
from storage.warc.write import WarcWriter
from tests.desk import COMMAND, Desk, wait_until
from tests.newsroom.server import Newsroom
from tests.runner import environment

log = logging.getLogger("crawler.test")


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """As the command sets it."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    yield
    root.setLevel(level)


def _written(journal: Journal, folder: Path) -> list[str]:
    """The lines of the resource record that a journal becomes."""
    writer = WarcWriter(folder, "R1", "newswarc/test")
    journal.write_to(writer, "R1")
    _, record = scan(folder / writer.close()[0].name)
    assert (record.head.type, record.head.uri) == ("resource", "urn:newswarc:run:R1:log")
    return record.content().decode().splitlines()


def test_a_log_record_is_a_line(tmp_path: Path) -> None:
    """In UTC, with level and logger; nothing in it can end its line or steer a terminal, and an error says what it is."""
    with Journal(None) as journal:
        log.info("two\nlines \x1b[31m of %s", "text \udcff")
        log.error("failed", exc_info=ValueError("no such\nthing"))
        lines = _written(journal, tmp_path)
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert [re.sub(moment, "T", line) for line in lines] == [
        r"T INFO crawler.test two lines \u001b[31m of text \udcff",
        "T ERROR crawler.test failed (ValueError: no such thing)",
    ]


def test_what_is_below_info_or_of_another_time_is_not_kept(tmp_path: Path) -> None:
    """Neither debug messages nor what is logged before, after, or while it is archived."""
    log.warning("before")
    with Journal(None) as journal:
        log.debug("debug")
        log.info("within")
        lines = _written(journal, tmp_path)
        log.info("archived")
    log.warning("after")
    assert [line.split(" ", 3)[3] for line in lines] == ["within"]
    assert journal not in logging.getLogger().handlers


def test_no_password_is_kept(tmp_path: Path) -> None:
    """Whoever logs a URL with one."""
    with Journal(None) as journal:
        log.error("cannot open %s", "postgresql://desk:geheim@db.test/news")
        [line] = _written(journal, tmp_path)
    assert line.endswith("cannot open postgresql://desk:***@db.test/news")


def test_a_log_has_a_bound(tmp_path: Path) -> None:
    """What is beyond it is counted, also if a shorter line would fit."""
    with Journal(None, most=200) as journal:
        log.info("first")
        log.info("x" * 200)
        log.info("short")
        lines = _written(journal, tmp_path)
    assert [line.split(" ", 3)[3] for line in lines[:1]] == ["first"]
    assert lines[1].endswith("Z 2 lines were left out")
    assert len(lines) == 2


def test_a_full_disk_costs_lines_but_no_run(tmp_path: Path) -> None:
    """Half a line is taken back; what came before it is archived."""

    class Full(io.BytesIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            if b"second" in data:
                super().write(data[:-1])
                raise OSError(28, "No space left on device")
            return super().write(data)

    with Journal(None) as journal:
        journal._file.close()
        journal._file = Full()
        for words in ("first", "second" * 20, "third"):
            log.info(words)
        lines = _written(journal, tmp_path)
    assert lines[0].endswith("INFO crawler.test first")
    assert lines[1].endswith("Z 2 lines were left out")
    assert len(lines) == 2


def test_what_is_logged_while_it_is_archived_does_not_change_it(tmp_path: Path) -> None:
    """The record is as long as it was measured, and the writer may log too."""

    class Talking(WarcWriter):
        def write_resource(self, uri: str, mime: str, content: bytes | IO[bytes], date: str | None = None) -> RecordPlace:
            log.warning("writing")
            return super().write_resource(uri, mime, content, date)

    with Journal(None) as journal:
        log.info("within")
        writer = Talking(tmp_path, "R1", "newswarc/test")
        journal.write_to(writer, "R1")
        _, record = scan(tmp_path / writer.close()[0].name)
    with record:
        assert [line.split(" ", 3)[3] for line in record.content().decode().splitlines()] == ["within"]


def test_a_wrong_call_of_a_logger_ends_nothing(tmp_path: Path) -> None:
    """It is counted, and later lines are kept."""
    with Journal(None) as journal:
        journal.emit(logging.LogRecord("x", logging.INFO, "x.py", 1, "%d of %d", ("one",), None))
        log.info("later")
        lines = _written(journal, tmp_path)
    assert lines[0].endswith("crawler.test later")
    assert lines[1].endswith("1 lines were left out")


# --- in the archive of a run ------------------------------------------------------------------------------------------


def _resources(desk: Desk) -> list[tuple[str, str, str]]:
    """URI, media type and content of every resource record, as warcio reads them."""
    found = []
    for path in sorted((desk.folder / "warc").glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                fields = record.rec_headers
                if record.rec_type == "resource":
                    content = record.content_stream().read().decode()
                    found.append((fields["WARC-Target-URI"], fields["Content-Type"], content))
    return found


def test_settings_and_log_of_a_run_are_in_its_archive(desk: Desk, newsroom: Newsroom) -> None:
    """The settings first, ledger and log at its end, each with its line in the CDXJ; also when the run says nothing."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "-q")
    (settings, _, said), (ledger, _, _), (log_, mime, lines) = _resources(desk)
    run_id = desk.one("SELECT id FROM runs")
    assert [settings, ledger, log_] == [f"urn:newswarc:run:{run_id}:{what}" for what in ("settings", "ledger", "log")]
    assert json.loads(said)["settings"]["crawl"]["allow_private_networks"] == [newsroom.host]
    assert mime == "text/plain; charset=utf-8"
    assert re.search(r"^\S+Z INFO scrapy\S* .*Spider opened", lines, re.MULTILINE)
    assert not [line for line in lines.splitlines() if not re.match(r"\d{4}-\S+Z [A-Z]+ \S+ ", line)]
    index = "".join(path.read_text() for path in (desk.folder / "warc").glob("*.cdxj"))
    assert all(index.count(f'"{uri}"') == 1 for uri in (settings, ledger, log_))
    desk.run("verify")


def test_a_run_that_finds_nothing_due_leaves_no_file(crawled: Desk) -> None:
    """There would be one for every idle run of years."""
    before = sorted((crawled.folder / "warc").iterdir())
    crawled.run("crawl")
    assert sorted((crawled.folder / "warc").iterdir()) == before


def test_a_killed_run_has_settings_and_no_log(desk: Desk, newsroom: Newsroom) -> None:
    """What it had archived keeps its settings; the next run has its own."""
    allowed = f'["{newsroom.host}"]'
    desk.configure(("room", newsroom.url), allow=allowed, more="delay = 3")
    process = subprocess.Popen([*COMMAND, "crawl", "-q"], cwd=desk.folder, env=environment())
    wait_until(lambda: _captures(desk) > 0)
    process.kill()
    process.wait()
    desk.configure(("room", newsroom.url), allow=allowed)
    desk.run("crawl", "-q")
    uris = [uri.rpartition(":")[2] for uri, _, _ in _resources(desk)]
    assert uris == ["settings", "settings", "ledger", "ledger", "log"]  # the next run writes both accounts
    assert "files of a killed run closed" in _resources(desk)[-1][2]


def _captures(desk: Desk) -> int:
    try:
        return int(desk.one("SELECT count(*) FROM captures"))
    except sqlite3.OperationalError:
        return 0
