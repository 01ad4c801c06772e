"""Signals: the first one ends the run in good order, within seconds; the second one ends the process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import TYPE_CHECKING

from crawler.process.heeding import heeded
from crawler.wire.handler import CUT_SHORT

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)

GRACE_SECONDS = 3.0  # for exchanges in hand; after that they are cut, and marked as cut by time


def cut_short(crawler: Crawler) -> None:
    """What is still in hand is cut: exchanges are marked so, pages that are not read yet are read by the next run."""
    crawler.signals.send_catch_log(signal=CUT_SHORT)
    run = getattr(crawler.spider, "run", None)
    if run is not None:
        asyncio.get_running_loop().run_in_executor(None, run.workers.close)


class Stopping:
    """Listens to signals for one crawl; `signum` is the one that ended it."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self.signum: int | None = None

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take over the process's signals."""
        for signum in heeded():
            loop.add_signal_handler(signum, self._heard, signum, loop)

    def _heard(self, signum: int, loop: asyncio.AbstractEventLoop) -> None:
        if self.signum is not None:
            log.warning("%s again: ending at once; the next run carries on", signal.Signals(signum).name)
            os._exit(128 + signum)
        self.signum = signum
        log.warning("%s: finishing what is in hand; once more ends at once", signal.Signals(signum).name)
        self._ending = asyncio.ensure_future(self._end())
        loop.call_later(GRACE_SECONDS, cut_short, self._crawler)

    async def _end(self) -> None:
        while self._crawler.crawling and not self._running():  # noqa: ASYNC110 - a run that is still opening has nothing to wait on
            await asyncio.sleep(0.05)
        run = getattr(self._crawler.spider, "run", None)
        if run is not None and hasattr(run, "wind_down"):  # a run that stores; others have nothing to bring in order
            run.end.stopped_by = self.signum
            await run.wind_down("shutdown")
        else:
            await self._crawler.stop_async()

    def _running(self) -> bool:
        return self._crawler.engine is not None and self._crawler.engine.running
