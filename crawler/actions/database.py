"""The database of a collection, opened for reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crawler.collection import Collection
from storage.database import open_readonly, reading

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


@contextmanager
def engine_of(collection: Collection) -> Iterator[Engine]:
    """The database's engine. Raises DatabaseError, also when nothing was crawled yet."""
    engine = open_readonly(collection.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def opened(collection: Collection) -> Iterator[Connection]:
    """One consistent state of the database. Raises as `engine_of`."""
    with engine_of(collection) as engine, reading(engine) as conn:
        yield conn
