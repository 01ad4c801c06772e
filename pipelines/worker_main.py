"""The other end of `workers`: the forker, a process that imports once and forks workers. Standard library only.

    our process --control socket--> forker --fork--> worker
         |_______________job socket___________________|

The forker never runs a job, so it always answers: it forks, kills and reaps workers when asked, and when the control
socket closes (our process ended, also by kill -9) it kills every worker and ends. A worker dies with the forker
(PR_SET_PDEATHSIG where the system has it). The CPU time of a job is limited by the kernel's profiling timer, whose
signal ends the process even inside C code that holds the interpreter lock; its memory by RLIMIT_AS.

Frames are an 8 byte length and that many bytes. They hold pickles: both ends are our own processes of one version, and
nothing from the network is unpickled. Functions travel by name, so they must be importable.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import gc
import importlib
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

LENGTH = struct.Struct("!Q")
REPLY = struct.Struct("!cddqq")  # the fields of Reply; the body follows
REQUEST = struct.Struct("!cq")  # what, pid
ANSWER = struct.Struct("!qdq")  # pid or exit code, CPU seconds, peak resident bytes
FORK, REAP = b"F", b"R"
UNKNOWN_EXIT = 1 << 32
SHIELDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # they reach the whole group; our process decides
OK, ERROR, MEMORY = b"O", b"E", b"M"
MAX_REASON = 300
_PR_SET_PDEATHSIG = 1
_PEAK_SHARE = 7 / 8  # of memory_bytes; beyond it a swallowed failure to allocate may have left half a page
_PARENT_POLL_SECONDS = 0.5
_KIB = 1024


class Start(NamedTuple):
    """The forker's first frame (sent as a plain tuple)."""

    parent_pid: int
    path: list[str]  # sys.path of our process
    preload: tuple[str, ...]  # modules, or module:function to call once
    cpu_seconds: float  # a job
    memory_bytes: int  # a worker, address space


class Reply(NamedTuple):
    """Before the body in a worker's frame after a job: OK and the pickled result, ERROR and the reason, or MEMORY."""

    status: bytes
    cpu_seconds: float  # of this job
    process_seconds: float  # of the worker so far
    size: int  # address space now, bytes
    peak_rss: int  # of the worker so far, bytes


class Pieces(list[bytes]):
    """A file to pickle into: what is large is kept as it is, not copied."""

    def write(self, piece: bytes) -> None:
        """Take what the pickler gives."""
        self.append(piece)


def pickled(value: object) -> Pieces:
    """The pickle of a value; raises whatever the value's own code does."""
    pieces = Pieces()
    pickle.dump(value, pieces, pickle.HIGHEST_PROTOCOL)
    return pieces


def send(sock: socket.socket, pieces: Sequence[bytes]) -> None:
    """Write one frame."""
    sock.sendall(LENGTH.pack(sum(map(len, pieces))))
    for piece in pieces:
        sock.sendall(piece)


def receive(sock: socket.socket, limit: int) -> bytearray:
    """Read one frame of at most `limit` bytes; EOFError when the other end is gone or speaks nonsense."""
    (length,) = LENGTH.unpack(receive_exactly(sock, LENGTH.size))
    if length > limit:
        raise EOFError(f"a frame of {length} bytes")
    return receive_exactly(sock, length)


def receive_exactly(sock: socket.socket, length: int) -> bytearray:
    """Read `length` bytes; EOFError when there are fewer."""
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        count = sock.recv_into(view)
        if not count:
            raise EOFError("closed")
        view = view[count:]
    return buffer


def reason_of(error: BaseException) -> str:
    """One printable line: type and message."""
    text = " ".join(f"{type(error).__name__}: {error}"[:MAX_REASON].split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


# --- the forker


def main(descriptor: int) -> None:
    """Serve fork and reap requests on the control socket until it closes."""
    for number in SHIELDED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SHIELDED)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    start = Start(*pickle.loads(receive(control, sys.maxsize)))  # noqa: S301 - from our own parent
    sys.path[:] = start.path
    _preload(start)
    _serve(control, start)


def _preload(start: Start) -> None:
    signal.signal(signal.SIGALRM, lambda *_: None if os.getppid() == start.parent_pid else os._exit(1))
    signal.setitimer(signal.ITIMER_REAL, _PARENT_POLL_SECONDS, _PARENT_POLL_SECONDS)
    for name in start.preload:
        try:
            _import(name)
        except Exception:  # noqa: BLE001 - imports run anything; the job that needs it fails with the same error, by name
            traceback.print_exc()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    gc.collect()
    gc.freeze()  # keeps the collector from writing to pages that the workers share


def _import(name: str) -> None:
    module, _, function = name.partition(":")
    imported = importlib.import_module(module)
    if function:
        getattr(imported, function)()


def _serve(control: socket.socket, start: Start) -> None:
    children: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 1)
        if len(message) < REQUEST.size:
            break
        what, pid = REQUEST.unpack(message)
        answer = _fork(control, descriptors[0], start, children) if what == FORK else _reap(pid, children)
        control.sendall(ANSWER.pack(*answer))
    for pid in tuple(children):
        os.kill(pid, signal.SIGKILL)
    for pid in tuple(children):
        _reap(pid, children)


def _fork(control: socket.socket, descriptor: int, start: Start, children: set[int]) -> tuple[int, float, int]:
    forker_pid = os.getpid()
    sys.stderr.flush()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(descriptor)
        return -(error.errno or errno.EAGAIN), 0.0, 0
    if pid == 0:
        control.close()
        _work_and_exit(descriptor, forker_pid, start)
    os.close(descriptor)
    children.add(pid)
    return pid, 0.0, 0


def _reap(pid: int, children: set[int]) -> tuple[int, float, int]:
    """Kill (a worker that has ended keeps its exit status), wait, and say how and with what it ended."""
    if pid not in children:
        return UNKNOWN_EXIT, 0.0, 0
    children.remove(pid)
    os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIB


# --- a worker


def _work_and_exit(descriptor: int, forker_pid: int, start: Start) -> NoReturn:
    try:
        die_with_parent(forker_pid)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        memory = start.memory_bytes if hard == resource.RLIM_INFINITY else min(start.memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
        with socket.socket(fileno=descriptor) as sock:
            _work(sock, start.cpu_seconds, memory)
    except (EOFError, OSError):
        pass  # our process is gone or has closed this worker
    finally:
        os._exit(0)  # never back into the forker's loop


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL at the parent's end (Linux; elsewhere the forker's own kill must do)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)


def _work(sock: socket.socket, cpu_seconds: float, memory: int) -> None:
    while True:
        frame = receive(sock, sys.maxsize)
        before = time.thread_time()
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)  # SIGPROF's default action ends the process
        status, pieces = _do(frame)
        signal.setitimer(signal.ITIMER_PROF, 0)
        del frame
        size, peak = address_space()
        if peak > memory * _PEAK_SHARE:
            status, pieces = MEMORY, Pieces()
        now = time.thread_time()
        peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
        send(sock, [REPLY.pack(*Reply(status, now - before, now, size, peak_rss)), *pieces])


def _do(frame: bytearray) -> tuple[bytes, Pieces]:
    try:
        function: Callable[..., Any]
        arguments: Sequence[Any]
        function, arguments = pickle.loads(frame)  # noqa: S301 - from our own parent
        return OK, pickled(function(*arguments))
    except MemoryError:
        return MEMORY, Pieces()
    except BaseException as error:  # noqa: BLE001 - whatever a job raises, SystemExit too, is that job's result
        traceback.print_exc()
        return ERROR, Pieces([reason_of(error).encode("utf-8", "replace")])


def address_space() -> tuple[int, int]:
    """Bytes of address space now and at most so far; (0, 0) where /proc does not say."""
    try:
        with open("/proc/self/status", "rb") as status:
            text = status.read()
    except OSError:
        return 0, 0
    return _kib(text, b"VmSize:"), _kib(text, b"VmPeak:")


def _kib(text: bytes, key: bytes) -> int:
    _, _, rest = text.partition(key)
    return int(rest.split(maxsplit=1)[0]) * _KIB


if __name__ == "__main__":
    main(int(sys.argv[1]))
