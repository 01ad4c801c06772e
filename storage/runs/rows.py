"""Rows of runs, and what became of the URLs that they settled; whether that adds up: `balance.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, func, select, update

from storage.database.dialects import insert_ignore
from storage.database.schema import captures, outcomes, runs, sources, urls
from storage.records import SEED_KINDS, Kind, Ledger, Verdict
from storage.runs.ledgers import Account

_NOTE = update(runs).where(runs.c.id == bindparam("run"))  # parameters named as columns are what it sets
_SETTLED = [str(Kind.ARTICLE), str(Kind.REQUISITE)]
_SEEDS = [str(kind) for kind in SEED_KINDS]


def begin(conn: Connection, run_id: str, version: str, now: str, command: str = "crawl") -> None:
    """Enter a run."""
    conn.execute(runs.insert().values(id=run_id, started_at=now, version=version, command=command))


def close(conn: Connection, run_id: str, exit_code: int, now: str) -> None:
    """A run that asked for no URL is over: its account is empty."""
    end(conn, run_id, exit_code, Ledger(), now)


def note_batch(conn: Connection, run_id: str, number: int) -> None:
    """The transaction of a run's batch with this number is about to be committed."""
    conn.execute(_NOTE, {"run": run_id, "batch": number})


def last_batch(conn: Connection, run_id: str) -> int | None:
    """The number of the last batch of a run that was committed."""
    return conn.execute(select(runs.c.batch).where(runs.c.id == run_id)).scalar_one_or_none()


def end(conn: Connection, run_id: str, exit_code: int, ledger: Ledger, now: str) -> None:
    """A run is over, with its account, which is in the archive."""
    ended = {"ended_at": now, "exit_code": exit_code, "ledger": asdict(ledger), "archived_at": now}
    conn.execute(update(runs).where(runs.c.id == run_id).values(**ended))


def outage(conn: Connection) -> str | None:
    """What the newest run that asked sources noted of an outage of the network."""
    noted = select(runs.c.outage).where(runs.c.outage.is_not(None))
    return conn.execute(noted.order_by(runs.c.started_at.desc()).limit(1)).scalar_one_or_none()


def note_outage(conn: Connection, run_id: str, outage: str) -> None:
    """What a run knows of an outage of the network."""
    conn.execute(update(runs).where(runs.c.id == run_id).values(outage=outage))


def source_results(conn: Connection, run_id: str, *, seeds_only: bool) -> dict[str, bool]:
    """Source name -> whether the run got anything from it.

    A crawl judges a source by its seeds: one broken story is no broken source. A fetch of single pages judges by these.
    """
    good = [str(v) for v in Verdict if v not in (Verdict.FAILED, Verdict.FILTERED)]
    query = (
        select(sources.c.name, outcomes.c.verdict, func.coalesce(outcomes.c.reason, ""))
        .join(urls, urls.c.id == outcomes.c.url_id)
        .join(sources, sources.c.id == urls.c.source_id)
        .where(outcomes.c.run_id == run_id, outcomes.c.kind != str(Kind.REQUISITE))
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
        .where(outcomes.c.kind != str(Kind.REQUISITE))
        .group_by(sources.c.name, outcomes.c.reason)
        .order_by(func.count())
    )
    return {name: reason for name, reason, _ in rows}


def restore(conn: Connection, account: Account, now: str) -> None:
    """A run as its account in the archive tells of it."""
    row = {"id": account.run_id, "started_at": account.started_at, "version": account.version}
    conn.execute(insert_ignore(conn, runs, ["id"]), [row])
    told = {
        "started_at": account.started_at,
        "version": account.version,
        "command": account.command,
        "ended_at": account.ended_at,
        "exit_code": account.exit_code,
        "ledger": asdict(account.ledger) if account.ended_at else None,
        "archived_at": now,
    }
    conn.execute(update(runs).where(runs.c.id == account.run_id).values(**told))


def unaccounted(conn: Connection, alive: str) -> list[str]:
    """Runs whose account is not in the archive, oldest first: they were killed; but for one that is alive."""
    left = select(runs.c.id).where(runs.c.archived_at.is_(None), runs.c.id != alive)
    return list(conn.execute(left.order_by(runs.c.started_at, runs.c.id)).scalars())


def accounted(conn: Connection, run_id: str, now: str) -> None:
    """The account of a run is in the archive."""
    conn.execute(_NOTE, {"run": run_id, "archived_at": now})


def account(conn: Connection, run_id: str) -> dict[str, str | int | None]:
    """What the row of a run says of it."""
    columns = (runs.c.id.label("run"), runs.c.command, runs.c.version, runs.c.started_at, runs.c.ended_at, runs.c.exit_code)
    return dict(conn.execute(select(*columns).where(runs.c.id == run_id)).mappings().one())


def settled(conn: Connection, run_id: str) -> Iterator[list[str | None]]:
    """[record id, moment, verdict, reason] of every article URL and requisite that a run settled with an exchange, in order.

    What an article becomes depends on the order in which its pages, and those with the same wording, were settled.
    """
    rows = conn.execute(
        select(captures.c.warc_record_id, outcomes.c.at, outcomes.c.verdict, outcomes.c.reason)
        .join(captures, captures.c.id == outcomes.c.capture_id)
        .where(outcomes.c.run_id == run_id, outcomes.c.kind.in_(_SETTLED))
        .order_by(outcomes.c.id)
        .execution_options(yield_per=1000)
    )
    return ([row.warc_record_id, row.at, row.verdict, row.reason] for row in rows)


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
