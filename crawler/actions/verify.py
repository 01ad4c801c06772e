"""`verify`: database and archive against each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.terminal import console
from storage.database.engine import Engine, open_readonly
from storage.errors import DamageError
from storage.query.moments import moment
from storage.times import now
from storage.verify.check import Checked, Choice, Fault
from storage.verify.check import verify as faults_of
from storage.verify.crew import Crew
from storage.verify.files import Bodies
from storage.warc.file import disk

Note = Callable[[str], None]

_SMALL = 48 << 20  # bytes
_SHARE = 1 / 10  # of bodies that are decoded


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command; None: not given."""

    since: str | None = None
    sample: float | None = None
    seed: str | None = None
    bodies: bool = False
    workers: int | None = None
    as_json: bool = False
    patience: float = 0.0  # seconds, perhaps inf, that a repair waits for the collection

    def choice(self) -> Choice:
        """The files to be read. Raises UsageError for a moment that is none."""
        since = None if self.since is None else moment(self.since)
        seed = now()[:10] if self.seed is None else self.seed
        bodies = Bodies() if self.bodies else Bodies(_SHARE, seed)
        return Choice(since, 100 if self.sample is None else self.sample, seed, bodies)


def verify(folder: Path, note: Note, progress: Note | None, wanted: Wanted) -> None:
    """Print all damage as it is found. Raises DamageError when there is any."""
    collection, choice = collections.find(folder), wanted.choice()
    collection.warc()
    engine = open_readonly(collection.database_url)
    try:
        _check(Work(collection, engine, choice, wanted, progress), note)
    finally:
        engine.dispose()


class Work:
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


def _check(work: Work, note: Note) -> None:
    checked, found = Checked(), list[Fault]()
    work.faults(checked, found.extend if work.wanted.as_json else _show)
    if work.wanted.as_json:
        console.out_json({"checked": asdict(checked), "faults": [asdict(fault) for fault in found]})
    conclude(work, checked, note)


def _show(faults: Iterable[Fault]) -> None:
    for fault in faults:
        console.out(console.one_line(str(fault)))
        console.flush()  # a whole archive takes hours; what is found is told at once


def conclude(work: Work, checked: Checked, note: Note) -> None:
    """Tell what was looked at. Raises DamageError when there is any fault."""
    for line in checked.notes:
        note(line)
    if checked.decoded < checked.bodies:
        note(f"{checked.decoded:,} of {checked.bodies:,} pages were decoded as well; --bodies decodes all")
    seen = f"{checked}" + (f"; {checked.not_chosen:,} files were left out" if checked.not_chosen else "")
    if checked.faults:
        raise DamageError(f"{work.collection.folder}: {checked.faults} faults in {seen}")
    note(f"No damage in {seen}")
