"""The check of one WARC file, from its row to the faults with the articles that they touch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, and_, func, not_, select

from storage.archive import captures as capture_rows
from storage.database.engine import reading
from storage.database.schema import captures, warc_files
from storage.errors import DamageError
from storage.verify.faults import NAMED, Checked, Fault, Finding, What
from storage.verify.files import ALL_BODIES, Bodies, Entered, FileCheck, Original, Row
from storage.verify.rows import PAGE, articles_in, fault_of


class Job(Protocol):
    """A part of a check that needs nothing of the others: it may be done in another process."""

    def run(self, engine: Engine, checked: Checked) -> Iterator[Fault]:
        """Every fault; `checked` counts what was looked at."""


@dataclass(frozen=True, slots=True)
class FileJob:
    """A file that is here. `until`: rows behind this offset are of no interest, None: all are."""

    id: int
    name: str
    path: Path
    entered: Entered
    bodies: Bodies = ALL_BODIES
    until: int | None = None

    def run(self, engine: Engine, checked: Checked) -> Iterator[Fault]:
        """Every fault; `checked` counts what was looked at."""
        job = self if self.entered.closed else replace(self, until=_last_offset(engine, self.id))
        check = FileCheck(self.path, self.name, _rows(engine, job), self.entered, self.bodies)
        try:
            for finding in check.findings():
                if (fault := self._judged(engine, finding)) is not None:
                    yield fault
        except DamageError:  # it was there a moment ago
            yield missing(engine, self.id, self.name)
        checked.files += 1
        checked.bytes += check.tally.bytes
        checked.bodies += check.tally.bodies
        checked.decoded += check.tally.decoded
        checked.records += check.tally.records
        checked.captures += check.tally.rows

    def _judged(self, engine: Engine, finding: Finding) -> Fault | None:
        """The fault that a finding is. A record of others without row may be there twice, in this file or another."""
        if finding.what is What.RECORD_WITHOUT_ROW and finding.record_id:
            place = _place_of(engine, finding.record_id)
            if place is not None and not self.entered.own:
                return None
            if place is not None:
                finding = replace(finding, detail=f"{finding.detail}, whose row points to {place[0]} at offset {place[1]}")
        return fault_of(engine, finding)


def missing(engine: Engine, file_id: int, name: str) -> Fault:
    """A file that should be here and is not."""
    with reading(engine) as conn:
        of_file = select(func.count()).select_from(captures).where(captures.c.warc_file_id == file_id)
        count = conn.execute(of_file).scalar_one()
    uids = articles_in(engine, file_id)
    detail = f"the file is not there, {count} captures point into it"
    return Fault(What.MISSING_FILE, name, None, detail, None, tuple(uids[:NAMED]), len(uids))


def _last_offset(engine: Engine, file_id: int) -> int:
    """Of a file that is being written: the rows that are there now, whose records were there before them."""
    with reading(engine) as conn:
        last = select(func.max(captures.c.warc_offset)).where(captures.c.warc_file_id == file_id)
        return int(conn.execute(last).scalar_one() or 0)


def _rows(engine: Engine, job: FileJob) -> Iterator[Row]:
    """The rows of a file in the order of their offsets, some hundred a query."""
    original = captures.alias("original")
    query = (
        select(
            captures,
            warc_files.c.name.label("file"),
            original.c.record_type.label("original_type"),
            original.c.payload_digest.label("original_payload"),
        )
        .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .outerjoin(original, original.c.warc_record_id == captures.c.revisit_of)
        .where(captures.c.warc_file_id == job.id)
        .order_by(captures.c.warc_offset, captures.c.id)
        .limit(PAGE)
    )
    if job.until is not None:
        query = query.where(captures.c.warc_offset <= job.until)
    offset, last_id = -(2**62), 0
    while True:
        behind = and_(
            captures.c.warc_offset >= offset, not_(and_(captures.c.warc_offset == offset, captures.c.id <= last_id))
        )
        with reading(engine) as conn:
            page = conn.execute(query.where(behind)).mappings().all()
        for row in page:
            offset, last_id = row["warc_offset"], row["id"]
            type_ = row["original_type"]
            known = None if type_ is None else Original(type_, row["original_payload"])
            yield Row(last_id, capture_rows.capture_of(row), known)
        if len(page) < PAGE:
            return


def _place_of(engine: Engine, record_id: str) -> tuple[str, int] | None:
    """File and offset that the row of a record points to."""
    query = (
        select(warc_files.c.name, captures.c.warc_offset)
        .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .where(captures.c.warc_record_id == record_id)
    )
    with reading(engine) as conn:
        row = conn.execute(query).first()
    return None if row is None else (row.name, row.warc_offset)
