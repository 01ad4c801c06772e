"""Files of a long run are closed while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exchanges import HARD, exchange

from crawler.config.keys import Config, CrawlTable
from crawler.run.rollover import Rollover
from storage.errors import DiskError
from storage.warc.write import WarcWriter
from tests.desk import Desk
from tests.newsroom.server import Newsroom


class Waiting:
    """A run that fetches nothing, and whose scribe does what it is asked for at once."""

    def __init__(self, folder: Path) -> None:
        self.config = Config(crawl=CrawlTable(max_warc_idle=0.01))
        self.writer = WarcWriter(folder, "R1", "newswarc/test", max_idle=0.01)
        self.asked, self.failed = asyncio.Event(), asyncio.Event()
        self.failure: BaseException | None = None

    async def do(self, job: Callable[[Any], Any]) -> None:
        job(None)
        self.asked.set()

    def fail(self, error: BaseException) -> None:
        self.failure = error
        self.failed.set()


async def _until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 60)


def test_a_file_is_closed_although_nothing_more_comes(tmp_path: Path) -> None:
    """Nobody writes, and still it is closed; so is the next one."""

    async def waiting() -> None:
        run = Waiting(tmp_path)
        rollover = Rollover(run)  # type: ignore[arg-type]
        rollover.start()
        for _ in range(2):
            run.writer.write_exchange(exchange(HARD["plain"]))
            await _until(run.asked)
            run.asked.clear()
            assert (run.writer.current, len(run.writer.take_closed())) == (None, 1)
        rollover.stop()

    asyncio.run(waiting())


def test_a_file_that_cannot_be_closed_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any other trouble with the disk does."""

    async def waiting() -> None:
        run = Waiting(tmp_path)

        def full() -> None:
            raise DiskError("no space")

        run.writer.write_exchange(exchange(HARD["plain"]))
        monkeypatch.setattr(run.writer, "roll_when_due", full)
        Rollover(run).start()  # type: ignore[arg-type]
        await _until(run.failed)
        assert str(run.failure) == "no space"
        run.writer.close()

    asyncio.run(waiting())


def test_a_file_is_closed_while_a_run_waits(desk: Desk, newsroom: Newsroom) -> None:
    """Between two pages that are far apart nothing is left open: each has a file, entered before the run ended."""
    allowed = f'["{newsroom.host}"]'
    desk.configure(("room", newsroom.url), allow=allowed, more="delay = 1", crawl="max_warc_idle = 0.1")
    first, second = (newsroom.site.url(story) for story in newsroom.site.live[:2])
    desk.run("fetch", first, second)
    [[ended]] = desk.rows("SELECT ended_at FROM runs")
    closed = desk.rows("SELECT closed_at < ?, size > 0, length(sha256) FROM warc_files ORDER BY closed_at", ended)
    assert len(closed) >= 3
    assert closed[:2] == [(1, 1, 64)] * 2
    assert desk.rows("SELECT DISTINCT f.run_id = r.id FROM warc_files f LEFT JOIN runs r ON r.id = f.run_id") == [(1,)]
    assert desk.one("SELECT count(DISTINCT warc_file_id) FROM captures WHERE kind = 'article'") == 2
    assert "No damage" in desk.run("verify").stderr


def test_an_old_file_is_closed_while_pages_come(desk: Desk, newsroom: Newsroom) -> None:
    """Its age counts, not only what is written to it."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', more="delay = 0.3", crawl="max_warc_age = 0.4")
    desk.run("fetch", *(newsroom.site.url(story) for story in newsroom.site.live[:3]))
    assert desk.one("SELECT count(*) FROM warc_files WHERE closed_at IS NOT NULL") >= 2
    assert desk.one("SELECT count(*) FROM v_articles") == 3
