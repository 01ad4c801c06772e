"""The scribe: order, durability before the answer, and what a failure takes with it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select, text

from storage.database import transaction
from storage.errors import DiskError
from storage.schema import facts
from storage.scribe import Scribe


def put(conn: Connection, name: str) -> None:
    conn.execute(facts.insert().values(name=name, value=name))


def names(engine: Engine) -> set[str]:
    with transaction(engine) as conn:
        return {row.name for row in conn.execute(select(facts.c.name)) if row.name != "views"}


def test_the_archive_is_synced_before_the_rows_are_committed(database: Engine) -> None:
    """At the moment of the sync no other connection sees the rows of the batch."""
    seen: list[set[str]] = []
    scribe = Scribe(database, lambda: seen.append({"synced"}))
    scribe.submit(lambda conn: put(conn, "a")).result(10)
    scribe.close()
    assert seen == [{"synced"}]
    assert names(database) == {"a"}


def test_a_job_that_raises_fails_alone(database: Engine) -> None:
    """Jobs of the same batch are kept, and what the failing one had written is undone."""
    go = threading.Event()
    scribe = Scribe(database, lambda: None)
    scribe.submit(lambda _: go.wait(10))

    def broken(conn: Connection) -> None:
        put(conn, "half")
        raise ValueError("a bug")

    before, bad, after = (scribe.submit(job) for job in (lambda c: put(c, "a"), broken, lambda c: put(c, "b")))
    go.set()
    with pytest.raises(ValueError, match="a bug"):
        bad.result(10)
    before.result(10)
    after.result(10)
    scribe.close()
    assert names(database) == {"a", "b"}


def test_nothing_is_committed_when_the_archive_cannot_be_synced(database: Engine) -> None:
    """A failing sync fails its batch and all later jobs: no row without its record."""

    def full() -> None:
        raise DiskError("no space left")

    scribe = Scribe(database, full)
    with pytest.raises(DiskError):
        scribe.submit(lambda conn: put(conn, "a")).result(10)
    with pytest.raises(DiskError):
        scribe.submit(lambda conn: put(conn, "b")).result(10)
    scribe.close()
    assert isinstance(scribe.failure, DiskError)
    assert names(database) == set()


def test_jobs_run_in_the_order_they_came(database: Engine) -> None:
    """A later job sees what an earlier one wrote, also within a batch."""
    scribe = Scribe(database, lambda: None)
    for n in range(120):
        scribe.submit(lambda conn, n=n: put(conn, f"{n:03}"))
    count = scribe.submit(
        lambda conn: conn.execute(text("SELECT count(*) FROM facts WHERE name <> 'views'")).scalar_one()
    )
    assert count.result(10) == 120
    scribe.close()


def test_close_finishes_what_is_queued(database: Engine, tmp_path: Path) -> None:
    """Nothing that was handed in before `close` is lost."""
    scribe = Scribe(database, lambda: None)
    for n in range(300):
        scribe.submit(lambda conn, n=n: put(conn, str(n)))
    scribe.close()
    assert len(names(database)) == 300
