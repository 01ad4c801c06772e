"""The targets about HTTP messages and what is kept of them in WARC files."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.page import page_of
from storage.errors import DamageError
from storage.records import Announced, Capture, Ended, Exchange, FetchContext, Kind, RecordPlace
from storage.warc.cdxj import of_response, surt
from storage.warc.fields import context_of, exchange_block, fields_block, parse_fields
from storage.warc.format import GZIP_HEAD, Member, RecordHead, measure, parse_record_head, target_uri
from storage.warc.http_message import HEAD_LIMIT, decode_body, header_text, media_type, split_head, split_interim
from storage.warc.read import Damage, Record, faults, read_record, scan
from storage.warc.recover import Unit, units
from storage.warc.write import WarcWriter

LIMIT = 1 << 20  # bytes of a decoded body
STORY = "https://www.gazette.test/2026/03/01/low-mill-bridge"
NOW = "2026-03-01T12:00:00.000Z"
_CODINGS = ("", "gzip", "deflate", "br", "zstd", "chunked", "chunked gzip", "gzip gzip", "chunked br", "chunked zstd")


def http_message(data: bytes) -> None:
    """A response as bytes: where its head ends, what it says, its body within the limit; read whole or in pieces alike."""
    interim, at = split_interim(data)
    assert data[:at] == interim
    head = split_head(data)
    assert head.payload_offset <= min(len(data), HEAD_LIMIT)
    assert all(name == name.lower() and "\n" not in name + value for name, value in head.headers)
    media_type(head.headers)
    page = page_of(data, url=STORY, frontier_url=STORY, fetched_at=NOW, limit=LIMIT, truncated=False)
    assert len(page.body) <= LIMIT
    _measured_alike(data)


def _measured_alike(data: bytes) -> None:
    """What the archive says of the body is what a worker reads."""
    found = measure(io.BytesIO(data), len(data), hash_body=True)
    head = split_head(data)
    assert (found.length, found.head) == (len(data), head)
    decoded = decode_body(data[head.payload_offset :], head.headers, 64 << 20)
    if found.body_sha256 and not decoded.cut and not decoded.error:
        assert found.body_sha256 == hashlib.sha256(decoded.body).hexdigest()
    if not decoded.cut and not decoded.error:
        assert found.body_sha256


def marked(data: bytes) -> None:
    """A body under codings that the first byte names: never more than the limit, never an exception."""
    number = data[0] % len(_CODINGS) if data else 0
    named = [coding for coding in _CODINGS[number].split() if coding != "chunked"]
    headers = [("content-encoding", ", ".join(named))] if named else []
    headers += [("transfer-encoding", "chunked")] if "chunked" in _CODINGS[number] else []
    for limit in (0, 100, LIMIT):
        decoded = decode_body(data[1:], tuple(headers), limit)
        assert len(decoded.body) <= limit
    decode_body(data[1:], (("content-encoding", header_text(data[:40])),), LIMIT)


def records(data: bytes) -> None:
    """A record header, and the key and index line of what it names."""
    head = parse_record_head(data)
    assert -1 <= head.content_length < 10**18
    assert "\n" not in head.record_id + (head.uri or "") + head.type
    for url in (head.uri or "", header_text(data)):
        surt(url)
        key = surt(target_uri(url))
        assert re.fullmatch("[!-~]*", key), "an index line is parted by blanks"
    context = FetchContext("R1", "gazette", Kind.ARTICLE, STORY)
    place = RecordPlace("a.warc.gz", 0, 1, "urn:uuid:0")
    capture = Capture(place, "response", STORY, NOW, 200, None, None, "", Ended.COMPLETE, context)
    assert "\n" not in of_response(capture, data)


def warc_fields(data: bytes) -> None:
    """A metadata block: read, or refused with ValueError; what is written comes back as it was."""
    with suppress(ValueError):
        context_of(data)
    text = data.decode("utf-8", "surrogateescape")
    named = {"run": text, "error": text[::-1]}
    block = fields_block(named.items())
    assert block.count(b"\r\n") == 2
    assert block.count(b"\n") == 2
    assert parse_fields(block) == named
    told = Announced(title=text, authors=(text,), tags=tuple(text.split(",")[:5]))
    written = exchange_block(_exchange(b"", FetchContext(text, text, Kind.FEED, text, announced=told), text or None))
    context, extra = context_of(written)
    assert context == FetchContext(text, text, Kind.FEED, text, announced=told)
    assert extra.get("error") == (text or None)


def warc_file(data: bytes) -> None:
    """A file of records with these bytes among them, whole or as gzip members: damage is told, what is whole is read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.warc.gz")
        for content in (data, _member(data), _record(b"x") + data + _record(b"y")):
            path.write_bytes(content)
            for strict in (True, False):
                _scanned(path, len(content), strict=strict)
            _units(path)


def _scanned(path: Path, size: int, *, strict: bool) -> None:
    at = 0
    for found in scan(path, strict=strict):
        assert at <= found.offset < size
        if isinstance(found, Damage):
            at = size if found.end is None else found.end
            continue
        with found:
            assert isinstance(found, Record)
            assert len(found.content()) == found.head.content_length
            faults(found)
            at = found.offset + found.length
            with read_record(path.parent, path.name, found.offset, found.length) as again:
                assert again.content() == found.content()
    with suppress(DamageError):
        read_record(path.parent, path.name, 0).close()


def _units(path: Path) -> None:
    end = 0
    for unit in units(path):
        if isinstance(unit, Unit):
            assert unit.end > end
            end = unit.end


def archived(data: bytes) -> None:
    """A response through the writer and back: the same bytes, the same capture, the same page."""
    with tempfile.TemporaryDirectory() as folder, _written(Path(folder), data) as (path, capture):
        found = [unit.capture for unit in units(path) if isinstance(unit, Unit) and unit.capture]
        assert found == [capture]
        with read_record(path.parent, path.name, capture.place.offset, capture.place.length) as record:
            raw = record.content() if capture.record_type == "response" else b""
            assert faults(record) == []
    assert raw == data
    live = page_of(data, url=STORY, frontier_url=STORY, fetched_at=NOW, limit=LIMIT, truncated=False)
    assert page_of(raw, url=STORY, frontier_url=STORY, fetched_at=NOW, limit=LIMIT, truncated=False) == live
    assert (capture.http_status or 0) == (live.status if data else 0)


@contextmanager
def _written(folder: Path, data: bytes) -> Iterator[tuple[Path, Capture]]:
    writer = WarcWriter(folder, "R1", "newswarc/fuzz")
    capture = writer.write_exchange(_exchange(data, FetchContext("R1", "gazette", Kind.ARTICLE, STORY), None))
    writer.close()
    yield folder / capture.place.file, capture


def _exchange(data: bytes, context: FetchContext, error: str | None) -> Exchange:
    return Exchange(
        url=STORY,
        started_at=NOW,
        request=b"GET / HTTP/1.1\r\nHost: www.gazette.test\r\n\r\n",
        response=io.BytesIO(data),
        response_length=len(data),
        ended=Ended.COMPLETE,
        fetch_ms=1,
        context=context,
        error=error,
    )


def _member(data: bytes) -> bytes:
    """The bytes as what is inside a gzip member with a header as we write it."""
    deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    tail = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return GZIP_HEAD + deflate.compress(data) + deflate.flush() + tail


def _record(content: bytes) -> bytes:
    fields = (("WARC-Type", "resource"), ("WARC-Record-ID", "<urn:uuid:1>"), ("WARC-Target-URI", STORY))
    head = RecordHead("WARC/1.1", (*fields, ("WARC-Date", NOW), ("Content-Length", str(len(content)))))
    member = Member()
    return member.feed(bytes(head) + content + b"\r\n\r\n") + member.end()
