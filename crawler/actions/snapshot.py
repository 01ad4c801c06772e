"""`snapshot`: a consistent copy of the database for analysts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crawler.config import collection as collections
from crawler.terminal import files
from storage.database.engine import open_readonly
from storage.database.snapshot import snapshot as write


def snapshot(folder: Path, output: Path, note: Callable[[str], None]) -> None:
    """Copy the database to a file, which appears when it is complete."""
    engine = open_readonly(collections.find(folder).database_url)
    try:
        with files.appearing(output) as path:
            write(engine, path)
            size = path.stat().st_size
    finally:
        engine.dispose()
    note(f"Wrote {output} ({size / 1e6:,.1f} MB)")
