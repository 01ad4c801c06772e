"""A server that answers like the worst of the web, over raw sockets, and remembers every byte it got and sent.

    with serving() as servers:
        servers.http.url("folded"), servers.https.url("folded")   # a case by its name
        servers.ca_file                                           # trust this for https
        servers.http.served                                       # list of Served, in order

`CASES` says for each answer what a faithful client must make of it. Nothing here knows newswarc.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import brotli
import zstandard
from authority import certified

PAGE = b"<!doctype html><title>Harbour wall to be rebuilt</title><p>The town council of Eastmere voted on Tuesday.</p>"
MEGABYTES = b"".join(b"%07d\n" % line for line in range(400_000))  # 3.2 MB: longer than what is kept in memory


@dataclass(frozen=True)
class Case:
    """One hard answer, and what a client must make of it.

    `then`: keep (wait for the next request) | close (orderly: with TLS's own goodbye) | hangup (TCP's alone) | reset |
    stall (until the client leaves) | endless (`again` is sent until the client leaves) | drip (the same, but slowly).
    """

    name: str
    reply: bytes | tuple[bytes, ...]  # several: sent apart
    then: str = "keep"
    status: int | None = 200  # None: no response, but `reason`
    body: bytes | None = None  # as transferred: de-chunked, not decompressed; None: not looked at
    ended: str = "complete"
    tls_ended: str | None = None  # where https differs
    flag: str | None = None
    reason: str | None = None  # how the failure's reason begins
    interim: int = 0  # bytes of `reply` before the final status line
    target: str = ""
    method: str = "GET"
    sends: bytes = b""  # request body
    again: bytes = b""
    fresh: bool = False  # answered only as the first of its connection: the server hangs up otherwise
    exact: bool = True  # every byte sent arrives: not so where the client stops reading, or the server resets

    @property
    def sent(self) -> bytes:
        """All that is sent."""
        return self.reply if isinstance(self.reply, bytes) else b"".join(self.reply)

    @property
    def path(self) -> str:
        """The request target."""
        return self.target or f"/{self.name}"


def _ok(*lines: bytes, body: bytes = PAGE, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((status, *lines, b"Content-Length: %d" % len(body), b"", body))


def _head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((status, *lines, b"", b""))


def _chunked(*chunks: bytes, ext: bytes = b"", trailer: bytes = b"") -> bytes:
    parts = [b"%x%s\r\n%s\r\n" % (len(chunk), ext, chunk) for chunk in chunks]
    return b"".join(parts) + b"0" + ext + b"\r\n" + trailer + b"\r\n"


_CHUNKED = b"Transfer-Encoding: chunked"
_HTML = b"Content-Type: text/html; charset=utf-8"
_GZIPPED = gzip.compress(PAGE, mtime=0)
_BYTES = bytes(range(256)) * 5
_LOOKS_LIKE_WARC = (
    b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000000>\r\n"
    b"Content-Length: 5\r\n\r\nhello\r\n\r\n"
)
_EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


def _headers_and_framing() -> list[Case]:
    many = [b"X-Line-%03d: %d" % (number, number * number) for number in range(300)]
    return [
        Case("plain", _ok(_HTML), body=PAGE),
        Case("odd-case", _ok(b"cONTENT-tYPE: text/html", b"x-lower: 1", b"X-UPPER: 2", b"x-MiXeD: 3"), body=PAGE),
        Case("order", _ok(b"Zulu: 1", b"Alpha: 2", b"Mike: 3", b"Server: eastmere", b"Date: today"), body=PAGE),
        Case("duplicates", _ok(b"Set-Cookie: a=1", b"X-A: 1", b"Set-Cookie: b=2", b"x-a: 2", b"X-A: 1"), body=PAGE),
        Case("folded", _ok(b"X-Folded: one\r\n two\r\n\tthree", _HTML), body=PAGE),
        Case("fold-first", _ok(b" folded: 1", b"\tand more"), body=PAGE),
        Case("latin-1", _ok(b"X-Title: Caf\xe9 M\xfcnchen \xa0\xff", _HTML), body=PAGE),
        Case("utf-8", _ok("X-Title: Zażółć gęślą 新聞".encode(), _HTML), body=PAGE),
        Case("controls", _ok(b"X-Bell: a\x07b\x1b[31mc\x7f", b"X-Nul: a\x00b"), body=PAGE),
        Case("no-reason", _ok(_HTML, status=b"HTTP/1.1 200"), body=PAGE),
        Case("empty-reason", _ok(_HTML, status=b"HTTP/1.1 200 "), body=PAGE),
        Case("odd-reason", _ok(_HTML, status=b"HTTP/1.1 200 Tr\xe8s  bien:  merci"), body=PAGE),
        Case("lower-case-http", _ok(_HTML, status=b"http/1.1 200 ok"), body=PAGE),
        Case("no-colon", _ok(b"this line has no colon", _HTML), body=PAGE),
        Case("space-before-colon", _ok(b"Content-Type : text/html", b"X-Space  :  2  "), body=PAGE),
        Case("odd-names", _ok(b"X Y: 1", b": 2", b"X(a): 3", b"X-\xe9: 4", b"@: 5", b"\x00: 6"), body=PAGE),
        Case("no-space-no-value", _ok(b"X-None:", b"X-Tight:1", b"X-Tail: 1   "), body=PAGE),
        Case("lf-only", _ok(_HTML, b"X-A: 1").replace(b"\r\n", b"\n"), body=PAGE),
        Case("mixed-line-ends", _ok(_HTML, b"X-A: 1").replace(b"X-A: 1\r\n", b"X-A: 1\n"), body=PAGE),
        Case("300-headers", _ok(*many), body=PAGE),
        Case("9-kb-header", _ok(b"X-Long: " + b"v" * 9_000), body=PAGE),
        Case("60-kb-header", _ok(b"Content-Security-Policy: " + b"img-src a.example; " * 3_200), body=PAGE),
        Case("same-length-twice", _ok(b"Content-Length: %d" % len(PAGE)), body=PAGE),
        Case("length-list", _ok(b"Content-Length: %d, %d" % (len(PAGE), len(PAGE))), body=PAGE),
        Case("location-utf-8", _ok("Location: /künste".encode(), status=b"HTTP/1.1 302 Found"), status=302, body=PAGE),
        Case("redirect", _ok(b"Location: /plain", status=b"HTTP/1.1 301 Moved"), status=301, body=PAGE),
        Case("query", _ok(_HTML), target="/query?a=1&b=%20x&b=&c=%C3%A9&d=a+b;e=/?&", body=PAGE),
        Case("percent", _ok(_HTML), target="/percent/%e4%BD%a0/%2F%2e%2e/a%20b/~%7E;p=1,2!*'()", body=PAGE),
        Case("double-slash", _ok(_HTML), target="//double//slash/", body=PAGE),
    ]


def _bodies() -> list[Case]:
    deflated = zlib.compress(PAGE)
    brotlied = brotli.compress(PAGE)
    zstded = zstandard.ZstdCompressor().compress(PAGE)
    cut = _GZIPPED[:-9]
    return [
        Case("chunked", _head(_HTML, _CHUNKED) + _chunked(PAGE[:10], PAGE[10:]), body=PAGE),
        Case("chunk-extensions", _head(_CHUNKED) + _chunked(PAGE, ext=b';name=value;q="a b"'), body=PAGE),
        Case(
            "trailers",
            _head(_CHUNKED, b"Trailer: X-Sum") + _chunked(PAGE, trailer=b"X-Sum: 1\r\nX-B: 2\r\n"),
            body=PAGE,
        ),
        Case("chunk-sizes", _head(_CHUNKED) + b"00%X\r\n%s\r\n000\r\n\r\n" % (len(PAGE), PAGE), body=PAGE),
        Case("one-byte-chunks", _head(_CHUNKED) + _chunked(*(bytes([byte]) for byte in PAGE)), body=PAGE),
        Case("chunked-with-length", _head(_CHUNKED, b"Content-Length: 7") + _chunked(PAGE), body=PAGE),
        Case("gzip", _ok(b"Content-Encoding: gzip", body=_GZIPPED), body=_GZIPPED),
        Case("deflate", _ok(b"Content-Encoding: deflate", body=deflated), body=deflated),
        Case("brotli", _ok(b"Content-Encoding: br", body=brotlied), body=brotlied),
        Case("zstd", _ok(b"Content-Encoding: zstd", body=zstded), body=zstded),
        Case("gzip-chunked", _head(b"Content-Encoding: gzip", _CHUNKED) + _chunked(_GZIPPED), body=_GZIPPED),
        Case("gzip-cut", _ok(b"Content-Encoding: gzip", body=cut), body=cut),
        Case("empty", _ok(body=b""), body=b""),
        Case("all-bytes", _ok(body=_BYTES), body=_BYTES),
        Case("looks-like-warc", _ok(body=_LOOKS_LIKE_WARC), body=_LOOKS_LIKE_WARC),
        Case("looks-like-http", _ok(body=_ok(_HTML)), body=_ok(_HTML)),
        Case("megabytes", _ok(body=MEGABYTES), body=MEGABYTES),
        Case("byte-by-byte", tuple(bytes([byte]) for byte in _ok(_HTML)), body=PAGE),
        Case("interim-100", b"HTTP/1.1 100 Continue\r\n\r\n" + _ok(_HTML), interim=25, body=PAGE),
        Case("interim-103", _EARLY + _ok(_HTML), interim=len(_EARLY), body=PAGE),
        Case(
            "interim-many", (_EARLY, b"HTTP/1.1 102 \n\n", _EARLY + _ok(_HTML)), interim=2 * len(_EARLY) + 15, body=PAGE
        ),
        Case("204", _head(b"X-A: 1", status=b"HTTP/1.1 204 No Content"), status=204, body=b""),
        Case("304", _head(b'ETag: "x"', status=b"HTTP/1.1 304 Not Modified"), status=304, body=b""),
        Case("304-with-length", _head(b"Content-Length: 99", status=b"HTTP/1.1 304 Same"), status=304, body=b""),
        Case("404", _ok(status=b"HTTP/1.1 404 Not Here"), status=404, body=PAGE),
        Case("429", _ok(b"Retry-After: 120", status=b"HTTP/1.1 429 Slow Down"), status=429, body=PAGE),
        Case("503", _ok(b"Retry-After: 120", status=b"HTTP/1.1 503 Busy"), status=503, body=PAGE),
        Case("999", _ok(status=b"HTTP/1.1 999 Denied"), status=999, body=PAGE),
        Case("head", _head(b"Content-Length: 4711"), method="HEAD", body=b""),
        Case("post", _ok(_HTML), method="POST", sends=b"a=1&b=%20" + bytes(range(256)), body=PAGE),
        Case("http-1.0-kept", _ok(b"Connection: Keep-Alive", status=b"HTTP/1.0 200 OK"), body=PAGE),
        Case("fresh-only", _ok(_HTML), fresh=True, body=PAGE),
    ]


def _endings() -> list[Case]:
    broken = {"flag": "dataloss", "ended": "disconnect"}
    refused = {"status": None, "reason": "bad-response:", "ended": "disconnect", "then": "close"}
    return [
        Case("close-delimited-1.0", _head(_HTML, status=b"HTTP/1.0 200 OK") + PAGE, "close", body=PAGE),
        Case("close-delimited-1.1", _head(_HTML) + PAGE, "close", body=PAGE),
        Case("no-headers", b"HTTP/1.1 200 OK\r\n\r\n" + PAGE, "close", body=PAGE),
        Case("hangup", _head(_HTML) + PAGE, "hangup", body=PAGE, tls_ended="disconnect"),
        Case("connection-close", _ok(b"Connection: Close, x"), "close", body=PAGE),
        Case("http-1.0-closed", _ok(status=b"HTTP/1.0 200 OK"), "close", body=PAGE),
        Case("excess", _ok(_HTML) + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", body=PAGE),
        Case("204-excess", _head(status=b"HTTP/1.1 204 No") + PAGE, status=204, body=b""),
        Case("cut-body", _ok(_HTML)[:-40], "close", body=PAGE[:-40], **broken),
        Case("cut-chunk", (_head(_CHUNKED) + _chunked(PAGE))[:-30], "close", body=PAGE[:-23], **broken),
        Case("no-last-chunk", (_head(_CHUNKED) + _chunked(PAGE))[:-5], "close", body=PAGE, **broken),
        Case("cut-body-reset", (_ok(_HTML)[:-40],), "reset", body=PAGE[:-40], exact=False, **broken),
        Case("bad-chunk", _head(_CHUNKED) + b"5\r\nhello\r\nxyz\r\n" + PAGE, "close", body=b"hello", **broken),
        Case("cut-header", b"HTTP/1.1 200 OK\r\nContent-Ty", "close", None, reason="disconnect", ended="disconnect"),
        Case(
            "cut-interim", _EARLY[:-4], "close", None, reason="disconnect", ended="disconnect", interim=len(_EARLY) - 4
        ),
        Case("no-answer", b"", "close", None, reason="disconnect", ended="disconnect"),
        Case("bad-status", b"HTTP/1.1 abc OK\r\n\r\n", **refused),
        Case("two-spaces", _ok(status=b"HTTP/1.1  200  OK"), "close", body=PAGE),
        Case("http-2", _ok(status=b"HTTP/2 200"), "close", body=PAGE),
        Case("icy", _ok(status=b"ICY 200 OK"), "close", body=PAGE),
        Case("not-http", b"SSH-2.0-OpenSSH_9.2\r\n", **refused),
        Case("bad-version", _ok(status=b"HTTP/x 200 OK"), **refused),
        Case("lengths-differ", _ok(b"Content-Length: 3"), **refused),
        Case("negative-length", _head(b"Content-Length: -1") + PAGE, "close", body=PAGE),
        Case("no-number-length", _head(b"Content-Length: many") + PAGE, "close", body=PAGE),
        Case("plus-length", _head(b"Content-Length: +9") + PAGE, "close", body=PAGE),
        Case("endless-length", _head(b"Content-Length: " + b"9" * 5_000) + PAGE, "close", body=PAGE),
        Case("unknown-transfer", _head(b"Transfer-Encoding: gzip, chunked") + _chunked(_GZIPPED), **refused),
    ]


CASES: tuple[Case, ...] = (*_headers_and_framing(), *_bodies(), *_endings())

# Against a client's limits: never over by themselves, so not part of a plain comparison.
FLOODS: tuple[Case, ...] = (
    Case(
        "endless-headers", b"HTTP/1.1 200 OK\r\n", "endless", None, again=b"X-More: of it\r\n", reason="bad-response:"
    ),
    Case("endless-line", b"HTTP/1.1 200 OK\r\nX: ", "endless", None, again=b"more", reason="bad-response:"),
    Case("endless-interim", b"", "endless", None, again=_EARLY, reason="bad-response:"),
    Case("endless-status", b"HTTP/1.1 200 ", "endless", None, again=b"OK", reason="bad-response:"),
    Case("endless-body", _head(_HTML), "endless", again=MEGABYTES, flag="truncated"),
    Case("endless-chunks", _head(_CHUNKED), "endless", again=b"40\r\n%s\r\n" % (b"x" * 64), flag="truncated"),
    Case("tiny-chunks", _head(_CHUNKED), "endless", again=b"1\r\nx\r\n" * 5_000, flag="dataloss", ended="disconnect"),
    Case("endless-excess", _ok(_HTML), "endless", again=b"x" * 10_000),
    Case("stall-first", b"", "stall", None, reason="timeout"),
    Case("stall-header", b"HTTP/1.1 200 OK\r\nX-A: ", "stall", None, reason="timeout"),
    Case("stall-body", _ok(_HTML)[:-9], "stall", None, reason="timeout"),
    Case("drip", _head(_HTML), "drip", None, again=b"x", reason="timeout"),
)


@dataclass
class Served:
    """One exchange as the server saw it."""

    case: Case | None
    target: str
    connection: int
    request: bytes
    response: bytes = b""  # what was sent, without what `again` repeats


@dataclass
class Server:
    """One listening socket. `accepted` counts connections, `served` lists exchanges."""

    cases: dict[str, Case]
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    port: int = 0
    accepted: int = 0
    served: list[Served] = field(default_factory=list)

    def start(self) -> None:
        """Listens, on a free port unless one is set."""
        self._socket = socket.create_server((self.host, self.port), backlog=64)
        self.port = self._socket.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        """Closes everything, and waits until it is closed."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._socket.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def url(self, name_or_path: str) -> str:
        """The address of a case, or of a path."""
        path = name_or_path if name_or_path.startswith("/") else self.by_name(name_or_path).path
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}{path}"

    def by_name(self, name: str) -> Case:
        """The case of this name."""
        return next(case for case in self.cases.values() if case.name == name)

    def of(self, name: str) -> list[Served]:
        """All exchanges of one case."""
        return [served for served in self.served if served.case and served.case.name == name]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.accepted += 1
                self._threads.append(threading.Thread(target=self._serve, args=(connection, self.accepted)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError, ValueError), connection:  # the client left, or spoke no TLS
            stream = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            self._open.add(stream)
            with stream:
                self._converse(stream, number)
            self._open.discard(stream)

    def _converse(self, stream: socket.socket, number: int) -> None:
        first = True
        while request := read_request(stream):
            target = request.split(b" ", 2)[1].decode("ascii")
            path = "/" + target.split("/", 3)[3] if target.startswith("http://") else target
            case = self.cases.get(path)
            served = Served(case, target, number, request)
            self.served.append(served)
            if case is None or (case.fresh and not first):
                return
            self._answer(stream, case, served)
            if case.then != "keep":
                _finish(stream, case)
                return
            first = False

    def _answer(self, stream: socket.socket, case: Case, served: Served) -> None:
        for piece in (case.reply,) if isinstance(case.reply, bytes) else case.reply:
            served.response += piece
            stream.sendall(piece)


def read_request(stream: socket.socket) -> bytes:
    """One request with its body; nothing when the client has closed."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = stream.recv(65536)
        if not piece:
            return b""
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < sum(lengths):
        body += stream.recv(65536)
    return head + b"\r\n\r\n" + body


def _finish(stream: socket.socket, case: Case) -> None:
    if case.then == "close" and isinstance(stream, ssl.SSLSocket):
        stream.settimeout(5)
        with suppress(OSError):
            stream.unwrap()
    elif case.then == "reset":
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif case.then == "stall":
        while stream.recv(65536):
            pass
    while case.then in {"endless", "drip"}:
        stream.sendall(case.again)
        if case.then == "drip":
            time.sleep(0.1)


@dataclass
class Servers:
    """Both servers, and the certificate authority that vouches for the second."""

    http: Server
    https: Server
    ca_file: str


@contextmanager
def serving(cases: tuple[Case, ...] = CASES + FLOODS, host: str = "127.0.0.1") -> Iterator[Servers]:
    """Serves the cases over http and https on free loopback ports."""
    table = {case.path: case for case in cases}
    with tempfile.TemporaryDirectory() as folder:
        ca_file, context = certified(Path(folder), host)
        servers = Servers(Server(table, host=host), Server(table, context, host=host), str(ca_file))
        servers.http.start()
        servers.https.start()
        try:
            yield servers
        finally:
            servers.http.stop()
            servers.https.stop()
