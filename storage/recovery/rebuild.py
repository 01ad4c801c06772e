"""A database made from WARC files alone: rows of files, captures and runs, and the order in which pages were settled."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, select, update

from storage.archive import captures as capture_rows
from storage.archive.captures import capture_of
from storage.database.engine import reading, transaction
from storage.database.schema import articles, captures, urls, warc_files
from storage.errors import DatabaseError
from storage.frontier import leases
from storage.frontier.withdrawals import Withdrawal, apply, withdrawal_in
from storage.records import Capture, Kind, Lease
from storage.recovery.rows import adopt
from storage.runs import rows as runs
from storage.runs.ledgers import Account, Settled, account_in, in_order
from storage.warc.file import disk
from storage.warc.recover import Said, Unit, sha256_of, units

_AT_ONCE = 100  # captures entered in one transaction
_FINAL = (304, 404, 410)  # statuses, beside 2xx, with which a fetch ends as it is


@dataclass(slots=True)
class Entered:
    """What the files of an archive gave. `notes` are one line each."""

    files: int = 0
    captures: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)  # by run; of two its own counts, not one written for it
    said: list[Said] = field(default_factory=list)  # other records that this program wrote for itself
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Task:
    """A page that has to be settled again: its capture, the URL that it was fetched for, and how it ended then.

    `settled` is None where no account tells: its run was killed, and no later one wrote for it.
    """

    capture_id: int
    capture: Capture
    lease: Lease
    source_id: int
    settled: Settled | None


def need_empty(engine: Engine) -> None:
    """Raises DatabaseError when there is a collection in the database already."""
    with reading(engine) as conn:
        if conn.execute(select(captures.c.id).limit(1)).first() or conn.execute(select(articles.c.id).limit(1)).first():
            raise DatabaseError("the new database has rows already; name one that is empty or not there")


def enter_file(engine: Engine, path: Path, entered: Entered, now: str) -> None:
    """Rows for a closed file and everything in it. Raises DiskError."""
    found: list[Capture] = []
    with disk("read", path):
        for unit in units(path):
            if not isinstance(unit, Unit):
                entered.notes.append(f"{unit}; what is whole was taken")
                continue
            if unit.said:
                _take(unit.said, entered)
            if unit.capture:
                found.append(unit.capture)
            if len(found) >= _AT_ONCE:
                entered.captures += _enter(engine, found)
                found = []
        entered.captures += _enter(engine, found)
        size, sha256 = path.stat().st_size, sha256_of(path)
    with transaction(engine) as conn:
        capture_rows.file_closed(conn, path.name, size, sha256, now)
    entered.files += 1


def _take(said: Said, entered: Entered) -> None:
    try:
        account = account_in(said.uri, said.content)
    except ValueError as error:
        entered.notes.append(str(error))
        return
    if account is None:
        entered.said.append(said)
    elif account.run_id not in entered.accounts or account.ended_at:
        entered.accounts[account.run_id] = account


def hide(engine: Engine, entered: Entered) -> None:
    """Withdraw again what was withdrawn, in that order."""
    found = [one for said in entered.said if (one := _withdrawal_in(said, entered))]
    for withdrawal in sorted(found, key=lambda one: (one.at, one.purged_at or "")):
        with transaction(engine) as conn:
            apply(conn, withdrawal)
            for file in withdrawal.files:
                capture_rows.file_replaced(conn, file["old"], file["old_sha256"], file["new"], withdrawal.at)


def _withdrawal_in(said: Said, entered: Entered) -> Withdrawal | None:
    try:
        return withdrawal_in(said.uri, said.content)
    except ValueError as error:
        entered.notes.append(str(error))
        return None


def _enter(engine: Engine, found: Sequence[Capture]) -> int:
    with transaction(engine) as conn:
        return adopt(conn, found)


def enter_runs(engine: Engine, accounts: dict[str, Account], now: str) -> None:
    """Rows of runs as they account for themselves."""
    with transaction(engine) as conn:
        for account in accounts.values():
            runs.restore(conn, account, now)


# --- what is to be settled --------------------------------------------------------------------------------------------


def tasks(engine: Engine, accounts: dict[str, Account]) -> Iterator[Task]:
    """Every page that ended a fetch, in the order in which they were settled; those that no account names last.

    Those are taken in the order of their dates, if their runs left no account at all.
    """
    ordered = list(in_order(accounts.values()))
    last = {settled.record_id: number for number, settled in enumerate(ordered)}  # a lost database was made again once
    chosen = [settled for number, settled in enumerate(ordered) if last[settled.record_id] == number]
    for start in range(0, len(chosen), _AT_ONCE):
        yield from _tasks_of(engine, chosen[start : start + _AT_ONCE])
    yield from _unnamed(engine, last.keys(), list(accounts))


def _tasks_of(engine: Engine, chunk: Sequence[Settled]) -> list[Task]:
    with reading(engine) as conn:
        rows = _rows(conn, captures.c.warc_record_id.in_([settled.record_id for settled in chunk]))
    by_record = {task.capture.place.record_id: task for task in rows}
    found = [(by_record.get(settled.record_id), settled) for settled in chunk]
    return [Task(t.capture_id, t.capture, t.lease, t.source_id, settled) for t, settled in found if t]


def _unnamed(engine: Engine, named: Container[str], accounted: Sequence[str]) -> Iterator[Task]:
    final = (captures.c.http_status.between(200, 299)) | captures.c.http_status.in_(_FINAL)
    left = captures.c.kind.in_([str(Kind.ARTICLE), str(Kind.REQUISITE)]) & final & captures.c.run_id.not_in(accounted)
    order = (captures.c.fetched_at, captures.c.warc_record_id)
    with reading(engine) as conn:
        found = conn.execute(select(captures.c.id, captures.c.warc_record_id).where(left).order_by(*order)).all()
    ids = [row.id for row in found if row.warc_record_id not in named]
    for start in range(0, len(ids), _AT_ONCE):
        chunk = ids[start : start + _AT_ONCE]
        with reading(engine) as conn:
            by_id = {task.capture_id: task for task in _rows(conn, captures.c.id.in_(chunk))}
        yield from (by_id[one] for one in chunk if one in by_id)


def _rows(conn: Connection, chosen: object) -> list[Task]:
    query = (
        select(captures, warc_files.c.name.label("file"), urls.c.source_id)
        .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .join(urls, urls.c.id == captures.c.url_id)
        .where(chosen)  # type: ignore[arg-type]
    )
    rows = conn.execute(query).mappings().all()
    held = {lease.url_id: lease for lease in leases.leases_of(conn, [row["url_id"] for row in rows])}
    return [Task(row["id"], capture_of(row), held[row["url_id"]], row["source_id"], None) for row in rows]


def nothing_waits(engine: Engine) -> int:
    """Captures whose page was not settled then are not waited for. Returns how many those are."""
    with transaction(engine) as conn:
        return conn.execute(update(captures).where(captures.c.pending).values(pending=False)).rowcount
