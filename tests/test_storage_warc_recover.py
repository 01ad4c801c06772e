"""Damaged and left WARC files: what is read from them, what is cut, and the captures that come back."""

from __future__ import annotations

import fcntl
import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from exchanges import HARD, HTML, exchange

from storage.errors import DamageError
from storage.records import Capture, Ended
from storage.warc.file import ClosedFile, cdxj_path
from storage.warc.read import Damage, Record, faults, read_record, scan
from storage.warc.recover import captures, recover, recover_folder
from storage.warc.write import Resource, WarcWriter

ROOT = Path(__file__).parents[1]


def _left_open(folder: Path, *responses: bytes) -> tuple[str, list[Capture]]:
    """The name of a file whose writer was killed, and the captures it gave back."""
    writer = WarcWriter(folder, "R1", "newswarc/test")
    written = [writer.write_exchange(exchange(response)) for response in responses]
    name = written[-1].place.file
    writer._pair.release()
    writer._pair = None
    return name, written


def _closed(folder: Path, *responses: bytes) -> tuple[Path, list[Capture]]:
    name, written = _left_open(folder, *responses)
    recover(folder, name)
    return folder / name, written


def _whole(found: list[Record | Damage]) -> list[str]:
    return [record.head.record_id for record in found if isinstance(record, Record) and not faults(record)]


# --- reading damaged files --------------------------------------------------------------------------------------------


def test_every_inverted_byte_is_found(tmp_path):
    """Any byte of a file inverted is seen at its record, and all other records are still read."""
    path, _ = _closed(tmp_path, HARD["plain"])
    raw = path.read_bytes()
    records = list(scan(path))
    for at in range(len(raw)):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :])
        hit = next(record for record in records if record.offset <= at < record.offset + record.length)
        found = list(scan(path))
        assert _whole(found) == [one.head.record_id for one in records if one is not hit], at
        [damage] = [one for one in found if isinstance(one, Damage)]
        assert (damage.file, damage.offset) == (path.name, hit.offset)
        assert damage.end == (hit.offset + hit.length if hit is not records[-1] else None)


def test_every_flipped_bit_of_a_record_is_found(tmp_path):
    """One bit is enough, but for those that mean nothing: the padding before a checksum."""
    path, [capture] = _closed(tmp_path, HARD["plain"])
    raw, place = path.read_bytes(), capture.place
    unseen = 0
    for bit in range(place.offset * 8, (place.offset + place.length) * 8, 3):
        at, mask = divmod(bit, 8)
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << mask]) + raw[at + 1 :])
        found = next(one for one in scan(path, place.offset))
        unseen += isinstance(found, Record)
    assert unseen < 4


@pytest.mark.parametrize(
    ("block", "length", "reason"),
    [
        (b"quiet", 6, "shorter"),
        (b"quiet", 4, "longer"),
        (b"quiet", -1, "no WARC record header"),
    ],
)
def test_wrong_length_is_damage(tmp_path, block, length, reason):
    """A member whose Content-Length does not fit is no record."""
    head = f"WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: {length}\r\n\r\n".encode()
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(head + block + b"\r\n\r\n"))
    [damage] = scan(tmp_path / "a.warc.gz", strict=False)
    assert reason in damage.reason
    with pytest.raises(DamageError, match=r"^a\.warc\.gz is damaged at offset 0: "):
        read_record(tmp_path, "a.warc.gz", 0)


@pytest.mark.parametrize(
    "content", [b"", b"\x1f", b"\x1f\x8b", b"junk" * 99, gzip.compress(b"WARC", mtime=0), gzip.compress(b"", mtime=0)]
)
def test_files_that_are_no_warc(tmp_path, content):
    """A file without any record is damage at its start, an empty one is nothing."""
    (tmp_path / "a.warc.gz").write_bytes(content)
    for strict in (True, False):
        found = list(scan(tmp_path / "a.warc.gz", strict=strict))
        assert [(one.offset, one.end) for one in found] == ([(0, None)] if content else [])
    with pytest.raises(DamageError):
        read_record(tmp_path, "a.warc.gz", 0)


def test_wrong_places(tmp_path):
    """An offset inside a record, a wrong length or a missing file is named."""
    path, [capture] = _closed(tmp_path, HARD["plain"])
    place = capture.place
    for offset in (place.offset + 1, place.offset - 1, 10**9):
        with pytest.raises(DamageError, match=f"{path.name} is damaged at offset {offset}"):
            read_record(tmp_path, path.name, offset)
    with pytest.raises(DamageError, match=f"is {place.length} bytes long, not {place.length - 1}"):
        read_record(tmp_path, path.name, place.offset, place.length - 1)
    with pytest.raises(DamageError, match="is missing"):
        read_record(tmp_path, "other.warc.gz", 0)


def test_wrong_digest_is_a_fault(tmp_path):
    """A record that is whole but not what it says is named by its digest."""
    path, [capture] = _closed(tmp_path, HARD["plain"])
    record = read_record(tmp_path, path.name, capture.place.offset)
    forged = bytes(record.head) + HARD["plain"].replace(b"quiet", b"noisy") + b"\r\n\r\n"
    (tmp_path / "b.warc.gz").write_bytes(gzip.compress(forged))
    found = faults(read_record(tmp_path, "b.warc.gz", 0))
    assert [fault.split(" ")[0] for fault in found] == ["WARC-Block-Digest", "WARC-Payload-Digest"]


def test_a_body_cannot_pose_as_records_behind_damage(tmp_path):
    """When a record is damaged, the WARC file that was its body is not taken for part of ours."""
    inner, _ = _closed(tmp_path, HARD["plain"])
    body = HTML + b"\r\n" + os.urandom(5_000) + inner.read_bytes() + os.urandom(5_000)
    path, written = _closed(tmp_path, HARD["plain"], body, HARD["plain"])
    raw = bytearray(path.read_bytes())
    assert inner.read_bytes() in raw  # stored as it came
    raw[written[1].place.offset + 40] ^= 0xFF
    path.write_bytes(raw)
    found = list(scan(path))
    assert len(_whole(found)) == 9
    [damage] = [one for one in found if isinstance(one, Damage)]
    assert damage.end == written[1].place.offset + written[1].place.length


# --- files that were left open ----------------------------------------------------------------------------------------


def test_captures_come_back_as_they_were(tmp_path):
    """What the writer gave back can be made again from the file alone, open or closed."""
    responses = [*HARD.values(), HTML + b" \r\nX: y\r\n\r\nquiet", b""]
    name, written = _left_open(tmp_path, *responses)
    assert list(captures(tmp_path / name)) == written
    recovered = recover(tmp_path, name)
    assert list(captures(tmp_path / name)) == written
    assert (recovered.cut, recovered.damage) == (0, ())


def test_captures_of_exchanges_that_ended_badly(tmp_path):
    """Truncated, unanswered and unsent exchanges come back as they were too."""
    writer = WarcWriter(tmp_path, "R1", "newswarc/test")
    written = [
        writer.write_exchange(exchange(ended=Ended.LENGTH, error="too long")),
        writer.write_exchange(exchange(b"", ended=Ended.TIME, error="too slow")),
        writer.write_exchange(exchange(b"", request=b"", ended=Ended.DISCONNECT, error="refused")),
    ]
    assert list(captures(tmp_path / writer.close()[0].name)) == written


def test_torn_at_every_byte(tmp_path):
    """In a file cut at any byte the exchanges wholly before the cut are found, and the damage behind them."""
    name, written = _left_open(tmp_path, HARD["plain"], HARD["gzip"])
    raw = (tmp_path / f"{name}.open").read_bytes()
    ends = [written[1].place.offset, len(raw)]
    starts = {record.offset for record in scan(tmp_path / name)} | {len(raw)}
    for at in range(len(raw) + 1):
        (tmp_path / f"{name}.open").write_bytes(raw[:at])
        assert list(captures(tmp_path / name)) == written[: sum(end <= at for end in ends)]
        damage = [one for one in scan(tmp_path / name) if isinstance(one, Damage)]
        assert [(one.end, one.offset in starts) for one in damage] == ([] if at in starts else [(None, True)])


@pytest.mark.parametrize("distance", [-1, 0, 1, 300])
def test_cut_to_the_last_whole_exchange(tmp_path, distance):
    """Recovery cuts a torn file to its last whole exchange; its CDXJ lists just those; without any it is gone."""
    name, written = _left_open(tmp_path, HARD["plain"], HARD["gzip"], HARD["lf only"])
    raw = (tmp_path / f"{name}.open").read_bytes()
    lines = (tmp_path / name.replace(".warc.gz", ".cdxj.open")).read_bytes().splitlines(keepends=True)
    ends = [0, *(capture.place.offset for capture in written[1:]), len(raw)]  # an exchange each, the first with the warcinfo
    for at in {min(max(0, end + distance), len(raw)) for end in ends}:
        folder = tmp_path / str(at)
        folder.mkdir()
        (folder / f"{name}.open").write_bytes(raw[:at])
        (folder / name.replace(".warc.gz", ".cdxj.open")).write_bytes(b"".join(lines))
        [recovered] = recover_folder(folder)
        kept = max(end for end in ends if end <= at)
        assert recovered.cut == at - kept
        if not kept:
            assert (recovered.closed, list(folder.iterdir())) == (None, [])
            continue
        assert len(list(folder.iterdir())) == 2
        assert (folder / name).read_bytes() == raw[:kept]
        listed = sorted(lines[: ends.index(kept)])
        assert (folder / name.replace(".warc.gz", ".cdxj")).read_bytes() == b"".join(listed)


def test_recovered_file_is_as_closed(tmp_path):
    """Recovery of a whole file gives what closing it would have given: name, size, checksum, CDXJ."""
    name, _ = _left_open(tmp_path, *HARD.values())
    raw = (tmp_path / f"{name}.open").read_bytes()
    [recovered] = recover_folder(tmp_path)
    assert recovered.closed.size == len(raw)
    assert isinstance(recovered.closed, ClosedFile)
    assert subprocess.run(["gzip", "-t", tmp_path / name], check=False).returncode == 0
    warcio = Path(sys.executable).with_name("warcio")
    assert subprocess.run([warcio, "check", tmp_path / name], check=False).returncode == 0
    assert recover_folder(tmp_path) == []


def test_what_is_said_of_a_run_that_archived_nothing_goes(tmp_path):
    """Its settings alone are of no use; before an exchange they stay, with their line in the CDXJ."""
    uri = "urn:newswarc:run:R1:settings"
    writer = WarcWriter(tmp_path, "R1", "newswarc/test", first=[Resource(uri, "application/json", b"{}")])
    writer.write_exchange(exchange(HARD["plain"]))
    name = writer.current
    writer._pair.release()
    path = tmp_path / f"{name}.open"
    raw = path.read_bytes()
    response = list(scan(path))[2]
    path.write_bytes(raw[: response.offset + 9])
    assert recover(tmp_path, name).closed is None
    assert not path.exists()
    path.write_bytes(raw)
    assert recover(tmp_path, name).closed.size == len(raw)
    assert uri in cdxj_path(tmp_path / name).read_text()


def test_damage_within_is_not_cut(tmp_path):
    """Damage with whole exchanges behind it is named and left; only a tail is cut."""
    name, written = _left_open(tmp_path, HARD["plain"], HARD["plain"], HARD["plain"])
    path = tmp_path / f"{name}.open"
    raw = bytearray(path.read_bytes())
    raw[written[1].place.offset + 30] ^= 1
    path.write_bytes(raw + b"torn")
    recovered = recover(tmp_path, name)
    assert recovered.cut == 4
    assert [damage.offset for damage in recovered.damage] == [written[1].place.offset]
    assert list(captures(tmp_path / name)) == [written[0], written[2]]


def test_living_writers_are_left_alone(tmp_path):
    """Recovery passes over the file of a writer that lives, here or in another process."""
    writer = WarcWriter(tmp_path, "R1", "newswarc/test")
    name = writer.write_exchange(exchange()).place.file
    assert recover(tmp_path, name) is None
    assert recover_folder(tmp_path) == []
    writer.write_exchange(exchange())
    assert len(writer.close()) == 1
    assert recover(tmp_path, name) is None


def test_a_file_that_never_had_its_name_goes(tmp_path):
    """One that was left behind is removed at once; one that a living writer has locked is not touched."""
    left, living = tmp_path / "a.warc.gz.open.new", tmp_path / "b.warc.gz.open.new"
    left.touch()
    with living.open("x") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert recover_folder(tmp_path) == []
        assert list(tmp_path.iterdir()) == [living]


def test_a_writer_whose_new_file_recovery_takes_for_a_left_one(tmp_path, monkeypatch):
    """Removed between its making and its lock, it is made again."""
    real, taken = fcntl.flock, []

    def flock(file, operation):
        if operation == fcntl.LOCK_EX and not taken:
            taken.append(file.name)
            recover_folder(tmp_path)
            assert list(tmp_path.iterdir()) == []
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    writer = WarcWriter(tmp_path, "R1", "newswarc/test")
    writer.write_exchange(exchange())
    assert taken
    assert len(writer.close()) == 1


def test_killed_between_any_two_renames(tmp_path):
    """Wherever closing was cut short, recovery ends with one WARC, its CDXJ and nothing else."""
    name, _ = _left_open(tmp_path, HARD["plain"])
    warc, cdxj = tmp_path / name, tmp_path / name.replace(".warc.gz", ".cdxj")
    open_warc, open_cdxj = Path(f"{warc}.open"), Path(f"{cdxj}.open")
    raw, lines = open_warc.read_bytes(), open_cdxj.read_bytes()
    for there in ([open_warc], [open_warc, open_cdxj, cdxj], [open_warc, open_cdxj, Path(f"{cdxj}.tmp")]):
        for path in tmp_path.iterdir():
            path.unlink()
        for path in there:
            path.write_bytes(raw if path == open_warc else b"")
        assert len(recover_folder(tmp_path)) == 1
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {warc.name: raw, cdxj.name: lines}
    open_cdxj.write_bytes(b"")  # killed after the rename of the WARC
    assert recover_folder(tmp_path) == []
    assert not open_cdxj.exists()
    open_warc.write_bytes(raw)
    with pytest.raises(DamageError, match="exists beside"):
        recover_folder(tmp_path)


_ENDLESS = """
import sys
sys.path[:0] = ["tests"]
from pathlib import Path
from exchanges import HARD, exchange
from storage.warc.write import WarcWriter
writer = WarcWriter(Path(sys.argv[1]), "R1", "newswarc/test", max_file_bytes=30_000)
while True:
    for response in HARD.values():
        capture = writer.write_exchange(exchange(response))
        writer.sync()
        print(capture.place.record_id, flush=True)
"""


def test_kill_nine(tmp_path):
    """Of a writer killed at once, every exchange it had reported is kept, and every file is whole afterwards."""
    for count in (1, 7, 100):
        folder = tmp_path / str(count)
        folder.mkdir()
        with subprocess.Popen([sys.executable, "-c", _ENDLESS, folder], stdout=subprocess.PIPE, cwd=ROOT) as writing:
            reported = [writing.stdout.readline().decode().strip() for _ in range(count)]
            writing.send_signal(signal.SIGKILL)
            reported += writing.stdout.read().decode().split()
        recover_folder(folder)
        assert list(folder.glob("*.open*")) == []
        files = sorted(folder.glob("*.warc.gz"))
        kept = [capture.place.record_id for file in files for capture in captures(file)]
        whole = [line for line in reported if len(line) == len(reported[0])]
        assert kept[: len(whole)] == whole
        assert len(kept) <= len(whole) + 1
        assert [one for file in files for one in scan(file) if isinstance(one, Damage) or faults(one)] == []
