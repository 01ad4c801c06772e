"""A consistent copy of a database in one SQLite file, taken while a crawl runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from storage.database import dialects
from storage.database.engine import open_database, reading, transaction
from storage.database.schema import facts, metadata
from storage.errors import DiskError

_ROWS = 1_000  # copied at once


def snapshot(engine: Engine, target: Path) -> None:
    """Write all tables and views, as they are at this moment, to a new SQLite file `target`.

    A reader of it holds up nobody. Raises DiskError and DatabaseError.
    """
    try:
        if not dialects.of(engine).backup(engine, target):
            _copy(engine, target)
    except sqlite3.Error as error:
        raise DiskError(f"{target}: cannot be written: {error}; check its disk") from error


def _copy(engine: Engine, target: Path) -> None:
    copy = open_database(f"sqlite:///{target}")
    try:
        with reading(engine) as source, transaction(copy) as conn:
            _copy_tables(source, conn)
    finally:
        copy.dispose()
    with closing(sqlite3.connect(target)) as raw:
        dialects.leave_wal(raw)


def _copy_tables(source: Connection, conn: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        if table is not facts:  # which say what the file's own views are
            conn.execute(table.delete())
    for table in metadata.sorted_tables:
        if table is facts:
            continue
        with source.execution_options(yield_per=_ROWS).execute(select(table)) as rows:
            for page in rows.mappings().partitions():
                conn.execute(table.insert(), [dict(row) for row in page])
