"""After every test: the collections that it left behind must add up. A pytest plugin.

A test that changes rows behind newswarc's back says so: `@pytest.mark.unbalanced("why")`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, select
from sqlalchemy.pool import NullPool

from storage.database.migrations import HEAD
from storage.database.schema import runs
from storage.runs import balance

MADE_BY_RUNS = ("crawl", "fetch")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "unbalanced(why): the test changes rows behind newswarc's back")


@pytest.fixture(autouse=True)
def _balanced(request: pytest.FixtureRequest) -> Iterator[None]:
    folder: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None and request.node.get_closest_marker("unbalanced") is None:
        for file in sorted(folder.glob("**/newswarc.toml")):
            if (database := file.with_name("news.db")).exists():
                assert imbalances(database) == []


def imbalances(database: Path) -> list[str]:
    """What does not add up in a collection's database: in its states, in any of its runs, in any of its rows."""
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(f"file:{database}?mode=ro", uri=True), poolclass=NullPool)
    try:
        with engine.connect() as conn:
            return _imbalances(conn) if _is_current(conn) else []
    finally:
        engine.dispose()


def _is_current(conn: Connection) -> bool:
    return "urls" in inspect(conn).get_table_names() and conn.exec_driver_sql(
        "SELECT version_num FROM newswarc_version"
    ).scalar_one_or_none() == HEAD


def _imbalances(conn: Connection) -> list[str]:
    found = balance.faults_of_states(conn, balance.states(conn))
    found += [" ".join(stray) for stray in balance.strays(conn)]
    for run in conn.execute(select(runs)):
        told = run.ledger or {}
        found += told.get("faults", [])
        found += balance.ledger(conn, run.id).faults if run.command in MADE_BY_RUNS else []
        counted = sum(told.get("articles", {}).values()) + told.get("pending", 0)
        if told.get("considered") and sum(told["considered"].values()) != counted:
            found.append(f"run {run.id} considered {told['considered']} and tells of {counted}")
    return found
