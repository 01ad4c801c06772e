"""What an exchange repeats that the archive has: the original that its record refers to, instead of holding the payload."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Connection, Select, bindparam, func, literal_column, select

from storage.database.schema import captures, warc_files
from storage.records import Ended, Exchange, FileState
from storage.warc.format import IDENTICAL_PAYLOAD, NOT_MODIFIED, Measured
from storage.warc.records import Reference

MIN_PAYLOAD = 1_024  # bytes; of a shorter one a revisit would save next to nothing
NOT_CHANGED = 304


class Dedupe(StrEnum):
    """How far back a record may refer (`[crawl] dedupe`). Within a period of the calendar, in UTC, its files stand alone."""

    ALWAYS = "always"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    OFF = "off"

    def allows(self, original: str, date: str) -> bool:
        """Whether what was captured at `date` may refer to what was captured at `original`, both ISO 8601 in UTC."""
        return self is not Dedupe.OFF and original >= self.start(date)

    def start(self, date: str) -> str:
        """The first moment of the period that `date` lies in, as far as it is written out; "" is before all."""
        return date[: _WRITTEN[self]]


_WRITTEN = {Dedupe.ALWAYS: 0, Dedupe.YEAR: 4, Dedupe.MONTH: 7, Dedupe.DAY: 10, Dedupe.OFF: 10}

# The words of the index's condition, literally: a parameter would not find it.
_ORIGINALS = (
    select(captures.c.warc_record_id, captures.c.url, captures.c.fetched_at)
    .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
    .where(
        captures.c.record_type == literal_column("'response'"),
        captures.c.truncated.is_(None),
        captures.c.withdrawn_at.is_(None),
        warc_files.c.state == str(FileState.HERE),
    )
    .limit(1)
)
# The record with the payload that a URL showed last, which a later answer may say is not modified.
_LATEST = (
    select(func.coalesce(captures.c.revisit_of, captures.c.warc_record_id))
    .where(
        captures.c.url == bindparam("url"), captures.c.http_status.between(200, 299), captures.c.truncated.is_(None)
    )
    .order_by(captures.c.fetched_at.desc(), captures.c.id.desc())
    .limit(1)
)


def original_of(conn: Connection, exchange: Exchange, measured: Measured, dedupe: Dedupe) -> Reference | None:
    """The record whose payload this exchange repeats; None where there is none, or where it is to be archived whole.

    Never a revisit, so that no chain can break; never for an exchange with interim answers, which readers would mistake
    for the response; only records in files that are here.
    """
    if dedupe is Dedupe.OFF or exchange.interim or exchange.ended is not Ended.COMPLETE:
        return None
    start, size = dedupe.start(exchange.started_at), measured.length - measured.head.payload_offset
    if measured.head.status == NOT_CHANGED and not size:
        shown = conn.execute(_LATEST, {"url": exchange.url}).scalar_one_or_none()
        return _reference(conn, _ORIGINALS.where(captures.c.warc_record_id == shown), start, NOT_MODIFIED)
    if measured.payload_digest is None or size < MIN_PAYLOAD:
        return None
    same = _ORIGINALS.where(captures.c.payload_digest == measured.payload_digest).order_by(captures.c.id)
    return _reference(conn, same, start, IDENTICAL_PAYLOAD)


def _reference(conn: Connection, query: Select[tuple[str, str, str]], start: str, profile: str) -> Reference | None:
    row = conn.execute(query.where(captures.c.fetched_at >= start)).one_or_none()
    return None if row is None else Reference(profile, row.warc_record_id, row.url, row.fetched_at)
