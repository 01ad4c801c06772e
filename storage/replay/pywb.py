"""What pywb needs to serve a collection where it lies: its settings, the access rules, and the files that are not in warc/.

pywb runs in the folder that these files are written to. It finds the closed files of `warc/` by itself, new ones too. A file
that is still being written has an index that is not sorted yet: what it holds at the moment of `write` is served.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, select, union

from storage.database.engine import reading
from storage.database.schema import captures, warc_files, withdrawals
from storage.records import FileState, Kind
from storage.warc import cdxj
from storage.warc.file import cdxj_path, disk, open_path

COLLECTION = "news"  # its name in addresses: http://127.0.0.1:8080/news/TIMESTAMP/URL
_SETTINGS, _RULES, _PATHS, _INDEXES = "config.yaml", "withdrawn.aclj", "paths.txt", "indexes"
_EXACTLY = "###"  # behind the key of a rule: for this URL alone, not for those that begin with it


@dataclass(frozen=True, slots=True)
class Served:
    """What pywb will serve. `elsewhere` and `without_index` are names of files whose captures it cannot."""

    elsewhere: tuple[str, ...]
    without_index: tuple[str, ...]
    withdrawn: int  # URLs


def write(engine: Engine, warc: Path, folder: Path) -> Served:
    """Bring pywb's folder up to date; what has not changed is left alone. Raises DiskError."""
    with reading(engine) as conn:
        files = _files(conn)
        rules = access_rules(_withdrawn(conn))
    here = [one for one in files if one.state == FileState.HERE]
    with disk("write", folder):
        (folder / _INDEXES).mkdir(parents=True, exist_ok=True)
        _put(folder / _SETTINGS, _settings(os.path.relpath(warc, folder)))
        _put(folder / _RULES, b"".join(rules))
        indexed = _put_indexes(folder / _INDEXES, warc, here)
        _put(folder / _PATHS, b"".join(sorted(_paths(warc, here))))
    away = tuple(one.name for one in files if one.state == FileState.ELSEWHERE)
    return Served(away, tuple(one.name for one in here if one.name not in indexed), len(rules))


def newest_pages(conn: Connection, limit: int) -> list[tuple[str, str]]:
    """URL and moment of the newest captures of articles, the newest first."""
    query = (
        select(captures.c.url, captures.c.fetched_at)
        .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .where(
            captures.c.kind == str(Kind.ARTICLE),
            captures.c.http_status == 200,
            captures.c.withdrawn_at.is_(None),
            warc_files.c.state == str(FileState.HERE),
        )
        .order_by(captures.c.id.desc())
        .limit(limit)
    )
    return [(row.url, row.fetched_at) for row in conn.execute(query)]


def address(port: int, url: str, fetched_at: str) -> str:
    """Where pywb shows a capture."""
    return f"http://127.0.0.1:{port}/{COLLECTION}/{''.join(filter(str.isdigit, fetched_at))[:14]}/{url}"


def access_rules(urls: Iterable[str]) -> list[bytes]:
    """The rules that hide some URLs at all times, the last key first, as pywb reads them."""
    rules = {cdxj.surt(url): json.dumps({"access": "exclude", "url": url}) for url in urls}
    return sorted((f"{key}{_EXACTLY} - {rule}\n".encode() for key, rule in rules.items()), reverse=True)


# --- what is there


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    state: str
    place: str | None


def _files(conn: Connection) -> list[_File]:
    query = select(warc_files.c.name, warc_files.c.state, warc_files.c.place).order_by(warc_files.c.name)
    return [_File(*row) for row in conn.execute(query)]


def _withdrawn(conn: Connection) -> Iterator[str]:
    captured = select(captures.c.url).where(captures.c.withdrawn_at.is_not(None))
    return conn.execute(union(captured, select(withdrawals.c.url))).scalars()


# --- files for pywb


def _settings(warc: str) -> bytes:
    """JSON, which is YAML too. Paths are relative: pywb takes braces in them for something to fill in."""
    news = {
        "index_group": {"warc": warc, "more": _INDEXES},
        "timeout": 60,  # seconds for searching all indexes
        "archive_paths": [f"{warc}/", _PATHS],
        "acl_paths": [_RULES],
        "default_access": "allow",
    }
    return json.dumps(
        {"enable_auto_colls": False, "debug": False, "collections": {COLLECTION: news}}, indent=2
    ).encode()


def _paths(warc: Path, files: Iterable[_File]) -> Iterator[bytes]:
    """Where the files lie whose names in `warc/` are not (yet) theirs."""
    for file in files:
        still_open = open_path(warc / file.name)
        where = file.place or (str(still_open.resolve()) if still_open.exists() else None)
        if where is not None:
            yield f"{file.name}\t{where}\n".encode()


def _put_indexes(folder: Path, warc: Path, files: Iterable[_File]) -> set[str]:
    """Indexes of files that lie elsewhere on the disk, or are still being written; the names of all that have one."""
    indexed, put = set(), set()
    for file in files:
        own = cdxj_path(warc / file.name)
        other = cdxj_path(Path(file.place)) if file.place else open_path(own)
        if own.exists():
            indexed.add(file.name)
        elif other.exists():
            _put(folder / own.name, b"".join(cdxj.sorted_lines(other.read_bytes().splitlines(keepends=True))))
            indexed.add(file.name)
            put.add(own.name)
    for path in folder.iterdir():
        if path.name not in put:
            path.unlink(missing_ok=True)
    return indexed


def _put(path: Path, content: bytes) -> None:
    """A file with this content, in one step: pywb may be reading it."""
    if path.exists() and path.read_bytes() == content:
        return
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
