"""What a killed run left is put right before the next one begins: files closed, rows and records brought together.

Every step may itself be cut short by a kill and done again: a torn tail is cut and synced, then rows are committed, then
files get their final names. Only for one who holds the collection's lock.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, func, select

from storage.archive import captures as capture_rows
from storage.archive.captures import capture_of, file_id
from storage.archive.purge import finish
from storage.archive.shelf import Shelf
from storage.archive.unhashed import hash_revisits
from storage.database.engine import reading, transaction
from storage.database.schema import captures, urls, warc_files
from storage.frontier.leases import leases_of
from storage.records import Capture, Lease
from storage.recovery.rows import adopt, withdraw
from storage.warc.file import ClosedFile, cdxj_path, disk, write_cdxj
from storage.warc.read import Damage, scan
from storage.warc.recover import Spare, recover_folder, sha256_of, units, whole

log = logging.getLogger(__name__)

_AT_ONCE = 100  # captures looked up, and rows inserted, in one transaction


@dataclass(slots=True)
class Recovered:
    """What was done to an archive and its database."""

    files: int = 0  # got their final names, or were entered as closed
    removed: int = 0  # had nothing whole in them
    cut: int = 0  # bytes of torn tails
    adopted: int = 0  # captures that had no row
    withdrawn: int = 0  # captures that had no record any more

    def __bool__(self) -> bool:
        return bool(self.files or self.removed)

    def __str__(self) -> str:
        return (
            f"{self.files} WARC files of a killed run closed and {self.removed} empty ones removed: {self.cut} bytes cut, "
            f"{self.adopted} captures entered, {self.withdrawn} taken back"
        )


def recover(engine: Engine, folder: Path, now: str, spare: Spare | None = None) -> Recovered:
    """Close what dead runs left open in `folder`, and make rows and records agree there.

    Whole exchanges without row get one; rows without record are taken back, and their URLs are due again. A file whose
    writer lives, which its lock tells, is left alone. `spare` may save what is about to be cut. Raises DiskError,
    DatabaseError, and DamageError when a file is there twice.
    """
    finish(engine, folder)
    done = Recovered()
    books = _Books(engine, now, done)
    for name in _unentered(engine, folder):  # older than what is still open: unread pages are settled in the order of their rows
        _enter(folder / name, books)
    for recovered in recover_folder(folder, books, spare):
        done.cut += recovered.cut
        for damage in recovered.damage:
            log.warning("%s; what is behind it was kept", damage)
        if recovered.cut:
            log.info("%s: %d bytes of a torn tail were cut", recovered.name, recovered.cut)
    if done.adopted:
        hash_revisits(engine, Shelf(folder, engine))
    if done.withdrawn:
        log.warning("%d captures were taken back: their records are gone", done.withdrawn)
    return done


def _unentered(engine: Engine, folder: Path) -> list[str]:
    """Files of ours that have their final name while no row says so: a run was killed between rename and commit.

    Two processes on one collection would see each other's here: then only files of runs known to be dead may be taken.
    """
    with reading(engine) as conn:
        rows = conn.execute(select(warc_files.c.name, warc_files.c.closed_at)).all()
    closed = {row.name: row.closed_at is not None for row in rows}
    with disk("read", folder):
        there = sorted(path.name for path in folder.glob("*.warc.gz"))
    return [name for name in there if not closed.get(name, False) and (name in closed or is_ours(folder / name))]


def is_ours(path: Path) -> bool:
    """Whether a file no row knows was written under this name by this program."""
    first = next(scan(path), None)
    if first is None or isinstance(first, Damage):
        return False
    with first:
        return first.head.type == "warcinfo" and first.head.get("WARC-Filename") == path.name


def _enter(path: Path, books: _Books) -> None:
    """Rows for a closed file. Nothing is cut from it or taken back: it was whole when it got its name."""
    with disk("recover", path):
        _, lines, damage = whole(units(path), books.met)
        if not cdxj_path(path).exists() or not damage:
            write_cdxj(path, lines)
        closed = ClosedFile(path.name, path.stat().st_size, sha256_of(path))
    books.entered(closed)


class _Books:
    """The rows of files that are being recovered; see `warc_recover.Books`."""

    def __init__(self, engine: Engine, now: str, done: Recovered) -> None:
        self._engine = engine
        self._now = now
        self._done = done
        self._met: list[Capture] = []

    def met(self, capture: Capture) -> None:
        """A whole exchange: it gets a row if it has none."""
        self._met.append(capture)
        if len(self._met) >= _AT_ONCE:
            with transaction(self._engine) as conn:
                self._adopt(conn)

    def _adopt(self, conn: Connection) -> None:
        found, self._met = self._met, []
        self._done.adopted += adopt(conn, found)

    def kept(self, name: str, closed: ClosedFile | None) -> None:
        """A file that was left open is about to be closed as it is, or to go."""
        with transaction(self._engine) as conn:
            self._adopt(conn)
            own_id = file_id(conn, name, None, self._now)
            self._done.withdrawn += withdraw(conn, own_id, closed.size if closed else 0, self._now)
            if closed is None:
                conn.execute(delete(warc_files).where(warc_files.c.id == own_id))
                self._done.removed += 1
            else:
                self._close(conn, closed)

    def entered(self, closed: ClosedFile) -> None:
        """A file with its final name is whole."""
        with transaction(self._engine) as conn:
            self._adopt(conn)
            file_id(conn, closed.name, None, self._now)
            self._close(conn, closed)

    def _close(self, conn: Connection, closed: ClosedFile) -> None:
        capture_rows.file_closed(conn, closed.name, closed.size, closed.sha256, self._now)
        self._done.files += 1


# --- captures whose page was not read ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unread:
    """An archived page without outcome, and the frontier row that it was fetched for.

    `outdated`: its URL was settled since by another fetch. `asked_again`: since when it is due once more, None if not.
    """

    capture_id: int
    capture: Capture
    lease: Lease
    source_id: int
    outdated: bool
    asked_again: str | None


def last_capture(engine: Engine) -> int:
    """The id of the newest capture, 0 without any: what is unread up to it was left by runs of before."""
    with reading(engine) as conn:
        return int(conn.execute(select(func.max(captures.c.id))).scalar_one() or 0)


def unread(conn: Connection, after: int = 0, until: int = 2**62, limit: int = 100) -> list[Unread]:
    """Captures left over by runs that were killed, in the order of their ids, behind `after` and not behind `until`."""
    rows = (
        conn.execute(
            select(captures, warc_files.c.name.label("file"), urls.c.source_id, urls.c.last_fetch_at, urls.c.next_fetch_at)
            .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
            .join(urls, urls.c.id == captures.c.url_id)
            .where(captures.c.pending, captures.c.id > after, captures.c.id <= until)
            .order_by(captures.c.id)
            .limit(limit)
        )
        .mappings()
        .all()
    )
    leases = {lease.url_id: lease for lease in leases_of(conn, [row["url_id"] for row in rows])}
    return [
        Unread(
            capture_id=row["id"],
            capture=capture_of(row),
            lease=leases[row["url_id"]],
            source_id=row["source_id"],
            outdated=(row["last_fetch_at"] or "") >= row["fetched_at"],
            asked_again=due if (due := row["next_fetch_at"]) and due > row["fetched_at"] else None,
        )
        for row in rows
    ]
