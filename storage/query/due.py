"""What is due, for `plan` and `retry`: read only, but for the one statement that makes rows due again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from storage.database.schema import hosts, outcomes, runs, sources, urls
from storage.frontier.urls import CHUNK
from storage.frontier.withdrawals import WITHDRAWN
from storage.query.known import Row
from storage.records import State

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


# ---- again


@dataclass(frozen=True, slots=True)
class Again:
    """Which rows are to be made due again. Empty `ids` and `names` mean all; `reason` is the beginning of a reason."""

    states: Collection[State]
    ids: Sequence[int] | None = None
    names: Sequence[str] | None = None
    reason: str = ""


def candidates(conn: Connection, wanted: Again) -> list[Row]:
    """Rows that match and no run is about to settle: id, url, source, kind, state, reason. What is withdrawn never is."""
    query = select(urls.c.id, urls.c.url, sources.c.name.label("source"), urls.c.kind, urls.c.state, urls.c.reason)
    query = query.join(sources, sources.c.id == urls.c.source_id)
    query = query.where(_matches(wanted), urls.c.lease_run.is_(None), ~_judged_unfetched())
    if wanted.names is not None:
        query = query.where(sources.c.name.in_(wanted.names))
    if wanted.ids is None:
        return [dict(row) for row in conn.execute(query.order_by(urls.c.id)).mappings()]
    rows: list[Row] = []
    for start in range(0, len(wanted.ids), CHUNK):
        some = query.where(urls.c.id.in_(wanted.ids[start : start + CHUNK]))
        rows += [dict(row) for row in conn.execute(some).mappings()]
    return rows


def _judged_unfetched() -> ColumnElement[bool]:
    """Rows that a run, which is not over, refused by their looks: it would take them up and have two outcomes for them."""
    judged = exists().where(outcomes.c.url_id == urls.c.id, outcomes.c.run_id == runs.c.id, runs.c.archived_at.is_(None))
    return and_(urls.c.last_fetch_at.is_(None), judged)


def _matches(wanted: Again) -> ColumnElement[bool]:
    """Failed ones are also seeds and stored articles whose last fetches failed."""
    states: ColumnElement[bool] = urls.c.state.in_([str(state) for state in wanted.states])
    if State.FAILED in wanted.states:
        states = or_(states, urls.c.attempts > 0)
    not_withdrawn = func.coalesce(urls.c.reason, "") != WITHDRAWN
    if not wanted.reason:
        return and_(states, not_withdrawn)
    return and_(states, not_withdrawn, func.substr(urls.c.reason, 1, len(wanted.reason)) == wanted.reason)


_WAITING = {State.FAILED, State.REJECTED, State.FILTERED}  # a row that is due again waits for its turn like a new one


def make_due_again(conn: Connection, rows: Sequence[Row], now: str) -> int:
    """Let rows of `candidates` be fetched by the next run, as if they had never failed. Returns how many that are."""
    ids = [row["id"] for row in rows]
    count = 0
    for start in range(0, len(ids), CHUNK):
        free = and_(urls.c.id.in_(ids[start : start + CHUNK]), urls.c.lease_run.is_(None))
        count += conn.execute(update(urls).where(free).values(next_fetch_at=now, attempts=0)).rowcount
        waiting = and_(free, urls.c.state.in_([str(state) for state in _WAITING]))
        conn.execute(update(urls).where(waiting).values(state=str(State.PENDING)))
    return count
