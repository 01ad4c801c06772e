"""An archive is damaged in twelve ways: the command names each, mends what can be mended, and loses nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from test_storage_verify import member, records

from crawler.cli import main
from storage.warc.file import cdxj_path
from storage.warc.format import GZIP_HEAD
from storage.warc.read import Record
from tests.archives import SITE, Archive

DAMAGE, OK = 9, 0
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the command needs a collection
TABLES = ("articles", "versions", "extractions", "captures", "outcomes", "urls", "warc_files", "aliases", "sources")


@dataclass
class Collection:
    """A collection of two closed files, and the command line on it."""

    archive: Archive
    capsys: Any

    @property
    def files(self) -> list[Path]:
        return self.archive.files()

    def verify(self, *options: str) -> tuple[int, str]:
        """Exit code and what was printed."""
        self.capsys.readouterr()
        code = main(["verify", "--collection", str(self.archive.folder.parent), *options])
        return code, self.capsys.readouterr().out

    def state(self) -> dict[str, Any]:
        """All bytes and all rows."""
        rows = {table: self.archive.rows(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}
        return {path.name: path.read_bytes() for path in sorted(self.archive.folder.iterdir())} | rows

    def main_record(self, path: str) -> Record:
        """The response of a story of the first file."""
        return next(
            record
            for record in records(self.files[0])
            if record.head.type == "response" and record.head.uri == SITE + path
        )


@pytest.fixture
def collection(full: Archive, capsys: pytest.CaptureFixture[str]) -> Collection:
    [database] = full.folder.parent.glob("*.db")
    settings = f'[collection]\nname = "desk"\n[database]\nurl = "sqlite:///{database.name}"\n'
    (full.folder.parent / "newswarc.toml").write_text(settings)
    return Collection(full, capsys)


def write(path: Path, start: int, end: int, new: bytes) -> None:
    """Put other bytes in the place of some."""
    raw = path.read_bytes()
    path.write_bytes(raw[:start] + new + raw[end:])


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0x10
    path.write_bytes(raw)


# --- what cannot be mended: bytes that are other than they were ------------------------------------------------------


def bit_in_body(one: Collection) -> int:
    record = one.main_record("/a2")
    flip(one.files[0], record.offset + record.length - 40)
    return record.offset


def bit_in_header(one: Collection) -> int:
    record = one.main_record("/a2")
    flip(one.files[0], record.offset + len(GZIP_HEAD) + 20)
    return record.offset


def bit_in_trailer(one: Collection) -> int:
    record = one.main_record("/a2")
    flip(one.files[0], record.offset + record.length - 6)
    return record.offset


def wrong_digest(one: Collection) -> int:
    record = one.main_record("/a3")
    forged = member(record.head, record.content().replace(b"story", b"STORY"))
    write(one.files[0], record.offset, record.offset + record.length, forged.ljust(record.length, b"\0")[: record.length])
    if len(forged) != record.length:
        write(one.files[0], record.offset, record.offset + record.length, forged)
    return record.offset


def missing_file(one: Collection) -> None:
    one.files[0].unlink()


@ON_SQLITE
@pytest.mark.parametrize("sabotage", [bit_in_body, bit_in_header, bit_in_trailer])
def test_a_flipped_bit_is_named_and_nothing_is_touched(collection: Collection, sabotage: Callable[[Collection], int]) -> None:
    """File and offset of the record are told before and after; a repair changes no byte and no row."""
    offset, name = sabotage(collection), collection.files[0].name
    before = collection.state()
    code, said = collection.verify()
    assert code == DAMAGE
    [line] = said.splitlines()
    assert line.startswith(f"{name} at offset {offset}: flipped: ")
    assert "(https://gazette.test/a2, article " in line
    code, said = collection.verify("--repair")
    assert code == DAMAGE
    assert said.splitlines() == [f"remains: {line}"]
    assert collection.state() == before


@ON_SQLITE
def test_a_row_whose_record_is_damaged_is_not_taken_back(collection: Collection) -> None:
    """Another row of the same file is mended meanwhile; the article of the damaged record keeps its version."""
    before = collection.state()
    offset = bit_in_body(collection)
    collection.archive.edit("UPDATE captures SET http_status = 203 WHERE url = :url", url=f"{SITE}/a1")
    code, told = collection.verify("--repair")
    assert code == DAMAGE
    assert [line.split(": ")[0] for line in told.splitlines()] == ["done", "mended", "remains"]
    after = collection.state()
    name = collection.files[0].name
    assert after.pop(name) != before.pop(name)
    assert after == before
    assert f"{name} at offset {offset}: flipped" in collection.verify()[1]


@ON_SQLITE
def test_a_missing_file_is_named_and_its_rows_stay(collection: Collection) -> None:
    """It may be on a disk that is not mounted: no row is taken back."""
    name = collection.files[0].name
    missing_file(collection)
    before = collection.state()
    code, said = collection.verify()
    assert (code, said.count("\n")) == (DAMAGE, 1)
    assert said.startswith(f"{name}: missing-file: the file is not there, 7 captures point into it (3 articles: ")
    assert collection.verify("--repair")[0] == DAMAGE
    assert collection.state() == before


@ON_SQLITE
def test_a_wrong_digest_is_named_and_no_row_learns_from_it(collection: Collection) -> None:
    """A record that was forged, and the row that says what was served: the row stays as it is."""
    offset, name = wrong_digest(collection), collection.files[0].name
    row = collection.archive.rows("SELECT * FROM captures WHERE url = :url", url=f"{SITE}/a3")
    code, said = collection.verify()
    assert code == DAMAGE
    assert f"{name} at offset {offset}: digest: WARC-Block-Digest is " in said
    assert collection.verify("--repair")[0] == DAMAGE
    assert collection.archive.rows("SELECT * FROM captures WHERE url = :url", url=f"{SITE}/a3") == row
    assert f"{name} at offset {offset}: digest: " in collection.verify()[1]


# --- what can be mended -----------------------------------------------------------------------------------------------


def mended(one: Collection, *named: str) -> list[str]:
    """Verify tells each of these, repair mends all, and a second verify has nothing to say. What was done."""
    code, said = one.verify()
    assert code == DAMAGE, said
    for text in named:
        assert text in said, said
    code, told = one.verify("--repair")
    assert code == OK, told
    assert one.verify() == (OK, "")
    return [line.removeprefix("done: ") for line in told.splitlines() if line.startswith("done: ")]


@ON_SQLITE
def test_swapped_files_get_their_names_back(collection: Collection) -> None:
    """Two files under each other's names: all bytes and rows are as before."""
    before = collection.state()
    first, second = collection.files
    first.rename(first.with_name("x"))
    second.rename(first)
    first.with_name("x").rename(second)
    done = mended(collection, f"{first.name} at offset 0: swapped", f"{second.name} at offset 0: swapped")
    assert len(done) == 2
    assert collection.state() == before


@ON_SQLITE
def test_a_renamed_file_gets_its_name_back(collection: Collection) -> None:
    """With its index."""
    before = collection.state()
    path = collection.files[0]
    path.rename(path.with_name("a.warc.gz"))
    cdxj_path(path).rename(path.with_name("a.cdxj"))
    mended(collection, f"{path.name}: missing-file", "a.warc.gz: unknown-file")
    assert collection.state() == before


@ON_SQLITE
def test_a_stale_index_is_written_anew(collection: Collection) -> None:
    """Lines that miss, are of nothing, or say something else: the index is byte for byte as its writer left it."""
    before = collection.state()
    path = cdxj_path(collection.files[0])
    _, second, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([second.replace(b"sha1:", b"sha1:A"), *others, b'zz)/ 2026 {"offset": "7"}\n']))
    done = mended(collection, f"{path.name} at offset ", "1 records have no line", "1 lines are of no record")
    assert len(done) == 1
    assert collection.state() == before


@ON_SQLITE
def test_a_missing_index_is_written(collection: Collection) -> None:
    """As its writer wrote it."""
    before = collection.state()
    cdxj_path(collection.files[1]).unlink()
    mended(collection, f"{cdxj_path(collection.files[1]).name}: cdxj: the index is missing")
    assert collection.state() == before


@ON_SQLITE
@pytest.mark.parametrize("step", [-1, 1, 10**9])
def test_a_row_one_byte_off_is_brought_to_its_record(collection: Collection, step: int) -> None:
    """Its record is known by its id."""
    before = collection.state()
    offset = collection.main_record("/a2").offset
    collection.archive.edit("UPDATE captures SET warc_offset = warc_offset + :n WHERE url = :url", n=step, url=f"{SITE}/a2")
    name = collection.files[0].name
    mended(
        collection,
        f"{name} at offset {offset}: record-without-row",
        f"{name} at offset {offset + step}: row-without-record",
    )
    assert collection.state() == before


@ON_SQLITE
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("url", f"{SITE}/a3"),
        ("warc_length", 1),
        ("http_status", 203),
        ("payload_digest", "sha1:AAAA"),
        ("body_sha256", "0" * 64),
        ("truncated", "length"),
        ("context", '{"run_id": "R1", "source": "x", "kind": "article", "frontier_url": "https://x.test/", "announced": null}'),
    ],
)
def test_a_row_that_says_other_than_its_record_is_corrected(collection: Collection, column: str, value: Any) -> None:
    """Whatever it repeats of the record; other rows and all bytes are as before."""
    before = collection.state()
    collection.archive.edit(f"UPDATE captures SET {column} = :value WHERE url = :url", value=value, url=f"{SITE}/a2")
    [done] = mended(collection, f"{collection.files[0].name} at offset {collection.main_record('/a2').offset}: row: ")
    assert f"row corrected: {column} " in done
    assert collection.state() == before


@ON_SQLITE
def test_a_row_of_another_file_is_brought_to_its_record(collection: Collection) -> None:
    """The file that holds the record is told by the record itself."""
    before = collection.state()
    collection.archive.edit("UPDATE captures SET warc_file_id = 2 WHERE url = :url", url=f"{SITE}/a2")
    mended(collection, f"{collection.files[0].name} at offset ", f"{collection.files[1].name} at offset ")
    assert collection.state() == before


@ON_SQLITE
def test_a_doubled_record_behind_the_end_is_cut_off_and_kept(collection: Collection) -> None:
    """The file is again what its checksum says; what was behind it lies beside it."""
    before = collection.state()
    path, record = collection.files[0], collection.main_record("/a2")
    raw = path.read_bytes()
    doubled = raw[record.offset : record.offset + record.length]
    path.write_bytes(raw + doubled)
    mended(collection, f"{path.name} at offset {len(raw)}: record-without-row: response record, whose row points to ")
    after = collection.state()
    assert after.pop(f"{path.name}.cut-{len(raw)}") == doubled
    assert after == before


@ON_SQLITE
def test_an_orphan_record_behind_the_end_is_cut_off_and_kept(collection: Collection) -> None:
    """A record of another file."""
    before = collection.state()
    path, other = collection.files
    raw, orphan = path.read_bytes(), records(other)[-2]
    path.write_bytes(raw + member(orphan.head, orphan.content()))
    mended(collection, f"{path.name} at offset {len(raw)}: orphan-record")
    after = collection.state()
    assert len(after.pop(f"{path.name}.cut-{len(raw)}")) > 0
    assert after == before


@ON_SQLITE
def test_a_doubled_record_within_a_file_stays(collection: Collection) -> None:
    """Rows behind it are brought to their records; the copy has no row and is told again. Nothing is cut."""
    path, record = collection.files[0], collection.main_record("/a1")
    raw, end = path.read_bytes(), record.offset + record.length
    path.write_bytes(raw[:end] + raw[record.offset : end] + raw[end:])
    assert collection.verify()[0] == DAMAGE
    assert collection.verify("--repair")[0] == DAMAGE
    left = collection.verify()[1]
    assert f"{path.name} at offset {end}: record-without-row" in left
    assert "row-without-record" not in left
    place = "SELECT warc_offset FROM captures WHERE warc_record_id = :id"
    assert collection.archive.one(place, id=record.head.record_id) == record.offset
    assert len(path.read_bytes()) == len(raw) + record.length


@ON_SQLITE
@pytest.mark.unbalanced("an outcome is taken away")
def test_an_exchange_without_row_is_entered(collection: Collection) -> None:
    """As an exchange whose page is still to be read; the rows of all others are as before."""
    before = collection.state()
    [[capture]] = collection.archive.rows("SELECT id FROM captures WHERE http_status = 404 AND run_id = 'R1'")
    for table in ("outcomes", "captures"):
        column = "id" if table == "captures" else "capture_id"
        collection.archive.edit(f"DELETE FROM {table} WHERE {column} = :id", id=capture)
    [done] = mended(collection, f"{collection.files[0].name} at offset ", ": record-without-row: ")
    assert "row entered (https://gazette.test/R1/nothing)" in done
    after = collection.state()
    [entered] = set(after["captures"]) - set(before["captures"])
    [was] = set(before["captures"]) - set(after["captures"])
    assert entered[1:] == was[1:]
    assert {name: rows for name, rows in after.items() if name not in {"captures", "outcomes"}} == {
        name: rows for name, rows in before.items() if name not in {"captures", "outcomes"}
    }


@ON_SQLITE
def test_a_row_whose_record_was_never_there_is_taken_back(collection: Collection) -> None:
    """The file is whole and does not hold it: the URL is due again."""
    url = f"{SITE}/a2"
    collection.archive.edit(
        "UPDATE captures SET warc_record_id = 'urn:uuid:00000000-0000-0000-0000-000000000000', warc_offset = warc_offset + 1"
        " WHERE url = :url",
        url=url,
    )
    done = mended(collection, "row-without-record", "record-without-row")
    assert any("row taken back" in line and f"{url} is due again" in line for line in done)
    assert any(f"row entered ({url})" in line for line in done)
    assert collection.archive.state(url) == ("pending", True)


# --- files that were cut ----------------------------------------------------------------------------------------------


def behind(one: Collection, offset: int) -> set[int]:
    """Ids of the captures of the first file from an offset on."""
    query = "SELECT id FROM captures WHERE warc_file_id = 1 AND warc_offset >= :at"
    return {row[0] for row in one.archive.rows(query, at=offset)}


def rest_of(one: Collection, before: dict[str, Any], lost: set[int]) -> None:
    """All captures but those lost are as they were, and all other files."""
    kept = [row for row in before["captures"] if row[0] not in lost]
    assert one.state()["captures"] == kept
    other = one.files[1].name
    assert one.state()[other] == before[other]


@ON_SQLITE
@pytest.mark.parametrize("into", [0, 100, -1])
def test_a_cut_file_loses_what_is_gone_and_nothing_else(collection: Collection, into: int) -> None:
    """Cut between two exchanges or within a record: rows behind are taken back, the torn bytes are kept beside."""
    before, path = collection.state(), collection.files[0]
    record = collection.main_record("/a2")
    raw, at = path.read_bytes(), record.offset + (into if into >= 0 else record.length + into)
    path.write_bytes(raw[:at])
    lost = behind(collection, record.offset)
    code, said = collection.verify()
    assert code == DAMAGE
    assert said.startswith(f"{path.name} at offset {record.offset}: cut: ")
    code, told = collection.verify("--repair")
    assert code == OK, told
    assert f"sha256 {hashlib.sha256(raw[: record.offset]).hexdigest()}, not {hashlib.sha256(raw).hexdigest()}" in told
    assert path.read_bytes() == raw[: record.offset]
    saved = path.with_name(f"{path.name}.cut-{record.offset}")
    assert (saved.read_bytes() if into else b"") == raw[record.offset : at]
    rest_of(collection, before, lost)
    assert collection.archive.state(f"{SITE}/a2") == ("pending", True)
    assert collection.verify() == (OK, "")


@ON_SQLITE
def test_a_cut_within_an_exchange_keeps_its_response(collection: Collection) -> None:
    """What is left of it has its row still, and is told as incomplete."""
    before, path = collection.state(), collection.files[0]
    record = collection.main_record("/a2")
    end = record.offset + record.length
    raw = path.read_bytes()
    path.write_bytes(raw[: end + 50])
    lost = behind(collection, end)
    code, _ = collection.verify("--repair")
    assert code == DAMAGE
    assert path.read_bytes() == raw[:end]
    assert path.with_name(f"{path.name}.cut-{end}").read_bytes() == raw[end : end + 50]
    rest_of(collection, before, lost)
    code, said = collection.verify()
    assert (code, said.count("\n")) == (DAMAGE, 1)
    assert f"{path.name} at offset {record.offset}: incomplete-exchange" in said


@ON_SQLITE
def test_an_empty_file_is_not_taken_for_gone(collection: Collection) -> None:
    """Nothing tells what it was: rows stay until somebody has looked."""
    collection.files[0].write_bytes(b"")
    before = collection.state()
    assert collection.verify("--repair")[0] == DAMAGE
    assert collection.state() == before


@ON_SQLITE
def test_a_truncated_open_file_is_closed(collection: Collection) -> None:
    """What a killed run left, cut to what is whole; the torn bytes are kept."""
    one = collection.archive
    one.begin("R3")
    one.article("/c1")
    url = one.article("/c2")
    path = one.folder / f"{one.kill()}.open"
    [[offset]] = one.rows("SELECT warc_offset FROM captures WHERE url = :url", url=url)
    raw = path.read_bytes()
    path.write_bytes(raw[: offset + 90])
    code, said = collection.verify()
    assert code == DAMAGE
    assert f" at offset {offset}: cut: " in said
    code, told = collection.verify("--repair")
    assert code == OK, told
    final = path.with_name(path.name.removesuffix(".open"))
    assert final.read_bytes() == raw[:offset]
    assert path.with_name(f"{path.name}.cut-{offset}").read_bytes() == raw[offset : offset + 90]
    assert one.state(url) == ("pending", True)
    assert collection.verify() == (OK, "")


# --- the command ------------------------------------------------------------------------------------------------------


@ON_SQLITE
def test_a_repair_wants_the_collection_for_itself(collection: Collection) -> None:
    """Exit code 6 while a run holds it, and nothing is looked at."""
    from storage.runs.lock import hold

    with hold(collection.archive.folder.parent):
        assert collection.verify("--repair") == (6, "")
        assert collection.verify()[0] == OK


@ON_SQLITE
def test_a_repair_of_a_whole_collection_changes_nothing(collection: Collection) -> None:
    """No byte and no row."""
    before = collection.state()
    assert collection.verify("--repair") == (OK, "")
    assert collection.state() == before


@ON_SQLITE
def test_a_repair_may_be_asked_for_as_json(collection: Collection) -> None:
    """What was done, what was mended, and what remains."""
    cdxj_path(collection.files[0]).unlink()
    flip(collection.files[1], 900)
    code, said = collection.verify("--repair", "--json")
    told = json.loads(said)
    assert code == DAMAGE
    assert [fault["what"] for fault in told["mended"]] == ["cdxj"]
    assert [fault["what"] for fault in told["faults"]] == ["flipped"]
    assert [deed["file"] for deed in told["done"]] == [cdxj_path(collection.files[0]).name]
    assert re.search("written anew", told["done"][0]["what"])


@ON_SQLITE
def test_a_flipped_record_keeps_its_line_in_a_new_index(collection: Collection) -> None:
    """The index is written anew beside damage: the line of what is damaged is kept."""
    path = cdxj_path(collection.files[0])
    whole = path.read_bytes()
    bit_in_body(collection)
    path.write_bytes(b"".join([*whole.splitlines(keepends=True), b'zz)/ 2026 {"offset": "7"}\n']))
    assert collection.verify("--repair")[0] == DAMAGE
    assert path.read_bytes() == whole


@ON_SQLITE
def test_bytes_that_were_cut_twice_are_both_kept(collection: Collection) -> None:
    """No file of cut bytes is written over."""
    path = collection.files[0]
    size = path.stat().st_size
    for junk in (b"one", b"two"):
        with path.open("ab") as file:
            file.write(junk)
        assert collection.verify("--repair")[0] == OK
    saved = sorted(file.name for file in path.parent.glob("*.cut-*"))
    assert saved == [f"{path.name}.cut-{size}", f"{path.name}.cut-{size}-2"]


def test_repair_on_every_database(full: Archive) -> None:
    """Rows are entered, corrected and taken back on PostgreSQL too."""
    from storage.repair.mend import repair

    path = full.files()[0]
    full.edit("UPDATE captures SET warc_offset = warc_offset + 1 WHERE url = :url", url=f"{SITE}/a1")
    full.edit("UPDATE captures SET http_status = 203 WHERE url = :url", url=f"{SITE}/a2")
    record = next(record for record in records(path) if record.head.uri == f"{SITE}/a3")
    path.write_bytes(path.read_bytes()[: record.offset])
    repair(full.engine, full.folder, full.tick(), full.faults())
    assert full.faults() == []
    assert full.state(f"{SITE}/a3") == ("pending", True)

