"""The records that are written, each from what it is about: an exchange's three, a resource, a file's warcinfo."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO

from storage.records import Capture, Ended, Exchange, FetchContext, RecordPlace
from storage.warc import cdxj
from storage.warc.fields import exchange_block, fields_block
from storage.warc.file import FilePair
from storage.warc.format import (
    DENSE_SAMPLE,
    HTTP_REQUEST,
    HTTP_RESPONSE,
    IDENTICAL_PAYLOAD,
    VERSION,
    WARC_FIELDS,
    Measured,
    Member,
    RecordHead,
    body_sha256,
    digest_of,
    ip_address,
    is_dense,
    measure,
    new_record_id,
    one_line,
    pieces,
    sha1_of,
    target_uri,
    warc_date,
)
from storage.warc.http_message import media_type
from storage.warc.reservations import as_json, of_response


@dataclass(frozen=True, slots=True)
class _Part:
    """A record before it is written."""

    type: str
    content_type: str
    block: IO[bytes]
    length: int
    block_digest: str
    payload_digest: str | None = None
    payload_offset: int = 0
    refers_to: Reference | None = None
    record_id: str = field(default_factory=new_record_id)


@dataclass(frozen=True, slots=True)
class Reference:
    """The record that a revisit refers to, and why: `profile` is a WARC-Profile."""

    profile: str
    record_id: str
    url: str  # its WARC-Target-URI
    date: str  # its WARC-Date


Refer = Callable[[Exchange, Measured], Reference | None]
Named = tuple[tuple[str, str | None], ...]


def write_warcinfo(pair: FilePair, named: Mapping[str, str], date: str) -> None:
    """The first record of a file: what made it, for whom, by which rules."""
    block = fields_block(named.items())
    part = _Part("warcinfo", WARC_FIELDS, io.BytesIO(block), len(block), sha1_of(block), record_id=pair.warcinfo_id)
    _write(pair, part, _head(part, (("WARC-Date", warc_date(date)), ("WARC-Filename", pair.final.name))))


def write_resource(pair: FilePair, uri: str, mime: str, block: IO[bytes], date: str) -> RecordPlace:
    """A resource record and its CDXJ line."""
    length, digest = digest_of(block)
    part = _Part("resource", mime, block, length, digest, digest)
    head = _head(part, (("WARC-Date", warc_date(date)), ("WARC-Target-URI", target_uri(uri)), *_in_file(pair)))
    place = _write(pair, part, head)
    pair.index(cdxj.of_resource(head, place))
    return place


def write_exchange(pair: FilePair, exchange: Exchange, *, hash_body: bool, refer: Refer | None = None) -> Capture:
    """The records of an exchange, the main one first, and its CDXJ line; a revisit where `refer` knows of an original."""
    response = _measured_response(exchange, hash_body=hash_body)
    reference = refer(exchange, response) if refer and response else None
    response = response and replace(response, signals=_signals(exchange, response, whole=reference is None))
    parts = list(_parts(exchange, response, reference))
    heads = [_head(part, _exchange_fields(pair, exchange, part, parts[0])) for part in parts]
    places = [_write(pair, part, head) for part, head in zip(parts, heads, strict=True)]
    capture = capture_of(heads[0], places[0], response, HowFetched(exchange.context, exchange.ended, exchange.error))
    if response:
        pair.index(cdxj.of_response(capture, response.raw_head))
    return capture


@dataclass(frozen=True, slots=True)
class HowFetched:
    """What of a capture only the metadata record says."""

    context: FetchContext
    ended: Ended
    error: str | None


def capture_of(head: RecordHead, place: RecordPlace, response: Measured | None, how: HowFetched) -> Capture:
    """The capture whose main record this is, with what was measured of a response."""
    return Capture(
        place=place,
        record_type=head.type,
        url=head.uri or "",
        fetched_at=head.date,
        http_status=response.head.status if response else None,
        mime=media_type(response.head.headers) if response else None,
        payload_digest=head.get("WARC-Payload-Digest"),
        block_digest=head.get("WARC-Block-Digest") or "",
        ended=how.ended,
        context=how.context,
        body_sha256=response.body_sha256 if response else None,
        revisit_of=(head.get("WARC-Refers-To") or "").strip("<>") or None if head.type == "revisit" else None,
        error=how.error,
        signals=response.signals if response else None,
    )


def _measured_response(exchange: Exchange, *, hash_body: bool) -> Measured | None:
    if not exchange.response_length:
        return None
    measured = measure(exchange.response, exchange.response_length, hash_body=False)
    is_page = 200 <= (measured.head.status or 0) < 300
    if exchange.ended is not Ended.COMPLETE or (is_page and not hash_body):
        return measured
    return replace(measured, body_sha256=body_sha256(exchange.response, measured.length, measured.head))


def _signals(exchange: Exchange, response: Measured, *, whole: bool) -> str | None:
    """What the record that is about to be written will say of rights: a revisit holds the header alone."""
    length = response.length if whole else response.head.payload_offset
    return as_json(of_response(exchange.url, response.head, exchange.response, length))


def _parts(exchange: Exchange, response: Measured | None, reference: Reference | None) -> Iterator[_Part]:
    if response and reference:
        yield _revisit_part(response, reference)
    elif response:
        yield _http_part("response", HTTP_RESPONSE, exchange.response, response)
    if exchange.request:
        block = io.BytesIO(exchange.request)
        yield _http_part("request", HTTP_REQUEST, block, measure(block, len(exchange.request), hash_body=False))
    said = exchange_block(exchange)
    yield _Part("metadata", WARC_FIELDS, io.BytesIO(said), len(said), sha1_of(said))


def _revisit_part(response: Measured, reference: Reference) -> _Part:
    """The header block alone, but for the blank line: what follows it is in the archive (WARC 1.1, 6.7)."""
    block = response.raw_head
    digest = response.payload_digest if reference.profile == IDENTICAL_PAYLOAD else None
    return _Part(
        "revisit", HTTP_RESPONSE, io.BytesIO(block), len(block), sha1_of(block), digest, len(block), refers_to=reference
    )


def _http_part(type_: str, content_type: str, block: IO[bytes], measured: Measured) -> _Part:
    digests = (measured.block_digest, measured.payload_digest)
    return _Part(type_, content_type, block, measured.length, *digests, measured.head.payload_offset)


def _exchange_fields(pair: FilePair, exchange: Exchange, part: _Part, main: _Part) -> Named:
    truncated = part.type == "response" and exchange.ended is not Ended.COMPLETE
    return (
        ("WARC-Date", warc_date(exchange.started_at)),
        ("WARC-Target-URI", target_uri(exchange.url)),
        ("WARC-IP-Address", ip_address(exchange.peer_ip)),
        ("WARC-Concurrent-To", None if part is main else f"<{main.record_id}>"),
        *_in_file(pair),
        *(_revisit_fields(part.refers_to) if part.refers_to else ()),
        ("WARC-Truncated", str(exchange.ended) if truncated else None),
    )


def _revisit_fields(reference: Reference) -> Named:
    """The block of an identical payload counts as truncated: "length" shall be given as the reason (WARC 1.1, 6.7.2)."""
    return (
        ("WARC-Profile", reference.profile),
        ("WARC-Refers-To", f"<{reference.record_id}>"),
        ("WARC-Refers-To-Target-URI", target_uri(reference.url)),
        ("WARC-Refers-To-Date", warc_date(reference.date)),
        ("WARC-Truncated", str(Ended.LENGTH) if reference.profile == IDENTICAL_PAYLOAD else None),
    )


def _in_file(pair: FilePair) -> Named:
    return (("WARC-Warcinfo-ID", f"<{pair.warcinfo_id}>"),)


def _head(part: _Part, fields: Named) -> RecordHead:
    named = (
        ("WARC-Type", part.type),
        ("WARC-Record-ID", f"<{part.record_id}>"),
        *fields,
        ("WARC-Payload-Digest", part.payload_digest),
        ("WARC-Block-Digest", part.block_digest),
        ("Content-Type", part.content_type),
        ("Content-Length", str(part.length)),
    )
    return RecordHead(VERSION, tuple((name, one_line(value)) for name, value in named if value is not None))


def _write(pair: FilePair, part: _Part, head: RecordHead) -> RecordPlace:
    """Raises ValueError when the block is not as long as it was when it was measured."""
    offset, member, left = pair.size, Member(), part.length
    pair.append(member.feed(bytes(head)))
    for piece in _pieces(part, member):
        left -= len(piece)
        pair.append(member.feed(piece))
    if left:
        raise ValueError(f"the {part.type} block of {part.length} bytes changed while it was written")
    pair.append(member.feed(b"\r\n\r\n"))
    pair.append(member.end())
    return RecordPlace(pair.final.name, offset, pair.size - offset, part.record_id)


def _pieces(part: _Part, member: Member) -> Iterator[bytes]:
    """The block; where its payload is compressed already, the member is told."""
    start = part.payload_offset
    yield from pieces(part.block, 0, start)
    if is_dense(b"".join(pieces(part.block, start, min(start + DENSE_SAMPLE, part.length)))):
        member.store()
    yield from pieces(part.block, start, part.length)
