"""A server that costs little: every answer is rendered before it starts, and it runs in a process of its own.

It listens on the loopback addresses of its sites only, speaks HTTP/1.1 with keep-alive, and answers gzip where it was
told to and the client takes it.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import multiprocessing
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from ctypes import Array, c_uint64
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray

from scripts.bench.pages import Site
from scripts.bench.processes import cpu_of

_MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nNot found"
_PAGES, _REQUESTS, _SENT = 0, 1, 2  # places in Counts
Counts = Array[c_uint64]


@dataclass(frozen=True, slots=True)
class Served:
    """What a server has done so far. `sent` and the lengths are bytes on the wire, heads included."""

    pages: int
    requests: int
    sent: int
    cpu_seconds: float


class Server:
    """Our end of the server process."""

    def __init__(self, pid: int, counts: Counts) -> None:
        self.pid = pid
        self._counts = counts

    @property
    def served(self) -> Served:
        """What it has done so far."""
        pages, requests, sent = self._counts
        return Served(pages, requests, sent, cpu_of(self.pid).own)


@contextmanager
def serving(sites: Sequence[Site], *, zipped: bool = True) -> Iterator[Server]:
    """Serve these sites, from another process, until the end of the block."""
    counts = RawArray(c_uint64, 3)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_run, args=(sites, zipped, counts, theirs))
    process.start()
    try:
        if not ours.poll(300) or ours.recv() != "ready":
            raise SystemExit("the server of the benchmark did not start")
        yield Server(process.pid or 0, counts)
    finally:
        process.terminate()
        process.join()


def free_port() -> int:
    """A port that nothing listens on just now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ---- in the other process


class _Talk(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, answers: dict[bytes, tuple[bytes, bool]], counts: Counts) -> None:
        self._answers = answers
        self._counts = counts
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._address = transport.get_extra_info("sockname")[0].encode()

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._held.endswith(b"\r\n\r\n"):
            return
        target, self._held = self._held.split(b" ", 2)[1], b""
        answer, is_page = self._answers.get(self._address + target, (_MISSING, False))
        counts = self._counts
        counts[_PAGES] += is_page
        counts[_REQUESTS] += 1
        counts[_SENT] += len(answer)
        self.transport.write(answer)


def _run(sites: Sequence[Site], zipped: bool, counts: Counts, ready: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    answers = {key: answer for site in sites for key, answer in _answers(site, zipped)}
    gc.freeze()
    asyncio.run(_serve(answers, counts, sites, ready))


def _answers(site: Site, zipped: bool) -> Iterator[tuple[bytes, tuple[bytes, bool]]]:
    for path, kind, body in site.bodies():
        is_page = path in site.pages
        sent, coding = body, ""
        if zipped and path != "/robots.txt":
            sent, coding = gzip.compress(body, 6, mtime=0), "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n"
        head = (
            f"HTTP/1.1 200 OK\r\nDate: Sun, 01 Mar 2026 12:00:00 GMT\r\nServer: bench\r\nContent-Type: {kind}\r\n"
            f"Cache-Control: max-age=60\r\n{coding}Content-Length: {len(sent)}\r\n\r\n"
        )
        yield f"{site.address}{path}".encode(), (head.encode() + sent, is_page)


async def _serve(
    answers: dict[bytes, tuple[bytes, bool]], counts: Counts, sites: Sequence[Site], ready: Connection
) -> None:
    loop = asyncio.get_running_loop()
    addresses = [site.address for site in sites]
    await loop.create_server(lambda: _Talk(answers, counts), addresses, sites[0].port, backlog=512)
    ready.send("ready")
    await asyncio.Event().wait()
