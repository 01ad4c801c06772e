"""Looking at the way into many sites at once: robots.txt, home page, the first feeds and sitemaps, some articles. Nothing is kept.

Each site is one coroutine, a `Look`, that asks for one page at a time; some run beside each other, those of one host after each
other. Requests pass the downloader with the middlewares of a crawl: scope, robots.txt, Retry-After, a delay for each host.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from crawler.config import Config, Source
from crawler.discovery import sitemaps_in_robots
from crawler.dryrun import DryRun, LookingSpider, why
from crawler.glance import Glance, glance
from crawler.naming import site_key
from crawler.options import Probe, Seed, Trial
from crawler.politeness import BadStatus
from crawler.reading import obstacle
from crawler.sources import port_of, scope_of
from pipelines.page import RawPage, read_article
from pipelines.workers import Workers
from storage.records import Ended, Exchange, FetchContext, Kind, Lease, Link
from storage.times import now
from storage.urlkey import canonical, host_key, same_site

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LONGEST = 90.0  # seconds that one site is looked at, and as many more as five delays; what was seen by then counts
LONGEST_DELAY = 60.0  # seconds between two requests that a site may ask for
PATIENCE = 5.0  # seconds; of a site that asks for a longer delay no more than the home page is read
MOST_FEEDS = 20  # feeds of one site, named by somebody, that are asked
_DEAD_AT_ONCE = ("robots-unreachable", "dns", "refused", "unreachable", "tls", "timeout", "private-address", "proxy")


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of a site is read: feeds and sitemaps, and articles."""

    seeds: int
    samples: int


ONE = Depth(seeds=4, samples=3)  # a person looks at the site
MANY = Depth(seeds=2, samples=1)


class Look:
    """One site that is looked at. `feeds` are known from elsewhere; with `all_feeds` each of them is asked, found or not."""

    def __init__(self, source: Source, feeds: Sequence[str] = (), *, depth: Depth = MANY, all_feeds: bool = False) -> None:
        self.source = source
        self.scope = scope_of(source)
        self.page: RawPage | None = None
        self.host = host_key(source.url).removeprefix("www.")
        self.home_unknown = False
        self._given = tuple(map(canonical, feeds))
        self._depth, self._all_feeds = depth, all_feeds
        self._found: dict[Kind, list[str]] = {Kind.FEED: [], Kind.SITEMAP: [], Kind.SECTION: []}
        self._read: dict[str, Seed] = {}
        self._articles: list[str] = []
        self._samples: list[Trial] = []
        self._obstacle: str | None = None
        self._failure: str | None = None
        self._url = source.url
        self._has_home = False

    @classmethod
    def of_feeds(cls, feeds: Sequence[str]) -> Look:
        """A look at a site of which only feeds are known; they tell its home page."""
        root = canonical("/", feeds[0])
        look = cls(Source(host_key(root), root, feeds=tuple(feeds)), feeds)
        look.home_unknown = True
        return look

    def probe(self) -> Probe:
        """What was seen so far."""
        return Probe(
            url=self._url,
            **{f"{kind}s": tuple(urls) for kind, urls in self._found.items()},
            samples=tuple(self._samples),
            obstacle=self._obstacle,
            read=tuple(self._read.values()),
            given=self._given,
            failure=None if self._has_home else self._failure or "timeout",
        )

    async def run(self, ask: Ask) -> None:
        """Look at the site, as long as it answers."""
        if self.home_unknown:
            await self._feeds(ask, self._given)
            self._move_to(next((seed.home for seed in self._read.values() if seed.home), self.source.url))
        if not await self._home(ask):
            return
        if ask.is_slow(self.source.url):
            return
        found = () if self._all_feeds else self._found[Kind.FEED]
        await self._feeds(ask, [url for url in self._given if url not in found])
        for kind in (Kind.FEED, Kind.SITEMAP):
            fresh = [url for url in self._found[kind] if url not in self._read]
            for url in fresh[: max(0, self._depth.seeds // 2)]:
                await self._seed(ask, url, kind)
        for url in self._articles[: self._depth.samples]:
            await self._sample(ask, url)

    async def _home(self, ask: Ask) -> bool:
        """Read the home page; whether anything more is worth asking for."""
        try:
            await ask.page(self, canonical(self.source.url), Kind.HOME)
        except Exception as error:  # noqa: BLE001 - whatever kept us from reading it is the verdict
            self._failure = why(error)
            self._note_sitemaps(ask)
            if isinstance(error, BadStatus):
                self._obstacle = await ask.work(obstacle, self._page())
            return not self._failure.startswith(_DEAD_AT_ONCE)
        self._url, self._has_home = self._page().url, True
        if not same_site(self._url, self.source.url) and not self.scope.includes(self._url):
            self._move_to(self._url)
        seen = await ask.work(glance, self._page(), Kind.HOME, self.scope, now())
        if seen.is_feed and not self.home_unknown:
            return await self._take_for_feed(ask, seen)
        self._obstacle = seen.obstacle
        self._note(seen)
        self._note_sitemaps(ask)
        return True

    async def _take_for_feed(self, ask: Ask, seen: Glance) -> bool:
        """The address is a feed's: the site is where the feed says."""
        feed = self._url
        self.home_unknown, self._has_home, self._given = True, False, (*self._given, feed)
        self._read[feed] = Seed(feed, feed, home=seen.home)
        self._note(seen)
        self._move_to(seen.home or canonical("/", feed))
        return await self._home(ask)

    def _move_to(self, home: str) -> None:
        self.source = replace(self.source, url=home, feeds=self._given or None)
        self.scope, self._url = scope_of(self.source), home

    async def _feeds(self, ask: Ask, urls: Sequence[str]) -> None:
        for url in urls[:MOST_FEEDS]:
            if url not in self._read:
                await self._seed(ask, url, Kind.FEED)

    async def _seed(self, ask: Ask, url: str, kind: Kind) -> None:
        """A feed or sitemap: is it one, and what does it announce?"""
        self._read[url] = Seed(url, fault="timeout")
        try:
            await ask.page(self, url, kind)
            seen = await ask.work(glance, self._page(), kind, self.scope, now())
        except Exception as error:  # noqa: BLE001 - as above
            self._read[url] = Seed(url, fault=why(error))
            return
        fault = seen.fault if kind is Kind.SITEMAP or seen.is_feed else seen.fault or "not-a-feed"
        self._read[url] = Seed(url, self._page().url, fault=fault, home=seen.home)
        self._note(seen)

    async def _sample(self, ask: Ask, url: str) -> None:
        try:
            response = await ask.page(self, url, Kind.ARTICLE)
            extraction = await ask.work(read_article, self._page())
        except Exception:  # noqa: BLE001 - a sample that cannot be had is none
            return
        self._samples.append(Trial(self._page().url, response.status, extraction.result))

    def _note(self, seen: Glance) -> None:
        self._note_seeds(seen.found.seeds)
        fresh = [link.url for link in seen.found.links if link.url not in self._articles]
        self._articles += fresh[: max(0, 20 - len(self._articles))]

    def _note_seeds(self, links: Sequence[Link]) -> None:
        for link in links:
            known = self._found.get(link.kind)
            if known is not None and not link.refused and link.url not in known:
                known.append(link.url)

    def _note_sitemaps(self, ask: Ask) -> None:
        self._note_seeds(ask.sitemaps_of(self._url, self))

    def _page(self) -> RawPage:
        assert self.page is not None, "an answer that came was kept"
        return self.page


class Gate:
    """Hosts that asked for patience: for a longer delay, or to be left alone."""

    def __init__(self) -> None:
        self.slow: set[str] = set()
        self._blocked: set[str] = set()
        self.downloader: Any = None

    def park(self, host: str) -> None:
        """Its robots.txt cannot be read: no request passes anyway."""

    def block(self, host: str, seconds: float) -> None:
        """Nothing more is asked of it."""
        self._blocked.add(host)

    async def turn(self, host: str) -> bool:
        """Whether it may be asked."""
        return host not in self._blocked

    def ask_delay(self, host: str, seconds: float) -> None:
        """The downloader's slot of the host keeps the longer delay."""
        if seconds > PATIENCE:
            self.slow.add(host)
        delay = min(seconds, LONGEST_DELAY)
        known = self.downloader.per_slot_settings.get(host, {}).get("delay", 0.0)
        self.downloader.per_slot_settings[host] = {"delay": max(known, delay)}
        if host in self.downloader.slots:
            slot = self.downloader.slots[host]
            slot.delay = max(slot.delay, delay)


class ProbeRun(DryRun):
    """What wire and politeness ask of a run that looks at many sites: each request has its `Look` with it."""

    def __init__(self, config: Config, looks: Sequence[Look], workers: Workers, *, jobs: int, timeout: float) -> None:
        super().__init__(config, looks[0].source, workers, obey_scope=True)
        self.jobs, self._many = jobs, len(looks) > 1
        self.gate = Gate()
        self.hosts = self.gate  # type: ignore[assignment]
        self.limits = replace(self.limits, timeout=min(self.limits.timeout, timeout))
        addresses = [url for look in looks for url in (look.source.url, *(look.source.feeds or ()))]
        self.ports |= {port for url in addresses if (port := port_of(url))}
        self.robots: dict[str, tuple[bytes, str]] = {}  # of hosts that name sitemaps

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

    async def sitemaps_declared(self, body: bytes, url: str, request: Request) -> None:
        """Remember a robots.txt that names sitemaps, for all looks at its host."""
        if b"sitemap" in body.lower():
            self.robots[host_key(url)] = (body, url)


def _look_of(request: Request) -> Look:
    look: Look = request.meta["look"]
    return look


class Ask:
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
        body, address = self._run.robots.get(host_key(url), (b"", ""))
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
        ask, room = Ask(self.crawler, self.run), asyncio.Semaphore(self.run.jobs)
        try:
            async with asyncio.TaskGroup() as group:
                for look in self.looks:
                    group.create_task(self._one(look, ask, room))
        except* Exception as failed:  # noqa: BLE001 - told by whoever started the spider
            self.failure = failed.exceptions[0]
        return
        yield

    async def _one(self, look: Look, ask: Ask, room: asyncio.Semaphore) -> None:
        async with self._hosts[site_key(look.source.url).partition("/")[0]], room:
            try:
                async with asyncio.timeout(LONGEST + 5 * self.run.delay(look.source)):
                    await look.run(ask)
            except TimeoutError:
                pass
            look.page = None
            self.tell(look)
