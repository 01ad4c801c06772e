"""How a database does, for `doctor`."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from storage.archive.captures import capture_of
from storage.database import dialects
from storage.database.schema import captures, facts, robots, runs, urls, warc_files
from storage.records import Capture
from storage.times import later, parse

_PROBE = "doctor"  # a fact that is never committed


@dataclass(frozen=True, slots=True)
class Growth:
    """What was archived in some days: bytes of closed files, and how many days that are."""

    size: int
    days: float


def sqlite_version() -> str:
    """The version of the SQLite that Python brings."""
    return sqlite3.sqlite_version


def damage(engine: Engine, seconds: float) -> str | None:
    """What the database's own quick check finds, looking no longer than some seconds; "" nothing, None not all was read."""
    return dialects.of(engine).quick_check(engine, seconds)


def probe_writing(engine: Engine) -> None:
    """Write a row, and take it back. Raises what a write of a run would: TemporaryDatabaseError, DiskError, DatabaseError."""
    with engine.connect() as conn:
        begun = conn.begin()
        conn.execute(facts.insert().values(name=_PROBE, value=""))
        begun.rollback()


def log_bytes(engine: Engine) -> int:
    """The size of the database's write-ahead log, where that is a file of ours."""
    return dialects.of(engine).log_bytes(engine)


def newest_run(conn: Connection) -> tuple[str | None, str | None]:
    """When the newest run began, and when one ended last."""
    began, ended = conn.execute(select(func.max(runs.c.started_at), func.max(runs.c.ended_at))).one()
    return began, ended


def growth(conn: Connection, now: str, days: int) -> Growth:
    """What was archived in the last days."""
    since = later(now, -days * 86_400)
    query = select(func.coalesce(func.sum(warc_files.c.size), 0)).where(warc_files.c.closed_at >= since)
    first = conn.execute(select(func.min(warc_files.c.opened_at))).scalar_one()
    return Growth(int(conn.execute(query).scalar_one()), days if first is None or first <= since else _days(first, now))


def _days(first: str, now: str) -> float:
    return max((parse(now) - parse(first)).total_seconds() / 86_400, 0.0)


def leftovers(conn: Connection) -> tuple[int, int]:
    """(captures whose page is not settled, URLs in hand of a run)."""
    pending = select(func.count()).select_from(captures).where(captures.c.pending)
    leased = select(func.count()).select_from(urls).where(urls.c.lease_run.is_not(None))
    return conn.execute(pending).scalar_one(), conn.execute(leased).scalar_one()


def robots_rows(conn: Connection) -> dict[str, dict[str, Any]]:
    """Origin -> its robots.txt as it is remembered."""
    return {row["origin"]: dict(row) for row in conn.execute(select(robots)).mappings()}


def newest_answers(conn: Connection, limit: int) -> list[Capture]:
    """The newest captures with an answer in files that are here."""
    query = (
        select(captures, warc_files.c.name.label("file"))
        .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .where(captures.c.http_status.is_not(None), warc_files.c.state == "here", captures.c.record_type == "response")
        .order_by(captures.c.id.desc())
        .limit(limit)
    )
    return [capture_of(row) for row in conn.execute(query).mappings()]
