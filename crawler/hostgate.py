"""Hosts that asked for patience: blocks (Retry-After) and longer delays (Crawl-delay), kept across runs; and whose turn it is."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from scrapy.crawler import Crawler

from storage import hosts
from storage.times import later, now, parse

if TYPE_CHECKING:
    from crawler.run import Run

LONGEST_DELAY = 60.0  # seconds
LONGEST_BLOCK = 7 * 86_400.0  # seconds
AHEAD = 0.2  # seconds in which a turn is entered and the answer is there
LATE = 0.1  # seconds that a turn may be used too late; so much further apart are turns than the delay
TRIES = 5  # on a machine so busy that it misses its turns


class HostGate:
    """Says how long a host has to be left alone, and tells Scrapy's downloader the delay of each."""

    def __init__(self, crawler: Crawler, run: Run, blocked: Mapping[str, str]) -> None:
        self._crawler = crawler
        self._run = run
        self._until: dict[str, float] = {}
        for host, until in blocked.items():
            self._note_block(host, until)

    def _note_block(self, host: str, until: str) -> None:
        self._until[host] = time.monotonic() + seconds_until(until)

    def blocked_for(self, host: str) -> float:
        """Seconds until the host may be asked again, 0 when it may now."""
        return max(0.0, self._until.get(host, 0.0) - time.monotonic())

    def blocked(self) -> Iterable[str]:
        """Hosts that are blocked now."""
        return [host for host in self._until if self.blocked_for(host) > 0]

    def block(self, host: str, seconds: float) -> None:
        """Leave a host alone for some seconds, in this run and the next ones."""
        self._until[host] = max(self._until.get(host, 0.0), time.monotonic() + seconds)
        until = later(now(), seconds)
        self._run.scribe.submit(lambda conn: hosts.block(conn, host, until))

    def park(self, host: str) -> None:
        """Leave a host alone for the rest of this run: what waits for it is the next run's."""
        self._until[host] = math.inf

    def ask_delay(self, host: str, seconds: float) -> None:
        """The site asks for a longer delay: the downloader's slot of the host keeps it from here on."""
        if not seconds > self._delay(host):  # what is no number is none of ours
            return
        if seconds > LONGEST_DELAY:  # one page a run: a request that waits with the downloader keeps the run from ending
            self.block(host, min(seconds, LONGEST_BLOCK))
            seconds = LONGEST_DELAY
        downloader = self._crawler.engine.downloader
        downloader.per_slot_settings[host] = {"delay": seconds}
        if host in downloader.slots:
            downloader.slots[host].delay = seconds
        self._run.scribe.submit(lambda conn: hosts.ask_delay(conn, host, seconds))

    def _delay(self, host: str) -> float:
        settings = self._crawler.engine.downloader.per_slot_settings.get(host, {})
        return float(settings.get("delay", self._crawler.settings.getfloat("DOWNLOAD_DELAY")))

    async def turn(self, host: str) -> bool:
        """Wait until it is this run's turn to ask a host that other runs may ask too.

        False when the host asked one of the others for more patience than a request can wait, or the run ends.
        """
        delay = self._delay(host)
        if not self._run.sharing.shared or not delay:
            return True
        for _ in range(TRIES):
            turn = await self._run.do(
                lambda conn: hosts.take_turn(conn, host, delay + LATE, later(now(), AHEAD))
            )
            if turn.blocked_until is not None:
                self._note_block(host, turn.blocked_until)
                return False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._run.ending.wait(), seconds_until(turn.at))
                return False
            if seconds_until(turn.at) > -LATE:
                break
        return True


def seconds_until(moment: str) -> float:
    """From now; negative when it has passed."""
    return (parse(moment) - parse(now())).total_seconds()
