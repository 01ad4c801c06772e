"""From the records of an ingested file to captures: a main record, with what metadata records say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

from storage.foreign import fields
from storage.foreign.read import Malformed, records
from storage.records import Capture, Ended, FetchContext, RecordPlace
from storage.warc.fields import context_of, parse_fields
from storage.warc.format import digest_of, pieces, sha1
from storage.warc.http_message import HEAD_LIMIT, Head, header_text, media_type, split_head
from storage.warc.read import Record
from storage.warc.reservations import as_json, of_response

MAIN = frozenset({"response", "revisit", "resource", "conversion"})
_MESSAGES = frozenset({"response", "revisit", "request"})
_METADATA_LIMIT = 1 << 20
_LONGEST_NAME = 200  # characters of a run or source; databases index them
_LONGEST_ID = 500  # the same of a record id


@dataclass(slots=True)
class Met:
    """A main record, open: close it after use. `until`: all that begins before this offset is dealt with once this is."""

    record: Record
    said: dict[str, str] = field(default_factory=dict)  # by metadata records of others
    context: FetchContext | None = None  # by a metadata record of ours
    ended: Ended | None = None
    error: str | None = None
    until: int = 0
    _head: Head | None = None

    @property
    def type(self) -> str:
        """WARC-Type, lower case."""
        return self.record.head.type.lower()

    def head(self) -> Head:
        """The HTTP header of its block."""
        if self._head is None:
            self._head = split_head(b"".join(pieces(self.record.block, 0, min(self.record.head.content_length, HEAD_LIMIT))))
        return self._head

    def learn(self, content: bytes) -> None:
        """What a metadata record says."""
        try:
            context, extra = context_of(content)
            ended = Ended(extra.get("ended", Ended.COMPLETE))
        except ValueError:
            self.said |= parse_fields(content)
            return
        if max(len(context.run_id), len(context.source)) <= _LONGEST_NAME:
            self.context, self.ended, self.error = context, ended, extra.get("error")


class Meeting:
    """Puts the records of a file together, one by one as they come."""

    def __init__(self) -> None:
        self._held: Met | None = None
        self._end = 0

    def take(self, record: Record) -> Met | None:
        """The exchange that is complete now that this record has come, if one is. Whose record it is closes it."""
        self._end = record.offset + record.length
        if _is_said(record, self._held):
            record.close()
            return None
        following = _main(record)
        if following is None:
            record.close()
            return None
        complete, self._held = self._held, following
        if complete is not None:
            complete.until = record.offset
        return complete

    def last(self) -> Met | None:
        """The exchange that was begun last."""
        complete, self._held = self._held, None
        if complete is not None:
            complete.until = self._end
        return complete


def mets(path: Path, start: int = 0) -> Iterator[Met]:
    """The main records of a file from an offset on. What cannot be read from its own place is passed over. Raises DiskError."""
    meeting = Meeting()
    for found in records(path, start):
        if isinstance(found, Record):
            if (met := meeting.take(found)) is not None:
                yield met
        elif not isinstance(found, Malformed):
            found.close()
    if (met := meeting.last()) is not None:
        yield met


def _is_said(record: Record, held: Met | None) -> bool:
    """Whether a record is metadata of the one before it, which then knows what it says."""
    if record.head.type.lower() != "metadata" or held is None or not _belongs(record, held.record):
        return False
    if record.head.content_length <= _METADATA_LIMIT:
        held.learn(record.content())
    return True


def _belongs(metadata: Record, main: Record) -> bool:
    named = {fields.bare(metadata.head.get(name)) for name in ("WARC-Concurrent-To", "WARC-Refers-To")} - {""}
    return fields.record_id(main.head) in named if named else metadata.head.uri == main.head.uri


def _main(record: Record) -> Met | None:
    """The record as the first of an exchange, if it is one; ours may begin with the request, or with the metadata alone."""
    kind = record.head.type.lower()
    alone = record.head.get("WARC-Concurrent-To") is None
    if kind in MAIN or (kind == "request" and alone):
        return Met(record)
    if kind == "metadata" and alone and record.head.content_length <= _METADATA_LIMIT:
        met = Met(record)
        met.learn(record.content())
        return met if met.context is not None else None
    return None


# --- captures ---------------------------------------------------------------------------------------------------------


def date_of(met: Met) -> str | None:
    """WARC-Date; where it is missing or none, the Date of the server."""
    return fields.moment(met.record.head.date) or _http_date(met.head().get("date"))


def _http_date(text: str | None) -> str | None:
    try:
        found = parsedate_to_datetime(text) if text else None
        return fields.moment((found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()) if found else None
    except (ValueError, TypeError, OverflowError):
        return None


def capture_of(met: Met, file: str, date: str, context: FetchContext) -> Capture:
    """The capture whose main record was met, in the file of that name.

    `payload_digest` is of the bytes as they lie there, whatever the record says; that of a revisit is the record's.
    """
    record, head = met.record, met.record.head
    status, mime, payload = _measured(met)
    return Capture(
        place=RecordPlace(file, record.offset, record.length, _id(met, date)),
        record_type=met.type,
        url=fields.uri(head),
        fetched_at=date,
        http_status=status,
        mime=mime,
        payload_digest=payload,
        block_digest=head.get("WARC-Block-Digest") or "",
        ended=met.ended or _ended(head.get("WARC-Truncated"), head.get("WARC-Segment-Number")),
        context=context,
        revisit_of=fields.bare(head.get("WARC-Refers-To")) or None if met.type == "revisit" else None,
        error=met.error,
        signals=_signals(met),
    )


def _signals(met: Met) -> str | None:
    record = met.record
    if met.type not in {"response", "revisit"}:
        return None
    return as_json(of_response(fields.uri(record.head), met.head(), record.block, record.head.content_length))


def _id(met: Met, date: str) -> str:
    head = met.record.head
    own = fields.record_id(head)
    if 0 < len(own) <= _LONGEST_ID:
        return own
    return fields.derived_id(own, met.type, fields.uri(head), date, str(head.content_length))


def _measured(met: Met) -> tuple[int | None, str | None, str | None]:
    """Status, media type and payload digest."""
    record, head = met.record, met.record.head
    declared = media_type((("content-type", head.get("Content-Type") or ""),))
    if met.type not in _MESSAGES:
        return None, declared, digest_of(record.block)[1] if met.type in MAIN else None
    if met.type == "request":
        return None, None, None
    http = met.head()
    status, mime = http.status, media_type(http.headers)
    if status is None and declared != "application/http":
        mime = mime or declared
    if met.type == "revisit":
        return status, mime, fields.digest(head.get("WARC-Payload-Digest"))
    return status, mime, _payload_digest(record, http.payload_offset)


def _payload_digest(record: Record, offset: int) -> str | None:
    """Of the bytes behind a header block that ends at `offset`; None where readers would not agree on that."""
    lines = b"".join(pieces(record.block, 0, offset)).split(b"\n")[:-2]
    if not all(header_text(line).strip() for line in lines):
        return None
    hashed = hashlib.sha1(usedforsecurity=False)
    for piece in pieces(record.block, offset, record.head.content_length):
        hashed.update(piece)
    return sha1(hashed.digest())


def _ended(truncated: str | None, segment: str | None) -> Ended:
    """WARC-Truncated; a reason that is not the standard's, and a first segment, are too short too."""
    if truncated is None:
        return Ended.COMPLETE if segment is None else Ended.LENGTH
    word = truncated.strip().lower()
    return Ended(word) if word in {str(one) for one in Ended} - {"complete"} else Ended.LENGTH
