"""The body of a page that somebody else archived: as its header declares where that fits, else as the bytes show. Pure.

Crawlers store bodies without their codings and leave the header as it was, lose or break chunk framing, or keep no header at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.warc.http_message import Decoded, Head, Headers, decode_body, first_value, split_head

_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8}[ \t]*(?:;[^\r\n]*)?\r?\n")
_FRAMING = re.compile(rb"\r?\n[0-9A-Fa-f]{1,8}[ \t]*(?:;[^\r\n]{0,200})?\r?\n")
_LAST = re.compile(rb"\r?\n0+[ \t]*\r?\n(?:\r?\n)?\Z")
_LINE_END = re.compile(rb"\r?\n")
_MARKUP = re.compile(rb"<\s*(?:!doctype|html|head|body|meta|title|div|p|article|section|h1)\b", re.IGNORECASE)
_PACKED = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")
_CODING_OF = dict(zip(_PACKED, ("gzip", "zstd"), strict=True))
_SAMPLE = 4_096
_FRAMED = frozenset({"transfer-encoding", "content-length"})
_OK = 200


@dataclass(frozen=True, slots=True)
class ForeignBody:
    """What a record holds of a page. `as_declared`: its header alone explains it."""

    status: int | None
    content_type: str | None
    headers: Headers
    body: bytes
    cut: bool
    as_declared: bool


def foreign_body(raw: bytes, content_type: str | None, limit: int) -> ForeignBody:
    """The page in a record's block; `content_type` is that of a record without HTTP header, None for a message. Never raises."""
    head = split_head(raw)
    if content_type is not None or (head.status is None and is_markup(raw)):
        decoded = decode_body(raw, _packed(raw, ()), limit)
        cut = decoded.cut or decoded.error is not None
        return ForeignBody(_OK, content_type, (), decoded.body, cut, as_declared=False)
    payload = raw[head.payload_offset :]
    strict = decode_body(payload, head.headers, limit)
    sound = _is_sound(strict, payload, head)
    decoded = strict if sound else _mended(payload, head.headers, limit, strict)
    cut = decoded.cut or not head.complete
    return ForeignBody(head.status, head.get("content-type"), head.headers, decoded.body, cut, as_declared=sound)


def is_markup(raw: bytes) -> bool:
    """Whether bytes begin as an HTML page does."""
    return _MARKUP.search(raw[:_SAMPLE]) is not None


def _is_sound(decoded: Decoded, payload: bytes, head: Head) -> bool:
    """Whether a body is all that the header says, and nothing is left to be undone."""
    if decoded.cut or decoded.error or decoded.body.startswith(_PACKED):
        return False
    if first_value(head.headers, "transfer-encoding") is not None:
        return True
    stated = first_value(head.headers, "content-length")
    return (stated is None or stated == str(len(payload))) and not _CHUNK.match(decoded.body)


def _mended(payload: bytes, headers: Headers, limit: int, strict: Decoded) -> Decoded:
    """The body without the framing and the codings that its bytes have."""
    chunked = first_value(headers, "transfer-encoding") is not None
    plain, whole = unframed(payload, trusted=chunked)
    kept = tuple((name, value) for name, value in headers if name not in _FRAMED)
    decoded = decode_body(plain, _packed(plain, kept), limit)
    if decoded.error and is_markup(plain):
        return Decoded(plain[:limit], cut=len(plain) > limit)
    if (decoded.error or decoded.cut) and len(decoded.body) < len(strict.body):
        return strict
    return Decoded(decoded.body, decoded.cut or not whole, decoded.error)


def _packed(body: bytes, headers: Headers) -> Headers:
    """The header, with the coding that a compressed body does not declare."""
    coding = _CODING_OF.get(body[:3]) or _CODING_OF.get(body[:4])
    return (
        headers
        if coding is None or first_value(headers, "content-encoding")
        else (("content-encoding", coding), *headers)
    )


def unframed(payload: bytes, *, trusted: bool) -> tuple[bytes, bool]:
    """A payload without chunk framing, and whether its last chunk is there.

    Where sizes are wrong, what looks like framing is taken out. What is not `trusted` to be framed must be framed to its end.
    """
    if not _CHUNK.match(payload):
        return payload, True
    parts, at, ended = _chunks(payload)
    if ended or not trusted:
        return (b"".join(parts), True) if ended else (payload, True)
    if at >= len(payload):
        return b"".join(parts), False
    wrong = _CHUNK.match(payload, at)
    rest = payload[wrong.end() if wrong else at :]
    return b"".join(parts) + _FRAMING.sub(b"", _LAST.sub(b"", rest)), True


def _chunks(payload: bytes) -> tuple[list[bytes], int, bool]:
    """The chunks whose sizes fit, where they end, and whether the last one, of no bytes, was there."""
    parts: list[bytes] = []
    at = 0
    while found := _CHUNK.match(payload, at):
        size = int(found[0].partition(b";")[0], 16)
        if size == 0:
            return parts, at, True
        end = found.end() + size
        behind = _LINE_END.match(payload, end)
        if end > len(payload) or (behind is None and end < len(payload)):
            break
        parts.append(payload[found.end() : end])
        at = behind.end() if behind else end
    return parts, at, False
