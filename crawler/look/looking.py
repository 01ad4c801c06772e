"""`try` and `source add`, `import`, `check`: a look with the wire, guard, robots and limits of a crawl; nothing is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import cast

from crawler.config.collection import Collection
from crawler.config.keys import Config, Source
from crawler.look.dryrun import DryRun, TrialSpider, why
from crawler.look.probing import Plea, ProbeRun, ProbeSpider
from crawler.look.site import ONE, Look
from crawler.options import Probe, Trial
from crawler.process.handles import hosts_at_once, lifted_limit
from crawler.process.spiders import start
from crawler.sources.lists import Entry
from pipelines.workers import Workers
from storage.database.engine import open_database, open_readonly, reading, transaction
from storage.errors import AllSourcesFailed, DatabaseError
from storage.frontier import hosts
from storage.times import now
from storage.urlkey import host_key

TellSource = Callable[[Source, Probe], None]
TellEntry = Callable[[Entry, str, Probe], None]

SHORT = 20.0  # seconds for an answer, where many sites are looked at


def try_url(config: Config, url: str, workers: Workers) -> Trial:
    """Fetch one page and read it; nothing is kept. Raises AllSourcesFailed when there is no page."""
    run = DryRun(config, _source_for(url), workers, obey_scope=False)
    spider = cast("TrialSpider", start(TrialSpider, logging.ERROR, url=url, run=run))
    if spider.result is None:
        raise AllSourcesFailed(f"{url}: {why(spider.failure)}")
    return Trial(spider.final_url, spider.status, spider.result)


def probe(collection: Collection, source: Source) -> Probe:
    """Look at the way into a site. Raises AllSourcesFailed when its home page cannot be had at all."""
    look = Look(source, source.feeds or (), depth=ONE)
    probe_all(collection, [look], lambda _: None, jobs=1)
    if (found := look.probe()).failure is not None:
        raise AllSourcesFailed(f"{source.url}: {found.failure}")
    return found


def probe_all(collection: Collection, looks: Sequence[Look], tell: Callable[[Look], None], *, jobs: int) -> None:
    """Look at many sites, `jobs` at a time, and tell of each as soon as it was looked at.

    Raises what `tell` raises, and StoppedError after a signal.
    """
    if not looks:
        return
    many, config = len(looks) > 1, collection.config
    jobs = hosts_at_once(jobs, lifted_limit())
    workers = Workers(config.crawl.worker_count if many else 1, preload=("pipelines.extract", "crawler.look.glance"))
    timeout = SHORT if many else config.crawl.timeout
    run = ProbeRun(config, looks, workers, jobs=jobs, timeout=timeout, blocked=_blocked(collection))
    try:
        spider = start(ProbeSpider, logging.ERROR, looks=looks, tell=tell, run=run)
    finally:
        _keep(collection, run.gate.pleas)
    if (failure := cast("ProbeSpider", spider).failure) is not None:
        raise failure


def _blocked(collection: Collection) -> Mapping[str, str]:
    """Hosts that asked a crawl for patience, until when. Sites can be looked at while the database is away."""
    with suppress(DatabaseError), ExitStack() as closing:
        if not collection.is_new():
            engine = open_readonly(collection.database_url)
            closing.callback(engine.dispose)
            return hosts.blocked(closing.enter_context(reading(engine)), now())
    return {}


def _keep(collection: Collection, pleas: Mapping[str, Plea]) -> None:
    """Remember hosts that asked for patience, so that a crawl heeds them, where there is a database.

    One that is away or locked must not cost what was found: a crawl will be asked by the host itself.
    """
    if not pleas or collection.is_new():
        return
    with suppress(DatabaseError), ExitStack() as closing:
        engine = open_database(collection.database_url, create=False)
        closing.callback(engine.dispose)
        conn = closing.enter_context(transaction(engine))
        for host, plea in pleas.items():
            hosts.block(conn, host, plea.since, plea.until, plea.reason)


def probe_entries(collection: Collection, entries: Sequence[Entry], tell: TellEntry, jobs: int) -> None:
    """Look at the sites of a list; each is told with the home page that it was looked for at. Raises as `probe_all`."""
    of: dict[Look, Entry] = {}
    for entry in entries:
        if entry.source:
            look = Look(entry.source, entry.source.feeds or ())
        elif entry.home:
            look = Look(Source("new", entry.home, feeds=entry.feeds or None), entry.feeds)
        else:
            look = Look.of_feeds(entry.feeds)
        of[look] = entry
    probe_all(collection, list(of), lambda look: tell(of[look], look.source.url, look.probe()), jobs=jobs)


def probe_sources(
    collection: Collection, sources: Sequence[Source], feeds: Mapping[str, Sequence[str]], tell: TellSource, jobs: int
) -> None:
    """Look at sources again, and at each of the feeds that they were given, or that are known by their names."""
    of: dict[Look, Source] = {}
    for source in sources:
        known = dict.fromkeys([*(source.feeds or ()), *feeds.get(source.name, ())])
        hosts = tuple(known) if source.feeds is None else source.feeds  # that belong to it
        of[Look(replace(source, feeds=hosts or None), tuple(known), all_feeds=True)] = source
    probe_all(collection, list(of), lambda look: tell(of[look], look.probe()), jobs=jobs)


def _source_for(url: str) -> Source:
    scheme = url.partition("://")[0]
    return Source(name=host_key(url), url=f"{scheme}://{host_key(url)}/")
