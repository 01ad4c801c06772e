"""Rows of archived exchanges, and of the files they lie in. A row is written only after its record is synced (see `scribe`)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from storage.database.schema import captures, urls, warc_files
from storage.frontier.urls import announced_from, announced_json
from storage.frontier.withdrawals import withdrawn_at
from storage.records import Capture, Ended, FetchContext, FileState, Kind, RecordPlace
from storage.times import parse

# Statements that every exchange runs are made once: to make one costs more than to run it.
_FILE = select(warc_files.c.id).where(warc_files.c.name == bindparam("file"))
_FETCHED_FOR = (
    select(captures, warc_files.c.name.label("file"))
    .join(urls, urls.c.id == captures.c.url_id)
    .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
    .where(urls.c.key == bindparam("key"), captures.c.withdrawn_at.is_(None))
    .order_by(captures.c.fetched_at, captures.c.warc_record_id)
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_INSERT = captures.insert().returning(captures.c.id)
_SETTLED = update(captures).where(captures.c.id == bindparam("capture_id"))  # parameters named as columns are what it sets


def context_json(context: FetchContext) -> str:
    """FetchContext as stored in the row (the WARC keeps the same in its metadata record)."""
    said = asdict(context) | {"announced": announced_json(context.announced)}
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def context_from(text: str) -> FetchContext:
    """The inverse of `context_json`."""
    said = json.loads(text)
    return FetchContext(**said | {"kind": Kind(said["kind"]), "announced": announced_from(said["announced"])})


def file_id(conn: Connection, name: str, run_id: str | None, now: str) -> int:
    """The id of a WARC file, entered when it is new."""
    known = conn.execute(_FILE, {"file": name}).scalar_one_or_none()
    if known is not None:
        return int(known)
    row = warc_files.insert().values(name=name, run_id=run_id, opened_at=now).returning(warc_files.c.id)
    return int(conn.execute(row).scalar_one())


def file_closed(conn: Connection, name: str, size: int, sha256: str, now: str, run_id: str | None = None) -> None:
    """A file has its final name and will never change again; one without exchanges gets its row here."""
    file_id(conn, name, run_id, now)
    conn.execute(update(warc_files).where(warc_files.c.name == name).values(closed_at=now, size=size, sha256=sha256))


def file_replaced(conn: Connection, name: str, sha256: str, replaced_by: str, now: str) -> None:
    """A file was written anew by a purge, and is gone; its checksum is known still."""
    gone = {"state": str(FileState.WITHDRAWN), "sha256": sha256, "replaced_by": replaced_by or None, "closed_at": now}
    conn.execute(update(warc_files).where(warc_files.c.id == file_id(conn, name, None, now)).values(**gone))


def insert(conn: Connection, capture: Capture, url_id: int | None, *, pending: bool) -> int:
    """The row of an archived exchange; `pending` until the outcome of its page is stored. Returns its id."""
    hidden = withdrawn_at(conn, capture.url)
    row = {
        "url_id": url_id,
        "warc_file_id": file_id(conn, capture.place.file, capture.context.run_id, capture.fetched_at),
        "pending": pending and hidden is None,
        "withdrawn_at": hidden,
        "signals": capture.signals,
        **columns_of(capture),
    }
    return int(conn.execute(_INSERT, row).scalar_one())


def columns_of(capture: Capture) -> dict[str, Any]:
    """What a row says of its capture."""
    context = capture.context
    return {
        "run_id": context.run_id,
        "url": capture.url,
        "fetched_at": capture.fetched_at,
        "http_status": capture.http_status,
        "kind": str(context.kind),
        "mime": capture.mime,
        "record_type": capture.record_type,
        "warc_offset": capture.place.offset,
        "warc_length": capture.place.length,
        "warc_record_id": capture.place.record_id,
        "payload_digest": capture.payload_digest,
        "block_digest": capture.block_digest,
        "body_sha256": capture.body_sha256,
        "truncated": capture.truncated,
        "revisit_of": capture.revisit_of,
        "error": capture.error,
        "context": context_json(context),
    }


def settled(conn: Connection, capture_id: int, body_sha256: str | None = None, signals: str | None = None) -> None:
    """The outcome of this capture's page is stored; with it the digest of its body and its signals, when known only now."""
    known = {"body_sha256": body_sha256} if body_sha256 else {}
    known |= {"signals": signals} if signals else {}
    conn.execute(_SETTLED, {"capture_id": capture_id, "pending": False} | known)


def is_awaited(capture: Capture) -> bool:
    """Whether an outcome is to be expected of a capture: an article's page, or a requisite, that came as far as it ever will."""
    answered = 200 <= (capture.http_status or 0) < 300
    return capture.context.kind in (Kind.ARTICLE, Kind.REQUISITE) and answered and capture.ended is not Ended.TIME


def fetched_for(conn: Connection, key: str, at: str) -> list[Capture]:
    """The exchanges that led to a URL's answer, redirects first, in the run that got one nearest to the moment `at`; or none."""
    chains: list[list[Capture]] = []
    open_: dict[str, list[Capture]] = {}  # run -> what is not answered yet
    for row in conn.execute(_FETCHED_FOR, {"key": key}).mappings():
        capture = capture_of(row)
        chain = open_.setdefault(capture.context.run_id, [])
        if capture.http_status in _REDIRECTS:
            chain.append(capture)
        elif 200 <= (capture.http_status or 0) < 300:
            chains.append([*open_.pop(capture.context.run_id), capture])
        else:
            chain.clear()
    moment = parse(at)
    return min(chains, key=lambda chain: abs(parse(chain[-1].fetched_at) - moment), default=[])


def capture_of(row: RowMapping) -> Capture:
    """The Capture of a row of `captures` joined with its file's name as `file`."""
    return Capture(
        place=RecordPlace(row["file"], row["warc_offset"], row["warc_length"], row["warc_record_id"]),
        record_type=row["record_type"],
        url=row["url"],
        fetched_at=row["fetched_at"],
        http_status=row["http_status"],
        mime=row["mime"],
        payload_digest=row["payload_digest"],
        block_digest=row["block_digest"],
        ended=Ended(row["truncated"] or Ended.COMPLETE),
        context=context_from(row["context"]),
        body_sha256=row["body_sha256"],
        revisit_of=row["revisit_of"],
        error=row["error"],
    )


def of_record(conn: Connection, record_id: str) -> Capture | None:
    """The capture whose main record has this id."""
    query = select(captures, warc_files.c.name.label("file")).join(warc_files, warc_files.c.id == captures.c.warc_file_id)
    row = conn.execute(query.where(captures.c.warc_record_id == record_id)).mappings().one_or_none()
    return None if row is None else capture_of(row)


def hashed(conn: Connection, capture_id: int, body_sha256: str) -> None:
    """The digest of a body became known."""
    conn.execute(_SETTLED, {"capture_id": capture_id, "body_sha256": body_sha256})
