"""What became of a run: its exit code, and its account as a resource record.

That alone keeps the order in which pages were settled, what no worker could read, and URLs without an exchange.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from storage.database.engine import Connection
from storage.errors import AllSourcesFailed
from storage.records import Ledger, State
from storage.runs import balance
from storage.runs import rows as runs
from storage.times import now
from storage.warc.format import run_uri
from storage.warc.write import WarcWriter

NEEDS_A_PERSON = 4  # exit code
FEW = 3  # sources that stand for all of them
_IN_MEMORY = 1 << 20  # bytes


def is_idle(ledger: Ledger) -> bool:
    """Whether a run considered nothing: then it gets no account, or there would be a file for every idle run of years."""
    return not ledger.articles and all(name.endswith(f"/{State.PENDING}") for name in ledger.others)


def write_ledger(
    conn: Connection, writer: WarcWriter, run_id: str, ledger: Ledger, spool_folder: str | None, **ended: str | int
) -> None:
    """Write it, unless nothing was considered: no file for every idle run of years. `ended` is what its row will say.

    Row by row: a run may have met millions of URLs that it did not ask for.
    """
    if is_idle(ledger):
        return
    account = runs.account(conn, run_id) | asdict(ledger) | ended
    with SpooledTemporaryFile(_IN_MEMORY, dir=spool_folder) as document:
        document.write(f"{_json(account)[:-1]}".encode("utf-8", "surrogatepass"))
        _write_list(document, "settled", runs.settled(conn, run_id))
        _write_list(document, "without_exchange", runs.without_exchange(conn, run_id))
        document.write(b"}\n")
        writer.write_resource(run_uri(run_id, "ledger"), "application/json", cast("IO[bytes]", document))


def killed_accounts(writer: WarcWriter, alive: str, spool_folder: str | None) -> Callable[[Connection], None]:
    """The job that writes the accounts of runs that were killed before they could."""
    written: set[str] = set()  # a transaction that is tried again finds them there

    def job(conn: Connection) -> None:
        for run_id in runs.unaccounted(conn, alive):
            if run_id not in written:
                write_ledger(conn, writer, run_id, balance.ledger(conn, run_id), spool_folder)
                written.add(run_id)
            runs.accounted(conn, run_id, now())

    return job


def _write_list(document: SpooledTemporaryFile[bytes], name: str, rows: Iterable[object]) -> None:
    """One member of the document, a line each."""
    document.write(f', "{name}": ['.encode())
    for number, row in enumerate(rows):
        document.write(f"{',' if number else ''}\n{_json(row)}".encode("utf-8", "surrogatepass"))
    document.write(b"]")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def exit_code_of(results: Mapping[str, bool]) -> int:
    """Of a fetch of single pages: 0 when every source that was asked gave something, 5 when none did, else 4."""
    if all(results.values()):
        return 0
    return NEEDS_A_PERSON if any(results.values()) else AllSourcesFailed.exit_code


def exit_code_of_crawl(results: Mapping[str, bool], sources: int, *, needs_a_person: bool, fails_anew: bool) -> int:
    """Of a run of so many `sources`: 5 when all that it asked fail, which is news; 4 when one newly needs a person; else 0.

    That one or two of many fail is no news of all, though no other was asked. `fails_anew`: one did not fail before, or
    somebody wants to know.
    """
    if results and not any(results.values()) and fails_anew and stand_for_all(results, sources):
        return AllSourcesFailed.exit_code
    return NEEDS_A_PERSON if needs_a_person else 0


def stand_for_all(results: Mapping[str, bool], sources: int) -> bool:
    """Whether those that a run asked are enough to speak of all its `sources`."""
    return len(results) >= min(sources, FEW)
