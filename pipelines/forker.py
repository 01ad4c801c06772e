"""Our ends of the processes that `worker_main` describes: the forker and its workers."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Final

from pipelines import worker_main
from pipelines.worker_main import ANSWER, FORK, REAP, REPLY, REQUEST, SHIELDED, Reply, Start

log = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 0.4
_FORK_TIMEOUT: Final = 120.0  # seconds, the forker's imports on a slow disk included
_SHORTEST_TIMEOUT: Final = 0.001  # seconds; 0 would mean a non-blocking socket
_BUFFER_BYTES: Final = 1 << 20  # of a job's way to the worker: most pages fit
_LOG_BYTES: Final = 2000  # of one line of a worker's output
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Worker:
    """Our end of one worker process."""

    def __init__(self, forker: Forker, sock: socket.socket, pid: int) -> None:
        self.forker = forker
        self.pid = pid
        self.jobs = 0  # done
        self.size = 0  # bytes of address space after the last job
        self.ended = False
        self._sock = sock
        self._process_seconds = 0.0  # as last reported

    def ask(self, job: Sequence[bytes], seconds: float, limit: int) -> tuple[Reply, memoryview]:
        """Have a job done; TimeoutError after `seconds`, EOFError or OSError when the worker ended."""
        deadline = time.monotonic() + seconds
        self._sock.settimeout(seconds)
        worker_main.send(self._sock, job)
        self._sock.settimeout(max(_SHORTEST_TIMEOUT, deadline - time.monotonic()))
        frame = memoryview(worker_main.receive(self._sock, limit))
        reply = Reply(*REPLY.unpack_from(frame))
        self.jobs, self.size, self._process_seconds = self.jobs + 1, reply.size, reply.process_seconds
        return reply, frame[REPLY.size :]

    def unreported(self, cpu_seconds: float) -> float:
        """Of all CPU seconds of the process, those that no reply told of."""
        return max(0.0, cpu_seconds - self._process_seconds)

    def close(self) -> None:
        """Let go of it; an idle worker then ends by itself."""
        self.ended = True
        self._sock.close()


class Forker:
    """Our end of the forker. Any thread may ask; requests are answered one by one."""

    def __init__(self, start: Start) -> None:
        self.gone = False
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_FORK_TIMEOUT)
        try:
            with theirs, _signals_held():
                self._process = _popen(theirs.fileno())
        except BaseException:
            self._control.close()
            raise
        threading.Thread(target=_log_lines, args=(self._process.stdout,), name="worker-output", daemon=True).start()
        with suppress(OSError):  # it has ended already: whoever asks it next will know
            worker_main.send(self._control, worker_main.pickled(tuple(start)))

    def fork(self) -> Worker:
        """A new worker; OSError or EOFError when there can be none."""
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        try:
            with theirs:
                pid, _, _ = self._ask(FORK, 0, theirs.fileno())
            if pid < 0:
                raise OSError(-pid, os.strerror(-pid))  # noqa: TRY301
        except BaseException:
            ours.close()
            raise
        return Worker(self, ours, pid)

    def reap(self, pid: int) -> tuple[int, float, int]:
        """Kill a worker and wait for it: its exit code, CPU seconds and peak resident bytes."""
        return self._ask(REAP, pid)

    def _ask(self, what: bytes, pid: int, *descriptors: int) -> tuple[int, float, int]:
        with self._lock:
            try:
                socket.send_fds(self._control, [REQUEST.pack(what, pid)], descriptors)
                number, cpu_seconds, peak_rss = ANSWER.unpack(worker_main.receive_exactly(self._control, ANSWER.size))
            except (EOFError, OSError):
                self.gone = True  # an answer may still be under way, so this socket is of no use any more
                raise
            return number, cpu_seconds, peak_rss

    def close(self) -> None:
        """End it and with it every worker."""
        self.gone = True
        with suppress(OSError):  # it may be gone already
            self._control.shutdown(socket.SHUT_RDWR)  # wakes threads that wait for an answer
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:  # still importing
            self._process.kill()
            self._process.wait()
        with self._lock:
            self._control.close()


@contextmanager
def _signals_held() -> Iterator[None]:
    """A child started in here does not see Ctrl-C before it has learnt to ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SHIELDED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _popen(descriptor: int) -> subprocess.Popen[bytes]:
    # -P: a json.py in the current folder is not ours. Threads of BLAS would be lost in a fork and cost address space.
    return subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-P", worker_main.__file__, str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[descriptor],
        env={**os.environ, **_ONE_THREAD},
    )


def _log_lines(output: IO[bytes]) -> None:
    with output:
        while line := output.readline(_LOG_BYTES):
            log.debug("worker: %s", line.decode("utf-8", "backslashreplace").rstrip())
