"""Digests of bodies that the archive has by reference only: a revisit alone does not tell them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine, select

from storage.archive import captures as capture_rows
from storage.archive.captures import capture_of
from storage.archive.shelf import Shelf
from storage.database.engine import reading, transaction
from storage.database.schema import captures, warc_files
from storage.errors import DamageError, DiskError
from storage.records import Capture

_AT_ONCE = 100  # captures a query


def hash_revisits(engine: Engine, shelf: Shelf) -> None:
    """Enter the digest of the decoded body of every whole revisit that has none, as far as its original can be read here."""
    for capture_id, capture in _unhashed(engine):
        try:
            digest = shelf.body_sha256(capture)
        except (DamageError, DiskError):  # `verify` tells
            continue
        if digest:
            with transaction(engine) as conn:
                capture_rows.hashed(conn, capture_id, digest)


def _unhashed(engine: Engine) -> Iterator[tuple[int, Capture]]:
    query = (
        select(captures, warc_files.c.name.label("file"))
        .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .where(
            captures.c.record_type == "revisit",
            captures.c.body_sha256.is_(None),
            captures.c.truncated.is_(None),
        )
        .order_by(captures.c.id)
        .limit(_AT_ONCE)
    )
    last = 0
    while True:
        with reading(engine) as conn:
            rows = conn.execute(query.where(captures.c.id > last)).mappings().all()
        for row in rows:
            last = row["id"]
            yield last, capture_of(row)
        if len(rows) < _AT_ONCE:
            return
