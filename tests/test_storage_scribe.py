"""The scribe: order, durability before the answer, what a failure takes with it, and patience with a database."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from exchanges import exchange
from sqlalchemy import Connection, Engine, make_url, select, text

from pipelines.archive import WarcKeeping, recording
from pipelines.store import Recorded
from storage.database.engine import SHORT_TIMEOUT, batch, open_database, reading, transaction
from storage.database.schema import captures, facts
from storage.errors import DiskError, TemporaryDatabaseError
from storage.runs.scribe import HURRY, Scribe
from storage.warc.recover import captures as exchanges_in
from storage.warc.write import WarcWriter
from tests.databases import a_run
from tests.desk import wait_until

RUN = "R1"


class NoArchive:
    """An archive that has nothing to keep; `before` is done before each commit."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self.before = before

    def before_commit(self, conn: Connection) -> None:
        self.before()

    def after_commit(self) -> None:
        pass


@pytest.fixture
def impatient(database: Engine, database_url: str) -> Iterator[Engine]:
    """The same database as a run opens it, with the run's row."""
    with transaction(database) as conn:
        a_run(conn, RUN)
    engine = open_database(database_url, timeout=SHORT_TIMEOUT)
    yield engine
    engine.dispose()


def put(conn: Connection, name: str) -> None:
    conn.execute(facts.insert().values(name=name, value=name))


def names(engine: Engine) -> set[str]:
    with reading(engine) as conn:
        return {row.name for row in conn.execute(select(facts.c.name)) if row.name != "views"}


def test_the_archive_is_synced_before_the_rows_are_committed(database: Engine) -> None:
    """At the moment of the sync no other connection sees the rows of the batch."""
    seen: list[set[str]] = []
    scribe = Scribe(database, NoArchive(lambda: seen.append(names(database))), RUN)
    scribe.submit(lambda conn: put(conn, "a")).result(10)
    scribe.close()
    assert seen == [set()]
    assert names(database) == {"a"}


def test_a_job_that_raises_fails_alone(database: Engine) -> None:
    """Jobs of the same batch are kept, and what the failing one had written is undone."""
    go = threading.Event()
    scribe = Scribe(database, NoArchive(), RUN)
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

    scribe = Scribe(database, NoArchive(full), RUN)
    with pytest.raises(DiskError):
        scribe.submit(lambda conn: put(conn, "a")).result(10)
    with pytest.raises(DiskError):
        scribe.submit(lambda conn: put(conn, "b")).result(10)
    scribe.close()
    assert isinstance(scribe.failure, DiskError)
    assert names(database) == set()


def test_jobs_run_in_the_order_they_came(database: Engine) -> None:
    """A later job sees what an earlier one wrote, also within a batch."""
    scribe = Scribe(database, NoArchive(), RUN)
    for n in range(120):
        scribe.submit(lambda conn, n=n: put(conn, f"{n:03}"))
    count = scribe.submit(
        lambda conn: conn.execute(text("SELECT count(*) FROM facts WHERE name <> 'views'")).scalar_one()
    )
    assert count.result(10) == 120
    scribe.close()


def test_close_finishes_what_is_queued(database: Engine, tmp_path: Path) -> None:
    """Nothing that was handed in before `close` is lost."""
    scribe = Scribe(database, NoArchive(), RUN)
    for n in range(300):
        scribe.submit(lambda conn, n=n: put(conn, str(n)))
    scribe.close()
    assert len(names(database)) == 300


# --- a database that is locked or away --------------------------------------------------------------------------------


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Another writer holds the database."""
    with batch(engine) as conn:
        put(conn, "other")
        yield


def test_a_batch_waits_for_a_locked_database_and_is_written_once(
    database: Engine, impatient: Engine, tmp_path: Path
) -> None:
    """What it had to archive is archived once, however often its transaction is tried."""
    writer = WarcWriter(tmp_path, RUN, "newswarc/test")
    keeping = WarcKeeping(writer)
    scribe, recorded = Scribe(impatient, keeping, RUN), Recorded()
    with locked(database):
        archived = scribe.submit(recording(keeping, exchange(), None, recorded))
        wait_until(lambda: scribe.waiting)
        assert not archived.done()
    archived.result(10)
    scribe.submit(lambda _: writer.close()).result(10)
    scribe.close()
    [file] = tmp_path.glob("*.warc.gz")
    assert len(list(exchanges_in(file))) == 1
    with reading(database) as conn:
        assert conn.execute(select(captures.c.id)).scalars().all() == [recorded.capture_id]
        assert conn.execute(text("SELECT closed_at IS NOT NULL FROM warc_files")).scalar_one()


def test_a_batch_that_fails_amid_its_jobs_is_written_once(database: Engine, impatient: Engine, tmp_path: Path) -> None:
    """An exchange that is in the archive, while its transaction was not committed, is entered by the next attempt."""
    writer = WarcWriter(tmp_path, RUN, "newswarc/test")
    keeping, recorded = WarcKeeping(writer), Recorded()
    scribe, tries = Scribe(impatient, keeping, RUN), []

    def lost(conn: Connection) -> None:
        tries.append(conn)
        if len(tries) < 3:
            raise TemporaryDatabaseError("the server has ended the connection")

    hold = threading.Event()
    scribe.submit(lambda _: hold.wait(10))
    first, second = scribe.submit(recording(keeping, exchange(), None, recorded)), scribe.submit(lost)
    hold.set()
    first.result(10)
    second.result(10)
    scribe.submit(lambda _: writer.close()).result(10)
    scribe.close()
    [file] = tmp_path.glob("*.warc.gz")
    assert (len(tries), len(list(exchanges_in(file)))) == (3, 1)


def test_patience_ends(database: Engine, impatient: Engine) -> None:
    """A database that stays locked fails the batch, and all that comes after it at once."""
    scribe = Scribe(impatient, NoArchive(), RUN, patience=0.1)
    with locked(database):
        with pytest.raises(TemporaryDatabaseError):
            scribe.submit(lambda conn: put(conn, "a")).result(30)
        with pytest.raises(TemporaryDatabaseError):
            scribe.submit(lambda conn: put(conn, "b")).result(1)
        scribe.close()
    assert names(database) == {"other"}


def test_who_has_to_end_waits_no_longer(database: Engine, impatient: Engine) -> None:
    """A signal cuts the patience of years to seconds."""
    scribe = Scribe(impatient, NoArchive(), RUN, patience=1e9)
    with locked(database):
        waiting = scribe.submit(lambda conn: put(conn, "a"))
        wait_until(lambda: scribe.waiting)
        scribe.hurry()
        with pytest.raises(TemporaryDatabaseError):
            waiting.result(HURRY + 10)
    scribe.close()


def test_a_reader_that_stays_does_not_let_the_log_grow(sqlite_url: str) -> None:
    """Past its bound nothing is written until the reader ends; then all of it is, and the log is short again."""
    engine = open_database(sqlite_url, timeout=SHORT_TIMEOUT)
    log = Path(f"{make_url(sqlite_url).database}-wal")
    with transaction(engine) as conn:
        a_run(conn, RUN)
    limit = 2_000_000
    scribe = Scribe(engine, NoArchive(), RUN, max_log_bytes=limit)
    with reading(engine) as conn:
        conn.execute(select(facts.c.name)).all()
        written = [
            scribe.submit(lambda conn, n=n: conn.execute(facts.insert().values(name=str(n), value="x" * 50_000)))
            for n in range(400)
        ]
        wait_until(lambda: scribe.waiting)
        assert log.stat().st_size < 3 * limit
        assert not written[-1].done()
    for future in written:
        future.result(30)
    scribe.close()
    assert log.stat().st_size < 3 * limit
    assert len(names(engine)) == 400
    engine.dispose()


# --- a commit whose answer is lost ------------------------------------------------------------------------------------


class Proxy:
    """Stands between client and PostgreSQL on a socket of its own; once it is told to, it swallows the answer to a COMMIT."""

    def __init__(self, url: str, folder: Path) -> None:
        self.server = make_url(url)
        self.url = self.server.set(host=None).update_query_dict({"host": str(folder)})
        self.swallowing = threading.Event()
        self.swallowed = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(f"{self.server.query['host']}/.s.PGSQL.5432")
                gone = threading.Event()
                threading.Thread(target=self._up, args=(client, server, gone), daemon=True).start()
                threading.Thread(target=self._down, args=(client, server, gone), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, gone: threading.Event) -> None:
        with suppress(OSError):
            while piece := client.recv(65_536):
                if b"COMMIT" in piece and self.swallowing.is_set():
                    gone.set()
                server.sendall(piece)
            server.shutdown(socket.SHUT_RDWR)

    def _down(self, client: socket.socket, server: socket.socket, gone: threading.Event) -> None:
        with suppress(OSError):
            while piece := server.recv(65_536):
                if gone.is_set():
                    self.swallowing.clear()
                    self.swallowed += 1
                    break
                client.sendall(piece)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


def test_a_commit_whose_answer_is_lost_is_not_done_again(postgres_url: str, tmp_path: Path) -> None:
    """The server has committed and the connection breaks: the batch is known by its number."""
    direct = open_database(postgres_url)
    with transaction(direct) as conn:
        a_run(conn, RUN)
    proxy = Proxy(postgres_url, tmp_path)
    engine = open_database(proxy.url.render_as_string(hide_password=False), timeout=SHORT_TIMEOUT)
    scribe, runs_of_job = Scribe(engine, NoArchive(), RUN), []

    def job(conn: Connection) -> None:
        runs_of_job.append(conn)
        conn.execute(text("INSERT INTO sequences VALUES (:name, 0)"), {"name": f"seen-{len(runs_of_job)}"})

    proxy.swallowing.set()
    scribe.submit(job).result(30)
    scribe.submit(lambda conn: put(conn, "after")).result(30)
    scribe.close()
    assert (proxy.swallowed, len(runs_of_job)) == (1, 1)
    with reading(direct) as conn:
        assert conn.execute(text("SELECT count(*) FROM sequences WHERE name LIKE 'seen-%'")).scalar_one() == 1
    proxy.close()
    engine.dispose()
    direct.dispose()
