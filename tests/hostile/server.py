"""Raw sockets, a thread a connection: an answer is a function that writes whatever it likes to a `Line`."""

from __future__ import annotations

import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

LONGEST = 60.0  # seconds after which any answer of ours ends by itself
PIECES = 200_000  # so does a flood after this many pieces

Answer = Callable[["Line"], None]


class Gone(Exception):
    """The client has left."""


class Line:
    """One connection while a request of it is answered. All methods raise Gone when the client has left."""

    def __init__(self, stream: socket.socket, path: str, request: bytes, stopping: threading.Event) -> None:
        self.path = path
        self.request = request
        self.keep = True  # whether another request may follow
        self._stream = stream
        self._stopping = stopping
        self._until = time.monotonic() + LONGEST

    def send(self, piece: bytes) -> None:
        """Bytes as they are."""
        if self._stopping.is_set() or time.monotonic() > self._until:
            raise Gone
        try:
            self._stream.sendall(piece)
        except OSError:
            raise Gone from None

    def reply(self, body: bytes, *lines: str, kind: str = "text/html; charset=utf-8", status: str = "200 OK") -> None:
        """A whole and honest answer; `lines` are further header lines."""
        self.head(*lines, f"Content-Length: {len(body)}", kind=kind, status=status)
        self.send(body)

    def head(self, *lines: str, kind: str = "text/html; charset=utf-8", status: str = "200 OK") -> None:
        """A header block. Latin-1."""
        typed = (f"Content-Type: {kind}",) if kind else ()
        self.send("\r\n".join((f"HTTP/1.1 {status}", *typed, *lines, "", "")).encode("latin-1"))

    def flood(self, pieces: Iterable[bytes]) -> None:
        """Many pieces, as fast as they are taken; then the connection ends."""
        for piece in itertools.islice(pieces, PIECES):
            self.send(piece)
        self.keep = False

    def drip(self, pieces: Iterable[bytes], pause: float) -> None:
        """Pieces with pauses between them."""
        for piece in pieces:
            self.send(piece)
            self._stopping.wait(pause)
        self.keep = False

    def stall(self) -> None:
        """Nothing, until the client leaves."""
        self._stream.settimeout(LONGEST)
        with suppress(OSError):
            while self._stream.recv(65536):
                pass
        raise Gone

    def hang_up(self) -> None:
        """The end of the connection, in order."""
        self.keep = False

    def reset(self) -> None:
        """The end of the connection, out of order."""
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep = False


class Server:
    """Listens on one address and answers each path with its function; unknown paths get a 404."""

    def __init__(self, host: str, port: int = 0, family: int = socket.AF_INET) -> None:
        self.answers: dict[str, Answer] = {}
        self.otherwise: Answer = lambda line: line.reply(b"<title>Not found</title>", status="404 Not Found")
        self.asked: list[str] = []  # paths, in order
        self.bodies: list[bytes] = []  # of these requests
        self.accepted = 0
        self.host = host
        self._socket = socket.create_server((host, port), family=family, backlog=128)
        self.port = int(self._socket.getsockname()[1])
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        """Ends everything; threads that sleep end by themselves."""
        self._stopping.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        for stream in list(self._open):
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                stream, _ = self._socket.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream: socket.socket) -> None:
        self._open.add(stream)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError, Gone), stream:
            while request := _read_request(stream):
                path = request.split(b" ", 2)[1].decode("latin-1")
                head, _, body = request.partition(b"\r\n\r\n")
                self.asked.append(path)
                self.bodies.append(_read_body(stream, head, body))
                line = Line(stream, path, request, self._stopping)
                self.answers.get(path.partition("?")[0], self.otherwise)(line)
                if not line.keep:
                    break
        self._open.discard(stream)


def _read_body(stream: socket.socket, head: bytes, got: bytes) -> bytes:
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    while length and len(got) < int(length[1]) and (piece := stream.recv(65536)):
        got += piece
    return got


def _read_request(stream: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        piece = stream.recv(65536)
        if not piece or len(got) > 1_000_000:
            return b""
        got += piece
    return got
