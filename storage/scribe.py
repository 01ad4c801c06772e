"""The one thread that writes: WARC records first, then the rows that point to them.

Jobs run in the order they were handed in. A batch of them ends with fdatasync of the WARC, then with the commit of one
transaction; only then do their futures resolve. So no row is ever committed before its record is on disk (promise 1),
and whoever awaits a job knows that what it wrote is kept. Batches form by themselves: while one is being synced, the
next one gathers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from storage.database import transaction
from storage.errors import NewswarcError

T = TypeVar("T")
Job = Callable[[Connection], Any]

BATCH = 50  # jobs between two syncs: what a power cut can cost at most


class Scribe:
    """Runs jobs on one thread, each in a savepoint of its batch's transaction.

    `sync` makes the archive durable; it is called before every commit. A job that raises fails alone; a failing sync
    or commit fails the whole batch and every later job: nothing can be stored any more, and the run has to end.
    """

    def __init__(self, engine: Engine, sync: Callable[[], None]) -> None:
        self._engine = engine
        self._sync = sync
        self._queue: SimpleQueue[tuple[Job, Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="scribe", daemon=True)
        self.failure: BaseException | None = None
        self._thread.start()

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue `job`; the future resolves when what it did is durable."""
        future: Future[T] = Future()
        self._queue.put((job, future))
        return future

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, ended = self._gather(first)
            self._write(batch)
            if ended:
                return

    def _gather(self, first: tuple[Job, Future[Any]]) -> tuple[list[tuple[Job, Future[Any]]], bool]:
        batch = [first]
        while len(batch) < BATCH:
            try:
                entry = self._queue.get_nowait()
            except Empty:
                break
            if entry is None:
                return batch, True
            batch.append(entry)
        return batch, False

    def _write(self, batch: list[tuple[Job, Future[Any]]]) -> None:
        if self.failure is not None:
            _fail(batch, self.failure)
            return
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], Exception]] = []
        try:
            with transaction(self._engine) as conn:
                for job, future in batch:
                    self._attempt(conn, job, future, done, failed)
                self._sync()
        except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self.failure = error
            _fail(batch, error)
            return
        for future, result in done:
            if future.set_running_or_notify_cancel():
                future.set_result(result)
        for future, problem in failed:
            if future.set_running_or_notify_cancel():
                future.set_exception(problem)

    @staticmethod
    def _attempt(
        conn: Connection,
        job: Job,
        future: Future[Any],
        done: list[tuple[Future[Any], Any]],
        failed: list[tuple[Future[Any], Exception]],
    ) -> None:
        try:
            with conn.begin_nested():
                done.append((future, job(conn)))
        except NewswarcError:
            raise  # the disk or the database: concerns all
        except Exception as error:  # noqa: BLE001 - a bug in one job must not take the others with it
            failed.append((future, error))


def _fail(batch: list[tuple[Job, Future[Any]]], error: BaseException) -> None:
    for _, future in batch:
        if future.set_running_or_notify_cancel():  # one who waits no longer must not end this thread
            future.set_exception(error)
