"""What became of a run: its exit code, and its account as a resource record, which alone keeps URLs without an exchange."""

from __future__ import annotations

import json
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from storage import runs
from storage.database import Connection
from storage.errors import AllSourcesFailed
from storage.records import Ledger
from storage.warc_format import run_uri
from storage.warc_write import WarcWriter

_IN_MEMORY = 1 << 20  # bytes


def is_idle(ledger: Ledger) -> bool:
    """Whether a run considered nothing: then it gets no account, or there would be a file for every idle run of years."""
    return not ledger.articles and not ledger.others


def write_ledger(conn: Connection, writer: WarcWriter, run_id: str, ledger: Ledger, spool_folder: str | None) -> None:
    """Write it row by row: a run may have met millions of URLs that it did not ask for."""
    account = {"run": run_id, "articles": ledger.articles, "others": ledger.others, "pending": ledger.pending}
    with SpooledTemporaryFile(_IN_MEMORY, dir=spool_folder) as document:
        head = json.dumps(account, ensure_ascii=False, sort_keys=True)
        document.write(f'{head[:-1]}, "without_exchange": ['.encode())
        for number, row in enumerate(runs.without_exchange(conn, run_id)):
            line = json.dumps(row, ensure_ascii=False, sort_keys=True)
            document.write(f"{',' if number else ''}\n{line}".encode("utf-8", "surrogatepass"))
        document.write(b"]}\n")
        writer.write_resource(run_uri(run_id, "ledger"), "application/json", cast("IO[bytes]", document))


def exit_code_of(results: dict[str, bool]) -> int:
    """0 when every source that was asked gave something, 5 when none did, else 4."""
    if all(results.values()):
        return 0
    return 4 if any(results.values()) else AllSourcesFailed.exit_code
