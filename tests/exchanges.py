"""Exchanges for tests of the archive: one that is made to order, and responses that servers should not have sent."""

from __future__ import annotations

import gzip
import io
from typing import IO

from storage.records import Announced, Ended, Exchange, FetchContext, Kind

OK = b"HTTP/1.1 200 OK\r\n"
HTML = OK + b"Content-Type: text/html; charset=utf-8\r\n"
REQUEST = b"GET /news?b=1&a HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: newswarc/test\r\n\r\n"

CONTEXT = FetchContext(
    run_id="R1",
    source="Little Harbour Gazette",
    kind=Kind.ARTICLE,
    frontier_url="https://www.example.com/news",
    via="https://www.example.com/feed.xml",
    hops_from_seed=1,
    redirected_from="https://www.example.com/old",
    attempt=2,
    announced=Announced(title='The "quiet"\\\r\nharbour', authors=("Ada Quill",), tags=("sea", "fög")),
)

HARD = {
    "plain": HTML + b"Content-Length: 5\r\n\r\nquiet",
    "lf only": b"HTTP/1.1 200 OK\nContent-type: text/HTML\n\nquiet",
    "mixed line ends": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\n\r\nquiet",
    "no reason": b"HTTP/1.1 404\r\nContent-Type: text/html\r\n\r\nx",
    "two spaces": b"HTTP/1.1  301  Moved\r\nContent-Type:text/plain\r\nLocation: /\r\n\r\n",
    "http 1.0": b"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
    "no type": OK + b"\r\nquiet",
    "empty type": OK + b"Content-Type: \r\n\r\nx",
    "parameters only": OK + b"Content-Type: ;charset=x\r\n\r\nx",
    "one word type": OK + b"Content-Type: html\r\n\r\nx",
    "blank in type": OK + b"Content-Type: text/html charset=utf-8\r\n\r\nx",
    "two types": OK + b"Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\nx",
    "odd type": OK + b"Content-Type: text/\xe4\r\n\r\nx",
    "folded type": OK + b"Content-Type:\r\n text/html\r\n\r\nx",
    "folded": HTML + b"X-Folded: a\r\n  b\r\n\tc\r\n\r\nx",
    "odd case": OK + b"cOnTeNt-tYpE: text/html\r\nx-a: 1\r\nX-A: 2\r\n\r\nx",
    "latin-1": HTML + b"X-Title: caf\xe9\r\n\r\ncaf\xe9",
    "utf-8": HTML + b"X-Title: caf\xc3\xa9\r\n\r\ncaf\xc3\xa9",
    "no colon": OK + b"nonsense\r\nContent-Type: text/html\r\n\r\nx",
    "name with blank": OK + b"Content-Type : text/html\r\n\r\nx",
    "chunked": HTML + b"Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nquiet\r\n0\r\nTrailer: t\r\n\r\n",
    "chunked, broken": HTML + b"Transfer-Encoding: chunked\r\n\r\n5\r\nquiet\r\nzz\r\n",
    "gzip": HTML + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"quiet"),
    "gzip, cut": HTML + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"quiet")[:-4],
    "unknown coding": HTML + b"Content-Encoding: rot13\r\n\r\ndhvrg",
    "two lengths": HTML + b"Content-Length: 1\r\nContent-Length: 99\r\n\r\nquiet",
    "300 headers": HTML + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(300)) + b"\r\nx",
    "9 kB header": HTML + b"X-Long: " + b"x" * 9_000 + b"\r\n\r\nx",
    "blank lines first in body": HTML + b"\r\n\r\n\r\nquiet",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\nx",
    "status of letters": b"HTTP/1.1 abc OK\r\n\r\nx",
    "status stuck": b"HTTP/1.1 200OK\r\nContent-Type: text/html\r\n\r\nx",
    "icy": b"ICY 200 OK\r\nContent-Type: audio/mpeg\r\n\r\nx",
    "no blank line": HTML,
    "cut in header": OK + b"Content-Ty",
    "status line only": b"HTTP/1.1 200 OK",
    "empty line first": b"\r\nHTTP/1.1 200 OK\r\n\r\nx",
    "garbage": b"garbage",
    "garbage with end": b"some garbage\r\n\r\nx",
    "nul bytes": HTML + b"X: \0\r\n\r\n\0\0\0",
    "like a warc record": HTML + b"\r\nWARC/1.1\r\nWARC-Type: response\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n\r\n\r\n",
    "large": HTML + b"\r\n" + bytes(range(256)) * 2_000,
}


def exchange(response: bytes | IO[bytes] = HARD["plain"], **changed: object) -> Exchange:
    """An exchange with this response; what else is to differ is named."""
    file = io.BytesIO(response) if isinstance(response, bytes) else response
    fields: dict[str, object] = {
        "url": "https://www.example.com/news?b=1&a",
        "started_at": "2026-03-01T12:00:00.123Z",
        "request": REQUEST,
        "response": file,
        "response_length": file.seek(0, io.SEEK_END),
        "ended": Ended.COMPLETE,
        "fetch_ms": 120,
        "context": CONTEXT,
        "peer_ip": "192.0.2.7",
        "peer_port": 443,
        "tls": "TLSv1.3 TLS_AES_128_GCM_SHA256",
    }
    return Exchange(**fields | changed)  # type: ignore[arg-type]
