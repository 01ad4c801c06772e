"""Mends what `verify` found, as far as bytes and rows that are there allow it, and loses nothing else.

Only for one who holds the collection's lock. Bytes that are cut off a file are saved beside it first; rows are taken back
only where their bytes are gone for good: never for a file that is merely not there, and never where damage may hide them.
Each step may be cut short by a kill and done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Engine, RowMapping, select

from storage.database.engine import reading
from storage.database.schema import warc_files
from storage.records import FileOrigin, FileState
from storage.recovery.recover import recover
from storage.repair.deeds import Deed, Means
from storage.repair.files import mend_end, mend_index
from storage.repair.names import rename_back, written_as
from storage.repair.rows import mend_rows, take_back_lost
from storage.verify.faults import Fault, What
from storage.warc.file import cdxj_path, disk

__all__ = ["Deed", "repair"]

_ABOUT_ROWS = frozenset({What.RECORD_WITHOUT_ROW, What.ROW_WITHOUT_RECORD, What.ROW})
_ABOUT_NAMES = frozenset({What.SWAPPED, What.MISSING_FILE, What.UNKNOWN_FILE})


def repair(engine: Engine, folder: Path, now: str, faults: Sequence[Fault]) -> list[Deed]:
    """Mend what can be mended of these faults, and what a killed run left. Returns what was done.

    Raises DiskError, DatabaseError, and DamageError when a file is there twice.
    """
    means = Means(engine, folder, now)
    with disk("repair", folder):
        recovered = recover(engine, folder, now, means.save)
        if recovered:
            means.did(None, None, str(recovered))
        if any(fault.what in _ABOUT_NAMES for fault in faults):
            rename_back(means, _rows(engine))
        _mend_files(means, faults)
    return means.deeds


def _rows(engine: Engine) -> dict[str, RowMapping]:
    """The rows of files that this program wrote and closed, and that should be here, by name."""
    query = select(warc_files).where(
        warc_files.c.state == str(FileState.HERE),
        warc_files.c.origin == str(FileOrigin.OWN),
        warc_files.c.size.is_not(None),
    )
    with reading(engine) as conn:
        return {row["name"]: row for row in conn.execute(query).mappings()}


def _mend_files(means: Means, faults: Sequence[Fault]) -> None:
    files = list(_faulty(means, faults))
    for row, path, _ in files:
        mend_end(means, row, path)
    about_rows = [(row, path, own) for row, path, own in files if any(fault.what in _ABOUT_ROWS for fault in own)]
    found = {row["name"]: mend_rows(means, path, _doubted(own)) for row, path, own in about_rows}
    for row, _, _ in about_rows:  # once rows of all files were brought to their records
        take_back_lost(means, row, found[row["name"]])
    for _, path, own in files:
        if any(fault.what in {What.CDXJ, What.CUT} for fault in own):
            mend_index(means, path)


def _faulty(means: Means, faults: Sequence[Fault]) -> Iterator[tuple[RowMapping, Path, list[Fault]]]:
    """Files that are here under their own names and have faults."""
    for name, row in _rows(means.engine).items():
        path = Path(row["place"]) if row["place"] else means.folder / name
        own = [fault for fault in faults if fault.file in {name, cdxj_path(path).name}]
        if own and path.exists() and written_as(path) == name:
            yield row, path, own


def _doubted(faults: Iterable[Fault]) -> list[int]:
    """Offsets of records whose own digests do not fit."""
    return [fault.offset for fault in faults if fault.what is What.DIGEST and fault.offset is not None]
