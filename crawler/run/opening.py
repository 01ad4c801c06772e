"""A run is opened before Scrapy builds its components: lock, database, what it is for, archive, workers, in this order.

Whatever fails on the way, what was opened before it is closed again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import PRODUCT_VERSION, VERSION
from crawler.config.collection import Collection, find
from crawler.config.keys import Config
from crawler.options import CrawlOptions
from crawler.process.handles import hosts_at_once, lifted_limit
from crawler.run import about, planting
from crawler.run.context import RunContext
from crawler.run.hostgate import PATIENCE
from crawler.run.intake import Intake
from crawler.run.journal import Journal
from crawler.run.ledger import killed_accounts
from crawler.run.sharing import need_postgres
from crawler.sources.active import ActiveSource, limits_of
from pipelines.archive import WarcKeeping
from pipelines.workers import Workers
from storage.archive.dedupe import Dedupe
from storage.archive.shelf import Shelf
from storage.database.engine import SHORT_TIMEOUT, Connection, Engine, batch, open_database, patiently
from storage.frontier import clock, hosts, leases, seeds
from storage.recovery.recover import last_capture, recover
from storage.runs import rows as runs
from storage.runs.lock import Hold, hold
from storage.runs.scribe import Scribe
from storage.times import iso, now
from storage.warc.write import WarcWriter

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planted:
    """What a run finds in the database, once it is entered there."""

    at: str
    sources: Mapping[str, ActiveSource]
    hosts: hosts.Memory
    exact_ids: list[int] | None  # rows of the pages that were named; None: whatever is due
    root_sitemaps: Sequence[str]  # of a back-fill: those that no sitemap led to


@dataclass(frozen=True, slots=True)
class Opened:
    """A run that holds its collection, and what its parts begin with."""

    run: RunContext
    planted: Planted
    unread_until: int  # a killed run may have left captures up to this one unread; 0: there are none, or others see to them


def open_run(
    crawler: Crawler, folder: Path, options: CrawlOptions, begun: Callable[[], None] | None, closing: ExitStack
) -> Opened:
    """Open a collection for a run; `closing` then closes it. `begun` is called once the collection is held."""
    collection = find(folder)
    warc = collection.warc()
    if options.join:
        need_postgres(collection.database_url)
    held = closing.enter_context(hold(collection.folder, shared=options.join, patience=options.patience))
    if begun is not None:
        begun()
    journal = closing.enter_context(Journal(str(warc)))
    engine = _database(collection, warc, held, closing)
    unread_until = patiently(lambda: last_capture(engine)) if held.alone else 0
    planted = patiently(lambda: _begin(engine, collection.config, options, alone=held.alone))
    held.opened()
    run = _context(crawler, collection, options, planted, journal, engine, closing)
    if held.alone:
        run.scribe.submit(killed_accounts(run.writer, run.id, run.limits.spool_folder))
    _configure(crawler, collection.config)
    return Opened(run, planted, unread_until)


def _database(collection: Collection, warc: Path, held: Hold, closing: ExitStack) -> Engine:
    """The database, and what an earlier run left put right, for one who is alone with it."""
    engine = patiently(partial(open_database, collection.database_url, timeout=SHORT_TIMEOUT))
    closing.callback(engine.dispose)
    if held.alone and (recovered := patiently(lambda: recover(engine, warc, now()))):
        log.info("%s", recovered)
    return engine


def _begin(engine: Engine, config: Config, options: CrawlOptions, *, alone: bool) -> Planted:
    """Enter the run and what it is for."""
    with batch(engine) as conn:
        if alone:
            if set_back := clock.settle(conn, now()):
                log.error("%s", set_back)
            if leases.release_all(conn):
                hosts.killed(conn, now())
        return _plant(conn, config, options)


def _plant(conn: Connection, config: Config, options: CrawlOptions) -> Planted:
    moment = now()
    runs.begin(conn, options.run_id, VERSION, moment, about.command_of(options))
    exact_ids: list[int] | None = None
    if options.exact:
        sources, exact_ids = planting.plant_exact(conn, config, options.urls, options.run_id, moment)
    else:
        sources = planting.plant(conn, config, options, options.run_id, moment)
    sitemaps = seeds.root_sitemaps(conn, [source.id for source in sources.values()]) if options.backfill else ()
    return Planted(moment, sources, hosts.remembered(conn, moment), exact_ids, sitemaps)


def _context(
    crawler: Crawler,
    collection: Collection,
    options: CrawlOptions,
    planted: Planted,
    journal: Journal,
    engine: Engine,
    closing: ExitStack,
) -> RunContext:
    """Archive and workers, and with them all that the parts share."""
    config, warc = collection.config, collection.warc()
    writer = _writer(warc, config, options, planted)
    keeping = WarcKeeping(writer, Dedupe(config.crawl.dedupe))
    scribe = Scribe(engine, keeping, options.run_id, max_log_bytes=config.database.max_log_bytes)
    closing.callback(scribe.close)
    limits, shelf = limits_of(config, spool_folder=str(warc)), Shelf(warc, engine)
    workers = Workers(config.crawl.worker_count, preload=("pipelines.page:warm", "crawler.discovery.reading"))
    closing.callback(workers.close)
    return RunContext(
        id=options.run_id,
        options=options,
        config=config,
        settings_of=iso(datetime.fromtimestamp(collection.file.stat().st_mtime, UTC)),
        started_at=planted.at,
        sources=planted.sources,
        crawler=crawler,
        limits=limits,
        journal=journal,
        writer=writer,
        scribe=scribe,
        shelf=shelf,
        intake=Intake(options.run_id, scribe, keeping, shelf, limits),
        workers=workers,
    )


def _writer(folder: Path, config: Config, options: CrawlOptions, planted: Planted) -> WarcWriter:
    crawl = config.crawl
    return WarcWriter(
        folder,
        options.run_id,
        PRODUCT_VERSION,
        about.warcinfo(options.run_id, config, planted.sources.values()),
        max_file_bytes=crawl.max_warc_bytes,
        max_idle=crawl.max_warc_idle,
        max_age=crawl.max_warc_age,
        first=[about.settings(options.run_id, config, options)],
    )


def _configure(crawler: Crawler, config: Config) -> None:
    """What newswarc.toml says, in Scrapy's words."""
    crawl = config.crawl
    most = hosts_at_once(crawl.concurrency, limit := lifted_limit())
    if most < crawl.concurrency:
        log.warning("%d open files (ulimit -n) allow no more than %d hosts at once", limit, most)
    values = {
        "USER_AGENT": about.user_agent(config),
        "DOWNLOAD_DELAY": min(crawl.delay, PATIENCE),
        "DOWNLOAD_TIMEOUT": crawl.timeout,
        "CONCURRENT_REQUESTS": most,
        "IDLE_CONNECTIONS": most,
    }
    for name, value in values.items():
        crawler.settings.set(name, value, priority="spider")
