"""Rows of ingested files: the file, its captures, the pages that wait to be read, the original of a revisit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, bindparam, select, update

from storage.archive import captures as capture_rows
from storage.database.engine import reading
from storage.database.schema import aliases, captures, runs, sources, urls, warc_files
from storage.foreign.copying import Shelved
from storage.foreign.fields import derived_id
from storage.frontier import urls as frontier
from storage.frontier.leases import lease_of
from storage.frontier.urls import Origin
from storage.frontier.withdrawals import withdrawn_at
from storage.records import OLD, Capture, FetchContext, FileOrigin, Kind, Lease, Link
from storage.recovery.rows import source_id_of
from storage.urlkey import InvalidURL, key

_CHUNK = 500  # rows a statement
_DEPTH = 8  # revisits of revisits
_KNOWN = (
    select(urls, sources.c.name.label("source"), sources.c.edits)
    .join(sources, sources.c.id == urls.c.source_id)
    .where(urls.c.key == bindparam("wanted"))
)
_INSERT = captures.insert()
_SET = update(captures).where(captures.c.id == bindparam("capture_id"))
_ORIGINAL = select(captures.c.warc_record_id, captures.c.record_type, captures.c.revisit_of, captures.c.kind)
_BY_ID = _ORIGINAL.where(captures.c.warc_record_id == bindparam("record_id"))
_BY_URL = _ORIGINAL.where(captures.c.url == bindparam("of_url"), captures.c.fetched_at == bindparam("of_date"))
_BY_DIGEST = _ORIGINAL.where(
    captures.c.payload_digest == bindparam("digest"), captures.c.record_type == "response", captures.c.truncated.is_(None)
)


@dataclass(frozen=True, slots=True)
class FileRow:
    """What is known of a file that was ingested, or begun."""

    id: int
    name: str
    place: str | None
    size: int
    sha256: str
    read_until: int | None


def file_row(conn: Connection, prefix: str) -> FileRow | None:
    """The row of the ingested file whose name begins so; see `foreign_copy.prefix_of`."""
    begins = warc_files.c.name.startswith(prefix, autoescape=True)
    query = select(warc_files).where(begins, warc_files.c.origin == str(FileOrigin.INGESTED)).limit(1)
    row = conn.execute(query).mappings().one_or_none()
    return FileRow(**{name: row[name] for name in FileRow.__slots__}) if row else None


def moved(conn: Connection, file_id: int, place: str) -> None:
    """A file that is read where it lies, lies elsewhere now."""
    conn.execute(update(warc_files).where(warc_files.c.id == file_id).values(place=place))


def forget_file(conn: Connection, file_id: int) -> bool:
    """Take back the row of a file that no capture points into; whether it was one."""
    if conn.execute(select(captures.c.id).where(captures.c.warc_file_id == file_id).limit(1)).first() is not None:
        return False
    conn.execute(warc_files.delete().where(warc_files.c.id == file_id))
    return True


def enter_file(conn: Connection, shelved: Shelved, run_id: str, now: str) -> FileRow:
    """The row of a file that lies where it will be read, closed already; nothing of it was read."""
    row = {
        "name": shelved.name,
        "run_id": run_id,
        "opened_at": now,
        "closed_at": now,
        "size": shelved.size,
        "sha256": shelved.sha256,
        "place": str(shelved.place) if shelved.place else None,
        "origin": str(FileOrigin.INGESTED),
        "read_until": 0,
    }
    conn.execute(warc_files.insert().values(row))
    found = file_row(conn, shelved.name)
    assert found is not None, "it was entered a moment ago"
    return found


def note_read(conn: Connection, file_id: int, until: int | None) -> None:
    """A file was read up to this offset; None: all of it."""
    conn.execute(update(warc_files).where(warc_files.c.id == file_id).values(read_until=until))


# --- captures ---------------------------------------------------------------------------------------------------------


def new_among(conn: Connection, found: Sequence[Capture]) -> list[Capture]:
    """Those that have no row. One whose record id another record has is given an id of its own."""
    rows = _rows_of(conn, [one.place.record_id for one in found])
    known = {row["warc_record_id"]: (row["url"], row["fetched_at"]) for row in rows}
    new, renamed = [], []
    for capture in found:
        same = known.get(capture.place.record_id)
        if same is None:
            known[capture.place.record_id] = (capture.url, capture.fetched_at)
            new.append(capture)
        elif same != (capture.url, capture.fetched_at):
            renamed.append(replace(capture, place=replace(capture.place, record_id=_own_id(capture))))
    taken = {row["warc_record_id"] for row in _rows_of(conn, [one.place.record_id for one in renamed])}
    return new + [one for one in renamed if one.place.record_id not in taken]


def _rows_of(conn: Connection, ids: Sequence[str]) -> Sequence[RowMapping]:
    query = select(captures.c.warc_record_id, captures.c.url, captures.c.fetched_at)
    return conn.execute(query.where(captures.c.warc_record_id.in_(ids))).mappings().all() if ids else ()


def _own_id(capture: Capture) -> str:
    return derived_id(capture.place.record_id, capture.url, capture.fetched_at)


def add(conn: Connection, file_id: int, found: Sequence[tuple[Capture, bool]]) -> None:
    """Rows of captures, each with whether its page is to be read; runs of another collection get theirs, too."""
    begun = {capture.context.run_id: capture.fetched_at for capture, _ in reversed(found)}
    known = runs.c.id.in_(list(begun))
    for run_id in begun.keys() - set(conn.execute(select(runs.c.id).where(known)).scalars()):
        conn.execute(runs.insert().values(id=run_id, started_at=begun[run_id], version="unknown"))
    rows = [_row(conn, file_id, capture, pending=pending) for capture, pending in found]
    if rows:
        conn.execute(_INSERT, rows)


def _row(conn: Connection, file_id: int, capture: Capture, *, pending: bool) -> dict[str, Any]:
    """What is withdrawn is hidden, whoever archived it."""
    hidden = withdrawn_at(conn, capture.url)
    shown = {"pending": pending and hidden is None, "withdrawn_at": hidden}
    return {"url_id": None, "warc_file_id": file_id, **shown, "signals": capture.signals, **capture_rows.columns_of(capture)}


# --- pages that wait --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """A capture whose page is to be read."""

    id: int
    file_id: int
    capture: Capture


def waiting_ids(engine: Engine, file_ids: Sequence[int]) -> list[int]:
    """Captures of some files whose pages are to be read, in the order of WARC-Date, then record id."""
    query = (
        select(captures.c.id)
        .where(captures.c.pending, captures.c.warc_file_id.in_(file_ids))
        .order_by(captures.c.fetched_at, captures.c.warc_record_id)
    )
    with reading(engine) as conn:
        return list(conn.execute(query).scalars())


def waiting(conn: Connection, ids: Sequence[int]) -> list[Waiting]:
    """These captures, in this order."""
    query = (
        select(captures, warc_files.c.name.label("file"))
        .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .where(captures.c.id.in_(ids))
    )
    rows = {row["id"]: row for row in conn.execute(query).mappings()}
    return [Waiting(one, rows[one]["warc_file_id"], capture_rows.capture_of(rows[one])) for one in ids if one in rows]


@dataclass(frozen=True, slots=True)
class Original:
    """The capture with the payload of a revisit."""

    record_id: str
    kind: Kind


def original_of(
    conn: Connection, record_id: str | None, url: str | None, date: str | None, digest: str | None
) -> Original | None:
    """The record with the payload of a revisit that refers to it by id, by URL and date, or by its payload's digest alone."""
    asked: list[tuple[Select[Any], dict[str, str]]] = []
    if record_id:
        asked.append((_BY_ID, {"record_id": record_id}))
    if url and date:
        asked.append((_BY_URL, {"of_url": url, "of_date": date}))
    if digest:
        asked.append((_BY_DIGEST, {"digest": digest}))
    for query, values in asked:
        if (found := _with_payload(conn, query, values)) is not None:
            return found
    return None


def _with_payload(conn: Connection, query: Select[Any], values: dict[str, str]) -> Original | None:
    for _ in range(_DEPTH):
        row = conn.execute(query.order_by(captures.c.fetched_at).limit(1), values).one_or_none()
        if row is None or row.record_type != "revisit":
            return None if row is None else Original(row.warc_record_id, Kind(row.kind))
        if row.revisit_of is None:
            return None
        query, values = _BY_ID, {"record_id": row.revisit_of}
    return None


def refer(conn: Connection, capture_id: int, record_id: str) -> None:
    """A revisit refers to the record with this id."""
    conn.execute(_SET, {"capture_id": capture_id, "revisit_of": record_id})


@dataclass(frozen=True, slots=True)
class Held:
    """The frontier row of a page, its source's id, when it is due. `newer`: it was settled by something newer than the capture."""

    lease: Lease
    source_id: int
    due: str | None = None
    newer: bool = False


class Rows:
    """Frontier rows for the pages of one transaction: what is the same for all is looked up once."""

    def __init__(self, conn: Connection, now: str) -> None:
        self._conn = conn
        self._now = now
        self._sources: dict[str, int] = {}

    def hold(self, waiting_: Waiting) -> Held:
        """The row of a page, entered when it is new. Raises InvalidURL."""
        url = waiting_.capture.context.frontier_url
        known = self._conn.execute(_KNOWN, {"wanted": key(url)}).mappings().one_or_none()
        held = self._entered(waiting_.capture) if known is None else _held(known, waiting_.capture.fetched_at)
        self._conn.execute(_SET, {"capture_id": waiting_.id, "url_id": held.lease.url_id})
        return held

    def _entered(self, capture: Capture) -> Held:
        context = capture.context
        source_id = self._source_id(context)
        link = Link(context.frontier_url, Kind.ARTICLE, announced=context.announced, priority=OLD)
        origin = Origin(source_id, context.run_id, self._now, via=context.via, hops=context.hops_from_seed)
        url_id = frontier.enter(self._conn, link, origin)
        lease = Lease(
            url_id=url_id,
            url=link.url,
            host="",
            source=context.source,
            kind=link.kind,
            priority=link.priority,
            attempts=0,
            hops_from_seed=origin.hops,
            via=origin.via,
            announced=link.announced,
            payload=None,
        )
        return Held(lease, source_id)

    def _source_id(self, context: FetchContext) -> int:
        if context.source not in self._sources:
            self._sources[context.source] = source_id_of(self._conn, context.source, context.frontier_url, self._now)
        return self._sources[context.source]


def _held(row: RowMapping, fetched_at: str) -> Held:
    newer = (row["last_fetch_at"] or "") > fetched_at
    return Held(lease_of(row), row["source_id"], row["next_fetch_at"], newer)


def is_served(conn: Connection, url: str) -> bool:
    """Whether the archive has what was served at a URL itself, so that a conversion of it tells nothing new."""
    served = captures.c.record_type.in_(("response", "revisit", "resource"))
    return conn.execute(select(captures.c.id).where(captures.c.url == url, served).limit(1)).first() is not None


def is_article(conn: Connection, url: str) -> bool:
    """Whether a URL is one of a stored article."""
    try:
        found = select(aliases.c.article_id).where(aliases.c.key == key(url))
    except InvalidURL:
        return False
    return conn.execute(found).first() is not None
