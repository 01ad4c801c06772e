"""Looking at the way into many sites at once; nothing is kept.

Each site is one coroutine, a `Look`; some run beside each other, those of one host after each other. Requests pass the
downloader with the middlewares of a crawl: scope, robots.txt, Retry-After, a delay for each host.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, TypeVarTuple

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from crawler.config.keys import Config, Source
from crawler.config.naming import site_key
from crawler.discovery.discover import sitemaps_in_robots
from crawler.look.dryrun import DryRun, LookingSpider, NoGate
from crawler.look.site import Look
from crawler.politeness.retry_after import UNASKED_BLOCK
from crawler.sources.active import port_of
from pipelines.page import RawPage
from pipelines.workers import Workers
from storage.records import Ended, Exchange, FetchContext, Kind, Lease, Link
from storage.times import later, now
from storage.urlkey import host_key, same_site

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LONGEST = 90.0  # seconds that one site is looked at, and as many more as five delays; what was seen by then counts
LONGEST_DELAY = 60.0  # seconds between two requests that a site may ask for
PATIENCE = 5.0  # seconds; of a site that asks for a longer delay no more than the home page is read


class Plea(NamedTuple):
    """What a host asked for: to be left alone from one moment until another."""

    since: str
    until: str
    reason: str


class Gate(NoGate):
    """Hosts that asked for patience, for a longer delay or to be left alone; and the gap between two requests to one.

    `blocked`: hosts that asked a crawl for patience, which is not over. `pleas`: those that ask now.
    """

    def __init__(self, delay: float, blocked: Collection[str] = ()) -> None:
        self.delay = delay  # seconds, where none is set for a host
        self.slow: set[str] = set()
        self.pleas: dict[str, Plea] = {}
        self._blocked = set(blocked)
        self._answered: dict[str, float] = {}  # host -> when its last answer ended
        self.downloader: Any = None

    def park(self, host: str) -> None:
        """Its robots.txt cannot be read: no request passes anyway."""

    def block(self, host: str, seconds: float | None, reason: str) -> None:
        """Nothing more is asked of it."""
        self._blocked.add(host)
        since = now()
        self.pleas[host] = Plea(since, later(since, UNASKED_BLOCK if seconds is None else seconds), reason)

    def answered(self, host: str) -> None:
        """An answer of a host has ended: the delay begins. So gaps are kept as the server sees them, however late we are."""
        self._answered[host] = time.monotonic()

    async def turn(self, host: str) -> bool:
        """Whether it may be asked, once its delay is over."""
        waited = time.monotonic() - self._answered.get(host, -math.inf)
        if (rest := self._delay(host) - waited) > 0:
            await asyncio.sleep(rest)
        return host not in self._blocked

    def _delay(self, host: str) -> float:
        return float(self.downloader.per_slot_settings.get(host, {}).get("delay", self.delay))

    def ask_delay(self, host: str, seconds: float | None, *, sure: bool) -> None:
        """The longer delay holds from here on."""
        if seconds is None:
            return
        if seconds > PATIENCE:
            self.slow.add(host)
        self.downloader.per_slot_settings[host] = {"delay": max(self._delay(host), min(seconds, LONGEST_DELAY))}


class ProbeRun(DryRun):
    """What wire and politeness ask of a run that looks at many sites: each request has its `Look` with it."""

    def __init__(
        self, config: Config, looks: Sequence[Look], workers: Workers, *, jobs: int, timeout: float, blocked: Collection[str]
    ) -> None:
        super().__init__(config, looks[0].source, workers, obey_scope=True)
        self.jobs, self._many = jobs, len(looks) > 1
        self.gate = Gate(self.delay(), blocked)
        self.hosts = self.gate
        self.limits = replace(self.limits, timeout=min(self.limits.timeout, timeout))
        addresses = [url for look in looks for url in (look.source.url, *(look.source.feeds or ()))]
        self.ports |= {port for url in addresses if (port := port_of(url))}
        self.named: dict[str, tuple[str, str]] = {}  # host -> lines of a robots.txt that name sitemaps, and its URL

    def delay(self, source: Source | None = None) -> float:
        """Seconds between two requests to a host; somebody who waits for one site need not wait long."""
        delay = self.config.delay(source) if source else self.config.crawl.delay
        return delay if self._many else min(delay, 1.0)

    def context_of(self, request: Request) -> FetchContext:
        """Needed to build an Exchange; it is thrown away."""
        source = _look_of(request).source.name
        return FetchContext(run_id="", source=source, kind=request.meta["kind"], frontier_url=request.url)

    def exchanged(self, request: Request, exchange: Exchange) -> None:
        """Keep the page, not the exchange."""
        self.gate.answered(host_key(exchange.url))
        if request.meta["kind"] is not Kind.ROBOTS:
            limit = self.limits.max_page_bytes
            exchange.response.seek(0)
            _look_of(request).page = RawPage(
                url=exchange.url,
                frontier_url=request.meta["lease"].url,
                fetched_at=exchange.started_at,
                raw=exchange.response.read(limit + self.limits.max_header_bytes),
                truncated=exchange.ended is not Ended.COMPLETE,
                limit=limit,
            )
        exchange.response.close()

    def wire_meta(self, request: Request) -> dict[str, Any]:
        """Per-request settings of the site; robots.txt is asked for on behalf of one of its looks."""
        look = _look_of(request)
        return super().wire_meta(request) | {"verify_tls": self.config.verify_tls(look.source), "look": look}

    def ignores_robots(self, request: Request) -> bool:
        """As the source says."""
        return _look_of(request).source.robots == "ignore"

    def may_redirect(self, request: Request) -> bool:
        """A home page may lead anywhere; all else has to stay with its site."""
        scope = _look_of(request).scope
        return request.meta["kind"] is Kind.HOME or same_site(request.url, scope.home) or scope.includes(request.url)

    async def sitemaps_declared(self, body: str, url: str, request: Request) -> None:
        """Remember a robots.txt that names sitemaps, for all looks at its host."""
        if body:
            self.named[host_key(url)] = (body, url)


def _look_of(request: Request) -> Look:
    look: Look = request.meta["look"]
    return look


class Asking:
    """What a look asks of the spider: a page, and work on it in another process."""

    def __init__(self, crawler: Crawler, run: ProbeRun) -> None:
        self._crawler, self._run = crawler, run

    async def page(self, look: Look, url: str, kind: Kind) -> Any:
        """The response to a request for a page, which the look has then. Raises what the downloader does."""
        lease = Lease(0, url, host_key(url), look.source.name, kind, 0, 0, 0, None, None, None)
        meta = {"look": look, "lease": lease, "kind": kind, "raw": True}
        request = Request(url, callback=NO_CALLBACK, dont_filter=True, meta=meta)
        request.meta.update(self._run.wire_meta(request))
        look.page = None
        return await self._crawler.engine.download_async(request)

    async def work(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """The result of a function, from a worker. Raises WorkerError."""
        return await self._run.workers.run(function, *arguments)

    def is_slow(self, url: str) -> bool:
        """Whether the host asked for so long a delay that no more than its home page is read."""
        return host_key(url) in self._run.gate.slow

    def sitemaps_of(self, url: str, look: Look) -> Sequence[Link]:
        """The sitemaps that the robots.txt of a host names."""
        body, address = self._run.named.get(host_key(url), ("", ""))
        return sitemaps_in_robots(body, address, look.scope) if body else ()


class ProbeSpider(LookingSpider):
    """Looks at sites, `run.jobs` at a time, and tells of each as soon as it was looked at."""

    name = "probe"
    run: ProbeRun

    def __init__(self, looks: Sequence[Look], tell: Callable[[Look], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.looks, self.tell = looks, tell
        self._hosts: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> ProbeSpider:
        """Take over the run and its delay."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        assert isinstance(spider, ProbeSpider)
        crawler.settings.set("DOWNLOAD_DELAY", spider.run.delay(), priority="spider")
        crawler.settings.set("IDLE_CONNECTIONS", spider.run.jobs, priority="spider")
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """All looks; there is nothing for the scheduler."""
        downloader = self.run.gate.downloader = self.crawler.engine.downloader
        for look in self.looks:
            for host in (look.host, f"www.{look.host}"):
                downloader.per_slot_settings[host] = {"delay": self.run.delay(look.source)}
        ask, room = Asking(self.crawler, self.run), asyncio.Semaphore(self.run.jobs)
        try:
            async with asyncio.TaskGroup() as group:
                for look in self.looks:
                    group.create_task(self._one(look, ask, room))
        except* Exception as failed:  # noqa: BLE001 - told by whoever started the spider
            self.failure = failed.exceptions[0]
        return
        yield

    async def _one(self, look: Look, ask: Asking, room: asyncio.Semaphore) -> None:
        async with self._hosts[site_key(look.source.url).partition("/")[0]], room:
            try:
                async with asyncio.timeout(LONGEST + 5 * self.run.delay(look.source)):
                    await look.run(ask)
            except TimeoutError:
                log.info("%s: no more was read in time", look.source.url)
            except Exception:  # a bug with one site must not end the others
                log.exception("%s could not be looked at", look.source.url)
            look.page = None
            self.tell(look)
