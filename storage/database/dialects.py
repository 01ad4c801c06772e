"""Every difference between SQLite and PostgreSQL. No other file asks which of the two it talks to."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    Engine,
    Insert,
    Integer,
    Select,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from storage.errors import (
    ConfigError,
    DatabaseError,
    DiskError,
    NewswarcError,
    TemporaryDatabaseError,
    UnreachableDatabaseError,
)

MIGRATION_LOCK = 0x6E657773  # PostgreSQL advisory lock: one process changes the schema at a time
WRITER_LOCK = 0x6E777772  # with the schema's name: one process writes rows at a time, as on SQLite
SQLITE_CACHE_KIB = 32 * 1024  # a connection; keeps the frontier's indexes of some million URLs warm
SQLITE_WAL_BYTES = 64 * 1024 * 1024  # the write-ahead log is cut back to this after each checkpoint
READING = "newswarc_reading"

# ---- columns

# SQLite numbers rows by itself only for a column declared INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")

# PostgreSQL would sort by its locale: slower, and another order than SQLite's.
SortedText = Text().with_variant(Text(collation="C"), "postgresql")


def rows_where(condition: str, sqlite_condition: str | None = None) -> dict[str, Any]:
    """Keyword arguments that make an Index cover only some rows.

    SQLite uses such an index only for queries with the very words of the condition; SQLAlchemy writes `flag = 1` there.
    """
    return {"postgresql_where": text(condition), "sqlite_where": text(sqlite_condition or condition)}


# A B-tree of PostgreSQL refuses values above 2,704 bytes; where only `=` is asked, a hash index takes any length.
ONLY_EQUALITY: dict[str, Any] = {"postgresql_using": "hash"}

S = TypeVar("S", bound=Select[Any])

# ---- statements


def insert_ignore(conn: Connection, table: Table, keys: Sequence[str]) -> Insert:
    """INSERT that skips rows whose `keys` are already there."""
    return _insert_ignore(conn.dialect.name, table, tuple(keys))


@cache
def _insert_ignore(dialect: str, table: Table, keys: tuple[str, ...]) -> Insert:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing(index_elements=list(keys))


def skip_locked(query: S) -> S:
    """The rows that no other transaction holds, locked. SQLite, with one writer at a time, needs and writes nothing."""
    return query.with_for_update(skip_locked=True)


# ---- faults


@dataclass(frozen=True, slots=True)
class Fault:
    """What a database's error means to a user: `{place} {what}`."""

    kind: type[NewswarcError]
    what: str


_SQLITE_BUSY = Fault(TemporaryDatabaseError, "is locked by another process; wait for it to end, then try again")
_SQLITE_FAULTS = {
    "SQLITE_BUSY": _SQLITE_BUSY,
    "SQLITE_LOCKED": _SQLITE_BUSY,
    "SQLITE_PROTOCOL": _SQLITE_BUSY,
    "SQLITE_FULL": Fault(DiskError, "cannot grow: no space left on its disk; free some, then run again"),
    "SQLITE_IOERR": Fault(DiskError, "cannot be read or written: {detail}; check the disk it lies on"),
    "SQLITE_NOTADB": Fault(DatabaseError, "is not a SQLite database; restore it from a copy or move it away"),
    "SQLITE_CORRUPT": Fault(DatabaseError, "is damaged ({detail}); restore it from a copy or move it away"),
    "SQLITE_READONLY": Fault(DatabaseError, "cannot be written; check the permissions of the file and of its folder"),
    "SQLITE_PERM": Fault(DatabaseError, "may not be opened; check the permissions of the file and of its folder"),
    "SQLITE_CANTOPEN": Fault(DatabaseError, "cannot be opened; check that it exists and its folder's permissions"),
}

_UNMADE = ("connection failed", "failed to resolve", "connection timeout")  # psycopg, when no connection came about
_POSTGRES_LOST = Fault(TemporaryDatabaseError, "ended the connection ({detail}); check the server, then run again")
_POSTGRES_BUSY = Fault(TemporaryDatabaseError, "is locked by another session ({detail}); try again")
_POSTGRES_FAULTS = {  # by SQLSTATE or its class
    "08": _POSTGRES_LOST,
    "57P": _POSTGRES_LOST,
    "40001": _POSTGRES_BUSY,
    "40P01": _POSTGRES_BUSY,
    "55P03": _POSTGRES_BUSY,
    "57014": Fault(TemporaryDatabaseError, "gave up a query ({detail}); try again"),
    "53300": Fault(TemporaryDatabaseError, "has too many connections; try again or raise max_connections"),
    "53100": Fault(DiskError, "cannot grow: no space left on the server's disk; free some, then run again"),
    "53": Fault(DatabaseError, "is out of resources ({detail}); look after the server"),
    "58": Fault(DiskError, "has trouble with its disk ({detail}); check the server"),
    "28": Fault(DatabaseError, "refuses this user or password ({detail}); check [database] url and pg_hba.conf"),
    "3D000": Fault(DatabaseError, "does not exist; make it with createdb or correct [database] url"),
    "3F000": Fault(DatabaseError, "has no schema to create tables in; check the user's search_path"),
    "42501": Fault(DatabaseError, "denies this user a permission ({detail}); GRANT it"),
    "25006": Fault(DatabaseError, "can only be read (a standby, perhaps); use the primary server"),
    "2BP01": Fault(
        DatabaseError, "has views of yours built on ours ({detail}); drop them, run again, create them again"
    ),
    "XX": Fault(DatabaseError, "is damaged or broken inside ({detail}); check the server's log"),
}

# ---- the two


class Sqlite:
    """SQLite: a file in WAL mode, one writer at a time."""

    position = "x.key + 1"  # of a member of an unnested list, counted from 1
    size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"  # bytes

    def place(self, url: URL) -> str:
        """The database as named in messages."""
        return f"database {url.database}"

    def engine(self, url: URL, *, create: bool, read_only: bool, timeout: float) -> Engine:
        """An engine whose transactions are correct; `timeout` (s) is how long to wait for the write lock."""
        path = Path(url.database or "")
        options = {READING: True} if read_only else {}

        def connect() -> sqlite3.Connection:
            return _sqlite_reader(path, timeout) if read_only else _sqlite_writer(path, create, timeout)

        engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect, execution_options=options)
        event.listen(engine, "begin", _sqlite_begin)
        return engine

    def read_options(self) -> dict[str, Any]:
        """Execution options of a connection that reads one consistent state."""
        return {READING: True}

    def fault(self, error: DBAPIError, url: URL) -> Fault | None:
        """The meaning of an error that is not a bug of ours, else None."""
        name = getattr(error.orig, "sqlite_errorname", None) or ""
        found = next((fault for prefix, fault in _SQLITE_FAULTS.items() if name.startswith(prefix)), None)
        if name.startswith("SQLITE_CANTOPEN"):
            return _missing(Path(url.database or "")) or found
        return found and Fault(found.kind, found.what.format(detail=f"{error.orig}, {name}"))

    @contextmanager
    def migrating(self, engine: Engine) -> Iterator[Connection]:
        """A connection in a transaction that may change the schema, alone.

        Tables are rebuilt by copying: with foreign keys on, dropping the old one would touch the rows that point to it.
        """
        with engine.connect() as conn:
            raw: Any = conn.connection.driver_connection
            raw.execute("PRAGMA foreign_keys=OFF")
            try:
                with conn.begin():
                    yield conn
                    _check_foreign_keys(conn)
            finally:
                raw.execute("PRAGMA foreign_keys=ON")

    def foreign(self, tables: set[str], ours: set[str]) -> set[str]:
        """Of `tables`, those that forbid making a collection beside them: a file is for one program."""
        return tables

    def queue_writers(self, conn: Connection) -> None:
        """Its transactions hold the write lock from the start."""

    def backup(self, engine: Engine, target: Path) -> bool:
        """Write one consistent state of the database into a new file, while others write. Always true."""
        with engine.connect() as conn, closing(sqlite3.connect(target)) as copy:
            raw: Any = conn.connection.driver_connection
            raw.backup(copy)  # in one step: with pauses a writer would make it begin anew
            leave_wal(copy)
        return True

    def check_log(self, engine: Engine, limit: int) -> None:
        """Cut the write-ahead log back once it is longer than `limit` bytes; TemporaryDatabaseError while a reader stays."""
        log = Path(f"{engine.url.database}-wal")
        if not log.exists() or log.stat().st_size <= limit:
            return
        with engine.connect() as conn:
            raw: Any = conn.connection.driver_connection
            busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            size = f"{log.stat().st_size / 1e6:,.0f} MB"
            what = f"is kept open by a reader, and its log has grown to {size}; end it, and read `newswarc snapshot` instead"
            raise TemporaryDatabaseError(f"{self.place(engine.url)} {what}")

    def log_bytes(self, engine: Engine) -> int:
        """The size of the write-ahead log."""
        log = Path(f"{engine.url.database}-wal")
        return log.stat().st_size if log.exists() else 0

    def quick_check(self, engine: Engine, seconds: float) -> str | None:
        """The first fault that `PRAGMA quick_check` finds, "" for none; None when it took longer than it may."""
        until = time.monotonic() + seconds
        with engine.connect() as conn:
            raw: Any = conn.connection.driver_connection
            raw.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            try:
                found = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                    return None
                found = str(error)
            finally:
                raw.set_progress_handler(None, 0)
        return "" if found == "ok" else " ".join(str(found).split())

    def unnest(self, column: str) -> str:
        """FROM fragment: the members of a JSON list as `x.value` (see also `position`)."""
        return f"json_each({column}) AS x"

    def unnest_object(self, column: str) -> str:
        """FROM fragment: the members of a JSON object of texts as `x.key` and `x.value`."""
        return f"json_each({column}) AS x"

    def count_in(self, column: str, *path: str) -> str:
        """The integer at a path of a JSON object, NULL where there is none."""
        keys = ".".join(f'"{key}"' for key in path)
        return f"CAST(json_extract({column}, '$.{keys}') AS INTEGER)"

    def comment(self, conn: Connection, view: str, description: str, columns: dict[str, str]) -> None:
        """SQLite keeps no comments."""


class Postgres:
    """PostgreSQL through psycopg 3."""

    position = "x.position"
    size = "SELECT pg_database_size(current_database())"

    def place(self, url: URL) -> str:
        """The database as named in messages: never with user or password."""
        host = url.host or str(url.query.get("host", "localhost"))
        port = f":{url.port}" if url.port else ""
        return f"database postgresql://{host}{port}/{url.database or ''}"

    def engine(self, url: URL, *, create: bool, read_only: bool, timeout: float) -> Engine:
        """An engine; `timeout` (s) is how long to wait for locks. The server's owner makes databases, not we."""
        settings = f"-c timezone=UTC -c lock_timeout={int(timeout * 1000)}"
        own = url.query.get("options", "")
        arguments = {
            "connect_timeout": 10,
            "client_encoding": "utf8",
            "options": f"{own if isinstance(own, str) else ' '.join(own)} {settings}",
        }
        if "application_name" not in url.query:
            arguments["application_name"] = "newswarc"
        url = url.set(drivername="postgresql+psycopg").difference_update_query(["options"])
        try:
            options = {"postgresql_readonly": True} if read_only else {}
            return create_engine(url, connect_args=arguments, pool_pre_ping=True, execution_options=options)
        except ImportError as error:
            raise ConfigError(f"{self.place(url)} needs psycopg; install newswarc[postgres]") from error

    def read_options(self) -> dict[str, Any]:
        """Execution options of a connection that reads one consistent state."""
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def fault(self, error: DBAPIError, url: URL) -> Fault | None:
        """The meaning of an error that is not a bug of ours, else None."""
        state = getattr(error.orig, "sqlstate", None) or ""
        found = next((fault for prefix, fault in _POSTGRES_FAULTS.items() if state.startswith(prefix)), None)
        if found is None and not state and type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout"):
            unmade = any(sign in str(error.orig) for sign in _UNMADE)
            found = _refused(str(error.orig)) if unmade else _POSTGRES_LOST
        return found and Fault(found.kind, found.what.format(detail=_one_line(str(error.orig), url)))

    @contextmanager
    def migrating(self, engine: Engine) -> Iterator[Connection]:
        """A connection in a transaction that may change the schema, alone."""
        with engine.begin() as conn:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            encoding = conn.execute(text("SHOW server_encoding")).scalar_one()
            if encoding != "UTF8":
                raise DatabaseError(
                    f"{self.place(engine.url)} has encoding {encoding}; make one with createdb -E UTF8 -T template0"
                )
            yield conn

    def foreign(self, tables: set[str], ours: set[str]) -> set[str]:
        """Other programs' tables are welcome, unless they have our names."""
        return tables & ours

    def check_log(self, engine: Engine, limit: int) -> None:
        """The server looks after its log."""

    def log_bytes(self, engine: Engine) -> int:
        """It is the server's."""
        return 0

    def quick_check(self, engine: Engine, seconds: float) -> str | None:
        """A server looks after its files itself: nothing is known to be wrong."""
        return ""

    def backup(self, engine: Engine, target: Path) -> bool:
        """A server's database is no file: false, and the rows have to be copied."""
        return False

    def queue_writers(self, conn: Connection) -> None:
        """Let the transaction wait until no other that asked for this is open, in this schema."""
        conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK}, hashtext(current_schema()))")

    def unnest(self, column: str) -> str:
        """FROM fragment: the members of a JSON list as `x.value` (see also `position`)."""
        return f"LATERAL json_array_elements_text({column}::json) WITH ORDINALITY AS x(value, position)"

    def unnest_object(self, column: str) -> str:
        """FROM fragment: the members of a JSON object of texts as `x.key` and `x.value`."""
        return f"LATERAL json_each_text({column}::json) AS x(key, value)"

    def count_in(self, column: str, *path: str) -> str:
        """The integer at a path of a JSON object, NULL where there is none."""
        return f"({column} #>> '{{{','.join(path)}}}')::integer"

    def comment(self, conn: Connection, view: str, description: str, columns: dict[str, str]) -> None:
        """Keep the descriptions beside the view, where psql and other tools show them."""
        remarks = [f"COMMENT ON VIEW {view} IS {_quoted(description)}"]
        remarks += [f"COMMENT ON COLUMN {view}.{name} IS {_quoted(said)}" for name, said in columns.items()]
        conn.exec_driver_sql("; ".join(remarks))


Dialect = Sqlite | Postgres

_DIALECTS: dict[str, Dialect] = {"sqlite": Sqlite(), "postgresql": Postgres()}


def of(bound: URL | Engine | Connection) -> Dialect:
    """The dialect of a URL, engine or connection. Raises ConfigError for any other database."""
    name = bound.get_backend_name() if isinstance(bound, URL) else bound.dialect.name
    if name not in _DIALECTS:
        raise ConfigError(f'[database] url: "{name}" is no database that newswarc knows; possible: postgresql, sqlite')
    return _DIALECTS[name]


def explained(context: Any, url: URL) -> NewswarcError | None:
    """The error of ours for what a driver raised (an sqlalchemy ExceptionContext); None leaves it as it is: a bug."""
    error = context.sqlalchemy_exception
    if isinstance(context.original_exception, NewswarcError):  # a signal that came in while a statement was being made up
        return context.original_exception
    if context.is_pre_ping or not isinstance(error, DBAPIError):
        return None
    dialect = of(url)
    fault = dialect.fault(error, url)
    return fault.kind(f"{dialect.place(url)} {fault.what}") if fault else None


# ---- SQLite's connections


def _sqlite_begin(conn: Connection) -> None:
    """Writers take the write lock at once: one that has read first cannot get it any more after another's commit."""
    conn.exec_driver_sql("BEGIN" if conn.get_execution_options().get(READING) else "BEGIN IMMEDIATE")


def _sqlite_connect(path: Path, mode: str, timeout: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{mode}"
    # isolation_level None: SQLAlchemy's begin event says BEGIN, not the driver, which would leave out reads and DDL.
    return sqlite3.connect(uri, uri=True, timeout=timeout, check_same_thread=False, isolation_level=None)


def _sqlite_writer(path: Path, create: bool, timeout: float) -> sqlite3.Connection:
    raw = _sqlite_connect(path, "mode=rwc" if create else "mode=rw", timeout)
    try:
        _switch_to_wal(raw, timeout)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            f"cache_size=-{SQLITE_CACHE_KIB}",
            f"journal_size_limit={SQLITE_WAL_BYTES}",
        ):
            raw.execute(f"PRAGMA {pragma}").fetchall()
    except sqlite3.Error:
        raw.close()
        raise
    return raw


def _switch_to_wal(raw: sqlite3.Connection, timeout: float) -> None:
    """WAL mode, which stays with the file. Where another process is switching too, SQLite fails without waiting."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def leave_wal(raw: sqlite3.Connection) -> None:
    """Make of a database one file that needs no others beside it, and can be read on a read-only disk."""
    raw.execute("PRAGMA journal_mode=DELETE").fetchall()


def _sqlite_reader(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection that cannot change the database.

    mode=ro would leave `-wal` and `-shm` files behind where the folder can be written; a writer's connection that only
    queries takes them away. On a read-only file system nobody writes, so that the file may be taken as it is.
    """
    if all(os.access(place, os.W_OK, effective_ids=True) for place in (path, path.absolute().parent)):
        raw = _sqlite_connect(path, "mode=rw", timeout)
    elif path.exists() and os.statvfs(path).f_flag & os.ST_RDONLY:
        raw = _sqlite_connect(path, "mode=ro&immutable=1", timeout)
    else:
        raw = _sqlite_connect(path, "mode=ro", timeout)
    raw.execute("PRAGMA query_only=ON")
    return raw


def _missing(path: Path) -> Fault | None:
    """Why a file cannot be opened, as far as looking tells."""
    if not path.absolute().parent.is_dir():
        return Fault(DatabaseError, "cannot be made: its folder does not exist; create it or correct [database] url")
    if path.is_dir():
        return Fault(DatabaseError, "is a folder, not a file; correct [database] url")
    if path.exists():
        return None
    if path.is_symlink():
        return Fault(DiskError, "is a link to what is not there; mount its disk or correct the link")
    if not os.access(path.absolute().parent, os.W_OK, effective_ids=True):
        return Fault(DatabaseError, "does not exist, and its folder may not be written; check the folder's permissions")
    return Fault(DatabaseError, "does not exist; a crawl makes it, or correct [database] url")


def _check_foreign_keys(conn: Connection) -> None:
    broken = conn.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise DatabaseError(
            f"{_DIALECTS['sqlite'].place(conn.engine.url)} is damaged: a row of {broken[0]} points nowhere"
        )


# ---- PostgreSQL's messages


def _refused(message: str) -> Fault:
    """There is no SQLSTATE when a connection does not come about; the server's own FATAL line says why."""
    for sign, state in (
        ("authentication failed", "28"),
        ("no password supplied", "28"),
        ("pg_hba.conf", "28"),
        ('role "', "28"),
        ("too many", "53300"),
        ('" does not exist', "3D000"),
    ):
        if sign in message:
            return _POSTGRES_FAULTS[state]
    return Fault(UnreachableDatabaseError, "cannot be reached ({detail}); check that the server runs and [database] url")


def _one_line(message: str, url: URL) -> str:
    line = next((part.strip() for part in message.splitlines() if part.strip()), "no reason given")
    for secret in filter(None, (url.password, url.query.get("password"))):
        line = line.replace(str(secret), "***")
    return line


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"
