"""A copy for analysts: one consistent state, in one file that needs no others, of either kind of database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from storage.database.engine import open_readonly, reading, transaction
from storage.database.schema import facts, metadata
from storage.database.snapshot import snapshot
from storage.errors import DatabaseError, DiskError
from tests.archives import Archive


def rows_of(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query on a file, opened as on a disk that is read-only."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as conn:
        return conn.execute(query).fetchall()


def test_every_row_of_every_table_is_there(full: Archive, tmp_path: Path) -> None:
    """Tables and views say the same as where they were copied from."""
    target = tmp_path / "copy.db"
    snapshot(full.engine, target)
    for table in metadata.sorted_tables:
        if table is not facts:
            count = full.one(f"SELECT count(*) FROM {table.name}")
            assert rows_of(target, f"SELECT count(*) FROM {table.name}") == [(count,)]
    query = "SELECT uid, title, text, authors, changed_seq, warc_record_id FROM v_articles ORDER BY uid"
    assert rows_of(target, query) == full.rows(query)
    open_readonly(f"sqlite:///{target}").dispose()
    assert not Path(f"{target}-wal").exists()


def test_it_is_one_state_while_others_write(database: Engine, tmp_path: Path) -> None:
    """A transaction that is open at the time is not in it, and neither waits for the other."""
    with transaction(database) as conn:
        conn.execute(text("INSERT INTO hosts (host) VALUES ('half.test')"))
        snapshot(database, tmp_path / "copy.db")
    snapshot(database, tmp_path / "later.db")
    assert rows_of(tmp_path / "copy.db", "SELECT host FROM hosts") == []
    assert rows_of(tmp_path / "later.db", "SELECT host FROM hosts") == [("half.test",)]
    with reading(database) as conn:
        assert conn.execute(text("SELECT count(*) FROM hosts")).scalar_one() == 1


def test_a_file_that_cannot_be_written_is_a_matter_of_the_disk(database: Engine, tmp_path: Path) -> None:
    """One line that names it."""
    with pytest.raises((DiskError, DatabaseError), match=r"none/copy\.db"):
        snapshot(database, tmp_path / "none" / "copy.db")
