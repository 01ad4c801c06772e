"""`verify`: database and archive against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from crawler import collection as collections
from crawler import console
from crawler.collection import Collection
from storage.database import open_readonly
from storage.errors import DamageError
from storage.verify import Checked, Fault
from storage.verify import verify as faults_of

Note = Callable[[str], None]


def verify(folder: Path, note: Note, progress: Note | None, *, as_json: bool) -> None:
    """Print all damage as it is found. Raises DamageError when there is any."""
    collection = collections.find(folder)
    checked = _as_json(collection, progress) if as_json else _as_lines(collection, progress)
    for line in checked.notes:
        note(line)
    if checked.faults:
        raise DamageError(f"{collection.folder}: {checked.faults} faults in {checked}")
    note(f"No damage in {checked}")


def _as_lines(collection: Collection, progress: Note | None) -> Checked:
    def show(faults: Iterable[Fault]) -> None:
        for fault in faults:
            console.out(console.one_line(str(fault)))
            console.flush()  # a whole archive takes hours; what is found is told at once

    return _checked(collection, progress, show)


def _as_json(collection: Collection, progress: Note | None) -> Checked:
    found: list[Fault] = []
    checked = _checked(collection, progress, found.extend)
    console.out_json({"checked": asdict(checked), "faults": [asdict(fault) for fault in found]})
    return checked


def _checked(collection: Collection, progress: Note | None, take: Callable[[Iterable[Fault]], None]) -> Checked:
    """Hand all faults to `take`; what was looked at."""
    checked, warc = Checked(), collection.warc()
    engine = open_readonly(collection.database_url)
    try:
        take(faults_of(engine, warc, checked, progress))
    finally:
        engine.dispose()
    return checked
