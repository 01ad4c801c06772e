"""The frontier behind Scrapy's public scheduler API: rows of `urls`, leased in batches, handed out one a host.

`next_request` never waits for SQL: the scribe leases rows ahead and this file keeps them in memory, by host. At most one
request a host is with the downloader, whose slot keeps the delay. Redirects and retries come back with their lease and go
first. Nothing here is lost with the process: a lease that is not settled is given back by the next run.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from scrapy import Request, Spider, signals
from scrapy.core.scheduler import BaseScheduler
from twisted.internet.defer import Deferred

from crawler.run.claims import Claims
from crawler.run.context import RunContext
from crawler.run.hostgate import PATIENCE, HostGate
from crawler.run.requests import Requests
from crawler.run.sharing import Sharing
from storage.errors import NewswarcError
from storage.frontier import urls as frontier
from storage.frontier.urls import Origin
from storage.records import Kind, Lease, Link
from storage.times import now
from storage.urlkey import InvalidURL, host_key

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)

STOCK = 16  # leases a host kept in memory
LOW = 2  # ask for more below this
UNREAD = 96  # pages that wait to be read and stored; with more nothing new is asked for until some are
LOST_SECONDS = 120.0  # without a lease settled: longer than any one page is read
LOOK_AGAIN = 1.0  # seconds until what other runs have in hand is looked at again


class Frontier(BaseScheduler):
    """Scrapy's scheduler over the `urls` table. The run makes it, with the parts that it needs."""

    def __init__(self, run: RunContext, requests: Requests, claims: Claims, hosts: HostGate, sharing: Sharing) -> None:
        self._run = run
        self._requests = requests
        self._claims = claims
        self._hosts = hosts
        self._sharing = sharing
        self._waiting: dict[str, deque[Request]] = {}
        self._queued = 0  # requests that wait for their turn
        self._ready: deque[str] = deque()  # hosts with waiting requests, each once
        self._busy: dict[int, str] = {}  # url_id -> host of the request that is with the downloader
        self._open: set[int] = set()  # leases in hand, from claim to settlement
        self._claiming: asyncio.Task[None] | None = None
        self._hungry = True
        self._requisites: set[int] = set()  # those of them that are page requisites
        self._last = True  # requisites may be due: they are claimed when no page is left
        self._articles = 0
        self._planting = 0
        self._watching: asyncio.TimerHandle | None = None  # other runs, which may find more
        self._looking = False  # whether there are any
        self._idle_since: float | None = None
        self._closed = False
        run.crawler.signals.connect(self._left_downloader, signals.request_left_downloader)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Frontier:
        """The one of the spider's run: Scrapy asks for it when the spider is there."""
        return cast("Frontier", cast("Any", crawler.spider).run.frontier)

    def close(self, reason: str) -> Deferred[None] | None:
        """Scrapy: the spider is done; what is still in memory is given back by the run."""
        self._closed = True
        if self._claiming is not None:
            self._claiming.cancel()
        if self._watching is not None:
            self._watching.cancel()
        return None

    def has_pending_requests(self) -> bool:
        """Whether anything is leased, being leased, or may still be due. Asked whenever the engine has done something."""
        if self._closed or self._run.failure is not None:
            return False
        if self._claiming is not None or self._planting or self._watching is not None or self._looking:
            return True
        if self._open - self._parked():
            return not self._lost_sight()
        if self._last or self._hungry:
            self.hunger()
            return True
        return False

    def _lost_sight(self) -> bool:
        """Whether leases are open and nothing has been done about them for long: a bug, and no reason never to end."""
        if self._busy or self._waiting or self._run.scribe.waiting:
            self._idle_since = None
            return False
        self._idle_since = self._idle_since or time.monotonic()
        if time.monotonic() - self._idle_since < LOST_SECONDS:
            return False
        log.error("%d leases were never settled; they are given back", len(self._open))
        self._open.clear()
        return True

    def _parked(self) -> set[int]:
        """Leases that wait for a host which is blocked for longer than a run waits."""
        return {
            request.meta["lease"].url_id
            for host, queue in self._waiting.items()
            if self._hosts.blocked_for(host) > PATIENCE
            for request in queue
        }

    def enqueue_request(self, request: Request) -> bool:
        """A claimed row, a redirect or a retry with its lease; or what a spider starts with."""
        lease = request.meta.get("lease")
        if lease is None:  # from a spider's start(): noted like any other link
            self._planting += 1
            asyncio.ensure_future(self._plant(request))  # noqa: RUF006 - counted, so the run does not end before it
            return True
        self.free(lease)
        hop = bool(request.meta.get("redirect_times") or request.meta.get("retry_times"))
        self._append(request, first=hop)
        return True

    async def _plant(self, request: Request) -> None:
        try:
            await self.plant([self._requests.link_of(request)])
        except NewswarcError as error:
            self._run.fail(error)
        finally:
            self._planting -= 1

    async def plant(self, links: Sequence[Link]) -> None:
        """Note links that no page led to: those that a spider starts with."""
        for source in list(self._run.sources.values())[:1]:
            await self.discover(links, Origin(source.id, self._run.id, now()))

    async def discover(self, links: Sequence[Link], origin: Origin) -> None:
        """Note links that are in no harvest; what of them is due is claimed."""
        new = await self._run.do(lambda conn: frontier.discover(conn, links, origin))
        if new.due:
            self.hunger()

    def hunger(self) -> None:
        """There may be more to claim."""
        self._watching = None
        self._hungry = True
        self._claim()

    def _append(self, request: Request, *, first: bool) -> None:
        try:
            host = host_key(request.url)
        except InvalidURL:  # of a redirect: Scope refuses it when its turn comes
            host = request.meta["lease"].host
        queue = self._waiting.setdefault(host, deque())
        if first:
            queue.appendleft(request)
        else:
            queue.append(request)
        self._queued += 1
        if host not in self._ready:
            self._ready.append(host)

    def next_request(self) -> Request | None:
        """The next request of a host that is neither busy nor blocked; none while too much waits to be read."""
        if len(self._open) - self._queued - len(self._busy) > UNREAD or self._run.intake.is_full():
            return None
        busy = set(self._busy.values())
        for _ in range(len(self._ready)):
            host = self._ready.popleft()
            queue = self._waiting[host]
            if host in busy or self._hosts.blocked_for(host) > 0:
                self._ready.append(host)
                continue
            request = queue.popleft()
            self._queued -= 1
            if queue:
                self._ready.append(host)
            else:
                del self._waiting[host]
            self._busy[request.meta["lease"].url_id] = host
            if len(queue) < LOW:
                self.hunger()
            return request
        self._claim()
        return None

    def _left_downloader(self, request: Request, spider: Spider) -> None:
        lease = request.meta.get("lease")
        if lease is not None and request.meta.get("kind") is not Kind.ROBOTS:
            self.free(lease)

    def free(self, lease: Lease) -> None:
        """The downloader is done with this lease's request: its host may have the next."""
        self._busy.pop(lease.url_id, None)

    def settled(self, lease: Lease, *, new_links: bool) -> None:
        """A lease is acknowledged: its outcome and its child links are durable."""
        self.free(lease)
        self._idle_since = None
        self._open.discard(lease.url_id)
        self._requisites.discard(lease.url_id)
        if new_links:
            self._last = True
            self.hunger()

    def _pages_in_hand(self) -> bool:
        """Whether anything is leased that may lead to more, and does not wait for a blocked host."""
        return bool(self._open - self._requisites - self._parked())

    def _claim(self) -> None:
        """Lease more in the background, when there may be more and one is not under way."""
        if not self._hungry or self._claiming is not None or self._closed:
            return
        self._hungry = False
        self._claiming = asyncio.ensure_future(self._fill())

    async def _fill(self) -> None:
        try:
            full = {host for host, queue in self._waiting.items() if len(queue) >= LOW}
            leases = await self._claimed(full)
        except Exception as error:  # noqa: BLE001 - without claims the run would end as if nothing were due
            self._run.fail(error)
            leases = []
        finally:
            self._claiming = None
        if leases:
            self._run.workers.start()  # not before: most runs of a cron find nothing to do
        for lease in leases:
            self._open.add(lease.url_id)
            self._articles += lease.kind is Kind.ARTICLE
            if lease.kind is Kind.REQUISITE:
                self._requisites.add(lease.url_id)
            try:
                request = self._requests.of(lease)
            except Exception:  # a row that no request can be made of must not take the others with it
                log.exception("no request can be made for %s", lease.url, extra={"source": lease.source, "url": lease.url})
                self._open.discard(lease.url_id)
                continue
            self._run.crawler.engine.crawl(request)
        if not leases and not await self._watch_others():
            await self._end_if_idle()

    async def _claimed(self, full: set[str]) -> list[Lease]:
        """Pages that are due; requisites once there are none, and none in hand."""
        claim = partial(self._claims.claim, full, in_hand=len(self._open), per_host=STOCK, limit=self._most())
        if leases := await claim(pages=self._pages_left(), last=False):
            return leases
        if self._pages_in_hand():
            return []
        leases = await claim(pages=None, last=True)
        self._last = bool(leases)
        return leases

    async def _watch_others(self) -> bool:
        """Look again in a moment, when there are other runs with something in hand."""
        self._looking = True
        try:
            if self._closed or not await self._sharing.others_at_work():
                return False
        except NewswarcError as error:
            self._run.fail(error)
            return False
        finally:
            self._looking = False
        self._watching = self._watching or asyncio.get_running_loop().call_later(LOOK_AGAIN, self.hunger)
        return True

    async def _end_if_idle(self) -> None:
        """Nothing more is due: end now instead of at Scrapy's next heartbeat, which may be five seconds away."""
        engine = self._run.crawler.engine
        if not self._closed and engine is not None and engine.spider_is_idle():
            await engine.close_spider_async(reason="finished")

    def _most(self) -> int:
        return max(64, 4 * self._run.config.crawl.concurrency)

    def _pages_left(self) -> int | None:
        limit = self._run.options.max_pages
        return None if limit is None else max(0, limit - self._articles)
