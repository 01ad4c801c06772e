"""Brings foreign WARC files into reach of rows: copied into the collection, or left where they are when they can be read there.

A record that lies as it should is copied byte for byte; all others are written as one gzip member each, header and block as
they were. So the copy of a file in good order is that very file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from storage.errors import StoppedError
from storage.foreign.read import Loose, Malformed, records
from storage.warc import cdxj
from storage.warc.file import cdxj_path, disk, sync_folder, write_cdxj
from storage.warc.format import DENSE_SAMPLE, Member, is_dense, pieces
from storage.warc.http_message import HEAD_LIMIT, split_head
from storage.warc.read import Record

PART = ".part"  # of a copy that is being made
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_STEM = 80  # characters of a file's name that are kept
_SUFFIXES = re.compile(r"(?:\.warc)?(?:\.gz)?$", re.IGNORECASE)
_NAMED = 1_000  # malformed records that are kept to be named
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"

Stopped = Callable[[], int | None]  # the signal that asks to end, if any
Take = Callable[[Record], None]  # gets each record as it will be read, and closes it


@dataclass(slots=True)
class Shelved:
    """A foreign file whose records can be pointed to: name and checksum, and what could not be had from it."""

    name: str
    place: Path | None  # None: in the collection
    size: int
    sha256: str
    records: int = 0
    rewritten: int = 0  # had no place of their own
    malformed: list[Malformed] = field(default_factory=list)  # the first of them
    malformed_count: int = 0

    def miss(self, found: Malformed) -> None:
        """Note what no record could be had from."""
        self.malformed_count += 1
        if len(self.malformed) < _NAMED:
            self.malformed.append(found)


def prefix_of(sha256: str) -> str:
    """How the name of a foreign file with this checksum begins in the collection: the same content is the same file."""
    return f"ingested-{sha256[:16]}-"


def name_of(shown: str, sha256: str) -> str:
    """The name that a foreign file has in the collection."""
    stem = _UNSAFE.sub("-", _SUFFIXES.sub("", shown.rpartition("/")[2]))[:_STEM].strip("-.") or "foreign"
    return f"{prefix_of(sha256)}{stem}.warc.gz"


def checksum(path: Path, stopped: Stopped) -> str:
    """Hex SHA-256 of a file. Raises StoppedError, DiskError."""
    hashed = hashlib.sha256()
    with disk("read", path), path.open("rb") as file:
        while piece := file.read(_PIECE):
            _heed(stopped)
            hashed.update(piece)
    return hashed.hexdigest()


def left_in_place(path: Path, name: str, sha256: str, take: Take, stopped: Stopped) -> Shelved | None:
    """A file whose records are read where they lie; None when some of them cannot be, and it has to be copied."""
    path = path.resolve()
    shelved = Shelved(name, path, path.stat().st_size, sha256)
    for found in records(path):
        _heed(stopped)
        if isinstance(found, Malformed):
            shelved.miss(found)
            continue
        if isinstance(found, Loose):
            found.close()
            return None
        shelved.records += 1
        take(found)
    return shelved


def copied(path: Path, folder: Path, name: str, take: Take, stopped: Stopped) -> Shelved:
    """A copy of a file in `folder`, with its CDXJ, whole or not at all. Raises StoppedError, DiskError."""
    final = folder / name
    part = final.with_name(name + PART)
    try:
        with disk("write", part), part.open("wb") as file:
            shelved, lines = _copy(path, _Hashing(file, name), take, stopped)
            file.flush()
            os.fsync(file.fileno())
        with disk("write", final):
            write_cdxj(final, lines)
            part.replace(final)
            sync_folder(folder)
    except BaseException:  # whatever it was, half a copy is of no use
        part.unlink(missing_ok=True)
        raise
    return shelved


def looked_through(path: Path, shelved: Shelved, stopped: Stopped) -> Shelved:
    """What could not be had from a file that was copied before."""
    shelved = replace(shelved, malformed=[], malformed_count=0)
    for found in records(path):
        _heed(stopped)
        if isinstance(found, Malformed):
            shelved.miss(found)
            continue
        with found:
            shelved.records += 1
            shelved.rewritten += isinstance(found, Loose)
    return shelved


def discard(folder: Path, name: str) -> None:
    """A copy that nothing points to goes again."""
    for path in (folder / name, cdxj_path(folder / name)):
        with disk("remove", path):
            path.unlink(missing_ok=True)


def _heed(stopped: Stopped) -> None:
    signum = stopped()
    if signum is not None:
        raise StoppedError(signum)


class _Hashing:
    """A file that is being written, its length and its checksum."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self.name = name
        self.size = 0
        self.sha256: Any = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.sha256.update(data)
        self.size += len(data)


def _copy(path: Path, out: _Hashing, take: Take, stopped: Stopped) -> tuple[Shelved, list[bytes]]:
    shelved, lines = Shelved(out.name, None, 0, ""), []
    with path.open("rb") as source:
        for found in records(path):
            _heed(stopped)
            if isinstance(found, Malformed):
                shelved.miss(found)
                continue
            record = _written(found, source, out)
            shelved.records += 1
            shelved.rewritten += isinstance(found, Loose) or found.length != record.length
            lines += [f"{line}\n".encode() for line in _lines(record)]
            take(record)
    return replace(shelved, size=out.size, sha256=out.sha256.hexdigest()), lines


def _written(found: Record | Loose, source: IO[bytes], out: _Hashing) -> Record:
    """Append a record; it, as it lies in the copy."""
    offset = out.size
    source.seek(found.offset)
    begins = source.read(len(_GZIP))  # peek may show less
    source.seek(found.offset)
    if isinstance(found, Record) and begins == _GZIP:
        left = found.length
        while left and (piece := source.read(min(left, _PIECE))):
            left -= len(piece)
            out.write(piece)
    else:
        header = found.header if isinstance(found, Loose) else _header_at(source, found)
        for piece in _member(header, found):
            out.write(piece)
    return Record(out.name, offset, out.size - offset, found.head, found.block)


def _header_at(source: IO[bytes], record: Record) -> bytes:
    """The header of a record that is not compressed, as it stands there."""
    return source.read(record.length - record.head.content_length - len(b"\r\n\r\n"))


def _member(header: bytes, found: Record | Loose) -> Iterator[bytes]:
    """A record as one gzip member."""
    member, length = Member(), found.head.content_length
    yield member.feed(header)
    start = split_head(b"".join(pieces(found.block, 0, min(HEAD_LIMIT, DENSE_SAMPLE)))).payload_offset
    for piece in pieces(found.block, 0, start):
        yield member.feed(piece)
    if is_dense(b"".join(pieces(found.block, start, min(start + DENSE_SAMPLE, length)))):
        member.store()
    for piece in pieces(found.block, start, length):
        yield member.feed(piece)
    yield member.feed(b"\r\n\r\n")
    yield member.end()


def _lines(record: Record) -> Iterator[str]:
    """Its line in the CDXJ, if it has one."""
    if record.head.type == "resource":
        yield cdxj.of_resource(record.head, record.place)
    elif record.head.type in {"response", "revisit"}:
        raw = b"".join(pieces(record.block, 0, min(record.head.content_length, HEAD_LIMIT)))
        head, digest = record.head, record.head.get("WARC-Payload-Digest")
        raw_head, revisit = raw[: split_head(raw).payload_offset], head.type == "revisit"
        yield cdxj.of_message(head.uri or "", head.date, record.place, digest, raw_head, revisit=revisit)


def extracted(source: IO[bytes], path: Path, stopped: Stopped) -> None:
    """A file out of another, for as long as it takes to read it."""
    with disk("write", path), path.open("wb") as file:
        while piece := source.read(_PIECE):
            _heed(stopped)
            file.write(piece)
