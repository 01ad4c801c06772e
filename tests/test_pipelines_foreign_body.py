from __future__ import annotations

import gzip

import pytest
import zstandard

from pipelines.foreign_body import foreign_body, unframed

BODY = b"<!doctype html><html><p>" + b"The bridge at Low Mill is closed. " * 40 + b"</html>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
ZIPPED = gzip.compress(BODY, mtime=0)
FRAMED = b"100\r\n" + BODY[:256] + b"\r\n" + b"%x\r\n" % (len(BODY) - 256) + BODY[256:] + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("fields", "payload", "as_declared"),
    [
        (b"", BODY, True),
        (b"Content-Length: %d\r\n" % len(BODY), BODY, True),
        (b"Content-Encoding: gzip\r\n", ZIPPED, True),
        (b"Transfer-Encoding: chunked\r\n", FRAMED, True),
        (b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", BODY, True),
        (b"Content-Length: 100\r\n", BODY, False),
        (b"Content-Encoding: gzip\r\nContent-Length: 100\r\n", BODY, False),
        (b"", ZIPPED, False),
        (b"", zstandard.compress(BODY), False),
        (b"", FRAMED, False),
        (b"Content-Encoding: gzip\r\n", FRAMED, False),
        (b"Transfer-Encoding: chunked\r\n", FRAMED.replace(b"100\r\n", b"0ff\r\n", 1), False),
        (b"Transfer-Encoding: chunked\r\n", FRAMED.replace(b"100\r\n", b"103\r\n", 1), False),
        (b"Content-Encoding: x-own\r\n", BODY, False),
    ],
)
def test_a_body_is_had_however_it_is_stored(fields: bytes, payload: bytes, as_declared: bool) -> None:
    """Whether the header fits or not, the body is the page; whether it does is told."""
    found = foreign_body(HEAD + fields + b"\r\n" + payload, None, 1_000_000)
    assert (found.status, found.body, found.cut, found.as_declared) == (200, BODY, False, as_declared)


@pytest.mark.parametrize("content_type", [None, "text/html", "application/http"])
def test_a_page_without_header(content_type: str | None) -> None:
    """A block that is the page itself is one with status 200."""
    found = foreign_body(BODY, content_type, 1_000_000)
    assert (found.status, found.body, found.content_type) == (200, BODY, content_type)


def test_a_limit() -> None:
    """No more than the limit is given, and that some is missing is told."""
    for payload in (BODY, FRAMED):
        found = foreign_body(HEAD + b"\r\n" + payload, None, 100)
        assert (found.body, found.cut) == (BODY[:100], True)


def test_bodies_that_only_look_framed() -> None:
    """Text that begins with a number on a line of its own stays as it is."""
    text = b"2026\r\nA year in pictures\r\n"
    assert unframed(text, trusted=False) == (text, True)


def test_a_last_chunk_that_is_missing() -> None:
    """Chunks without an end are all there is, and not all there was."""
    assert unframed(FRAMED[:-5], trusted=True) == (BODY, False)
    assert foreign_body(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + FRAMED[:-5], None, 1_000_000).cut


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"HTTP/1.1 200 OK", HEAD, HEAD + b"\r\n", b"\xff\xfe\x00", b"5\r\n"])
def test_nothing_in_it(raw: bytes) -> None:
    """What holds no page gives an empty one, or the bytes; nothing is raised."""
    assert foreign_body(raw, None, 100).as_declared in {True, False}
