"""HTTP messages as bytes: the header block as it came, and bodies through every coding, whole, broken and huge."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeadersParser

from storage.warc.http_message import Decoded, decode_body, media_type, split_head, split_interim

OK = b"HTTP/1.1 200 OK\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
BODY = b"<html>" + bytes(range(256)) * 3 + b"All quiet in Little Harbour today. " * 2_000
LIMIT = 10_000_000


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


CODINGS = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", _raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.compress),
}
coded = pytest.mark.parametrize("coding", CODINGS)


def _decode(raw: bytes, coding: str | None = None, limit: int = LIMIT, **more: str) -> Decoded:
    headers = (("content-encoding", coding),) if coding is not None else ()
    return decode_body(raw, (*headers, *((name.replace("_", "-"), value) for name, value in more.items())), limit)


# --- header blocks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "status", "reason", "headers", "payload"),
    [
        (OK + b"A: b\r\n\r\nbody", 200, "OK", (("a", "b"),), b"body"),
        (b"HTTP/1.1 404\r\n\r\n", 404, "", (), b""),
        (b"HTTP/1.1 404 \r\n\r\n", 404, "", (), b""),
        (b"HTTP/1.1  301  Moved  away\r\n\r\n", 301, "Moved  away", (), b""),
        (b"HTTP/1.0 200 OK\nA: b\n\nbody", 200, "OK", (("a", "b"),), b"body"),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\nbody", 200, "OK", (("a", "b"),), b"body"),
        (b"ICY 200 OK\r\n\r\n", 200, "OK", (), b""),
        (OK + b"A: b\r\n  c\r\n\td\r\nE: f\r\n\r\n", 200, "OK", (("a", "b c d"), ("e", "f")), b""),
        (OK + b"  first\r\nA: b\r\n\r\n", 200, "OK", (("a", "b"),), b""),
        (OK + b"no colon\r\n folded\r\nA: b\r\n\r\n", 200, "OK", (("a", "b"),), b""),
        (OK + b"A: b\r\n \r\nC: d\r\n\r\nbody", 200, "OK", (("a", "b"), ("c", "d")), b"body"),
        (OK + b"sEt-CooKie: 1\r\nSet-Cookie: 2\r\n\r\n", 200, "OK", (("set-cookie", "1"), ("set-cookie", "2")), b""),
        (OK + b"A : b \r\nEmpty:\r\n\r\n", 200, "OK", (("a", "b"), ("empty", "")), b""),
        (OK + b"A: \xe4\xff\r\n\r\n", 200, "OK", (("a", "\xe4\xff"),), b""),
        (OK + b"A: b\r\n\r\n\r\n\r\nbody", 200, "OK", (("a", "b"),), b"\r\n\r\nbody"),
        (b"HTTP/1.1 200OK\r\n\r\n", 200, "OK", (), b""),
        (b"HTTP/1.1 2000 OK\r\n\r\n", None, "", (), b""),
        (b"HTTP/1.1 000 None\r\n\r\n", None, "", (), b""),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", None, "", (), b"HTTP/1.1 200 OK\r\n\r\n"),
        (b"<html>no header at all", None, "", (), b""),
        (b"", None, "", (), b""),
    ],
)
def test_split_head(raw, status, reason, headers, payload):
    """A header block is read as it stands, whatever liberties the server took."""
    head = split_head(raw)
    assert (head.status, head.reason, head.headers, raw[head.payload_offset :]) == (status, reason, headers, payload)


def test_head_without_blank_line_is_not_complete():
    """A header block that was cut off takes all bytes, says so, and keeps the headers that came."""
    head = split_head(OK + b"A: b\r\nContent-Ty")
    assert (head.complete, head.payload_offset, head.headers) == (False, 33, (("a", "b"),))


def test_many_and_long_headers():
    """300 headers, one of them 9 kB long, are all there, in order."""
    lines = [b"X-%d: %d\r\n" % (i, i) for i in range(300)] + [b"Long: " + b"x" * 9_000 + b"\r\n"]
    headers = split_head(OK + b"".join(lines) + b"\r\n").headers
    assert [value for _, value in headers[:300]] == [str(i) for i in range(300)]
    assert len(headers[300][1]) == 9_000


_LINES = [b"HTTP/1.1 200 OK", b"A: b", b"A: b\xe4", b" folded", b"nocolon", b"", b"", b"x", b"Content-Length: 5"]


@given(
    st.lists(st.sampled_from(_LINES), max_size=8),
    st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=8, max_size=8),
)
def test_payload_begins_where_warcio_sees_it(lines, ends):
    """The payload offset is the one that `warcio check` will recompute the payload digest from."""
    raw = b"".join(line + end for line, end in zip(lines, ends, strict=False)) + b"end"
    stream = io.BytesIO(raw)
    StatusAndHeadersParser(["HTTP/1"], verify=False).parse(stream)
    assert split_head(raw).payload_offset == stream.tell()


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "zstd", "chunked", "x", "gzip, br"]))
def test_garbage_never_raises(raw, coding):
    """Whatever comes in, there is a head and a body of bytes."""
    head = split_head(raw)
    assert 0 <= head.payload_offset <= len(raw)
    assert split_interim(raw)[1] <= len(raw)
    assert isinstance(_decode(raw, coding).body, bytes)
    assert isinstance(_decode(raw, transfer_encoding=coding).body, bytes)


@pytest.mark.parametrize(
    ("raw", "interim"),
    [
        (OK + b"\r\nx", b""),
        (HINTS + OK + b"\r\n", HINTS),
        (b"HTTP/1.1 100\n\nHTTP/1.1 102 P\r\n\r\n" + OK + b"\r\n", b"HTTP/1.1 100\n\nHTTP/1.1 102 P\r\n\r\n"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early Hints\r\nLin", b"HTTP/1.1 103 Early Hints\r\nLin"),
        (b"garbage", b""),
        (b"", b""),
    ],
)
def test_split_interim(raw, interim):
    """Interim answers end where the final status line begins."""
    assert split_interim(raw) == (interim, len(interim))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Text/HTML; charset=UTF-8", "text/html"),
        ("text/html charset=utf-8", "text/html"),
        ("text/html, text/plain", "text/html"),
        ("  application/rss+xml ", "application/rss+xml"),
        ("html", None),
        ("", None),
        ("text/\xe4", None),
        ("text/html\x1b[31m", None),
        ("a/b/c", None),
    ],
)
def test_media_type(value, expected):
    """A media type is two tokens in lower case, or unknown."""
    assert media_type((("content-type", value),)) == expected
    assert media_type(()) is None


# --- bodies -----------------------------------------------------------------------------------------------------------


@coded
def test_coding(coding):
    """Every coding comes off, once, twice, and when a header names it once too often."""
    name, pack = CODINGS[coding]
    assert _decode(pack(BODY), name) == Decoded(BODY)
    assert _decode(pack(BODY), name.upper()) == Decoded(BODY)
    assert _decode(pack(pack(BODY)), f"{name}, {name}") == Decoded(BODY)
    assert _decode(pack(BODY), f"{name}, {name}") == Decoded(BODY)
    assert _decode(b"", name) == Decoded(b"")


@coded
def test_truncated_coding(coding):
    """Of a stream that was cut off anywhere, what decodes is kept, and it is marked."""
    name, pack = CODINGS[coding]
    body = BODY + b"".join(b"%d quiet days in %x harbours. " % (n * n, n) for n in range(12_000))
    packed = pack(body)
    kept = 0
    for end in range(16, len(packed), len(packed) // 30):
        decoded = _decode(packed[:end], name)
        assert decoded.cut
        assert body.startswith(decoded.body)
        assert len(decoded.body) >= kept
        kept = len(decoded.body)
    assert kept > len(body) // 2


@coded
def test_limit(coding):
    """No more than the limit comes out, and it is marked; a body of just the limit is whole."""
    name, pack = CODINGS[coding]
    assert _decode(pack(BODY), name, limit=1_000) == Decoded(BODY[:1_000], cut=True)
    assert _decode(pack(BODY), name, limit=len(BODY)) == Decoded(BODY)


@coded
@pytest.mark.parametrize("plain", [b"<p>x", b"<html>" + b"plain text " * 90, b'{"a": 1}', b"\xff\xd8" + b"\x81" * 900])
def test_coding_that_is_not_there(coding, plain):
    """Plain bytes under a Content-Encoding header stay as they are."""
    assert _decode(plain, CODINGS[coding][0]).body == plain


def test_mixed_codings():
    """Codings come off in the reverse order of the headers, transfer coding first."""
    packed = brotli.compress(gzip.compress(BODY))
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    assert _decode(chunked, "gzip, br", transfer_encoding="chunked") == Decoded(BODY)
    squeezed = zlib.compress(BODY)
    chunked = b"%X\r\n%s\r\n0\r\n\r\n" % (len(squeezed), squeezed)
    assert _decode(chunked, transfer_encoding="deflate, chunked") == Decoded(BODY)
    assert _decode(b"plain", "identity") == Decoded(b"plain")


def test_gzip_members_and_padding():
    """Members in a row are one body; what follows the last is dropped; a wrong checksum is an error, its body kept."""
    assert _decode(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip") == Decoded(b"one two")
    for pack, name in ((gzip.compress, "gzip"), (zlib.compress, "deflate"), (zstandard.compress, "zstd")):
        assert _decode(pack(BODY) + b"\0" * 50, name) == Decoded(BODY)
    broken = gzip.compress(BODY)[:-8] + bytes(8)
    assert _decode(broken, "gzip").body == BODY
    assert "broken compression" in str(_decode(broken, "gzip").error)


def test_zstd_frames():
    """Frames in a row and skippable ones are read; one that asks for a window of gigabytes is refused."""
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    assert _decode(skippable + zstandard.compress(b"one ") + zstandard.compress(b"two"), "zstd").body == b"one two"
    huge = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=30)).compressobj()
    assert _decode(huge.compress(BODY) + huge.flush(), "zstd").error


def test_unknown_coding_is_an_error():
    """An unknown coding leaves the bytes and says so; so does a pile of codings."""
    assert _decode(b"abc", "compress") == Decoded(b"abc", cut=False, error="unknown content coding 'compress'")
    assert _decode(b"abc", ",".join(["gzip"] * 50)).error
    assert _decode(gzip.compress(b"abc"), "rot13, gzip").body == b"abc"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", Decoded(b"abcde")),
        (b"3;ext=1\r\nabc\r\n0;x\r\nTrailer: t\r\n\r\n", Decoded(b"abc")),
        (b"3\nabc\n2\nde\n0\n\n", Decoded(b"abcde")),
        (b" 003 \r\nabc\r\n0\r\n\r\n", Decoded(b"abc")),
        (b"0\r\n\r\n", Decoded(b"")),
        (b"", Decoded(b"")),
        (b"3\r\nabc\r\n", Decoded(b"abc", cut=True)),
        (b"3\r\nab", Decoded(b"ab", cut=True)),
        (b"ffffffffffffffff\r\nabc", Decoded(b"abc", cut=True)),
        (b"3\r\nabc2\r\nde\r\n0\r\n\r\n", Decoded(b"abcde")),
        (b"3\r\nabc\r\nzz\r\nde", Decoded(b"abc", cut=True, error="broken chunk framing")),
        (b"3\r\nabc\r\n-2\r\nde", Decoded(b"abc", cut=True, error="broken chunk framing")),
        (b"<html>no chunks\r\n", Decoded(b"<html>no chunks\r\n")),
    ],
)
def test_chunked(raw, expected):
    """Chunk framing comes off; broken framing keeps what came; bytes that are not chunked stay as they are."""
    assert _decode(raw, transfer_encoding="chunked") == expected


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20), st.sampled_from([b"\r\n", b"\n"]))
def test_chunks_of_any_size(chunks, end):
    """The body is the chunks put together, whatever they hold."""
    raw = b"".join(b"%x%s%s%s" % (len(chunk), end, chunk, end) for chunk in chunks) + b"0" + end + end
    assert _decode(raw, transfer_encoding="chunked") == Decoded(b"".join(chunks))


_BOMBS = """
import gzip, resource, sys, brotli, zlib, zstandard
from storage.warc.http_message import Trouble, decode_body, decoded_pieces

def zeros(make, size):
    packer = make()
    eat = getattr(packer, "process", None) or packer.compress
    end = getattr(packer, "finish", None) or packer.flush
    return b"".join(eat(bytes(1 << 20)) for _ in range(size >> 20)) + end()

gib = 1 << 30
deflated = lambda wbits: lambda: zlib.compressobj(9, wbits=wbits)
bombs = {
    "gzip": zeros(deflated(31), gib >> 4) * 160,  # 10 GB
    "zstd": zeros(lambda: zstandard.ZstdCompressor(write_content_size=False).compressobj(), gib >> 4) * 160,
    "deflate": zeros(deflated(-15), gib >> 2),
    "br": zeros(lambda: brotli.Compressor(quality=1), gib >> 2),
}
bombs["gzip, gzip"] = gzip.compress(bombs["gzip"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for coding, bomb in bombs.items():
    headers = (("content-encoding", coding),)
    decoded = decode_body(bomb, headers, 1_000_000)
    assert decoded.body == bytes(1_000_000) and decoded.cut, coding
    size = 0
    for piece in decoded_pieces((bomb,), headers, Trouble()):
        size += len(piece)
        if size > gib >> 3:
            break
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bombs_are_bounded():
    """10 GB in a few megabytes cost the limit and little more, in every coding."""
    done = subprocess.run([sys.executable, "-c", _BOMBS], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) < 40_000  # KiB, above what holding the bombs took
