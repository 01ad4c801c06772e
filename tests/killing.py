"""Ending a crawl as no program can prepare for: kill -9, at a moment of time or at a call to the kernel."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.desk import COMMAND, Desk
from tests.runner import environment

KILLS = int(os.environ.get("NEWSWARC_KILLS", "4"))
THOROUGH = KILLS >= 100  # as `make torture` is
STRACE = shutil.which("strace")
OUTLIVE_SECONDS = 2.0  # that a process of a crawl may outlive it
REFETCH = ("crawl", "-q", "--now", "--refetch")
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")


def begin(desk: Desk, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a crawl in a process group of its own."""
    command = [*COMMAND, *(arguments or REFETCH)]
    return subprocess.Popen(command, cwd=desk.folder, env=environment(), start_new_session=True)


def kill(crawling: subprocess.Popen[bytes], desk: Desk, *, group: bool = False) -> float:
    """Kill a crawl, or all its processes at once; how long any of them outlived it (s)."""
    if group:
        os.killpg(crawling.pid, signal.SIGKILL)
    else:
        crawling.kill()
    assert crawling.wait() in {-signal.SIGKILL, 0}
    return outlived(desk)


def outlived(desk: Desk) -> float:
    """Wait until no process works in the collection any more, and return how long that took; fails when it is too long."""
    since = time.monotonic()
    while left := processes_in(desk.folder):
        waited = time.monotonic() - since
        assert waited < OUTLIVE_SECONDS, f"{waited:.1f} s after its end there are still {left}"
        time.sleep(0.005)
    return time.monotonic() - since


def processes_in(folder: Path) -> dict[int, str]:
    """Id and command of every living process whose working folder this is: all of a crawl, whoever forked them when."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:  # of one that is dead, and only not reaped yet, the kernel knows no folder
                if (entry / "cwd").readlink() == folder:
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
    return found


# --- at a call to the kernel ------------------------------------------------------------------------------------------


@cache
def strace_works() -> bool:
    """Whether strace is installed and may trace here."""
    if STRACE is None:
        return False
    tried = subprocess.run([STRACE, "-qqq", "-o", os.devnull, "true"], check=False, capture_output=True)
    return tried.returncode == 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call to the kernel that was begun: its thread, its name, and its arguments, files by their names."""

    thread: int
    name: str
    arguments: str


Wanted = Callable[[Sequence[Call]], bool]
"""Whether the last of these calls is the moment that is wanted."""


def killed_at(desk: Desk, name: str, number: int, *arguments: str, also: str = "", path: Path | None = None) -> list[Call]:
    """Let a thread's `number`th call of a name (a regular expression) kill the crawl as it begins; the calls until then.

    `also`: further calls to be noted; `path`: only calls on this file count. Empty when the run ended before it.
    """
    log = desk.folder.parent / "strace.log"
    names = f"/^({name}{'|' if also else ''}{also})$"
    kill_there = f"inject=/^({name})$:signal=KILL:when={number}"
    only = ["-P", str(path)] if path else []
    command = [str(STRACE), "-f", "-y", "-qqq", "-s", "0", "-o", str(log), "-e", f"trace={names}", "-e", kill_there, *only]
    done = subprocess.run(
        [*command, *COMMAND, *(arguments or REFETCH)], cwd=desk.folder, env=environment(), check=False, timeout=120
    )
    outlived(desk)
    if done.returncode == 0:
        return []
    assert done.returncode == -signal.SIGKILL
    return _until_the_kill(log.read_text())


def _until_the_kill(log: str) -> list[Call]:
    """The calls of the thread that was killed: its last one has no result."""
    calls = [Call(int(found[1]), found[2], found[3]) for line in log.splitlines() if (found := _CALL.match(line))]
    last = next(call for call in reversed(calls) if call.arguments.endswith((" = ?", "<unfinished ...>")))
    mine = [call for call in calls if call.thread == last.thread]
    assert mine[-1] == last
    return mine
