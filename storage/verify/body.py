"""Whether a body has the digest that its row says. The usual codings are undone fast, all others as the writer did it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from isal import isal_zlib

from storage.warc.format import HASHED_BODY, body_sha256
from storage.warc.http_message import Head, Headers
from storage.warc.read import IN_MEMORY, Record

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_GZIP = {"gzip", "x-gzip"}
_PIECE = 1 << 20


def other_body(record: Record, head: Head, sha256: str) -> str | None:
    """The digest of a response's decoded body when it is not `sha256`; None also when it cannot be had."""
    if record.head.content_length <= IN_MEMORY and _quickly(record.content(), head) == sha256:
        return None
    found = body_sha256(record.block, record.head.content_length, head)
    return None if found == sha256 else found


def _quickly(content: bytes, head: Head) -> str | None:
    """The digest of a body that is plain or gzip, well framed and whole; None for any other."""
    framing, coding = _values(head.headers, "transfer-encoding"), _values(head.headers, "content-encoding")
    payload: memoryview | bytes | None = memoryview(content)[head.payload_offset :]
    if framing == {"chunked"}:
        payload = _joined(content, head.payload_offset)
    elif framing or _values(head.headers, "content-length") - {str(len(content) - head.payload_offset)}:
        return None
    if payload is None or coding - _GZIP:
        return None
    return _unpacked_sha256(payload) if coding else hashlib.sha256(payload).hexdigest()


def _values(headers: Headers, name: str) -> set[str]:
    return {value for key, value in headers if key == name}


def _joined(content: bytes, at: int) -> bytes | None:
    """The chunks of a body, without trailers."""
    pieces: list[bytes] = []
    while found := _CHUNK_SIZE.match(content, at):
        size = int(found[1], 16)
        at = found.end() + size
        if size == 0:
            return b"".join(pieces)
        pieces.append(content[found.end() : at])
        if not content.startswith(b"\r\n", at):
            return None
        at += 2
    return None


def _unpacked_sha256(packed: memoryview | bytes) -> str | None:
    """Of what one gzip member holds."""
    hashed, size = hashlib.sha256(), 0
    try:
        for piece in _unpacked(packed):
            hashed.update(piece)
            size += len(piece)
            if size > HASHED_BODY:
                return None
    except (isal_zlib.error, EOFError):  # type: ignore[misc]  # its stubs: an instance
        return None
    return hashed.hexdigest()


def _unpacked(packed: memoryview | bytes) -> Iterator[bytes]:
    """Raises EOFError when the member is not whole, or not all there is."""
    inflate = isal_zlib.decompressobj(31)
    yield inflate.decompress(packed, _PIECE)
    while inflate.unconsumed_tail:
        yield inflate.decompress(inflate.unconsumed_tail, _PIECE)
    if not inflate.eof or inflate.unused_data:
        raise EOFError
