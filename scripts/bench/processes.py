"""What the kernel says of processes: CPU time, memory, parents. Linux."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds, user and system: of a process with all its threads, and of the children that it has waited for."""

    own: float
    children: float


def cpu_of(pid: int) -> Cpu:
    """The CPU time of a process, also of one that has ended and was not waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    utime, stime, cutime, cstime = (int(field) / _TICKS for field in fields[11:15])
    return Cpu(utime + stime, cutime + cstime)


def resident_mb(pid: int) -> float:
    """Memory of a process that is in RAM and its own, in MB; 0.0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    sizes = dict(line.split(":", 1) for line in status.splitlines())
    return sum(int(sizes[name].split()[0]) for name in ("RssAnon", "RssFile") if name in sizes) / 1024


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that they have started."""
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
        others = Path(f"/proc/{pid}/task").iterdir()
        for task in others:
            children += [int(word) for word in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        return []
    return sorted({below for child in children for below in (child, *descendants(child))})


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """Processes that are started inside run on these processors only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run_seconds(pid: int) -> float:
    """CPU time of a process's first thread, to the nanosecond; 0.0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except OSError:
        return 0.0
