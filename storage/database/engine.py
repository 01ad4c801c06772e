"""Opening a database and bringing it to the newest schema; transactions; the count of changes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, column, event, inspect, make_url, select, table, text, update
from sqlalchemy.exc import ArgumentError

from storage.database import dialects, views
from storage.database.migrations import HEAD, REVISIONS, VERSION_TABLE
from storage.database.schema import facts, metadata, sequences
from storage.errors import ConfigError, DatabaseError, TemporaryDatabaseError, UnreachableDatabaseError

T = TypeVar("T")

__all__ = [
    "Connection",
    "Engine",
    "TemporaryDatabaseError",
    "batch",
    "log_in_bounds",
    "next_seq",
    "open_database",
    "open_readonly",
    "patiently",
    "place",
    "reading",
    "transaction",
    "without_user",
]

LOCK_TIMEOUT = 30.0  # s
SHORT_TIMEOUT = 1.0  # s, for those who try again, and want to hear a signal meanwhile
MAX_LOG_BYTES = 1 << 30  # of SQLite's write-ahead log, which a reader that stays keeps from being cut back
CHANGED = "changed"  # the sequence behind changed_seq
_VIEWS = "views"  # the fact that holds the fingerprint of the views

_VERSION_KEY = f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num)"  # as Alembic itself makes it
_version = table(VERSION_TABLE, column("version_num"))
_FOLLOWING = (
    update(sequences).where(sequences.c.name == CHANGED).values(value=sequences.c.value + 1).returning(sequences.c.value)
)


def open_database(url: str, *, create: bool = True, timeout: float = LOCK_TIMEOUT) -> Engine:
    """An engine on a database with the newest schema, made when it is new (unless `create` is false).

    `timeout` (s) is how long a transaction waits for another's lock. Raises DatabaseError, DiskError or ConfigError (a
    URL of no use), each with one line that never shows a password. So do all later statements: a driver's error that is
    not a bug of ours is turned into one of ours where it happens.
    """
    engine = _engine(url, create=create, read_only=False, timeout=timeout)
    with _disposed_on_error(engine):
        with reading(engine) as conn:
            stored = _stored(conn)
        if not stored.is_current(engine):
            _bring_up_to_date(engine, create)
    return engine


def open_readonly(url: str, *, timeout: float = LOCK_TIMEOUT) -> Engine:
    """An engine that cannot change anything, on a database of this version's schema. Raises as `open_database`."""
    engine = _engine(url, create=False, read_only=True, timeout=timeout)
    with _disposed_on_error(engine):
        with reading(engine) as conn:
            stored = _stored(conn)
        _refuse_unknown(engine, stored)
        if stored.revision is None:
            raise DatabaseError(f"{place(engine)} holds no collection yet; crawl first, or correct [database] url")
        if not stored.is_current(engine):
            raise DatabaseError(f"{place(engine)} is of an older newswarc; the next crawl brings it up to date")
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A connection that may write: committed at the end, rolled back by an exception.

    On SQLite it holds the write lock from the start. Raises TemporaryDatabaseError (locked, disconnected), DiskError,
    DatabaseError.
    """
    with engine.begin() as conn:
        yield conn


@contextmanager
def batch(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes many rows, one at a time of all processes.

    Two batches that lock the same rows in another order would end each other. Raises as `transaction`.
    """
    with transaction(engine) as conn:
        dialects.of(engine).queue_writers(conn)
        yield conn


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one consistent state, however long it reads, and never waits for writers."""
    with engine.connect().execution_options(**dialects.of(engine).read_options()) as conn:
        yield conn


def patiently(attempt: Callable[[], T], seconds: float = LOCK_TIMEOUT) -> T:
    """What `attempt` returns, tried again as long as the database is locked, for some seconds; then its error.

    For a connection with a SHORT_TIMEOUT, so that signals are heard between two attempts. A server that cannot be reached is
    not waited for before there is anything to lose: its address may be wrong.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except UnreachableDatabaseError:
            raise
        except TemporaryDatabaseError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


def log_in_bounds(engine: Engine, limit: int) -> None:
    """Raises TemporaryDatabaseError while the database's log is longer than `limit` bytes, because a reader stays."""
    dialects.of(engine).check_log(engine, limit)


def next_seq(conn: Connection) -> int:
    """The next number of a visible change.

    The row stays locked until the transaction ends, so that numbers become visible in their order, none missing below.
    """
    return int(conn.execute(_FOLLOWING).scalar_one())


def place(bound: Engine | Connection) -> str:
    """The database as it is named in messages, without password."""
    engine = bound if isinstance(bound, Engine) else bound.engine
    return dialects.of(engine).place(engine.url)


def without_user(url: str) -> str:
    """A database URL that may be shown to anybody: nobody's name or password, and no options, which may hold them too."""
    parts = _url(url)
    if parts.get_backend_name() == "sqlite":
        return url
    shown = URL.create(parts.drivername, host=parts.host, port=parts.port, database=parts.database)
    return shown.render_as_string()


def _engine(text_: str, *, create: bool, read_only: bool, timeout: float) -> Engine:
    url = _url(text_)
    engine = dialects.of(url).engine(url, create=create, read_only=read_only, timeout=timeout)

    @event.listens_for(engine, "handle_error")
    def explain(context: Any) -> None:
        if (error := dialects.explained(context, url)) is not None:
            raise error from context.original_exception

    return engine


def _url(text_: str) -> URL:
    try:
        url = make_url(re.sub("^postgres:", "postgresql:", text_))
    except (ArgumentError, ValueError):
        raise ConfigError('[database] url must be "sqlite:///news.db" or "postgresql://user@host/database"') from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigError('[database] url needs a file after three slashes, "sqlite:///news.db"')
    return url


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a database says of itself: revision (None: no tables of ours), fingerprint of its views."""

    revision: str | None
    views: str | None = None

    def is_current(self, engine: Engine) -> bool:
        return self.revision == HEAD and self.views == views.fingerprint(dialects.of(engine))


def _stored(conn: Connection) -> _Stored:
    if not inspect(conn).has_table(VERSION_TABLE):
        return _Stored(None)
    revision = conn.execute(select(_version.c.version_num)).scalar_one_or_none()
    if revision not in REVISIONS:
        return _Stored(revision)
    return _Stored(revision, conn.execute(select(facts.c.value).where(facts.c.name == _VIEWS)).scalar_one_or_none())


def _refuse_unknown(engine: Engine, stored: _Stored) -> None:
    if stored.revision is not None and stored.revision not in REVISIONS:
        schemas = f"schema {stored.revision}, here {HEAD}"
        raise DatabaseError(f"{place(engine)} is of a newer newswarc ({schemas}); install the newest newswarc")


def _bring_up_to_date(engine: Engine, create: bool) -> None:
    """Tables to the newest revision and views made anew, in one transaction."""
    with dialects.of(engine).migrating(engine) as conn:
        stored = _stored(conn)  # again: another process may have been faster
        if stored.is_current(engine):
            return
        _refuse_unknown(engine, stored)
        views.drop_all(conn)
        if stored.revision is None:
            _refuse_foreign(conn, create)
            _make(conn)
        elif stored.revision != HEAD:
            _migrate(conn)
        views.create_all(conn)
        _note_views(conn)


def _refuse_foreign(conn: Connection, create: bool) -> None:
    if not create:
        raise DatabaseError(f"{place(conn)} holds no collection yet; crawl first, or correct [database] url")
    foreign = dialects.of(conn).foreign(set(inspect(conn).get_table_names()), set(metadata.tables))
    if foreign:
        raise DatabaseError(f"{place(conn)} has tables of something else ({min(foreign)}); use a database of its own")


def _make(conn: Connection) -> None:
    """The newest tables at once: loading Alembic takes longer than all the rest."""
    metadata.create_all(conn, checkfirst=False)
    conn.execute(sequences.insert().values(name=CHANGED, value=0))
    conn.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, {_VERSION_KEY})"))
    conn.execute(_version.insert().values(version_num=HEAD))


def _migrate(conn: Connection) -> None:
    from storage.database.migrations.upgrade import upgrade  # Alembic takes 0.2 s to load, and is seldom needed

    upgrade(conn)


def _note_views(conn: Connection) -> None:
    conn.execute(facts.delete().where(facts.c.name == _VIEWS))
    conn.execute(facts.insert().values(name=_VIEWS, value=views.fingerprint(dialects.of(conn))))
