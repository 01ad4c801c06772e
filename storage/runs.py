"""Rows of runs, and the ledger: what became of every URL that a run considered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, func, select, update

from storage.records import SEED_KINDS, Kind, Ledger, Verdict
from storage.schema import captures, outcomes, runs, sources, urls

_NOTE = update(runs).where(runs.c.id == bindparam("run"))  # parameters named as columns are what it sets
_SEEDS = [str(kind) for kind in SEED_KINDS]


def begin(conn: Connection, run_id: str, version: str, now: str, command: str = "crawl") -> None:
    """Enter a run."""
    conn.execute(runs.insert().values(id=run_id, started_at=now, version=version, command=command))


def note_batch(conn: Connection, run_id: str, number: int) -> None:
    """The transaction of a run's batch with this number is about to be committed."""
    conn.execute(_NOTE, {"run": run_id, "batch": number})


def last_batch(conn: Connection, run_id: str) -> int | None:
    """The number of the last batch of a run that was committed."""
    return conn.execute(select(runs.c.batch).where(runs.c.id == run_id)).scalar_one_or_none()


def end(conn: Connection, run_id: str, exit_code: int, ledger: Ledger, now: str) -> None:
    """A run is over, with its account."""
    conn.execute(
        update(runs).where(runs.c.id == run_id).values(ended_at=now, exit_code=exit_code, ledger=asdict(ledger))
    )


def ledger(conn: Connection, run_id: str, pending: int) -> Ledger:
    """The account of a run: article URLs by verdict, captures and seeds of other kinds beside; `pending` were not reached."""
    rows = conn.execute(
        select(outcomes.c.kind, outcomes.c.verdict, func.count())
        .where(outcomes.c.run_id == run_id)
        .group_by(outcomes.c.kind, outcomes.c.verdict)
        .order_by(outcomes.c.kind, outcomes.c.verdict)
    )
    articles: dict[str, int] = {}
    others: dict[str, int] = {}
    for kind, verdict, count in rows:
        if kind == Kind.ARTICLE:
            articles[verdict] = count
        else:
            others[f"{kind}/{verdict}"] = count
    robots = (
        select(func.count())
        .select_from(captures)
        .where(captures.c.run_id == run_id, captures.c.kind == str(Kind.ROBOTS))
    )
    if fetched := conn.execute(robots).scalar_one():
        others["robots/fetched"] = fetched
    return Ledger(articles=articles, others=others, pending=pending)


def source_results(conn: Connection, run_id: str, *, seeds_only: bool) -> dict[str, bool]:
    """Source name -> whether the run got anything from it.

    A crawl judges a source by its seeds: one broken story is no broken source. A fetch of single pages judges by these.
    """
    good = [str(v) for v in Verdict if v not in (Verdict.FAILED, Verdict.FILTERED)]
    query = (
        select(sources.c.name, outcomes.c.verdict, func.coalesce(outcomes.c.reason, ""))
        .join(urls, urls.c.id == outcomes.c.url_id)
        .join(sources, sources.c.id == urls.c.source_id)
        .where(outcomes.c.run_id == run_id)
        .distinct()
    )
    if seeds_only:
        query = query.where(outcomes.c.kind.in_(_SEEDS))
    result: dict[str, bool] = {}
    for name, verdict, reason in conn.execute(query):
        result[name] = result.get(name, False) or (verdict in good and not reason.startswith("http-"))
    return result


def failure_reasons(conn: Connection, run_id: str, names: Sequence[str]) -> dict[str, str]:
    """Source name -> the commonest reason why its URLs failed in a run."""
    rows = conn.execute(
        select(sources.c.name, outcomes.c.reason, func.count().label("n"))
        .join(urls, urls.c.id == outcomes.c.url_id)
        .join(sources, sources.c.id == urls.c.source_id)
        .where(outcomes.c.run_id == run_id, sources.c.name.in_(names), outcomes.c.reason.is_not(None))
        .group_by(sources.c.name, outcomes.c.reason)
        .order_by(func.count())
    )
    return {name: reason for name, reason, _ in rows}


def without_exchange(conn: Connection, run_id: str) -> Iterator[dict[str, str | None]]:
    """URLs that a run considered and for which nothing was archived, with verdict and reason: only the WARC can keep them."""
    rows = conn.execute(
        select(
            urls.c.url, outcomes.c.kind, outcomes.c.verdict, outcomes.c.reason, outcomes.c.at, urls.c.discovered_from
        )
        .join(urls, urls.c.id == outcomes.c.url_id)
        .where(outcomes.c.run_id == run_id, outcomes.c.capture_id.is_(None))
        .order_by(outcomes.c.id)
        .execution_options(yield_per=1000)
    ).mappings()
    return ({k: v for k, v in row.items() if v is not None} for row in rows)
