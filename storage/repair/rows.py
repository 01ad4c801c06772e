"""Rows of captures are brought to the records of a WARC file: entered, corrected, or taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from storage.archive import captures as capture_rows
from storage.archive.captures import columns_of, file_id
from storage.database.columns import clean
from storage.database.engine import transaction
from storage.database.schema import captures, warc_files
from storage.errors import DamageError, DiskError
from storage.records import Capture
from storage.recovery.rows import adopt, enter_run, withdraw_one
from storage.repair.deeds import Means
from storage.verify.rows import rows
from storage.warc.read import Damage, read_record
from storage.warc.recover import units

_AT_ONCE = 100  # captures a transaction


@dataclass(slots=True)
class Found:
    """What was found in a file: the ids of its main records, and whether anything of it cannot be read."""

    record_ids: set[str] = field(default_factory=set)
    damaged: bool = False


def mend_rows(means: Means, path: Path, doubted: Sequence[int]) -> Found:
    """Enter exchanges that have no row, and correct rows that say other than their record.

    `doubted` are offsets of records whose digests do not fit: from their exchanges nothing is learnt.
    """
    found, batch = Found(), list[Capture]()
    for unit in units(path):
        if isinstance(unit, Damage):
            found.damaged = True
        elif unit.capture is not None:
            found.record_ids.add(unit.capture.place.record_id)
            start = unit.capture.place.offset
            if not any(start <= offset < unit.end for offset in doubted):
                batch.append(unit.capture)
        if len(batch) >= _AT_ONCE:
            _settle(means, batch)
            batch = []
    _settle(means, batch)
    return found


def _settle(means: Means, batch: Sequence[Capture]) -> None:
    with transaction(means.engine) as conn:
        known = _known(conn, batch)
        new = {capture.place.record_id: capture for capture in batch if capture.place.record_id not in known}
        adopt(conn, list(new.values()))
        for capture in new.values():
            means.did(capture.place.file, capture.place.offset, f"row entered ({capture.url})")
        for capture in batch:
            if (row := known.get(capture.place.record_id)) is not None:
                _correct(means, conn, capture, row)


def _known(conn: Connection, batch: Iterable[Capture]) -> Mapping[str, RowMapping]:
    ids = [capture.place.record_id for capture in batch]
    query = (
        select(captures, warc_files.c.name.label("file"), warc_files.c.place.label("place"))
        .outerjoin(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .where(captures.c.warc_record_id.in_(ids))
    )
    return {row["warc_record_id"]: row for row in conn.execute(query).mappings()}


def _correct(means: Means, conn: Connection, capture: Capture, row: RowMapping) -> None:
    place = capture.place
    if (row["file"], row["warc_offset"]) != (place.file, place.offset) and _holds(means, row):
        return  # the record is there twice, and its row points to the other
    said = columns_of(capture) | {"warc_file_id": file_id(conn, place.file, None, means.now)}
    wrong = {name: value for name, value in said.items() if _differs(name, row[name], value)}
    if wrong:
        enter_run(conn, capture)
        conn.execute(update(captures).where(captures.c.id == row["id"]).values(wrong))
        means.did(place.file, place.offset, f"row corrected: {', '.join(sorted(wrong))} ({capture.url})")


def _differs(name: str, in_row: Any, found: Any) -> bool:
    if name in {"body_sha256", "error"} and None in {in_row, found}:
        return False  # not to be had by the software of its day, or told by who has read the page
    if name == "context":
        return bool(capture_rows.context_from(in_row) != capture_rows.context_from(clean(found)))
    return bool(in_row != (clean(found) if isinstance(found, str) else found))


def _holds(means: Means, row: RowMapping) -> bool:
    """Whether the record that a row is of lies where the row says."""
    if row["file"] is None:
        return False
    path = Path(row["place"]) if row["place"] else means.folder / row["file"]
    try:
        with read_record(path.parent, path.name, row["warc_offset"]) as record:
            return bool(record.head.record_id == row["warc_record_id"])
    except (DamageError, DiskError, ValueError, OSError):
        return False


def take_back_lost(means: Means, row: RowMapping, found: Found) -> None:
    """Take back rows of a file whose records it does not hold; where any of it cannot be read, they may be there."""
    if found.damaged:
        return
    query = select(captures.c.id, captures.c.warc_offset, captures.c.warc_record_id, captures.c.url).where(
        captures.c.warc_file_id == row["id"]
    )
    for capture in list(rows(means.engine, query, captures.c.id)):
        if capture["warc_record_id"] in found.record_ids or _begins(means, row, capture):
            continue
        with transaction(means.engine) as conn:
            withdraw_one(conn, capture["id"], means.now)
        means.did(row["name"], capture["warc_offset"], f"row taken back: it has no record; {capture['url']} is due again")


def _begins(means: Means, row: RowMapping, capture: RowMapping) -> bool:
    """Whether the record is there, though its exchange is not whole."""
    return _holds(means, {**row, **capture, "file": row["name"]})  # type: ignore[arg-type]
