"""Sorts more lines than memory holds: in runs that lie on disk, which are then merged."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_IN_MEMORY = 32 << 20  # bytes of lines


class SortedLines:
    """Lines to sort, each with its newline; temporary files lie in `folder`. Raises OSError."""

    def __init__(self, folder: Path, in_memory: int = _IN_MEMORY) -> None:
        self._folder = folder
        self._limit = in_memory
        self._lines: list[bytes] = []
        self._size = 0
        self._runs: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in self._runs:
            run.close()

    def add(self, line: bytes) -> None:
        """One more."""
        self._lines.append(line)
        self._size += len(line)
        if self._size > self._limit:
            self._spill()

    def __iter__(self) -> Iterator[bytes]:
        """All of them in byte order, each once."""
        for run in self._runs:
            run.seek(0)
        return _distinct(heapq.merge(sorted(self._lines), *self._runs))

    def _spill(self) -> None:
        run = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed with all others
        self._runs.append(run)
        run.writelines(sorted(self._lines))
        self._lines, self._size = [], 0


def _distinct(lines: Iterable[bytes]) -> Iterator[bytes]:
    last = None
    for line in lines:
        if line != last:
            yield line
        last = line
