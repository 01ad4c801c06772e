"""Rows of WARC files: which there are, where each is, and where it was moved to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from sqlalchemy import Connection, Engine, func, select, update

from storage.database.engine import transaction
from storage.database.schema import captures, warc_files
from storage.errors import DamageError, UsageError
from storage.records import FileState
from storage.warc.file import disk
from storage.warc.recover import sha256_of

_GLOB = frozenset("*?[")
_COLUMNS = ("name", "run_id", "opened_at", "closed_at", "size", "sha256", "state", "place", "origin", "replaced_by")


@dataclass(frozen=True, slots=True)
class WarcFile:
    """A row of `warc_files`. `size` and `sha256` are None while it is written; `unread` captures have no outcome yet."""

    name: str
    run_id: str | None
    opened_at: str
    closed_at: str | None
    size: int | None
    sha256: str | None
    state: str
    place: str | None
    origin: str
    replaced_by: str | None
    captures: int = 0
    unread: int = 0

    def path(self, folder: Path) -> Path:
        """Where it is, `folder` being the collection's own."""
        return Path(self.place) if self.state == FileState.HERE and self.place else folder / self.name


def listed(conn: Connection) -> list[WarcFile]:
    """All files, in the order in which they were opened."""
    total, waiting = _counts(conn), _counts(conn, only_unread=True)
    columns = [warc_files.c.id, *(warc_files.c[name] for name in _COLUMNS)]
    rows = conn.execute(select(*columns).order_by(warc_files.c.opened_at, warc_files.c.name)).mappings()
    return [
        WarcFile(
            **{name: row[name] for name in _COLUMNS}, captures=total.get(row["id"], 0), unread=waiting.get(row["id"], 0)
        )
        for row in rows
    ]


def _counts(conn: Connection, *, only_unread: bool = False) -> dict[int, int]:
    """Captures by the id of their file."""
    query = select(captures.c.warc_file_id, func.count()).group_by(captures.c.warc_file_id)
    return dict(conn.execute(query.where(captures.c.pending) if only_unread else query).all())


# --- which are meant --------------------------------------------------------------------------------------------------


def movable(files: Sequence[WarcFile], words: Sequence[str], to: FileState) -> list[WarcFile]:
    """The files that names or globs mean (of a path its last part counts). Pure.

    A glob passes over what cannot get this state; a name of such a file, and a word that means none, raise UsageError.
    """
    found: dict[str, WarcFile] = {}
    for word in words:
        found |= {file.name: file for file in _meant(files, PurePath(word).name, to)}
    return list(found.values())


def _meant(files: Sequence[WarcFile], word: str, to: FileState) -> list[WarcFile]:
    is_glob = not _GLOB.isdisjoint(word)
    meant = [file for file in files if (fnmatchcase(file.name, word) if is_glob else file.name == word)]
    good = [file for file in meant if _obstacle(file, to) is None]
    if not meant:
        raise UsageError(f"no WARC file {json.dumps(word)} in the database; `newswarc files` lists them")
    if not good:
        raise UsageError(f"{meant[0].name} {_obstacle(meant[0], to)}")
    return good


def _obstacle(file: WarcFile, to: FileState) -> str | None:
    """Why a file cannot be moved."""
    if file.closed_at is None:
        return "is not closed: a run writes it, or the next run will close it"
    if file.state == FileState.WITHDRAWN:
        return f"was withdrawn; {file.replaced_by or 'nothing'} stands in its place"
    if file.unread and to == FileState.ELSEWHERE:
        return f"holds {file.unread} pages that are not read yet; the next crawl reads them"
    return None


# --- places -----------------------------------------------------------------------------------------------------------


def check(file: WarcFile, path: Path) -> None:
    """Read a file and compare it with its row. Raises DamageError when it is another, DiskError when it cannot be read."""
    with disk("read", path):
        size = path.stat().st_size
        if file.size is not None and size != file.size:
            raise DamageError(f"{path} has {size} bytes, and had {file.size} when it was closed; it is another, or cut")
        if file.sha256 is not None and sha256_of(path) != file.sha256:
            raise DamageError(f"{path} is not as it was closed: its SHA-256 is not {file.sha256}")


def move(engine: Engine, file: WarcFile, state: FileState, place: str | None) -> None:
    """Enter where a file is. Raises UsageError when that was changed by another since `file` was read."""
    was = (warc_files.c.name == file.name, warc_files.c.state == file.state, warc_files.c.closed_at.is_not(None))
    with transaction(engine) as conn:
        if conn.execute(update(warc_files).where(*was).values(state=str(state), place=place)).rowcount != 1:
            raise UsageError(f"{file.name} was moved or withdrawn by another command meanwhile; see `newswarc files`")


def place_of(place: str, name: str) -> str:
    """Where a file is that is in `place`: one that ends with a slash holds it under its name. Pure."""
    return place + name if place.endswith("/") else place
