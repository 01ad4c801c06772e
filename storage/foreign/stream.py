"""The uncompressed bytes of a WARC file that somebody else wrote, however it is cut into gzip members, or not compressed."""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from typing import IO

GZIP = b"\x1f\x8b\x08"
BLANK = b"\r\n\t \x00"
_READ_FIRST = 16_384  # many are read for one record only
_READ = 262_144
_TRIAL = 4_096  # bytes of a member that are tried before it is believed to be one
_HEADER = re.compile(rb"(?:\A|(?<=[\n\x00]))WARC/[01]\.[0-9]{1,2}[ \t]*\r?\n(?=[A-Za-z][A-Za-z0-9-]{1,60}[ \t]*:)")
_NOT_BLANK = re.compile(rb"[^\r\n\t \x00]")
_LONGEST = 128  # bytes that the pattern needs at most
_MOST_MEMBERS = 4_096  # whose offsets are remembered


class Stream:
    """Bytes from the offset `start` of a file on, to look ahead in and to give back.

    `torn` says why there is nothing more although the file goes on, or ends too early; `resume` passes over what is damaged.
    """

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._file = file
        self._buffer = bytearray()
        self._at = 0  # in the buffer
        self._base = 0  # position of the buffer's first byte
        self._read_at = start  # in the file
        self._next_read = _READ_FIRST
        self._positions: list[int] = []  # of the first bytes of members, and
        self._offsets: list[int] = []  # where these members begin in the file
        self._inflate: zlib._Decompress | None = None
        self._fed = b""
        self.torn: str | None = None
        file.seek(start)
        self.compressed = file.read(len(GZIP)) == GZIP
        self._noted(start)

    @property
    def position(self) -> int:
        """How many bytes were taken."""
        return self._base + self._at

    @property
    def offset(self) -> int:
        """Where in the file the next byte lies; of a compressed file, where its member begins."""
        member = max(0, bisect_right(self._positions, self.position) - 1)
        return self._offsets[member] + (0 if self.compressed else self.position - self._positions[member])

    def begins_member(self) -> bool:
        """Whether a reader may begin here: at the first byte of a member, or anywhere in a file that is not compressed."""
        self.peek(1)
        member = bisect_right(self._positions, self.position) - 1
        return not self.compressed or (member >= 0 and self._positions[member] == self.position)

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes, left where they are; fewer at the end only."""
        while len(self._buffer) - self._at < size and self._more():
            pass
        return bytes(self._buffer[self._at : self._at + size])

    def take(self, size: int) -> bytes:
        """Between 1 and `size` bytes; none at the end."""
        if self._at >= len(self._buffer) and not self._more():
            return b""
        taken = bytes(self._buffer[self._at : self._at + size])
        self._at += len(taken)
        if self._at == len(self._buffer):
            self._base, self._at = self.position, 0
            self._buffer.clear()
        return taken

    def take_all(self, size: int) -> bytes:
        """`size` bytes; fewer at the end only."""
        taken = self.peek(size)
        self._at += len(taken)
        return taken

    def give_back(self, taken: bytes) -> None:
        """Bytes that were taken last."""
        if self._at >= len(taken):
            self._at -= len(taken)
            return
        self._base = self.position - len(taken)
        self._buffer = bytearray(taken) + self._buffer[self._at :]
        self._at = 0

    def skip_blank(self) -> None:
        """Go on to the next byte that is no blank, line end or padding."""
        while (found := _NOT_BLANK.search(self._buffer, self._at)) is None:
            self._at = len(self._buffer)
            if not self._more():
                return
        self._at = found.start()

    def begins_record(self) -> bool:
        """Whether a record header stands here."""
        return _HEADER.match(self.peek(_LONGEST)) is not None

    def skip_to_header(self) -> bool:
        """Go on to the next record header that begins a line; false when there is none."""
        while (found := self._header(self._at)) is None:
            self._at = max(self._at, len(self._buffer) - _LONGEST)
            if not self._more():
                self._at = len(self._buffer)
                return False
            self._base, self._buffer, self._at = self.position, self._buffer[self._at :], 0
        self._at = found
        return True

    def until_header(self, limit: int) -> bytes | None:
        """All bytes up to the next record header, taken; to the end when there is none.

        None, and none are taken, when that is further than `limit`.
        """
        searched = 0  # bytes ahead, in which no header begins
        while (found := self._header(self._at + searched)) is None:
            ahead = len(self._buffer) - self._at
            if ahead > limit:
                return None
            searched = max(0, ahead - _LONGEST)
            if not self._more():
                return self.take_all(ahead)
        return self.take_all(found - self._at)

    def _header(self, start: int) -> int | None:
        found = _HEADER.search(self._buffer, start)
        return found.start() if found else None

    # --- behind damage

    def resume(self) -> bool:
        """Go on behind the damage, at the next gzip member; false when there is none."""
        self._base, self._at = self._base + len(self._buffer), 0
        self._buffer.clear()
        self.torn, self._inflate, self._fed = None, None, b""
        if not self.compressed:
            return False
        found = self._member_behind(self._offsets[-1], None)
        self._read_at = self._read_at if found is None else found
        return found is not None

    def member_within(self, start: int) -> int | None:
        """Where, between an offset of a file that is not compressed and here, a gzip member begins."""
        if self.compressed or self.offset <= start:
            return None
        return self._member_behind(start, self.offset)

    def _member_behind(self, start: int, end: int | None) -> int | None:
        """The offset of the next gzip member between two offsets, without them; None for the end of the file."""
        start += 1
        while end is None or start < end:
            self._file.seek(start)
            window = self._file.read(_READ + _TRIAL)
            last = min(len(window), _READ, _READ if end is None else end - start)
            at = window.find(GZIP, 0, last + len(GZIP) - 1)
            while at >= 0:
                if _is_member(window[at : at + _TRIAL]):
                    return start + at
                at = window.find(GZIP, at + 1, last + len(GZIP) - 1)
            if len(window) <= _READ:
                return None
            start += _READ
        return None

    # --- reading on

    def _more(self) -> bool:
        """Read some more into the buffer; false when there is nothing more to be had."""
        if self.torn:
            return False
        if self._at > _READ:
            del self._buffer[: self._at]
            self._base, self._at = self.position, 0
        out = self._inflated() if self.compressed else self._read()
        self._buffer += out
        return bool(out)

    def _read(self) -> bytes:
        self._file.seek(self._read_at)
        piece = self._file.read(self._next_read)
        self._next_read = _READ
        self._read_at += len(piece)
        return piece

    def _inflated(self) -> bytes:
        """Some decompressed bytes; none at the end, and where it is torn."""
        out = b""
        while not out and (inflate := self._inflate or self._next_member()) is not None:
            self._fed = self._fed or self._read()
            if not self._fed:
                self.torn = "the file ends within a gzip member"
                return b""
            try:
                out = inflate.decompress(self._fed, _READ)
            except zlib.error as error:
                self.torn = f"a damaged gzip member ({error})"
                return b""
            self._fed = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            self._inflate = None if inflate.eof else inflate
        return out

    def _next_member(self) -> zlib._Decompress | None:
        """Begin the member that follows; padding before it is passed over."""
        while not (rest := self._fed.lstrip(BLANK)):
            self._fed = self._read()
            if not self._fed:
                return None
        self._fed = rest if len(rest) >= len(GZIP) else rest + self._read()
        self._noted(self._read_at - len(self._fed))
        if not self._fed.startswith(GZIP):
            self.torn = "bytes that are no gzip member"
            return None
        return zlib.decompressobj(zlib.MAX_WBITS | 16)

    def _noted(self, offset: int) -> None:
        """What is decompressed from here on comes from the member at this offset."""
        position = self._base + len(self._buffer)
        if self._positions[-1:] == [position]:  # nothing came from the last one
            self._offsets[-1] = offset
            return
        self._positions.append(position)
        self._offsets.append(offset)
        if len(self._positions) > 2 * _MOST_MEMBERS:
            del self._positions[:_MOST_MEMBERS], self._offsets[:_MOST_MEMBERS]


def _is_member(start: bytes) -> bool:
    """Whether a gzip member that something can be had from begins so."""
    try:
        return bool(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _TRIAL))
    except zlib.error:
        return False
