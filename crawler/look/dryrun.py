"""Looking without storing: `try` fetches with the wire, guard, robots and limits of a crawl, and keeps nothing; see `probing`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from scrapy import Request, Spider, signals
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler import PRODUCT_VERSION
from crawler.config.keys import Config, Source
from crawler.discovery.discover import sitemaps_in_robots
from crawler.politeness.refusals import BadStatus, Refused, Unsent
from crawler.politeness.robots import Rules
from crawler.sources.active import guard_of, limits_of, ports_of, scope_of
from crawler.wire.reasons import reason_of
from pipelines.page import RawPage, read_article
from pipelines.workers import WorkerError, Workers
from storage.frontier.robots import Kept
from storage.records import Candidate, Ended, Exchange, FetchContext, Kind, Lease, Link, NoArticle
from storage.urlkey import host_key

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

T = TypeVar("T")


class NoGate:
    """A host gate of one visit: there is no next run that a block could be kept for."""

    def park(self, host: str) -> None:
        """One page is asked for at a time."""

    def block(self, host: str, seconds: float | None, reason: str) -> None:
        """Nothing more is asked anyway."""

    def answered_well(self, host: str) -> None:
        """Nothing is remembered."""

    async def turn(self, host: str) -> bool:
        """There are no others."""
        return True

    def promise(self, host: str) -> float:
        """Nothing is kept for longer than the visit."""
        return 0.0

    def ask_delay(self, host: str, seconds: float | None, *, sure: bool) -> None:
        """Too few requests for a delay to matter; the settings' own delay holds."""


class NoCache:
    """A cache of robots.txt that is empty and stays so."""

    def __init__(self, run: DryRun) -> None:
        self._run = run

    async def wants_tdmrep(self, origin: str) -> bool:
        """Whether what it reserves is asked for."""
        return False

    async def known(self, origin: str) -> Kept | None:
        """Nothing."""
        return None

    def is_good(self, kept: Kept) -> bool:
        """There is none."""
        return False

    def keep(self, kept: Kept) -> None:
        """It is not kept."""

    async def plant(self, origin: str, rules: Rules, request: Request) -> None:
        """Remember the sitemaps that it names."""
        await self._run.sitemaps_declared(rules.sitemaps, f"{origin}/robots.txt", request)


class DryRun:
    """What wire and politeness ask of a run, for a run that keeps nothing."""

    def __init__(self, config: Config, source: Source, workers: Workers, *, obey_scope: bool) -> None:
        self.config = config
        self.source = source
        self.scope = scope_of(source)
        self.limits = limits_of(config)
        self.ports = ports_of(config) | ports_of(Config(sources=(source,)))
        self.guard = guard_of(config)
        self.workers = workers
        self.hosts: NoGate = NoGate()
        self.robots = NoCache(self)
        self.ending = asyncio.Event()
        self.sitemaps: list[Link] = []
        self.backfill = None
        self._obey_scope = obey_scope
        self._pages: WeakKeyDictionary[Request, RawPage] = WeakKeyDictionary()

    def context_of(self, request: Request) -> FetchContext:
        """Needed to build an Exchange; it is thrown away."""
        return FetchContext(run_id="", source=self.source.name, kind=request.meta["kind"], frontier_url=request.url)

    def exchanged(self, request: Request, exchange: Exchange) -> None:
        """Keep the page, not the exchange."""
        limit = self.limits.max_page_bytes
        exchange.response.seek(0)
        self._pages[request] = RawPage(
            url=exchange.url,
            frontier_url=request.meta["lease"].url,
            fetched_at=exchange.started_at,
            raw=exchange.response.read(limit + self.limits.max_header_bytes),
            truncated=exchange.ended is not Ended.COMPLETE,
            limit=limit,
            announced=None,
        )
        exchange.response.close()

    def wire_meta(self, request: Request) -> dict[str, Any]:
        """Per-request settings of the source."""
        meta: dict[str, Any] = {
            "verify_tls": self.config.verify_tls(self.source),
            "download_timeout": self.limits.timeout,
        }
        return meta | ({"proxy": self.config.crawl.http_proxy} if self.config.crawl.http_proxy else {})

    def ignores_robots(self, request: Request) -> bool:
        """As the source says."""
        return self.source.robots == "ignore"

    def may_redirect(self, request: Request) -> bool:
        """A single page may lead anywhere; a site has to stay itself, or become the host that its home page leads to."""
        return not self._obey_scope or request.meta["kind"] is Kind.HOME or self.scope.includes(request.url)

    async def sitemaps_declared(self, body: str, url: str, request: Request) -> None:
        """Remember the sitemaps that robots.txt names."""
        self.sitemaps += sitemaps_in_robots(body, url, self.scope)

    async def article(self, request: Request) -> Candidate | NoArticle:
        """What the page is."""
        return (await self._work(read_article, self._pages[request])).result

    async def _work(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self.workers.run(function, *arguments)


class LookingSpider(Spider):
    """Base of spiders that look and keep nothing: Scrapy's own scheduler, no pipelines."""

    name: str = "looking"
    custom_settings = {  # noqa: RUF012 - Scrapy declares it so
        "SCHEDULER": "scrapy.core.scheduler.Scheduler",
        "ITEM_PIPELINES": {},
        "SPIDER_MIDDLEWARES": {"crawler.middlewares.harvesting.HarvestMiddleware": None},
    }
    run: DryRun
    failure: BaseException | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> LookingSpider:
        """Take over the run and its settings."""
        run: DryRun = kwargs.pop("run")
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.run = run
        crawl, contact = run.config.crawl, run.config.collection.contact
        agent = f"{PRODUCT_VERSION} (+{contact})" if contact else PRODUCT_VERSION
        crawler.settings.set("USER_AGENT", agent, priority="spider")
        crawler.settings.set("DOWNLOAD_DELAY", min(crawl.delay, 1.0), priority="spider")
        crawler.signals.connect(spider.opened, signals.spider_opened)
        crawler.signals.connect(spider.done, signals.spider_closed)
        return spider

    def opened(self, spider: Spider) -> None:
        """Guard the network before the first request."""
        from twisted.internet import reactor

        self.run.guard.install(reactor)
        self.run.workers.start()

    async def done(self, spider: Spider, reason: str) -> None:
        """End the workers."""
        await asyncio.get_running_loop().run_in_executor(None, self.run.workers.close)

    def ask(self, url: str, kind: Kind, callback: Callable[..., Any]) -> Request:
        """A request as the frontier would make it."""
        lease = Lease(0, url, host_key(url), self.run.source.name, kind, 0, 0, 0, None, None, None)
        request = Request(
            url,
            callback=callback,
            errback=self.failed,
            dont_filter=True,
            meta={"lease": lease, "kind": kind, "raw": True},
        )
        request.meta.update(self.run.wire_meta(request))
        return request

    def failed(self, failure: Failure) -> None:
        """Errback."""
        self.failure = self.failure or failure.value


class TrialSpider(LookingSpider):
    """Looks at one page."""

    name = "trial"
    result: Candidate | NoArticle | None = None
    final_url: str = ""
    status: int | None = None

    def __init__(self, url: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.url = url

    async def start(self) -> AsyncIterator[Any]:
        """One page."""
        yield self.ask(self.url, Kind.ARTICLE, self.parse_page)

    async def parse_page(self, response: Response) -> None:
        """The answer."""
        assert response.request is not None
        self.final_url, self.status = response.url, response.status
        try:
            self.result = await self.run.article(response.request)
        except WorkerError as error:
            self.failure = error

    def failed(self, failure: Failure) -> None:
        """Errback: the status is told, too."""
        super().failed(failure)
        if isinstance(failure.value, BadStatus):
            self.final_url, self.status = failure.value.response.url, failure.value.response.status


def why(error: BaseException | None) -> str:
    """Why there is no answer, in short stable words."""
    match error:
        case None:
            return "no-answer"
        case Refused():
            return error.reason
        case Unsent():
            return "asked-for-patience"
        case BadStatus():
            return f"http-{error.response.status}"
        case WorkerError():
            return error.reason
        case _:
            return reason_of(error)
