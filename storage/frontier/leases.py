"""Leases: rows of the frontier in hand of a run, taken when they are due, kept alive, given back.

Functions take a connection inside a transaction; `now` is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, bindparam, or_, select, text, update

from storage.database.dialects import skip_locked
from storage.database.schema import sources, urls
from storage.frontier.turns import alternating
from storage.frontier.urls import CHUNK, announced_from
from storage.records import LAST, Kind, Lease, Validators

# Statements that every claim runs are made once: to make one costs more than to run it.
_LEASE = (
    update(urls)
    .where(urls.c.id.in_(bindparam("ids", expanding=True)))
    .values(lease_run=bindparam("run"), lease_until=bindparam("until"), considered_run=bindparam("run"))
)
_LEASES = (
    select(urls, sources.c.name.label("source"), sources.c.edits)
    .join(sources, sources.c.id == urls.c.source_id)
    .where(urls.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(urls.c.next_fetch_at, urls.c.id)
)


@dataclass(frozen=True, slots=True)
class Want:
    """What a claim asks for. `full` are hosts that need no more; `source_ids` limits it to some sources.

    `last` asks for page requisites, and for nothing else; without it everything else is asked for.
    """

    run_id: str
    now: str
    lease_until: str
    per_host: int = 8
    limit: int = 256
    pages: int | None = None  # of these, how many may be no seeds; None: all
    full: Collection[str] = ()
    scarce: Collection[str] = ()  # hosts that give few turns: see storage/frontier/turns.py
    source_ids: Sequence[int] | None = None
    since: str | None = None  # what was fetched after this moment was considered by this run already
    spider: str | None = None
    last: bool = False
    born: str | None = None  # only what was discovered from this moment on
    left: Callable[[str], int | None] = lambda _: None  # host -> pages that it may still be asked for; None: any number


_OPEN = "next_fetch_at IS NOT NULL AND lease_run IS NULL"
# A loose index scan: one probe of ix_urls_due a (priority, host) group, however many rows wait in it. Two probes instead of
# one comparison of row values, which SQLite does not look up in an index here. Requisites lie on so many hosts that whoever
# wants pages must not pass by them.
_GROUPS_AMONG = """
WITH RECURSIVE g(priority, host, due) AS (
  SELECT * FROM (SELECT priority, host, next_fetch_at FROM urls WHERE {open} AND {among}
                 ORDER BY priority, host, next_fetch_at LIMIT 1) AS first
  UNION ALL
  SELECT n.priority, n.host, n.next_fetch_at FROM g JOIN urls AS n ON n.id = COALESCE(
      (SELECT id FROM urls WHERE {open} AND priority = g.priority AND host > g.host
       ORDER BY priority, host, next_fetch_at LIMIT 1),
      (SELECT id FROM urls WHERE {open} AND priority > g.priority AND {among}
       ORDER BY priority, host, next_fetch_at LIMIT 1))
)
SELECT priority, host FROM g WHERE due <= :now ORDER BY priority, host
"""
_PAGES = text(_GROUPS_AMONG.format(open=_OPEN, among=f"priority < {LAST}"))
_REQUISITES = text(_GROUPS_AMONG.format(open=_OPEN, among=f"priority >= {LAST}"))


def claim(conn: Connection, want: Want) -> list[Lease]:
    """Lease due rows, seeds first, a few a host, so that no host starves another, and no seed the pages of its host."""
    leases: list[Lease] = []
    taken: dict[str, int] = {}
    pages: dict[str, int] = {}  # of them, but for seeds
    for priority, host in conn.execute(_REQUISITES if want.last else _PAGES, {"now": want.now}):
        room = min(want.per_host - taken.get(host, 0), want.limit - len(leases))
        if priority > 0 and not want.last:
            room = min(room, _pages_left(want, host, pages))
        if host in want.full or room <= 0:
            continue
        due = _due_of(conn, want, priority, host, room)
        if priority == 0 and host in want.scarce and not want.last:
            rest = _pages_of(conn, want, host, min(room, _pages_left(want, host, pages)))
            due = alternating(due, rest, host, want.now)[:room]
        got = _lease(conn, want, due)
        taken[host] = taken.get(host, 0) + len(got)
        pages[host] = pages.get(host, 0) + sum(lease.priority > 0 for lease in got)
        leases += got
    return leases


def _pages_left(want: Want, host: str, pages: dict[str, int]) -> int:
    """How many pages a host may still be asked for, after those that were taken in this claim."""
    of_host, of_all = want.left(host), want.pages
    left = [] if of_host is None else [of_host - pages.get(host, 0)]
    return min(left if of_all is None else [*left, of_all - sum(pages.values())], default=want.limit)


def _pages_of(conn: Connection, want: Want, host: str, room: int) -> list[int]:
    """The ids of rows that are no seeds, in the order of their priority."""
    ids: list[int] = []
    for priority in range(1, LAST):
        ids += _due_of(conn, want, priority, host, room - len(ids))
    return ids


def _due_of(conn: Connection, want: Want, priority: int, host: str, room: int) -> Sequence[int]:
    """The ids of rows of a group, those that are due first."""
    if room <= 0:
        return []
    asked: dict[str, Any] = {"group_priority": priority, "group_host": host, "room": room}
    asked |= {"now": want.now, "spider_name": want.spider}
    if want.source_ids is not None:
        asked["chosen"] = want.source_ids
    if want.since is not None:
        asked["since"] = want.since
    if want.born is not None:
        asked["born"] = want.born
    given = {"of_some": want.source_ids is not None, "since": want.since is not None, "born": want.born is not None}
    return conn.execute(_due(**given), asked).scalars().all()


def _lease(conn: Connection, want: Want, ids: Sequence[int]) -> list[Lease]:
    """Lease these rows; they come in this order."""
    if not ids:
        return []
    conn.execute(_LEASE, {"ids": ids, "run": want.run_id, "until": want.lease_until})
    leases = {lease.url_id: lease for lease in leases_of(conn, ids)}
    return [leases[url_id] for url_id in ids]


@cache
def _due(*, of_some: bool, since: bool, born: bool) -> Select[Any]:
    """The ids of a group's rows that are due, locked: of all sources or some, fetched or discovered since a moment or not."""
    query = (
        select(urls.c.id)
        .where(
            urls.c.priority == bindparam("group_priority"),
            urls.c.host == bindparam("group_host"),
            urls.c.next_fetch_at <= bindparam("now"),
            urls.c.next_fetch_at.is_not(None),
            urls.c.lease_run.is_(None),
            or_(urls.c.spider.is_(None), urls.c.spider == bindparam("spider_name")),
        )
        .order_by(urls.c.next_fetch_at, urls.c.id)
        .limit(bindparam("room"))
    )
    if of_some:
        query = query.where(urls.c.source_id.in_(bindparam("chosen", expanding=True)))
    if since:
        query = query.where(or_(urls.c.last_fetch_at.is_(None), urls.c.last_fetch_at < bindparam("since")))
    if born:
        query = query.where(urls.c.discovered_at >= bindparam("born"))
    return skip_locked(query)


def claim_rows(conn: Connection, ids: Sequence[int], run_id: str, lease_until: str) -> list[Lease]:
    """Lease exactly these rows, but for those that another run holds."""
    taken: list[Lease] = []
    for start in range(0, len(ids), CHUNK):
        free = and_(urls.c.id.in_(ids[start : start + CHUNK]), urls.c.lease_run.is_(None))
        held = {"lease_run": run_id, "lease_until": lease_until, "considered_run": run_id}
        got = update(urls).where(free).values(held).returning(urls.c.id)
        taken += leases_of(conn, conn.execute(got).scalars().all())
    return taken


def leases_of(conn: Connection, ids: Sequence[int]) -> list[Lease]:
    """The rows with these ids as leases, in order of their due time."""
    rows = conn.execute(_LEASES, {"ids": ids}).mappings()
    return [lease_of(row) for row in rows]


def lease_of(row: RowMapping) -> Lease:
    """A row of `urls`, with its source's name as `source`, and what it knows of edits."""
    return Lease(
        url_id=row["id"],
        url=row["url"],
        host=row["host"],
        source=row["source"],
        kind=Kind(row["kind"]),
        priority=row["priority"],
        attempts=row["attempts"],
        hops_from_seed=row["hops"],
        via=row["discovered_from"],
        announced=announced_from(row["announced"]),
        payload=row["payload"],
        validators=_validators(row),
        discovered_at=row["discovered_at"],
        last_fetch_at=row["last_fetch_at"],
        rhythm=row["rhythm"],
        edits=row["edits"],
    )


def _validators(row: RowMapping) -> Validators | None:
    if not row["validated_url"] or not row["validated_at"]:
        return None
    return Validators(row["validated_url"], row["validated_at"], row["etag"], row["last_modified"])


def release(conn: Connection, run_id: str) -> None:
    """Give back the leases of a run."""
    conn.execute(update(urls).where(urls.c.lease_run == run_id).values(_FREE))


def keep_leases(conn: Connection, run_id: str, now: str, until: str) -> int:
    """Let a run's own leases go on until then, and give back those that others have let run out. Returns how many those are."""
    conn.execute(update(urls).where(urls.c.lease_run == run_id).values(lease_until=until))
    stale = and_(urls.c.lease_run.is_not(None), urls.c.lease_run != run_id, urls.c.lease_until < now)
    return conn.execute(update(urls).where(stale).values(_FREE)).rowcount


def leased_by_others(conn: Connection, run_id: str) -> bool:
    """Whether another run has something in hand, which may lead to more."""
    others = select(urls.c.id).where(urls.c.lease_run.is_not(None), urls.c.lease_run != run_id)
    return conn.execute(others.limit(1)).first() is not None


def release_all(conn: Connection) -> int:
    """Give back every lease: right only for one who is alone in the collection. Returns how many those are."""
    return conn.execute(update(urls).where(urls.c.lease_run.is_not(None)).values(_FREE)).rowcount


_FREE: dict[str, None] = {"lease_run": None, "lease_until": None}
