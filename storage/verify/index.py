"""A CDXJ against the records of its WARC file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from storage.records import Capture, Ended, FetchContext, Kind
from storage.verify.records import Message
from storage.warc import cdxj
from storage.warc.file import cdxj_path, disk
from storage.warc.read import Record

_NO_CONTEXT = FetchContext(run_id="", source="", kind=Kind.ARTICLE, frontier_url="")


@dataclass(slots=True)
class Complaint:
    """One way in which an index is wrong: how many lines or records, the first of them, the rows that it touches."""

    what: str
    count: int = 0
    offset: int | None = None
    url: str | None = None
    rows: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.count} {self.what}" if self.count else self.what


class Index:
    """The CDXJ of a closed file: one line a response or resource, sorted. Kept as offsets and hashes of lines."""

    def __init__(self, warc: Path) -> None:
        self.path = cdxj_path(warc)
        self.missing = False
        self._left: dict[int, int] = {}  # offset -> hash of its line
        self._complaints: dict[str, Complaint] = {}
        with disk("read", self.path):
            self._read()

    def _read(self) -> None:
        before = b""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            self.missing = True
            return
        with file:
            for line in file:
                offset = offset_in(line)
                if line < before:
                    self._complain("lines are not in order", offset)
                before = line
                if offset is None or offset in self._left:
                    self._complain("lines are of no record", offset)
                else:
                    self._left[offset] = hash(line)

    def take(self, offset: int, line: str, url: str | None = None, rows: Sequence[int] = ()) -> None:
        """The line that the record at `offset` must have."""
        if self.missing:
            return
        found = self._left.pop(offset, None)
        if found != hash(f"{line}\n".encode()):
            what = "records have no line" if found is None else "lines say other than their records"
            self._complain(what, offset, url, rows)

    def forget(self, start: int, end: int | None) -> None:
        """What lay here is damaged: its lines are no fault of the index."""
        for offset in [at for at in self._left if at >= start and (end is None or at < end)]:
            del self._left[offset]

    def complaints(self) -> list[Complaint]:
        """One for each way in which it is wrong: all are mended by writing it anew."""
        if self.missing:
            return [Complaint("the index is missing")]
        for offset in self._left:
            self._complain("lines are of no record", offset)
        self._left.clear()
        return list(self._complaints.values())

    def _complain(self, what: str, offset: int | None, url: str | None = None, rows: Sequence[int] = ()) -> None:
        complaint = self._complaints.setdefault(what, Complaint(what, 0, offset, url))
        complaint.count += 1
        complaint.rows += rows


def offset_in(line: bytes) -> int | None:
    """The offset that a CDXJ line names. Its key may hold braces, but no space."""
    try:
        return int(json.loads(line.split(b" ", 2)[2])["offset"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def line_of(record: Record, message: Message) -> str:
    """The CDXJ line of a response record."""
    head = record.head
    capture = Capture(
        place=record.place,
        record_type=head.type,
        url=head.uri or "",
        fetched_at=head.date,
        http_status=None,
        mime=None,
        payload_digest=head.get("WARC-Payload-Digest"),
        block_digest="",
        ended=Ended.COMPLETE,
        context=_NO_CONTEXT,
    )
    return cdxj.of_response(capture, message.raw_head)
