"""What goes over the wire in one exchange: request bytes, response bytes, how it ended. Knows no network, no Scrapy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from tempfile import SpooledTemporaryFile
from time import monotonic
from typing import IO, Any, cast

from storage.errors import DiskError
from storage.records import Ended, Exchange, FetchContext
from storage.times import now
from storage.warc.http_message import split_interim

_IN_MEMORY = 1 << 19  # bytes of a response kept in memory; a longer one goes to a temporary file
_MANY = 100_000  # pieces of a body that may be
_TINY = 8  # bytes on average: each costs 8 microseconds


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may cost. Bytes, and seconds for all of it: name lookup, connecting and TLS included."""

    max_page_bytes: int = 10_000_000  # of the body that Scrapy sees
    max_capture_bytes: int = 64_000_000  # of the response on the wire, head included
    max_header_bytes: int = 262_144  # of all header blocks together, interim answers included
    timeout: float = 60.0
    allowed_ports: frozenset[int] | None = None  # None: any
    spool_folder: str | None = None  # where long responses wait for the archive; None: the system's


class Tape:
    """Records one exchange until `end`; what comes later is no part of it.

    A write error of the disk does not raise here, amid the reactor: it ends the tape, and `verdict` holds it.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        """Starts the clock. `started_at` is moved to the moment when the request is sent, if it ever is."""
        self.started_at = now()
        self.limits = limits
        self.request = bytearray()
        self.interim = b""
        self.length = 0  # of the response so far, interim answers included
        self.ended: Ended | None = None
        self.error: str | None = None
        self.verdict: Exception | None = None  # what the fetch raises, whatever the layers below say
        self.peer: tuple[str, int] | None = None
        self.tls: str | None = None
        self.reused = False  # the connection had carried another exchange
        self._clock = clock
        self._started = clock()
        self._milliseconds = 0
        self._head: bytearray | None = bytearray()
        self._spool = SpooledTemporaryFile(_IN_MEMORY, dir=limits.spool_folder)  # noqa: SIM115 (the archive closes it)

    @property
    def in_head(self) -> bool:
        """Whether all bytes so far belong to header blocks."""
        return self._head is not None

    @property
    def went_stale(self) -> bool:
        """Whether the server had closed a kept connection by the time it was used: that says nothing of the request."""
        return self.reused and not self.length and self.verdict is None

    def left(self) -> None:
        """The request is on its way only now: names were looked up and a connection was opened before."""
        if self.ended is None and not self.length:
            self.started_at = now()

    def sent(self, piece: bytes) -> None:
        """A piece of the request was given to the transport."""
        if not self.request:
            self.left()
        if self.ended is None:
            self.request += piece

    def received(self, piece: bytes) -> bytes:
        """A piece of the response came; returns what was kept of it: less where the capture limit is reached."""
        if self.ended is not None:
            return b""
        kept = piece[: self.limits.max_capture_bytes - self.length]
        self.length += len(kept)
        if self._head is not None:
            self._head += kept
        else:
            self._write(kept)
        return kept

    def head_complete(self) -> None:
        """The final header block has ended: interim answers are set apart, the rest is on its way to the spool."""
        if self._head is None:
            return
        head, self._head = bytes(self._head), None
        self.interim, final = split_interim(head)
        self._write(head[final:])

    def end(self, ended: Ended, error: str | None = None, verdict: Exception | None = None) -> None:
        """Stops the tape; only the first call counts."""
        if self.ended is None:
            self._milliseconds = round((self._clock() - self._started) * 1000)
            self.head_complete()
            self._try(self._spool.flush)
        if self.ended is None:
            self.ended, self.error, self.verdict = ended, error, verdict

    def exchange(self, url: str, context: FetchContext) -> Exchange:
        """The finished exchange; its response file is the receiver's to close."""
        ip, port = self.peer or (None, None)
        return Exchange(
            url=url,
            started_at=self.started_at,
            request=bytes(self.request),
            response=cast("IO[bytes]", self._spool),
            response_length=self.length - len(self.interim),
            ended=self.ended or Ended.DISCONNECT,
            fetch_ms=self._milliseconds,
            context=context,
            interim=self.interim,
            peer_ip=ip,
            peer_port=port,
            tls=self.tls,
            error=self.error,
        )

    def discard(self) -> None:
        """Nothing was sent, or nothing could be kept."""
        with suppress(OSError):
            self._spool.close()

    def _write(self, piece: bytes) -> None:
        self._try(lambda: self._spool.write(piece))

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            folder = self.limits.spool_folder or "the temporary folder"
            full = DiskError(f"cannot keep a response in {folder}: {error.strerror or error}")
            self.ended, self.error, self.verdict = Ended.DISCONNECT, "disk", full


class TooFineError(Exception):
    """A body came in so many so small chunks that taking them apart costs more than it can be worth."""


class CappedBody(BytesIO):
    """Keeps the first `limit` bytes written to it; `cut` says whether there were more. Raises TooFineError."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._room = limit
        self._pieces = 0
        self._size = 0
        self.cut = False

    def write(self, piece: Any) -> int:
        """Keeps what there is room for."""
        kept = piece[: self._room]
        self._room -= len(kept)
        self._pieces += 1
        self._size += len(piece)
        self.cut = self.cut or len(kept) < len(piece)
        if self._pieces > _MANY and self._size < self._pieces * _TINY:
            raise TooFineError(f"{_MANY} chunks of less than {_TINY} bytes")
        return super().write(kept)
