"""Ingested captures back as pages: what a worker reads, from the archive, with the payload that a revisit refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pipelines.page import RawPage
from storage.archive.shelf import Shelf
from storage.database.engine import Connection, Engine, reading
from storage.foreign import fields
from storage.foreign import rows as ingest_rows
from storage.foreign.rows import Waiting
from storage.records import Capture, Ended, Kind
from storage.urlkey import InvalidURL, canonical
from storage.warc.file import disk
from storage.warc.format import RecordHead
from storage.warc.http_message import HEAD_LIMIT
from storage.warc.read import load

_NOT_MODIFIED = "server-not-modified"
_WITHOUT_HTTP = frozenset({"resource", "conversion"})
_GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Revived:
    """What is to be done with a capture that waits: a page to be read, or what its record says by itself.

    `original` is the record id that a revisit turned out to refer to, where its row does not have it.
    """

    raw: RawPage | None = None
    not_modified: bool = False
    gone: bool = False
    unresolved: bool = False
    nothing: bool = False  # a revisit of what is no page
    original: str | None = None


class Reviver:
    """Reads captures of a collection; `stated` knows digests as foreign records state them."""

    def __init__(self, engine: Engine, shelf: Shelf, stated: Mapping[str, str], limit: int) -> None:
        self._engine = engine
        self._shelf = shelf
        self._stated = stated
        self._limit = limit

    def revive(self, waiting: Waiting) -> Revived:
        """What a capture holds. Raises DamageError, DiskError."""
        capture = waiting.capture
        if capture.http_status in _GONE:
            return Revived(gone=True)
        if capture.record_type == "revisit":
            return self._revisit(capture)
        return Revived(self._raw(capture))

    def _revisit(self, capture: Capture) -> Revived:
        with self._shelf.record(capture.place) as record:
            head = record.head
        if capture.http_status == 304 or _NOT_MODIFIED in (head.get("WARC-Profile") or ""):
            return Revived(not_modified=True)
        with reading(self._engine) as conn:
            original = self._original(conn, head, capture)
        if original is None:
            return Revived(unresolved=True)
        if original.kind is not Kind.ARTICLE:
            return Revived(nothing=True)
        changed = original.record_id if original.record_id != capture.revisit_of else None
        return Revived(self._raw(replace(capture, revisit_of=original.record_id)), original=changed)

    def _original(self, conn: Connection, head: RecordHead, capture: Capture) -> ingest_rows.Original | None:
        digest = fields.digest(head.get("WARC-Payload-Digest"))
        uri = (head.get("WARC-Refers-To-Target-URI") or "").strip().strip("<>") or None
        date = fields.moment(head.get("WARC-Refers-To-Date"))
        found = ingest_rows.original_of(conn, capture.revisit_of, uri, date, digest)
        if found is None and (known := self._stated.get(digest or "")):
            found = ingest_rows.original_of(conn, known, None, None, None)
        return found

    def _raw(self, capture: Capture) -> RawPage:
        limit = self._limit + HEAD_LIMIT
        with self._shelf.response(capture) as response:
            raw, longer = response.block.read(limit), response.length > limit
        if capture.ended is Ended.LENGTH and not longer:
            raw += b"".join(self._continued(capture, limit - len(raw)))
        return RawPage(
            url=page_url(capture),
            frontier_url=capture.context.frontier_url,
            fetched_at=capture.fetched_at,
            raw=raw,
            truncated=capture.ended is not Ended.COMPLETE or longer,
            limit=self._limit,
            announced=capture.context.announced,
            foreign=True,
            content_type=self._content_type(capture) if capture.record_type in _WITHOUT_HTTP else None,
        )

    def _continued(self, capture: Capture, limit: int) -> Iterator[bytes]:
        """What the segments that follow a first one add to it (WARC 1.1, 6.9), as far as they lie right behind it."""
        path = self._shelf.path(capture.place.file)
        at = capture.place.offset + capture.place.length
        with disk("read", path), path.open("rb", buffering=0) as file:
            while limit > 0 and (record := load(file, path.name, at)) is not None:
                with record:
                    origin = fields.bare(record.head.get("WARC-Segment-Origin-ID"))
                    if record.head.type.lower() != "continuation" or origin != capture.place.record_id:
                        return
                    yield record.content()[:limit]
                    limit -= record.head.content_length
                    at = record.offset + record.length

    def _content_type(self, capture: Capture) -> str:
        with self._shelf.record(capture.place) as record:
            return record.head.get("Content-Type") or ""


def page_url(capture: Capture) -> str:
    """The canonical URL of a capture, or what stands there when it has none."""
    try:
        return canonical(capture.url)
    except InvalidURL:
        return capture.url
