"""Records of WARC files that other software wrote: what every such file must keep to, and what its rows say."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator

from storage.foreign.fields import is_derived, moment
from storage.records import Capture
from storage.verify.records import unequal
from storage.warc.format import pieces
from storage.warc.http_message import HEAD_LIMIT, Trouble, decoded_pieces, split_head
from storage.warc.read import Record

_KNOWN = frozenset({"sha1", "sha256", "sha512", "md5"})
_SECONDS = len("2026-03-01T12:00:00")
_FRAMING = frozenset({"transfer-encoding"})


def foreign_digests(record: Record) -> list[str]:
    """Digests that do not fit what the record holds, in any algorithm and spelling that is known.

    Writers do not agree on the payload of an HTTP message: as it came, without chunk framing, or decoded.
    """
    wrong = []
    for name, holds in (("WARC-Block-Digest", _block), ("WARC-Payload-Digest", _payload)):
        stated = record.head.get(name)
        if stated is not None and not _fits(record, stated, holds):
            wrong.append(f"{name} is {stated}, but the record's is another")
    return wrong


Holds = Callable[[Record], Iterator[Iterator[bytes]]]


def _fits(record: Record, stated: str, holds: Holds) -> bool:
    """Whether a digest is of any of the ways to read a record; one in an unknown form is not judged."""
    algorithm, _, value = stated.strip().partition(":")
    algorithm = algorithm.lower().replace("-", "")
    wanted = _digest_bytes(value, algorithm) if algorithm in _KNOWN else None
    if wanted is None:
        return True
    readings = 0
    for reading in holds(record):
        readings += 1
        hashed = hashlib.new(algorithm, usedforsecurity=False)
        for piece in reading:
            hashed.update(piece)
        if hashed.digest() == wanted:
            return True
    return readings == 0


def _digest_bytes(value: str, algorithm: str) -> bytes | None:
    """A digest from base32 or hexadecimal."""
    size = hashlib.new(algorithm, usedforsecurity=False).digest_size
    try:
        if len(value) == 2 * size:
            return bytes.fromhex(value)
        found = base64.b32decode(value.upper() + "=" * (-len(value) % 8))
    except (ValueError, binascii.Error):
        return None
    return found if len(found) == size else None


def _block(record: Record) -> Iterator[Iterator[bytes]]:
    yield pieces(record.block, 0, record.head.content_length)


def _payload(record: Record) -> Iterator[Iterator[bytes]]:
    """Nothing for a revisit, whose payload is elsewhere, and for a record that was cut."""
    if record.head.type == "revisit" or record.head.get("WARC-Truncated"):
        return
    length = record.head.content_length
    if not (record.head.get("Content-Type") or "").lower().startswith("application/http"):
        yield pieces(record.block, 0, length)
        return
    head = split_head(b"".join(pieces(record.block, 0, min(length, HEAD_LIMIT))))
    yield pieces(record.block, head.payload_offset, length)
    framing = tuple(pair for pair in head.headers if pair[0] in _FRAMING)
    for headers in (framing, head.headers):
        yield decoded_pieces(pieces(record.block, head.payload_offset, length), headers, Trouble())


def foreign_differences(row: Capture, record: Record) -> list[str]:
    """What a row says of its record, and is not so. What the record does not say, whoever entered it has made up."""
    head = record.head
    pairs: dict[str, tuple[object, object]] = {
        "length": (row.place.length, record.length),
        "WARC-Type": (row.record_type, head.type),
    }
    if head.record_id and not is_derived(row.place.record_id):
        pairs["record id"] = (row.place.record_id, head.record_id)
    if head.uri:
        pairs["target URI"] = (row.url, head.uri)
    if (date := moment(head.date)) is not None:
        pairs["date"] = (row.fetched_at[:_SECONDS], date[:_SECONDS])
    if row.http_status is not None:
        start = b"".join(pieces(record.block, 0, min(head.content_length, HEAD_LIMIT)))
        pairs["HTTP status"] = (row.http_status, split_head(start).status)
    return unequal(pairs)
