"""A small HTTP/1.1 server on loopback that remembers every byte it received and sent."""

from __future__ import annotations

import gzip
import http
import socket
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from .site import Answer, Site, http_date, not_modified, path_of

_LARGEST_HEAD = 65_536


class Fault(StrEnum):
    """What a path can be made to do instead of answering."""

    SERVER_ERROR = "500"
    UNAVAILABLE = "503, Retry-After: 1"
    TOO_MANY = "429, Retry-After: 1"
    DROP = "close the connection without a byte"
    CUT = "close it in the middle of the body"
    STALL = "send half of the body, then nothing until mended"
    EMPTY = "200 with an empty body"
    GARBAGE = "bytes that are no HTTP"
    LYING_ETAG = "304 to whoever names an entity tag, whatever has changed"
    NOT_MODIFIED = "304, whatever was asked"


@dataclass(frozen=True, slots=True)
class Served:
    """One exchange as the server saw it. `response` is what was handed to the socket, in full."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    request: bytes
    response: bytes
    status: int
    started: float  # seconds since 1970
    connection: int

    @property
    def path(self) -> str:
        """The path of the request line, without the query."""
        return urlsplit(self.target).path

    def header(self, name: str) -> str | None:
        """The first request header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Newsroom:
    """A running newsroom: `with Newsroom(stories=26) as newsroom: ... newsroom.url ...`.

    `latency` is waited before every answer, in seconds. Everything a test does takes effect with the next request.
    """

    def __init__(
        self, stories: int = 26, *, seed: int = 1, address: str = "127.0.0.1", port: int = 0, latency: float = 0.0
    ) -> None:
        self._listener = socket.create_server((address, port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.latency = latency
        self.host = f"{address}:{self.port}"
        self.site = Site(f"http://{self.host}", stories, seed)
        self.url = f"{self.site.base}/"
        self._log: list[Served] = []
        self._faults: dict[str, tuple[Fault, int | None]] = {}
        self._replaced: dict[str, Answer] = {}
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._mended = threading.Event()
        self._closing = False
        self._threads: list[threading.Thread] = []
        self.edit, self.add, self.url_of = self.site.edit, self.site.add, self.site.url
        self.remove, self.restore = self.site.remove, self.site.restore

    # --- controls ------------------------------------------------------------------------------------------------

    def fault(self, url: str, fault: Fault, times: int | None = None) -> None:
        """Make a URL or path fail, `times` times or until it is mended."""
        self._mended.clear()
        with self._lock:
            self._faults[path_of(url)] = (fault, times)

    def mend(self, url: str | None = None) -> None:
        """Take the fault (or the replacement) of one path, or of all, away."""
        with self._lock:
            for table in (self._faults, self._replaced):
                if url is None:
                    table.clear()
                else:
                    table.pop(path_of(url), None)
        self._mended.set()

    def replace(self, url: str, answer: Answer) -> None:
        """Answer a path with something else altogether."""
        with self._lock:
            self._replaced[path_of(url)] = answer

    @property
    def log(self) -> tuple[Served, ...]:
        """Every exchange so far, in the order they were answered."""
        with self._lock:
            return tuple(self._log)

    def served(self, url: str) -> list[Served]:
        """The exchanges of one URL or path (query included when given)."""
        wanted = path_of(url)
        return [entry for entry in self.log if wanted in (entry.target, entry.path)]

    def moment(self) -> float:
        """What the clock says by which it remembers: seconds since 1970."""
        return time.time()

    def clear_log(self) -> None:
        """Forget what was served."""
        with self._lock:
            self._log.clear()

    # --- life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, cut every connection, wait for the threads."""
        self._closing = True
        self._mended.set()
        _shut(self._listener)
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _shut(connection)
        for thread in self._threads:
            thread.join(timeout=5)

    def serve_forever(self) -> None:
        """Serve in the calling thread until the process is interrupted."""
        self._accept()

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads = [old for old in self._threads if old.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        number = 0
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the listener was closed
                return
            number += 1
            with self._lock:
                self._open.add(connection)
            self._spawn(self._converse, connection, number)

    def _converse(self, connection: socket.socket, number: int) -> None:
        buffer = b""
        with connection, suppress(OSError):  # clients hang up; that is theirs to do
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._closing:
                request, buffer = _read_request(connection, buffer)
                if not request or not self._serve(connection, request, number):
                    break
        with self._lock:
            self._open.discard(connection)

    # --- one exchange --------------------------------------------------------------------------------------------

    def _serve(self, connection: socket.socket, request: bytes, number: int) -> bool:
        """Answer one request; whether the connection stays open."""
        started = self.moment()
        if self.latency:
            time.sleep(self.latency)
        method, target, headers = parse_request(request)
        with self._lock:
            fault = self._take_fault(target)
            answer = self._answer(target, headers)
            response, status = self._bytes(answer, (method, target), headers, fault)
            sent = _shortened(response, fault)
            self._log.append(Served(method, target, headers, request, sent, status, started, number))
        connection.sendall(sent)
        if fault is Fault.STALL:
            self._mended.wait()
        stops = fault in (Fault.DROP, Fault.CUT, Fault.STALL, Fault.GARBAGE)
        return not stops and _header(headers, "connection") != "close"

    def _take_fault(self, target: str) -> Fault | None:
        fault, times = self._faults.get(target, (None, None))
        if times is not None:
            self._faults[target] = (fault, times - 1) if fault else self._faults[target]
            if times <= 1:
                del self._faults[target]
        return fault

    def _answer(self, target: str, headers: tuple[tuple[str, str], ...]) -> Answer:
        if target in self._replaced:
            return self._replaced[target]
        asked = _header(headers, "host") or self.host
        if asked != self.host:
            return Answer(301, location=self.site.base + target)
        return self.site.answer(target)

    def _bytes(
        self, answer: Answer, asked: tuple[str, str], headers: tuple[tuple[str, str], ...], fault: Fault | None
    ) -> tuple[bytes, int]:
        method, target = asked
        if method not in ("GET", "HEAD"):
            answer = Answer(405, headers=(("Allow", "GET, HEAD"),))
        if fault:
            answer = _faulty(answer, fault)
        lies = fault is Fault.NOT_MODIFIED or (fault is Fault.LYING_ETAG and _header(headers, "if-none-match"))
        if lies or not_modified(answer, _header(headers, "if-none-match"), _header(headers, "if-modified-since")):
            head = [("Date", http_date(self.site.now)), ("ETag", answer.etag)]
            return _head_bytes(304, head), 304
        body, framing = _encode(answer, _header(headers, "accept-encoding") or "", framing_of(target))
        head = [("Date", http_date(self.site.now)), ("Server", "courier"), *_descriptions(answer), *framing]
        return _head_bytes(answer.status, head) + (b"" if method == "HEAD" else body), answer.status


def parse_request(request: bytes) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Method, target and headers (latin-1) of a request's bytes."""
    first, *rest = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, _ = (*first.split(" ", 2), "", "")[:3]
    pairs = (line.partition(":") for line in rest)
    return method, target, tuple((name.strip(), value.strip()) for name, _, value in pairs)


def framing_of(target: str) -> int:
    """Which of the five ways of framing a body is used: always the same for the same path."""
    return zlib.crc32(target.encode("latin-1")) % 5


def _read_request(connection: socket.socket, buffer: bytes) -> tuple[bytes, bytes]:
    while b"\r\n\r\n" not in buffer:
        chunk = connection.recv(65_536)
        if not chunk or len(buffer) > _LARGEST_HEAD:
            return b"", b""
        buffer += chunk
    head, _, rest = buffer.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _encode(answer: Answer, accepted: str, way: int) -> tuple[bytes, list[tuple[str, str]]]:
    """Body and framing headers: plain, gzip, deflate, chunked, or gzip in chunks."""
    body = answer.body
    coding = {1: "gzip", 2: "deflate", 4: "gzip"}.get(way, "")
    headers: list[tuple[str, str]] = []
    if coding and coding in accepted and answer.compress and body:
        body = gzip.compress(body, mtime=0) if coding == "gzip" else zlib.compress(body)
        headers += [("Content-Encoding", coding), ("Vary", "Accept-Encoding")]
    if way in (3, 4) and body:
        return _chunked(body), [*headers, ("Transfer-Encoding", "chunked")]
    return body, [*headers, ("Content-Length", str(len(body)))]


def _chunked(body: bytes, size: int = 4096) -> bytes:
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _descriptions(answer: Answer) -> list[tuple[str, str]]:
    headers = [*answer.headers]
    if answer.body:
        headers.append(("Content-Type", answer.content_type))
    if answer.location:
        headers.append(("Location", answer.location))
    if answer.status == http.HTTPStatus.OK and answer.body:
        headers.append(("ETag", answer.etag))
    if answer.changed:
        headers.append(("Last-Modified", http_date(answer.changed)))
    return headers


def _head_bytes(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _faulty(answer: Answer, fault: Fault) -> Answer:
    later = (("Retry-After", "1"),)
    return {
        Fault.SERVER_ERROR: Answer(500, b"<h1>Internal server error</h1>"),
        Fault.UNAVAILABLE: Answer(503, b"<h1>Back in a moment</h1>", headers=later),
        Fault.TOO_MANY: Answer(429, b"<h1>Too many requests</h1>", headers=later),
        Fault.EMPTY: Answer(200),
    }.get(fault, answer)


def _shortened(response: bytes, fault: Fault | None) -> bytes:
    if fault is Fault.DROP:
        return b""
    if fault is Fault.GARBAGE:
        return b"\x16\x03\x01 this is no HTTP\r\n\r\n"
    if fault in (Fault.CUT, Fault.STALL):
        start = response.index(b"\r\n\r\n") + 4
        return response[: start + (len(response) - start) // 2]
    return response


def _header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
