"""Faults of the wire: heads, framing, codings, pace. Stories in them are whole articles, so what is lost shows."""

# ruff: noqa: E501 - a fault a line reads best as a table

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import brotli
import zstandard

from tests.hostile.faults import ANYTHING, NEVER, STORED, Fault, Story
from tests.hostile.server import Answer, Line

FORGED = "2001-01-01 00:00:00,000 newswarc CRITICAL FORGED"
_MB = bytes(1 << 20)
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def raw(*pieces: bytes, then: str = "close") -> Answer:
    """An answer of some bytes; `then`: close, keep, stall or reset."""

    def answer(line: Line) -> None:
        for piece in pieces:
            line.send(piece)
        if then == "stall":
            line.stall()
        elif then == "reset":
            line.reset()
        elif then == "close":
            line.hang_up()

    return answer


def flood(head: bytes, again: bytes) -> Answer:
    """An answer that never ends."""

    def answer(line: Line) -> None:
        line.send(head)
        line.flood(itertools.repeat(again))

    return answer


def drip(head: bytes, again: bytes, pause: float = 0.3) -> Answer:
    """One that never ends either, but slowly."""

    def answer(line: Line) -> None:
        line.send(head)
        line.drip(itertools.repeat(again), pause)

    return answer


def coded(coding: str, pieces: Iterator[bytes] | bytes, status: str = "200 OK") -> Answer:
    """A body in a content coding, sent until the connection closes."""

    def answer(line: Line) -> None:
        line.head(f"Content-Encoding: {coding}", "Connection: close", status=status)
        line.flood([pieces] if isinstance(pieces, bytes) else pieces)

    return answer


def lazily(coding: str, make: Callable[[], Iterator[bytes]], status: str = "200 OK") -> Answer:
    """The same with pieces made anew for each request."""

    def answer(line: Line) -> None:
        coded(coding, make(), status)(line)

    return answer


@cache
def _gzip_parts() -> tuple[bytes, bytes]:
    """The start of a gzip stream, and a block of it that is a megabyte of zeros and can be repeated."""
    coder = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = coder.compress(b"<p>") + coder.flush(zlib.Z_FULL_FLUSH)
    return start, coder.compress(_MB) + coder.flush(zlib.Z_FULL_FLUSH)


def gzip_bomb(gigabytes: int = 10) -> Iterator[bytes]:
    """Ten gigabytes in ten megabytes."""
    start, block = _gzip_parts()
    return itertools.chain([start], itertools.repeat(block, gigabytes * 1024))


def nested_bomb() -> Iterator[bytes]:
    """The same, packed once more: ten gigabytes in some tens of kilobytes."""
    coder = zlib.compressobj(9, zlib.DEFLATED, 31)
    for piece in gzip_bomb():
        if packed := coder.compress(piece):
            yield packed
    yield coder.flush()


@cache
def _brotli_parts() -> tuple[bytes, bytes]:
    coder = brotli.Compressor(quality=5, lgwin=18)
    start = coder.process(b"<p>" + _MB) + coder.flush()
    coder.process(_MB)
    coder.flush()
    return start, coder.process(_MB) + coder.flush()


def brotli_bomb() -> Iterator[bytes]:
    """Ten gigabytes in some hundred kilobytes."""
    start, block = _brotli_parts()
    return itertools.chain([start], itertools.repeat(block, 10 * 1024))


def zstd_bomb() -> Iterator[bytes]:
    """Ten gigabytes as frames in a row."""
    return itertools.repeat(zstandard.compress(_MB * 4, 3), 2560)


def _layers(body: bytes, count: int) -> bytes:
    for _ in range(count):
        body = gzip.compress(body)
    return body


def _chunked(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def _smuggle(line: Line) -> None:
    """A second answer behind the first, for a request that was not made."""
    fake = Story(666, "smuggled").page()
    own = Story(1, "smuggler").page()
    line.send(_OK + b"Content-Length: %d\r\n\r\n" % len(own) + own)
    line.send(_OK + b"Content-Length: %d\r\n\r\n" % len(fake) + fake)


def heads(number: Iterator[int]) -> list[Fault]:
    """Bad status lines and header blocks."""
    page = Story(next(number), "head").page()
    whole = b"Content-Length: %d\r\n\r\n" % len(page) + page
    failed = r"failed:(bad-response|length|timeout|disconnect|reset|http-)"
    return [
        Fault("endless-headers", flood(_OK, b"X-Filler: " + b"x" * 4000 + b"\r\n"), failed, "length"),
        Fault("endless-header-line", flood(_OK + b"X-Long: ", b"y" * 65_000), failed, "length"),
        Fault("endless-status-line", flood(b"HTTP/1.1 200 ", b"O" * 65_000), failed, "length"),
        Fault("tiny-headers-without-end", flood(_OK, b"a:b\r\n" * 1000), failed, "length"),
        Fault("dripping-headers", drip(_OK, b"X-Slow: 1\r\n"), "failed:timeout", "time"),
        Fault("no-answer", raw(then="stall"), "failed:timeout"),
        Fault("stall-in-headers", raw(_OK, b"X-Half", then="stall"), "failed:timeout", "time"),
        Fault("close-at-once", raw(), "failed:"),
        Fault("reset-at-once", raw(then="reset"), "failed:"),
        Fault("reset-in-headers", raw(_OK, then="reset"), "failed:", "disconnect|"),
        Fault("not-http", raw(b"SSH-2.0-OpenSSH_9.6\r\nInvalid\r\n"), "failed:"),
        Fault("http-0-9", raw(page), "failed:"),
        Fault("binary-garbage", raw(bytes(range(256)) * 40), "failed:"),
        Fault("status-999", raw(b"HTTP/1.1 999 Request denied\r\n" + whole), "failed:http-999"),
        Fault("status-99999", raw(b"HTTP/1.1 99999 Over\r\n" + whole), "failed:"),
        Fault("status-zero", raw(b"HTTP/1.1 000 Nothing\r\n" + whole), "failed:"),
        Fault("status-in-letters", raw(b"HTTP/1.1 20x OK\r\n" + whole), "failed:"),
        Fault("version-99", raw(b"HTTP/99.99 200 OK\r\n" + whole), ANYTHING),
        Fault("switching-protocols", raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", then="stall"), "failed:"),
        Fault("endless-interim", flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), "failed:", "length"),
        Fault("early-hints-without-end", drip(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0.1), "failed:timeout"),
        Fault("no-content-with-body", raw(b"HTTP/1.1 204 No Content\r\n" + whole), NEVER),
        Fault("partial-content", raw(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/99\r\n" + whole), NEVER),
        Fault("not-modified-unasked", raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"), NEVER),
        Fault("length-negative", raw(_OK + b"Content-Length: -5\r\n\r\n" + page), STORED),
        Fault("length-in-letters", raw(_OK + b"Content-Length: many\r\n\r\n" + page), STORED),
        Fault("length-twice", raw(_OK + b"Content-Length: 10\r\nContent-Length: 4000\r\n\r\n" + page), ANYTHING),
        Fault("length-of-a-thousand-digits", raw(_OK + b"Content-Length: " + b"9" * 1000 + b"\r\n\r\n" + page), ANYTHING),
        Fault("length-and-chunked", raw(_OK + b"Transfer-Encoding: chunked\r\n" + whole), ANYTHING),
        Fault("transfer-coding-unknown", raw(_OK + b"Transfer-Encoding: sdch\r\n\r\n" + page), NEVER),
        Fault("retry-after-nonsense", raw(b"HTTP/1.1 503 Busy\r\nRetry-After: \x1b[31msoon\r\nContent-Length: 0\r\n\r\n"), "failed:http-503"),
        Fault("basic-auth", raw(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="\x1b]0;x\x07"\r\nContent-Length: 0\r\n\r\n'), "failed:http-401"),
        Fault("server-error", raw(b"HTTP/1.1 500 \x1b[2J\x07Boom\r\n" + whole), "failed:http-500"),
        Fault("teapot-with-story", raw(b"HTTP/1.1 418 Teapot\r\n" + whole), "failed:http-418"),
        Fault("gone-with-story", raw(b"HTTP/1.1 410 Gone\r\n" + whole), "rejected:http-410"),
    ]  # fmt: skip


def forgeries() -> list[Fault]:
    """Header bytes that try to write log lines, terminal commands and WARC headers. The stories are real."""
    forged = FORGED.encode()
    warc = b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: http://127.0.0.1/forged\r\nContent-Length: 0"

    def answer(number: int, *lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> Answer:
        page = Story(number, "forgery").page()
        head = b"\r\n".join((status, b"Content-Type: text/html", *lines, b"Content-Length: %d" % len(page), b"", b""))
        return raw(head + page)

    return [
        Fault("forged-reason", answer(1, status=b"HTTP/1.1 200 OK\r" + forged), ANYTHING),
        Fault("forged-header-cr", answer(2, b"X-Log: a\r" + forged), STORED),
        Fault("forged-header-vt", answer(3, b"X-Log: a\x0b\x0c\x85\xe2\x80\xa8" + forged), STORED),
        Fault("forged-etag", answer(4, b'ETag: "\x1b[31m\x07\xff' + forged + b'"', b"Last-Modified: \x1b[2J" + forged), STORED),
        Fault("forged-warc", answer(5, warc), ANYTHING),
        Fault("forged-type", answer(6, b"Content-Type: text/html\rWARC-Type: x\x1b[31m" + b"y" * 9000), ANYTHING),
        Fault("forged-cookie", answer(7, *[b"Set-Cookie: \x1b%d=%s; Domain=.\r" % (n, b"c" * 3000) for n in range(50)]), STORED),
        Fault("forged-location", answer(8, b"Location: /a\r\n\tfolded\r" + forged, status=b"HTTP/1.1 302 Found"), NEVER),
        Fault("forged-status", answer(9, status=b"HTTP/1.1 2\x1b[31m00 " + forged), "failed:"),
        Fault("forged-length", answer(10, b"Content-Length: 1\x1b[31m\r" + forged), STORED),
        Fault("forged-coding", answer(11, b"Content-Encoding: \x1b[31m\r" + forged), ANYTHING),
        Fault("forged-transfer-coding", answer(12, b"Transfer-Encoding: \x1b]0;title\x07\r" + forged), NEVER),
    ]  # fmt: skip


def bodies(number: Iterator[int]) -> list[Fault]:
    """Bad framing, bad codings, bombs, bad pace."""

    def page() -> bytes:
        return Story(next(number), "body").page()

    whole = page()
    head = _OK + b"Connection: close\r\n\r\n"
    chunked = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
    paragraph = b"<p>" + b"And the river went on as rivers do. " * 30 + b"</p>\n"
    opening = whole.replace(b"</article></body></html>", b"")
    half = _OK + b"Content-Length: %d\r\n\r\n" % len(whole)
    return [
        Fault("endless-body", flood(head + opening, paragraph * 50), ANYTHING, "length"),
        Fault("endless-zeros", flood(head, _MB), NEVER, "length"),
        Fault("endless-error-page", flood(b"HTTP/1.1 404 Not Found\r\n\r\n", paragraph * 50), NEVER, "length"),
        Fault("dripping-body", drip(head + opening, b"x", 0.5), "failed:timeout", "time"),
        Fault("stall-in-body", raw(half + whole[: len(whole) // 2], then="stall"), "failed:timeout", "time"),
        Fault("stall-after-head", raw(half, then="stall"), "failed:timeout", "time"),
        Fault("reset-in-body", raw(half + whole[:500], then="reset"), NEVER, "disconnect"),
        Fault("length-too-long", raw(_OK + b"Content-Length: 99999\r\n\r\n" + page()), ANYTHING, "disconnect"),
        Fault("length-too-short", raw(_OK + b"Content-Length: 40\r\n\r\n" + page()), ANYTHING),
        Fault("length-of-an-exabyte", raw(_OK + b"Content-Length: 1000000000000000000\r\n\r\n" + page()), ANYTHING, "disconnect"),
        Fault("smuggled-answer", _smuggle, STORED),
        Fault("chunk-size-in-letters", raw(chunked + b"xyz\r\nabc\r\n0\r\n\r\n"), NEVER),
        Fault("chunk-size-negative", raw(chunked + b"-5\r\n" + page()), ANYTHING, "disconnect"),
        Fault("chunk-of-an-exabyte", raw(chunked + b"FFFFFFFFFFFFFFF\r\n" + page()), ANYTHING, "disconnect"),
        Fault("chunk-size-without-end", flood(chunked, b"0" * 60_000), NEVER),
        Fault("chunk-extension-without-end", flood(chunked + b"5;a=", b"b" * 60_000), NEVER),
        Fault("chunks-of-one-byte", flood(chunked, b"1\r\n<\r\n" * 5000), NEVER, "length|disconnect|time"),
        Fault("chunks-without-last", raw(chunked + _chunked(page())), ANYTHING, "disconnect"),
        Fault("trailer-without-end", flood(chunked + _chunked(page()) + b"0\r\n", b"X-T: " + b"t" * 900 + b"\r\n"), ANYTHING),
        Fault("gzip-cut", coded("gzip", gzip.compress(page())[:400]), ANYTHING),
        Fault("gzip-broken", coded("gzip", gzip.compress(page())[:300] + b"\xff" * 300), ANYTHING),
        Fault("gzip-that-is-plain", coded("gzip", page()), ANYTHING),
        Fault("gzip-twice", coded("gzip, gzip", _layers(page(), 2)), ANYTHING),
        Fault("gzip-a-hundred-times", coded(", ".join(["gzip"] * 100), _layers(page(), 100)), NEVER),
        Fault("gzip-unlabelled", raw(_OK + b"Connection: close\r\n\r\n" + gzip.compress(page())), NEVER),
        Fault("coding-unknown", coded("rot13", page()), ANYTHING),
        Fault("coding-of-nonsense", coded("gzip;q=1, \xff, ,,br", bytes(range(256)) * 20), NEVER),
        Fault("brotli-broken", coded("br", brotli.compress(page())[:200] + b"\xff" * 99), ANYTHING),
        Fault("zstd-huge-window", coded("zstd", b"\x28\xb5\x2f\xfd\x00\xf8" + bytes(99)), NEVER),
        Fault("bomb-gzip", lazily("gzip", gzip_bomb), NEVER),
        Fault("bomb-brotli", lazily("br", brotli_bomb), NEVER),
        Fault("bomb-zstd", lazily("zstd", zstd_bomb), NEVER),
        Fault("bomb-nested", lazily("gzip, gzip", nested_bomb), NEVER),
        Fault("bomb-error-page", lazily("gzip", gzip_bomb, "503 Busy"), "failed:http-503"),
    ]  # fmt: skip
