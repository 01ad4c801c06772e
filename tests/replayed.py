"""The responses in WARC files as they were served, read with warcio: of a revisit with the payload that it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders

PROFILES = "http://netpreserve.org/warc/1.1/revisit/"
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Replayed:
    """A response or revisit record, and the bytes that were served."""

    type: str
    head: StatusAndHeaders
    file: str
    offset: int
    length: int
    block: bytes

    def get(self, name: str) -> str:
        """A field of the record's header without angle brackets, "" when it is not there."""
        return (self.head.get_header(name) or "").strip("<>")


def replayed(files: Iterable[Path]) -> Iterator[Replayed]:
    """All of them, in the order of the files. A revisit whose original is not there raises KeyError."""
    found = [record for file in files for record in _records(file)]
    blocks = {record.get("WARC-Record-ID"): record.block for record in found if record.type == "response"}
    for record in found:
        if record.get("WARC-Profile") == f"{PROFILES}identical-payload-digest":
            payload = blocks[record.get("WARC-Refers-To")].partition(_blank_line(record.block))[2]
            yield Replayed(record.type, record.head, record.file, record.offset, record.length, record.block + payload)
        else:
            yield record


def _blank_line(block: bytes) -> bytes:
    return _END if block.endswith(_END) else b"\n\n"


def _records(path: Path) -> Iterator[Replayed]:
    with path.open("rb") as file:
        records = ArchiveIterator(file, no_record_parse=True)
        for record in records:
            if record.rec_type in {"response", "revisit"}:
                block = record.raw_stream.read()
                offset, length = records.get_record_offset(), records.get_record_length()
                yield Replayed(record.rec_type, record.rec_headers, path.name, offset, length, block)
