"""WARC files as written: what others read in them, what a hostile URL cannot do to them, and disks that fail."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from exchanges import CONTEXT, HARD, HTML, REQUEST, exchange
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from storage.errors import DiskError
from storage.records import Announced, Ended, Exchange, FetchContext, Kind
from storage.warc.fields import context_of, exchange_block, fields_block, interim_of, parse_fields
from storage.warc.file import cdxj_path
from storage.warc.read import faults, read_record, scan
from storage.warc.write import Resource, WarcWriter

ROOT = Path(__file__).parents[1]
WARCIO = Path(sys.executable).with_name("warcio")


def _writer(folder: Path, **more: int) -> WarcWriter:
    return WarcWriter(folder, "R1", "newswarc/test", {"operator": "desk@example.com", "robots": "obey"}, **more)


def _write(folder: Path, *exchanges: Exchange):
    """The captures of these exchanges and the closed file they lie in."""
    writer = _writer(folder)
    captures = [writer.write_exchange(one) for one in exchanges]
    writer.sync()
    return captures, folder / writer.close()[0].name


def _by_warcio(path: Path):
    """(type, fields, block) of each record, as warcio reads it."""
    with path.open("rb") as file:
        return [
            (record.rec_type, record.rec_headers, record.raw_stream.read())
            for record in ArchiveIterator(file, no_record_parse=True)
        ]


# --- what is written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HARD)
def test_hard_exchanges_are_byte_exact(tmp_path, name):
    """Whatever a server sent, both readers give back just that, and every digest fits."""
    [capture], path = _write(tmp_path, exchange(HARD[name]))
    types, fields, blocks = zip(*_by_warcio(path), strict=True)
    assert types == ("warcinfo", "response", "request", "metadata")
    assert blocks[1:3] == (HARD[name], REQUEST)
    assert fields[1]["WARC-Record-ID"] == f"<{capture.place.record_id}>"
    with read_record(tmp_path, path.name, capture.place.offset, capture.place.length) as record:
        assert record.content() == HARD[name]
    assert [fault for record in scan(path) for fault in faults(record)] == []


def test_referees_pass(tmp_path):
    """`gzip -t`, `warcio check` and `fastwarc check` find nothing in a file of hard exchanges."""
    _, path = _write(tmp_path, *map(exchange, HARD.values()), exchange(b""), exchange(b"", request=b""))
    for referee in (["gzip", "-t"], [WARCIO, "check"], [WARCIO.with_name("fastwarc"), "check", "-q"]):
        done = subprocess.run([*referee, path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.strip()) == (0, ""), done.stdout


def test_records_of_an_exchange(tmp_path):
    """Response, request and metadata say when, from where, and that they belong together."""
    [capture], path = _write(tmp_path, exchange())
    (_, info, info_block), (_, response, _), (_, request, _), (_, metadata, block) = _by_warcio(path)
    assert info["WARC-Filename"] == path.name
    assert b"software: newswarc/test\r\n" in info_block
    assert b"robots: obey\r\n" in info_block
    for fields in (response, request, metadata):
        assert fields["WARC-Date"] == "2026-03-01T12:00:00.123Z"
        assert fields["WARC-Target-URI"] == "https://www.example.com/news?b=1&a"
        assert fields["WARC-IP-Address"] == "192.0.2.7"
        assert fields["WARC-Warcinfo-ID"] == info["WARC-Record-ID"]
        assert re.fullmatch("<urn:uuid:[0-9a-f-]{36}>", fields["WARC-Record-ID"])
        assert fields["WARC-Truncated"] is None
    assert response["WARC-Concurrent-To"] is None
    assert request["WARC-Concurrent-To"] == metadata["WARC-Concurrent-To"] == response["WARC-Record-ID"]
    assert response["Content-Type"] == "application/http;msgtype=response"
    assert context_of(block)[0] == CONTEXT
    assert (capture.record_type, capture.http_status, capture.mime) == ("response", 200, "text/html")
    assert capture.payload_digest == response["WARC-Payload-Digest"]
    assert capture.block_digest == response["WARC-Block-Digest"]
    assert capture.body_sha256 == hashlib.sha256(b"quiet").hexdigest()


@pytest.mark.parametrize(
    ("response", "ended", "body"),
    [
        (HARD["gzip"], Ended.COMPLETE, b"quiet"),
        (HARD["chunked"], Ended.COMPLETE, b"quiet"),
        (HARD["no content"], Ended.COMPLETE, b""),
        (HARD["gzip, cut"], Ended.COMPLETE, None),
        (HARD["unknown coding"], Ended.COMPLETE, None),
        (HARD["plain"], Ended.DISCONNECT, None),
        (HTML + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1 << 20)) * 65, Ended.COMPLETE, None),
    ],
)
def test_body_sha256(tmp_path, response, ended, body):
    """The decoded body is hashed when it is whole and of a bearable size."""
    [capture], _ = _write(tmp_path, exchange(response, ended=ended))
    assert capture.body_sha256 == (None if body is None else hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("ended", [Ended.LENGTH, Ended.TIME, Ended.DISCONNECT])
def test_truncated_exchange(tmp_path, ended):
    """A response that was cut says so in its own header, its capture and its metadata; the request was whole."""
    [capture], path = _write(tmp_path, exchange(ended=ended, error="the server went away"))
    _, (_, response, _), (_, request, _), (_, _, block) = _by_warcio(path)
    assert response["WARC-Truncated"] == capture.truncated == str(ended)
    assert request["WARC-Truncated"] is None
    assert (capture.error, parse_fields(block)["error"]) == ("the server went away", "the server went away")


def test_exchange_without_response(tmp_path):
    """Without an answer the request is the main record; when nothing was sent either, the metadata is."""
    unanswered = exchange(b"", ended=Ended.TIME, error="no answer in 60 s")
    unsent = exchange(b"", request=b"", ended=Ended.DISCONNECT, error="connection refused", peer_ip=None)
    captures, path = _write(tmp_path, unanswered, unsent)
    records = _by_warcio(path)
    assert [kind for kind, _, _ in records] == ["warcinfo", "request", "metadata", "metadata"]
    assert [capture.record_type for capture in captures] == ["request", "metadata"]
    assert [capture.http_status for capture in captures] == [None, None]
    assert records[1][1]["WARC-Concurrent-To"] is records[3][1]["WARC-Concurrent-To"] is None
    assert records[2][1]["WARC-Concurrent-To"] == f"<{captures[0].place.record_id}>"
    assert (tmp_path / path.name.replace(".warc.gz", ".cdxj")).read_bytes() == b""


def test_interim_answers_are_kept_beside(tmp_path):
    """Interim answers are in the metadata record, byte for byte."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </\xe4>\r\n\r\n"
    _, path = _write(tmp_path, exchange(interim=interim))
    assert interim_of(context_of(_by_warcio(path)[3][2])[1]) == interim


def test_whitespace_line_has_no_disputed_digest(tmp_path):
    """Where readers disagree on where the payload begins, no payload digest is claimed."""
    [capture], path = _write(tmp_path, exchange(HTML + b" \r\nX: y\r\n\r\nquiet"))
    assert capture.payload_digest is None
    assert capture.body_sha256 == hashlib.sha256(b"quiet").hexdigest()
    assert subprocess.run([WARCIO, "check", path], check=False).returncode == 0


def test_resource(tmp_path):
    """A resource is kept from bytes or from a file, and has a place."""
    writer = _writer(tmp_path)
    place = writer.write_resource("urn:newswarc:R1:ledger", "application/json", b'{"added": 1}')
    long = writer.write_resource("urn:newswarc:R1:log", "text/plain", io.BytesIO(b"line\n" * 100_000))
    path = tmp_path / writer.close()[0].name
    assert read_record(tmp_path, path.name, place.offset, place.length).content() == b'{"added": 1}'
    assert read_record(tmp_path, path.name, long.offset).content() == b"line\n" * 100_000
    assert [fault for record in scan(path) for fault in faults(record)] == []


# --- injection --------------------------------------------------------------------------------------------------------

NASTY = "https://www.example.com/\r\nWARC-Type: warcinfo\r\n\r\nx\x00\x85\u2028<\u202e\ud800 \x7f"


def test_nothing_from_the_network_can_end_a_header_line(tmp_path):
    """A URL or address full of line ends adds no header line, and stays within ASCII."""
    [capture], path = _write(tmp_path, exchange(url=NASTY, peer_ip="192.0.2.7\r\nX: y"))
    [_, (_, fields, _), _, _] = _by_warcio(path)
    assert len(fields.headers) == len(_by_warcio(_write(tmp_path, exchange(peer_ip=None))[1])[1][1].headers)
    assert fields["WARC-IP-Address"] is None
    assert fields["WARC-Target-URI"] == capture.url
    assert re.fullmatch("[!-~]+", capture.url)
    assert b"\r\nWARC-Type: warcinfo\r\n\r\n" not in gzip.decompress(path.read_bytes())


def test_nothing_from_the_network_can_end_a_field(tmp_path):
    """Every value in a metadata record keeps to its line and comes back as it was."""
    context = FetchContext(
        *(NASTY, NASTY, Kind.FEED, NASTY, NASTY, 3, NASTY, 1),
        announced=Announced(title=NASTY, tags=(NASTY, "")),
    )
    _, path = _write(tmp_path, exchange(context=context, error=NASTY, tls=NASTY))
    block = _by_warcio(path)[3][2]
    found, extra = context_of(block)
    assert (found, extra["error"], extra["tls"]) == (context, NASTY, NASTY)
    assert block.count(b"\n") == block.count(b"\r\n") == len(block.decode().splitlines()) == 14


def test_a_moment_that_is_none_is_refused(tmp_path):
    """A date goes into headers: what is no date is a bug, and nothing of it is written."""
    writer = _writer(tmp_path)
    for date in ("2026-03-01", "2026-03-01T12:00:00.123Z\r\nX: y", ""):
        with pytest.raises(ValueError, match="not a UTC moment"):
            writer.write_exchange(exchange(started_at=date))
    assert len(list(scan(tmp_path / writer.close()[0].name))) == 1


def test_names_stay_in_the_folder(tmp_path):
    """A run id cannot make a path."""
    writer = WarcWriter(tmp_path, "../../etc/\0passwd" + "x" * 300, "newswarc/test", prefix="a/b")
    writer.write_exchange(exchange())
    [closed] = writer.close()
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,200}\.warc\.gz", closed.name)
    assert (tmp_path / closed.name).is_file()


_words = st.text(max_size=30)
_some = st.none() | _words


@given(
    st.builds(
        FetchContext,
        run_id=_words,
        source=_words,
        kind=st.sampled_from(Kind),
        frontier_url=_words,
        via=_some,
        hops_from_seed=st.integers(0, 99),
        redirected_from=_some,
        attempt=st.integers(1, 9),
        announced=st.none()
        | st.builds(Announced, title=_some, published=_some, authors=st.lists(_words).map(tuple), image_url=_some),
    ),
    _some,
    st.binary(max_size=40),
)
def test_metadata_round_trip(context, error, interim):
    """What the metadata record says of an exchange is what was put in, whatever the text."""
    found, extra = context_of(exchange_block(exchange(context=context, error=error, interim=interim)))
    assert found == context
    assert (extra.get("error"), interim_of(extra)) == (error, interim)


@given(st.dictionaries(st.from_regex("[A-Za-z-]{1,9}", fullmatch=True), _words))
def test_fields_round_trip(named):
    """Fields come back as they were."""
    named.pop("announced", None)
    assert parse_fields(fields_block(named.items())) == named


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "seed"}, {"attempt": "x"}, {"announced": "[1]"}, {"announced": "[" * 100_000}, {"announced": "{"}],
)
def test_broken_metadata_is_a_value_error(wrong):
    """A metadata block with a field that cannot be is refused."""
    named = {"run": "R1", "source": "a", "kind": "article", "frontierUrl": "https://a.example/"}
    assert context_of(fields_block(named.items()))[1] == {}
    with pytest.raises(ValueError, match=r"."):
        context_of(fields_block((named | wrong).items()))


@given(st.binary(max_size=300))
def test_foreign_metadata_is_a_value_error(block):
    """A metadata block that is not ours is refused as such, and by nothing worse."""
    try:
        context_of(block)
    except ValueError:
        return
    pytest.fail("there is no such exchange")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.binary(max_size=3_000), st.text(max_size=30))
def test_any_bytes_survive(tmp_path, response, url):
    """Any response of any URL comes out as it went in."""
    [capture], path = _write(tmp_path, exchange(response, url=url))
    records = list(scan(path))
    assert [fault for record in records for fault in faults(record)] == []
    if response:
        assert records[1].content() == response
    assert capture.place.record_id == records[1].head.record_id


# --- files ------------------------------------------------------------------------------------------------------------


def test_names_and_closing(tmp_path):
    """A file is `.open` until it is closed, then has its name, size and checksum, and its CDXJ lies beside it."""
    writer = _writer(tmp_path)
    assert writer.current is None
    assert list(tmp_path.iterdir()) == []
    place = writer.write_exchange(exchange()).place
    writer.sync()
    assert writer.current == place.file
    stem = place.file.removesuffix(".warc.gz")
    assert {path.name for path in tmp_path.iterdir()} == {f"{stem}.warc.gz.open", f"{stem}.cdxj.open"}
    assert read_record(tmp_path, place.file, place.offset).content() == HARD["plain"]
    [closed] = writer.close()
    assert (closed.name, writer.current) == (place.file, None)
    assert {path.name for path in tmp_path.iterdir()} == {f"{stem}.warc.gz", f"{stem}.cdxj"}
    raw = (tmp_path / closed.name).read_bytes()
    assert (closed.size, closed.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())
    assert read_record(tmp_path, place.file, place.offset).content() == HARD["plain"]
    assert writer.close() == writer.take_closed() == [closed]
    assert writer.take_closed() == []


def test_rollover(tmp_path):
    """A full file is closed, an exchange stays in one file, and each file is complete in itself."""
    writer = _writer(tmp_path, max_file_bytes=5_000)
    captures = [writer.write_exchange(exchange(started_at=f"2026-03-01T12:00:{n:02}.000Z")) for n in range(20)]
    files = writer.close()
    assert len(files) > 2
    assert [file.name for file in files] == list(dict.fromkeys(capture.place.file for capture in captures))
    assert writer.take_closed() == files
    for file in files:
        types = [kind for kind, _, _ in _by_warcio(tmp_path / file.name)]
        assert types[0] == "warcinfo"
        assert types[1:] == ["response", "request", "metadata"] * (len(types) // 3)


def test_writers_never_share_a_file(tmp_path):
    """Two writers of one run, at one moment, have files of their own."""
    writers = [_writer(tmp_path) for _ in range(5)]
    names = {writer.write_exchange(exchange()).place.file for writer in writers}
    assert len(names) == 5
    for writer in writers:
        writer.close()


def test_spooled_response_stays_out_of_memory(tmp_path):
    """A response of 200 MB is written and read back in a few megabytes of memory."""
    code = f"""
import resource, sys, tempfile
sys.path[:0] = ["tests"]
from pathlib import Path
from exchanges import exchange
from storage.warc.write import WarcWriter; from storage.warc.read import faults, read_record
folder = Path({str(tmp_path)!r})
block = bytes(range(256)) * 4096
with tempfile.TemporaryFile(dir=folder) as spool:
    spool.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: video/mp4\\r\\n\\r\\n")
    for _ in range(200):
        spool.write(block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    writer = WarcWriter(folder, "R1", "newswarc/test")
    capture = writer.write_exchange(exchange(spool))
    writer.close()
    with read_record(folder, capture.place.file, capture.place.offset) as record:
        assert faults(record) == [] and record.head.content_length > 200 << 20
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 32_000  # KiB


# --- disks that fail --------------------------------------------------------------------------------------------------


_FULL = """
import resource, sys
sys.path[:0] = ["tests"]
from pathlib import Path
from exchanges import HTML, exchange
from storage.errors import DiskError
from storage.warc.write import WarcWriter
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
writer = WarcWriter(folder, "R1", "newswarc/test")
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
kept = 0
try:
    for n in range(100):
        writer.write_exchange(exchange(HTML + b"\\r\\n" + bytes((n * m * m) % 251 for m in range(3000))))
        kept += 1
except DiskError as error:
    print(kept, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
if kept:
    writer.write_exchange(exchange())
writer.close()
"""


@pytest.mark.parametrize("limit", [100, 700, 3_000, 3_001, 10_000, 20_000])
def test_full_disk_leaves_nothing_half(tmp_path, limit):
    """When the disk is full the exchange is taken back, the line says so, and the writer goes on when there is room."""
    done = subprocess.run(
        [sys.executable, "-c", _FULL, tmp_path, str(limit)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    kept, line = done.stdout.strip().split(" ", 1)
    assert re.fullmatch(r"cannot write \S+: File too large; allow larger files, then run again", line)
    if kept == "0" and limit < 300:
        assert list(tmp_path.iterdir()) == []
        return
    files = list(tmp_path.glob("*.warc.gz*"))
    types = [record.head.type for record in scan(files[0])]
    exchanges = int(kept) + (1 if int(kept) else 0)
    assert types == ["warcinfo", *["response", "request", "metadata"] * exchanges]
    assert len(next(tmp_path.glob("*.cdxj*")).read_bytes().splitlines()) == exchanges


def test_missing_folder_is_one_line(tmp_path):
    """A folder that is gone is a DiskError that asks after the disk, and is not made anew."""
    writer = _writer(tmp_path / "gone")
    with pytest.raises(DiskError, match=r"^cannot write \S+: No such file or directory; is the disk .* there\?$"):
        writer.write_exchange(exchange())
    assert not (tmp_path / "gone").exists()


def test_failed_sync_ends_the_file(tmp_path):
    """After a sync that failed nobody knows what is on disk: the file is not written again, and stays `.open`."""
    writer = _writer(tmp_path)
    writer.write_exchange(exchange())
    descriptor = writer._pair._cdxj.fileno()
    reading, writing = os.pipe()  # fdatasync of a pipe fails
    os.dup2(writing, descriptor)
    os.close(writing)
    os.close(reading)
    with pytest.raises(DiskError, match="cannot sync"):
        writer.sync()
    for attempt in (writer.sync, lambda: writer.write_exchange(exchange()), writer.roll):
        with pytest.raises(DiskError, match="since a disk error"):
            attempt()
    assert writer.close() == []
    assert len(list(tmp_path.glob("*.warc.gz.open"))) == 1


def test_interrupt_leaves_nothing_half(tmp_path):
    """Whatever stops a write, the exchange is taken back."""

    class Interrupting(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            if self.reads > 100:  # measuring it takes some 85
                raise KeyboardInterrupt
            return super().read(size)

    writer = _writer(tmp_path)
    first = writer.write_exchange(exchange())
    with pytest.raises(KeyboardInterrupt):
        writer.write_exchange(exchange(Interrupting(HTML + b"\r\n" + os.urandom(2 << 20))))
    second = writer.write_exchange(exchange())
    path = tmp_path / writer.close()[0].name
    offsets = [record.offset for record in scan(path)]
    assert (len(offsets), offsets[1], offsets[4]) == (7, first.place.offset, second.place.offset)


# --- when a file is closed --------------------------------------------------------------------------------------------


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _timed(folder: Path, **limits: float) -> tuple[WarcWriter, _Clock]:
    clock = _Clock()
    return WarcWriter(folder, "R1", "newswarc/test", clock=clock, **limits), clock


def test_a_file_that_nothing_is_written_to_is_closed(tmp_path):
    """Counted from the last write; asked for when it is not due yet, or between files, nothing happens."""
    writer, clock = _timed(tmp_path, max_idle=60)
    assert writer.closes_in() is None
    writer.roll_when_due()
    writer.write_exchange(exchange(HARD["plain"]))
    clock.now += 50
    writer.write_exchange(exchange(HARD["plain"]))
    clock.now += 59
    assert writer.closes_in() == 1
    writer.roll_when_due()
    assert writer.take_closed() == []
    clock.now += 1
    writer.roll_when_due()
    assert [path.name for path in tmp_path.glob("*.warc.gz*")] == [closed.name for closed in writer.take_closed()]
    assert (writer.closes_in(), writer.current) == (None, None)


def test_an_old_file_is_closed_although_it_is_written_to(tmp_path):
    """The write that finds it old goes to the next one."""
    writer, clock = _timed(tmp_path, max_idle=60, max_age=100)
    for _ in range(5):
        writer.write_exchange(exchange(HARD["plain"]))
        clock.now += 50
    assert writer.closes_in() == 10
    assert len(writer.take_closed()) == 2
    assert len(writer.close()) == 3


def test_resources_stand_behind_the_first_warcinfo(tmp_path):
    """Once, also when the first file could not be made; they have a line in its CDXJ."""
    first = [Resource("urn:newswarc:run:R1:settings", "application/json", b'{"delay": 2}')]
    folder = tmp_path / "warc"
    writer = WarcWriter(folder, "R1", "newswarc/test", first=first)
    with pytest.raises(DiskError):
        writer.write_exchange(exchange(HARD["plain"]))
    folder.mkdir()
    for _ in range(2):
        writer.write_exchange(exchange(HARD["plain"]))
        writer.roll()
    one, two = (folder / closed.name for closed in writer.close())
    (_, _, _), (kind, fields, block), *rest = _by_warcio(one)
    assert (kind, fields["WARC-Target-URI"], block) == ("resource", first[0].uri, first[0].content)
    assert [kind for kind, _, _ in rest] == ["response", "request", "metadata"]
    assert [kind for kind, _, _ in _by_warcio(two)] == ["warcinfo", "response", "request", "metadata"]
    assert first[0].uri in cdxj_path(one).read_text()
