"""Two runs at once in one PostgreSQL collection: one frontier, one delay a host, nothing stored twice, one of them killed."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from storage.database.engine import open_database
from storage.urlkey import key
from tests.desk import COMMAND, Desk, wait_until
from tests.newsroom.server import Newsroom
from tests.runner import environment

DELAY = 0.25  # s between two requests to a host, whichever run they are of
ROOMS, STORIES = 3, 24


class Shared:
    """Some newsrooms and a collection for them on PostgreSQL."""

    def __init__(self, desk: Desk, url: str, rooms: list[Newsroom]) -> None:
        self.desk = desk
        self.rooms = rooms
        self._engine = open_database(url)
        hosts = ", ".join(f'"{room.host}"' for room in rooms)
        desk.configure(
            *((f"room-{number}", room.url) for number, room in enumerate(rooms)),
            allow=f"[{hosts}]",
            more=f"delay = {DELAY}",
            crawl=f'workers = 1\n[database]\nurl = "{url}"',
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the collection's database."""
        with self._engine.connect() as conn:
            return [tuple(row) for row in conn.execute(text(query))]

    def join(self) -> subprocess.Popen[bytes]:
        """Another run."""
        return subprocess.Popen([*COMMAND, "crawl", "-q", "--join"], cwd=self.desk.folder, env=environment())

    @property
    def answers(self) -> int:
        """How much was asked of all rooms."""
        return sum(len(room.log) for room in self.rooms)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


@pytest.fixture
def shared(desk: Desk, postgres_url: str) -> Iterator[Shared]:
    """A collection that two runs can share."""
    with ExitStack() as open_:
        made = Shared(desk, postgres_url, [open_.enter_context(Newsroom(stories=STORIES)) for _ in range(ROOMS)])
        open_.callback(made.close)
        yield made


def delays_kept(shared: Shared) -> None:
    """No two requests came to a host closer to each other than its delay."""
    for room in shared.rooms:
        moments = sorted(served.started for served in room.log)
        gaps = [after - before for before, after in itertools.pairwise(moments)]
        assert min(gaps) >= DELAY - 0.01, sorted(gaps)[:5]


def every_story_once(shared: Shared) -> None:
    """Each story of each room is one article with one version, whichever of its URLs was read first; nothing waits."""
    stories = [key(room.site.url(story)) for room in shared.rooms for story in room.site.live]
    articles = dict(shared.rows("SELECT key, article_id FROM aliases"))
    assert len({articles[story] for story in stories}) == len(stories)
    assert shared.rows("SELECT count(*) FROM v_articles") == [(len(stories),)]
    assert shared.rows("SELECT id FROM versions WHERE number > 1") == []
    assert shared.rows("SELECT url FROM urls WHERE state = 'pending' OR lease_run IS NOT NULL") == []


def shares(shared: Shared) -> list[int]:
    """How many stories each run has stored."""
    query = "SELECT run_id, count(*) FROM outcomes WHERE verdict = 'added' AND kind = 'article' GROUP BY 1"
    return [count for _, count in shared.rows(query)]


@pytest.mark.timeout(300)
def test_two_runs_share_the_work(shared: Shared) -> None:
    """Both end by themselves with code 0 when all is done, both have stored some, and every host kept its delay."""
    runs = [shared.join(), shared.join()]
    assert [run.wait(240) for run in runs] == [0, 0]
    assert len(shares(shared)) == 2
    every_story_once(shared)
    delays_kept(shared)
    shared.desk.run("verify")


@pytest.mark.timeout(300)
def test_one_of_two_is_killed_and_the_other_does_its_work(shared: Shared) -> None:
    """What the dead run had in hand is taken over before the other ends; the next run alone mends the archive."""
    runs = [shared.join(), shared.join()]
    wait_until(lambda: len(shares(shared)) == 2 and shared.answers > 60, 120)
    runs[0].kill()
    runs[0].wait()
    assert runs[1].wait(240) == 0
    every_story_once(shared)
    delays_kept(shared)
    shared.desk.run("crawl", "-q")
    every_story_once(shared)
    shared.desk.run("verify")


@pytest.mark.timeout(120)
def test_who_joins_and_who_does_not(shared: Shared) -> None:
    """A run that wants the collection for itself is refused while others share it, and one that joins while it is not shared."""
    for own, other in ((["--join"], []), ([], ["--join"])):
        before = shared.answers
        with subprocess.Popen([*COMMAND, "crawl", "-q", *own], cwd=shared.desk.folder, env=environment()) as run:
            wait_until(lambda: shared.answers > before + 3, 60)  # noqa: B023 - looked at in this round alone
            done = shared.desk.run("crawl", "-q", *other, code=6)
            assert re.search(rf"another run \(pid {run.pid}, .*\) holds ", done.stderr)
            run.kill()


def test_a_file_is_for_one_run(desk: Desk, tmp_path: Path) -> None:
    """SQLite has one writer: --join says so, and what to do."""
    desk.configure(("room", "http://127.0.0.1:9/"), allow="true")
    done = desk.run("crawl", "--join", code=2)
    assert "--join needs a PostgreSQL database" in done.stderr
    assert [path.name for path in desk.folder.iterdir() if path.name != "warc"] == ["newswarc.toml"]
