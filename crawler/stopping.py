"""Signals: the first one ends the run in good order, within seconds; the second one ends the process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from crawler.wire import CUT_SHORT
from storage.errors import StoppedError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)

GRACE_SECONDS = 3.0  # for exchanges in hand; after that they are cut, and marked as cut by time
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heeded() -> list[signal.Signals]:
    """The signals that end a run: not those that whoever started us, nohup or a shell, wants to be ignored."""
    return [signum for signum in SIGNALS if signal.getsignal(signum) is not signal.SIG_IGN]


@contextmanager
def heard_at_once() -> Iterator[None]:
    """A signal that comes in here raises StoppedError: nothing has begun yet that would have to be finished.

    The event loop hears signals only between two steps of it, and opening a collection is one of them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, _stop) for signum in heeded()}
    try:
        yield
    except StoppedError:
        end_at_once()
        raise
    finally:
        if signal.getsignal(signal.SIGTERM) is _stop:
            for signum, handler in before.items():
                signal.signal(signum, handler)


def end_at_once() -> None:
    """From here on there is nothing to finish: a signal, a second one mostly, ends the process."""
    for signum in heeded():
        signal.signal(signum, lambda number, _: os._exit(128 + number))


def _stop(signum: int, _: FrameType | None) -> None:
    raise StoppedError(signum)


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
        loop.call_later(GRACE_SECONDS, self._cut)

    async def _end(self) -> None:
        while self._crawler.crawling and not self._running():  # noqa: ASYNC110 - a run that is still opening has nothing to wait on
            await asyncio.sleep(0.05)
        run = getattr(self._crawler.spider, "run", None)
        if run is not None and hasattr(run, "wind_down"):  # a run that stores; others have nothing to bring in order
            run.stopped_by = self.signum
            await run.wind_down("shutdown")
        else:
            await self._crawler.stop_async()

    def _running(self) -> bool:
        return self._crawler.engine is not None and self._crawler.engine.running

    def _cut(self) -> None:
        """What is still in hand is cut: exchanges are marked so, pages that are not read yet are read by the next run."""
        self._crawler.signals.send_catch_log(signal=CUT_SHORT)
        run = getattr(self._crawler.spider, "run", None)
        if run is not None:
            asyncio.get_running_loop().run_in_executor(None, run.workers.close)
