"""What is due, for `plan` and `retry`: read only, but for the one statement that makes rows due again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from storage.frontier import CHUNK
from storage.query import Row
from storage.schema import hosts, sources, urls
from storage.records import LAST, State
from storage.withdrawals import WITHDRAWN

_ROWS = 1_000  # of a result that are held at once


def due(conn: Connection, now: str, names: Collection[str], spider: str, *, leased: bool) -> Iterator[Row]:
    """Rows of the sources with these names that are due for a spider, in the order in which runs claim them.

    `leased`: those in hand of a run too, which the next run takes over from one that was killed.
    """
    query = (
        select(
            urls.c.id, urls.c.url, urls.c.host, sources.c.name.label("source"), urls.c.kind, urls.c.priority,
            urls.c.next_fetch_at, urls.c.last_fetch_at, urls.c.attempts,
        )
        .join(sources, sources.c.id == urls.c.source_id)
        .where(urls.c.next_fetch_at.is_not(None), urls.c.next_fetch_at <= now)
        .where(or_(urls.c.spider.is_(None), urls.c.spider == spider))
        .order_by(urls.c.priority, urls.c.host, urls.c.next_fetch_at, urls.c.id)
        .execution_options(yield_per=_ROWS)
    )  # fmt: skip
    if not leased:
        query = query.where(urls.c.lease_run.is_(None))
    wanted = set(names)
    return (dict(row) for row in conn.execute(query).mappings() if row["source"] in wanted)


def known_keys(conn: Connection, keys: Sequence[str]) -> set[str]:
    """Which of these URL keys have a row."""
    found: set[str] = set()
    for start in range(0, len(keys), CHUNK):
        found.update(conn.execute(select(urls.c.key).where(urls.c.key.in_(keys[start : start + CHUNK]))).scalars())
    return found


def promised(conn: Connection) -> dict[str, Row]:
    """Host -> what is remembered of it."""
    return {row["host"]: dict(row) for row in conn.execute(select(hosts)).mappings()}
