"""Where the WARC files of a collection are, and the records in them; a revisit is given with the payload it refers to."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

from sqlalchemy import Engine, select

from storage.archive.captures import capture_of
from storage.database.engine import reading
from storage.database.schema import captures, warc_files
from storage.errors import AwayError, DamageError
from storage.records import Capture, FileState, RecordPlace
from storage.warc.format import body_sha256, is_not_modified, pieces
from storage.warc.http_message import HEAD_LIMIT, split_head
from storage.warc.read import Record, read_record

_IN_MEMORY = 4 << 20  # a longer response is put together in a temporary file


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response as it was served, `length` bytes. `block` is a seekable file of its own: close it after use."""

    block: IO[bytes]
    length: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.block.close()


class Shelf:
    """The WARC files of a collection whose own ones lie in `folder`."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder = folder
        self._engine = engine
        self._paths: dict[str, Path] = {}  # of files that lie outside of the folder

    def path(self, name: str) -> Path:
        """Where a file is. Raises AwayError, with one line of advice, when it was moved to other storage or withdrawn."""
        if name not in self._paths:
            row = self._row(name)
            if row is not None and row[0] != FileState.HERE:
                where = f"is in {row[1]}; bring it back, then say `newswarc files here`" if row[1] else "was withdrawn"
                raise AwayError(f"{name} {where}")
            self._paths[name] = Path(row[1]) if row and row[1] else self._folder / name
        return self._paths[name]

    def _row(self, name: str) -> tuple[str, str | None] | None:
        with reading(self._engine) as conn:
            row = conn.execute(select(warc_files.c.state, warc_files.c.place).where(warc_files.c.name == name)).one_or_none()
        return None if row is None else (row.state, row.place)

    def record(self, place: RecordPlace) -> Record:
        """The record at a place. Raises DamageError when it is not whole, AwayError when its file is not here."""
        path = self.path(place.file)
        return read_record(path.parent, path.name, place.offset, place.length)

    def response(self, capture: Capture) -> Response:
        """What was served in a capture. Raises as `record`, and DamageError when the original of a revisit is gone."""
        record = self.record(capture.place)
        if record.head.type != "revisit" or is_not_modified(record.head):
            record.block.seek(0)
            return Response(record.block, record.head.content_length)
        with record, self.record(self._original(capture)) as original:
            return _joined(record, original)

    def body_sha256(self, capture: Capture) -> str | None:
        """The SHA-256 (hex) of the decoded body of a response; None when it cannot be told. Raises as `response`."""
        with self.response(capture) as response:
            head = split_head(b"".join(pieces(response.block, 0, min(response.length, HEAD_LIMIT))))
            return body_sha256(response.block, response.length, head)

    def _original(self, capture: Capture) -> RecordPlace:
        query = (
            select(captures, warc_files.c.name.label("file"))
            .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
            .where(captures.c.warc_record_id == capture.revisit_of)
        )
        with reading(self._engine) as conn:
            row = conn.execute(query).mappings().one_or_none()
        if row is None:
            place = f"{capture.place.file} at offset {capture.place.offset}"
            raise DamageError(f"{place}: the record that this revisit refers to, {capture.revisit_of}, is not known")
        return capture_of(row).place


def _joined(revisit: Record, original: Record) -> Response:
    """The header block of one, if it has one, and the payload of the other."""
    block = cast("IO[bytes]", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the response's to keep
    alone = not revisit.head.content_length  # others keep nothing but the reference
    start = 0 if alone else split_head(b"".join(pieces(original.block, 0, HEAD_LIMIT))).payload_offset
    for record, at in ((revisit, 0), (original, start)):
        for piece in pieces(record.block, at, record.head.content_length):
            block.write(piece)
    length = block.tell()
    block.seek(0)
    return Response(block, length)
