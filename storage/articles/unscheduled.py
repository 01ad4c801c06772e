"""Stored articles of which no schedule knows: of a rebuilt database, of ingested archives, and of before there were schedules.

Functions take a connection inside a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, text, update

from storage.database.dialects import skip_locked
from storage.database.schema import UNSCHEDULED, articles, extractions, sources, urls, versions


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """A row of the frontier whose article is stored, with what tells the article's age and the site's habits."""

    id: int
    url: str
    source: str
    priority: int
    discovered_at: str
    first_seen_at: str
    last_seen_at: str
    published_at: str | None
    published_precision: str | None
    edits: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What such a row is given. `next_fetch_at` None: it is not visited again."""

    id: int
    next_fetch_at: str | None
    rhythm: str
    priority: int


_OPEN = select(urls.c.id).where(
    text(UNSCHEDULED),
    urls.c.source_id.in_(bindparam("source_ids", expanding=True)),
    urls.c.discovered_at >= bindparam("since"),
    urls.c.lease_run.is_(None),
)
_ROWS = (
    select(
        urls.c.id,
        urls.c.url,
        sources.c.name.label("source"),
        urls.c.priority,
        urls.c.discovered_at,
        articles.c.first_seen_at,
        articles.c.last_seen_at,
        extractions.c.published_at,
        extractions.c.published_precision,
        sources.c.edits,
    )
    .join(sources, sources.c.id == urls.c.source_id)
    .join(articles, articles.c.id == urls.c.article_id)
    .join(versions, (versions.c.article_id == articles.c.id) & (versions.c.number == articles.c.version))
    .join(extractions, extractions.c.id == versions.c.extraction_id)
    .where(urls.c.id.in_(bindparam("ids", expanding=True)))
)
_CHUNK = 500  # rows a statement
_SET = update(urls).where(urls.c.id == bindparam("url_id"))  # parameters named as columns are what it sets


def unscheduled(conn: Connection, source_ids: Sequence[int], since: str, limit: int) -> list[Unscheduled]:
    """At most so many of these sources' rows that were discovered since a moment: an article is never younger than its row."""
    if not source_ids:
        return []
    asked = {"source_ids": list(source_ids), "since": since}
    ids = conn.execute(skip_locked(_OPEN.limit(limit)), asked).scalars().all()
    found: list[Unscheduled] = []
    for start in range(0, len(ids), _CHUNK):
        rows = conn.execute(_ROWS, {"ids": ids[start : start + _CHUNK]}).mappings()
        found += [Unscheduled(**row) for row in rows]
    return found


def schedule(conn: Connection, plans: Sequence[Plan]) -> None:
    """Enter what schedules know of these rows from now on."""
    rows = [
        {
            "url_id": plan.id,
            "next_fetch_at": plan.next_fetch_at,
            "rhythm": plan.rhythm,
            "priority": plan.priority,
        }
        for plan in plans
    ]
    if rows:
        conn.execute(_SET, rows)
