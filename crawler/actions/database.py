"""The database of a collection, opened for reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crawler.config.collection import Collection
from storage.database.engine import Connection, open_readonly, reading


@contextmanager
def opened(collection: Collection) -> Iterator[Connection]:
    """One consistent state of the database. Raises DatabaseError, also when nothing was crawled yet."""
    engine = open_readonly(collection.database_url)
    try:
        with reading(engine) as conn:
            yield conn
    finally:
        engine.dispose()
