"""Road 1: every exchange becomes WARC records, then a row. Jobs for the scribe's thread."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.store import Recorded
from storage.archive import captures
from storage.archive.dedupe import Dedupe, original_of
from storage.database.engine import Connection
from storage.records import Capture, Exchange
from storage.times import now
from storage.warc.file import ClosedFile
from storage.warc.format import Measured
from storage.warc.records import Reference
from storage.warc.write import WarcWriter


def recording(
    keeping: WarcKeeping, exchange: Exchange, url_id: int | None, recorded: Recorded, *, hash_body: bool = True
) -> Callable[[Connection], None]:
    """The job that archives an exchange and enters its capture; `recorded` then knows the row.

    A transaction that is tried again finds the exchange written, and only enters it. Without `hash_body` the digest of the
    decoded body is left to whoever reads the page.
    """

    def job(conn: Connection) -> None:
        if recorded.capture is None:
            recorded.capture = keeping.write(conn, exchange, hash_body=hash_body)
        capture = recorded.capture
        recorded.fetched_at = capture.fetched_at
        recorded.capture_id = captures.insert(conn, capture, url_id, pending=captures.is_awaited(capture))

    return job


class WarcKeeping:
    """The WARC files of a run, as the scribe keeps them in step with the rows."""

    def __init__(self, writer: WarcWriter, dedupe: Dedupe = Dedupe.OFF) -> None:
        self._writer = writer
        self._dedupe = dedupe
        self._closed: list[ClosedFile] = []  # since the last commit

    def write(self, conn: Connection, exchange: Exchange, *, hash_body: bool) -> Capture:
        """Archive an exchange; what the archive has already is referred to, not kept again."""

        def refer(exchange: Exchange, measured: Measured) -> Reference | None:
            return original_of(conn, exchange, measured, self._dedupe)

        return self._writer.write_exchange(exchange, hash_body=hash_body, refer=refer)

    def before_commit(self, conn: Connection) -> None:
        """Sync what was written, and enter files that have got their final name."""
        self._writer.sync()
        self._closed += self._writer.take_closed()
        for file in self._closed:
            captures.file_closed(conn, file.name, file.size, file.sha256, now(), self._writer.run_id)

    def after_commit(self) -> None:
        """They are entered."""
        self._closed.clear()
