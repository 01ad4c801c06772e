"""What revisits saved, and what they could not."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine

from storage.archive.savings import Savings, savings
from storage.database.engine import reading, transaction
from tests.databases import a_capture

URL = "https://gazette.test/a"


def _row(conn: Connection, number: int, **columns: Any) -> None:
    values = {"body_sha256": "b", "payload_digest": "sha1:P", "warc_record_id": f"urn:uuid:{number}", "warc_length": 500}
    a_capture(conn, URL, **values | columns)


def _account(engine: Engine) -> Savings:
    with reading(engine) as conn:
        return savings(conn)


def test_an_empty_archive_saved_nothing(database: Engine) -> None:
    """No row, no number that is unknown."""
    assert _account(database) == Savings(0, 0, 0, 0, 0, 0)


def test_revisits_are_counted_with_the_bytes_that_they_saved(database: Engine) -> None:
    """A revisit is shorter than what it refers to; a 304 and one whose original is unknown save no known bytes."""
    with transaction(database) as conn:
        _row(conn, 1, warc_length=9000)
        for number in (2, 3):
            _row(conn, number, record_type="revisit", revisit_of="urn:uuid:1", warc_length=700)
        _row(conn, 4, record_type="revisit", revisit_of="urn:uuid:1", warc_length=400, http_status=304, body_sha256=None)
        _row(conn, 5, record_type="revisit", revisit_of="urn:uuid:lost", warc_length=700)
    assert _account(database) == Savings(5, 3, 2 * 8300, 1, 0, 0)


def test_the_same_body_in_other_bytes_is_what_revisits_cannot_say(database: Engine) -> None:
    """Of one body in three forms two were written again; the same form twice is none more, nor is another body."""
    with transaction(database) as conn:
        for number, (payload, length) in enumerate([("P", 800), ("P", 800), ("Q", 900), ("R", 700)]):
            _row(conn, number, payload_digest=f"sha1:{payload}", warc_length=length)
        _row(conn, 5, body_sha256="c", payload_digest="sha1:S")
        _row(conn, 6, body_sha256=None, payload_digest="sha1:T")
        _row(conn, 7, body_sha256=None, payload_digest="sha1:U")
        _row(conn, 8, payload_digest="sha1:V", record_type="request")
    account = _account(database)
    assert (account.rewritten, account.rewritten_bytes) == (2, 800 + 700)
