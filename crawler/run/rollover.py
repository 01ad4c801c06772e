"""Closes the archive's file when its time has come, also while nothing is fetched: only closed files are moved and shared."""

from __future__ import annotations

import asyncio

from crawler.run.context import RunContext
from storage.errors import NewswarcError

_SHORTEST = 0.05  # seconds between two looks


class Rollover:
    """Looks at the run's writer whenever its file may be due; the scribe's thread closes it."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._watching = asyncio.ensure_future(self._watch())

    def stop(self) -> None:
        """The run is over, and closes its file."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        crawl, writer = self._run.config.crawl, self._run.writer
        between_files = min(crawl.max_warc_idle, crawl.max_warc_age)
        while True:
            left = writer.closes_in()
            if left is not None and left <= 0:
                try:
                    await self._run.do(lambda _: writer.roll_when_due())
                except NewswarcError as error:
                    self._run.fail(error)
                    return
                continue
            await asyncio.sleep(max(_SHORTEST, between_files if left is None else left))
