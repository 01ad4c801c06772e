"""What one record says of itself, and what rows and the CDXJ say of it. Knows no database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from storage import cdxj
from storage.captures import context_from, context_json
from storage.columns import clean
from storage.records import Capture, Ended, FetchContext, Kind
from storage.verify_body import other_body
from storage.warc_fields import context_of
from storage.warc_file import cdxj_path, disk
from storage.warc_format import Measured, measure, measured_bytes
from storage.warc_read import IN_MEMORY, Record, faults

_NO_CONTEXT = FetchContext(run_id="", source="", kind=Kind.ARTICLE, frontier_url="")


def measured_of(record: Record) -> Measured | None:
    """What a response's block holds, but for the digest of its body; None for other records."""
    if record.head.type not in {"response", "revisit"}:
        return None
    if record.head.content_length <= IN_MEMORY:
        return measured_bytes(record.content())
    return measure(record.block, record.head.content_length, hash_body=False)


def wrong_digests(record: Record, measured: Measured | None) -> list[str]:
    """Digests that do not fit what the record holds; a response must have its own."""
    if measured is None:
        return faults(record)
    found = {"WARC-Block-Digest": measured.block_digest}
    if record.head.type == "response" and measured.payload_digest is not None:
        found["WARC-Payload-Digest"] = measured.payload_digest
    stated = {name: record.head.get(name) for name in found}
    return [
        f"{name} is {stated[name]}, but the record's is {digest}"
        for name, digest in found.items()
        if (stated[name] or "sha1:").startswith("sha1:") and stated[name] != digest
    ]


def differences(row: Capture, record: Record, measured: Measured | None) -> list[str]:
    """What a row says of its record, and is not so."""
    head = record.head
    pairs = {
        "length": (row.place.length, record.length),
        "record id": (row.place.record_id, head.record_id),
        "WARC-Type": (row.record_type, head.type),
        "target URI": (row.url, head.uri or ""),
        "date": (row.fetched_at, head.date),
        "block digest": (row.block_digest, head.get("WARC-Block-Digest") or ""),
        "payload digest": (row.payload_digest, head.get("WARC-Payload-Digest")),
        "HTTP status": (row.http_status, measured.head.status if measured else None),
    }
    if head.type == "response":
        pairs["truncated"] = (row.truncated, head.get("WARC-Truncated"))
        if row.body_sha256 and measured and head.get("WARC-Truncated") is None:
            other = other_body(record, measured, row.body_sha256)
            pairs["body sha256"] = (row.body_sha256, other or row.body_sha256)
    return _unequal(pairs)


def context_differences(row: Capture, metadata: Record) -> list[str]:
    """What a row says of why and how its exchange was made, and the metadata record does not."""
    try:
        context, extra = context_of(metadata.content())
    except ValueError as error:
        return [str(error)]
    if context != row.context:
        context = context_from(clean(context_json(context)))  # as it is stored
    ended = str(extra.get("ended", Ended.COMPLETE))
    return _unequal({"context": (row.context, context), "ended": (str(row.ended), ended)})


def _unequal(pairs: dict[str, tuple[object, object]]) -> list[str]:
    return [
        f"{name} is {in_row!r} in the row, {found!r} in the archive"
        for name, (in_row, found) in pairs.items()
        if in_row != found
    ]


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
                offset = _offset_in(line)
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


def _offset_in(line: bytes) -> int | None:
    """The offset that a CDXJ line names. Its key may hold braces, but no space."""
    try:
        return int(json.loads(line.split(b" ", 2)[2])["offset"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def line_of(record: Record, measured: Measured) -> str:
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
    return cdxj.of_response(capture, measured.raw_head)
