"""Opening, migrating, transactions and the errors that users see."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Engine,
    String,
    TypeDecorator,
    bindparam,
    create_engine,
    func,
    insert,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from storage.database import dialects, schema, views
from storage.database import engine as opening
from storage.database.engine import TemporaryDatabaseError, next_seq, open_database, open_readonly, reading, transaction
from storage.database.migrations import HEAD, REVISIONS, VERSION_TABLE, upgrade
from storage.errors import ConfigError, DatabaseError, DiskError, StoppedError
from tests.databases import T0, a_capture, a_source, a_url, a_version, an_article

OURS = set(schema.metadata.tables) | {VERSION_TABLE}


def path_of(url: str) -> Path:
    """The file of a SQLite URL."""
    return Path(str(make_url(url).database))


# ---- opening


def test_a_fresh_database_has_all_tables_and_views(database: Engine) -> None:
    """Opening an empty place makes everything."""
    with reading(database) as conn:
        assert set(inspect(conn).get_table_names()) == OURS
        assert set(inspect(conn).get_view_names()) == {view.name for view in views.VIEWS}


def test_opening_again_changes_nothing(database: Engine, database_url: str) -> None:
    """A second opening finds the rows of the first."""
    with transaction(database) as conn:
        uid = an_article(conn, "https://gazette.test/a")
    again = open_database(database_url)
    with reading(again) as conn:
        assert conn.execute(text("SELECT uid FROM v_articles")).scalars().all() == [uid]
    again.dispose()


def test_sqlite_is_durable_and_checked(sqlite_url: str) -> None:
    """Every connection has WAL, synchronous FULL and foreign keys."""
    engine = open_database(sqlite_url, timeout=7)
    with reading(engine) as conn:
        said = {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS}
    engine.dispose()
    assert said == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 7000}


def test_opening_a_current_database_does_not_load_alembic(sqlite_url: str) -> None:
    """Alembic, slow to load, is left alone unless there is something to migrate."""
    script = (
        "import sys; from storage.database.engine import open_database\n"
        f"for _ in range(2): open_database({sqlite_url!r}).dispose()\n"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_processes_that_open_at_once_make_one_database(database_url: str) -> None:
    """Four processes race for a fresh database; each finds it complete."""
    script = (
        "import sys; from storage.database.engine import open_database, transaction, next_seq\n"
        "sys.stdin.read(1)\n"
        f"engine = open_database({database_url!r})\n"
        "with transaction(engine) as conn: print(next_seq(conn))"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([sys.executable, "-c", script], **pipes) for _ in range(4)]
    for racer in racers:
        racer.stdin.write("!")
        racer.stdin.flush()
    assert sorted(int(racer.communicate()[0]) for racer in racers) == list(range(1, 5))


def test_create_false_makes_no_file(sqlite_url: str) -> None:
    """Without leave to create, a missing file stays missing and is named."""
    for opened in (lambda: open_database(sqlite_url, create=False), lambda: open_readonly(sqlite_url)):
        with pytest.raises(DatabaseError, match=r"news\.db does not exist"):
            opened()
    assert not list(path_of(sqlite_url).parent.iterdir())


def test_an_empty_place_is_no_collection(database_url: str) -> None:
    """A database without our tables is not read, and without leave not filled."""
    if database_url.startswith("sqlite"):
        path_of(database_url).touch()
    for opened in (lambda: open_database(database_url, create=False), lambda: open_readonly(database_url)):
        with pytest.raises(DatabaseError, match="holds no collection yet"):
            opened()


def test_a_read_only_engine_changes_nothing_and_leaves_no_files(database: Engine, database_url: str) -> None:
    """Reading leaves the folder as it was, and writing is refused."""
    database.dispose()
    engine = open_readonly(database_url)
    with reading(engine) as conn:
        assert conn.execute(text("SELECT count(*) FROM v_urls")).scalar_one() == 0
    with pytest.raises(DatabaseError), engine.begin() as conn:
        a_source(conn)
    engine.dispose()
    if database_url.startswith("sqlite"):
        assert [file.name for file in path_of(database_url).parent.iterdir()] == ["news.db"]


def test_reading_goes_on_beside_a_writer(database: Engine, database_url: str) -> None:
    """An open writing transaction neither blocks a reader nor shows it half of its work."""
    reader = open_readonly(database_url, timeout=0.1)
    with transaction(database) as conn:
        a_source(conn)
        with reading(reader) as other:
            assert other.execute(select(func.count()).select_from(schema.sources)).scalar_one() == 0
    reader.dispose()


def test_a_reading_sees_one_state(database: Engine) -> None:
    """What others commit meanwhile stays invisible until the next reading."""
    count = select(func.count()).select_from(schema.sources)
    with reading(database) as conn:
        before = conn.execute(count).scalar_one()
        with transaction(database) as other:
            a_source(other)
        assert conn.execute(count).scalar_one() == before == 0
    with reading(database) as conn:
        assert conn.execute(count).scalar_one() == 1


# ---- schema


def test_head_is_the_last_revision() -> None:
    """The names that spare us loading Alembic are those that Alembic finds."""
    script = ScriptDirectory.from_config(upgrade.config_for(None))
    assert script.get_heads() == [HEAD]
    assert tuple(reversed([revision.revision for revision in script.walk_revisions()])) == REVISIONS


def test_migrations_lead_to_the_tables_of_the_schema(database: Engine) -> None:
    """A database that was migrated from nothing is the same as one that was made at once."""
    made_at_once = _shape(database)
    with transaction(database) as conn:
        views.drop_all(conn)
        schema.metadata.drop_all(conn)
        conn.execute(text(f"DROP TABLE {VERSION_TABLE}"))
        upgrade.upgrade(conn)
        context = MigrationContext.configure(
            conn, opts={"version_table": VERSION_TABLE, "compare_server_default": True}
        )
        assert compare_metadata(context, schema.metadata) == []
    assert _shape(database) == made_at_once


BEFORE_0004 = {
    "extractions": ("organizations", "modified_local", "modified_precision", "is_accessible_for_free", "page_type"),
    "versions": ("words_added", "words_removed"),
    "runs": ("outage",),
    "sources": ("rhythm", "last_new_at", "trouble", "trouble_since", "told_at", "edits"),
    "urls": ("considered_run", "rhythm"),
    "hosts": ("delay", "delay_since", "block_reason"),
    "captures": ("signals",),
    "articles": ("redirected_at", "paywalled_at"),
}
INDEXES_OF_0005 = ("ix_urls_considered_run", "ix_urls_unscheduled", "ix_captures_run")
TABLES_OF_0005 = ("robots", "host_blocks")


def test_the_edits_of_a_collection_of_before_get_their_size(database: Engine, database_url: str) -> None:
    """A database from before 0004 keeps its rows; what they do not say is unknown, and what their texts say is counted."""
    with transaction(database) as conn:
        uid = an_article(conn, "https://gazette.test/a", text="the ferry sails")
        a_version(conn, uid, text="the ferry sails no more")
        views.drop_all(conn)
        for index in INDEXES_OF_0005:
            conn.execute(text(f"DROP INDEX {index}"))
        for table in TABLES_OF_0005:
            conn.execute(text(f"DROP TABLE {table}"))
        for table, columns in BEFORE_0004.items():
            for column in columns:
                conn.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0003'"))
    database.dispose()
    engine = open_database(database_url)
    query = "SELECT version, words_added, words_removed, organizations, page_type FROM v_versions ORDER BY version"
    with reading(engine) as conn:
        assert conn.execute(text(query)).all() == [(1, None, None, "[]", None), (2, 2, 0, "[]", None)]
    engine.dispose()


def _shape(engine: Engine) -> set[tuple[Any, ...]]:
    """Everything the database knows of its tables, in its own words."""
    with reading(engine) as conn:
        rows = {tuple(row) for query in SHAPES[engine.dialect.name] for row in conn.execute(text(query))}
    return {tuple(" ".join(str(cell).replace('"', "").split()) for cell in row) for row in rows}


SHAPES = {
    "sqlite": [
        """SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk
           FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'""",
        """SELECT m.name, f."table", f."from", f."to"
           FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f""",
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index'",
        "SELECT name, value FROM sequences",
    ],
    "postgresql": [
        """SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
           FROM information_schema.columns WHERE table_schema = current_schema() AND table_name NOT LIKE 'v\\_%'""",
        """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
           WHERE connamespace = current_schema()::regnamespace""",
        """SELECT indexname, indexdef
           FROM pg_indexes WHERE schemaname = current_schema()""",
        "SELECT name, value FROM sequences",
    ],
}

REBUILD = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "9999", "0005"

def upgrade():
    with op.batch_alter_table("articles") as batch:
        batch.add_column(sa.Column("mood", sa.Text))
        batch.alter_column("http_status", type_=sa.BigInteger)
"""


def test_a_later_revision_rebuilds_a_table_and_keeps_its_rows(
    database: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Views are out of the way while a table is rebuilt, rows that point to it stay, views come back."""
    with transaction(database) as conn:
        uid = an_article(conn, "https://gazette.test/a", authors=["Ada Roe"])
    database.dispose()
    folder = tmp_path / "migrations"
    shutil.copytree(upgrade.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_mood.py").write_text(REBUILD)
    monkeypatch.setattr(upgrade, "FOLDER", folder)
    monkeypatch.setattr(opening, "REVISIONS", (*REVISIONS, "9999"))
    monkeypatch.setattr(opening, "HEAD", "9999")
    with pytest.raises(DatabaseError, match=r"of an older newswarc"):
        open_readonly(database_url)
    engine = open_database(database_url)
    with reading(engine) as conn:
        assert conn.execute(text("SELECT uid, author FROM v_article_authors")).all() == [(uid, "Ada Roe")]
        assert "mood" in {column["name"] for column in inspect(conn).get_columns("articles")}
    with pytest.raises(IntegrityError), transaction(engine) as conn:
        conn.execute(text("DELETE FROM articles"))
    engine.dispose()


def test_changed_views_are_made_anew(database: Engine, database_url: str) -> None:
    """Views of another version of newswarc are replaced, also without a change of the tables."""
    with transaction(database) as conn:
        conn.execute(text("DROP VIEW v_runs"))
        conn.execute(text("CREATE VIEW v_runs AS SELECT 1 AS one"))
        conn.execute(update(schema.facts).values(value="another"))
    database.dispose()
    engine = open_database(database_url)
    with reading(engine) as conn:
        assert conn.execute(text("SELECT run_id FROM v_runs")).all() == []
    engine.dispose()


def test_a_newer_schema_is_left_alone(database: Engine, database_url: str) -> None:
    """A database of a newer newswarc is refused with what to do, by readers and writers."""
    with transaction(database) as conn:
        conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    for opened in (open_database, open_readonly):
        with pytest.raises(DatabaseError, match=r"newer newswarc .schema 9999, here .*install the newest"):
            opened(database_url)


def test_a_file_of_something_else_is_left_alone(sqlite_url: str) -> None:
    """A SQLite file with other tables does not become ours."""
    with sqlite3.connect(path_of(sqlite_url)) as raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
    raw.close()
    with pytest.raises(DatabaseError, match=r"has tables of something else .recipes"):
        open_database(sqlite_url)


def test_postgresql_is_shared_unless_names_clash(postgres_url: str) -> None:
    """Other tables may live in the same PostgreSQL database, but not under our names."""
    server = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with server.begin() as conn:
        conn.execute(text("CREATE TABLE recipes (name TEXT); CREATE TABLE hosts (name TEXT)"))
    with pytest.raises(DatabaseError, match=r"has tables of something else .hosts"):
        open_database(postgres_url)
    with server.begin() as conn:
        conn.execute(text("DROP TABLE hosts"))
    server.dispose()
    open_database(postgres_url).dispose()


# ---- transactions


def test_a_transaction_is_all_or_nothing(database: Engine) -> None:
    """An exception takes back everything, tables included."""
    with suppress(ZeroDivisionError), transaction(database) as conn:
        a_source(conn)
        conn.execute(text("CREATE TABLE scratch (x INTEGER)"))
        raise ZeroDivisionError
    with reading(database) as conn:
        assert not inspect(conn).has_table("scratch")
        assert conn.execute(select(schema.sources)).first() is None


def test_savepoints_work(database: Engine) -> None:
    """A failed savepoint takes back its own rows only."""
    with transaction(database) as conn:
        a_source(conn, "first")
        with suppress(ZeroDivisionError), conn.begin_nested():
            a_source(conn, "second")
            raise ZeroDivisionError
    with reading(database) as conn:
        assert conn.execute(select(schema.sources.c.name)).scalars().all() == ["first"]


def test_the_numbers_of_changes_are_visible_in_order(database: Engine) -> None:
    """Whoever takes a number waits for the one before to be committed, so that no reader ever sees a gap."""
    with ThreadPoolExecutor(1) as pool:
        with transaction(database) as conn:
            first = next_seq(conn)
            second = pool.submit(_take_number, database)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.2)
        assert (first, second.result(timeout=5)) == (1, 2)


def _take_number(engine: Engine) -> int:
    with transaction(engine) as conn:
        return next_seq(conn)


def test_a_number_that_was_rolled_back_is_given_again(database: Engine) -> None:
    """A failed transaction leaves no hole in the count."""
    with suppress(ZeroDivisionError), transaction(database) as conn:
        next_seq(conn)
        raise ZeroDivisionError
    assert _take_number(database) == 1


def test_many_writers_lose_nothing(database: Engine) -> None:
    """Writers in several threads queue up instead of failing."""
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: _take_number(database), range(80)))
    assert sorted(numbers) == list(range(1, 81))


def test_insert_ignore_keeps_what_is_there(database: Engine) -> None:
    """A row whose key exists is skipped, one that is new is stored."""
    rows = [{"host": "a.test", "crawl_delay": "1"}, {"host": "b.test", "crawl_delay": "2"}]
    with transaction(database) as conn:
        conn.execute(insert(schema.hosts).values(host="a.test", crawl_delay="9"))
        conn.execute(dialects.insert_ignore(conn, schema.hosts, ["host"]), rows)
        delays = dict(conn.execute(select(schema.hosts.c.host, schema.hosts.c.crawl_delay)).all())
    assert delays == {"a.test": "9", "b.test": "2"}


def test_locked_rows_are_skipped(postgres_url: str) -> None:
    """On PostgreSQL two claimants of the same rows get different ones."""
    engine = open_database(postgres_url)
    query = dialects.skip_locked(select(schema.hosts.c.host).order_by(schema.hosts.c.host).limit(1))
    with transaction(engine) as conn:
        conn.execute(insert(schema.hosts), [{"host": "a.test"}, {"host": "b.test"}])
    with transaction(engine) as one, transaction(engine) as two:
        assert (one.execute(query).scalar_one(), two.execute(query).scalar_one()) == ("a.test", "b.test")
    engine.dispose()


@pytest.mark.parametrize("nasty", ["nul \0 byte", "lone \ud83d surrogate", "\udcff"])
def test_text_that_no_database_takes_is_mended(database: Engine, nasty: str) -> None:
    """NUL and lone surrogates become U+FFFD, in values and in what they are compared with."""
    with transaction(database) as conn:
        a_source(conn, nasty)
        stored = conn.execute(select(schema.sources.c.name).where(schema.sources.c.name == nasty)).scalar_one()
    assert "\ufffd" in stored
    assert "\0" not in stored


def test_text_sorts_by_code_point(database: Engine) -> None:
    """Both databases have the same order, whatever the locale."""
    names = ["Z", "a", "a b", "a-b", "aB", "\u00e9", "\U0001f600"]
    with transaction(database) as conn:
        for name in reversed(names):
            a_source(conn, name)
        found = conn.execute(select(schema.sources.c.name).order_by(schema.sources.c.name)).scalars().all()
    assert found == names


def test_long_urls_are_stored(database: Engine) -> None:
    """A URL of 8,000 random characters fits where only equality is asked; a key of 2,600 fits everywhere."""
    words = "".join(format(number * 7919 % 65536, "04x") for number in range(2000))
    with transaction(database) as conn:
        a_capture(conn, f"https://gazette.test/{words}")
        a_url(conn, f"https://gazette.test/{words[:2500]}")


# ---- errors


def test_a_locked_database_is_named_and_may_be_tried_again(sqlite_url: str) -> None:
    """Another process that holds the lock longer than we wait is a temporary error."""
    engine = open_database(sqlite_url, timeout=0.05)
    with sqlite3.connect(path_of(sqlite_url), isolation_level=None) as raw:
        raw.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TemporaryDatabaseError, match=r"news\.db is locked by another process"), transaction(engine):
            pass
        raw.execute("ROLLBACK")
    raw.close()
    with transaction(engine) as conn:
        assert next_seq(conn) == 1
    engine.dispose()


def test_a_database_locked_at_opening_is_named(sqlite_url: str) -> None:
    """A lock that forbids even reading ends the opening with one line."""
    open_database(sqlite_url).dispose()
    with sqlite3.connect(path_of(sqlite_url), isolation_level=None) as raw:
        raw.execute("PRAGMA locking_mode=EXCLUSIVE")
        raw.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TemporaryDatabaseError, match="is locked"):
            open_database(sqlite_url, timeout=0.05)
    raw.close()


def test_a_full_disk_is_a_disk_error_and_stores_nothing(sqlite_url: str) -> None:
    """A database that cannot grow takes back the whole transaction and works again with space."""
    engine = open_database(sqlite_url)
    with pytest.raises(DiskError, match="no space left"):
        _overfill(engine)
    with transaction(engine) as conn:
        conn.exec_driver_sql("PRAGMA max_page_count=1000000")
        assert conn.execute(select(schema.sources)).first() is None
        a_source(conn)
    engine.dispose()


def _overfill(engine: Engine) -> None:
    with transaction(engine) as conn:
        a_source(conn)
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        conn.execute(insert(schema.facts), [{"name": str(n), "value": "x" * 5000} for n in range(100)])


def test_a_full_disk_is_told_where_it_is_met(sqlite_url: str) -> None:
    """The statement itself raises our error, so that nobody takes it for a bug of one job in a savepoint."""
    engine = open_database(sqlite_url)
    with suppress(DiskError), transaction(engine) as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(DiskError):
            conn.execute(insert(schema.facts), [{"name": str(n), "value": "x" * 5000} for n in range(100)])
        raise DiskError
    engine.dispose()


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at " * 40, b"\0" * 8192])
def test_a_file_that_is_no_database_is_named(sqlite_url: str, content: bytes) -> None:
    """Other bytes are left alone."""
    path_of(sqlite_url).write_bytes(content)
    for opened in (open_database, open_readonly):
        with pytest.raises(DatabaseError, match=r"news\.db is not a SQLite database"):
            opened(sqlite_url)
    assert path_of(sqlite_url).read_bytes() == content


def test_a_damaged_database_is_named(sqlite_url: str) -> None:
    """Overwritten pages are damage, said in one line when they are met."""
    open_database(sqlite_url).dispose()
    with path_of(sqlite_url).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path_of(sqlite_url).stat().st_size - 4096))
    with pytest.raises(DatabaseError, match=r"news\.db is damaged .*restore it") as raised:
        _read_all(sqlite_url)
    assert "\n" not in str(raised.value)


def _read_all(url: str) -> None:
    engine = open_database(url)
    with reading(engine) as conn:
        for table in schema.metadata.tables.values():
            conn.execute(select(table)).all()


def test_a_missing_folder_and_a_folder_in_place_of_the_file_are_named(tmp_path: Path) -> None:
    """Two slips in [database] url."""
    with pytest.raises(DatabaseError, match="its folder does not exist"):
        open_database(f"sqlite:///{tmp_path}/none/news.db")
    with pytest.raises(DatabaseError, match="is a folder, not a file"):
        open_database(f"sqlite:///{tmp_path}")


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's right to write everywhere."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can look into, below folders that they can pass."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_database_that_cannot_be_written_is_named(open_folder: Path) -> None:
    """A crawl by a user without the right to write ends with one line, and so does making a database."""
    url = f"sqlite:///{open_folder / 'news.db'}"
    open_database(url).dispose()
    open_folder.chmod(0o555)
    with nobody():
        with pytest.raises(DatabaseError, match=r"news\.db (cannot be written|cannot be opened)"):
            open_database(url, timeout=0.1)
        with pytest.raises(DatabaseError, match=r"new\.db does not exist, and its folder may not be written"):
            open_database(f"sqlite:///{open_folder / 'new.db'}")
    open_folder.chmod(0o755)


def test_a_reader_without_the_right_to_write_reads_beside_a_crawl(open_folder: Path) -> None:
    """While a crawl has the database open, whoever may only read the files can query it."""
    url = f"sqlite:///{open_folder / 'news.db'}"
    engine = open_database(url)
    with transaction(engine) as conn:
        a_source(conn)
    for file in open_folder.iterdir():
        file.chmod(0o644)
    with nobody():
        reader = open_readonly(url)
        with reading(reader) as conn:
            assert conn.execute(select(schema.sources.c.name)).scalars().all() == ["gazette"]
        reader.dispose()
    engine.dispose()


def test_bugs_stay_what_they_are(database: Engine) -> None:
    """A broken constraint or wrong SQL is not dressed up as trouble with the database."""
    with pytest.raises(IntegrityError), transaction(database) as conn:
        conn.execute(
            insert(schema.urls).values(id=1, key="k", url="u", host="h", source_id=99, kind="article", state="x")
        )
    if database.dialect.name == "postgresql":
        with pytest.raises(ProgrammingError), transaction(database) as conn:
            conn.execute(text("SELECT nonsense"))


class _Interrupted(TypeDecorator[str]):
    """A type during the conversion of which a signal comes in."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: object, dialect: object) -> str:
        raise StoppedError(15)


def test_a_signal_within_a_statement_stays_a_signal(database: Engine) -> None:
    """It is no failure of the statement that was being made up."""
    with pytest.raises(StoppedError), transaction(database) as conn:
        conn.execute(select(bindparam("name", "x", type_=_Interrupted)))


BAD_URLS = [
    "news.db",
    "",
    "sqlite://",
    "sqlite:///:memory:",
    "mysql://host/news",
    "postgresql://host:port/x",
    "oracle://",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_of_no_use_is_an_error_of_the_settings(url: str) -> None:
    """What is no URL, or of another database, says what is possible."""
    with pytest.raises(ConfigError, match=r"\[database\] url"):
        open_database(url)


SECRET = "pa55-phrase"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://reader:{SECRET}@127.0.0.1:1/news",
        f"postgres://reader:{SECRET}@127.0.0.1:1/news",
        f"postgresql+psycopg://127.0.0.1:1/news?password={SECRET}",
        f"postgresql://reader:{SECRET}@/news?host=/nowhere",
        f"postgresql://reader:{SECRET}@127.0.0.1:1/news?sslmode={SECRET}",
    ],
)
def test_an_unreachable_server_is_named_without_password(url: str) -> None:
    """The line names server and database, never the password."""
    with pytest.raises(DatabaseError, match=r"cannot be reached|ended the connection") as raised:
        open_database(url)
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("database postgresql://")


def test_wrong_names_on_a_server_are_named(postgres_url: str) -> None:
    """An unknown database or user is said in one line."""
    url = make_url(postgres_url)
    with pytest.raises(DatabaseError, match=r"postgresql://.*/nowhere does not exist"):
        open_database(url.set(database="nowhere").render_as_string())
    with pytest.raises(DatabaseError, match=r"refuses this user or password"):
        open_database(url.set(username="nobody_here").render_as_string())


def test_a_lost_connection_is_temporary(postgres_url: str) -> None:
    """The server ends our session: a temporary error, and the next transaction works."""
    engine = open_database(postgres_url)
    with pytest.raises(TemporaryDatabaseError, match="ended the connection"):
        _lose_connection(engine, postgres_url)
    assert _take_number(engine) == 1
    engine.dispose()


def _lose_connection(engine: Engine, url: str) -> None:
    with transaction(engine) as conn:
        pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        killer = open_database(url)
        with transaction(killer) as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        killer.dispose()
        next_seq(conn)


def test_a_lock_held_too_long_on_a_server_is_temporary(postgres_url: str) -> None:
    """PostgreSQL waits for locks as long as SQLite does, not for ever."""
    engine = open_database(postgres_url, timeout=0.1)
    with transaction(engine) as conn:
        next_seq(conn)
        with pytest.raises(TemporaryDatabaseError, match="is locked by another session"):
            _take_number(engine)
    engine.dispose()


def test_views_built_on_ours_are_named(postgres_url: str) -> None:
    """Someone's own view that forbids replacing ours is named, with what to do."""
    engine = open_database(postgres_url)
    with transaction(engine) as conn:
        conn.execute(text("CREATE VIEW mine AS SELECT title FROM v_articles"))
        conn.execute(update(schema.facts).values(value="another"))
    engine.dispose()
    with pytest.raises(DatabaseError, match=r"views of yours built on ours .*drop them"):
        open_database(postgres_url)


class FakeError(Exception):
    """What a driver raises, with a code that cannot be had on demand."""

    def __init__(self, **codes: str) -> None:
        super().__init__("the reason")
        for name, code in codes.items():
            setattr(self, name, code)


@pytest.mark.parametrize(
    ("url", "codes", "kind"),
    [
        ("sqlite:////x/news.db", {"sqlite_errorname": "SQLITE_IOERR_WRITE"}, DiskError),
        ("sqlite:////x/news.db", {"sqlite_errorname": "SQLITE_BUSY_SNAPSHOT"}, TemporaryDatabaseError),
        ("sqlite:////x/news.db", {"sqlite_errorname": "SQLITE_READONLY_DBMOVED"}, DatabaseError),
        ("sqlite:////x/news.db", {"sqlite_errorname": "SQLITE_CONSTRAINT_UNIQUE"}, None),
        ("postgresql://h/d", {"sqlstate": "53100"}, DiskError),
        ("postgresql://h/d", {"sqlstate": "57P03"}, TemporaryDatabaseError),
        ("postgresql://h/d", {"sqlstate": "40P01"}, TemporaryDatabaseError),
        ("postgresql://h/d", {"sqlstate": "42501"}, DatabaseError),
        ("postgresql://h/d", {"sqlstate": "XX001"}, DatabaseError),
        ("postgresql://h/d", {"sqlstate": "23505"}, None),
    ],
)
def test_rare_errors_are_told_apart(url: str, codes: dict[str, str], kind: type[Exception] | None) -> None:
    """Codes that no test can provoke have their kind, and a line that is complete."""
    place = make_url(url)
    fault = dialects.of(place).fault(DBAPIError("statement", None, FakeError(**codes)), place)
    assert (fault.kind if fault else None) is kind
    assert fault is None or "{" not in fault.what


def test_a_reader_that_stays_open_does_not_stop_writers(database: Engine) -> None:
    """A transaction that reads for long, in another thread, never holds up a writer."""
    held, done = threading.Event(), threading.Event()

    def read() -> None:
        with reading(database) as conn:
            conn.execute(select(schema.sources)).all()
            held.set()
            done.wait(10)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(read)
        assert held.wait(5)
        assert _take_number(database) == 1
        done.set()


def test_times_are_as_written(database: Engine) -> None:
    """The server's time zone never touches our moments."""
    with transaction(database) as conn:
        a_source(conn)
        assert conn.execute(select(schema.sources.c.created_at)).scalar_one() == T0
