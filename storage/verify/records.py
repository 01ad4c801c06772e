"""What one record says of itself, and what its row says of it. Knows no database."""

from __future__ import annotations

import hashlib
import re
import string
from dataclasses import dataclass

from storage.archive.captures import context_from, context_json
from storage.database.columns import clean
from storage.records import Capture, Ended
from storage.verify.body import other_body
from storage.warc.fields import context_of
from storage.warc.format import RecordHead, pieces, sha1_of, undisputed
from storage.warc.http_message import HEAD_LIMIT, Head, head_end, split_head
from storage.warc.read import IN_MEMORY, WITHOUT_HTTP, Record, faults

_BASE32 = re.compile("[A-Z2-7]{32}")  # a SHA-1
_AS_DIGITS = str.maketrans(string.ascii_uppercase + "234567", "0123456789abcdefghijklmnopqrstuv")


@dataclass(frozen=True, slots=True)
class Message:
    """The HTTP message in a record's block: its header block, as it is and as it is read."""

    head: Head
    raw_head: bytes


def message_of(record: Record) -> Message | None:
    """What a response's block begins with; None for other records."""
    if record.head.type not in {"response", "revisit"}:
        return None
    small = record.head.content_length <= IN_MEMORY
    start = record.content() if small else b"".join(pieces(record.block, 0, HEAD_LIMIT))
    head = split_head(start)
    return Message(head, start[: head.payload_offset])


def wrong_digests(record: Record, message: Message | None) -> list[str]:
    """Digests that do not fit what the record holds; a response must have its own."""
    if record.head.content_length > IN_MEMORY:
        return _slowly(record)
    content, head = record.content(), record.head
    wrong = []
    if not _fits(head.get("WARC-Block-Digest"), content, needed=message is not None):
        wrong.append(_said(head, "WARC-Block-Digest", content))
    payload_digest = head.get("WARC-Payload-Digest")
    if head.type == "revisit" or (payload_digest is None and head.type != "response"):
        return wrong
    start = 0 if head.type in WITHOUT_HTTP else (head_end(content) or min(len(content), HEAD_LIMIT))
    payload = memoryview(content)[start:]
    if not _fits(payload_digest, payload, needed=True) and undisputed(content[:start]):
        wrong.append(_said(head, "WARC-Payload-Digest", payload))
    return wrong


def _fits(stated: str | None, content: bytes | memoryview, *, needed: bool) -> bool:
    """Whether a SHA-1 digest in base32 is of this content; other digests are not judged."""
    if stated is None:
        return not needed
    if not stated.startswith("sha1:"):
        return True
    found = int.from_bytes(hashlib.sha1(content, usedforsecurity=False).digest())
    value = stated[len("sha1:") :]
    if not _BASE32.fullmatch(value):
        return False
    return int(value.translate(_AS_DIGITS), 32) == found  # much faster than to write the other in base32


def _said(head: RecordHead, name: str, content: bytes | memoryview) -> str:
    return f"{name} is {head.get(name)}, but the record's is {sha1_of(bytes(content))}"


def _slowly(record: Record) -> list[str]:
    """The same for a record that is not held in memory."""
    without = record.head.type == "response" and record.head.get("WARC-Block-Digest") is None
    return [*(["there is no WARC-Block-Digest"] if without else []), *faults(record)]


def differences(row: Capture, record: Record, message: Message | None, *, body: bool) -> list[str]:
    """What a row says of its record, and is not so; `body`: also of what its payload decodes to."""
    head = record.head
    pairs = {
        "length": (row.place.length, record.length),
        "record id": (row.place.record_id, head.record_id),
        "WARC-Type": (row.record_type, head.type),
        "target URI": (row.url, head.uri or ""),
        "date": (row.fetched_at, head.date),
        "block digest": (row.block_digest, head.get("WARC-Block-Digest") or ""),
        "payload digest": (row.payload_digest, head.get("WARC-Payload-Digest")),
        "HTTP status": (row.http_status, message.head.status if message else None),
    }
    if head.type == "revisit":
        pairs["revisit of"] = (row.revisit_of, (head.get("WARC-Refers-To") or "").strip("<>") or None)
    if head.type == "response":
        pairs["truncated"] = (row.truncated, head.get("WARC-Truncated"))
        if body and row.body_sha256 and message and head.get("WARC-Truncated") is None:
            other = other_body(record, message.head, row.body_sha256)
            pairs["body sha256"] = (row.body_sha256, other or row.body_sha256)
    return unequal(pairs)


def context_differences(row: Capture, metadata: Record) -> list[str]:
    """What a row says of why and how its exchange was made, and the metadata record does not."""
    try:
        context, extra = context_of(metadata.content())
    except ValueError as error:
        return [str(error)]
    if context != row.context:
        context = context_from(clean(context_json(context)))  # as it is stored
    ended = str(extra.get("ended", Ended.COMPLETE))
    return unequal({"context": (row.context, context), "ended": (str(row.ended), ended)})


def unequal(pairs: dict[str, tuple[object, object]]) -> list[str]:
    """What is one thing in the row and another in the archive."""
    return [
        f"{name} is {in_row!r} in the row, {found!r} in the archive"
        for name, (in_row, found) in pairs.items()
        if in_row != found
    ]
