"""Disks that are full or read-only, databases that are locked or restarted, in the middle of a crawl by the real command."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from scripts import postgres_for_tests as postgres
from storage.urlkey import key
from tests.desk import COMMAND, Desk, wait_until
from tests.newsroom.server import Newsroom
from tests.runner import environment

pytestmark = pytest.mark.timeout(300)
STRACE = shutil.which("strace")
WARCIO = Path(sys.executable).with_name("warcio")
KIB, MIB = 1024, 1024 * 1024
HOLDER = """
import sqlite3, sys, time
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
conn.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
conn.execute("ROLLBACK")
"""


@pytest.fixture
def desk_at_work(desk: Desk, newsroom: Newsroom) -> Desk:
    """A collection with the newsroom as its source, not crawled yet."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    return desk


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A disk of `size` bytes mounted on a folder. Only root can have one."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts disks")
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("this machine mounts no disks")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, options: str) -> None:
    """Another size, or another right."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def nothing_is_half(desk: Desk) -> None:
    """Rows and records agree, as far as they are there, and files that are closed are whole."""
    desk.run("verify")
    for path in (desk.folder / "warc").glob("*.warc.gz"):
        subprocess.run(["gzip", "-t", path], check=True)
        subprocess.run([WARCIO, "check", path], check=True)


def every_story_once(desk: Desk, newsroom: Newsroom) -> None:
    """The crawl is complete, whatever came between."""
    stored = Counter(key(url) for (url,) in desk.rows("SELECT url FROM v_articles"))
    assert stored == Counter(key(newsroom.site.url(story)) for story in newsroom.site.live)
    assert desk.rows("SELECT url FROM urls WHERE state = 'pending' OR lease_run IS NOT NULL") == []
    assert desk.rows("SELECT id FROM versions WHERE number > 1") == []
    nothing_is_half(desk)


# --- full and read-only disks -----------------------------------------------------------------------------------------


def test_the_archives_disk_is_full(desk_at_work: Desk, newsroom: Newsroom) -> None:
    """The run ends with code 8 and one line; with more room the next one carries on."""
    warc = desk_at_work.folder / "warc"
    with small_disk(warc, 96 * KIB):
        done = desk_at_work.run("crawl", "-q", code=8)
        assert "No space left on device; make room, then run again" in done.stderr
        nothing_is_half(desk_at_work)
        desk_at_work.run("crawl", "-q", "--now", code=8)  # there is no room for putting right what was left, either
        nothing_is_half(desk_at_work)
        remount(warc, f"size={50 * MIB}")
        desk_at_work.run("crawl", "-q", "--now")
        every_story_once(desk_at_work, newsroom)


def test_the_databases_disk_is_full(desk: Desk, newsroom: Newsroom) -> None:
    """A commit that fails leaves records without rows: the next run enters them."""
    disk = desk.folder / "disk"
    with small_disk(disk, 600 * KIB):
        url = f"sqlite:///{disk}/news.db"
        desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', crawl=f'[database]\nurl = "{url}"')
        (desk.folder / "news.db").symlink_to(disk / "news.db")  # where the queries of these tests look for it
        done = desk.run("crawl", "-q", code=8)
        assert "no space left on its disk; free some, then run again" in done.stderr
        remount(disk, f"size={50 * MIB}")
        desk.run("crawl", "-q", "--now")
        every_story_once(desk, newsroom)


def test_a_read_only_disk(desk_at_work: Desk, newsroom: Newsroom) -> None:
    """Nothing can be written: code 8, and nothing is asked of any site; then it can."""
    warc = desk_at_work.folder / "warc"
    with small_disk(warc, 50 * MIB):
        remount(warc, "ro")
        done = desk_at_work.run("crawl", "-q", code=8)
        assert "Read-only file system; the disk is mounted read-only" in done.stderr
        remount(warc, "rw")
        desk_at_work.run("crawl", "-q", "--now")
        every_story_once(desk_at_work, newsroom)


@pytest.mark.skipif(STRACE is None, reason="strace injects the faults")
@pytest.mark.parametrize(
    ("call", "error"),
    [("fdatasync", "ENOSPC"), ("fdatasync", "EIO"), ("fsync", "EIO"), ("rename", "EROFS"), ("pwrite64", "ENOSPC")],
)
def test_a_call_of_the_kernel_fails(desk_at_work: Desk, newsroom: Newsroom, call: str, error: str) -> None:
    """The sync of the archive, that of its folder, its last name, the database's log: code 8 or 7, then as if nothing were."""
    first = {"fdatasync": 9, "pwrite64": 60}.get(call, 2)
    inject = f"trace={call}", "-e", f"inject={call}:error={error}:when={first}+"
    traced = [str(STRACE), "-f", "-qqq", "-o", os.devnull, "-e", *inject, *COMMAND, "crawl", "-q"]
    done = subprocess.run(
        traced, cwd=desk_at_work.folder, env=environment(), capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode in {7, 8}, done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("newswarc: error: ")]
    assert "bug" not in line
    assert "Traceback" not in done.stderr
    desk_at_work.run("crawl", "-q", "--now")
    every_story_once(desk_at_work, newsroom)


# --- databases that are locked or restarted ---------------------------------------------------------------------------


def locked(desk: Desk, seconds: float) -> subprocess.Popen[str]:
    """Another process that holds the database's write lock for some seconds."""
    command = [sys.executable, "-c", HOLDER, str(desk.folder / "news.db"), str(seconds)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_the_database_is_locked_for_half_a_minute(desk_at_work: Desk, newsroom: Newsroom) -> None:
    """The run waits, and then stores all that it has fetched meanwhile."""
    with subprocess.Popen([*COMMAND, "crawl", "-q"], cwd=desk_at_work.folder, env=environment()) as crawling:
        wait_until(lambda: len(newsroom.log) > 12)
        with locked(desk_at_work, 31) as holder:
            holder.wait(60)
        assert crawling.wait(120) == 0
    every_story_once(desk_at_work, newsroom)


def test_a_database_that_is_locked_from_the_start(crawled: Desk) -> None:
    """After half a minute the run gives up with code 7, and says what to do."""
    with locked(crawled, 300) as holder:
        done = crawled.run("crawl", "-q", code=7)
        holder.kill()
    assert "news.db is locked by another process; wait for it to end, then try again" in done.stderr
    crawled.run("crawl", "-q")


def test_a_reader_that_stays_pauses_the_run(desk: Desk, newsroom: Newsroom) -> None:
    """Past the bound of the database's log the run waits for the reader to end, and goes on."""
    desk.configure(
        ("room", newsroom.url), allow=f'["{newsroom.host}"]', crawl="[database]\nmax_log_bytes = 500000"
    )
    desk.run("crawl", "-q", "--max-pages", "1")
    log = desk.folder / "log"
    reader = sqlite3.connect(desk.folder / "news.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM urls").fetchall()
    with log.open("wb") as errors, subprocess.Popen(
        [*COMMAND, "crawl", "--now"], cwd=desk.folder, env=environment(), stderr=errors
    ) as crawling:
        wait_until(lambda: b"kept open by a reader" in log.read_bytes(), 120)
        assert (desk.folder / "news.db-wal").stat().st_size < 3_000_000
        reader.close()
        assert crawling.wait(120) == 0
    every_story_once(desk, newsroom)


@pytest.fixture
def server() -> Iterator[tuple[Path, str]]:
    """A PostgreSQL server of one's own: its folder and URL."""
    try:
        folder, url = postgres.start()
    except (SystemExit, KeyError) as error:
        pytest.skip(str(error))
    yield folder, url
    postgres.stop(folder)


def test_the_server_is_restarted_in_the_middle_of_a_run(
    desk: Desk, newsroom: Newsroom, server: tuple[Path, str]
) -> None:
    """The run waits for the server and goes on; every story is stored once."""
    folder, url = server
    newsroom.latency = 0.02
    desk.configure(
        ("room", newsroom.url), allow=f'["{newsroom.host}"]', crawl=f'[database]\nurl = "{url}"'
    )
    with ExitStack() as open_:
        crawling = open_.enter_context(
            subprocess.Popen([*COMMAND, "crawl", "-q"], cwd=desk.folder, env=environment())
        )
        for answers in (8, 24):
            wait_until(lambda: len(newsroom.log) > answers)  # noqa: B023 - looked at in this round alone
            postgres.restart(folder)
        assert crawling.wait(120) == 0
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as conn:
        stored = Counter(key(row.url) for row in conn.execute(text("SELECT url FROM v_articles")))
        assert stored == Counter(key(newsroom.site.url(story)) for story in newsroom.site.live)
        assert conn.execute(text("SELECT count(*) FROM versions WHERE number > 1")).scalar_one() == 0
        twice = "SELECT run_id, url_id FROM outcomes GROUP BY 1, 2 HAVING count(*) > 1"
        assert conn.execute(text(twice)).all() == []
    engine.dispose()
    desk.run("verify")


# --- few open files ---------------------------------------------------------------------------------------------------


def test_sixty_four_open_files_are_enough_for_many_hosts(desk: Desk) -> None:
    """Fewer hosts are asked at once, and all of them in the end."""
    with ExitStack() as open_:
        rooms = [open_.enter_context(Newsroom(stories=2)) for _ in range(40)]
        hosts = ", ".join(f'"{room.host}"' for room in rooms)
        desk.configure(*((f"room-{n}", room.url) for n, room in enumerate(rooms)), allow=f"[{hosts}]")
        command = ["prlimit", "--nofile=64:64", *COMMAND, "crawl"]
        done = subprocess.run(
            command, cwd=desk.folder, env=environment(), capture_output=True, text=True, check=False, timeout=240
        )
        assert done.returncode == 0, done.stderr
        assert "64 open files (ulimit -n) allow no more than 10 hosts at once" in done.stderr
        stories = [key(room.site.url(story)) for room in rooms for story in room.site.live]
    stored = Counter(key(url) for (url,) in desk.rows("SELECT url FROM v_articles"))
    assert (set(stories) - set(stored), max(stored.values())) == (set(), 1)
    nothing_is_half(desk)
