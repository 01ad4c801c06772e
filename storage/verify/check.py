"""Files -> records -> rows and back: whether archive and database agree, and what is damaged.

Every WARC file is read once, beside its rows in the order of their offsets; then every version and article is seen.
Each query is short, so that a crawl can go on meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, RowMapping, func, select

from storage.database.engine import reading
from storage.database.schema import captures, warc_files
from storage.records import FileOrigin, FileState
from storage.verify.crew import Crew
from storage.verify.faults import Checked, Fault, What
from storage.verify.files import ALL_BODIES, Bodies, Entered, writer_lives
from storage.verify.jobs import FileJob, Job, missing
from storage.verify.rows import RowsJob, rows
from storage.warc.file import OPEN, disk, open_path
from storage.warc.read import Damage, scan

__all__ = ["Checked", "Choice", "Fault", "What", "verify"]

_ALL = 100.0  # percent


@dataclass(frozen=True, slots=True)
class Choice:
    """Which files are read. `since`: those closed at or after this moment, and those that are not closed.

    `sample`: so many percent of these, one at the least, by lot; the lot depends on `seed` and the files' names alone.
    `bodies`: which pages are decoded.
    """

    since: str | None = None
    sample: float = _ALL
    seed: str = ""
    bodies: Bodies = ALL_BODIES


def verify(
    engine: Engine,
    folder: Path,
    checked: Checked | None = None,
    progress: Callable[[str], None] | None = None,
    *,
    choice: Choice | None = None,
    crew: Crew | None = None,
) -> Iterator[Fault]:
    """Every fault of the archive in `folder` and of its database, as it is found.

    `checked` is counted up meanwhile; `progress` hears the name of each file before it is read. What a living crawl is
    writing, or a killed one left for the next to put right, is no fault; nor is a file that was moved to other storage.
    With a crew, files are read by its processes, side by side. Raises DiskError and DatabaseError.
    """
    checked = Checked() if checked is None else checked
    survey = _Survey(engine, folder, checked, progress or (lambda _: None), choice or Choice())
    for fault in survey.faults(crew):
        checked.faults += 1
        yield fault


class _Survey:
    """One walk through a collection."""

    def __init__(
        self, engine: Engine, folder: Path, checked: Checked, progress: Callable[[str], None], choice: Choice
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._checked = checked
        self._progress = progress
        self._choice = choice
        self._missing: list[Fault] = []

    def faults(self, crew: Crew | None) -> Iterator[Fault]:
        with disk("read", self._folder):
            there = {path.name for path in self._folder.iterdir() if ".warc.gz" in path.name or ".cdxj" in path.name}
        entered: set[str] = set()
        files, last = self._jobs(entered), RowsJob(self._choice.since)
        if crew is None:
            for job in files:
                yield from self._done_here(job)
            yield from self._unknown_files(there, entered)
            yield from self._done_here(last)
        else:
            # What reads no file takes one process for long: it is begun first.
            for done in crew.do(_chained(last, files), self._begun):
                self._checked.add(done.checked)
                yield from self._lost()
                yield from done.faults
            yield from self._unknown_files(there, entered)
        yield from self._lost()
        self._note_elsewhere()

    def _done_here(self, job: Job) -> Iterator[Fault]:
        yield from self._lost()
        self._begun(job)
        yield from job.run(self._engine, self._checked)

    def _begun(self, job: Job) -> None:
        if isinstance(job, FileJob):
            self._progress(job.path.name)

    def _lost(self) -> list[Fault]:
        """Files that were not there, since the last call."""
        found, self._missing = self._missing, []
        return found

    # --- files

    def _jobs(self, entered: set[str]) -> Iterator[FileJob]:
        """A job for each file to be read; `entered` gets the names of all that have a row."""
        chosen = self._chosen()
        for row in rows(self._engine, select(warc_files), warc_files.c.name):
            entered.add(row["name"])
            if row["state"] != FileState.HERE:
                continue
            job = self._job(row)
            if job is None:
                self._missing.append(missing(self._engine, row["id"], row["name"]))
            elif chosen is None or row["name"] in chosen:
                yield job
            else:
                self._checked.not_chosen += 1

    def _job(self, row: RowMapping) -> FileJob | None:
        """None for a file that is not there."""
        own, closed = row["origin"] == FileOrigin.OWN, row["closed_at"] is not None
        path = Path(row["place"]) if row["place"] else self._folder / row["name"]
        candidates = (path, open_path(path), path) if own else (path,)  # it may get its final name between two looks
        found = next((candidate for candidate in candidates if candidate.exists()), None)
        if found is None:
            return None
        if found != path and not writer_lives(found):
            self._note(path.name, "was left open by a run that was killed")
        elif found == path and not closed and own:
            self._note(path.name, "is closed, but not entered as closed")
        whole = closed and found == path and (own or row["read_until"] is None)
        known = Entered(whole, row["size"] if whole else None, row["sha256"] if whole else None, own)
        return FileJob(row["id"], row["name"], path, known, self._choice.bodies)

    def _chosen(self) -> set[str] | None:
        """The names of the files to be read, None: all."""
        since, sample = self._choice.since, self._choice.sample
        if since is None and sample >= _ALL:
            return None
        query = select(warc_files.c.name).where(warc_files.c.state == str(FileState.HERE))
        if since is not None:
            query = query.where(warc_files.c.closed_at.is_(None) | (warc_files.c.closed_at >= since))
        with reading(self._engine) as conn:
            names = list(conn.execute(query).scalars())
        count = max(1, round(len(names) * sample / _ALL))
        return set(sorted(names, key=self._lot)[:count])

    def _lot(self, name: str) -> bytes:
        return hashlib.sha256(f"{self._choice.seed}\n{name}".encode()).digest()

    def _note(self, name: str, what: str) -> None:
        self._checked.notes.append(f"{name} {what}; the next crawl puts that right")

    def _note_elsewhere(self) -> None:
        moved = warc_files.c.state == str(FileState.ELSEWHERE)
        pointing = select(func.count()).select_from(captures.join(warc_files)).where(moved)
        with reading(self._engine) as conn:
            count, first = conn.execute(select(func.count(), func.min(warc_files.c.name)).where(moved)).one()
            if not count:
                return
            self._checked.elsewhere = int(conn.execute(pointing).scalar_one())
        others = f" and {count - 1} others are" if count > 1 else " is"
        self._checked.notes.append(f"{first}{others} elsewhere: {self._checked.elsewhere} captures were not looked at")

    # --- files that no row knows

    def _unknown_files(self, there: set[str], entered: set[str]) -> Iterator[Fault]:
        for name in sorted(there):
            final = name.removesuffix(OPEN)
            if final.endswith(".warc.gz") and final not in entered and not self._is_entered(final):
                yield from self._unknown_warc(name)
            elif final.endswith(".cdxj"):
                warc = final.removesuffix(".cdxj") + ".warc.gz"
                if not {warc, warc + OPEN} & (there | entered):
                    yield Fault(What.UNKNOWN_FILE, name, None, "an index without its WARC file")

    def _is_entered(self, name: str) -> bool:
        with reading(self._engine) as conn:
            return conn.execute(select(warc_files.c.id).where(warc_files.c.name == name)).first() is not None

    def _unknown_warc(self, name: str) -> Iterator[Fault]:
        path = self._folder / name
        if name.endswith(OPEN):
            if path.exists() and not writer_lives(path):
                self._note(name.removesuffix(OPEN), "was left open by a run that was killed")
        elif _holds_exchanges(path):
            yield Fault(What.UNKNOWN_FILE, name, None, "no row knows of this file")
        else:
            self._note(name, "holds no exchange and is not entered")


def _chained(first: Job, others: Iterator[FileJob]) -> Iterator[Job]:
    yield first
    yield from others


def _holds_exchanges(path: Path) -> bool:
    """Whether there is anything in a WARC file that rows should point to; what is damaged may be."""
    for record in scan(path):
        if isinstance(record, Damage):
            return True
        with record:
            if record.head.type not in {"warcinfo", "resource"}:
                return True
    return False
