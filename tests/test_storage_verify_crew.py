"""`verify` with processes, on a part of the files, with files of other places and origins, and with revisits."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_storage_verify import ON_SQLITE, member, records, uid

from storage.errors import NewswarcError
from storage.records import FileOrigin, FileState
from storage.verify.check import Checked, Choice, What, verify
from storage.verify.crew import Crew
from storage.verify.faults import Fault
from storage.verify.files import Bodies, Entered
from storage.verify.jobs import FileJob
from storage.warc.file import cdxj_path
from storage.warc.format import IDENTICAL_PAYLOAD, NOT_MODIFIED, RecordHead, parse_record_head, sha1_of
from storage.warc.read import Record
from tests.archives import SITE, Archive


def faults_with(archive: Archive, checked: Checked | None = None, **options: Any) -> list[Fault]:
    """All that is found with these options."""
    return list(verify(archive.engine, archive.folder, checked, choice=Choice(**options)))


def set_file(archive: Archive, number: int, **values: Any) -> None:
    """Change what the row of a file says."""
    said = ", ".join(f"{name} = :{name}" for name in values)
    archive.edit(f"UPDATE warc_files SET {said} WHERE id = :id", id=number, **values)


# --- processes --------------------------------------------------------------------------------------------------------


def test_a_crew_finds_what_one_process_finds(full: Archive, database_url: str) -> None:
    """The same faults and counts, whoever looks; and every file is named."""
    for path, at in zip(full.files(), (900, 1500), strict=True):
        raw = bytearray(path.read_bytes())
        raw[at] ^= 1
        path.write_bytes(raw)
    full.edit("UPDATE articles SET version = 2 WHERE id = 1")
    alone, together, heard = Checked(), Checked(), []
    expected = list(verify(full.engine, full.folder, alone))
    with Crew(2, database_url) as crew:
        found = list(verify(full.engine, full.folder, together, heard.append, crew=crew))
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert len(found) == 3
    assert together == alone
    assert sorted(heard) == [path.name for path in full.files()]


@ON_SQLITE
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_crew_ends_when_all_its_members_are_done_at_once(count: int, full: Archive, database_url: str) -> None:
    """Nobody is waited for where nobody has anything to do."""
    job = FileJob(1, "gone.warc.gz", full.folder / "gone.warc.gz", Entered(closed=True))
    with Crew(1, database_url) as crew:
        assert len(list(crew.do(iter([job] * count), lambda _: None))) == count


@ON_SQLITE
def test_a_worker_that_is_killed_is_one_line(full: Archive, database_url: str) -> None:
    """Not a traceback, and not an archive that seems whole."""
    with Crew(1, database_url) as crew:
        os.kill(crew._processes[0].pid, signal.SIGKILL)
        with pytest.raises(NewswarcError, match="a worker process was killed while it looked at"):
            list(verify(full.engine, full.folder, crew=crew))


@ON_SQLITE
def test_an_error_in_a_worker_is_that_of_the_command(full: Archive) -> None:
    """A database that is not there is told as such, with its exit code."""
    with Crew(1, "sqlite:////no/such/place.db") as crew, pytest.raises(NewswarcError) as error:
        list(verify(full.engine, full.folder, crew=crew))
    assert error.value.exit_code == 7


_PARENT = """
import sys, time
from storage.verify.crew import Crew
with Crew(2, sys.argv[1]) as crew:
    print(*(process.pid for process in crew._processes), flush=True)
    sys.stdin.read()
"""


@ON_SQLITE
def test_workers_die_with_their_parent(full: Archive, database_url: str) -> None:
    """Also when it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        workers = [os.pidfd_open(int(word)) for word in parent.stdout.readline().split()]
        parent.kill()
        for worker in workers:  # is readable when its process has ended
            assert select.select([worker], [], [], 60)[0] == [worker]
            os.close(worker)
    assert len(workers) == 2


# --- a part of the files ----------------------------------------------------------------------------------------------


@ON_SQLITE
def test_since_takes_files_by_when_they_were_closed(full: Archive) -> None:
    """Those closed at or after the moment, and those still open; of the others it is only told that they were left out."""
    set_file(full, 1, closed_at="2026-03-01T00:00:00.000Z")
    set_file(full, 2, closed_at="2026-03-02T00:00:00.000Z")
    full.begin("R3")
    full.article("/c1")
    checked = Checked()
    assert faults_with(full, checked, since="2026-03-02T00:00:00.000Z") == []
    assert (checked.files, checked.not_chosen) == (2, 1)
    full.files()[0].unlink()
    assert [fault.what for fault in faults_with(full, since="2026-03-02T00:00:00.000Z")] == [What.MISSING_FILE]


@ON_SQLITE
def test_a_sample_is_a_lot_that_its_seed_decides(full: Archive) -> None:
    """The same files for the same seed, each file for some seed, and at least one."""
    drawn = {}
    for seed in "abcdefgh":
        heard: list[str] = []
        checked = Checked()
        list(verify(full.engine, full.folder, checked, heard.append, choice=Choice(sample=1, seed=seed)))
        assert (checked.files, checked.not_chosen) == (1, 1)
        drawn[seed] = heard
    again: list[str] = []
    list(verify(full.engine, full.folder, None, again.append, choice=Choice(sample=50, seed="c")))
    assert again == drawn["c"]
    assert {name for [name] in drawn.values()} == {path.name for path in full.files()}


@ON_SQLITE
def test_bodies_are_decoded_by_lot(full: Archive) -> None:
    """The first ones of each file, and of the others a share; how many is counted, and all are for the asking."""
    full.edit("UPDATE captures SET body_sha256 = :no WHERE body_sha256 IS NOT NULL", no="0" * 64)
    bodies = full.one("SELECT count(*) FROM captures WHERE body_sha256 IS NOT NULL")
    for share, first, expected in ((1.0, 0, bodies), (0.0, 2, 4), (0.0, 0, 0)):
        checked = Checked()
        assert len(faults_with(full, checked, bodies=Bodies(share, "x", first))) == expected
        assert (checked.bodies, checked.decoded) == (bodies, expected)
    some = {len(faults_with(full, bodies=Bodies(0.5, seed, 0))) for seed in "abcdefgh"}
    assert some != {0, bodies}


# --- where files are --------------------------------------------------------------------------------------------------


def test_a_file_elsewhere_is_a_note(full: Archive) -> None:
    """It is not looked at, and not missing: one line says how many captures lie there."""
    set_file(full, 1, state=str(FileState.ELSEWHERE), place="s3://bucket/one")
    full.files()[0].unlink()
    cdxj_path(full.folder / full.one("SELECT name FROM warc_files WHERE id = 1")).unlink()
    checked = Checked()
    assert full.faults(checked) == []
    assert (checked.files, checked.elsewhere) == (1, 7)
    [note] = checked.notes
    assert note.endswith("is elsewhere: 7 captures were not looked at")


def test_a_withdrawn_file_is_nothing_to_speak_of(full: Archive) -> None:
    """What was purged is not missed."""
    set_file(full, 1, state=str(FileState.WITHDRAWN))
    full.files()[0].unlink()
    checked = Checked()
    assert full.faults(checked) == []
    assert (checked.files, checked.notes) == (1, [])


def test_a_file_at_a_place_of_its_own_is_read_there(full: Archive, tmp_path: Path) -> None:
    """And missing when it is not there."""
    path = full.files()[0]
    away = tmp_path / "away"
    away.mkdir()
    for moved in (path, cdxj_path(path)):
        moved.rename(away / moved.name)
    set_file(full, 1, place=str(away / path.name))
    checked = Checked()
    assert full.faults(checked) == []
    assert checked.files == 2
    (away / path.name).unlink()
    assert [(fault.what, fault.file) for fault in full.faults()] == [(What.MISSING_FILE, path.name)]


# --- files that other software wrote ----------------------------------------------------------------------------------


def as_it_is(record: Record) -> tuple[RecordHead, bytes]:
    return record.head, record.content()


def foreign(archive: Archive, rewrite: Any = as_it_is, *, plain: bool = False) -> Path:
    """The first file as others would have written it: packed otherwise, responses alone; its rows point into it."""
    path = archive.files()[0]
    made = b""
    for record in records(path):
        if record.head.type not in {"warcinfo", "response"}:
            of_record = "SELECT id FROM captures WHERE warc_record_id = :id"
            archive.edit(f"DELETE FROM outcomes WHERE capture_id IN ({of_record})", id=record.head.record_id)
            archive.edit("DELETE FROM captures WHERE warc_record_id = :id", id=record.head.record_id)
            continue
        head, block = rewrite(record)
        raw = bytes(head) + block + b"\r\n\r\n"
        packed = raw if plain else gzip.compress(raw, 9, mtime=1)
        archive.edit(
            "UPDATE captures SET warc_offset = :at, warc_length = :n WHERE warc_record_id = :id",
            at=len(made),
            n=len(packed),
            id=record.head.record_id,
        )
        made += packed
    path.write_bytes(made)
    cdxj_path(path).unlink()
    set_file(archive, 1, origin=str(FileOrigin.INGESTED), size=len(made), sha256=hashlib.sha256(made).hexdigest())
    return path


@ON_SQLITE
def test_a_file_of_other_software_need_not_be_as_ours(full: Archive) -> None:
    """Other gzip headers, no metadata records, no index: no fault."""
    foreign(full)
    checked = Checked()
    assert full.faults(checked) == []
    assert checked.files == 2


def with_field(head: RecordHead, name: str, value: str) -> RecordHead:
    return RecordHead(head.version, tuple((key, value if key == name else old) for key, old in head.fields))


@ON_SQLITE
@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5", "sha1-hex", "unheard-of"])
def test_digests_of_other_software_are_read_in_its_spelling(full: Archive, algorithm: str) -> None:
    """Any algorithm that is known, in base32 or hexadecimal; right ones are no fault, wrong ones are."""

    def spelt(content: bytes) -> str:
        name = algorithm.removesuffix("-hex")
        if name == "unheard-of":
            return f"{name}:xyz"
        digest = hashlib.new(name, content)
        return f"{name}:{digest.hexdigest() if '-' in algorithm else base64.b32encode(digest.digest()).decode().lower()}"

    def rewrite(record: Record) -> tuple[RecordHead, bytes]:
        return with_field(record.head, "WARC-Block-Digest", spelt(record.content())), record.content()

    foreign(full, rewrite)
    assert full.faults() == []


@ON_SQLITE
def test_a_wrong_digest_of_other_software_is_found_in_a_file_that_has_changed(full: Archive) -> None:
    """Whatever its algorithm; in one that is as it was ingested, it is how others wrote it."""

    def rewrite(record: Record) -> tuple[RecordHead, bytes]:
        wrong = "sha256:" + hashlib.sha256(b"other").hexdigest()
        head = with_field(record.head, "WARC-Block-Digest", wrong)
        return (head if record.head.uri == f"{SITE}/a2" else record.head), record.content()

    path = foreign(full, rewrite)
    assert full.faults() == []
    set_file(full, 1, sha256="another")
    [fault] = full.faults()
    assert (fault.what, fault.file, fault.articles) == (What.DIGEST, path.name, (uid("/a2"),))


@ON_SQLITE
def test_damage_of_a_file_of_other_software_is_found(full: Archive) -> None:
    """A flipped byte, and a cut."""
    path = foreign(full)
    raw = path.read_bytes()
    path.write_bytes(raw[:700] + bytes([raw[700] ^ 255]) + raw[701:])
    assert [fault.what for fault in full.faults()] == [What.FLIPPED]
    path.write_bytes(raw[:-30])
    assert [fault.what for fault in full.faults()] == [What.CUT]


@ON_SQLITE
def test_a_file_that_is_not_compressed_is_read(full: Archive) -> None:
    """Its rows say offset and length of the plain record; flipped bytes are told by digests or rows, a cut by its place."""
    path = foreign(full, plain=True)
    assert full.faults() == []
    raw = path.read_bytes()
    at = raw.index(b"The story of /a2")
    path.write_bytes(raw[:at] + b"t" + raw[at + 1 :])
    assert {(fault.what, fault.articles) for fault in full.faults()} >= {(What.DIGEST, (uid("/a2"),))}
    at = raw.index(b"WARC-Type: response", at - 900)
    path.write_bytes(raw[: at - 10] + b"X" + raw[at - 9 :])
    found = full.faults()
    assert [fault.what for fault in found] == [What.FLIPPED]
    path.write_bytes(raw[:-3])
    assert [fault.what for fault in full.faults()] == [What.CUT]


@ON_SQLITE
def test_rows_of_a_file_of_other_software_are_compared(full: Archive) -> None:
    """A response without row is one, unless its record was ingested from another file; a row says what its record says."""
    foreign(full)
    full.edit("UPDATE captures SET http_status = 203 WHERE url = :url", url=f"{SITE}/a2")
    assert [(fault.what, fault.url) for fault in full.faults()] == [(What.ROW, f"{SITE}/a2")]
    full.edit("UPDATE captures SET http_status = 200, warc_file_id = 2, warc_offset = 9 WHERE url = :url", url=f"{SITE}/a2")
    assert {fault.file for fault in full.faults()} == {full.files()[1].name}
    full.edit("DELETE FROM versions WHERE capture_id IN (SELECT id FROM captures WHERE url = :url)", url=f"{SITE}/a2")
    full.edit("DELETE FROM captures WHERE url = :url", url=f"{SITE}/a2")
    assert (What.RECORD_WITHOUT_ROW, f"{SITE}/a2") in [(fault.what, fault.url) for fault in full.faults()]


# --- revisits ---------------------------------------------------------------------------------------------------------


def make_revisit(archive: Archive, path: str, profile: str = IDENTICAL_PAYLOAD, **fields: str | None) -> str:
    """Let the last response of a file be a revisit of another: record, row and index. Returns the original's record id."""
    file = archive.files()[0]
    found = records(file)
    original = next(record for record in found if record.head.uri == SITE + path)
    last = [record for record in found if record.head.type == "response"][-1]
    head_block = last.content().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    said = {
        "WARC-Type": "revisit",
        "WARC-Profile": profile,
        "WARC-Refers-To": f"<{original.head.record_id}>",
        "WARC-Payload-Digest": original.head.get("WARC-Payload-Digest"),
        "WARC-Block-Digest": sha1_of(head_block),
        "Content-Length": str(len(head_block)),
        "WARC-Truncated": "length",
    } | fields
    kept = [(name, value) for name, value in last.head.fields if name not in said]
    head = RecordHead(last.head.version, (*kept, *((name, value) for name, value in said.items() if value is not None)))
    raw = file.read_bytes()
    new = member(head, head_block)
    tail = [record for record in found if record.offset > last.offset]
    made = raw[: last.offset] + new + raw[last.offset + last.length :]
    file.write_bytes(made)
    moved = len(new) - last.length
    refers_to = (said["WARC-Refers-To"] or "").strip("<>") or None
    archive.edit(
        "UPDATE captures SET record_type = 'revisit', revisit_of = :of, warc_length = :n, block_digest = :b, payload_digest = :p,"
        " body_sha256 = NULL WHERE warc_record_id = :id",
        of=refers_to,
        n=len(new),
        b=said["WARC-Block-Digest"],
        p=said["WARC-Payload-Digest"],
        id=last.head.record_id,
    )
    for record in tail:
        moving = "UPDATE captures SET warc_offset = warc_offset + :m WHERE warc_record_id = :id"
        archive.edit(moving, m=moved, id=record.head.record_id)
    set_file(archive, 1, size=len(made), sha256=hashlib.sha256(made).hexdigest())
    assert parse_record_head(bytes(head)) == head
    return original.head.record_id


def without_index(faults: list[Fault]) -> list[Fault]:
    return [fault for fault in faults if fault.what is not What.CDXJ]


@ON_SQLITE
@pytest.mark.parametrize("profile", [IDENTICAL_PAYLOAD, NOT_MODIFIED])
def test_a_revisit_whose_original_is_there_is_no_fault(full: Archive, profile: str) -> None:
    """Its block is checked; its payload lies elsewhere."""
    make_revisit(full, "/a1", profile)
    assert without_index(full.faults()) == []


@ON_SQLITE
def test_a_revisit_whose_original_is_gone_is_found(full: Archive) -> None:
    """The record that it refers to is named."""
    lost = "urn:uuid:00000000-0000-0000-0000-000000000000"
    make_revisit(full, "/a1", **{"WARC-Refers-To": f"<{lost}>"})
    [fault] = without_index(full.faults())
    assert fault.what is What.REVISIT
    assert f"{lost}, has no row" in fault.detail


@ON_SQLITE
def test_a_revisit_of_another_payload_is_found(full: Archive) -> None:
    """An identical payload has the digest of its original; a page that was not modified need not say one."""
    make_revisit(full, "/a1", **{"WARC-Payload-Digest": sha1_of(b"other")})
    [fault] = without_index(full.faults())
    assert (fault.what, "has the payload sha1:" in fault.detail) == (What.REVISIT, True)


@ON_SQLITE
def test_a_revisit_of_no_response_is_found(full: Archive) -> None:
    """What it refers to is a record of another kind."""
    request = full.one("SELECT warc_record_id FROM captures WHERE record_type = 'request' AND run_id = 'R1'")
    make_revisit(full, "/a1", **{"WARC-Refers-To": f"<{request}>"})
    [fault] = without_index(full.faults())
    assert "is a request record" in fault.detail


@ON_SQLITE
def test_a_row_that_names_another_original_is_found(full: Archive) -> None:
    """The row says what the record says."""
    make_revisit(full, "/a1")
    other = full.one("SELECT warc_record_id FROM captures WHERE url = :url", url=f"{SITE}/a2")
    full.edit("UPDATE captures SET revisit_of = :other WHERE record_type = 'revisit'", other=other)
    assert any("revisit of is" in fault.detail for fault in full.faults() if fault.what is What.ROW)


@ON_SQLITE
def test_a_revisit_with_a_flipped_block_is_found(full: Archive) -> None:
    """Its own digest is checked as any other."""
    make_revisit(full, "/a1", **{"WARC-Block-Digest": sha1_of(b"other")})
    assert What.DIGEST in {fault.what for fault in full.faults()}

