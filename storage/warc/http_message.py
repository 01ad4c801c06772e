"""HTTP/1.x messages as bytes: where the header block ends, what it says, and the body behind its codings.

Pure, and it never raises on what a server sent: garbage gives a `Head` without status, a broken body gives what
could be decoded of it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import brotli
import zstandard

Headers = tuple[tuple[str, str], ...]

HEAD_LIMIT = 1 << 20  # bytes in which a header block must end
_END = re.compile(rb"(?:\A|\n)\r?\n")
_STATUS = re.compile(r"\s*[A-Za-z]+(?:/[0-9.]*)?\s+([1-9][0-9]{2})(?![0-9])(.*)", re.DOTALL)
_MEDIA_TYPE = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+)(?:[\s;,]|\Z)")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_LENGTH = re.compile(r"[0-9]{1,20}")
_INTERIM = frozenset(range(100, 200)) - {101}
_NOT_IN_TEXT = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")
_DECIDE = 512  # bytes looked at to tell a coded body from a plain one
_LINE_LIMIT = 16_384  # of a chunk size line with its extensions
_GZIP = b"\x1f\x8b"
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # RFC 8878: a frame, a skippable frame
_ZLIB_HEADER = 2
_FEED = 16_384  # bytes given to a decoder at once
_FEED_ZSTD = 256  # a four-byte block can hold 128 KiB, and the decoder has no output limit of its own
_YIELD = 65_536  # bytes taken from a decoder at once
_ZSTD_WINDOW = 1 << 23  # RFC 9659: no more over HTTP
_MAX_CODINGS = 6


@dataclass(frozen=True, slots=True)
class Head:
    """A header block. Without a blank line all bytes, up to HEAD_LIMIT, belong to it and `complete` is false."""

    status: int | None
    reason: str
    headers: Headers  # lower-case name, latin-1 value, in the order sent
    payload_offset: int
    complete: bool = True
    start_line: str = ""

    def get(self, name: str) -> str | None:
        """The first value of a lower-case name."""
        return first_value(self.headers, name)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body without its codings. `cut`: some of it is missing; `error`: why it could not be decoded as declared."""

    body: bytes
    cut: bool = False
    error: str | None = None


@dataclass(slots=True)
class Trouble:
    """What went wrong while a body was decoded piece by piece; filled in as the pieces are taken."""

    cut: bool = False
    error: str | None = None

    def note(self, error: str) -> None:
        """Keeps the first error; what follows from it is not news."""
        self.cut = True
        self.error = self.error or error


# --- the header block -------------------------------------------------------------------------------------------------


def head_end(raw: bytes | memoryview) -> int | None:
    """The offset behind the header block at the start of `raw`; None when it does not end."""
    end = _END.search(raw, 0, HEAD_LIMIT)
    return end.end() if end else None


def split_head(raw: bytes | memoryview) -> Head:
    """The header block at the start of `raw`: LF alone, folded lines and lines without a colon are put up with."""
    end = head_end(raw)
    offset = min(len(raw), HEAD_LIMIT) if end is None else end
    start, *lines = str(raw[:offset], "latin-1").split("\n")
    start = start.strip(" \t\r")
    found = _STATUS.match(start)
    return Head(
        status=int(found[1]) if found else None,
        reason=found[2].strip() if found else "",
        headers=_fields(lines),
        payload_offset=offset,
        complete=end is not None,
        start_line=start,
    )


def _fields(lines: Iterable[str]) -> Headers:
    unfolded: list[list[str]] = []
    for line in lines:
        if line[:1] in {" ", "\t"} and unfolded:
            unfolded[-1].append(line)
        else:
            unfolded.append([line])
    named = (" ".join(part.strip(" \t\r") for part in parts).partition(":") for parts in unfolded)
    return tuple((name.strip(" \t").lower(), value.strip(" \t")) for name, colon, value in named if colon)


def split_interim(raw: bytes) -> tuple[bytes, int]:
    """The 1xx answers at the start of `raw`, and where the final status line begins.

    101 is final. An interim answer that is cut off counts as interim: the second value is then `len(raw)`.
    """
    view, offset = memoryview(raw), 0  # slices of the bytes themselves would be copies, one for each answer
    while True:
        head = split_head(view[offset:])
        if head.status not in _INTERIM:
            return raw[:offset], offset
        offset += head.payload_offset


def header_text(raw: bytes) -> str:
    """Header bytes as most readers take them: UTF-8 if they are, else latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def first_value(headers: Headers, name: str) -> str | None:
    """The first value of a lower-case header name, None without one."""
    return next((value for key, value in headers if key == name), None)


def media_type(headers: Headers) -> str | None:
    """`text/html` of the first Content-Type: lower case, no parameters; None when it does not begin with one."""
    found = _MEDIA_TYPE.match((first_value(headers, "content-type") or "").strip().lower())
    return found[1] if found else None


# --- the body ---------------------------------------------------------------------------------------------------------


def decode_body(raw_payload: bytes, headers: Headers, limit: int) -> Decoded:
    """The body without chunk framing and compression, at most `limit` bytes of it.

    A coding that the bytes plainly do not have is ignored; an unknown one is an error, with the body as it was there.
    """
    trouble = Trouble()
    body = bytearray()
    for piece in decoded_pieces((raw_payload,), headers, trouble):
        body += piece
        if len(body) > limit:
            del body[limit:]
            trouble.cut = True
            break
    return Decoded(bytes(body), trouble.cut, trouble.error)


def decoded_pieces(pieces: Iterable[bytes], headers: Headers, trouble: Trouble) -> Iterator[bytes]:
    """The decoded body, piece by piece (some hundred kilobytes at most), without ever holding all of it."""
    names = [*_tokens(headers, "transfer-encoding")[::-1], *_tokens(headers, "content-encoding")[::-1]]
    if len(names) > _MAX_CODINGS:
        trouble.note(f"{len(names)} content codings on top of each other")
        return iter(pieces)
    stream = _declared(iter(pieces), headers)
    for name in names:
        stage = _STAGES.get(name)
        if stage is None:
            trouble.error = trouble.error or f"unknown content coding {name[:40]!r}"
            break
        stream = stage(stream, trouble)
    return stream


def _declared(pieces: Iterator[bytes], headers: Headers) -> Iterator[bytes]:
    """The payload as far as Content-Length says: what follows on the wire is no part of this answer (RFC 9112, 6.3)."""
    lengths = {value for key, value in headers if key == "content-length"}
    length = lengths.pop() if len(lengths) == 1 else ""
    if not _LENGTH.fullmatch(length) or any(key == "transfer-encoding" for key, _ in headers):
        return pieces
    return _first(pieces, int(length))


def _first(pieces: Iterator[bytes], left: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _tokens(headers: Headers, name: str) -> list[str]:
    values = ",".join(value for key, value in headers if key == name)
    tokens = (token.partition(";")[0].strip().lower() for token in values.split(","))
    return [token for token in tokens if token not in {"", "identity", "none"}]


class _Feed:
    """Pieces as one stream, to look ahead in and to take lines from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._at = 0

    def _more(self) -> bool:
        piece = next((piece for piece in self._pieces if piece), b"")
        self._rest = self._rest[self._at :] + piece
        self._at = 0
        return bool(piece)

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes, left where they are."""
        while len(self._rest) - self._at < size and self._more():
            pass
        return self._rest[self._at : self._at + size]

    def take(self, size: int) -> bytes:
        """Between 1 and `size` bytes; none at the end."""
        if self._at >= len(self._rest) and not self._more():
            return b""
        taken = self._rest[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def line(self) -> bytes:
        """Up to and with the next LF; the rest without one; at most `_LINE_LIMIT` bytes."""
        while True:
            end = self._rest.find(b"\n", self._at, self._at + _LINE_LIMIT)
            if end >= 0:
                return self.take(end + 1 - self._at)
            if len(self._rest) - self._at >= _LINE_LIMIT or not self._more():
                return self.take(_LINE_LIMIT)

    def all(self, size: int = _YIELD) -> Iterator[bytes]:
        """Everything that is left."""
        while piece := self.take(size):
            yield piece


def _dechunked(pieces: Iterator[bytes], trouble: Trouble) -> Iterator[bytes]:
    """Chunk framing off; broken framing keeps what came before it; bytes without any framing stay as they are."""
    return _gathered(_chunks(_Feed(pieces), trouble))


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Small pieces joined: what comes next has a price for each."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= _FEED:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _chunks(feed: _Feed, trouble: Trouble) -> Iterator[bytes]:
    line = feed.line()
    if not _CHUNK_SIZE.fullmatch(line):
        yield line
        yield from feed.all()
        return
    while line:
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            trouble.note("broken chunk framing")
            return
        left = int(size[1], 16)
        if left == 0:
            return
        while left and (piece := feed.take(min(left, _YIELD))):
            left -= len(piece)
            yield piece
        line = feed.line()
        if line in {b"\r\n", b"\n"}:
            line = feed.line()
    trouble.cut = True


def _is_coded(sample: bytes, finishes: Callable[[bytes], bool], error: type[Exception]) -> bool:
    """Whether bytes without a magic number are what they should be: by trial; compression makes control bytes."""
    text = _NOT_IN_TEXT.isdisjoint(sample)
    if text and len(sample) >= _DECIDE // 4:
        return False
    try:
        return finishes(sample) or not text
    except error:
        return False


def _gunzipped(pieces: Iterator[bytes], trouble: Trouble) -> Iterator[bytes]:
    feed = _Feed(pieces)
    return _inflated(feed, zlib.MAX_WBITS | 16, trouble) if _GZIP.startswith(feed.peek(len(_GZIP))) else feed.all()


def _undeflated(pieces: Iterator[bytes], trouble: Trouble) -> Iterator[bytes]:
    """`deflate` is zlib by the standard, and raw deflate from some servers."""
    feed = _Feed(pieces)
    sample = feed.peek(_DECIDE)
    head = sample[:_ZLIB_HEADER]
    if len(head) == _ZLIB_HEADER and head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head, "big") % 31 == 0:
        return _inflated(feed, zlib.MAX_WBITS, trouble)
    return _inflated(feed, -zlib.MAX_WBITS, trouble) if _is_coded(sample, _ends_raw, zlib.error) else feed.all()


def _ends_raw(sample: bytes) -> bool:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    decoder.decompress(sample, _YIELD)
    return decoder.eof


def _inflated(feed: _Feed, wbits: int, trouble: Trouble) -> Iterator[bytes]:
    """Deflate in all its wrappings, members in a row too; bytes behind the last one are padding and dropped."""
    if not feed.peek(1):
        return
    decoder = zlib.decompressobj(wbits)
    while piece := feed.take(_FEED):
        while piece:
            if decoder.eof:
                if wbits <= zlib.MAX_WBITS or not piece.startswith(_GZIP[:1]):
                    return
                decoder = zlib.decompressobj(wbits)
            before = decoder.copy()
            try:
                out = decoder.decompress(piece, _YIELD)
            except zlib.error as error:
                yield from _salvaged(before, piece)
                trouble.note(f"broken compression: {error}")
                return
            if out:
                yield out
            piece = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    yield from iter(lambda: decoder.decompress(b"", _YIELD) if not decoder.eof else b"", b"")
    trouble.cut = trouble.cut or not decoder.eof


def _salvaged(decoder: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """What decodes before the byte that broke it: zlib itself throws away the output of a call that fails."""
    try:
        for at in range(len(piece)):
            yield decoder.decompress(piece[at : at + 1], _YIELD)
    except zlib.error:
        return


def _unbrotlied(pieces: Iterator[bytes], trouble: Trouble) -> Iterator[bytes]:
    feed = _Feed(pieces)
    return _brotli_pieces(feed, trouble) if _is_coded(feed.peek(_DECIDE), _ends_brotli, brotli.error) else feed.all()


def _ends_brotli(sample: bytes) -> bool:
    decoder = brotli.Decompressor()
    decoder.process(sample, output_buffer_limit=_YIELD)
    return bool(decoder.is_finished())


def _brotli_pieces(feed: _Feed, trouble: Trouble) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    piece = feed.take(_FEED)
    while not decoder.is_finished():
        try:
            out = decoder.process(piece, output_buffer_limit=_YIELD)
        except brotli.error as error:
            trouble.note(f"broken compression: {error}")
            return
        piece = b""
        if out:
            yield out  # there may be more of it before the next piece is due
        elif decoder.can_accept_more_data() and not (piece := feed.take(_FEED)):
            trouble.cut = trouble.cut or not decoder.is_finished()
            return


def _unzstded(pieces: Iterator[bytes], trouble: Trouble) -> Iterator[bytes]:
    feed = _Feed(pieces)
    return _zstd_pieces(feed, trouble) if _ZSTD.match(feed.peek(4)) else feed.all()


def _zstd_pieces(feed: _Feed, trouble: Trouble) -> Iterator[bytes]:
    frames = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    decoder = frames.decompressobj()
    while piece := feed.take(_FEED_ZSTD):
        while piece:
            following = decoder.eof
            if following:
                decoder = frames.decompressobj()
            try:
                out = decoder.decompress(piece)
            except zstandard.ZstdError as error:
                if not following:  # else it is padding
                    trouble.note(f"broken compression: {error}")
                return
            if out:
                yield out
            piece = decoder.unused_data if decoder.eof else b""
    trouble.cut = trouble.cut or not decoder.eof


_STAGES: dict[str, Callable[[Iterator[bytes], Trouble], Iterator[bytes]]] = {
    "chunked": _dechunked,
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "deflate": _undeflated,
    "br": _unbrotlied,
    "zstd": _unzstded,
}
