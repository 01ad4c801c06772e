"""What one record says of itself, and what its row says of it. Knows no database."""

from __future__ import annotations

from storage.captures import context_from, context_json
from storage.columns import clean
from storage.records import Capture, Ended
from storage.verify_body import other_body
from storage.warc_fields import context_of
from storage.warc_format import Measured, measure, measured_bytes
from storage.warc_read import IN_MEMORY, Record, faults


def measured_of(record: Record) -> Measured | None:
    """What a response's block holds, but for the digest of its body; None for other records."""
    if record.head.type not in {"response", "revisit"}:
        return None
    if record.head.content_length <= IN_MEMORY:
        return measured_bytes(record.content())
    return measure(record.block, record.head.content_length, hash_body=False)


def wrong_digests(record: Record, measured: Measured | None) -> list[str]:
    """Digests that do not fit what the record holds; a response must have its own."""
    if measured is None:
        return faults(record)
    found = {"WARC-Block-Digest": measured.block_digest}
    if record.head.type == "response" and measured.payload_digest is not None:
        found["WARC-Payload-Digest"] = measured.payload_digest
    stated = {name: record.head.get(name) for name in found}
    return [
        f"{name} is {stated[name]}, but the record's is {digest}"
        for name, digest in found.items()
        if (stated[name] or "sha1:").startswith("sha1:") and stated[name] != digest
    ]


def differences(row: Capture, record: Record, measured: Measured | None) -> list[str]:
    """What a row says of its record, and is not so."""
    head = record.head
    pairs = {
        "length": (row.place.length, record.length),
        "record id": (row.place.record_id, head.record_id),
        "WARC-Type": (row.record_type, head.type),
        "target URI": (row.url, head.uri or ""),
        "date": (row.fetched_at, head.date),
        "block digest": (row.block_digest, head.get("WARC-Block-Digest") or ""),
        "payload digest": (row.payload_digest, head.get("WARC-Payload-Digest")),
        "HTTP status": (row.http_status, measured.head.status if measured else None),
    }
    if head.type == "revisit":
        pairs["revisit of"] = (row.revisit_of, (head.get("WARC-Refers-To") or "").strip("<>") or None)
    if head.type == "response":
        pairs["truncated"] = (row.truncated, head.get("WARC-Truncated"))
        if row.body_sha256 and measured and head.get("WARC-Truncated") is None:
            other = other_body(record, measured, row.body_sha256)
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
