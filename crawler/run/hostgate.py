"""When each host may be asked: its delay and its blocks, kept within a run, from run to run, and between runs beside each other.

A gap is counted from the moment when a request was sent, as the server sees it, not from when it was begun: names are
looked up and connections opened before the first one, and not before the next. Scrapy's slot of a host keeps short gaps;
a host that is to be left alone for longer than a run waits has one request a run.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from twisted.python.failure import Failure

from crawler.politeness.refusals import Unsent
from crawler.politeness.retry_after import UNASKED_BLOCK
from crawler.politeness.robots import LONGEST_DELAY
from crawler.run.context import RunContext
from storage.database.engine import Connection
from storage.frontier import hosts
from storage.frontier.hosts import Memory
from storage.frontier.turns import LONG_GAP
from storage.times import later, now, seconds_until

log = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds that a run waits for a host; what waits for longer is left to the next run
LONGEST_BLOCK = 7 * 86_400.0  # seconds
LONGEST_UNASKED_BLOCK = 6 * 3_600.0  # seconds, of a 429 that names no time; each one without a good answer since doubles it
AHEAD = 0.2  # seconds in which a turn is entered and the answer is there
LATE = 0.1  # seconds that a turn may be used too late; so much further apart are turns than the delay
TRIES = 5  # on a machine so busy that it misses its turns
_GRAIN = 0.001  # seconds: moments are written in milliseconds


class HostGate:
    """Says how long a host has to be left alone, and tells Scrapy's downloader the delay of each."""

    def __init__(self, run: RunContext, memory: Memory) -> None:
        self._run = run
        self._memory = memory
        self._ours: dict[str, float] = {}
        self._theirs = {host: min(seconds, LONGEST_DELAY) for host, seconds in memory.crawl_delays.items()}
        self._heard: set[str] = set()  # hosts whose robots.txt was asked for in this run
        self._last_blocks = dict(memory.last_blocks)
        self._pleaded = set(memory.pleaded)
        self._turns: dict[str, float] = {}  # of what earlier runs have asked
        self._killed = -math.inf  # when a run was found killed
        self._sent: dict[str, tuple[float, str]] = {}  # the last request of this run
        self._until: dict[str, float] = {}
        for host, until in memory.blocked.items():
            self._note_block(host, until)

    def opened(self, ours: Iterable[tuple[str, float]]) -> None:
        """Scrapy's downloader is there. `ours`: hosts and the delays that the settings give them, the longest counts."""
        for host, delay in ours:
            self._ours[host] = max(self._ours.get(host, 0.0), delay)
        for host in {*self._ours, *self._theirs}:
            self._tell_slot(host)
        self._remember(time.monotonic())

    def _remember(self, here: float) -> None:
        """What earlier runs have left of their delays. A clock that was set back makes nobody wait for longer than one."""
        for host, turn in self._memory.turns.items():
            self._turns[host] = here + min(seconds_until(turn), self.promise(host))
        if self._memory.killed_at is not None:
            self._killed = here - max(0.0, -seconds_until(self._memory.killed_at))

    def promise(self, host: str) -> float:
        """Seconds between two requests to a host: our delay or the site's, the longer one."""
        ours = self._ours.get(host, self._run.config.crawl.delay)
        return max(ours, self._theirs.get(host, 0.0))

    def _tell_slot(self, host: str) -> None:
        delay = min(self.promise(host), PATIENCE)
        downloader = self._run.crawler.engine.downloader
        downloader.per_slot_settings[host] = {"delay": delay}
        if host in downloader.slots:
            downloader.slots[host].delay = delay

    # --- delays

    def ask_delay(self, host: str, seconds: float | None, *, sure: bool) -> None:
        """What the site's robots.txt asks for, None for nothing. Without `sure` it was heard by an earlier run.

        Of several (http, https) the longest counts.
        """
        asked, known = seconds or 0.0, self._theirs.get(host, 0.0)
        may_shorten = sure and host not in self._heard
        if sure:
            self._heard.add(host)
        if asked == known or (asked < known and not may_shorten):
            return
        self._theirs[host] = asked
        self._tell_slot(host)
        if self.promise(host) > PATIENCE:
            log.info("%s asks for %g s between two requests: it gets one a run", host, self.promise(host))
        turn = later(self._sent[host][1], self.promise(host)) if host in self._sent else ""
        self._run.scribe.submit(partial(hosts.ask_delay, host=host, seconds=seconds, turn=turn))

    def asked(self, host: str, at: str) -> Callable[[Connection], None]:
        """A request was sent to a host at this moment. Returns the job that remembers it."""
        here = time.monotonic()
        sent = min(here, here - max(0.0, -seconds_until(at)) + _GRAIN)
        slot = self._run.crawler.engine.downloader.slots.get(host)
        if slot is not None:
            slot.lastseen = max(slot.lastseen, sent)
        self._sent[host] = sent, at
        promise = self.promise(host)
        if promise > PATIENCE:
            self._close(host, sent + promise)
        return partial(hosts.asked, host=host, at=at, promise=promise)

    def _rest(self, host: str) -> float:
        """Seconds that are left of the delay, but for what the slot sees to: the short delays between requests of this run."""
        promise = self.promise(host)
        turn = max(self._turns.get(host, 0.0), self._killed + promise)
        if promise > PATIENCE and host in self._sent:
            turn = max(turn, self._sent[host][0] + promise)
        return turn - time.monotonic()

    async def turn(self, host: str) -> bool:
        """Wait until a host may be asked.

        False when that is later than a request can wait, or the run ends.
        """
        while (rest := max(self.blocked_for(host), self._rest(host))) > 0:
            if rest > PATIENCE:
                self._close(host, time.monotonic() + rest)
                return False
            if await self._ends_within(rest):
                return False
        return not self._run.options.join or not self.promise(host) or await self._shared_turn(host)

    async def _shared_turn(self, host: str) -> bool:
        """Wait until it is this run's turn to ask a host that other runs may ask too."""
        for _ in range(TRIES):
            delay, earliest = self.promise(host) + LATE, later(now(), AHEAD)
            turn = await self._run.do(
                partial(hosts.take_turn, host=host, delay=delay, earliest=earliest, patience=PATIENCE)
            )
            if turn.blocked_until is not None:
                self._note_block(host, turn.blocked_until)
                return False
            if await self._ends_within(seconds_until(turn.at)):
                return False
            if seconds_until(turn.at) > -LATE:
                break
        return True

    async def _ends_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._run.ending.wait(), seconds)
            return True
        return False

    # --- blocks

    def blocked_for(self, host: str) -> float:
        """Seconds until the host may be asked again, 0 when it may now."""
        return max(0.0, self._until.get(host, 0.0) - time.monotonic())

    def blocked(self) -> Iterable[str]:
        """Hosts that are blocked now."""
        return [host for host in self._until if self.blocked_for(host) > 0]

    def scarce(self) -> set[str]:
        """Hosts that give few turns: they want a long gap, or asked for patience within a day."""
        return self._pleaded | {host for host in {*self._ours, *self._theirs} if self.promise(host) > LONG_GAP}

    def block(self, host: str, seconds: float | None, reason: str) -> None:
        """Leave a host alone for some seconds, in this run and the next ones; None: it did not say for how long."""
        if seconds is None:
            seconds = min(max(UNASKED_BLOCK, 2 * self._last_blocks.get(host, 0.0)), LONGEST_UNASKED_BLOCK)
        if seconds <= 0:
            return
        seconds = min(seconds, LONGEST_BLOCK)
        self._last_blocks[host] = seconds
        self._pleaded.add(host)
        self._close(host, time.monotonic() + seconds)
        since = now()
        self._run.scribe.submit(
            partial(hosts.block, host=host, since=since, until=later(since, seconds), reason=reason)
        )
        slot = self._run.crawler.engine.downloader.slots.get(host)
        while slot is not None and slot.queue:
            slot.queue.popleft()[1].errback(Failure(Unsent(f"{host} asked for patience")))  # type: ignore[no-untyped-call]

    def answered_well(self, host: str) -> None:
        """A host gave an ordinary answer: the next block is no longer than the first."""
        if self._last_blocks.pop(host, None) is not None:
            self._run.scribe.submit(partial(hosts.answered_well, host=host))

    def park(self, host: str) -> None:
        """Leave a host alone for the rest of this run: what waits for it is the next run's."""
        self._until[host] = math.inf

    def _note_block(self, host: str, until: str) -> None:
        self._close(host, time.monotonic() + seconds_until(until))

    def _close(self, host: str, until: float) -> None:
        self._until[host] = max(self._until.get(host, 0.0), until)
