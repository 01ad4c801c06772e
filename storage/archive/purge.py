"""What was withdrawn leaves the archive: its WARC files are written anew without it, and its rows go.

The new files wait in `.purge/` until the rows that point into them are committed; what a kill leaves there is finished,
or removed, by `finish`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, RowMapping, delete, select, update

from storage.archive.captures import capture_of, file_closed
from storage.archive.rewrite import Plan, Rewritten, rewrite
from storage.archive.shelf import Shelf
from storage.database.engine import reading, transaction
from storage.database.schema import aliases, articles, captures, extractions, outcomes, urls, versions, warc_files
from storage.errors import UsageError
from storage.frontier.withdrawals import Withdrawal, captures_of
from storage.records import FileOrigin, FileState
from storage.warc.file import cdxj_path, disk, sync_folder
from storage.warc.format import IDENTICAL_PAYLOAD
from storage.warc.records import Reference

FOLDER = ".purge"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class _Doomed:
    """Captures that go, and revisits of others that refer to them, in the order of their dates."""

    rows: Sequence[RowMapping]
    referring: Sequence[RowMapping]

    @property
    def ids(self) -> list[int]:
        return [row["id"] for row in self.rows]


def purge(engine: Engine, folder: Path, withdrawal: Withdrawal, now: str) -> list[dict[str, str]]:
    """Take the bytes of a withdrawal out of the archive. Returns old and new name and sha256 of each file concerned.

    For one who holds the collection's lock. Raises UsageError when a file is not here to be written anew, DiskError and
    DamageError; then nothing has changed.
    """
    with reading(engine) as conn:
        doomed = _doomed(conn, withdrawal)
        files = _files(conn, doomed)
    with disk("write", folder):
        (folder / FOLDER).mkdir(exist_ok=True)
    plans = _plans(doomed, Shelf(folder, engine))
    written = {row["name"]: _write(folder, row, plans[row["id"]]) for row in files}
    with transaction(engine) as conn:
        for row in files:
            _replace(conn, row, written[row["name"]], now)
        _repoint(conn, doomed)
        _forget(conn, doomed, withdrawal)
    finish(engine, folder)
    return [_told(row, written[row["name"]]) for row in files]


def _told(row: RowMapping, new: Rewritten | None) -> dict[str, str]:
    told = {"old": row["name"], "old_sha256": row["sha256"]}
    return told | {"new": new.file.name if new else "", "new_sha256": new.file.sha256 if new else ""}


def _doomed(conn: Connection, withdrawal: Withdrawal) -> _Doomed:
    ids = captures_of(conn, withdrawal.keys, withdrawal.urls)
    query = select(captures, warc_files.c.name.label("file")).join(warc_files, warc_files.c.id == captures.c.warc_file_id)
    order = (captures.c.fetched_at, captures.c.id)
    rows = conn.execute(query.where(captures.c.id.in_(ids)).order_by(*order)).mappings().all()
    originals = captures.c.revisit_of.in_([row["warc_record_id"] for row in rows])
    referring = conn.execute(query.where(originals, captures.c.id.not_in(ids)).order_by(*order)).mappings().all()
    return _Doomed(rows, referring)


def _files(conn: Connection, doomed: _Doomed) -> Sequence[RowMapping]:
    ids = {row["warc_file_id"] for row in (*doomed.rows, *doomed.referring)}
    rows = conn.execute(select(warc_files).where(warc_files.c.id.in_(ids)).order_by(warc_files.c.name)).mappings().all()
    for row in rows:
        if row["state"] != FileState.HERE or row["place"]:
            raise UsageError(f"{row['name']} is in {row['place']}; bring it into the collection's warc/ first")
    return rows


def _plans(doomed: _Doomed, shelf: Shelf) -> dict[int, Plan]:
    """File id -> what to do with its records. The first revisit of an original that goes takes its payload over."""
    heirs = _heirs(doomed)
    plans: dict[int, Plan] = {}
    for file_id in {row["warc_file_id"] for row in (*doomed.rows, *doomed.referring)}:
        mine = [row for row in doomed.referring if row["warc_file_id"] == file_id]
        plans[file_id] = Plan(
            drop=frozenset(row["warc_record_id"] for row in doomed.rows if row["warc_file_id"] == file_id),
            whole={
                row["warc_record_id"]: partial(shelf.response, capture_of(row)) for row in mine if row in heirs.values()
            },
            refer={
                row["warc_record_id"]: _reference(heirs[row["revisit_of"]]) for row in mine if row not in heirs.values()
            },
        )
    return plans


def _heirs(doomed: _Doomed) -> dict[str, RowMapping]:
    """Original -> the first revisit of it that has the payload's header block; a 304 has not."""
    heirs: dict[str, RowMapping] = {}
    for row in doomed.referring:
        if row["http_status"] != 304:
            heirs.setdefault(row["revisit_of"], row)
    return heirs


def _reference(heir: RowMapping) -> Reference:
    return Reference(IDENTICAL_PAYLOAD, heir["warc_record_id"], heir["url"], heir["fetched_at"])


def _write(folder: Path, row: RowMapping, plan: Plan) -> Rewritten | None:
    stem = row["name"].removesuffix(".warc.gz").partition("-purged-")[0]
    final = folder / FOLDER / f"{stem}-purged-{secrets.token_hex(4)}.warc.gz"
    return rewrite(folder / row["name"], final, plan, own=row["origin"] == FileOrigin.OWN)


def _replace(conn: Connection, row: RowMapping, new: Rewritten | None, now: str) -> None:
    gone = {"state": str(FileState.WITHDRAWN), "replaced_by": new.file.name if new else None}
    conn.execute(update(warc_files).where(warc_files.c.id == row["id"]).values(**gone))
    if new is None:
        return
    file_closed(conn, new.file.name, new.file.size, new.file.sha256, now, row["run_id"])
    own = update(warc_files).where(warc_files.c.name == new.file.name)
    conn.execute(own.values(opened_at=row["opened_at"], origin=row["origin"]))
    new_id = conn.execute(select(warc_files.c.id).where(warc_files.c.name == new.file.name)).scalar_one()
    for kept in conn.execute(select(captures.c.id, captures.c.warc_record_id).where(captures.c.warc_file_id == row["id"])).all():
        if (place := new.places.get(kept.warc_record_id)) is not None:
            values = {"warc_file_id": new_id, "warc_offset": place.offset, "warc_length": place.length}
            if kept.warc_record_id in new.block_digests:
                values |= {
                    "record_type": "response",
                    "revisit_of": None,
                    "block_digest": new.block_digests[kept.warc_record_id],
                }
            conn.execute(update(captures).where(captures.c.id == kept.id).values(**values))


def _repoint(conn: Connection, doomed: _Doomed) -> None:
    heirs = _heirs(doomed)
    for row in doomed.referring:
        heir = heirs.get(row["revisit_of"])
        if heir is not None and heir["id"] != row["id"]:
            conn.execute(update(captures).where(captures.c.id == row["id"]).values(revisit_of=heir["warc_record_id"]))


def _forget(conn: Connection, doomed: _Doomed, withdrawal: Withdrawal) -> None:
    """The rows of what went. The withdrawal's own row stays, and so do the URLs, which say that they are withdrawn."""
    mine = select(articles.c.id).where(articles.c.uid == withdrawal.uid)
    shown = select(versions.c.extraction_id).where(versions.c.article_id.in_(mine))
    conn.execute(update(urls).where(urls.c.article_id.in_(mine)).values(article_id=None))
    texts = list(conn.execute(shown).scalars())
    conn.execute(delete(versions).where(versions.c.article_id.in_(mine)))
    for start in range(0, len(texts), _CHUNK):
        conn.execute(delete(extractions).where(extractions.c.id.in_(texts[start : start + _CHUNK])))
    conn.execute(delete(aliases).where(aliases.c.article_id.in_(mine)))
    conn.execute(delete(articles).where(articles.c.uid == withdrawal.uid))
    for start in range(0, len(doomed.ids), _CHUNK):
        chunk = doomed.ids[start : start + _CHUNK]
        settled = select(outcomes.c.url_id).where(outcomes.c.capture_id.in_(chunk))
        conn.execute(update(urls).where(urls.c.id.in_(settled)).values(considered_run=None))  # no run accounts for them
        for table in (versions, extractions, outcomes):
            conn.execute(delete(table).where(table.c.capture_id.in_(chunk)))
        conn.execute(delete(captures).where(captures.c.id.in_(chunk)))


def finish(engine: Engine, folder: Path) -> None:
    """Give new files their place when their rows are committed, else remove them; remove files that were replaced."""
    waiting = folder / FOLDER
    if os.path.isdir(waiting):  # noqa: PTH112 - Path.is_dir raises where a folder may not be entered
        with reading(engine) as conn:
            entered = set(conn.execute(select(warc_files.c.name).where(warc_files.c.closed_at.is_not(None))).scalars())
        with disk("write", waiting):
            for path in sorted(waiting.glob("*.warc.gz")):
                if path.name in entered:
                    cdxj_path(path).rename(folder / cdxj_path(path).name)
                    path.rename(folder / path.name)
            sync_folder(folder)
            for path in waiting.iterdir():
                path.unlink()
            waiting.rmdir()
    with reading(engine) as conn:
        gone = conn.execute(select(warc_files.c.name).where(warc_files.c.state == str(FileState.WITHDRAWN))).scalars().all()
    with disk("remove", folder):
        for name in gone:
            (folder / name).unlink(missing_ok=True)
            cdxj_path(folder / name).unlink(missing_ok=True)
