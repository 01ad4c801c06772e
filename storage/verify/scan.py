"""Reads a WARC file once from its first byte to its last: its records, what is damaged, and its checksum.

Small records, which are nearly all, are taken whole out of a large piece of the file. Whatever is not plainly right there
is read once more by `warc_read.scan`, which is slower and says exactly what is wrong.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isal import isal_zlib

from storage.warc.format import GZIP_HEAD, parse_record_head
from storage.warc.read import IN_MEMORY, Damage, Record, opened, scan, warcinfo_id_of

_READ = 1 << 20
_FEED_FIRST = 8_192  # most records are shorter; what was fed and belongs to the next record is copied
_FEED = 65_536
_ENOUGH = IN_MEMORY + 65_536  # of an unpacked record
_END = b"\r\n\r\n"


class Walk:
    """One pass over a file that its row calls `name`. Raises DamageError for one that is not there."""

    def __init__(self, path: Path, name: str, *, strict: bool) -> None:
        self._path = path
        self._name = name
        self._strict = strict
        self._file = opened(path)
        self._sha256 = hashlib.sha256()
        self._held = b""  # of the file, from `_base` on
        self._base = 0
        self._warcinfo_id: str | None = None

    def records(self) -> Iterator[Record | Damage]:
        """As `warc_read.scan` gives them."""
        start = 0
        with self._file:
            while self._reach(start, 1):
                found = self._small(start) or self._any(start)
                if found is None:
                    break
                if isinstance(found, Record):
                    start = found.offset + found.length
                    if self._warcinfo_id is None:
                        self._warcinfo_id = warcinfo_id_of(found.head)
                yield found
                if isinstance(found, Damage):
                    if found.end is None:
                        break
                    start = found.end
            while self._more():
                self._held = b""

    def sha256(self) -> str:
        """Of the whole file, once all records were taken."""
        return self._sha256.hexdigest()

    def _any(self, start: int) -> Record | Damage | None:
        return next(scan(self._path, start, strict=self._strict, warcinfo_id=self._warcinfo_id), None)

    def _small(self, start: int) -> Record | None:
        """The record at an offset, if it is whole and small."""
        unpacked = self._unpacked(start)
        if unpacked is None:
            return None
        raw, length = unpacked
        end = raw.find(_END) + len(_END)
        if end < len(_END) or not raw.startswith(b"WARC/") or not raw.endswith(_END):
            return None
        head = parse_record_head(raw[:end])
        if head.content_length != len(raw) - end - len(_END):
            return None
        return Record(self._name, start, length, head, io.BytesIO(raw[end : -len(_END)]))

    def _unpacked(self, start: int) -> tuple[bytes, int] | None:
        """A gzip member and its length."""
        self._reach(start, _FEED_FIRST)
        if not self._begins(start):
            return None
        inflate = isal_zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            first = self._held[start - self._base : start - self._base + _FEED_FIRST]
            raw = inflate.decompress(first, _ENOUGH)
            if inflate.eof:
                return raw, len(first) - len(inflate.unused_data)
            return self._rest(start, inflate, raw, len(first))
        except isal_zlib.error:  # type: ignore[misc]  # its stubs: an instance
            return None

    def _rest(self, start: int, inflate: Any, raw: bytes, length: int) -> tuple[bytes, int] | None:
        """The rest of a member, of which `length` bytes were unpacked."""
        pieces, size = [raw], len(raw)
        while not inflate.eof:
            self._reach(start, length + _FEED)
            fed = self._held[start - self._base + length : start - self._base + length + _FEED]
            piece = inflate.decompress(fed, _ENOUGH - size)
            size += len(piece)
            length += len(fed)
            pieces.append(piece)
            if not fed or inflate.unconsumed_tail or max(size, length) >= _ENOUGH:
                return None
        return b"".join(pieces), length - len(inflate.unused_data)

    def _begins(self, start: int) -> bool:
        """Whether a plain gzip header stands here; of others, and of unknown flags in one, zlib judges."""
        return self._held.startswith(GZIP_HEAD if self._strict else GZIP_HEAD[:4], start - self._base)

    def _reach(self, start: int, size: int) -> bool:
        """Have `size` bytes from an offset on at hand, or what there is; false when there is none."""
        while self._base + len(self._held) < start + size and self._more(start):
            pass
        return self._base + len(self._held) > start

    def _more(self, start: int | None = None) -> bool:
        """Read on; what lies before `start` is let go."""
        kept = self._base + len(self._held) if start is None else min(start, self._base + len(self._held))
        piece = self._file.read(_READ)
        self._sha256.update(piece)
        self._held = self._held[kept - self._base :] + piece
        self._base = kept
        return bool(piece)
