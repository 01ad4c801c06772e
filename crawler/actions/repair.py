"""`verify --repair`: look, mend, and look again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from crawler.actions.verify import Note, Wanted, Work, conclude
from crawler.config import collection as collections
from crawler.terminal import console
from storage.database.engine import open_database
from storage.repair import mend as repairing
from storage.repair.mend import Deed
from storage.runs.lock import hold
from storage.times import now
from storage.verify.check import Checked, Fault


def repair(folder: Path, note: Note, progress: Note | None, wanted: Wanted) -> None:
    """Mend what can be mended, and print what was done and what remains. Raises DamageError when anything does."""
    collection, choice = collections.find(folder), wanted.choice()
    collection.warc()
    with hold(collection.folder, patience=wanted.patience):
        engine = open_database(collection.database_url, create=False)
        try:
            _repair(Work(collection, engine, choice, wanted, progress), note)
        finally:
            engine.dispose()


def _repair(work: Work, note: Note) -> None:
    checked, before = Checked(), list[Fault]()
    work.faults(checked, before.extend)
    deeds = repairing.repair(work.engine, work.collection.warc(), now(), before)
    again, after = Checked(), list[Fault]()
    work.faults(again, after.extend)
    left = {(fault.what, fault.file, fault.offset) for fault in after}
    mended = [fault for fault in before if (fault.what, fault.file, fault.offset) not in left]
    if work.wanted.as_json:
        console.out_json(
            {
                "checked": asdict(again),
                "done": [asdict(deed) for deed in deeds],
                "mended": [asdict(fault) for fault in mended],
                "faults": [asdict(fault) for fault in after],
            }
        )
    else:
        said = [*_told("done", deeds), *_told("mended", mended), *_told("remains", after)]
        for line in said:
            console.out(console.one_line(line))
    note(f"{len(mended)} faults of {len(before)} mended")
    conclude(work, again, note)


def _told(word: str, ones: Iterable[Fault | Deed]) -> list[str]:
    return [f"{word}: {one}" for one in ones]
