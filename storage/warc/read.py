"""Reads WARC files of one gzip member a record, and such as are not compressed; says exactly where one is damaged.

What is read is whole: a record is given back only after its gzip checksum, its lengths and its end were found right.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from storage.errors import DamageError, DiskError
from storage.records import RecordPlace
from storage.warc.file import open_path
from storage.warc.format import GZIP_HEAD, RecordHead, digest_of, measure, parse_record_head

_READ_FIRST = 16_384  # most records are small
_READ = 262_144
IN_MEMORY = 4 << 20  # a longer block is read into a temporary file
_HEAD_LIMIT = 1 << 20
_END = b"\r\n\r\n"
_HEAD_END = re.compile(rb"\r?\n\r?\n")  # others end lines with LF alone, too
_MAGIC = b"WARC/"
WITHOUT_HTTP = frozenset({"warcinfo", "metadata", "resource", "conversion"})


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record. `block` is a seekable file of its own, on disk when it is long: close the record after use."""

    file: str
    offset: int
    length: int  # of the gzip member, or of the plain record; bytes
    head: RecordHead
    block: IO[bytes]

    @property
    def place(self) -> RecordPlace:
        """Where it lies."""
        return RecordPlace(self.file, self.offset, self.length, self.head.record_id)

    def content(self) -> bytes:
        """All of the block."""
        self.block.seek(0)
        return self.block.read()

    def close(self) -> None:
        """Gives the block's memory or file back."""
        self.block.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no whole record. `end` is where the next one begins; None: there is none, as after a torn tail."""

    file: str
    offset: int
    reason: str
    end: int | None = None

    def __str__(self) -> str:
        return f"{self.file} is damaged at offset {self.offset}: {self.reason}"


class _BrokenError(Exception):
    """Why there is no whole record at a place."""


def read_record(folder: Path, file: str, offset: int, length: int | None = None) -> Record:
    """The record at `offset` of `file`, which may still be `FILE.open`; `length`, if given, must be its length.

    Raises DamageError, naming file and offset, when there is no whole record of that length.
    """
    with opened(folder / file) as archive:
        try:
            record = _load(archive, file, offset)
        except _BrokenError as error:
            raise DamageError(str(Damage(file, offset, str(error)))) from error
    if length is not None and record.length != length:
        record.close()
        raise DamageError(str(Damage(file, offset, f"the record is {record.length} bytes long, not {length}")))
    return record


def scan(
    path: Path, start: int = 0, *, strict: bool = True, warcinfo_id: str | None = None
) -> Iterator[Record | Damage]:
    """Every record from the offset `start` on, and between them what is damaged; the caller may stop at any.

    `strict` holds for files of ours: gzip headers are checked bit by bit, and behind damage only records that name
    this file's warcinfo record, which one that begins within may know, count (the body of a page may look like a WARC
    file). Raises DamageError for a file that is not there.
    """
    final_name = path.name.removesuffix(".open")
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        while start < size:
            try:
                record = _load(file, final_name, start, strict=strict)
            except _BrokenError as error:
                end = _next_record(file, start + 1, size, warcinfo_id if strict else None, strict=strict)
                yield Damage(final_name, start, str(error), end)
                start = size if end is None else end
                continue
            if warcinfo_id is None:
                warcinfo_id = warcinfo_id_of(record.head)
            start = record.offset + record.length
            yield record


def faults(record: Record) -> list[str]:
    """Digests that do not fit what the record holds."""
    wrong = []
    for name, found in _digests(record):
        stated = record.head.get(name)
        if stated is not None and stated.startswith("sha1:") and found not in {stated, None}:
            wrong.append(f"{name} is {stated}, but the record's is {found}")
    return wrong


def _digests(record: Record) -> tuple[tuple[str, str | None], ...]:
    """Recomputed; None where it cannot be: the payload of a revisit is elsewhere."""
    if record.head.type in WITHOUT_HTTP:
        digest = digest_of(record.block)[1]
        return ("WARC-Block-Digest", digest), ("WARC-Payload-Digest", digest)
    measured = measure(record.block, record.head.content_length, hash_body=False)
    payload_digest = None if record.head.type == "revisit" else measured.payload_digest
    return ("WARC-Block-Digest", measured.block_digest), ("WARC-Payload-Digest", payload_digest)


def opened(path: Path) -> IO[bytes]:
    """The file, whether it is still being written or not: it may get its final name between two looks."""
    for candidate in (path, open_path(path), path):
        try:
            return candidate.open("rb", buffering=0)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DiskError(f"cannot read {candidate}: {error.strerror}; check the disk and the permissions") from error
    raise DamageError(f"{path} is missing; put it back or run `newswarc verify`")


def warcinfo_id_of(head: RecordHead) -> str:
    """The warcinfo record that a record says it belongs to; itself, if it is one."""
    return head.record_id if head.type == "warcinfo" else (head.get("WARC-Warcinfo-ID") or "").strip("<>")


# --- one record -------------------------------------------------------------------------------------------------------


class _Member:
    """One gzip member of a file, decompressed as it is asked for. Raises _BrokenError when it is not whole."""

    def __init__(self, file: IO[bytes], offset: int) -> None:
        self._file = file
        self._at = offset
        self._next_read = _READ_FIRST
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._fed = b""
        self._out = b""

    def _more(self) -> bool:
        """Decompresses some more; false at the end of the member."""
        while not self._inflate.eof:
            if not self._fed:
                self._file.seek(self._at)
                self._fed = self._file.read(self._next_read)
                self._at += len(self._fed)
                self._next_read = _READ
                if not self._fed:
                    raise _BrokenError("the file ends within a record")
            try:
                out = self._inflate.decompress(self._fed, _READ)
            except zlib.error as error:
                raise _BrokenError(f"no gzip member, or a damaged one ({error})") from error
            self._fed = self._inflate.unconsumed_tail
            if out:
                self._out += out
                return True
        return False

    def head(self) -> bytes:
        """The record header with its blank line."""
        while (end := _HEAD_END.search(self._out)) is None:
            if self._out[: len(_MAGIC)] != _MAGIC[: len(self._out)]:
                raise _BrokenError("no WARC record header")
            if len(self._out) > _HEAD_LIMIT or not self._more():
                raise _BrokenError("no end of a record header")
        raw, self._out = self._out[: end.end()], self._out[end.end() :]
        return raw

    def take(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes."""
        while size:
            if not self._out and not self._more():
                raise _BrokenError("the block is shorter than its Content-Length")
            piece, self._out = self._out[:size], self._out[size:]
            size -= len(piece)
            yield piece

    def end(self) -> int:
        """The offset behind the member, after the two line ends of its record."""
        if b"".join(self.take(len(_END))) != _END or self._out or self._more():
            raise _BrokenError("the block is longer than its Content-Length")
        return self._at - len(self._inflate.unused_data)


class _Plain(_Member):
    """One record of a file that is not compressed, read in the same way."""

    def _more(self) -> bool:
        self._file.seek(self._at)
        piece = self._file.read(self._next_read)
        if not piece:
            raise _BrokenError("the file ends within a record")
        self._next_read = _READ
        self._at += len(piece)
        self._out += piece
        return True

    def end(self) -> int:
        """The offset behind the two line ends of the record."""
        if b"".join(self.take(len(_END))) != _END:
            raise _BrokenError("the block is longer than its Content-Length")
        return self._at - len(self._out)


def _member(file: IO[bytes], offset: int) -> _Member:
    """What begins at an offset, compressed or not."""
    file.seek(offset)
    return _Plain(file, offset) if file.read(len(_MAGIC)) == _MAGIC else _Member(file, offset)


def load(file: IO[bytes], name: str, offset: int) -> Record | None:
    """The record at `offset` of an open file of anybody's, which `read_record` would give back; None when it would not."""
    try:
        return _load(file, name, offset)
    except _BrokenError:
        return None


def _load(file: IO[bytes], name: str, offset: int, *, strict: bool = False) -> Record:
    if strict:
        file.seek(offset)
        found = file.read(len(GZIP_HEAD))
        if found != GZIP_HEAD:
            torn = GZIP_HEAD.startswith(found)
            raise _BrokenError("the file ends within a record" if torn else "no gzip header as this program writes it")
    member = _member(file, offset)
    head = parse_record_head(member.head())
    if not head.version.startswith("WARC/") or head.content_length < 0:
        raise _BrokenError("no WARC record header")
    in_memory = head.content_length <= IN_MEMORY
    block: IO[bytes] = io.BytesIO() if in_memory else tempfile.TemporaryFile()  # noqa: SIM115 - the record's to keep
    try:
        for piece in member.take(head.content_length):
            block.write(piece)
        end = member.end()
        block.seek(0)
    except (_BrokenError, OSError):
        block.close()
        raise
    return Record(name, offset, end - offset, head, block)


# --- behind damage ----------------------------------------------------------------------------------------------------


def _next_record(file: IO[bytes], start: int, size: int, warcinfo_id: str | None, *, strict: bool) -> int | None:
    """The offset of the next whole record header; None when there is none up to the end."""
    file.seek(0)
    plain = not strict and file.read(len(_MAGIC)) == _MAGIC
    magic = _MAGIC if plain else GZIP_HEAD if strict else GZIP_HEAD[:3]
    while start < size:
        file.seek(start)
        window = file.read(_READ)
        at = window.find(magic)
        while at >= 0:
            if _begins_record(file, start + at, warcinfo_id):
                return start + at
            at = window.find(magic, at + 1)
        start += max(1, len(window) - len(magic) + 1)
    return None


def _begins_record(file: IO[bytes], offset: int, warcinfo_id: str | None) -> bool:
    try:
        head = parse_record_head(_member(file, offset).head())
    except _BrokenError:
        return False
    return head.version.startswith("WARC/") and (warcinfo_id is None or warcinfo_id_of(head) == warcinfo_id)
