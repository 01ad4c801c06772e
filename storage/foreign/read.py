"""Reads any WARC file: every record that can be had from it, and by file and offset what cannot.

What lies as a record should, one gzip member or uncompressed bytes of its own, is given back with its place, from where
`read_record` reads it again. All else (several records in a member, members that begin anywhere, a Content-Length that is
wrong) is given back as a record without place: it has to be written anew to be kept.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

from storage.foreign.stream import BLANK, Stream
from storage.warc.file import disk
from storage.warc.format import RecordHead, parse_record_head
from storage.warc.read import Record, load

_HEAD_LIMIT = 1 << 20
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_IN_MEMORY = 4 << 20  # a longer block is kept in a temporary file
_MENDED = 64 << 20  # bytes of a block with a wrong length that are looked through
_PIECE = 262_144
_WRONG = 8  # lengths of a file that may be too long before all are looked into
_END = b"\r\n\r\n"
_LENGTH_LINE = re.compile(rb"^Content-Length[ \t]*:[^\r\n]*", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes from which no record can be had."""

    file: str
    offset: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} at offset {self.offset}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Loose:
    """A whole record that cannot be read from one place of its file. `header` has its blank line, and the right length."""

    file: str
    offset: int  # of the gzip member in which it begins
    head: RecordHead
    header: bytes
    block: IO[bytes]

    def close(self) -> None:
        """Gives the block's memory or file back."""
        self.block.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Found = Record | Loose | Malformed


def records(path: Path, start: int = 0) -> Iterator[Found]:
    """Everything in a WARC file, in its order. Close what is no Malformed after use. Raises DiskError."""
    with disk("read", path), path.open("rb", buffering=0) as file:
        size, lengths = path.stat().st_size, _Lengths()
        while start < size:
            record = load(file, path.name, start) if lengths.believed(0) == 0 else None
            if record is None:
                start = yield from _loosely(file, path.name, start, size, lengths)
            else:
                start = record.offset + record.length
                yield record


@dataclass(slots=True)
class _Lengths:
    """How many lengths of a file were too long. After some no more is believed: each costs a look at all that is behind it."""

    wrong: int = 0

    def believed(self, stated: int) -> int:
        """The length of a block as it is stated; -1 for none."""
        return stated if self.wrong < _WRONG else -1


def _loosely(
    file: IO[bytes], name: str, start: int, size: int, lengths: _Lengths
) -> Generator[Loose | Malformed, None, int]:
    """Records as they come, up to an offset where one may lie as it should; that offset."""
    stream = Stream(file, start)
    while True:
        stream.skip_blank()
        if stream.peek(1) and stream.offset > start and stream.begins_member():
            return stream.offset
        found = _record(stream, name, lengths) if stream.peek(1) else None
        if found is not None:
            yield found
        if isinstance(found, Malformed) and (member := stream.member_within(found.offset)) is not None:
            return member
        if stream.torn:
            if not isinstance(found, Malformed):
                yield Malformed(name, stream.offset, stream.torn)
            if not stream.resume():
                return size
        elif not stream.peek(1) and not stream.torn:
            return size


def _record(stream: Stream, name: str, lengths: _Lengths) -> Loose | Malformed:
    offset = stream.offset
    if not stream.begins_record():
        stream.skip_to_header()
        return Malformed(name, offset, "no WARC record header")
    header = _header(stream)
    if header is None:
        stream.take(1)
        stream.skip_to_header()
        return Malformed(name, offset, "no end of a record header")
    head = parse_record_head(header)
    block = _block(stream, lengths.believed(head.content_length))
    if block is None:
        return Malformed(name, offset, stream.torn or "the file ends within a record")
    length = block.seek(0, 2)
    block.seek(0)
    lengths.wrong += length < head.content_length
    if length != head.content_length:
        header = _with_length(header, length)
    return Loose(name, offset, parse_record_head(header), header, block)


def _header(stream: Stream) -> bytes | None:
    size = 4_096
    while (end := _HEAD_END.search(stream.peek(size))) is None:
        if size >= _HEAD_LIMIT or len(stream.peek(size)) < size:
            return None
        size *= 4
    return stream.take_all(end.end())


def _with_length(header: bytes, length: int) -> bytes:
    """The header with the length that the block has; what it said before is kept beside it."""
    stated = _LENGTH_LINE.search(header)
    line = b"Content-Length: %d" % length
    if stated is None:
        end = _HEAD_END.search(header)
        assert end is not None, "a header ends with a blank line"
        return header[: end.start()] + b"\r\n" + line + b"\r\n\r\n"
    was = stated[0].partition(b":")[2].strip()
    return header[: stated.start()] + line + b"\r\nX-Stated-Content-Length: " + was + header[stated.end() :]


# --- blocks -----------------------------------------------------------------------------------------------------------


def _block(stream: Stream, stated: int) -> IO[bytes] | None:
    """The block of a record, as long as it really is; None when the file ends within it."""
    block = cast("IO[bytes]", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the record's to keep
    left = max(stated, 0)
    while left and (piece := stream.take(min(left, _PIECE))):
        left -= len(piece)
        block.write(piece)
    if (not left and stated >= 0 and _ends_here(stream)) or _mended(stream, block):
        return block
    block.close()
    return None


def _ends_here(stream: Stream) -> bool:
    """Whether a record may end here: line ends follow, then another record, a member, or nothing."""
    ahead = stream.peek(64)
    if not ahead or not ahead.strip(BLANK):
        return True
    rest = ahead.lstrip(BLANK)
    if rest is ahead or len(rest) == len(ahead):
        return stream.begins_member() and stream.compressed
    blank = stream.take_all(len(ahead) - len(rest))
    fits = stream.begins_record()
    stream.give_back(blank)
    return fits or blank.startswith((b"\r\n\r\n", b"\n\n"))


def _mended(stream: Stream, block: IO[bytes]) -> bool:
    """Makes a block of all that lies before the next record, whatever was said of its length; false when it is cut off."""
    length = block.tell()
    if length > _MENDED:
        return False
    block.seek(0)
    stream.give_back(block.read())
    found = stream.until_header(_MENDED)
    is_last = not stream.peek(1)
    if found is None or stream.torn or (is_last and not stream.compressed and not found.endswith(_END)):
        return False
    block.seek(0)
    block.truncate()
    block.write(found.removesuffix(_END))
    return True
