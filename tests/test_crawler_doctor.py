"""`doctor`: each thing that can be wrong is found, has its level and its code; nothing hangs, nothing is changed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from crawler import cli
from crawler.checkup import machine, network, rows, software
from crawler.checkup.findings import Finding, Level, ok, within
from storage.database import dialects, schema
from storage.database.engine import open_database, transaction
from storage.query import health
from storage.runs.lock import hold
from storage.times import later, now
from tests.databases import a_capture, a_run, a_url

pytestmark = pytest.mark.unbalanced("rows are made up here, and files damaged")

SETTINGS = """\
[collection]
name = "desk"
contact = "desk@newswarc.test"
[[source]]
name = "gazette"
url = "http://127.0.0.1:9/"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection in the current folder, before its first crawl."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "newswarc.toml").write_text(SETTINGS)
    (tmp_path / "warc").mkdir()
    return tmp_path


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    """The database of that collection."""
    made = open_database(f"sqlite:///{folder / 'news.db'}")
    yield made
    made.dispose()


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, list[dict[str, Any]]]:
    """What `doctor --json` says, by check."""
    assert cli.main(["doctor", "--json", "--offline", *arguments]) == code
    said = json.loads(capsys.readouterr().out)
    assert said["exit_code"] == code
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in said["checks"]:
        found.setdefault(finding["check"], []).append(finding)
    return found


def level(found: dict[str, list[dict[str, Any]]], check: str) -> str:
    """The worst level of a check."""
    return max((finding["level"] for finding in found[check]), key=["ok", "warn", "fail"].index)


def test_a_sound_collection_has_no_failure(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Each check says ok in a line of its own, and leaves no file behind."""
    before = sorted(Path("warc").iterdir())
    found = doctor(capsys)
    named = {"config", "permissions", "database", "database check", "database writing", "lock", "leftovers", "disk"}
    assert named | {"space", "open files", "clock", "robots", "versions"} <= found.keys()
    assert {check for check in named if level(found, check) != "ok"} == set()
    assert sorted(Path("warc").iterdir()) == before
    assert cli.main(["doctor", "--offline"]) == 0
    assert "ok    disk: " in capsys.readouterr().out


def test_a_collection_that_was_never_crawled_is_sound(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no database, and none is made."""
    assert level(doctor(capsys), "database") == "ok"
    assert not (folder / "news.db").exists()


def test_faulty_settings_are_code_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every fault has its line, and the versions are told all the same."""
    (folder / "newswarc.toml").write_text(SETTINGS + "colour = 1\nsize = 2\n")
    found = doctor(capsys, code=3)
    assert len(found["config"]) == 2
    assert "versions" in found


def test_a_damaged_database_is_code_7(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page of an index overwritten, as a bad disk does, is found; the database itself is left as it is."""
    with transaction(engine) as conn:
        for number in range(400):
            a_url(conn, f"https://gazette.test/{number}")
    engine.dispose()
    database = folder / "news.db"
    content = bytearray(database.read_bytes())
    for start in range(len(content) // 2, len(content), 4_096):
        content[start : start + 4_096] = os.urandom(len(content[start : start + 4_096]))
    database.write_bytes(content)
    found = doctor(capsys, code=7)
    assert "fail" in {finding["level"] for check in found if check.startswith("database") for finding in found[check]}
    assert database.read_bytes() == content


def test_what_is_no_database_is_code_7(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the line that a crawl would end with; all other checks go on."""
    (folder / "news.db").write_bytes(b"a diary, long enough to be read as a header of a database" * 100)
    found = doctor(capsys, code=7)
    assert "is not a SQLite database" in found["database"][0]["message"]
    assert level(found, "disk") == "ok"


def test_a_lost_archive_folder_is_code_8(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As when its disk is not mounted."""
    (folder / "warc").rmdir()
    found = doctor(capsys, code=8)
    assert "mount its disk" in found["disk"][0]["message"]


def test_an_archive_folder_that_cannot_be_written_is_code_8(folder: Path) -> None:
    """A file that stands in the way of the probe is as good as a disk that refuses it."""
    (folder / "file").touch()
    finding = machine._written(folder / "file")
    assert (finding.level, finding.exit_code) == (Level.FAIL, 8)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_a_warning(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run of root leaves files that the collection's own user cannot write."""
    os.chown(folder / "news.db", 65_534, 65_534)
    [finding] = [each for each in doctor(capsys)["permissions"] if each["level"] == "warn"]
    assert "news.db belongs to" in finding["message"]


def test_free_space_is_told_in_days_of_growth(engine: Engine) -> None:
    """Closed files of the last 30 days say how much a day is; little space is a warning."""
    with transaction(engine) as conn:
        for day, size in ((40, 10**9), (10, 3 * 10**9), (1, 3 * 10**9)):
            moment = later(now(), -day * 86_400)
            conn.execute(
                schema.warc_files.insert().values(name=f"{day}.warc.gz", opened_at=moment, closed_at=moment, size=size)
            )
        growth = health.growth(conn, now(), 30)
    assert (growth.size, growth.days) == (6 * 10**9, 30)
    short, enough = machine._space(2 * 10**9, growth), machine._space(20 * 10**9, growth)
    assert (short.level, enough.level) == (Level.WARN, Level.OK)
    assert "200 MB are archived a day: enough for 100 days" in enough.message
    assert machine._space(10**8, None).level is Level.WARN


def test_a_running_crawl_is_named_and_its_open_files_are_no_leftovers(
    engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same files without a run are what a killed one left."""
    (folder / "warc" / "x.warc.gz.open").touch()
    with transaction(engine) as conn:
        a_capture(conn, "https://gazette.test/1", pending=True)
        a_url(conn, "https://gazette.test/2", lease_run="run-1")
    with hold(folder):
        found = doctor(capsys)
        assert f"pid {os.getpid()}" in found["lock"][0]["message"]
        assert level(found, "leftovers") == "ok"
    [left] = doctor(capsys)["leftovers"]
    assert left["level"] == "warn"
    assert left["message"].startswith("1 open WARC files, 1 pages that are not settled, 1 URLs in hand")


def test_another_writer_is_no_fault(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """A crawl holds the write lock for a moment at a time."""
    with transaction(engine):
        assert level(doctor(capsys), "database writing") == "ok"


def test_probing_leaves_no_row(engine: Engine) -> None:
    """What is written to see whether it can be is taken back."""
    health.probe_writing(engine)
    health.probe_writing(engine)
    with transaction(engine) as conn:
        assert conn.execute(schema.facts.select().where(schema.facts.c.name == "doctor")).all() == []


def test_a_check_of_a_large_database_ends_in_time(engine: Engine) -> None:
    """With no time at all, not all of it is read, and that is said."""
    with transaction(engine) as conn:
        for number in range(3_000):
            a_url(conn, f"https://gazette.test/{number}", state="stored")
    assert dialects.of(engine).quick_check(engine, -1.0) is None
    assert health.damage(engine, 60) == ""


def test_a_clock_that_was_set_back_is_a_warning(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """A run began in the time to come."""
    with transaction(engine) as conn:
        a_run(conn, "r", started_at=later(now(), 3 * 86_400))
    [clock] = doctor(capsys)["clock"]
    assert (clock["level"], "behind the newest run" in clock["message"]) == ("warn", True)


def test_servers_dates_tell_a_wrong_clock() -> None:
    """The median counts: one server with a wrong clock, or an answer from a cache, says nothing."""
    assert [each.level for each in rows._against_servers([0.4, 1.0, -90_000.0])] == [Level.OK]
    assert [each.level for each in rows._against_servers([3600.0, 3601.0, 0.0])] == [Level.WARN]
    assert list(rows._against_servers([3600.0])) == []
    assert rows._seconds("Sun, 01 Mar 2026 12:00:10 GMT", "2026-03-01T12:00:00.000Z") == 10
    assert rows._seconds("yesterday", "2026-03-01T12:00:00.000Z") is None


def test_robots_that_close_a_source_are_a_warning(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused or not readable; a source whose robots.txt is not known is counted."""
    known = {"origin": "http://127.0.0.1:9", "fetched_at": now(), "expires_at": later(now(), 60), "http_status": 200}
    assert "of 1 not" in doctor(capsys)["robots"][-1]["message"]
    for closed in ({"body": "User-agent: *\nDisallow: /"}, {"reason": "http-503"}):
        with transaction(engine) as conn:
            conn.execute(schema.robots.delete())
            conn.execute(schema.robots.insert().values(**known | closed))
        assert level(doctor(capsys), "robots") == "warn"


def test_names_are_looked_up_side_by_side_and_not_waited_for() -> None:
    """What has an address is told from what has none; what is late is in neither."""
    assert network.resolved(["127.0.0.1", "[::1]", "no-such-host.invalid"], 60) == {
        "127.0.0.1": True,
        "[::1]": True,
        "no-such-host.invalid": False,
    }
    assert network.resolved(["127.0.0.1"], -1) in ({}, {"127.0.0.1": True})


def test_no_source_with_an_address_is_code_5(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The network is away; one that has an address makes it a warning."""
    (folder / "newswarc.toml").write_text(SETTINGS.replace("127.0.0.1:9", "no-such-host.invalid"))
    assert cli.main(["doctor"]) == 5
    assert "the host of no source has an address" in capsys.readouterr().out
    more = '[[source]]\nname = "post"\nurl = "http://127.0.0.1:9/"\n'
    (folder / "newswarc.toml").write_text(SETTINGS.replace("127.0.0.1:9", "no-such-host.invalid") + more)
    assert cli.main(["doctor", "-q"]) == 0
    assert "no-such-host.invalid" in capsys.readouterr().out


def test_a_check_that_never_ends_is_a_warning() -> None:
    """It is left behind on its thread, with what it had found."""
    never = threading.Event()

    def hanging() -> Iterator[Finding]:
        yield ok("disk", "so far")
        never.wait(60)

    found = within(0.5, "disk", hanging)
    never.set()
    told = [(finding.level, finding.message) for finding in found]
    assert told == [(Level.OK, "so far"), (Level.WARN, "no answer within 0.5 s")]


def test_a_check_that_cannot_be_made_is_a_warning() -> None:
    """A bug in one of them must not hide what the others find."""
    [finding] = within(5, "memory", lambda: [Finding()])
    assert finding.level is Level.WARN
    assert "TypeError" in finding.message


def test_versions_that_are_installed_satisfy_what_is_asked_for() -> None:
    """In this very environment."""
    assert [finding.level for finding in software.versions()] == [Level.OK]


def test_no_collection_is_code_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every other command."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["doctor"]) == 2
