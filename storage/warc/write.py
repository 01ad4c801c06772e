"""Writes WARC files and their CDXJ: exchanges and resources, one gzip member a record, byte for byte.

A file is `NAME.warc.gz.open` until it is closed; nothing is ever appended to one that an earlier writer left. A write
that fails takes its whole exchange back, so that a file always ends with a whole one.
"""

from __future__ import annotations

import io
import math
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from storage.errors import DiskError
from storage.records import Capture, Exchange, RecordPlace
from storage.times import now
from storage.warc.file import ClosedFile, FilePair, disk, sync_folder
from storage.warc.records import Refer, write_exchange, write_resource, write_warcinfo

_NAME_UNSAFE = re.compile(r"[^A-Za-z0-9_.]+")
_NAME_PART = 48  # characters of a file name that come from outside
_CONFORMS_TO = "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


@dataclass(frozen=True, slots=True)
class Resource:
    """What becomes a resource record."""

    uri: str
    mime: str
    content: bytes


class WarcWriter:
    """The files of one process, written by one thread.

    `fields` go into every file's warcinfo record after software, format and conformsTo: operator, isPartOf, robots,
    http-header-user-agent and the like; `first` are the resources that stand behind the first one. A file is opened by
    the first write, and a new one once `max_file_bytes` are reached, the file is `max_age` seconds old, or nothing was
    written for `max_idle` seconds. The folder must be there. Every method raises DiskError when the disk does not take
    what is to be kept; then nothing of that exchange stays in the file, and the next one may be tried.
    """

    def __init__(
        self,
        folder: Path,
        run_id: str,
        software: str,
        fields: Mapping[str, str] | None = None,
        *,
        prefix: str = "newswarc",
        max_file_bytes: int = 1_000_000_000,
        max_idle: float = math.inf,
        max_age: float = math.inf,
        first: Sequence[Resource] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.run_id = run_id
        self._stem = "-".join(_NAME_UNSAFE.sub("-", part)[:_NAME_PART].strip("-.") for part in (prefix, run_id))
        self._warcinfo = {"software": software, "format": "WARC File Format 1.1", "conformsTo": _CONFORMS_TO}
        self._warcinfo |= fields or {}
        self._max_file_bytes = max_file_bytes
        self._max_idle = max_idle
        self._max_age = max_age
        self._first = tuple(first)  # until they are written
        self._clock = clock
        self._opened = self._written = 0.0  # by the clock
        self._serial = 0
        self._pair: FilePair | None = None
        self._closed: list[ClosedFile] = []
        self._untaken: list[ClosedFile] = []

    @property
    def current(self) -> str | None:
        """The final name of the file being written; None between files."""
        return self._pair.final.name if self._pair else None

    def take_closed(self) -> list[ClosedFile]:
        """Files closed since the last call."""
        taken, self._untaken = self._untaken, []
        return taken

    def write_exchange(self, exchange: Exchange, *, hash_body: bool = True, refer: Refer | None = None) -> Capture:
        """Response, request and metadata records of an exchange, and its CDXJ line.

        The main record is the response, or a revisit of the one that `refer` names; the request when no byte came back; the
        metadata when none was sent either. Without `hash_body` the digest of a page's decoded body is left to whoever reads
        the page.
        """
        with self._whole() as pair:
            return write_exchange(pair, exchange, hash_body=hash_body, refer=refer)

    def write_resource(self, uri: str, mime: str, content: bytes | IO[bytes], date: str | None = None) -> RecordPlace:
        """A resource record (the run's ledger, its log): bytes or a seekable file; `date` by default now."""
        block = io.BytesIO(content) if isinstance(content, bytes) else content
        with self._whole() as pair:
            return write_resource(pair, uri, mime, block, date or now())

    def sync(self) -> None:
        """Everything written so far is on disk when this returns."""
        if self._pair:
            self._check()
            with disk("sync", self._pair.path):
                self._pair.sync()

    def closes_in(self) -> float | None:
        """Seconds until the current file has to be closed if nothing more is written to it; None between files."""
        if self._pair is None:
            return None
        return min(self._written + self._max_idle, self._opened + self._max_age) - self._clock()

    def roll_when_due(self) -> None:
        """Closes the current file if its time has come."""
        left = self.closes_in()
        if left is not None and left <= 0:
            self.roll()

    def roll(self) -> None:
        """Closes the current file, if any; the next write opens another."""
        if self._pair is None:
            return
        self._check()
        with disk("close", self._pair.path):
            closed = self._pair.finish()
        self._pair = None
        self._closed.append(closed)
        self._untaken.append(closed)

    def close(self) -> list[ClosedFile]:
        """Closes the current file and names all that were closed. After a disk error it stays `.open`, for recovery."""
        if self._pair and self._pair.broken:
            self._pair.release()
            self._pair = None
        self.roll()
        return list(self._closed)

    @contextmanager
    def _whole(self) -> Iterator[FilePair]:
        """What is written inside stays whole or not at all."""
        pair = self._ready()
        mark = pair.mark()
        try:
            with disk("write", pair.path):
                yield pair
            self._written = self._clock()
        except BaseException:  # whatever it was, an interrupt too: half an exchange must not stay
            pair.cut_back(mark)
            raise

    def _ready(self) -> FilePair:
        self._check()
        if self._pair and self._pair.size >= self._max_file_bytes:
            self.roll()
        self.roll_when_due()
        if self._pair is None:
            self._opened = self._written = self._clock()
            self._pair = self._open()
        return self._pair

    def _check(self) -> None:
        if self._pair and self._pair.broken:
            raise DiskError(f"{self._pair.path} cannot be written since a disk error; check the disk, then run again")

    def _open(self) -> FilePair:
        self._serial += 1
        moment = now()
        stamp = re.sub(r"\D", "", moment)[:14]
        path = self.folder / f"{self._stem}-{stamp}-{self._serial:05d}-{secrets.token_hex(4)}.warc.gz"
        with disk("write", path):
            pair = FilePair(path)
            try:
                write_warcinfo(pair, self._warcinfo, moment)
                for resource in self._first:
                    write_resource(pair, resource.uri, resource.mime, io.BytesIO(resource.content), moment)
                sync_folder(self.folder)
            except BaseException:  # an interrupt too: an empty file must not stay
                pair.discard()
                raise
        self._first = ()
        return pair
