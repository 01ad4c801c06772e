"""A package: what is in it, and that it is what the archive holds."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from storage.archive.shelf import Shelf
from storage.errors import DamageError, DiskError
from storage.replay.selection import Wanted, captures_in, choose
from storage.replay.sorted_lines import SortedLines
from storage.replay.wacz import About, Packed, write_wacz
from storage.warc.read import Record, faults, scan
from tests.archives import SITE, Archive, candidate, page

ABOUT = About("Harbour papers", "source: gazette", "newswarc/test", "2026-03-09T10:11:12.000Z")


class Package:
    """A package of a collection, written into memory."""

    def __init__(self, archive: Archive, folder: Path, **options: Any) -> None:
        self.selection = choose(archive.engine, Wanted(**options.pop("wanted", {})))
        file = io.BytesIO()
        shelf = Shelf(archive.folder, archive.engine)
        self.packed: Packed = write_wacz(file, folder, archive.engine, shelf, self.selection, ABOUT, **options)
        self.content = file.getvalue()
        self._zip = zipfile.ZipFile(file)
        self.names = self._zip.namelist()

    def read(self, name: str) -> bytes:
        """A member."""
        return self._zip.read(name)

    def json(self, name: str) -> Any:
        """A member that is one JSON document."""
        return json.loads(self.read(name))

    def records(self, folder: Path) -> list[Record]:
        """All records of its WARC files, whole, in their order."""
        found = []
        for name in self.names:
            if name.startswith("archive/"):
                path = folder / name.replace("/", "-")
                path.write_bytes(self.read(name))
                found += [record for record in scan(path) if isinstance(record, Record)]
        return found

    def lines(self) -> list[tuple[str, dict[str, str]]]:
        """(key and timestamp, fields) of its index."""
        text = gzip.decompress(self.read("indexes/index.cdx.gz")).decode()
        return [
            (head.strip(), json.loads(mark + rest))
            for head, mark, rest in (one.partition("{") for one in text.splitlines())
        ]


@pytest.fixture
def package(full: Archive, tmp_path: Path) -> Package:
    """All articles of a collection."""
    return Package(full, tmp_path)


def test_its_members_are_those_of_the_standard(package: Package) -> None:
    """What readers seek in is stored, not deflated."""
    stored = [entry.filename for entry in package._zip.infolist() if entry.compress_type == zipfile.ZIP_STORED]
    assert stored == ["archive/data-0001.warc.gz", "indexes/index.cdx.gz"]
    rest = ["indexes/index.idx", "pages/pages.jsonl", "datapackage.json", "datapackage-digest.json"]
    assert package.names == stored + rest


def test_records_are_copied_byte_for_byte(full: Archive, package: Package) -> None:
    """Response, request and metadata of each capture, as one run of bytes out of the archive."""
    content = package.read("archive/data-0001.warc.gz")
    captures = list(captures_in(full.engine, package.selection.captures))
    assert len(captures) == 6
    for capture in captures:
        source = (full.folder / capture.place.file).read_bytes()
        end = capture.place.offset + capture.place.length
        for _ in range(2):  # the request and the metadata behind it
            end = next(
                end + n for n in range(20, len(source)) if source[end + n : end + n + 4] in {b"\x1f\x8b\x08\x00", b""}
            )
        assert source[capture.place.offset : end] in content


def test_every_record_is_whole(package: Package, tmp_path: Path) -> None:
    """The first is a warcinfo of the package, then come those of the files copied from, and their records."""
    records = package.records(tmp_path)
    types = [record.head.type for record in records]
    assert types == ["warcinfo"] + 2 * ["warcinfo", *3 * ["response", "request", "metadata"]]
    assert [faults(record) for record in records] == [[]] * len(records)
    assert b"isPartOf: Harbour papers" in records[0].content()
    ids = {record.head.record_id for record in records}
    assert {
        (record.head.get("WARC-Warcinfo-ID") or "").strip("<>") for record in records if record.head.type != "warcinfo"
    } <= ids


def test_the_index_leads_to_every_answer(package: Package, tmp_path: Path) -> None:
    """Offset and length of each line are those of a response with its URL."""
    places = {
        (str(one.offset), str(one.length)): one.head.uri
        for one in package.records(tmp_path)
        if one.head.type == "response"
    }
    assert {(said["offset"], said["length"]): said["url"] for _, said in package.lines()} == places
    assert {said["filename"] for _, said in package.lines()} == {"data-0001.warc.gz"}


def test_blocks_of_the_index_are_named_in_order(archive: Archive, tmp_path: Path) -> None:
    """Some hundred lines a block, each with the key it begins with; a reader fetches one to find a URL."""
    archive.begin("R1")
    lease = archive.lease(f"{SITE}/story")
    for number in range(700):
        archive.fetch(lease, page(str(number)), url=f"{SITE}/{number:03d}")
    archive.settle(lease, archive.fetch(lease, page("story")), candidate(lease.url, "story"))
    archive.end()
    package = Package(archive, tmp_path)
    meta, *blocks = package.read("indexes/index.idx").decode().splitlines()
    assert json.loads(meta.removeprefix("!meta 0 ")) == {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}
    content, found = package.read("indexes/index.cdx.gz"), []
    for head, where in (
        (head.strip(), json.loads(mark + rest)) for head, mark, rest in (one.partition("{") for one in blocks)
    ):
        block = content[where["offset"] : where["offset"] + where["length"]]
        assert where["digest"] == f"sha256:{hashlib.sha256(block).hexdigest()}"
        lines = gzip.decompress(block).decode().splitlines()
        assert lines[0].startswith(head + " {")
        found += lines
    assert len(blocks) == 3
    assert found == sorted(found)
    assert len(found) == 701


def test_pages_can_be_searched(full: Archive, package: Package) -> None:
    """A header, then a line a version with what a reader needs to show it, and its text."""
    header, *pages = map(json.loads, package.read("pages/pages.jsonl").splitlines())
    assert header == {"format": "json-pages-1.0", "id": "pages", "title": "Harbour papers", "hasText": True}
    assert len(pages) == 6
    uid, fetched_at = full.rows(
        "SELECT a.uid, c.fetched_at FROM articles a JOIN captures c ON c.url = a.url WHERE a.url LIKE '%b3'"
    )[0]
    words = "The story of /b3"
    assert pages[0] == {"id": f"{uid}-1", "url": f"{SITE}/b3", "ts": fetched_at, "title": words, "text": words}
    assert {(page["url"], page["ts"].translate({ord(c): None for c in "-:TZ"})[:14]) for page in pages} <= {
        (said["url"], key.split()[1]) for key, said in package.lines()
    }


def test_it_says_what_it_holds(package: Package) -> None:
    """Every member with size and sha256; and the digest of that list."""
    about = package.json("datapackage.json")
    assert about["profile"] == "data-package"
    assert about["wacz_version"] == "1.1.1"
    assert about["created"] == ABOUT.created
    assert (about["title"], about["software"]) == ("Harbour papers", "newswarc/test")
    assert about["mainPageUrl"] == f"{SITE}/b3"
    for resource in about["resources"]:
        content = package.read(resource["path"])
        assert resource["name"] == resource["path"].split("/")[-1]
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert [one["path"] for one in about["resources"]] == package.names[:-2]
    digest = f"sha256:{hashlib.sha256(package.read('datapackage.json')).hexdigest()}"
    assert package.json("datapackage-digest.json") == {"path": "datapackage.json", "hash": digest}


def test_the_same_selection_is_the_same_file(full: Archive, tmp_path: Path, package: Package) -> None:
    """Byte for byte, when it is made at the same moment."""
    assert Package(full, tmp_path).content == package.content


def test_large_ones_have_several_files(full: Archive, tmp_path: Path, package: Package) -> None:
    """A new one is begun when one is full; each begins with its warcinfo, and the index knows them all."""
    small = Package(full, tmp_path, max_file_bytes=1_000)
    names = [name for name in small.names if name.startswith("archive/")]
    assert len(names) == 6
    assert small.packed == Packed(captures=6, files=6, pages=6)
    assert {said["filename"] for _, said in small.lines()} == {name.removeprefix("archive/") for name in names}
    count = len(package.records(tmp_path))
    assert len(small.records(tmp_path)) == count + 5 + 4  # a warcinfo of each file, and of what was copied from


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 500])
def test_members_begin_where_readers_look_for_them(
    full: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """ReplayWeb.page takes a member without extra fields in the directory for one that has none at its place either."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)  # as if 500 bytes were 2 GiB
    package = Package(full, tmp_path, max_file_bytes=1_000)
    large = 0
    for entry in package._zip.infolist():
        own = int.from_bytes(package.content[entry.header_offset + 28 : entry.header_offset + 30], "little")
        assert bool(own) <= bool(entry.extra) or entry.header_offset > limit
        large += bool(own)
    assert package._zip.testzip() is None
    assert bool(large) == (limit == 500)


def test_a_file_that_is_being_written_is_copied_from(archive: Archive, tmp_path: Path) -> None:
    """A crawl may go on meanwhile."""
    archive.begin("R1")
    archive.article("/story")
    assert Package(archive, tmp_path).packed.captures == 1


def test_damage_ends_it(full: Archive, tmp_path: Path) -> None:
    """No package is made of records that are not whole; file and offset are told."""
    path = full.files()[0]
    offset = full.one("SELECT warc_offset FROM captures WHERE url = :url", url=f"{SITE}/a2")
    content = bytearray(path.read_bytes())
    content[offset + 300] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        DamageError, match=f"{path.name} is damaged at offset {offset}: .*; `newswarc verify` tells more"
    ):
        Package(full, tmp_path)


def test_a_file_that_is_elsewhere_ends_it(full: Archive, tmp_path: Path) -> None:
    """What is to be brought back is told."""
    full.edit("UPDATE warc_files SET state = 'elsewhere', place = 's3://attic' WHERE id = 1")
    with pytest.raises(DiskError, match="is in s3://attic; bring it back"):
        Package(full, tmp_path)


def test_a_file_of_another_place_is_copied_from(full: Archive, tmp_path: Path, package: Package) -> None:
    """Where it lies does not show."""
    attic = tmp_path / "attic"
    attic.mkdir()
    path = full.files()[0]
    path.rename(attic / path.name)
    full.edit("UPDATE warc_files SET place = :place WHERE name = :name", place=str(attic / path.name), name=path.name)
    assert Package(full, tmp_path).content == package.content


def test_records_of_an_uncompressed_file_are_compressed(full: Archive, tmp_path: Path, package: Package) -> None:
    """Each is a member of its own, and holds what it held; the index leads to it."""
    first, second = full.files()
    for path, name in ((first, "a.warc"), (second, "b.warc")):
        plain, places = b"", {}
        for record in scan(path):
            assert isinstance(record, Record)
            content = bytes(record.head) + record.content() + b"\r\n\r\n"
            places[record.head.record_id] = (len(plain), len(content))
            plain += content
        (full.folder / name).write_bytes(plain)
        for record_id, (offset, length) in places.items():
            statement = (
                "UPDATE captures SET warc_offset = :offset, warc_length = :length WHERE warc_record_id = :record_id"
            )
            full.edit(statement, offset=offset, length=length, record_id=record_id)
        full.edit("UPDATE warc_files SET name = :name WHERE name = :old", name=name, old=path.name)
    plain_package = Package(full, tmp_path)
    assert [(one.head, one.content()) for one in plain_package.records(tmp_path)] == [
        (one.head, one.content()) for one in package.records(tmp_path)
    ]
    places = {
        (str(one.offset), str(one.length)) for one in plain_package.records(tmp_path) if one.head.type == "response"
    }
    assert {(said["offset"], said["length"]) for _, said in plain_package.lines()} == places


def test_lines_are_sorted_beyond_memory(tmp_path: Path) -> None:
    """In the order of bytes, each once, however many fit into memory at once."""
    given = [f"{number * 7919 % 1000:04d}\n".encode() for number in range(1_500)]
    for in_memory in (1, 100, 1_000_000):
        with SortedLines(tmp_path, in_memory) as lines:
            for line in given:
                lines.add(line)
            assert list(lines) == sorted(set(given))
    assert list(tmp_path.iterdir()) == []
