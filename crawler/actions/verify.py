"""`verify`: database and archive against each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from crawler import collection as collections
from crawler import console
from crawler.collection import Collection
from storage.database import Engine, open_database, open_readonly
from storage.errors import DamageError
from storage.export import moment
from storage.lock import hold
from storage.repair import Deed, repair
from storage.times import now
from storage.verify import Checked, Choice, Fault
from storage.verify import verify as faults_of
from storage.verify_crew import Crew
from storage.verify_files import Bodies
from storage.warc_file import disk

Note = Callable[[str], None]

_SMALL = 48 << 20  # bytes
_SHARE = 1 / 8  # of bodies that are decoded


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command; None: not given."""

    since: str | None = None
    sample: float | None = None
    seed: str | None = None
    bodies: bool = False
    workers: int | None = None
    repair: bool = False
    as_json: bool = False

    def choice(self) -> Choice:
        """The files to be read. Raises UsageError for a moment that is none."""
        since = None if self.since is None else moment(self.since)
        seed = now()[:10] if self.seed is None else self.seed
        bodies = Bodies() if self.bodies else Bodies(_SHARE, seed)
        return Choice(since, 100 if self.sample is None else self.sample, seed, bodies)


def verify(folder: Path, note: Note, progress: Note | None, wanted: Wanted) -> None:
    """Print all damage as it is found, and mend it if that is wanted. Raises DamageError when there is any left."""
    collection, choice = collections.find(folder), wanted.choice()
    collection.warc()
    with ExitStack() as stack:
        if wanted.repair:
            stack.enter_context(hold(collection.folder))
        url = collection.database_url
        engine = open_database(url, create=False) if wanted.repair else open_readonly(url)
        stack.callback(engine.dispose)
        work = _Work(collection, engine, choice, wanted, progress)
        if wanted.repair:
            _repair(work, note)
        else:
            _check(work, note)


class _Work:
    """What all passes over a collection share."""

    def __init__(
        self, collection: Collection, engine: Engine, choice: Choice, wanted: Wanted, progress: Note | None
    ) -> None:
        self.collection = collection
        self.engine = engine
        self.wanted = wanted
        self._choice = choice
        self._progress = progress

    def faults(self, checked: Checked, take: Callable[[Iterable[Fault]], None]) -> None:
        """Hand all faults to `take`."""
        folder = self.collection.warc()
        workers = self.wanted.workers or _worthwhile(folder)
        with ExitStack() as stack:
            crew = stack.enter_context(Crew(workers, self.collection.database_url)) if workers > 1 else None
            take(faults_of(self.engine, folder, checked, self._progress, choice=self._choice, crew=crew))


def _worthwhile(folder: Path) -> int:
    """One worker for each core; for a small archive this process alone is faster than starting others."""
    with disk("read", folder):
        sizes = [file.stat().st_size for file in os.scandir(folder) if file.is_file()]
    return len(os.sched_getaffinity(0)) if sum(sizes) > _SMALL else 1


def _check(work: _Work, note: Note) -> None:
    checked, found = Checked(), list[Fault]()
    work.faults(checked, found.extend if work.wanted.as_json else _show)
    if work.wanted.as_json:
        console.out_json({"checked": asdict(checked), "faults": [asdict(fault) for fault in found]})
    _conclude(work, checked, note)


def _show(faults: Iterable[Fault]) -> None:
    for fault in faults:
        console.out(console.one_line(str(fault)))
        console.flush()  # a whole archive takes hours; what is found is told at once


def _conclude(work: _Work, checked: Checked, note: Note) -> None:
    for line in checked.notes:
        note(line)
    if checked.decoded < checked.bodies:
        note(f"{checked.decoded:,} of {checked.bodies:,} pages were decoded as well; --bodies decodes all")
    seen = f"{checked}" + (f"; {checked.not_chosen:,} files were left out" if checked.not_chosen else "")
    if checked.faults:
        raise DamageError(f"{work.collection.folder}: {checked.faults} faults in {seen}")
    note(f"No damage in {seen}")


def _repair(work: _Work, note: Note) -> None:
    """Look, mend, and look again."""
    checked, before = Checked(), list[Fault]()
    work.faults(checked, before.extend)
    deeds = repair(work.engine, work.collection.warc(), now(), before)
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
    _conclude(work, again, note)


def _told(word: str, ones: Iterable[Fault | Deed]) -> list[str]:
    return [f"{word}: {one}" for one in ones]
