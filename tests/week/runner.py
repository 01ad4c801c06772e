"""`newswarc` at a virtual time: a process that has everything imported forks one for each command, as fast as that can be.

    tests --socket--> runner --fork--> keeper --fork--> newswarc

Two things are replaced. `storage.times.now`, before anybody imports it by name: it is all that is virtual. And the start of the
workers' forker, which takes a second: the keeper forks one that has everything imported, and from there on it is the real one.
A keeper waits for its command, which may be killed, and tells its exit code. Nothing is shared between commands: each is a fork
of a process that never ran one.
"""

from __future__ import annotations

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
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, NoReturn, Self

ROOT = Path(__file__).resolve().parent.parent.parent
PRELOAD = (
    *(
        "crawler.engine",
        "crawler.frontier",
        "crawler.wire",
        "crawler.settling",
        "crawler.politeness",
        "crawler.conditional",
    ),
    *("crawler.reading", "pipelines.worker_main", "pipelines.forker"),
)
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
LIMIT = 300.0  # seconds that a command may take


class Running:
    """A command that was begun."""

    def __init__(self, conversation: socket.socket, told: Path) -> None:
        self._lines = conversation.makefile("r")
        self._conversation = conversation
        self._told = told
        self.pid = int(self._lines.readline())
        self._code: int | None = None

    def wait(self) -> int:
        """Its exit code; -9 when it was killed. Fails when it takes too long."""
        if self._code is None:
            self._code = int(self._lines.readline())
            self._conversation.close()
        return self._code

    def kill(self) -> None:
        """As no command can prepare for."""
        os.kill(self.pid, signal.SIGKILL)

    @property
    def told(self) -> str:
        """What it wrote so far."""
        return self._told.read_text("utf-8", "replace")


class Runner:
    """The process that forks commands, while `with` holds."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder = folder  # where commands work
        self._log = log  # a folder for what they write
        self._address = log / "runner.socket"
        self._count = 0

    def __enter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._address))
            listener.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.week.runner", str(listener.fileno())],
                cwd=ROOT,
                env=environment | ONE_THREAD | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
                pass_fds=[listener.fileno()],
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._address.unlink()

    def begin(self, *arguments: str, offset: float) -> Running:
        """Start `newswarc ARGUMENTS` on a clock that is `offset` seconds ahead."""
        self._count += 1
        told = self._log / f"{self._count:05d}.txt"
        conversation = socket.socket(socket.AF_UNIX)
        conversation.settimeout(LIMIT)
        conversation.connect(str(self._address))
        wanted = {"arguments": arguments, "offset": offset, "folder": str(self._folder), "told": str(told)}
        conversation.sendall(f"{json.dumps(wanted)}\n".encode())
        return Running(conversation, told)

    def run(self, *arguments: str, offset: float) -> tuple[int, str]:
        """Run a command to its end: exit code and what it wrote."""
        running = self.begin(*arguments, offset=offset)
        return running.wait(), running.told


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
    lines = conversation.makefile("rw")
    wanted = json.loads(lines.readline())
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        os.close(conversation.fileno())
        shift[0] = wanted["offset"]
        with _ending_here():
            _command(wanted["arguments"], wanted["folder"], wanted["told"], theirs)
    theirs.close()
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


def _command(arguments: Sequence[str], folder: str, told: str, keeper: socket.socket) -> NoReturn:
    os.setsid()
    os.chdir(folder)
    output = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    random.seed()  # else each command would have the same luck
    sys.argv = ["newswarc", *arguments]
    from crawler.cli import main
    from pipelines import forker

    forker._popen = lambda control: Forked(keeper, control)
    code = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
