"""The bytes of a closed WARC file: its end and its index."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import RowMapping, update

from storage.database.engine import transaction
from storage.database.schema import warc_files
from storage.recovery.rows import withdraw
from storage.repair.deeds import Means
from storage.verify.index import line_of, offset_in
from storage.verify.records import message_of
from storage.verify.scan import Walk
from storage.warc import cdxj
from storage.warc.file import cdxj_path, write_cdxj
from storage.warc.format import PIECE, pieces
from storage.warc.read import Damage
from storage.warc.recover import sha256_of


def mend_end(means: Means, row: RowMapping, path: Path) -> None:
    """Cut off what does not belong to a file: what came behind its end, or the rest of a record that was torn.

    Rows of what is gone from its end are taken back. A file that was neither lengthened nor shortened stays as it is.
    """
    size, was = path.stat().st_size, row["size"]
    if size > was and _prefix_sha256(path, was) == row["sha256"]:
        means.save(path, was)
        _truncate(path, was)
    elif size < was:
        torn = next((found for found in _damage(path) if found.end is None), None)
        if torn is not None:
            means.save(path, torn.offset)
            _truncate(path, torn.offset)
        _shorten(means, row, path)


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _shorten(means: Means, row: RowMapping, path: Path) -> None:
    """What was at the end is gone: enter the file as it is now."""
    size, sha256 = path.stat().st_size, sha256_of(path)
    with transaction(means.engine) as conn:
        count = withdraw(conn, row["id"], size, means.now)
        conn.execute(update(warc_files).where(warc_files.c.id == row["id"]).values(size=size, sha256=sha256))
    if count:
        means.did(row["name"], size, f"{count} captures taken back, their records are gone; their URLs are due again")
    means.did(row["name"], None, f"entered with {size} bytes, not {row['size']}; sha256 {sha256}, not {row['sha256']}")


def _prefix_sha256(path: Path, size: int) -> str:
    hashed = hashlib.sha256()
    with path.open("rb", buffering=PIECE) as file:
        for piece in pieces(file, 0, size):
            hashed.update(piece)
    return hashed.hexdigest()


def _damage(path: Path) -> Iterator[Damage]:
    for found in Walk(path, path.name, strict=True).records():
        if isinstance(found, Damage):
            yield found
        else:
            found.close()


def mend_index(means: Means, path: Path) -> None:
    """Write the CDXJ anew from the records; what it says of places that are damaged is kept."""
    lines, damaged = [], []
    for found in Walk(path, path.name, strict=True).records():
        if isinstance(found, Damage):
            damaged.append(found)
            continue
        with found:
            head = found.head
            message = message_of(found) if head.get("WARC-Concurrent-To") is None else None
            if head.type == "resource":
                lines.append(cdxj.of_resource(head, found.place))
            elif message is not None:
                lines.append(line_of(found, message))
    kept = [line for line in _lines(cdxj_path(path)) if _lies_in(offset_in(line), damaged)]
    write_cdxj(path, [*(f"{line}\n".encode() for line in lines), *kept])
    means.did(cdxj_path(path).name, None, f"written anew, {len(lines)} lines from the records and {len(kept)} as they were")


def _lines(index: Path) -> list[bytes]:
    return index.read_bytes().splitlines(keepends=True) if index.exists() else []


def _lies_in(offset: int | None, damaged: list[Damage]) -> bool:
    return offset is not None and any(
        place.offset <= offset and (place.end is None or offset < place.end) for place in damaged
    )
