"""One HTTP/1.1 connection with a tape on it: what is sent and received, limits, and reading what browsers read.

Private names of Scrapy and Twisted, beside those of `handler.py`: what is imported with an underscore; `_parser`,
`_currentRequest`, `_finishResponse`, `_giveUp`, `_disconnectParser` of a protocol; `_reactor`, `_connections`,
`_timeouts`, `_putConnection`, `_removeConnection` of a pool.
"""
# Twisted is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from scrapy.core.downloader.handlers.http11 import (
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from twisted.internet import error as lost
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import BODY, DONE, HEADER
from twisted.web.client import HTTPConnectionPool
from twisted.web.http_headers import InvalidHeaderName
from zope.interface import directlyProvides, implementer, providedBy

from crawler.wire.reasons import BadResponseError, reason_of, response_fault
from crawler.wire.tape import Tape
from storage.records import Ended

_STRICT_STATUS = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: |$)", re.IGNORECASE)
_ANY_STATUS = re.compile(rb"\s*(?:HTTP(?:/[0-9.]*)?|ICY)[ \t]+([1-9][0-9]{2})(?![0-9])[ \t]*(.*)", re.IGNORECASE | re.DOTALL)
_LENGTH = re.compile(rb"[0-9]{1,20}")
_HEAD_PIECE = 4096  # bytes of a header block parsed at once: the parser copies what is left of them for every line
_LINGER = 5.0  # seconds a server has to close a connection after us; then it is aborted


class _Wiretap:
    """A transport that lets the protocol hear what is written; for all else it is the transport underneath."""

    def __init__(self, transport: Any, protocol: _TapedProtocol) -> None:
        self._transport = transport
        self._protocol = protocol
        directlyProvides(self, providedBy(transport))

    def write(self, piece: bytes) -> None:
        if self._protocol.tape is not None:
            self._protocol.tape.sent(piece)
        self._transport.write(piece)

    def writeSequence(self, pieces: Iterable[bytes]) -> None:  # noqa: N802 (Twisted's name)
        self.write(b"".join(pieces))

    def loseConnection(self) -> None:  # noqa: N802 (Twisted's name)
        self._transport.loseConnection()
        self._protocol.linger()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _TapedParser(_LenientHTTPClientParser):
    """Reads what browsers read: strange status lines; header lines and lengths that are none are passed over."""

    def statusReceived(self, status: bytes) -> None:  # noqa: N802 (Twisted's name)
        found = None if _STRICT_STATUS.match(status) else _ANY_STATUS.match(status)
        super().statusReceived(b"HTTP/1.0 %b %b" % found.groups() if found else status)

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 (Twisted's name)
        if self.state != HEADER or self._partialHeader is not None or line[:1] not in (b" ", b"\t"):
            super().lineReceived(line)

    def headerReceived(self, name: bytes, value: bytes) -> None:  # noqa: N802 (Twisted's name)
        name = name.rstrip(b" \t")
        if name.lower() == b"content-length":
            lengths = {length.strip() for length in value.split(b",")}
            value = lengths.pop() if len(lengths) == 1 else b""
            if not _LENGTH.fullmatch(value):
                return
        with suppress(InvalidHeaderName):
            super().headerReceived(name, value)


@implementer(IHandshakeListener)
class _TapedProtocol(_LenientHTTP11ClientProtocol):
    """An HTTP/1.1 connection that records the exchange in hand, and enforces the limits of its tape."""

    transport: Any
    tape: Tape | None = None
    _reactor: Any = None
    _tls: str | None = None
    _used = False
    _unparsed = b""  # of the segment in hand
    _lost: Failure | None = None
    _lingering: Any = None

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 (Twisted's name)
        super().makeConnection(_Wiretap(transport, self))

    def handshakeCompleted(self) -> None:  # noqa: N802 (Twisted's name)
        connection = self.transport.getHandle()
        self._tls = f"{connection.get_protocol_version_name()} {connection.get_cipher_name()}"
        if self.tape is not None:
            self.tape.tls = self._tls
            self.tape.left()  # what was written before has waited for this

    def attach(self, tape: Tape, reactor: Any) -> _TapedProtocol:
        """The next request and its response go on this tape."""
        self.tape, self._reactor = tape, reactor
        peer = self.transport.getPeer()
        tape.peer, tape.tls, tape.reused = (peer.host, peer.port), self._tls, self._used
        self._used = True
        return self

    def request(self, request: Any) -> Deferred[Any]:
        response = super().request(request)
        if self._parser is not None and self.tape is not None:
            self._parser.__class__ = _TapedParser
            # The default of 16 KiB is too small for some policies; the limit of the tape must be met first.
            self._parser.MAX_LENGTH = self.tape.limits.max_header_bytes + 2 * _HEAD_PIECE
        return response

    def dataReceived(self, bytes: bytes) -> None:  # noqa: A002, N802
        tape = self.tape
        if tape is None or self._parser is None:
            self.transport.abortConnection()  # an answer that nobody asked for
            return
        kept = tape.received(bytes)
        self._parse(tape, kept)
        if self.tape is not tape:
            return
        if tape.ended is not None:
            self._giveUp(Failure(BadResponseError(tape.error or "ended")))
        elif len(kept) < len(bytes):
            self._giveUp(Failure(BadResponseError(f"longer than {tape.limits.max_capture_bytes} bytes")), Ended.LENGTH)

    def _parse(self, tape: Tape, segment: bytes) -> None:
        while segment and tape.in_head and self._parser is not None:
            piece, self._unparsed = segment[:_HEAD_PIECE], segment[_HEAD_PIECE:]
            super().dataReceived(piece)
            segment, self._unparsed = self._unparsed, b""
            self._watch_head(tape, len(segment))
        if segment and self._parser is not None:
            super().dataReceived(segment)

    def _watch_head(self, tape: Tape, unparsed: int) -> None:
        if self._parser is None or self._parser.state in (BODY, DONE):
            tape.head_complete()
        elif tape.length - unparsed > tape.limits.max_header_bytes:
            self._giveUp(
                Failure(BadResponseError(f"header longer than {tape.limits.max_header_bytes} bytes")), Ended.LENGTH
            )

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802 (Twisted's name)
        if self._currentRequest is not None and (rest or self._unparsed or not _may_go_on(self._parser)):
            self._currentRequest.persistent = False
        if self._lost is None or self._lost.check(lost.ConnectionDone):
            self._end(Ended.COMPLETE)
        super()._finishResponse(rest)

    def _giveUp(self, reason: Failure, ended: Ended = Ended.DISCONNECT) -> None:  # noqa: N802 (Twisted's name)
        if reason.check(lost.ConnectionDone):  # the ordinary end of a connection that is not kept
            super()._giveUp(reason)
            return
        clear = Failure(BadResponseError(response_fault(reason.value)))
        if self.tape is not None:
            self.tape.end(ended, f"{'length' if ended is Ended.LENGTH else 'bad-response'}: {clear.value}")
        self.transport.abortConnection()
        self._disconnectParser(clear)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 (Twisted's name)
        self._lost = reason
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        super().connectionLost(reason)
        self._end(Ended.DISCONNECT, reason_of(reason.value))

    def linger(self) -> None:
        """Closing has begun; a server that does not close its side in turn must not hold the connection for ever."""
        if self._lingering is None and self._reactor is not None:
            self._lingering = self._reactor.callLater(_LINGER, self.transport.abortConnection)

    def _end(self, ended: Ended, error: str | None = None) -> None:
        tape, self.tape = self.tape, None
        if tape is not None:
            tape.end(ended, error)


def _may_go_on(parser: Any) -> bool:
    """Whether the server will keep the connection; Twisted sees `close` only when written in lower case and alone."""
    values = b",".join(parser.connHeaders.getRawHeaders(b"connection", ())).lower()
    tokens = {token.strip() for token in values.split(b",")}
    return b"close" not in tokens and (parser.response.version != (b"HTTP", 1, 0) or b"keep-alive" in tokens)


class TapedFactory(_LenientHTTP11ClientFactory):
    """Makes connections with room for a tape."""

    def buildProtocol(self, addr: object) -> _TapedProtocol:  # noqa: N802 (Twisted's name)
        """Twisted asks for it."""
        return _TapedProtocol(self._quiescentCallback)


class FewIdle(HTTPConnectionPool):
    """A pool that keeps only so many unused connections of all hosts: each is an open file."""

    most = 32

    def _putConnection(self, key: Any, connection: Any) -> None:  # noqa: N802 (Twisted's name)
        super()._putConnection(key, connection)
        while len(self._timeouts) > self.most:
            oldest = next(iter(self._timeouts))
            self._timeouts[oldest].cancel()
            self._removeConnection(next(of for of, kept in self._connections.items() if oldest in kept), oldest)


class TapedPool:
    """The pool as one exchange sees it: the connection comes with the tape running."""

    def __init__(self, pool: HTTPConnectionPool, tape: Tape) -> None:
        self.persistent = pool.persistent
        self._pool = pool
        self._tape = tape

    def getConnection(self, key: Any, endpoint: Any) -> Any:  # noqa: N802 (Twisted's name)
        """A connection of the pool's, with the tape on it."""
        connected: Any = self._pool.getConnection(key, endpoint)
        return connected.addCallback(_TapedProtocol.attach, self._tape, self._pool._reactor)
