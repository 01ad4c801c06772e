"""Commands in one folder at virtual times; what they say is kept in files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.runner import Runner, Running


class Told:
    """A command that was begun."""

    def __init__(self, running: Running, file: Path) -> None:
        self._file = file
        self.pid = running.pid
        self.wait = running.wait
        self.kill = running.kill

    @property
    def told(self) -> str:
        """What it wrote so far."""
        return self._file.read_text("utf-8", "replace")


class Journal:
    """See the module."""

    def __init__(self, runner: Runner, folder: Path, log: Path) -> None:
        self._runner = runner
        self._folder = folder
        self._log = log
        self._count = 0

    def begin(self, *arguments: str, offset: float) -> Told:
        """Start `newswarc ARGUMENTS` on a clock that is `offset` seconds ahead."""
        self._count += 1
        file = self._log / f"{self._count:05d}.txt"
        with file.open("wb") as told, open(os.devnull, "rb") as nothing:
            running = self._runner.begin(arguments, self._folder, (nothing, told, told), offset=offset)
        return Told(running, file)

    def run(self, *arguments: str, offset: float) -> tuple[int, str]:
        """Run a command to its end: exit code and what it wrote."""
        running = self.begin(*arguments, offset=offset)
        return running.wait(), running.told


@contextmanager
def journal(folder: Path, log: Path) -> Iterator[Journal]:
    """Commands in `folder`, and a folder for what they say."""
    with Runner(log) as runner:
        yield Journal(runner, folder, log)
