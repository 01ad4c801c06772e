"""`verify`: whatever is damaged is found and named, and nothing else is."""

from __future__ import annotations

import gzip
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from storage.articles.rows import uid_of
from storage.database.engine import open_readonly
from storage.records import Ended
from storage.urlkey import key
from storage.verify.check import Checked, Fault, What, verify
from storage.warc.file import cdxj_path
from storage.warc.format import GZIP_HEAD, RecordHead
from storage.warc.read import Record, scan
from tests.archives import SITE, Archive, page

SEEDS = 60
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the database does not matter


def uid(path: str) -> str:
    """The uid of the article first met under a path."""
    return uid_of(key(SITE + path))


def words(faults: list[Fault]) -> list[str]:
    """What was found."""
    return sorted({str(fault.what) for fault in faults})


def member(head: RecordHead | bytes, block: bytes) -> bytes:
    """A record as a gzip member of ours."""
    raw = gzip.compress(bytes(head) + block + b"\r\n\r\n", mtime=0)
    return GZIP_HEAD + raw[len(GZIP_HEAD) :]


def records(path: Path) -> list[Record]:
    """All records of a file."""
    return [record for record in scan(path) if isinstance(record, Record)]


def exchange_of(archive: Archive, offset: int, path: Path) -> set[str]:
    """The uids of articles whose exchange lies around an offset: its main record up to the next one."""
    rows = archive.rows(
        "SELECT c.warc_offset, a.uid FROM captures c JOIN warc_files f ON f.id = c.warc_file_id"
        " LEFT JOIN versions v ON v.capture_id = c.id LEFT JOIN articles a ON a.id = v.article_id"
        " WHERE f.name = :name AND c.warc_offset <= :offset ORDER BY 1 DESC LIMIT 1",
        name=path.name,
        offset=offset,
    )
    return {row[1] for row in rows} - {None}


# --- nothing is wrong -------------------------------------------------------------------------------------------------


def test_a_whole_collection_has_no_fault(full: Archive) -> None:
    """Every file, record, row, version and article of two runs is looked at, and agrees."""
    checked, heard = Checked(), []
    assert list(verify(full.engine, full.folder, checked, heard.append)) == []
    assert (checked.files, checked.captures, checked.versions, checked.articles) == (2, 14, 6, 6)
    assert (checked.records, checked.faults, checked.notes) == (2 + 2 * (7 * 3 - 1) + 2, 0, [])
    assert heard == [path.name for path in full.files()]
    assert str(checked) == "2 files, 44 records, 14 captures, 6 versions, 6 articles"


@ON_SQLITE
def test_an_engine_that_cannot_write_is_enough(full: Archive, database_url: str) -> None:
    """The command opens the database for reading alone."""
    engine = open_readonly(database_url)
    assert list(verify(engine, full.folder)) == []
    engine.dispose()


def test_an_empty_collection_has_no_fault(archive: Archive) -> None:
    """Nothing crawled, nothing damaged; nor where a run had nothing to fetch and left a file with its ledger alone."""
    assert archive.faults() == []
    archive.begin("R1")
    archive.end()
    assert archive.faults() == []


def test_odd_exchanges_are_no_faults(archive: Archive) -> None:
    """Nothing sent, nothing answered, cut short, with strange text in its context: the row says what its record says."""
    archive.begin("R1")
    lease = archive.lease(f"{SITE}/odd")
    for response, changed in (
        (b"", {"request": b"", "ended": Ended.DISCONNECT, "error": "refused"}),
        (b"", {"ended": Ended.TIME, "error": "timeout"}),
        (page("cut")[:60], {"ended": Ended.LENGTH, "error": "length: \ud800\0\u2028"}),
        (b"garbage", {}),
        (page("interim"), {"interim": b"HTTP/1.1 103 Early Hints\r\n\r\n"}),
    ):
        archive.fetch(lease, response, **changed)
    archive.end()
    assert archive.faults() == []


@ON_SQLITE
def test_a_url_with_braces_is_no_fault(archive: Archive) -> None:
    """The key of an index line may hold what its JSON begins with."""
    archive.begin("R1")
    archive.fetch(archive.lease(f"{SITE}/curly%7Bx%7D-{{y}}"), page("braces"))
    archive.end()
    assert archive.faults() == []


def test_other_files_in_the_folder_are_none_of_its_business(full: Archive) -> None:
    """Only WARC files and indexes are looked at."""
    (full.folder / "README.txt").write_text("These are WARC files.")
    (full.folder / "old").mkdir()
    assert full.faults() == []


# --- bytes ------------------------------------------------------------------------------------------------------------


@ON_SQLITE
def test_every_inverted_byte_is_found(full: Archive) -> None:
    """A byte inverted anywhere gives one fault: its file, the offset of its record, and the article it touches."""
    path = full.files()[1]
    raw, chance = path.read_bytes(), random.Random(1)
    places = [(record.offset, record.length) for record in records(path)]
    for at in (*range(10), *(chance.randrange(len(raw)) for _ in range(SEEDS)), *range(len(raw) - 8, len(raw))):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :])
        [fault] = full.faults()
        [offset] = [offset for offset, length in places if offset <= at < offset + length]
        assert (fault.file, fault.offset, fault.what) == (path.name, offset, What.FLIPPED), at
        assert set(fault.articles) == exchange_of(full, at, path) - ({None} if at else set()), at
    path.write_bytes(raw)
    assert full.faults() == []


@ON_SQLITE
def test_every_flipped_bit_is_found(full: Archive) -> None:
    """One bit is enough, also where gzip does not care: then the checksum of the file tells."""
    path = full.files()[0]
    raw, chance = path.read_bytes(), random.Random(2)
    for bit in (chance.randrange(8 * len(raw)) for _ in range(SEEDS)):
        at, mask = divmod(bit, 8)
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << mask]) + raw[at + 1 :])
        [fault] = full.faults()
        assert fault.file == path.name
        assert fault.what in {What.FLIPPED, What.CHECKSUM}


@ON_SQLITE
def test_a_bit_that_gzip_ignores_is_found_by_the_checksum(full: Archive) -> None:
    """A file that was packed anew, with the same records at the same places, is not the file that was closed."""
    path = full.files()[0]
    full.edit("UPDATE warc_files SET sha256 = :other WHERE name = :name", other="0" * 64, name=path.name)
    [fault] = full.faults()
    assert (fault.what, fault.file, fault.offset) == (What.CHECKSUM, path.name, None)


@ON_SQLITE
def test_every_cut_is_found(full: Archive) -> None:
    """A file cut at any of 50 places: one fault that names all articles behind the cut."""
    path = full.files()[1]
    raw, chance = path.read_bytes(), random.Random(3)
    found = records(path)
    borders = [record.offset for record in found[1:]]
    for at in (*borders[:4], *borders[-2:], *(chance.randrange(len(raw)) for _ in range(50))):
        path.write_bytes(raw[:at])
        [fault] = full.faults()
        whole = [record for record in found if record.offset + record.length <= at]
        end = whole[-1].offset + whole[-1].length if whole else 0
        assert (fault.file, fault.offset, fault.what) == (path.name, end, What.CUT), at
        lost = {name for (name,) in full.rows(_BEHIND, file=path.name, offset=end)}
        assert set(fault.articles) >= lost, at
        assert len(set(fault.articles) - lost) <= 1, at  # the exchange that the cut runs through


_BEHIND = """
    SELECT a.uid FROM captures c JOIN warc_files f ON f.id = c.warc_file_id JOIN versions v ON v.capture_id = c.id
    JOIN articles a ON a.id = v.article_id WHERE f.name = :file AND c.warc_offset >= :offset
"""


@ON_SQLITE
def test_bytes_behind_the_end_are_found(full: Archive) -> None:
    """Junk at the end of a closed file is named at its place."""
    path = full.files()[0]
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"junk")
    [fault] = full.faults()
    assert (fault.what, fault.offset, fault.articles) == (What.FLIPPED, size, ())


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_found(full: Archive) -> None:
    """One fault, with every article that has a version in it."""
    path = full.files()[0]
    path.unlink()
    [fault] = full.faults()
    assert (fault.what, fault.file, fault.offset) == (What.MISSING_FILE, path.name, None)
    assert set(fault.articles) == {uid("/a1"), uid("/a2"), uid("/a3")}
    assert fault.articles_touched == 3
    assert "7 captures" in str(fault)


@ON_SQLITE
def test_swapped_files_are_found(full: Archive) -> None:
    """Two files under each other's names: one fault each, with all their articles."""
    one, other = full.files()
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    faults = full.faults()
    assert [(fault.what, fault.file, fault.offset) for fault in faults] == [
        (What.SWAPPED, one.name, 0),
        (What.SWAPPED, other.name, 0),
    ]
    assert set(faults[0].articles) == {uid("/a1"), uid("/a2"), uid("/a3")}


@ON_SQLITE
def test_a_renamed_file_is_found(full: Archive) -> None:
    """The file is missing under its own name, and unknown under the other; so is its index."""
    path = full.files()[0]
    path.rename(path.with_name("a.warc.gz"))
    cdxj_path(path).rename(path.with_name("a.cdxj"))
    assert [(fault.what, fault.file) for fault in full.faults()] == [
        (What.MISSING_FILE, path.name),
        (What.UNKNOWN_FILE, "a.warc.gz"),
    ]


@ON_SQLITE
def test_unknown_files_are_found(full: Archive) -> None:
    """A WARC file that no row knows, and an index of no WARC file."""
    shutil.copy(full.files()[0], full.folder / "copy.warc.gz")
    (full.folder / "other.cdxj").write_bytes(b"")
    assert [(fault.what, fault.file) for fault in full.faults()] == [
        (What.UNKNOWN_FILE, "copy.warc.gz"),
        (What.UNKNOWN_FILE, "other.cdxj"),
    ]


# --- records ----------------------------------------------------------------------------------------------------------


def test_a_record_without_row_is_found(full: Archive) -> None:
    """A row that was deleted leaves a record, named with its URL and article; what pointed to the row is named too."""
    row = full.rows("SELECT id, warc_offset FROM captures WHERE url = :url", url=f"{SITE}/a2")[0]
    if full.engine.dialect.name == "postgresql":
        full.edit("DELETE FROM outcomes WHERE capture_id = :id", id=row[0])
        full.edit("DELETE FROM versions WHERE capture_id = :id", id=row[0])
        full.edit("DELETE FROM extractions WHERE capture_id = :id", id=row[0])
    full.edit("DELETE FROM captures WHERE id = :id", id=row[0])
    first, *rest = full.faults()
    assert (first.what, first.file, first.offset) == (What.RECORD_WITHOUT_ROW, full.files()[0].name, row[1])
    assert (first.url, first.articles) == (f"{SITE}/a2", (uid("/a2"),))
    expected = ["article"] if full.engine.dialect.name == "postgresql" else ["reference", "version"]
    assert words(rest) == expected


@ON_SQLITE
def test_a_doubled_record_is_found(full: Archive) -> None:
    """A response that is in the file twice has a row but once."""
    path = full.files()[0]
    row = full.rows("SELECT warc_offset, warc_length FROM captures WHERE url = :url", url=f"{SITE}/a2")[0]
    raw = path.read_bytes()
    path.write_bytes(raw + raw[row[0] : row[0] + row[1]])
    faults = full.faults()
    assert (What.RECORD_WITHOUT_ROW, len(raw)) in [(fault.what, fault.offset) for fault in faults]
    assert {fault.file for fault in faults} == {path.name, cdxj_path(path).name}


@ON_SQLITE
def test_an_orphan_record_is_found(full: Archive) -> None:
    """Records of another file, and those of no exchange, are named at their place."""
    path, other = full.files()
    raw = path.read_bytes()
    for record in records(other)[-4:]:  # request and metadata of one, metadata and the run's resource
        path.write_bytes(raw + member(record.head, record.content()))
        faults = full.faults()
        assert (What.ORPHAN, len(raw)) in [(fault.what, fault.offset) for fault in faults], record.head
        assert {fault.file for fault in faults} <= {path.name, cdxj_path(path).name}


@ON_SQLITE
def test_a_wrong_digest_is_found(full: Archive) -> None:
    """A record with another body, packed well and with the old digest, is named."""
    path = full.files()[0]
    *_, last = [record for record in records(path) if record.head.type == "response"]
    following = path.read_bytes()[last.offset + last.length :]
    forged = member(last.head, last.content().replace(b"404", b"403"))
    path.write_bytes(path.read_bytes()[: last.offset] + forged + following)
    faults = full.faults()
    assert (What.DIGEST, last.offset) in [(fault.what, fault.offset) for fault in faults]
    assert any("WARC-Block-Digest" in fault.detail for fault in faults)


@ON_SQLITE
def test_an_exchange_without_its_metadata_is_found(full: Archive) -> None:
    """A record taken out of the middle of a file."""
    path = full.files()[0]
    metadata = next(record for record in records(path) if record.head.type == "metadata")
    raw = path.read_bytes()
    path.write_bytes(raw[: metadata.offset] + raw[metadata.offset + metadata.length :])
    faults = full.faults()
    assert {What.INCOMPLETE, What.CUT, What.ROW_WITHOUT_RECORD} <= {fault.what for fault in faults}


# --- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [-1, 1, 10**12])
def test_a_row_at_the_wrong_place_is_found(full: Archive, step: int) -> None:
    """A row one byte off, or far away: a row without record, and a record without row."""
    offset = full.one("SELECT warc_offset FROM captures WHERE url = :url", url=f"{SITE}/a2")
    full.edit("UPDATE captures SET warc_offset = warc_offset + :n WHERE url = :url", n=step, url=f"{SITE}/a2")
    faults = {fault.what: fault for fault in full.faults()}
    assert set(faults) == {What.ROW_WITHOUT_RECORD, What.RECORD_WITHOUT_ROW}
    assert faults[What.RECORD_WITHOUT_ROW].offset == offset
    assert faults[What.ROW_WITHOUT_RECORD].offset == offset + step
    assert faults[What.ROW_WITHOUT_RECORD].articles == (uid("/a2"),)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("warc_length", 1),
        ("warc_record_id", "urn:uuid:00000000-0000-0000-0000-000000000000"),
        ("url", f"{SITE}/a3"),
        ("fetched_at", "2026-03-01T12:00:00.001Z"),
        ("http_status", 203),
        ("record_type", "request"),
        ("payload_digest", "sha1:AAAA"),
        ("block_digest", "sha1:AAAA"),
        ("body_sha256", "0" * 64),
        ("truncated", "length"),
        ("context", '{"run_id": "R1", "source": "x", "kind": "article", "frontier_url": "https://x.test/", "announced": null}'),
    ],
)
def test_a_row_that_says_other_than_its_record_is_found(full: Archive, column: str, value: Any) -> None:
    """Whatever a row repeats of its record is compared with it."""
    offset = full.one("SELECT warc_offset FROM captures WHERE url = :url", url=f"{SITE}/a2")
    full.edit(f"UPDATE captures SET {column} = :value WHERE url = :url", value=value, url=f"{SITE}/a2")
    of_rows = [fault for fault in full.faults() if fault.what is What.ROW]
    assert {(fault.file, fault.offset) for fault in of_rows} == {(full.files()[0].name, offset)}
    assert {fault.articles for fault in of_rows} == {(uid("/a2"),)}


@ON_SQLITE
def test_a_row_that_points_nowhere_is_found(full: Archive) -> None:
    """Rows that a database without foreign keys has lost are missed by those that point to them."""
    full.edit("DELETE FROM sources")
    full.edit("DELETE FROM articles WHERE uid = :uid", uid=uid("/a1"))
    full.edit("UPDATE captures SET warc_file_id = 77 WHERE url = :url", url=f"{SITE}/b1")
    faults = full.faults()
    details = [fault.detail for fault in faults if fault.what is What.REFERENCE]
    assert {detail.split(" is not in ")[1] for detail in details} == {"sources", "articles", "warc_files"}
    assert any(fault.what is What.VERSION and "article" in fault.detail for fault in faults)


# --- versions and articles --------------------------------------------------------------------------------------------


def test_a_version_of_another_page_is_found(full: Archive) -> None:
    """A version must point to a capture of one of its article's URLs."""
    other = full.one("SELECT id FROM captures WHERE url = :url", url=f"{SITE}/b1")
    full.edit("UPDATE versions SET capture_id = :id WHERE article_id = 1", id=other)
    full.edit("UPDATE extractions SET extractor = 'x', capture_id = :id WHERE id = 1", id=other)
    [fault] = full.faults()
    assert (fault.what, fault.url, fault.articles) == (What.VERSION, f"{SITE}/b1", (uid("/a1"),))
    assert "URLs" in fault.detail


def test_a_version_of_no_page_is_found(full: Archive) -> None:
    """A version must point to a response with status 2xx, and its fields must come from there."""
    lost = full.one("SELECT id FROM captures WHERE http_status = 404 AND run_id = 'R1'")
    full.edit("UPDATE versions SET capture_id = :id WHERE article_id = 1", id=lost)
    assert ["not read from its capture" in fault.detail for fault in full.faults()] == [True]
    full.edit("UPDATE extractions SET capture_id = :id WHERE id = 1", id=lost)
    assert ["status 404" in fault.detail for fault in full.faults()] == [True]


def test_an_article_without_its_latest_version_is_found(full: Archive) -> None:
    """The number of the latest version is that of a version."""
    full.edit("UPDATE articles SET version = 2 WHERE id = 1")
    full.edit("DELETE FROM versions WHERE article_id = 2")
    faults = full.faults()
    assert [(fault.what, fault.articles) for fault in faults] == [
        (What.ARTICLE, (uid("/a1"),)),
        (What.ARTICLE, (uid("/a2"),)),
    ]


def test_a_stored_url_without_article_is_found(full: Archive) -> None:
    """What is stored or gone has an article."""
    full.edit("UPDATE urls SET article_id = NULL WHERE url = :url", url=f"{SITE}/a1")
    [fault] = full.faults()
    assert (fault.what, fault.url) == (What.ARTICLE, f"{SITE}/a1")


# --- indexes ----------------------------------------------------------------------------------------------------------


@ON_SQLITE
def test_a_missing_index_is_found(full: Archive) -> None:
    """A WARC file without its CDXJ."""
    path = cdxj_path(full.files()[0])
    path.unlink()
    [fault] = full.faults()
    assert (fault.what, fault.file, fault.detail) == (What.CDXJ, path.name, "the index is missing")


@pytest.mark.parametrize(
    ("edit", "detail"),
    [
        (lambda lines: lines[1:], "1 records have no line"),
        (lambda lines: [*lines, b'zz)/ 20260301120000 {"offset": "7", "length": "1"}\n'], "1 lines are of no record"),
        (lambda lines: sorted([*lines, lines[0]]), "1 lines are of no record"),
        (lambda lines: [lines[0].replace(b'"length": "', b'"length": "1'), *lines[1:]], "1 lines say other"),
        (lambda lines: [lines[0].replace(b"sha1:", b"sha1:A"), *lines[1:]], "1 lines say other"),
        (lambda lines: [lines[0].replace(b'"offset": "', b'"offset": "1'), *lines[1:]], "1 records have no line"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b"run:", b"sun:")], "1 lines say other"),
        (lambda lines: list(reversed(lines)), "lines are not in order"),
        (lambda lines: [*lines[:-1], lines[-1][:-9]], "1 lines are of no record"),
        (lambda _: [], "7 records have no line"),
    ],
)
@ON_SQLITE
def test_a_stale_index_is_found(full: Archive, edit: Any, detail: str) -> None:
    """Lines that miss, are too many, say something else or lie in another order."""
    path = cdxj_path(full.files()[0])
    path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))
    faults = full.faults()
    assert {(fault.what, fault.file) for fault in faults} == {(What.CDXJ, path.name)}
    assert any(detail in fault.detail for fault in faults)


@ON_SQLITE
def test_a_file_and_the_index_of_another(full: Archive) -> None:
    """An index that was replaced by another one has no line that is right."""
    one, other = (cdxj_path(path) for path in full.files())
    shutil.copy(one, other)
    assert {(fault.what, fault.file) for fault in full.faults()} == {(What.CDXJ, other.name)}


# --- files that are not closed ----------------------------------------------------------------------------------------


def test_a_living_run_is_no_fault(full: Archive) -> None:
    """While a run writes, what it wrote is checked, and what has no row yet is none of anybody's business."""
    full.begin("R3")
    full.article("/c1")
    full.writer.write_exchange(full_exchange(full))
    checked = Checked()
    assert full.faults(checked) == []
    assert (checked.captures, checked.notes) == (15, [])
    full.writer._pair.append(GZIP_HEAD + b"half a record")
    assert full.faults() == []


def full_exchange(archive: Archive) -> Any:
    """An exchange whose row is not committed yet."""
    from exchanges import exchange

    return exchange(page("later"), url=f"{SITE}/later", started_at=archive.tick())


def test_a_run_that_goes_on_meanwhile(full: Archive) -> None:
    """Files that are written, closed and begun between two steps of a check are no fault."""
    full.begin("R3", max_file_bytes=3_000)
    full.article("/c0")
    walk = verify(full.engine, full.folder, None, lambda _: [full.article(f"/c{n}{full.now}") for n in range(3)])
    assert list(walk) == []
    assert len(full.files()) > 3
    assert full.faults() == []


@ON_SQLITE
def test_damage_in_a_file_that_is_written_is_found(full: Archive) -> None:
    """Rows of a living run are checked too."""
    full.begin("R3")
    full.article("/c1")
    path = full.folder / f"{full.writer.current}.open"
    offset = full.one("SELECT warc_offset FROM captures WHERE url = :url", url=f"{SITE}/c1")
    raw = bytearray(path.read_bytes())
    raw[offset + 50] ^= 0xFF
    path.write_bytes(raw)
    [fault] = full.faults()
    assert (fault.what, fault.offset, fault.articles) == (What.FLIPPED, offset, (uid("/c1"),))


def test_a_killed_run_is_a_note(full: Archive) -> None:
    """What the next run puts right is no damage: a file left open, its torn tail, records without rows, pages unread."""
    full.begin("R3")
    full.fetch(full.lease(f"{SITE}/c1"), page("unread"))
    full.writer.write_exchange(full_exchange(full))
    full.writer._pair.append(GZIP_HEAD + b"half a record")
    name = full.kill()
    checked = Checked()
    assert full.faults(checked) == []
    assert [note.split(" ")[0] for note in checked.notes] == [name, "1"]


def test_rows_beyond_the_whole_records_of_a_killed_run_are_found(full: Archive) -> None:
    """What was synced and is gone is damage, although the next run will take its rows back."""
    full.begin("R3")
    full.article("/c1")
    url = full.article("/c2")
    path = full.folder / f"{full.kill()}.open"
    offset = full.one("SELECT warc_offset FROM captures WHERE url = :url", url=url)
    for cut in (offset, offset + 9):
        path.write_bytes(path.read_bytes()[:cut])
        faults = full.faults()
        assert [(fault.offset, fault.articles) for fault in faults] == [(offset, (uid("/c2"),))]
        assert faults[0].what in {What.CUT, What.ROW_WITHOUT_RECORD}
        path.write_bytes(path.read_bytes() + b"")


@ON_SQLITE
def test_a_file_that_is_not_entered_as_closed_is_a_note(full: Archive) -> None:
    """A run killed between rename and commit."""
    path = full.files()[1]
    full.edit("UPDATE warc_files SET closed_at = NULL, size = NULL, sha256 = NULL WHERE name = :name", name=path.name)
    checked = Checked()
    assert full.faults(checked) == []
    assert [path.name in note for note in checked.notes] == [True]


# --- how it is said ---------------------------------------------------------------------------------------------------


def test_a_fault_is_one_line() -> None:
    """File, offset, word, what it touches; nothing in it can end its line."""
    fault = Fault(What.CUT, "a.warc.gz", 7, "it\nends", f"{SITE}/a", ("u1", "u2", "u3"), 9)
    assert str(fault) == f"a.warc.gz at offset 7: cut: it%0Aends ({SITE}/a, 9 articles: u1, u2, u3, ...)"
    assert str(Fault(What.ARTICLE, None, None, "gone")) == "database: article: gone"
    assert str(Fault(What.CUT, "a", None, "x", None, ("u1",), 1)) == "a: cut: x (article u1)"


def test_rows_are_read_some_at_a_time(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of a file, each once, also where several lie at one place."""
    monkeypatch.setattr("storage.verify.jobs.PAGE", 7)
    archive.begin("R1")
    lease = archive.lease(f"{SITE}/x")
    archive.do(*(archive.archiving(lease, page(str(n)))[0] for n in range(40)))
    archive.end()
    checked = Checked()
    assert archive.faults(checked) == []
    assert checked.captures == 40
    archive.edit("UPDATE captures SET warc_offset = (SELECT min(warc_offset) FROM captures)")
    checked = Checked()
    faults = archive.faults(checked)
    assert checked.captures == 40
    assert sum(fault.what is What.RECORD_WITHOUT_ROW for fault in faults) == 39
    assert sum(fault.what is What.ROW for fault in faults) == 39
