"""What `status` asks of the database beside `query.status`: what sources bring lately, and what stands behind a silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from storage.database.schema import articles, captures, sources, urls
from storage.frontier.sources import Remembered, parts
from storage.records import State
from storage.times import later

DAY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Lately:
    """What is remembered of a source, and how many articles of it were first seen in the last day and the last week."""

    remembered: Remembered
    day: int = 0
    week: int = 0


@dataclass(frozen=True, slots=True)
class LastPoll:
    """How a seed stands: its kind, why it could not be had, and whether its last capture was the same as one before."""

    kind: str
    reason: str | None
    same: bool


def lately(conn: Connection, now: str) -> dict[str, Lately]:
    """Of every source that has a row, by name."""
    counts = _new_articles(conn, later(now, -DAY), later(now, -7 * DAY))
    columns = (sources.c.id, sources.c.name, sources.c.rhythm, sources.c.last_new_at)
    rows = conn.execute(select(*columns, sources.c.trouble, sources.c.trouble_since, sources.c.told_at))
    return {row.name: Lately(Remembered(*row), *counts.get(row.id, (0, 0))) for row in rows}


def _new_articles(conn: Connection, day: str, week: str) -> dict[int, tuple[int, int]]:
    """Found source by source in ix_articles_source: what was first seen lately was last seen lately."""
    newer = articles.c.first_seen_at >= day
    query = (
        select(articles.c.source_id, func.count().filter(newer), func.count())
        .where(articles.c.source_id.in_(select(sources.c.id)), articles.c.last_seen_at >= week, articles.c.first_seen_at >= week)
        .group_by(articles.c.source_id)
    )
    return {source_id: (in_day, in_week) for source_id, in_day, in_week in conn.execute(query)}


def last_polls(conn: Connection, ids: Collection[int]) -> dict[int, list[LastPoll]]:
    """Source id -> how each seed of it stands."""
    of_seed = select(captures.c.id).where(captures.c.url_id == urls.c.id)
    newest = of_seed.order_by(captures.c.fetched_at.desc()).limit(1).correlate(urls).scalar_subquery()
    query = (
        select(urls.c.source_id, urls.c.kind, urls.c.reason, captures.c.revisit_of, captures.c.http_status)
        .outerjoin(captures, captures.c.id == newest)
        .where(urls.c.state == str(State.SEED))
    )
    found: dict[int, list[LastPoll]] = defaultdict(list)
    for part in parts(ids):
        for row in conn.execute(query.where(urls.c.source_id.in_(part))):
            same = row.revisit_of is not None or row.http_status == 304
            found[row.source_id].append(LastPoll(row.kind, row.reason, same))
    return found


def filtered_since(conn: Connection, source_id: int, since: str) -> int:
    """How many URLs of a source that were found after `since` are not fetched by rule."""
    mine = (urls.c.source_id == source_id) & (urls.c.state == str(State.FILTERED)) & (urls.c.discovered_at > since)
    return int(conn.execute(select(func.count()).select_from(urls).where(mine)).scalar_one())
