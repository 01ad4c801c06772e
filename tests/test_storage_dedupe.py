"""Revisits: what is archived once, what refers to what, and that the bytes served can be had of each."""

from __future__ import annotations

from typing import Any

import pytest
from exchanges import HTML, OK
from replayed import PROFILES, Replayed, replayed

from pipelines.archive import WarcKeeping
from pipelines.store import Recorded
from storage.archive.dedupe import MIN_PAYLOAD, Dedupe
from storage.archive.shelf import Shelf
from storage.errors import DamageError, DiskError
from storage.frontier import leases
from storage.records import Ended, Kind
from storage.recovery.recover import recover
from storage.repair.mend import repair
from tests.archives import SITE, Archive, page

LONG = page("The ferry sails again. " * 100)
NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\n\r\n'


def again(response: bytes, field: bytes = b"X-Served: again") -> bytes:
    """The same payload with another header block."""
    return response.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n", 1)


def fetch(archive: Archive, path: str, response: bytes, **changed: Any) -> Recorded:
    """Archive an answer of a URL, also one that is in hand."""
    archive.do(leases.release_all)
    return archive.fetch(archive.lease(SITE + path), response, **changed)


def records(archive: Archive) -> list[Replayed]:
    """All responses of the archive, once its files are closed."""
    return list(replayed(sorted(archive.folder.glob("*.warc.gz"), key=lambda path: path.stat().st_mtime_ns)))


@pytest.fixture
def run(archive: Archive) -> Archive:
    """An archive with a run."""
    archive.begin("R1")
    return archive


def test_a_payload_that_is_archived_is_referred_to(run: Archive) -> None:
    """The record has its own header block, the digest, and says which record holds the payload; so does the row."""
    first, second = fetch(run, "/a", LONG), fetch(run, "/b", again(LONG))
    run.end()
    original, revisit = records(run)
    assert revisit.type == "revisit"
    assert revisit.get("WARC-Profile") == f"{PROFILES}identical-payload-digest"
    assert revisit.get("WARC-Refers-To") == original.get("WARC-Record-ID")
    assert revisit.get("WARC-Refers-To-Target-URI") == f"{SITE}/a"
    assert revisit.get("WARC-Refers-To-Date") == original.get("WARC-Date")
    assert revisit.get("WARC-Payload-Digest") == original.get("WARC-Payload-Digest")
    assert revisit.get("WARC-Truncated") == "length"
    assert int(revisit.get("Content-Length")) == again(LONG).index(b"\r\n\r\n") + 4
    assert revisit.block == again(LONG)
    assert first.capture is not None
    assert second.capture is not None
    rows = run.rows("SELECT record_type, revisit_of, truncated, http_status, mime FROM captures ORDER BY id")
    assert rows == [
        ("response", None, None, 200, "text/html"),
        ("revisit", first.capture.place.record_id, None, 200, "text/html"),
    ]
    assert run.faults() == []


def test_a_later_run_refers_to_an_earlier_one(run: Archive) -> None:
    """Whatever run or file the payload is in."""
    fetch(run, "/a", LONG)
    run.end()
    run.begin("R2")
    fetch(run, "/a", again(LONG))
    run.end()
    assert [record.type for record in records(run)] == ["response", "revisit"]


def test_no_revisit_refers_to_a_revisit(run: Archive) -> None:
    """Each names the record that holds the bytes."""
    for path in ("/a", "/b", "/c"):
        fetch(run, path, LONG)
    run.end()
    first, *others = records(run)
    assert {other.get("WARC-Refers-To") for other in others} == {first.get("WARC-Record-ID")}


def test_readers_get_what_was_served(run: Archive) -> None:
    """The shelf puts the header block of a revisit and the payload of its original together."""
    fetch(run, "/a", LONG)
    recorded = fetch(run, "/b", again(LONG))
    assert recorded.capture is not None
    with Shelf(run.folder, run.engine).response(recorded.capture) as response:
        assert (response.length, response.block.read()) == (len(again(LONG)), again(LONG))


@pytest.mark.parametrize(
    ("response", "changed"),
    [
        (HTML + b"\r\n" + b"x" * (MIN_PAYLOAD - 1), {}),
        (HTML + b"\r\n", {}),
        (LONG, {"interim": b"HTTP/1.1 103 Early Hints\r\n\r\n"}),
        (LONG, {"ended": Ended.DISCONNECT}),
        (LONG, {"ended": Ended.LENGTH}),
    ],
    ids=["short", "empty", "interim answers", "broken off", "cut"],
)
def test_what_is_archived_whole_each_time(run: Archive, response: bytes, changed: dict[str, Any]) -> None:
    """Short and empty payloads, exchanges with interim answers, and what is not whole neither refer nor are referred to."""
    for path in ("/a", "/b"):
        fetch(run, path, response, **changed)
    run.end()
    assert [record.type for record in records(run)] == ["response", "response"]
    assert run.faults() == []


def test_the_shortest_payload_that_is_referred_to(run: Archive) -> None:
    """One of 1,024 bytes."""
    for path in ("/a", "/b"):
        fetch(run, path, HTML + b"\r\n" + b"x" * MIN_PAYLOAD)
    run.end()
    assert [record.type for record in records(run)] == ["response", "revisit"]


def test_what_broke_off_is_no_original(run: Archive) -> None:
    """A whole exchange with the bytes of one that was cut is archived as it is."""
    fetch(run, "/a", LONG, ended=Ended.LENGTH)
    fetch(run, "/b", LONG)
    run.end()
    assert [record.type for record in records(run)] == ["response", "response"]


@pytest.mark.parametrize(
    "hidden", ["UPDATE warc_files SET state = 'elsewhere', place = 'tape 7'", "UPDATE captures SET withdrawn_at = '2026'"]
)
def test_records_that_cannot_be_read_here_are_no_originals(run: Archive, hidden: str) -> None:
    """Neither one in a file that was moved away nor one that was withdrawn is referred to."""
    fetch(run, "/a", LONG)
    run.end()
    run.edit(hidden)
    run.begin("R2")
    fetch(run, "/b", LONG)
    run.end()
    assert [record.type for record in records(run)] == ["response", "response"]


def test_originals_that_were_cut_away_are_forgotten(run: Archive) -> None:
    """After a torn tail was cut, with the original in it, the payload is archived once more."""
    fetch(run, "/before", LONG.replace(b"ferry", b"train"))
    fetch(run, "/a", LONG)
    [path] = run.folder.glob("*.warc.gz.open")
    run.kill()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 50)
    recover(run.engine, run.folder, run.now)
    run.begin("R2")
    fetch(run, "/b", LONG)
    run.end()
    assert [record.type for record in records(run)].count("revisit") == 0
    assert run.faults() == []


@pytest.mark.parametrize(
    ("dedupe", "types"),
    [
        (Dedupe.ALWAYS, ["revisit", "revisit", "revisit"]),
        (Dedupe.YEAR, ["revisit", "revisit", "response"]),
        (Dedupe.MONTH, ["revisit", "response", "response"]),
        (Dedupe.DAY, ["response", "response", "response"]),
        (Dedupe.OFF, ["response", "response", "response"]),
    ],
)
def test_the_files_of_a_period_stand_alone(run: Archive, dedupe: Dedupe, types: list[str]) -> None:
    """No record refers to one of an earlier day, month or year, as the settings say."""
    run.keeping = WarcKeeping(run.writer, dedupe)
    fetch(run, "/0", LONG)
    for number, moment in enumerate(("2026-03-31T23:59:50.000Z", "2026-04-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z")):
        run.now = moment
        fetch(run, f"/{number + 1}", LONG)
    run.end()
    assert [record.type for record in records(run)] == ["response", *types]


def test_not_modified_refers_to_what_was_shown_last(run: Archive) -> None:
    """A 304 is a server-not-modified revisit of the record with the payload that its URL last gave."""
    a, b = LONG, LONG.replace(b"ferry", b"train")
    for response in (a, b, again(a), NOT_MODIFIED):
        fetch(run, "/a", response)
    run.end()
    first, _, third, told = records(run)
    assert (third.type, told.type) == ("revisit", "revisit")
    assert told.get("WARC-Profile") == f"{PROFILES}server-not-modified"
    assert told.get("WARC-Refers-To") == first.get("WARC-Record-ID")
    assert told.get("WARC-Refers-To-Date") == first.get("WARC-Date")
    assert (told.get("WARC-Truncated"), told.get("WARC-Payload-Digest")) == ("", "")
    assert told.block == NOT_MODIFIED
    assert run.faults() == []


def test_not_modified_since_nothing_is_a_response(run: Archive) -> None:
    """A 304 of a URL that never gave a page is archived as it came."""
    fetch(run, "/a", OK.replace(b"200 OK", b"404 Not Found") + b"\r\n" + b"x" * 2000)
    fetch(run, "/a", NOT_MODIFIED)
    run.end()
    assert [record.type for record in records(run)] == ["response", "response"]


@pytest.mark.parametrize("kind", [Kind.FEED, Kind.ARTICLE])
def test_a_revisit_that_has_no_row_gets_one(archive: Archive, kind: Kind) -> None:
    """Recovery makes the very row from the record, and the page of an article is still to be read."""
    archive.begin("R1")
    archive.fetch(archive.lease(f"{SITE}/a", kind), LONG)
    archive.fetch(archive.lease(f"{SITE}/b", kind), again(LONG))
    columns = "record_type, revisit_of, url, fetched_at, http_status, mime, payload_digest, block_digest, context, pending"
    before = archive.rows(f"SELECT {columns} FROM captures ORDER BY id")
    archive.kill()
    archive.edit("DELETE FROM captures")
    recover(archive.engine, archive.folder, archive.now)
    assert archive.rows(f"SELECT {columns} FROM captures ORDER BY id") == before
    assert archive.faults() == []


def test_a_revisit_whose_original_is_gone_says_so(run: Archive) -> None:
    """One line with file, offset and the record that is missing."""
    fetch(run, "/a", LONG)
    recorded = fetch(run, "/b", LONG)
    assert recorded.capture is not None
    run.edit("DELETE FROM captures WHERE record_type = 'response'")
    with pytest.raises(DamageError, match=r"warc.gz at offset \d+: the record that this revisit refers to"):
        Shelf(run.folder, run.engine).response(recorded.capture)


def test_a_file_that_was_moved_says_where_it_is(run: Archive) -> None:
    """And what to do to read it here."""
    recorded = fetch(run, "/a", LONG)
    assert recorded.capture is not None
    run.end()
    run.edit("UPDATE warc_files SET state = 'elsewhere', place = 's3://attic/a'")
    with pytest.raises(DiskError, match="is in s3://attic/a; bring it back"):
        Shelf(run.folder, run.engine).response(recorded.capture)


def test_repair_leaves_revisits_as_they_are(run: Archive) -> None:
    """Rows of revisits that are lost are made again from their records, those that are there stay."""
    fetch(run, "/a", LONG)
    fetch(run, "/b", again(LONG))
    fetch(run, "/a", NOT_MODIFIED)
    run.end()
    columns = "record_type, revisit_of, url, fetched_at, http_status, mime, payload_digest, block_digest, context"
    before = run.rows(f"SELECT {columns} FROM captures ORDER BY fetched_at")
    run.edit("DELETE FROM captures WHERE url LIKE '%/b'")
    run.edit("UPDATE captures SET http_status = 200, revisit_of = NULL WHERE http_status = 304")
    repair(run.engine, run.folder, run.now, run.faults())
    assert run.rows(f"SELECT {columns} FROM captures ORDER BY fetched_at") == before
    assert run.faults() == []
