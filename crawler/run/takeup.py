"""Stored articles of which no schedule knows are taken up: they get the next visit that they would have."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.config.keys import Config
from crawler.schedule.revisits import DAY, take_up
from crawler.sources.active import ActiveSource
from storage.articles.unscheduled import Plan, Unscheduled, schedule, unscheduled
from storage.database.engine import Connection
from storage.records import REVISITED
from storage.times import later

AT_ONCE = 5_000  # rows a run: the next one goes on


def take_up_young(conn: Connection, sources: Iterable[ActiveSource], config: Config, now: str) -> int:
    """Plan a visit to young articles of these sources, settle old ones quietly. Returns how many rows that were."""
    days = {source.id: config.revisit_days(source.source) for source in sources}
    wanted = {source.name: source for source in sources if days[source.id]}
    since = later(now, -DAY * max(days.values(), default=0))
    rows = unscheduled(conn, [source.id for source in wanted.values()], since, AT_ONCE)
    schedule(conn, [_plan(row, wanted[row.source], days[wanted[row.source].id], now) for row in rows])
    return len(rows)


def _plan(row: Unscheduled, source: ActiveSource, days: int, now: str) -> Plan:
    """Of what is none of the source's own pages, as an archive may hold them, nothing is asked."""
    when = take_up(row, now, days if source.scope.includes(row.url) else 0)
    return Plan(row.id, when.next_fetch_at, when.rhythm or "", REVISITED)
