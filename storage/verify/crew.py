"""Processes that do the parts of a check side by side. They end with the process that started them, however it ends."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from storage.database.engine import open_readonly
from storage.errors import NewswarcError
from storage.verify.faults import Checked, Fault
from storage.verify.jobs import Job

_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Done:
    """What came of a job."""

    faults: list[Fault]
    checked: Checked


class Crew:
    """Some processes, each with a connection of its own to the database."""

    def __init__(self, workers: int, database_url: str) -> None:
        # A fork of a process with threads may hang; without any it is there at once.
        alone = sys.platform == "linux" and threading.active_count() == 1
        context: Any = multiprocessing.get_context("fork" if alone else "spawn")
        self._processes: list[Any] = []
        self._idle: list[Connection[Any, Any]] = []
        self._busy: dict[Any, Job] = {}
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, database_url, os.getpid()), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._idle.append(ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End them, also in the midst of a job."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()
        for connection in (*self._idle, *self._busy):
            connection.close()

    def do(self, jobs: Iterator[Job], begun: Callable[[Job], None]) -> Iterator[Done]:
        """What comes of each job, in the order in which they are done. Raises what a job raised.

        `begun` hears of a job when it is handed out.
        """
        self._hand_out(jobs, begun)
        while self._busy:  # waiting for none would be for ever
            for connection in wait(list(self._busy)):
                yield self._taken(connection)
            self._hand_out(jobs, begun)

    def _hand_out(self, jobs: Iterator[Job], begun: Callable[[Job], None]) -> None:
        """A job for each that is idle, as long as there are any."""
        for job in islice(jobs, len(self._idle)):
            begun(job)
            connection = self._idle.pop()
            self._busy[connection] = job
            try:
                connection.send(job)
            except OSError:
                raise _lost(job) from None

    def _taken(self, connection: Any) -> Done:
        job = self._busy.pop(connection)
        self._idle.append(connection)
        try:
            done = connection.recv()
        except (EOFError, OSError):
            raise _lost(job) from None
        if isinstance(done, BaseException):
            raise done
        return done  # type: ignore[no-any-return]


def _lost(job: Job) -> NewswarcError:
    name = getattr(job, "name", "the database")
    return NewswarcError(f"a worker process was killed while it looked at {name}; is there memory enough? Try --workers 1")


# --- in a worker ------------------------------------------------------------------------------------------------------


def _work(connection: Any, database_url: str, parent: int) -> None:
    """Do jobs until nobody is there to ask for more."""
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches the whole group; the parent decides
    try:
        engine = open_readonly(database_url)
        while True:
            job = connection.recv()
            connection.send(_done(engine, job))
    except (EOFError, BrokenPipeError):
        return
    except NewswarcError as error:
        connection.send(error)


def _done(engine: Any, job: Job) -> Done | NewswarcError:
    checked = Checked()
    try:
        return Done(list(job.run(engine, checked)), checked)
    except NewswarcError as error:
        return error


def _die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL at the parent's end (Linux); elsewhere the end of the pipe must do."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
