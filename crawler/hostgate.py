"""Hosts that asked for patience: blocks (Retry-After) and longer delays (Crawl-delay), kept across runs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping

from scrapy.crawler import Crawler

from storage import hosts
from storage.scribe import Scribe
from storage.times import later, now, parse

LONGEST_DELAY = 60.0  # seconds
LONGEST_BLOCK = 7 * 86_400.0  # seconds


class HostGate:
    """Says how long a host has to be left alone, and tells Scrapy's downloader the delay of each."""

    def __init__(self, crawler: Crawler, scribe: Scribe, blocked: Mapping[str, str]) -> None:
        self._crawler = crawler
        self._scribe = scribe
        moment = parse(now())
        self._until = {
            host: time.monotonic() + (parse(until) - moment).total_seconds() for host, until in blocked.items()
        }

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
        self._scribe.submit(lambda conn: hosts.block(conn, host, until))

    def park(self, host: str) -> None:
        """Leave a host alone for the rest of this run: what waits for it is the next run's."""
        self._until[host] = math.inf

    def ask_delay(self, host: str, seconds: float) -> None:
        """The site asks for a longer delay: the downloader's slot of the host keeps it from here on."""
        downloader = self._crawler.engine.downloader
        usual = downloader.per_slot_settings.get(host, {}).get(
            "delay", self._crawler.settings.getfloat("DOWNLOAD_DELAY")
        )
        if not seconds > usual:  # what is no number is none of ours
            return
        if seconds > LONGEST_DELAY:  # one page a run: a request that waits with the downloader keeps the run from ending
            self.block(host, min(seconds, LONGEST_BLOCK))
            seconds = LONGEST_DELAY
        downloader.per_slot_settings[host] = {"delay": seconds}
        if host in downloader.slots:
            downloader.slots[host].delay = seconds
        self._scribe.submit(lambda conn: hosts.ask_delay(conn, host, seconds))
