"""The ledger: what became of every URL that a run considered, and whether that adds up.

Two sides are counted independently. On the left are the URLs that a run considered: rows that bear its name (found new, or
taken up), rows that it has an outcome for, and rows that were due and not reached. On the right are its outcomes, by
verdict. What is on the left alone must still wait for its turn: it is pending. Anything else is a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Integer,
    RowMapping,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    outerjoin,
    select,
    union,
)

from storage.database.schema import captures, outcomes, runs, urls
from storage.records import Kind, Ledger, State

ARTICLE = str(Kind.ARTICLE)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a run could have reached: what is due `now` of its sources, and of those whose requisites it wants."""

    now: str
    since: str  # what was fetched after this moment was considered
    source_ids: Sequence[int]
    requisite_ids: Sequence[int]


def ledger(conn: Connection, run_id: str, reach: Reach | None = None) -> Ledger:
    """The account of a run: article URLs by verdict; robots.txt, seeds and requisites beside. Without `reach` nothing was due."""
    sides = {row["kind"]: row for row in conn.execute(_left(run_id, reach)).mappings()}
    articles, others = _outcomes(conn, run_id)
    others |= {
        f"{kind}/{State.PENDING}": row["pending"] for kind, row in sides.items() if kind != ARTICLE and row["pending"]
    }
    if fetched := _robots(conn, run_id):
        others["robots/fetched"] = fetched
    mine = sides.get(ARTICLE)
    return Ledger(
        articles=articles,
        others=others,
        pending=mine["pending"] if mine else 0,
        considered={word: mine[word] for word in ("new", "due", "carried")} if mine else {},
        faults=tuple(_faults(run_id, sides.values(), sum(articles.values()))),
    )


def with_states(conn: Connection, account: Ledger) -> Ledger:
    """An account with the states of all URLs known, and what is wrong with them."""
    counted = states(conn)
    return replace(account, states=counted, faults=(*account.faults, *faults_of_states(conn, counted)))


def states(conn: Connection) -> dict[str, int]:
    """How many URLs are in which state."""
    rows = conn.execute(select(urls.c.state, func.count().label("known")).group_by(urls.c.state).order_by(urls.c.state))
    return {row.state: row.known for row in rows}


def faults_of_states(conn: Connection, counted: dict[str, int]) -> list[str]:
    """Why the states do not add up to the URLs known; empty when they do."""
    known = conn.execute(select(func.count()).select_from(urls)).scalar_one()
    strange = [state for state in counted if state not in set(State)]
    faults = [f"{counted[state]} URLs are in the state {state!r}, which is none" for state in strange]
    if sum(counted.values()) != known:
        faults.append(f"the states add up to {sum(counted.values())} URLs, and {known} are known")
    return faults


def strays(conn: Connection) -> list[tuple[str, str, str]]:
    """(URL, state, what is wrong) of rows that contradict their state. Reads the whole table."""
    return [
        (row.url, row.state, row.wrong)
        for row in conn.execute(select(urls.c.url, urls.c.state, _WRONG.label("wrong")).where(_WRONG.is_not(None)))
    ]


_EXPLAINED = [str(State.FILTERED), str(State.REJECTED), str(State.FAILED)]
_idle = urls.c.next_fetch_at.is_(None)
_WRONG = case(
    (urls.c.state.not_in([str(state) for state in State]), literal("no such state")),
    (and_(urls.c.state == str(State.STORED), urls.c.article_id.is_(None)), literal("no article")),
    (and_(urls.c.state == str(State.GONE), urls.c.article_id.is_(None)), literal("no article")),
    (and_(urls.c.state.in_(_EXPLAINED), urls.c.reason.is_(None)), literal("no reason")),
    (and_(urls.c.state == str(State.SEED), _idle), literal("a seed that is never polled again")),
    else_=None,
)


def _left(run_id: str, reach: Reach | None) -> Select[*tuple[Any, ...]]:
    """A row a kind: URLs considered, by how they came to be; of them those without an outcome, with two, and without a future."""
    considered = _considered(run_id, reach)
    done = _done(run_id)
    kind = func.coalesce(done.c.kind, urls.c.kind)
    is_new = urls.c.discovered_at >= select(runs.c.started_at).where(runs.c.id == run_id).scalar_subquery()
    before = exists().where(outcomes.c.url_id == urls.c.id, outcomes.c.run_id != run_id)
    undone = done.c.url_id.is_(None)
    return (
        select(
            kind.label("kind"),
            func.count().label("considered"),
            _sum(is_new).label("new"),
            _sum(and_(not_(is_new), before)).label("due"),
            _sum(and_(not_(is_new), not_(before))).label("carried"),
            _sum(undone).label("pending"),
            _sum(done.c.own > 1).label("twice"),
            _sum(and_(undone, _idle)).label("lost"),
        )
        .select_from(considered.join(urls, urls.c.id == considered.c.id).outerjoin(done, done.c.url_id == urls.c.id))
        .group_by(kind)
    )


def _considered(run_id: str, reach: Reach | None) -> CTE:
    parts = [
        select(urls.c.id).where(urls.c.considered_run == run_id),
        select(outcomes.c.url_id).where(outcomes.c.run_id == run_id),
    ]
    if reach is not None:
        parts.append(select(urls.c.id).where(_unreached(reach)))
    return union(*parts).cte("considered")


def _unreached(reach: Reach) -> ColumnElement[bool]:
    is_requisite = urls.c.kind == str(Kind.REQUISITE)
    return and_(
        urls.c.next_fetch_at <= reach.now,
        or_(urls.c.last_fetch_at.is_(None), urls.c.last_fetch_at < reach.since),
        or_(
            and_(not_(is_requisite), urls.c.source_id.in_(reach.source_ids)),
            and_(is_requisite, urls.c.source_id.in_(reach.requisite_ids)),
        ),
    )


def _done(run_id: str) -> CTE:
    """A row a URL that the run has settled: its last outcome, and how many there are of what the run fetched itself.

    A run that finds exchanges of lost ones in the archive settles each of them, in their order: only the last counts.
    """
    is_own = or_(outcomes.c.capture_id.is_(None), captures.c.run_id == run_id)
    counted = select(
        outcomes.c.url_id,
        func.max(outcomes.c.kind).label("kind"),
        func.max(outcomes.c.id).label("last"),
        _sum(is_own).label("own"),
    )
    joined = counted.select_from(outerjoin(outcomes, captures, captures.c.id == outcomes.c.capture_id))
    return joined.where(outcomes.c.run_id == run_id).group_by(outcomes.c.url_id).cte("done")


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(cast(case((condition, 1), else_=0), Integer)), 0)


def _outcomes(conn: Connection, run_id: str) -> tuple[dict[str, int], dict[str, int]]:
    """Article URLs by verdict, and all others by kind and verdict."""
    done = _done(run_id)
    counted = select(done.c.kind, outcomes.c.verdict, func.count()).join(outcomes, outcomes.c.id == done.c.last)
    rows = conn.execute(
        counted.group_by(done.c.kind, outcomes.c.verdict).order_by(done.c.kind, outcomes.c.verdict)
    ).all()
    articles = {verdict: count for kind, verdict, count in rows if kind == ARTICLE}
    return articles, {f"{kind}/{verdict}": count for kind, verdict, count in rows if kind != ARTICLE}


def _faults(run_id: str, sides: Iterable[RowMapping], accounted: int) -> Iterator[str]:
    for row in sides:
        if row["twice"]:
            yield f"{row['twice']} {row['kind']} URLs have more than one outcome in run {run_id}"
        if row["lost"]:
            yield f"{row['lost']} {row['kind']} URLs were considered by run {run_id} and have neither an outcome nor a next visit"
        if row["kind"] == ARTICLE and row["considered"] != accounted + row["pending"] and not row["twice"]:
            yield f"run {run_id} considered {row['considered']} article URLs and accounts for {accounted + row['pending']}"


def _robots(conn: Connection, run_id: str) -> int:
    mine = and_(captures.c.run_id == run_id, captures.c.kind == str(Kind.ROBOTS))
    return int(conn.execute(select(func.count()).select_from(captures).where(mine)).scalar_one())
