"""Before the first fetch: sources get their rows, their declared seeds are planted, and what a run asks for becomes due.

Stored articles of which no schedule knows are planned, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from crawler.config.keys import Config, Source
from crawler.config.naming import name_for, paused
from crawler.options import CrawlOptions
from crawler.run.takeup import take_up_young
from crawler.sources.active import ActiveSource, activate, seeds_of
from storage.database.engine import Connection
from storage.errors import UsageError
from storage.frontier import urls as frontier
from storage.frontier.urls import Origin
from storage.frontier.withdrawals import withdrawn_at
from storage.records import Kind, Link, State
from storage.urlkey import canonical, host_key, key


def plant(conn: Connection, config: Config, options: CrawlOptions, run_id: str, now: str) -> dict[str, ActiveSource]:
    """Rows for the chosen sources and their seeds; paused ones are left alone. Returns the sources of this run by name."""
    chosen = [_named(config, name) for name in options.sources] or [
        source for source in config.sources if not source.paused
    ]
    active: dict[str, ActiveSource] = {}
    for source in chosen:
        row_id = frontier.source_id(conn, source.name, source.url, now)
        active[source.name] = activate(source, row_id, config)
        if not options.exact:
            frontier.discover(conn, seeds_of(source), Origin(row_id, run_id, now))
    _make_due(conn, options, [source.id for source in active.values()], now)
    take_up_young(conn, active.values(), config, now)
    return active


def _named(config: Config, name: str) -> Source:
    source = config.source(name)
    if source is None:
        raise UsageError(f"there is no source named {name!r}; `newswarc source list` shows them")
    if source.paused:
        raise UsageError(paused(name))
    return source


def _make_due(conn: Connection, options: CrawlOptions, source_ids: Sequence[int], now: str) -> None:
    if options.now:
        frontier.make_due(conn, now, [State.SEED], source_ids)
    if options.refetch:
        frontier.make_due(conn, now, [State.STORED, State.GONE], source_ids)


def plant_exact(
    conn: Connection, config: Config, asked: Sequence[str], run_id: str, now: str
) -> tuple[dict[str, ActiveSource], list[int]]:
    """Rows for exactly these pages: known ones keep their source, new ones get that of their host, or one named after it.

    Returns the sources that take part, and the ids of the rows.
    """
    for url in map(canonical, asked):
        if withdrawn_at(conn, url):
            raise UsageError(f"{url} is withdrawn: it is not fetched any more")
        source = _source_of(config, url)
        row_id = frontier.source_id(conn, source.name, source.url, now)
        frontier.discover(conn, [Link(url, Kind.ARTICLE)], Origin(row_id, run_id, now))
    ids = list(frontier.ids_of(conn, [key(url) for url in asked]).values())
    frontier.make_due_rows(conn, ids, run_id, now)
    active = {
        name: activate(config.source(name) or Source(name=name, url=url), row_id, config)
        for row_id, name, url in frontier.sources_of(conn, ids)
    }
    return active, ids


def _source_of(config: Config, url: str) -> Source:
    host = host_key(url).removeprefix("www.")
    for source in config.sources:
        if host_key(canonical(source.url)).removeprefix("www.") == host:
            return source
    scheme = url.partition(":")[0]
    home = f"{scheme}://{host_key(url)}/"
    return Source(name=name_for(home, ()), url=home)
