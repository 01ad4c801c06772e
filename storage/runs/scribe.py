"""The one thread that writes: WARC records first, then the rows that point to them.

Jobs run in the order they were handed in. A batch of them ends with fdatasync of the WARC, then with the commit of one
transaction; only then do their futures resolve. So no row is ever committed before its record is on disk (promise 1),
and whoever awaits a job knows that what it wrote is kept. Batches form by themselves: while one is being synced, and
for a moment after, the next one gathers. What comes after a pause is written at once.

A database that is locked, restarting or out of reach for the moment stops nothing but this thread: it waits, and does
the same batch again. So a job may run more than once, and must leave nothing behind but rows; what it has written to
the archive, it must not write again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from storage.database import engine as database
from storage.database.engine import MAX_LOG_BYTES, log_in_bounds, reading
from storage.errors import NewswarcError, TemporaryDatabaseError
from storage.runs import rows as runs

log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[Connection], Any]

BATCH = 50  # jobs between two syncs: what a power cut can cost at most
GATHER = 0.05  # s from the end of a batch to the next one, while there is room in it: a batch costs as much as a page
PATIENCE = 300.0  # s that a batch waits for a database that is locked or away
HURRY = 2.0  # s that it waits once the run has to end
PAUSE = 0.25  # s between two attempts


class Archive(Protocol):
    """The other thing that a batch writes to."""

    def before_commit(self, conn: Connection) -> None:
        """Make durable what the batch's jobs have written, and enter what became final. May be called again."""

    def after_commit(self) -> None:
        """What was entered is kept."""


@dataclass(slots=True)
class _Attempt:
    """What came of the jobs of a batch, told to those who wait only when it is kept."""

    done: list[tuple[Future[Any], Any]] = field(default_factory=list)
    failed: list[tuple[Future[Any], Exception]] = field(default_factory=list)

    def resolve(self) -> None:
        for future, result in self.done:
            if future.set_running_or_notify_cancel():
                future.set_result(result)
        for future, problem in self.failed:
            if future.set_running_or_notify_cancel():
                future.set_exception(problem)


Batch = list[tuple[Job, Future[Any]]]


class _JobError(Exception):
    """A job has a bug: its batch is done again, each job in a savepoint of its own, which costs more."""


class _GuardedError(Exception):
    """The job with the bug, behind its savepoint."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Scribe:
    """Runs jobs on one thread, a batch in one transaction.

    A job that raises fails alone; an archive that cannot be synced, a database that cannot be written, or is not there
    for `patience` seconds, fails the whole batch and every later job: nothing can be stored any more, and the run has to
    end. `run_id` names the row of `runs` that counts the batches; `max_log_bytes` see `log_in_bounds`.
    """

    def __init__(
        self,
        engine: Engine,
        archive: Archive,
        run_id: str,
        *,
        patience: float = PATIENCE,
        max_log_bytes: int = MAX_LOG_BYTES,
    ) -> None:
        self._engine = engine
        self._archive = archive
        self._run_id = run_id
        self._patience = patience
        self._max_log_bytes = max_log_bytes
        self._number = 0  # of the batch in hand
        self._written = 0.0  # when the last batch ended, by the monotonic clock
        self._queue: SimpleQueue[tuple[Job, Future[Any]] | None] = SimpleQueue()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="scribe", daemon=True)
        self.failure: BaseException | None = None
        self.waiting = False  # for a database that is locked or away
        self._thread.start()

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue `job`; the future resolves when what it did is durable."""
        future: Future[T] = Future()
        self._queue.put((job, future))
        return future

    def hurry(self) -> None:
        """The run has to end: wait for nobody any more."""
        self._hurry.set()

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, ended = self._gather(first)
            self._write(batch)
            self._written = time.monotonic()
            if ended:
                return

    def _gather(self, first: tuple[Job, Future[Any]]) -> tuple[Batch, bool]:
        batch = [first]
        until = 0.0 if self._hurry.is_set() else self._written + GATHER
        while len(batch) < BATCH:
            try:
                entry = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                break
            if entry is None:
                return batch, True
            batch.append(entry)
        return batch, False

    def _write(self, batch: Batch) -> None:
        if self.failure is not None:
            _fail(batch, self.failure)
            return
        self._number += 1
        try:
            self._persist(batch).resolve()
        except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self.failure = error
            _fail(batch, error)

    def _persist(self, batch: Batch) -> _Attempt:
        """Write a batch, however often it takes."""
        since = time.monotonic()
        attempt: _Attempt | None = None
        run = self._trust
        while True:
            try:
                if attempt is None or not self._is_committed():
                    attempt = _Attempt()
                    self._transact(batch, attempt, run)
            except TemporaryDatabaseError as error:
                self._wait(since, error)
                continue
            except _JobError:
                run = self._guard
                continue
            self._archive.after_commit()
            self.waiting = False
            return attempt

    def _is_committed(self) -> bool:
        """Whether only the answer to the last commit was lost: then the rows are there."""
        with reading(self._engine) as conn:
            return runs.last_batch(conn, self._run_id) == self._number

    def _transact(self, batch: Batch, attempt: _Attempt, run: Callable[[Connection, Job], Any]) -> None:
        log_in_bounds(self._engine, self._max_log_bytes)
        with database.batch(self._engine) as conn:
            for job, future in batch:
                try:
                    attempt.done.append((future, run(conn, job)))
                except _GuardedError as error:
                    attempt.failed.append((future, error.problem))
            self._archive.before_commit(conn)
            runs.note_batch(conn, self._run_id, self._number)

    @staticmethod
    def _trust(conn: Connection, job: Job) -> Any:
        """Run a job as most jobs may be run."""
        try:
            return job(conn)
        except NewswarcError:
            raise  # the disk or the database: concerns all
        except Exception as error:
            raise _JobError from error

    @staticmethod
    def _guard(conn: Connection, job: Job) -> Any:
        """Run a job of a batch in which one has a bug: it must not take the others with it."""
        try:
            with conn.begin_nested():
                return job(conn)
        except NewswarcError:
            raise
        except Exception as error:
            raise _GuardedError(error) from error

    def _wait(self, since: float, error: TemporaryDatabaseError) -> None:
        """Some time before the next attempt; raises the error when there was enough of it."""
        waited = time.monotonic() - since
        if waited > (HURRY if self._hurry.is_set() else self._patience):
            raise error
        if not self.waiting:
            log.warning("%s; waiting for it", error)
        self.waiting = True
        time.sleep(PAUSE)


def _fail(batch: Batch, error: BaseException) -> None:
    for _, future in batch:
        if future.set_running_or_notify_cancel():  # one who waits no longer must not end this thread
            future.set_exception(error)
