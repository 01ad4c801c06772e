"""`export`: the articles as a stream of lines, to stdout or into a file."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from crawler.actions.database import opened
from crawler.config import checks
from crawler.config import collection as collections
from crawler.terminal import console, files
from storage.errors import UsageError
from storage.query import export as exporting

_IN_MEMORY = 16 << 20  # bytes


def export(
    folder: Path, output: Path | None, *, fmt: str, since_seq: int | None, source: str | None, since: str | None
) -> None:
    """Write the articles chosen; a file appears only when it is complete."""
    if source is not None and not checks.is_text(source):
        raise UsageError(f"--source {checks.shown(source)} is no text")
    with opened(collections.find(folder)) as conn:
        lines = exporting.export(conn, since_seq=since_seq, source=source, since=since, fmt=fmt)
        # A reader that goes away leaves the stream half read; it has to end before its connection does.
        with closing(cast("Generator[str, None, None]", lines)):
            if output is not None:
                _write(lines, output)
                return
            spool = _spooled(lines)
    with spool:
        for line in spool:
            console.out(line, end="")


def _spooled(lines: Iterable[str]) -> IO[str]:
    """All lines, read at the pace of the disk: while a slow reader of a pipe takes them, no database is held open."""
    spool = SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", errors="surrogatepass", newline="\n")  # noqa: SIM115
    try:
        spool.writelines(lines)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return cast("IO[str]", spool)


def _write(lines: Iterable[str], output: Path) -> None:
    with files.replacing(output) as file:
        for line in lines:
            file.write(line.encode("utf-8", "backslashreplace"))
