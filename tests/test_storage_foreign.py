from __future__ import annotations

from pathlib import Path
from typing import Any

import foreign_files as foreign
import pytest

from storage.errors import DamageError, DiskError, UsageError
from storage.foreign.copying import copied
from storage.foreign.kinds import entries, is_wacz
from storage.foreign.read import Loose, Malformed, records
from storage.foreign.stream import Stream
from storage.warc.read import Record, read_record

ONE, TWO, THREE = (
    foreign.record("resource", f"http://a.test/{number}", b"body %d" % number * 9, record_id=f"urn:{number}")
    for number in (1, 2, 3)
)
NO_HEADER = "no WARC record header"


def told(path: Path, data: bytes, start: int = 0) -> list[tuple[Any, ...]]:
    """What is found in a file: kind, offset, and the record's id or what is wrong."""
    path.write_bytes(data)
    found = []
    for one in records(path, start):
        if isinstance(one, Malformed):
            found.append(("malformed", one.offset, one.reason))
            continue
        with one:
            found.append(("record" if isinstance(one, Record) else "loose", one.offset, one.head.record_id))
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "a.warc.gz"


def test_records_with_a_place(path: Path) -> None:
    """A record that is a member, or uncompressed, is given with its offset, from where it is read again."""
    for data, at in ((foreign.members(ONE, TWO), len(foreign.members(ONE))), (ONE + TWO, len(ONE))):
        assert told(path, data) == [("record", 0, "urn:1"), ("record", at, "urn:2")]
        assert told(path, data, at) == [("record", at, "urn:2")]
        with read_record(path.parent, path.name, at, len(data) - at) as record:
            assert record.content() == b"body 2" * 9


def test_records_without_a_place(path: Path) -> None:
    """Those that share a member are named by its offset; whatever follows in a member of its own has a place again."""
    two = len(foreign.members(ONE + TWO))
    assert told(path, foreign.members(ONE + TWO, THREE)) == [("loose", 0, "urn:1"), ("loose", 0, "urn:2"), ("record", two, "urn:3")]


def test_a_length_is_mended(path: Path) -> None:
    """A block is as long as it is, whatever was said of it; what was said is kept beside the right length."""
    wrong = foreign.record("resource", "http://a.test/1", b"body", length=9_999)
    path.write_bytes(foreign.members(wrong, TWO))
    first, second = records(path)
    assert isinstance(first, Loose)
    assert isinstance(second, Record)
    assert (first.head.content_length, first.head.get("X-Stated-Content-Length"), first.block.read()) == (4, "9999", b"body")
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", []),
        (bytes(300), []),
        (b"no archive", [("malformed", 0, NO_HEADER)]),
        (ONE + TWO[:-30], [("record", 0, "urn:1"), ("malformed", len(ONE), "the file ends within a record")]),
        (ONE + b"WARC/1.0\r\nWARC-Type: x\r\n", [("record", 0, "urn:1"), ("malformed", len(ONE), "no end of a record header")]),
        (
            ONE + b"junk\r\n" + TWO,
            [("record", 0, "urn:1"), ("malformed", len(ONE), NO_HEADER), ("record", len(ONE) + 6, "urn:2")],
        ),
    ],
)
def test_what_is_malformed_is_named(path: Path, data: bytes, found: list[tuple[Any, ...]]) -> None:
    """What no record can be had from is told with its offset, and what is whole behind it is found."""
    assert told(path, data) == found


def test_a_damaged_member_costs_no_other(path: Path) -> None:
    """A byte that was changed in one member is told once, and the next member is read."""
    first, second = foreign.members(ONE), bytearray(foreign.members(TWO))
    second[len(second) // 2] ^= 0xFF
    found = told(path, first + bytes(second) + foreign.members(THREE))
    assert [one[:2] for one in found] == [("record", 0), ("malformed", len(first)), ("record", len(first) + len(second))]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there is an error of the disk."""
    with pytest.raises(DiskError):
        list(records(tmp_path / "missing"))


def test_a_stream_gives_back_what_was_taken(path: Path) -> None:
    """Bytes may be taken, given back and taken again, across members, and the offset follows."""
    data = bytes(range(256)) * 400
    path.write_bytes(foreign.cut(data, 1_000))
    with path.open("rb") as file:
        stream = Stream(file, 0)
        taken = stream.take_all(50_000)
        stream.give_back(taken[100:])
        assert (stream.position, stream.offset, stream.take_all(200)) == (100, 0, data[100:300])
        assert b"".join(iter(lambda: stream.take(7_000), b"")) == data[300:]
        assert (stream.peek(1), stream.torn) == (b"", None)


def test_kinds_of_files(path: Path) -> None:
    """ZIP files are told from WARC files by their first bytes; nothing else is taken."""
    for data, kind in ((foreign.members(ONE), False), (ONE, False), (b"", False), (foreign.wacz({}), True)):
        path.write_bytes(data)
        assert is_wacz(path) is kind
    for data in (b"<html>", foreign.member(b"<html>"), foreign.member(b"filedesc://a.arc 0.0.0.0"), b"\x28\xb5\x2f\xfd"):
        path.write_bytes(data)
        with pytest.raises(UsageError):
            is_wacz(path)


def test_files_in_a_wacz(path: Path) -> None:
    """WARC files and further WACZ files in a WACZ are given, by name; a ZIP that is cut is damage."""
    inside = {"archive/a.warc.gz": b"1", "archive/b.WARC": b"2", "c.wacz": b"3"}
    whole = foreign.wacz({**inside, "pages/p.jsonl": b"4", "x.warc.gz.md5": b"5"})
    path.write_bytes(whole)
    assert {name: file.read() for name, file in entries(path)} == inside
    path.write_bytes(whole[:-30])
    with pytest.raises(DamageError):
        list(entries(path))


def test_copies_of_records_that_begin_anywhere(path: Path) -> None:
    """A copy is the file itself, wherever in it members begin."""
    data = foreign.members(*(foreign.record("resource", f"http://a.test/{n}", b"x" * (n % 77)) for n in range(3_000)))
    path.write_bytes(data)
    shelved = copied(path, path.parent, "copy.warc.gz", Record.close, lambda: None)
    assert (shelved.records, shelved.rewritten, shelved.size) == (3_000, 0, len(data))
    assert (path.parent / "copy.warc.gz").read_bytes() == data
