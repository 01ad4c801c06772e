"""Road 1: every exchange becomes WARC records, then a row. Jobs for the scribe's thread."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.store import Recorded
from storage import captures
from storage.database import Connection
from storage.records import Exchange
from storage.times import now
from storage.warc_write import WarcWriter


def recording(
    writer: WarcWriter, exchange: Exchange, url_id: int | None, recorded: Recorded
) -> Callable[[Connection], None]:
    """The job that archives an exchange and enters its capture; `recorded` then knows the row."""

    def job(conn: Connection) -> None:
        capture = writer.write_exchange(exchange)
        exchange.response.close()
        recorded.fetched_at = capture.fetched_at
        recorded.capture_id = captures.insert(conn, capture, url_id, pending=captures.is_awaited(capture))
        note_closed(conn, writer)

    return job


def note_closed(conn: Connection, writer: WarcWriter) -> None:
    """Enter files that have got their final name."""
    for file in writer.take_closed():
        captures.file_closed(conn, file.name, file.size, file.sha256, now())
