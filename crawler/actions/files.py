"""`files`: the WARC files of a collection, where they are, and what deduplication saved in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from crawler.actions.database import opened
from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.terminal import console
from storage.archive import files as warc_files
from storage.archive.files import WarcFile
from storage.archive.savings import Savings, savings
from storage.database.engine import Engine, open_database, reading
from storage.errors import UsageError
from storage.records import FileState

Note = Callable[[str], None]

HEADER = ("name", "run", "opened", "closed", "size", "sha256", "state", "captures", "place")
SHORT = 12  # characters of a SHA-256 that are shown


def show(folder: Path, *, as_json: bool) -> None:
    """Print the files of a collection."""
    with opened(collections.find(folder)) as conn:
        files = warc_files.listed(conn)
    if as_json:
        console.out_json([asdict(file) for file in files])
    else:
        console.out_table(HEADER, map(_row, files))


def _row(file: WarcFile) -> tuple[object, ...]:
    digest = (file.sha256 or "")[:SHORT]
    closed = file.closed_at or "open"
    return (file.name, file.run_id, file.opened_at, closed, file.size, digest, file.state, file.captures, file.place)


def elsewhere(folder: Path, names: tuple[str, ...], place: str, note: Note, *, unchecked: bool) -> None:
    """Enter files as moved to other storage; those still here are read and compared first, unless `unchecked`.

    Raises UsageError for files that cannot be moved, DamageError for one that is not as it was closed.
    """
    collection = collections.find(folder)
    place = _text(place, "--place")
    with _writing(collection) as engine:
        for file in _chosen(engine, names, FileState.ELSEWHERE):
            path = file.path(collection.warc())
            still_here = file.state == FileState.HERE and os.path.lexists(path)
            if still_here and not unchecked:
                warc_files.check(file, path)
            to = warc_files.place_of(place, file.name)
            warc_files.move(engine, file, FileState.ELSEWHERE, to)
            note(f"{file.name} is in {to}" + (f"; {path} may be removed" if still_here else ""))


def back(folder: Path, names: tuple[str, ...], place: str | None, note: Note) -> None:
    """Enter files as here, in `warc/` or in the folder or file `place`, after they were read and compared.

    Raises UsageError for files that cannot be moved, DamageError for one that is another, DiskError for one that is not there.
    """
    collection = collections.find(folder)
    with _writing(collection) as engine:
        for file in _chosen(engine, names, FileState.HERE):
            path = _path(collection, file, place)
            warc_files.check(file, path)
            own = path == collection.warc() / file.name
            warc_files.move(engine, file, FileState.HERE, None if own else _text(str(path), "--place"))
            note(f"{file.name} is here" + ("" if own else f": {path}"))


def _path(collection: Collection, file: WarcFile, place: str | None) -> Path:
    """The absolute path at which a file is said to be."""
    if place is None:
        return collection.warc() / file.name
    path = Path(place).absolute()
    return path / file.name if path.is_dir() else path


def _text(place: str, option: str) -> str:
    if not place.strip() or not checks.is_text(place) or console.one_line(place) != place.strip():
        raise UsageError(f"{option} must be a path or an address on one line, not {checks.shown(place)}")
    return place.strip()


def _chosen(engine: Engine, names: tuple[str, ...], to: FileState) -> list[WarcFile]:
    with reading(engine) as conn:
        return warc_files.movable(warc_files.listed(conn), names, to)


@contextmanager
def _writing(collection: Collection) -> Iterator[Engine]:
    """The database, which must be there. A crawl may run: each file is a transaction of its own."""
    engine = open_database(collection.database_url, create=False)
    try:
        yield engine
    finally:
        engine.dispose()


def dedupe(folder: Path, *, as_json: bool) -> None:
    """Print what revisits saved."""
    with opened(collections.find(folder)) as conn:
        account = savings(conn)
    if as_json:
        console.out_json(asdict(account))
        return
    for line in _account(account):
        console.out(line)


def _account(account: Savings) -> list[str]:
    other_bytes = "responses with a body that was there in other bytes (compression, chunk boundaries)"
    return [
        f"{account.captures} captures",
        f"{account.identical} revisits of a payload that was there: {_mb(account.identical_saved)} saved",
        f"{account.not_modified} revisits by a 304: the payload was not even sent",
        f"{account.rewritten} {other_bytes}: {_mb(account.rewritten_bytes)} written again",
    ]


def _mb(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
