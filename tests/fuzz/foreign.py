"""The targets about WARC files that others wrote, and the pages in them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipelines.foreign_body import foreign_body
from pipelines.ingest import Entering, Rules
from pipelines.sift import Sieve
from storage.foreign.copying import copied
from storage.foreign.read import Malformed, records
from storage.warc.read import Record, read_record

LIMIT = 1 << 20  # bytes of a decoded body
NAME = "ingested-0-any.warc.gz"


def foreign_file(data: bytes) -> None:
    """A file of others: it is read to its end, and whatever is had from it lies in the copy as a record of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any")
        path.write_bytes(data)
        entering, places = Entering(NAME, Rules("R1", Sieve(languages=("de",)), lambda _: "any")), []

        def take(record: Record) -> None:
            places.append((record.offset, record.length, record.head.fields))
            entering.take(record)

        shelved = copied(path, Path(folder), NAME, take, lambda: None)
        entering.drop()
        assert len(places) == shelved.records
        assert all(0 <= one.offset < len(data) for one in shelved.malformed)
        for offset, length, fields in places:
            with read_record(Path(folder), NAME, offset, length) as record:
                assert record.head.fields == fields
        _all_have_places(Path(folder, NAME), shelved.records)


def _all_have_places(copy: Path, count: int) -> None:
    found = list(records(copy))
    assert not any(isinstance(one, Malformed) for one in found)
    assert all(isinstance(one, Record) for one in found)
    assert len(found) == count
    for one in found:
        if isinstance(one, Record):
            one.close()


def foreign_body_(data: bytes) -> None:
    """A block of others: a page within the limit, with or without a header; never an exception."""
    for content_type in (None, "text/html"):
        found = foreign_body(data, content_type, LIMIT)
        assert len(found.body) <= LIMIT
        assert found.status is None or 100 <= found.status <= 999
