"""Pure functions in killable processes: `await workers.run(function, *args)`.

One thread a worker feeds it jobs and waits for its replies; the event loop sees futures only. The processes come from a
forker started with `subprocess` (see `worker_main`), so that no thread, socket or database handle of ours reaches them.
It imports the heavy modules once and a new worker is a fork of it: one that was killed is replaced in milliseconds.
Needs Unix.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeVar, TypeVarTuple

from pipelines.forker import CLOSE_SECONDS, Forker, Worker
from pipelines.worker_main import ERROR, MEMORY, UNKNOWN_EXIT, Reply, Start, pickled, reason_of

log = logging.getLogger(__name__)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MEMORY_BYTES: Final = 768 * 1024 * 1024
RECYCLE_JOBS: Final = 500
_RECYCLE_SHARE: Final = 1 / 2  # of memory_bytes: a worker whose address space stays larger is replaced
_QUEUED_PER_WORKER: Final = 1  # jobs that wait in the queue, so that a worker never waits for the event loop


class WorkerError(Exception):
    """A job without a result; `reason` is one line.

    The job's own doing: `cpu-limit`, `memory-limit`, `time-limit`, `crashed: signal 11`, `crashed: exit 3`,
    `error: ValueError: ...`. The pool's: `unavailable: ...`, `closed`; the job may run again later (`again` is True).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def again(self) -> bool:
        """Whether the pool failed and not the job."""
        return self.reason.startswith(("unavailable", "closed"))


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the start. `cpu_seconds` is the CPU time of jobs, killed ones too, without imports and transport."""

    jobs: int = 0
    failed: int = 0
    forked: int = 0  # workers started
    killed: int = 0  # workers ended by a limit or by themselves
    cpu_seconds: float = 0.0
    peak_rss: int = 0  # bytes, of the largest worker


class _Job(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any]


class Workers:
    """A pool of `count` worker processes. `start` and `run` belong to the event loop, `close` to any thread.

    Limits hold for each job: CPU time and wall time in seconds, `memory_bytes` of address space of its whole process
    (a job that comes within an eighth of it fails too: parsers may swallow failures to allocate). `preload` names
    modules, or `module:function` to call once, that workers find ready.
    """

    def __init__(
        self,
        count: int,
        *,
        cpu_seconds: float = 20.0,
        wall_seconds: float = 60.0,
        memory_bytes: int = MEMORY_BYTES,
        preload: tuple[str, ...] = (),
        recycle_jobs: int = RECYCLE_JOBS,
    ) -> None:
        self._wall_seconds = wall_seconds
        self._memory_bytes = memory_bytes
        self._recycle_jobs = recycle_jobs
        path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - links stay links, as Python has them
        self._start = Start(os.getpid(), path, preload, cpu_seconds, memory_bytes)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(count * (1 + _QUEUED_PER_WORKER))
        self._threads = [threading.Thread(target=self._serve, name=f"worker-{n}", daemon=True) for n in range(count)]
        self._started = False
        self._complained = False
        self._lock = threading.Lock()  # guards what follows
        self._closed = False
        self._forker: Forker | None = None
        self._stats = Stats()

    @property
    def stats(self) -> Stats:
        """What was done so far."""
        with self._lock:
            return self._stats

    def start(self) -> None:
        """Begin the imports in the background. Idempotent; the first `run` does it too."""
        if self._started or self._closed:
            return
        self._started = True
        for thread in self._threads:
            thread.start()
        with suppress(OSError):  # the first job reports it
            self._ready_forker()

    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """The result of an importable function, first come first served; WorkerError says why there is none."""
        async with self._room:
            self.start()
            future: Future[T] = Future()
            with self._lock:  # a job put behind the back of `close` would never end
                if self._closed:
                    raise WorkerError("closed")
                self._queue.put(_Job(function, arguments, future))
            return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Kill what runs and end, within a second; jobs without a result fail as `closed`. Idempotent."""
        with self._lock:
            self._closed = True
            forker, self._forker = self._forker, None
        self._fail_queued()
        if forker is not None:
            forker.close()
        if self._started:
            self._join()

    def _fail_queued(self) -> None:
        while True:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return
            if job is not None and job.future.set_running_or_notify_cancel():
                job.future.set_exception(WorkerError("closed"))

    def _join(self) -> None:
        deadline = time.monotonic() + CLOSE_SECONDS
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    # --- in the threads, one a worker

    def _serve(self) -> None:
        worker: Worker | None = None
        while (job := self._queue.get()) is not None:
            if job.future.set_running_or_notify_cancel():
                worker = self._handle(job, worker)
        if worker is not None:
            self._discard(worker)

    def _handle(self, job: _Job, worker: Worker | None) -> Worker | None:
        """Run one job to its end and return the worker if it can take another."""
        try:
            worker = worker or self._fork()
            value = self._value(job, worker)
        except Exception as error:  # noqa: BLE001 - a surprise must not end the thread: its jobs would be waited for without end
            self._count(jobs=1, failed=1)
            job.future.set_exception(self._failure(error, worker))
        else:
            self._count(jobs=1)
            job.future.set_result(value)
        return self._keep(worker) if worker is not None else None

    def _failure(self, error: Exception, worker: Worker | None) -> WorkerError:
        if self._closed:
            return WorkerError("closed")
        if isinstance(error, WorkerError):
            return error
        log.log(logging.DEBUG if self._complained else logging.ERROR, "no worker for a job: %s", reason_of(error))
        self._complained = True
        if worker is not None:
            self._discard(worker)
        return WorkerError(f"unavailable: {reason_of(error)}")

    def _value(self, job: _Job, worker: Worker) -> Any:
        try:
            pieces = pickled((job.function, job.arguments))
        except Exception as error:  # pickling runs code of the arguments; nothing was sent, so the worker is whole
            raise WorkerError(f"error: {reason_of(error)}") from error
        try:
            reply, body = worker.ask(pieces, self._wall_seconds, self._memory_bytes)
        except TimeoutError:
            self._kill(worker)
            raise WorkerError("time-limit") from None
        except (EOFError, OSError):
            raise WorkerError(_epitaph(self._kill(worker))) from None
        self._count(cpu_seconds=reply.cpu_seconds, peak_rss=reply.peak_rss)
        return self._unwrap(reply, body, worker)

    def _unwrap(self, reply: Reply, body: memoryview, worker: Worker) -> Any:
        if reply.status == MEMORY:
            self._kill(worker)
            raise WorkerError("memory-limit")
        if reply.status == ERROR:
            raise WorkerError(f"error: {body.tobytes().decode()}")
        try:
            return pickle.loads(body)  # noqa: S301 - from our own worker; limits are its purpose, not distrust
        except Exception as error:  # unpickling runs code of the result
            raise WorkerError(f"error: {reason_of(error)}") from error

    def _keep(self, worker: Worker) -> Worker | None:
        worn = worker.jobs >= self._recycle_jobs or worker.size > self._memory_bytes * _RECYCLE_SHARE
        if worn and not worker.ended:
            self._discard(worker)
        return None if worker.ended else worker

    def _kill(self, worker: Worker) -> int | None:
        self._count(killed=1)
        return self._discard(worker)

    def _discard(self, worker: Worker) -> int | None:
        """Kill and reap; the exit code, None when the forker is gone (its workers go with it)."""
        worker.close()
        try:
            exit_code, cpu_seconds, peak_rss = worker.forker.reap(worker.pid)
        except (EOFError, OSError):
            return None
        self._count(cpu_seconds=worker.unreported(cpu_seconds), peak_rss=peak_rss)
        return None if exit_code == UNKNOWN_EXIT else exit_code

    def _fork(self) -> Worker:
        try:
            worker = self._ready_forker().fork()
        except (EOFError, BrokenPipeError, ConnectionResetError):  # it was killed: once more with another
            worker = self._ready_forker().fork()
        self._count(forked=1)
        return worker

    def _ready_forker(self) -> Forker:
        with self._lock:
            if self._closed:
                raise WorkerError("closed")
            if self._forker is not None and self._forker.gone:
                self._forker.close()
                self._forker = None
            self._forker = self._forker or Forker(self._start)
            return self._forker

    def _count(self, *, cpu_seconds: float = 0.0, peak_rss: int = 0, **counts: int) -> None:
        with self._lock:
            stats = self._stats
            sums = {name: getattr(stats, name) + count for name, count in counts.items()}
            cpu, peak = stats.cpu_seconds + cpu_seconds, max(stats.peak_rss, peak_rss)
            self._stats = replace(stats, cpu_seconds=cpu, peak_rss=peak, **sums)


def _epitaph(exit_code: int | None) -> str:
    if exit_code is None:
        return "unavailable: the process that forks workers is gone"
    if exit_code == -signal.SIGPROF:
        return "cpu-limit"
    return f"crashed: signal {-exit_code}" if exit_code < 0 else f"crashed: exit {exit_code}"
