"""`newswarc` without its start, and at a virtual time: a process that has everything imported forks one for each command.

    tests --socket--> runner --fork--> keeper --fork--> newswarc

Importing takes more than most commands in tests do. Two things are replaced. `storage.times.now`, before anybody imports it by
name: it is all that is virtual. And the start of the workers' forker, which takes a second: the keeper forks one that has
everything imported, and from there on it is the real one. A keeper waits for its command, which may be killed, and tells its
exit code. Nothing is shared between commands: each is a fork of a process that never ran one. How the command starts and how
its interpreter ends is seen by tests that start it themselves (`desk.COMMAND`).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, NoReturn, Self

ROOT = Path(__file__).resolve().parent.parent
PRELOAD = (
    *(
        "crawler.engine",
        "crawler.run.frontier",
        "crawler.wire.handler",
        "crawler.run.settling",
        "crawler.middlewares.politeness",
        "crawler.middlewares.conditional",
    ),
    *("crawler.discovery.reading", "pipelines.worker_main", "pipelines.forker"),
)
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
LIMIT = 300.0  # seconds that a command may take


class Running:
    """A command that was begun."""

    def __init__(self, conversation: socket.socket) -> None:
        self._lines = conversation.makefile("r")
        self._conversation = conversation
        self.pid = int(self._lines.readline())
        self._code: int | None = None

    def wait(self) -> int:
        """Its exit code; -9 when it was killed. TimeoutError when it takes too long."""
        if self._code is None:
            self._code = int(self._lines.readline())
            self._conversation.close()
        return self._code

    def kill(self) -> None:
        """As no command can prepare for."""
        os.kill(self.pid, signal.SIGKILL)


class Runner:
    """The process that forks commands, while `with` holds."""

    def __init__(self, folder: Path) -> None:
        self._address = folder / "runner.socket"

    def __enter__(self) -> Self:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._address))
            listener.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.runner", str(listener.fileno())],
                cwd=ROOT,
                env=environment() | ONE_THREAD,
                pass_fds=[listener.fileno()],
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._address.unlink()

    def begin(
        self, arguments: Sequence[str], folder: Path, files: Sequence[IO[bytes]], *, offset: float = 0.0, limit: float = LIMIT
    ) -> Running:
        """Start `newswarc ARGUMENTS` in a folder, with these three as its standard ones, on a clock `offset` seconds ahead."""
        conversation = socket.socket(socket.AF_UNIX)
        conversation.settimeout(limit)
        conversation.connect(str(self._address))
        wanted = {"arguments": arguments, "offset": offset, "folder": str(folder), "environment": environment()}
        socket.send_fds(conversation, [b"!"], [file.fileno() for file in files])
        conversation.sendall(f"{json.dumps(wanted)}\n".encode())
        return Running(conversation)

    def run(
        self, arguments: Sequence[str], folder: Path, *, stdin: bytes = b"", limit: float = LIMIT
    ) -> subprocess.CompletedProcess[bytes]:
        """A command from beginning to end."""
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as errors:
            given.write(stdin)
            given.seek(0)
            running = self.begin(arguments, folder, (given, out, errors), limit=limit)
            try:
                code = running.wait()
            except BaseException:
                running.kill()
                raise
            out.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(["newswarc", *arguments], code, out.read(), errors.read())


def environment() -> dict[str, str]:
    """The environment of a command: our checkout, no proxies."""
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()} | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


# --- in the runner's process ------------------------------------------------------------------------------------------


def serve(listener: socket.socket) -> NoReturn:
    """Fork a keeper for each conversation."""
    shift = _shift_time()
    _preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are not waited for
    while True:
        conversation, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _keep(conversation, shift)
        conversation.close()


def _shift_time() -> list[float]:
    """Replace the clock; the number in the list is its offset."""
    from storage import times

    shift = [0.0]
    times.now = lambda: times.iso_of(time.time() + shift[0])
    return shift


def _preload() -> None:
    for name in PRELOAD:
        importlib.import_module(name)
    from crawler.cli import COMMANDS, later
    from pipelines.page import warm

    warm()

    for path in COMMANDS.values():
        later(path).function()
    assert "twisted.internet.reactor" not in sys.modules, "a reactor cannot be forked"
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "threads cannot be forked"
    gc.collect()
    gc.freeze()


def _keep(conversation: socket.socket, shift: list[float]) -> NoReturn:
    """Fork a command, and forkers of its workers while it lives; tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    files = socket.recv_fds(conversation, 1, 3)[1]
    lines = conversation.makefile("rw")
    wanted = json.loads(lines.readline())
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        os.close(conversation.fileno())
        shift[0] = wanted["offset"]
        with _ending_here():
            _command(wanted, files, theirs)
    theirs.close()
    for number in files:
        os.close(number)
    lines.write(f"{pid}\n")
    lines.flush()
    while fds := socket.recv_fds(ours, 1, 2)[1]:
        ours.sendall(b"%10d" % _fork_forker(*fds, conversation.fileno(), ours.fileno()))
    _, status = os.waitpid(pid, 0)
    lines.write(f"{os.waitstatus_to_exitcode(status)}\n")
    lines.flush()
    os._exit(0)


def _fork_forker(control: int, output: int, *ours: int) -> int:
    """See `pipelines.worker_main`: a forker that need not import anything."""
    from pipelines import worker_main

    pid = os.fork()
    if pid == 0:
        with _ending_here():
            for number in ours:
                os.close(number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            warnings.simplefilter("ignore")  # nobody gives it our -W
            worker_main._preload = lambda _: gc.freeze()
            worker_main.main(control)
    os.close(control)
    os.close(output)
    return pid


class Forked:
    """What `pipelines.forker` needs of a process."""

    def __init__(self, keeper: socket.socket, control: int) -> None:
        reading, writing = os.pipe()
        self.stdout: IO[bytes] = open(reading, "rb")  # noqa: SIM115 - closed by whoever reads it
        socket.send_fds(keeper, [b"!"], [control, writing])
        os.close(writing)
        self.pid = int(keeper.recv(10))
        self._end = os.pidfd_open(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        """See subprocess.Popen."""
        if not select.select([self._end], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("forker", timeout or 0.0)
        return 0

    def kill(self) -> None:
        """See subprocess.Popen."""
        signal.pidfd_send_signal(self._end, signal.SIGKILL)


@contextmanager
def _ending_here() -> Iterator[None]:
    """Whatever comes out of it, no frame of the parent is run by its child."""
    try:
        yield
    except SystemExit:
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a fork of somebody else's frames must end here
        traceback.print_exc()
    os._exit(70)


def _command(wanted: Mapping[str, Any], files: Sequence[int], keeper: socket.socket) -> NoReturn:
    os.setsid()
    os.chdir(wanted["folder"])
    for standard, number in enumerate(files):
        os.dup2(number, standard)
        os.close(number)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    arguments = wanted["arguments"]
    random.seed()  # else each command would have the same luck
    sys.argv = ["newswarc", *arguments]
    from crawler.cli import main
    from pipelines import forker

    forker._popen = lambda control: Forked(keeper, control)
    code = main(arguments)
    threading._shutdown()  # type: ignore[attr-defined] # as an interpreter ends
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
