"""WARC/1.1 as bytes: record headers, gzip members, digests. Names are the standard's own (ISO 28500:2017).

Every record is one gzip member, whose ten header bytes are always `GZIP_HEAD`, so that a reader can check even those.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, ClassVar
from urllib.parse import quote
from uuid import uuid4

from storage.warc.http_message import HEAD_LIMIT, Head, Trouble, decoded_pieces, header_text, split_head

VERSION = "WARC/1.1"
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
HTTP_RESPONSE = "application/http;msgtype=response"
HTTP_REQUEST = "application/http;msgtype=request"
WARC_FIELDS = "application/warc-fields"
# WARC-Profile of revisits (WARC 1.1, 6.7.2 and 6.7.3).
IDENTICAL_PAYLOAD = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"

PIECE = 65_536  # bytes read or written at once
_MAX_DIGITS = 18  # of a length; int() refuses very many
HASHED_RAW = 32 << 20  # a longer payload gets no body_sha256
HASHED_BODY = 64 << 20  # neither does one that decodes to more than this

_LEVEL = 5  # 1.5 % larger than 6 on news pages, for two thirds of its time
DENSE_SAMPLE = 8_192
_DENSE_FROM = 2_048
_DENSE_RATIO = 0.96
_GZIP = b"\x1f\x8b\x08"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_URI_KEPT = "".join(chr(code) for code in range(33, 127) if chr(code) not in '<>"')
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")

Fields = tuple[tuple[str, str], ...]


# --- record headers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RecordHead:
    """The named fields of a record, in the order written."""

    _named: ClassVar[dict[str, str]]  # of this very head: value by name in lower case

    version: str
    fields: Fields

    def __post_init__(self) -> None:
        self.__dict__["_named"] = {name.lower(): value for name, value in reversed(self.fields)}

    def __bytes__(self) -> bytes:
        lines = (self.version, *(f"{name}: {value}" for name, value in self.fields), "", "")
        return "\r\n".join(lines).encode("utf-8")

    def get(self, name: str) -> str | None:
        """The first value of a field, whatever the case of its name."""
        return self._named.get(name.lower())

    @property
    def type(self) -> str:
        """WARC-Type."""
        return self._named.get("warc-type", "")

    @property
    def record_id(self) -> str:
        """WARC-Record-ID without its angle brackets."""
        return (self.get("WARC-Record-ID") or "").strip("<>")

    @property
    def uri(self) -> str | None:
        """WARC-Target-URI; old wget put it in angle brackets."""
        uri = self.get("WARC-Target-URI")
        return uri[1:-1] if uri and uri[0] == "<" and uri[-1] == ">" else uri

    @property
    def date(self) -> str:
        """WARC-Date."""
        return self.get("WARC-Date") or ""

    @property
    def content_length(self) -> int:
        """Content-Length, bytes of the block; -1 when it is missing or no number."""
        value = self._named.get("content-length", "")
        return int(value) if value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS else -1


def is_not_modified(head: RecordHead) -> bool:
    """Whether a revisit says that nothing has changed, in WARC 1.1 or 1.0: it has no payload, nor needs one."""
    return (head.get("WARC-Profile") or "").endswith("/revisit/server-not-modified")


def parse_record_head(raw: bytes) -> RecordHead:
    """The header of a record, UTF-8 or else latin-1; lines that are no field are passed over."""
    text = header_text(raw).replace("\r\n", "\n")
    version, *lines = text.replace("\n ", " ").replace("\n\t", " ").split("\n")
    parts = [line.partition(":") for line in lines]
    return RecordHead(version.strip(), tuple([(name.strip(), value.strip()) for name, colon, value in parts if colon]))


def one_line(value: str) -> str:
    """A field value that cannot end its line: control characters are percent-encoded."""
    return _CONTROLS.sub(lambda found: quote(found[0].encode("utf-8", "surrogatepass"), safe=""), value)


def new_record_id() -> str:
    """`urn:uuid:...`, never used before."""
    return f"urn:uuid:{uuid4()}"


def target_uri(url: str) -> str:
    """The URL as ASCII without blanks or control characters; one in canonical form stays as it is."""
    return quote(url.encode("utf-8", "surrogatepass"), safe=_URI_KEPT)


def warc_date(moment: str) -> str:
    """The moment, checked: it is written into headers. Raises ValueError."""
    if not _DATE.fullmatch(moment):
        raise ValueError(f"not a UTC moment: {moment!r}")
    return moment


def ip_address(text: str | None) -> str | None:
    """An address without zone, None when it is none."""
    try:
        return str(ipaddress.ip_address((text or "").partition("%")[0]))
    except ValueError:
        return None


# --- gzip members -----------------------------------------------------------------------------------------------------


def is_dense(sample: bytes) -> bool:
    """Whether bytes are compressed already, as most pages come: then compressing them again is half the cost of all."""
    if len(sample) < _DENSE_FROM:
        return False
    return sample.startswith(_GZIP) or len(zlib.compress(sample, 1)) > _DENSE_RATIO * len(sample)


class Member:
    """One gzip member: feed it, write what it gives back, then what `end` gives back."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = 0
        self._size = 0
        self._out = bytearray(GZIP_HEAD)

    def feed(self, data: bytes) -> bytes:
        """Compressed bytes, once enough of them are ready to be worth a write."""
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._out += self._deflate.compress(data)
        return self._taken() if len(self._out) >= PIECE else b""

    def store(self) -> None:
        """From here on bytes are only wrapped: deflate blocks may follow one another from any compressor."""
        self._out += self._deflate.flush(zlib.Z_FULL_FLUSH)
        self._deflate = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)

    def end(self) -> bytes:
        """The rest, with the checksum."""
        self._out += self._deflate.flush() + struct.pack("<II", self._crc, self._size & 0xFFFFFFFF)
        return self._taken()

    def _taken(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out


# --- what a block holds -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """What was learnt of an HTTP block in passing over it."""

    length: int
    block_digest: str
    payload_digest: str | None  # None: readers would not agree where the payload begins
    body_sha256: str | None
    head: Head
    raw_head: bytes
    signals: str | None = None  # what its record says of rights: JSON, see `reservations`


def run_uri(run_id: str, what: str) -> str:
    """The URI of a resource record about a run: its `settings`, `ledger` or `log`."""
    return f"urn:newswarc:run:{run_id}:{what}"


def is_ledger(uri: str | None) -> bool:
    """Whether a resource record holds the account of a run."""
    return _is_of_run(uri, "ledger")


def is_settings(uri: str | None) -> bool:
    """Whether a resource record holds the settings of a run, which stand before anything it archived."""
    return _is_of_run(uri, "settings")


def is_log(uri: str | None) -> bool:
    """Whether a resource record holds the log of a run: long, and for people only."""
    return _is_of_run(uri, "log")


def _is_of_run(uri: str | None, what: str) -> bool:
    start, end = run_uri("\n", what).split("\n")
    return uri is not None and uri.startswith(start) and uri.endswith(end)


def sha1(digest: bytes) -> str:
    """A digest as WARC writes it: `sha1:BASE32`."""
    return "sha1:" + base64.b32encode(digest).decode("ascii")


def sha1_of(data: bytes) -> str:
    """The digest of bytes in memory, as WARC writes it."""
    return sha1(hashlib.sha1(data, usedforsecurity=False).digest())


def digest_of(block: IO[bytes]) -> tuple[int, str]:
    """Length and digest of a whole seekable file."""
    length, digest = 0, hashlib.sha1(usedforsecurity=False)
    for piece in pieces(block, 0, sys.maxsize):
        digest.update(piece)
        length += len(piece)
    return length, sha1(digest.digest())


def pieces(block: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """The bytes of a seekable file from `start` to `end`, or as far as it goes."""
    block.seek(start)
    while start < end and (piece := block.read(min(PIECE, end - start))):
        start += len(piece)
        yield piece


def measure(block: IO[bytes], length: int, *, hash_body: bool) -> Measured:
    """One pass over an HTTP message of at most `length` bytes, and one over its body when that is to be hashed."""
    raw_head = b"".join(pieces(block, 0, min(length, HEAD_LIMIT)))
    head = split_head(raw_head)
    raw_head = raw_head[: head.payload_offset]
    of_block, of_payload = hashlib.sha1(usedforsecurity=False), hashlib.sha1(usedforsecurity=False)
    at = 0
    for piece in pieces(block, 0, length):
        of_block.update(piece)
        of_payload.update(piece[max(0, head.payload_offset - at) :])
        at += len(piece)
    return Measured(
        length=at,
        block_digest=sha1(of_block.digest()),
        payload_digest=sha1(of_payload.digest()) if undisputed(raw_head) else None,
        body_sha256=body_sha256(block, at, head) if hash_body else None,
        head=head,
        raw_head=raw_head,
    )


def undisputed(raw_head: bytes) -> bool:
    """Other readers end a header block at its first line of blanks, which to HTTP continues the line before it."""
    return all(header_text(line).strip() for line in raw_head.split(b"\n")[:-2])


def body_sha256(block: IO[bytes], length: int, head: Head) -> str | None:
    """Hex SHA-256 of the decoded body of an HTTP message.

    None when it cannot be decoded to its end, is longer than HASHED_RAW, or decodes to more than HASHED_BODY.
    """
    if length - head.payload_offset > HASHED_RAW:
        return None
    trouble, hashed, size = Trouble(), hashlib.sha256(), 0
    for piece in decoded_pieces(pieces(block, head.payload_offset, length), head.headers, trouble):
        size += len(piece)
        if size > HASHED_BODY:
            return None
        hashed.update(piece)
    return None if trouble.cut or trouble.error else hashed.hexdigest()
