"""One run of one collection: its parts, put together, and what Scrapy's components may ask of it.

`opening` opens it before Scrapy builds its components. From here arrows go down only: the parts know `context` and each
other, none of them knows the run; spider, middlewares and pipeline know it as `spider.run`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy import Request, Spider, signals
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.discovery.periods import period_of
from crawler.discovery.reading import read_period, read_seed
from crawler.discovery.scope import Discovered
from crawler.options import CrawlOptions
from crawler.politeness.budget import Budget
from crawler.politeness.refusals import Unsent
from crawler.process.heeding import heard_at_once
from crawler.process.stopping import GRACE_SECONDS, cut_short
from crawler.run.backfill import Backfill
from crawler.run.claims import Claims
from crawler.run.context import RunContext
from crawler.run.ending import Ending
from crawler.run.frontier import Frontier
from crawler.run.harvest import Harvest
from crawler.run.hostgate import HostGate
from crawler.run.opening import Opened, open_run
from crawler.run.recovery import Recovery
from crawler.run.requests import Requests
from crawler.run.requisites import Allowance
from crawler.run.robots_cache import RobotsCache
from crawler.run.rollover import Rollover
from crawler.run.settling import Settling
from crawler.run.sharing import Sharing
from crawler.sources.active import guard_of, port_of, ports_of, wanted_kinds
from pipelines.workers import WorkerError
from storage.archive.dedupe import Dedupe
from storage.errors import NewswarcError
from storage.records import SEED_KINDS, Exchange, FetchContext, Kind, Lease, Link
from storage.times import now
from storage.urlkey import canonical, same_site

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)


class Run:
    """A run: its context, its parts, and the answers to whoever knows it as `spider.run`."""

    def __init__(
        self, crawler: Crawler, folder: str | Path, options: CrawlOptions, spider: Spider, begun: Callable[[], None] | None = None
    ) -> None:
        with ExitStack() as closing, heard_at_once():
            self._put_together(open_run(crawler, Path(folder), options, begun, closing), spider)
            self._closing = closing.pop_all()
        crawler.signals.connect(self._opened, signals.spider_opened)
        crawler.signals.connect(self._close, signals.spider_closed)

    def _put_together(self, opened: Opened, spider: Spider) -> None:
        """Each part gets the context, and the parts below it that it needs."""
        run = self.context = opened.run
        self.limits, self.workers, self.ending = run.limits, run.workers, run.ending
        self.guard = guard_of(run.config)
        self.ports = ports_of(run.config) | {port for url in run.options.urls if (port := port_of(url))}
        self.allowance = Allowance(run.sources, run.config.crawl.max_requisite_bytes, always=run.options.requisites)
        self.requests = Requests(run, spider)
        self.sharing = Sharing(run)
        self.rollover = Rollover(run)
        self.hosts = HostGate(run, opened.planted.hosts)
        self.backfill = _backfill(run, opened.planted.root_sitemaps)
        claims = Claims(
            run=run,
            spider=spider.name,
            recovery=Recovery(run, self.hosts, self.allowance, opened.unread_until),
            sharing=self.sharing,
            hosts=self.hosts,
            budget=Budget(run.sources.values(), run.config.crawl.max_pages_per_host),
            allowance=self.allowance,
            backfill=self.backfill,
            exact_ids=opened.planted.exact_ids,
        )
        self.frontier = Frontier(run, self.requests, claims, self.hosts, self.sharing)
        self.robots = RobotsCache(run, self.frontier, self.backfill)
        self.settling = Settling(run, self.frontier, self.allowance)
        self.end = Ending(run, self.settling, self.allowance)

    @property
    def failure(self) -> BaseException | None:
        """What ended the run before its time."""
        return self.context.failure

    def _opened(self, spider: Spider) -> None:
        from twisted.internet import reactor

        options = self.context.options
        self.guard.install(reactor)
        self.hosts.opened((host, source.delay) for source in self.context.sources.values() for host in source.slots())
        self.sharing.start(self.frontier.hunger)
        self.rollover.start()
        if options.max_runtime:
            left = options.began + options.max_runtime - time.monotonic()
            asyncio.get_running_loop().call_later(max(0.0, left), self._time_is_up)

    def _time_is_up(self) -> None:
        """What is in flight has the time of one exchange; what is in hand after that is cut."""
        self.wind_down("max-runtime")
        asyncio.get_running_loop().call_later(self.limits.timeout + GRACE_SECONDS, cut_short, self.context.crawler)

    def wind_down(self, reason: str) -> asyncio.Future[None]:
        """Begin nothing more: what waits for its turn is given back, what is on the wire is finished."""
        self.ending.set()
        self.context.scribe.hurry()
        engine = self.context.crawler.engine
        for slot in engine.downloader.slots.values():
            while slot.queue:
                slot.queue.popleft()[1].errback(Failure(Unsent(reason)))  # type: ignore[no-untyped-call]
        return asyncio.ensure_future(engine.close_spider_async(reason=reason))

    async def _close(self, spider: Spider, reason: str) -> None:
        run = self.context
        self.sharing.stop()
        self.rollover.stop()
        try:
            if run.failure is None and run.scribe.failure is None:
                await run.do(self.end.account)
        except Exception as error:  # noqa: BLE001 - whatever it is, the files have to be closed and the caller to be told
            run.failure = run.failure or error
        finally:
            run.failure = run.failure or run.scribe.failure or self.end.imbalance
            await asyncio.get_running_loop().run_in_executor(None, self._closing.close)

    # What the wire asks of a run.

    def context_of(self, request: Request) -> FetchContext:
        """See Intake."""
        return self.context.intake.context_of(request)

    def exchanged(self, request: Request, exchange: Exchange) -> None:
        """See Intake."""
        if request.meta["kind"] is Kind.REQUISITE:
            self.allowance.spend(exchange.response_length)
        noting = self.hosts.asked(request.meta["download_slot"], exchange.started_at)
        self.context.intake.exchanged(request, exchange, noting)

    # What politeness asks of a run.

    def wire_meta(self, request: Request) -> dict[str, Any]:
        """See Requests."""
        return self.requests.wire_meta(request)

    def ignores_robots(self, request: Request) -> bool:
        """Whether the source's owner has given a reason to ignore robots.txt, of the source's own hosts."""
        source = self.context.source_of(request)
        foreign = request.meta["kind"] is Kind.REQUISITE and not source.scope.includes(request.url)
        return not source.obeys_robots and not foreign

    def may_be_unmodified(self, lease: Lease, date: str) -> bool:
        """Whether an answer may say no more than that nothing has changed since one of that date.

        Who asks for a single page wants to have it; and a seed is read anew when the settings, which say what of its links
        is wanted, have changed since.
        """
        run = self.context
        if run.options.exact or self.backfill is not None or (lease.kind in SEED_KINDS and date < run.settings_of):
            return False
        return Dedupe(run.config.crawl.dedupe).allows(date, now())

    def may_redirect(self, request: Request) -> bool:
        """Whether a redirect stays with its site, or leads to a host that the source names. A requisite's may lead anywhere."""
        if self.context.options.exact or request.meta["kind"] is Kind.REQUISITE:
            return True
        lease: Lease = request.meta["lease"]
        scope = self.context.source_of(request).scope
        return same_site(request.url, lease.url) or scope.includes(request.url)

    # What spiders, their middleware and pipeline ask of a run.

    async def read_seed(self, response: Response) -> Discovered:
        """The links of a seed, read in a worker; a seed that no worker can read has a problem instead."""
        request = response.request
        assert request is not None
        scope = self.context.source_of(request).scope
        try:
            async with self.context.intake.page(request) as raw:
                if self.backfill is not None:
                    found = await self.workers.run(read_period, raw, scope, now(), self.backfill.period)
                    return await self.backfill.take(request.meta["lease"], found)
                return await self.workers.run(read_seed, raw, request.meta["kind"], scope, now())
        except WorkerError as error:
            if error.again:
                raise
            return Discovered(problem=error.reason)

    def wanted(self, lease: Lease, seeds: Sequence[Link]) -> list[Link]:
        """Seeds that were found, of the kinds that the source's owner did not list himself."""
        source = self.context.sources[lease.source].source
        kinds = wanted_kinds(source) | ({Kind.SITEMAP} if lease.kind is Kind.SITEMAP else set())
        return [link for link in seeds if link.kind in kinds]

    async def settle(self, harvest: Harvest) -> None:
        """Store all that came of a leased request; see Settling."""
        try:
            await self.settling.settle(harvest)
        except NewswarcError as error:
            self.context.fail(error)
        except Exception:  # a bug with one page: its lease is given back when the run ends
            lease: Lease = harvest.request.meta["lease"]
            log.exception("%s could not be settled", lease.url, extra={"source": lease.source, "url": lease.url})
            self.frontier.settled(lease, new_links=False)


def _backfill(run: RunContext, root_sitemaps: Sequence[str]) -> Backfill | None:
    """The part of a run that only a back-fill has, with the sitemaps that it begins with."""
    asked = run.options.backfill
    if asked is None:
        return None
    backfill = Backfill(run, period_of(asked), dry=asked.dry)
    backfill.want(canonical(source.source.url) for source in run.sources.values())
    backfill.want(root_sitemaps)
    return backfill
