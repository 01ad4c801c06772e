"""One run of one collection: what its parts share. Opened by the spider, before Scrapy builds its components; closed by it.

The scribe's thread alone writes to the archive and the database. Everything here runs in the reactor's thread and hands
jobs to the scribe.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scrapy import Request, Spider, signals
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler import PRODUCT_VERSION, VERSION, about, planting
from crawler.alarms import Alarms
from crawler.backfill import Backfill, links_wanted
from crawler.budget import Budget
from crawler.collection import find
from crawler.discovery import sitemaps_in_robots
from crawler.ending import Ending
from crawler.handles import hosts_at_once, lifted_limit
from crawler.heeding import heard_at_once
from crawler.hostgate import PATIENCE, HostGate
from crawler.intake import Intake
from crawler.journal import Journal
from crawler.ledger import killed_accounts
from crawler.options import CrawlOptions
from crawler.periods import period_of
from crawler.reading import read_period, read_seed
from crawler.recovery import Recovery
from crawler.refusals import Unsent
from crawler.requisites import Allowance
from crawler.robots_cache import RobotsCache
from crawler.rollover import Rollover
from crawler.scope import Discovered
from crawler.settling import Settling
from crawler.sharing import Sharing, need_postgres
from crawler.sources import ActiveSource, guard_of, limits_of, port_of, ports_of, wanted_kinds
from crawler.stopping import GRACE_SECONDS, cut_short
from pipelines.archive import WarcKeeping
from pipelines.workers import WorkerError, Workers
from storage import clock, frontier, hosts, leases, runs, seeds
from storage.database import SHORT_TIMEOUT, Connection, batch, open_database, patiently
from storage.dedupe import Dedupe
from storage.errors import NewswarcError
from storage.frontier import Origin
from storage.leases import Want
from storage.lock import Hold, hold
from storage.records import SEED_KINDS, Exchange, FetchContext, Kind, Lease, Ledger, Link
from storage.recover import last_capture, recover
from storage.scribe import Scribe
from storage.shelf import Shelf
from storage.times import iso, later, now
from storage.urlkey import InvalidURL, canonical, same_site
from storage.warc_write import WarcWriter

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.frontier import Frontier
    from crawler.harvest import Harvest

log = logging.getLogger(__name__)
T = TypeVar("T")


class Run:
    """A run: its collection, settings, archive, database, workers, and what became of it."""

    frontier: Frontier

    def __init__(
        self, crawler: Crawler, folder: str | Path, options: CrawlOptions, spider: Spider, begun: Callable[[], None] | None = None
    ) -> None:
        self.id = options.run_id
        self.options = options
        self.spider = spider
        self._begun = begun
        self.failure: BaseException | None = None
        self.ledger: Ledger | None = None
        self.exit_code: int | None = None
        self.results: dict[str, bool] = {}  # whether each source that was asked gave anything
        self.reasons: dict[str, str] = {}  # why, of those that did not
        self.alarms = Alarms()
        self.stopped_by: int | None = None  # the signal that ended the run
        self._crawler = crawler
        self._exact_ids: list[int] | None = None
        self.end = Ending(self)
        asked = options.backfill
        self.backfill = Backfill(self, period_of(asked), dry=asked.dry) if asked else None
        self.ending = asyncio.Event()  # nothing more is begun
        with ExitStack() as opening, heard_at_once():
            self._open(Path(folder), opening)
            self._closing = opening.pop_all()
        crawler.signals.connect(self._opened, signals.spider_opened)
        crawler.signals.connect(self._close, signals.spider_closed)

    def _open(self, folder: Path, opening: ExitStack) -> None:
        self.collection = find(folder)
        self.config = self.collection.config
        warc = self.collection.warc()
        if self.options.join:
            need_postgres(self.collection.database_url)
        held = opening.enter_context(hold(self.collection.folder, shared=self.options.join, patience=self.options.patience))
        if self._begun is not None:
            self._begun()
        self.journal = opening.enter_context(Journal(str(warc)))
        self._open_database(warc, held, opening)
        held.opened()
        self.ports = ports_of(self.config) | {port for url in self.options.urls if (port := port_of(url))}
        self.guard = guard_of(self.config)
        self.dedupe = Dedupe(self.config.crawl.dedupe)
        self._settings_of = iso(datetime.fromtimestamp(self.collection.file.stat().st_mtime, UTC))
        self.writer = self._writer(warc)
        log_bytes = self.config.database.max_log_bytes
        keeping = WarcKeeping(self.writer, self.dedupe)
        self.scribe = Scribe(self.engine, keeping, self.id, max_log_bytes=log_bytes)
        opening.callback(self.scribe.close)
        self.limits = limits_of(self.config, spool_folder=str(warc))
        self.shelf = Shelf(warc, self.engine)
        self.intake = Intake(self.id, self.scribe, keeping, self.shelf, self.limits)
        self.sharing = Sharing(self, shared=self.options.join)
        self.rollover = Rollover(self)
        self.hosts = HostGate(self._crawler, self, self._memory)
        self.robots = RobotsCache(self, self._settings_of, again=self.options.now or self.options.exact)
        self.workers = Workers(self.config.crawl.worker_count, preload=("pipelines.page:warm", "crawler.reading"))
        opening.callback(self.workers.close)
        self.settling = Settling(self)
        if held.alone:
            self.scribe.submit(killed_accounts(self.writer, self.id, self.limits.spool_folder))
        self._configure()

    def _open_database(self, warc: Path, held: Hold, opening: ExitStack) -> None:
        """The database, and what an earlier run left put right, for one who is alone with it."""
        open_ = partial(open_database, self.collection.database_url, timeout=SHORT_TIMEOUT)
        self.engine = patiently(open_)
        opening.callback(self.engine.dispose)
        if held.alone and (recovered := patiently(lambda: recover(self.engine, warc, now()))):
            log.info("%s", recovered)
        self.recovery = Recovery(self, patiently(lambda: last_capture(self.engine)) if held.alone else 0)
        self._memory = patiently(lambda: self._begin(alone=held.alone))

    def _begin(self, *, alone: bool) -> hosts.Memory:
        """Enter the run and what it is for. Returns what is remembered of hosts."""
        with batch(self.engine) as conn:
            if alone:
                if set_back := clock.settle(conn, now()):
                    log.error("%s", set_back)
                if leases.release_all(conn):
                    hosts.killed(conn, now())
            return self._plant(conn)

    def _plant(self, conn: Connection) -> hosts.Memory:
        moment = self.started_at = now()
        runs.begin(conn, self.id, VERSION, moment, about.command_of(self.options))
        if self.options.exact:
            self.sources, self._exact_ids = planting.plant_exact(conn, self.config, self.options.urls, self.id, moment)
        else:
            self.sources = planting.plant(conn, self.config, self.options, self.id, moment)
        self.budget = Budget(self.sources.values(), self.config.crawl.max_pages_per_host)
        self.allowance = Allowance(self.sources, self.config.crawl.max_requisite_bytes, always=self.options.requisites)
        if self.backfill is not None:
            self.backfill.want(canonical(source.source.url) for source in self.sources.values())
            self.backfill.want(seeds.root_sitemaps(conn, [source.id for source in self.sources.values()]))
        return hosts.remembered(conn, moment)

    def _writer(self, folder: Path) -> WarcWriter:
        crawl = self.config.crawl
        return WarcWriter(
            folder,
            self.id,
            PRODUCT_VERSION,
            about.warcinfo(self.id, self.config, self.sources.values()),
            max_file_bytes=crawl.max_warc_bytes,
            max_idle=crawl.max_warc_idle,
            max_age=crawl.max_warc_age,
            first=[about.settings(self.id, self.config, self.options)],
        )

    def _configure(self) -> None:
        """What newswarc.toml says, in Scrapy's words."""
        settings = self._crawler.settings
        crawl = self.config.crawl
        hosts = hosts_at_once(crawl.concurrency, limit := lifted_limit())
        if hosts < crawl.concurrency:
            log.warning("%d open files (ulimit -n) allow no more than %d hosts at once", limit, hosts)
        values = {
            "USER_AGENT": about.user_agent(self.config),
            "DOWNLOAD_DELAY": min(crawl.delay, PATIENCE),
            "DOWNLOAD_TIMEOUT": crawl.timeout,
            "CONCURRENT_REQUESTS": hosts,
            "IDLE_CONNECTIONS": hosts,
        }
        for name, value in values.items():
            settings.set(name, value, priority="spider")

    def _opened(self, spider: Spider) -> None:
        from twisted.internet import reactor

        self.guard.install(reactor)
        self.hosts.opened((host, source.delay) for source in self.sources.values() for host in source.slots())
        self.sharing.start()
        self.rollover.start()
        if self.options.max_runtime:
            left = self.options.began + self.options.max_runtime - time.monotonic()
            asyncio.get_running_loop().call_later(max(0.0, left), self._time_is_up)

    def _time_is_up(self) -> None:
        """What is in flight has the time of one exchange; what is in hand after that is cut."""
        self.wind_down("max-runtime")
        asyncio.get_running_loop().call_later(self.limits.timeout + GRACE_SECONDS, cut_short, self._crawler)

    def wind_down(self, reason: str) -> asyncio.Future[None]:
        """Begin nothing more: what waits for its turn is given back, what is on the wire is finished."""
        self.ending.set()
        self.scribe.hurry()
        engine = self._crawler.engine
        for slot in engine.downloader.slots.values():
            while slot.queue:
                slot.queue.popleft()[1].errback(Failure(Unsent(reason)))  # type: ignore[no-untyped-call]
        return asyncio.ensure_future(engine.close_spider_async(reason=reason))

    # What the wire asks of a run.

    def context_of(self, request: Request) -> FetchContext:
        """See Intake."""
        return self.intake.context_of(request)

    def exchanged(self, request: Request, exchange: Exchange) -> None:
        """See Intake."""
        if request.meta["kind"] is Kind.REQUISITE:
            self.allowance.spend(exchange.response_length)
        noting = self.hosts.asked(request.meta["download_slot"], exchange.started_at)
        self.intake.exchanged(request, exchange, noting)

    # What the frontier asks of a run.

    async def do(self, job: Callable[[Connection], T]) -> T:
        """Have the scribe do a job; returns when it is durable."""
        # Shielded: the scribe does what was submitted, also when whoever waits for it is cancelled.
        return await asyncio.shield(asyncio.wrap_future(self.scribe.submit(job)))

    async def claim(self, full: Collection[str], *, per_host: int, limit: int, pages: int | None, last: bool) -> list[Lease]:
        """Lease due rows of the run's sources, for hosts that are neither well stocked nor blocked: pages, or `last` requisites.

        At most `limit` rows, of which `pages` may be no seeds.
        """
        await self.recovery.done()  # what a killed run left unread comes first
        moment = now()
        until = later(moment, self.sharing.lease_seconds)
        if self._exact_ids is not None and not last:
            ids, self._exact_ids = self._exact_ids[:limit], self._exact_ids[limit:]
            return await self.do(lambda conn: leases.claim_rows(conn, ids, self.id, until))
        if self.backfill is not None:
            return [] if last else await self.backfill.claim(self.frontier.in_hand, until)
        want = Want(
            run_id=self.id,
            now=moment,
            lease_until=until,
            per_host=per_host,
            limit=limit,
            pages=pages,
            full={*full, *self.hosts.blocked()},
            source_ids=[source.id for source in self.sources.values()],
            spider=self.spider.name,
            since=self.started_at,
            last=last,
            left=self.budget.left,
            born=self.started_at if self.options.exact else None,
        )
        narrowed = self.allowance.narrowed(want)
        return await self.do(lambda conn: leases.claim(conn, narrowed)) if narrowed else []

    def request_for(self, lease: Lease) -> Request:
        """The request of a leased row."""
        unusual = json.loads(lease.payload) if lease.payload else {}
        callback = getattr(self.spider, unusual.pop("callback", "visit"))
        meta = unusual.pop("meta", {}) | {"lease": lease, "kind": lease.kind, "raw": not lease.payload}
        request = Request(
            lease.url,
            callback=callback,
            errback=self.spider.failed,  # type: ignore[attr-defined]
            meta=meta,
            dont_filter=True,
            **unusual,
        )
        request.meta.update(self.wire_meta(request))
        return request

    def wire_meta(self, request: Request) -> dict[str, Any]:
        """Per-request settings of the source that a request is made for."""
        source = self._source_of(request)
        meta: dict[str, Any] = {"verify_tls": source.verify_tls, "download_timeout": self.limits.timeout}
        if self.config.crawl.http_proxy:
            meta["proxy"] = self.config.crawl.http_proxy
        return meta

    def _source_of(self, request: Request) -> ActiveSource:
        lease: Lease = request.meta["lease"]
        return self.sources[lease.source]

    # What politeness asks of a run.

    def ignores_robots(self, request: Request) -> bool:
        """Whether the source's owner has given a reason to ignore robots.txt, of the source's own hosts."""
        source = self._source_of(request)
        foreign = request.meta["kind"] is Kind.REQUISITE and not source.scope.includes(request.url)
        return not source.obeys_robots and not foreign

    def may_be_unmodified(self, lease: Lease, date: str) -> bool:
        """Whether an answer may say no more than that nothing has changed since one of that date.

        Who asks for a single page wants to have it; and a seed is read anew when the settings, which say what of its links
        is wanted, have changed since.
        """
        if self.options.exact or self.backfill is not None or (lease.kind in SEED_KINDS and date < self._settings_of):
            return False
        return self.dedupe.allows(date, now())

    def may_redirect(self, request: Request) -> bool:
        """Whether a redirect stays with its site, or leads to a host that the source names. A requisite's may lead anywhere."""
        if self.options.exact or request.meta["kind"] is Kind.REQUISITE:
            return True
        lease: Lease = request.meta["lease"]
        scope = self._source_of(request).scope
        return same_site(request.url, lease.url) or scope.includes(request.url)

    async def sitemaps_declared(self, body: str, url: str, request: Request) -> None:
        """Plant the sitemaps that a robots.txt names, where the settings give no list."""
        source = self._source_of(request)
        if Kind.SITEMAP not in wanted_kinds(source.source):
            return
        links = sitemaps_in_robots(body, url, source.scope)
        await self._plant_links(links, Origin(source.id, self.id, now(), via=url, hops=1))
        if self.backfill is not None:
            self.backfill.want(links_wanted(links))
            self.frontier.hunger()

    # What spiders and their middleware ask of a run.

    async def read_seed(self, response: Response) -> Discovered:
        """The links of a seed, read in a worker; a seed that no worker can read has a problem instead."""
        request = response.request
        assert request is not None
        scope = self._source_of(request).scope
        try:
            async with self.intake.page(request) as raw:
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
        source = self.sources[lease.source].source
        kinds = wanted_kinds(source) | ({Kind.SITEMAP} if lease.kind is Kind.SITEMAP else set())
        return [link for link in seeds if link.kind in kinds]

    def link_of(self, request: Request) -> Link:
        """A Scrapy request, as a spider of one's own yields it, as a link of the frontier."""
        payload: dict[str, Any] = {}
        if request.callback is not None and request.callback.__name__ != "visit":
            payload["callback"] = request.callback.__name__
        if request.method != "GET":
            payload["method"] = request.method
        if request.body:
            payload["body"] = request.body.decode()
        if request.cb_kwargs:
            payload["cb_kwargs"] = dict(request.cb_kwargs)
        kind = Kind(request.meta.get("kind", Kind.ARTICLE))
        try:
            url, refused = canonical(request.url), None
        except InvalidURL as error:
            url, refused = request.url, f"bad-url: {error}"
        return Link(
            url,
            kind,
            refused=refused,
            payload=json.dumps(payload) if payload else None,
            spider=self.spider.name if payload else None,
        )

    async def plant(self, links: Sequence[Link]) -> None:
        """Note links that no page led to: those that a spider starts with."""
        for source in list(self.sources.values())[:1]:
            await self._plant_links(links, Origin(source.id, self.id, now()))

    async def _plant_links(self, links: Sequence[Link], origin: Origin) -> None:
        new = await self.do(lambda conn: frontier.discover(conn, links, origin))
        if new.due:
            self.frontier.hunger()

    async def settle(self, harvest: Harvest) -> None:
        """Store all that came of a leased request; see Settling."""
        try:
            await self.settling.settle(harvest)
        except NewswarcError as error:
            self.fail(error)
        except Exception:  # a bug with one page: its lease is given back when the run ends
            lease: Lease = harvest.request.meta["lease"]
            log.exception("%s could not be settled", lease.url, extra={"source": lease.source, "url": lease.url})
            self.frontier.settled(lease, new_links=False)

    def fail(self, error: BaseException) -> None:
        """Nothing can be stored any more: the run ends."""
        if self.failure is None:
            self.failure = error
            log.debug("%s", error)  # the command says it in its last line
            asyncio.ensure_future(self._crawler.engine.close_spider_async(reason="failure"))  # noqa: RUF006

    async def _close(self, spider: Spider, reason: str) -> None:
        self.sharing.stop()
        self.rollover.stop()
        try:
            if self.failure is None and self.scribe.failure is None:
                await self.do(self.end.account)
        except Exception as error:  # noqa: BLE001 - whatever it is, the files have to be closed and the caller to be told
            self.failure = self.failure or error
        finally:
            self.failure = self.failure or self.scribe.failure or self.end.imbalance
            await asyncio.get_running_loop().run_in_executor(None, self._closing.close)
            self.exit_code = getattr(self.failure, "exit_code", 1) if self.failure else self.exit_code
