"""`withdraw`: an article, or what was captured under a URL, is hidden; with `--purge` its bytes leave the archive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from crawler import PRODUCT_VERSION, VERSION
from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.options import new_run_id
from storage.archive import captures, purge
from storage.database.engine import Connection, Engine, open_database, reading, transaction
from storage.errors import UsageError
from storage.frontier import withdrawals
from storage.frontier.withdrawals import Withdrawal
from storage.recovery.recover import recover
from storage.runs import rows as runs
from storage.runs.lock import hold
from storage.times import now
from storage.warc.write import WarcWriter

COMMAND = "withdraw"


def withdraw(folder: Path, target: str, reason: str, note: Callable[[str], None], *, purged: bool, patience: float) -> None:
    """Withdraw what is known under a URL or uid. Raises UsageError when nothing is."""
    collection = collections.find(folder)
    if not checks.is_text(target) or not checks.is_text(reason) or not reason.strip():
        raise UsageError("URL or uid, and reason, must be text")
    warc = collection.warc()
    with hold(collection.folder, patience=patience):
        engine = open_database(collection.database_url, create=False)
        try:
            recover(engine, warc, now())
            withdrawal = _named(collection, engine, target, reason)
            _withdraw(engine, warc, withdrawal, note, purged=purged)
        finally:
            engine.dispose()


def _named(collection: Collection, engine: Engine, target: str, reason: str) -> Withdrawal:
    with reading(engine) as conn:
        found = withdrawals.named(conn, target, reason, uuid4().hex, now())
    if found is None:
        raise UsageError(f"{checks.shown(target)} is not known in {collection.folder}, neither as URL nor as uid")
    return found


def _withdraw(engine: Engine, warc: Path, withdrawal: Withdrawal, note: Callable[[str], None], *, purged: bool) -> None:
    run_id = new_run_id()
    with transaction(engine) as conn:
        runs.begin(conn, run_id, VERSION, withdrawal.at, COMMAND)
        hidden = withdrawals.apply(conn, withdrawal)
    what = f"article {withdrawal.uid}" if withdrawal.uid else withdrawal.urls[0]
    note(f"Withdrew {what}: {hidden} captures of {len(withdrawal.keys)} URLs are hidden")
    if purged:
        rewritten = purge.purge(engine, warc, withdrawal, now())
        withdrawal = replace(withdrawal, purged_at=now(), files=tuple(rewritten))
        for file in rewritten:
            note(f"Rewrote {file['old']} ({file['old_sha256']}) as {file['new']} ({file['new_sha256']})")
    _enter(engine, warc, run_id, withdrawal)


def _enter(engine: Engine, warc: Path, run_id: str, withdrawal: Withdrawal) -> None:
    """Write it down in the archive, so that a database made from it hides the same."""
    writer = WarcWriter(warc, run_id, PRODUCT_VERSION, {"run": run_id})

    def entered(conn: Connection) -> None:
        withdrawals.apply(conn, withdrawal)
        runs.close(conn, run_id, 0, now())
        for file in writer.close():
            captures.file_closed(conn, file.name, file.size, file.sha256, now(), run_id)

    writer.write_resource(withdrawal.uri, "application/json", withdrawal.content(), withdrawal.at)
    with transaction(engine) as conn:
        entered(conn)
