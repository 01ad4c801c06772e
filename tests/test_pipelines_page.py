"""Pages from the bytes of a response."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from pipelines.page import NO_STATUS, RawPage, page_of, read_article, read_page
from storage.records import Announced, Candidate, NoArticle, Page

URL = "https://www.harbour-post.test/2026/03/ferry-to-run-at-night"
TEXT = "The ferry between the two harbours will run at night from May, the operator told the town council. "
HTML = (
    f"<html lang=en><title>Ferry to run at night</title><article><h1>Ferry to run at night</h1><p>{TEXT * 20}</article>"
)
LIMIT = 100_000
WARM = """
import pickle, sys
sys.path[:] = sys.argv[1:]
from pipelines import page
early = "trafilatura" in sys.modules
page.warm()
before = set(sys.modules)
page.read_article(pickle.load(sys.stdin.buffer))
print(early, set(sys.modules) - before)
"""


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A response as it comes over the wire."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1") + body


def page(raw: bytes, *, limit: int = LIMIT, truncated: bool = False) -> Page:
    """The page of a response."""
    return page_of(raw, url=URL, frontier_url=URL + "?from=rss", fetched_at="then", limit=limit, truncated=truncated)


def raw_page(raw: bytes) -> RawPage:
    """A page as a worker is given it."""
    return RawPage(
        URL, URL, "2026-03-01T12:00:00.000Z", raw, truncated=False, limit=LIMIT, announced=Announced(title="x")
    )


def test_a_plain_page() -> None:
    """Status, headers in order and body come from the bytes, the rest from who fetched them."""
    raw = response(
        b"hello", "Content-TYPE: text/html; charset=latin-1", "X-Name: caf\xe9", "x-name: 2", status="404 Nope"
    )
    assert page(raw) == Page(
        url=URL,
        frontier_url=URL + "?from=rss",
        fetched_at="then",
        status=404,
        content_type="text/html; charset=latin-1",
        body=b"hello",
        headers=(("content-type", "text/html; charset=latin-1"), ("x-name", "caf\xe9"), ("x-name", "2")),
    )


def test_codings_are_taken_off() -> None:
    """Chunk framing and compression are no part of a page."""
    packed = gzip.compress(b"hello", mtime=0)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed)
    whole = page(response(chunked, "Transfer-Encoding: chunked", "Content-Encoding: gzip"))
    assert (whole.body, whole.cut) == (b"hello", False)


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (response(b"hello", "Content-Length: 5") + b"HTTP/1.1 200 OK\r\n\r\nanother", b"hello"),
        (response(b"hello", "Content-Length: 0"), b""),
        (response(b"hello", "Content-Length: 3", "Content-Length: 3"), b"hel"),
        (response(b"hello", "Content-Length: 3", "Content-Length: 4"), b"hello"),
        (response(b"hello", "Content-Length: -3"), b"hello"),
        (response(b"5\r\nhello\r\n0\r\n\r\n", "Content-Length: 3", "Transfer-Encoding: chunked"), b"hello"),
        (response(gzip.compress(b"hello", mtime=0) + b"x" * 9, "Content-Encoding: gzip", "Content-Length: 25"), b"hello"),
    ],
)
def test_a_page_ends_where_its_length_says(raw: bytes, body: bytes) -> None:
    """What follows an answer on the wire is no part of it; a length that cannot be meant says nothing."""
    whole = page(raw)
    assert (whole.body, whole.cut) == (body, False)


@pytest.mark.parametrize(
    ("raw", "limit", "truncated", "body"),
    [
        (response(b"hello"), LIMIT, True, b"hello"),
        (response(b"hello"), 4, False, b"hell"),
        (response(gzip.compress(b"h" * 9000, mtime=0), "Content-Encoding: gzip"), 5000, False, b"h" * 5000),
        (response(gzip.compress(b"hello", mtime=0)[:-9], "Content-Encoding: gzip"), LIMIT, False, b"hello"),
        (response(b"5\r\nhello\r\nzz", "Transfer-Encoding: chunked"), LIMIT, False, b"hello"),
        (b"HTTP/1.1 200 OK\r\nServer: x", LIMIT, False, b""),
    ],
)
def test_what_is_missing_is_known(raw: bytes, limit: int, truncated: bool, body: bytes) -> None:
    """A page that lacks some of its bytes says so, whatever took them."""
    part = page(raw, limit=limit, truncated=truncated)
    assert (part.body, part.cut) == (body, True)


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\0" * 99, b"<html>", b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_garbage_is_a_page_without_status(raw: bytes) -> None:
    """Bytes that are no HTTP make a page that nothing can be made of."""
    assert page(raw).status == NO_STATUS


def test_raw_pages_travel() -> None:
    """What goes to a worker and comes back survives the way."""
    raw = raw_page(response(HTML.encode()))
    assert pickle.loads(pickle.dumps(raw)) == raw
    article = read_article(raw)
    assert pickle.loads(pickle.dumps(article)) == article


def test_an_article() -> None:
    """An article is extracted, and its decoded body hashed."""
    raw = raw_page(response(gzip.compress(HTML.encode()), "Content-Type: text/html", "Content-Encoding: gzip"))
    article = read_article(raw)
    assert isinstance(article.result, Candidate)
    assert "run at night from May" in article.result.text
    assert article.body_sha256 == hashlib.sha256(HTML.encode()).hexdigest()
    assert read_page(raw).body == HTML.encode()


def test_no_whole_body_no_hash() -> None:
    """Part of a body has no digest that anybody could compare."""
    raw = replace(raw_page(response(HTML.encode())), truncated=True)
    assert read_article(raw).body_sha256 is None


def test_no_article() -> None:
    """A page that is no article has a reason."""
    assert isinstance(read_article(raw_page(response(b""))).result, NoArticle)


def test_warm_loads_what_a_page_needs() -> None:
    """Naming the functions loads no extractor; warming up leaves nothing for the first page to load."""
    done = subprocess.run(
        [sys.executable, "-c", WARM, *sys.path],
        input=pickle.dumps(raw_page(response(HTML.encode()))),
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"False set()\n"
