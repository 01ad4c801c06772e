"""What monitoring asks of the database when a run has ended: read only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select, text

from storage.database import dialects
from storage.database.schema import captures, outcomes, runs, sources, urls, warc_files
from storage.records import FileState, Kind, Ledger, Verdict
from storage.runs import rows as accounts


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of a run, all empty when it never began, and of its collection. Sizes in bytes."""

    ledger: Ledger = field(default_factory=Ledger)
    exchanges: Mapping[str, int] = field(default_factory=dict)  # `2xx`, ..., `none` without an answer
    archived_bytes: int = 0  # of the records of its exchanges
    good: frozenset[str] = frozenset()  # names of sources that gave something
    added: Mapping[str, int] = field(default_factory=dict)  # source -> articles
    troubles: Mapping[str, int] = field(default_factory=dict)  # trouble -> sources
    warc_bytes: int = 0
    database_bytes: int = 0
    oldest_due: str | None = None


def measure(conn: Connection, run_id: str) -> Measured:
    """The figures of a run and of its collection as they are now."""
    exchanges, archived = _exchanges(conn, run_id)
    told = conn.execute(select(runs.c.ledger).where(runs.c.id == run_id)).scalar_one_or_none()
    results = accounts.source_results(conn, run_id, seeds_only=True)
    return Measured(
        ledger=Ledger(**{name: told[name] for name in ("articles", "others", "pending")}) if told else Ledger(),
        exchanges=exchanges,
        archived_bytes=archived,
        good=frozenset(name for name, good in results.items() if good),
        added=_added(conn, run_id),
        troubles=_troubles(conn),
        warc_bytes=_warc_bytes(conn),
        database_bytes=int(conn.execute(text(dialects.of(conn).size)).scalar_one()),
        oldest_due=conn.execute(_OLDEST_DUE).scalar_one(),
    )


_OLDEST_DUE = select(func.min(urls.c.next_fetch_at)).where(urls.c.next_fetch_at.is_not(None), urls.c.lease_run.is_(None))


def _exchanges(conn: Connection, run_id: str) -> tuple[dict[str, int], int]:
    rows = conn.execute(
        select(captures.c.http_status, func.count(), func.sum(captures.c.warc_length))
        .where(captures.c.run_id == run_id)
        .group_by(captures.c.http_status)
    ).all()
    classes: dict[str, int] = {}
    for status, count, _ in rows:
        name = f"{status // 100}xx" if status and 100 <= status < 600 else "none"
        classes[name] = classes.get(name, 0) + count
    return classes, sum(int(size or 0) for _, _, size in rows)


def _added(conn: Connection, run_id: str) -> dict[str, int]:
    rows = conn.execute(
        select(sources.c.name, func.count())
        .join(urls, urls.c.source_id == sources.c.id)
        .join(outcomes, outcomes.c.url_id == urls.c.id)
        .where(outcomes.c.run_id == run_id, outcomes.c.kind == str(Kind.ARTICLE), outcomes.c.verdict == str(Verdict.ADDED))
        .group_by(sources.c.name)
    )
    return dict(rows.all())


def _troubles(conn: Connection) -> dict[str, int]:
    rows = conn.execute(
        select(sources.c.trouble, func.count()).where(sources.c.trouble.is_not(None)).group_by(sources.c.trouble)
    )
    return dict(rows.all())


def _warc_bytes(conn: Connection) -> int:
    here = select(func.coalesce(func.sum(warc_files.c.size), 0)).where(warc_files.c.state == str(FileState.HERE))
    return int(conn.execute(here).scalar_one())
