"""`export`: the articles as a stream of lines, to stdout or into a file."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import cast

from crawler import collection as collections
from crawler import console, files
from crawler.actions.database import opened
from storage import export as exporting


def export(
    folder: Path, output: Path | None, *, fmt: str, since_seq: int | None, source: str | None, since: str | None
) -> None:
    """Write the articles chosen; a file appears only when it is complete."""
    with opened(collections.find(folder)) as conn:
        lines = exporting.export(conn, since_seq=since_seq, source=source, since=since, fmt=fmt)
        # A reader that goes away leaves the stream half read; it has to end before its connection does.
        with closing(cast("Generator[str, None, None]", lines)):
            if output is None:
                _print(lines)
            else:
                _write(lines, output)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        console.out(line, end="")


def _write(lines: Iterable[str], output: Path) -> None:
    with files.replacing(output) as file:
        for line in lines:
            file.write(line.encode("utf-8", "backslashreplace"))
