"""Writes a WACZ: the records of a selection in WARC files of its own, their index, and the pages to begin with.

Records are copied byte for byte; nothing of a package depends on when or how often it is made but the moment `created`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from sqlalchemy import Engine

from storage.archive.shelf import Shelf
from storage.records import Capture
from storage.replay.selection import Selection, VersionPage, captures_in, pages_in
from storage.replay.sorted_lines import SortedLines
from storage.replay.wacz_file import Member, WaczFile
from storage.warc import cdxj
from storage.warc.fields import fields_block
from storage.warc.format import VERSION, WARC_FIELDS, RecordHead, one_line, pieces, sha1_of
from storage.warc.format import Member as GzipMember
from storage.warc.http_message import HEAD_LIMIT, split_head
from storage.warc.members import Span, exchange_at, warcinfo_of

MAX_FILE_BYTES = 1_000_000_000  # of a WARC file in the package; one that is larger holds a single exchange
_LINES = 300  # of the index in one block: what a reader fetches to find one
_ANSWERED = frozenset({"response", "revisit"})


@dataclass(frozen=True, slots=True)
class About:
    """What a package says of itself."""

    title: str
    description: str
    software: str
    created: str


@dataclass(frozen=True, slots=True)
class Packed:
    """What went into a package."""

    captures: int
    files: int
    pages: int


def write_wacz(
    file: IO[bytes],
    folder: Path,
    engine: Engine,
    shelf: Shelf,
    selection: Selection,
    about: About,
    *,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> Packed:
    """Write a package into a new seekable file; temporary files lie in `folder`.

    Raises DamageError when a record is not whole, DiskError when a file of the archive is not here, OSError of `file`.
    """
    with WaczFile(file, about.created) as wacz, SortedLines(folder) as lines:
        with _Archive(wacz, shelf, lines, about, max_file_bytes) as archive:
            for capture in captures_in(engine, selection.captures):
                archive.add(capture)
        _write_index(wacz, folder, lines)
        newest = _write_pages(wacz, folder, about.title, pages_in(engine, selection.versions))
        main = {} if newest is None else {"mainPageUrl": newest.url, "mainPageDate": newest.fetched_at}
        wacz.finish({"title": about.title, "description": about.description, "software": about.software, **main})
    return Packed(archive.captures, archive.files, len(selection.versions))


# --- records


class _Archive:
    """archive/data-NNNN.warc.gz: each begins with a warcinfo record of its own, then come those of the files copied from."""

    def __init__(self, wacz: WaczFile, shelf: Shelf, lines: SortedLines, about: About, max_file_bytes: int) -> None:
        self._wacz = wacz
        self._shelf = shelf
        self._lines = lines
        self._about = about
        self._max_file_bytes = max_file_bytes
        self._stack = ExitStack()
        self._member: Member | None = None
        self._from: str | None = None  # the file that was last copied from
        self.files = 0
        self.captures = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, capture: Capture) -> None:
        """The records of an exchange, and its line in the index."""
        path = self._shelf.path(capture.place.file)
        copied = exchange_at(path, capture)
        with copied.main:
            member = self._ready(sum(span.length for span in copied.spans))
            if capture.place.file != self._from:
                self._copy_warcinfo(member, path)
                self._from = capture.place.file
            offset = member.size
            _copy(member, copied.spans[0])
            place = replace(capture.place, file=self._name, offset=offset, length=member.size - offset)
            for span in copied.spans[1:]:
                _copy(member, span)
            if capture.record_type in _ANSWERED:
                self._index(replace(capture, place=place), copied.main.block)
        self.captures += 1

    @property
    def _name(self) -> str:
        return f"data-{self.files:04d}.warc.gz"

    def _ready(self, length: int) -> Member:
        """The file for some more bytes: another one where they would make it too long."""
        if self._member is None or self._member.size + length > self._max_file_bytes:
            self._stack.close()
            self.files += 1
            self._from = None
            member = self._wacz.member(f"archive/{self._name}", at_least=length)
            self._member = self._stack.enter_context(member)
            self._member.write(_warcinfo(self._about, self._name))
        return self._member

    def _copy_warcinfo(self, member: Member, path: Path) -> None:
        if (span := warcinfo_of(path)) is not None:
            _copy(member, span)

    def _index(self, capture: Capture, block: IO[bytes]) -> None:
        raw = b"".join(pieces(block, 0, HEAD_LIMIT))
        line = cdxj.of_response(capture, raw[: split_head(raw).payload_offset])
        self._lines.add(f"{line}\n".encode())


def _copy(member: Member, span: Span) -> None:
    for piece in span.pieces():
        member.write(piece)


def _warcinfo(about: About, name: str) -> bytes:
    """The record that says what made the file; its id is the same whenever the same package is made at the same moment."""
    named = {"software": about.software, "format": "WARC File Format 1.1", "isPartOf": about.title}
    block = fields_block((*named.items(), ("description", about.description)))
    said = hashlib.sha256(b"\0".join((block, about.created.encode(), name.encode()))).digest()
    fields = (
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", f"<urn:uuid:{uuid.UUID(bytes=said[:16], version=4)}>"),
        ("WARC-Date", about.created),
        ("WARC-Filename", name),
        ("WARC-Block-Digest", sha1_of(block)),
        ("Content-Type", WARC_FIELDS),
        ("Content-Length", str(len(block))),
    )
    head = RecordHead(VERSION, tuple((field, one_line(value)) for field, value in fields))
    member = GzipMember()
    return member.feed(bytes(head) + block + b"\r\n\r\n") + member.end()


# --- index


def _write_index(wacz: WaczFile, folder: Path, lines: Iterable[bytes]) -> None:
    """indexes/index.cdx.gz, blocks of lines, and indexes/index.idx, the first key of each block and where it lies."""
    blocks: list[str] = ['!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}']
    lines = iter(lines)
    with wacz.spooled("indexes/index.cdx.gz", folder) as member:
        while some := list(islice(lines, _LINES)):
            block = _gzip(b"".join(some))
            digest = f"sha256:{hashlib.sha256(block).hexdigest()}"
            where = {"offset": member.size, "length": len(block), "digest": digest, "filename": "index.cdx.gz"}
            first = some[0].partition(b"{")[0].decode().strip()
            blocks.append(f"{first} {json.dumps(where)}")
            member.write(block)
    with wacz.member("indexes/index.idx", deflated=True) as member:
        member.write("".join(f"{line}\n" for line in blocks).encode())


def _gzip(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return deflate.compress(data) + deflate.flush()


# --- pages


def _write_pages(wacz: WaczFile, folder: Path, title: str, pages: Iterator[VersionPage]) -> VersionPage | None:
    """pages/pages.jsonl, one line a version, with its text for full-text search; gives back the first."""
    newest = None
    with wacz.spooled("pages/pages.jsonl", folder, deflated=True) as member:
        member.write(_line({"format": "json-pages-1.0", "id": "pages", "title": title, "hasText": True}))
        for page in pages:
            newest = newest or page
            member.write(_line(_page(page)))
    return newest


def _page(page: VersionPage) -> dict[str, object]:
    return {
        "id": f"{page.uid}-{page.version}",
        "url": page.url,
        "ts": page.fetched_at,
        "title": page.title or page.url,
        "text": page.text,
    }


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
