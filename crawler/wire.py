"""Capture at the wire: Scrapy's HTTP/1.1 download handler with a tape on every connection, and limits on each exchange.

The only file that touches private names of Scrapy and Twisted: those it imports; `_parser`, `_currentRequest`,
`_finishResponse`, `_giveUp`, `_disconnectParser` of a protocol; `_factory`, `_reactor`, `_connections`, `_timeouts`,
`_putConnection`, `_removeConnection` of a pool; `_pool` of a handler;
`_cb_bodyready` of the agent; `_bodybuf` of its reader; `_verify_certificates`, `_createConnection` of the TLS options.
`make canary` runs its tests on the newest Scrapy.
"""
# Twisted is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urldefrag

from scrapy import Request
from scrapy.core.downloader.contextfactory import _load_context_factory_from_settings
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
    _ScrapyAgent,
)
from scrapy.exceptions import CannotResolveHostError, DownloadCancelledError, DownloadFailedError, DownloadTimeoutError
from scrapy.http import Response
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet import error as lost
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import BODY, DONE, HEADER
from twisted.web.client import HTTPConnectionPool
from twisted.web.http_headers import InvalidHeaderName
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import directlyProvides, implementer, providedBy

from crawler.netguard import NetGuard, check_url
from crawler.reasons import BadResponseError, ForbiddenURLError, UntrustedServerError, reason_of, response_fault
from crawler.tape import CappedBody, Limits, Tape
from storage.errors import DiskError
from storage.records import Ended, Exchange, FetchContext

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

__all__ = ["CUT_SHORT", "Limits", "Run", "WireDownloadHandler", "reason_of"]

CUT_SHORT = object()  # signal of Scrapy's: whoever sends it ends all exchanges in hand at once, as `time`

_STRICT_STATUS = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: |$)", re.IGNORECASE)
_ANY_STATUS = re.compile(rb"\s*(?:HTTP(?:/[0-9.]*)?|ICY)[ \t]+([1-9][0-9]{2})(?![0-9])[ \t]*(.*)", re.IGNORECASE | re.DOTALL)
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HEAD_PIECE = 4096  # bytes of a header block parsed at once: the parser copies what is left of them for every line
_LINGER = 5.0  # seconds a server has to close a connection after us; then it is aborted
_IDLE = 30  # seconds an unused connection is kept


class Run(Protocol):
    """What the wire needs of a run; the spider has it as `run`."""

    limits: Limits
    guard: NetGuard

    def context_of(self, request: Request) -> FetchContext:
        """Why and how this request is made."""

    def exchanged(self, request: Request, exchange: Exchange) -> None:
        """An exchange has ended: called once for each, in the reactor, before Scrapy sees the response or error."""


# --- the connection ---------------------------------------------------------------------------------------------------


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


class _TapedFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: object) -> _TapedProtocol:  # noqa: N802 (Twisted's name)
        return _TapedProtocol(self._quiescentCallback)


class _FewIdle(HTTPConnectionPool):
    """A pool that keeps only so many unused connections of all hosts: each is an open file."""

    most = 32

    def _putConnection(self, key: Any, connection: Any) -> None:  # noqa: N802 (Twisted's name)
        super()._putConnection(key, connection)
        while len(self._timeouts) > self.most:
            oldest = next(iter(self._timeouts))
            self._timeouts[oldest].cancel()
            self._removeConnection(next(of for of, kept in self._connections.items() if oldest in kept), oldest)


class _TapedPool:
    """The pool as one exchange sees it: the connection comes with the tape running."""

    def __init__(self, pool: HTTPConnectionPool, tape: Tape) -> None:
        self.persistent = pool.persistent
        self._pool = pool
        self._tape = tape

    def getConnection(self, key: Any, endpoint: Any) -> Any:  # noqa: N802 (Twisted's name)
        connected: Any = self._pool.getConnection(key, endpoint)
        return connected.addCallback(_TapedProtocol.attach, self._tape, self._pool._reactor)


# --- one exchange -----------------------------------------------------------------------------------------------------


class _TapedAgent(_ScrapyAgent):
    """Scrapy's agent for one request. The body goes straight to a capped buffer: no `bytes_received` signals.

    A page that is read from the raw bytes of its exchange (`meta["raw"]`) is not kept a second time.
    """

    def __init__(self, crawler: Crawler, lane: _Lane, tape: Tape, *, raw: bool) -> None:
        super().__init__(
            crawler=crawler,
            contextFactory=lane.policy,
            connectTimeout=tape.limits.timeout,
            pool=cast("HTTPConnectionPool", _TapedPool(lane.pool, tape)),
            fail_on_dataloss=False,
        )
        self.body = CappedBody(0 if raw else tape.limits.max_page_bytes)

    def _cb_bodyready(self, txresponse: Any, request: Request) -> Any:
        deliver = txresponse.deliverBody

        def deliver_capped(reader: Any) -> None:
            reader._bodybuf = self.body
            reader.dataReceived = self.body.write
            deliver(reader)

        txresponse.deliverBody = deliver_capped
        return super()._cb_bodyready(txresponse, request)


@implementer(IPolicyForHTTPS)
class _OneContext:
    """A TLS policy whose connections share one OpenSSL context: the root store in each costs 7 ms and 0.9 MB."""

    def __init__(self, policy: Any, *, verify: bool) -> None:
        policy._verify_certificates = verify
        self._policy = policy
        self._create = policy.creatorForNetloc(b"localhost", 443)._createConnection

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: N802 (Twisted's name)
        creator = self._policy.creatorForNetloc(hostname, port)
        creator._createConnection = self._create
        return creator


class _Lane:
    """Connections of one kind, verified or not; they are never shared."""

    def __init__(self, crawler: Crawler, pool: HTTPConnectionPool, *, verify: bool) -> None:
        pool._factory = _TapedFactory
        pool.retryAutomatically = False  # a second try is an exchange of its own
        pool.cachedConnectionTimeout = _IDLE
        self.pool = pool
        self.policy = cast("IPolicyForHTTPS", _OneContext(_load_context_factory_from_settings(crawler), verify=verify))


class WireDownloadHandler(HTTP11DownloadHandler):
    """Scrapy's handler for http and https that hands every exchange to the run, whatever becomes of it.

    A response cut short is returned with the flag `dataloss` (the connection broke) or `truncated` (a limit of ours),
    unless time ran out. `request.meta["verify_tls"] is False` accepts any certificate; `meta["proxy"]` is as in Scrapy;
    `meta["raw"]` wants no body in the response, since the exchange has it.
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._reactor: Any = self._pool._reactor
        self._lanes = {verify: _Lane(crawler, self._new_pool(crawler), verify=verify) for verify in (True, False)}
        self._in_hand: dict[Tape, Deferred[Response]] = {}
        crawler.signals.connect(self._cut_short, CUT_SHORT)

    def _new_pool(self, crawler: Crawler) -> _FewIdle:
        pool = _FewIdle(self._reactor)
        pool.maxPersistentPerHost = self._pool.maxPersistentPerHost
        pool.most = crawler.settings.getint("IDLE_CONNECTIONS", pool.most)
        return pool

    async def close(self) -> None:
        """Closes both pools."""
        for lane in self._lanes.values():
            self._pool = lane.pool
            await super().close()

    async def download_request(self, request: Request) -> Response:
        """The response; raises what Scrapy's handler does, the errors of `reasons`, PrivateAddressError, DiskError."""
        run = cast("Run", cast("Any", self._crawler.spider).run)
        run.guard.install(self._reactor)  # each time: Scrapy installs its own resolver at some point of its start
        _forbid(request, run)
        deadline = monotonic() + run.limits.timeout
        most = request.meta.get("max_capture_bytes", run.limits.max_capture_bytes)
        limits = replace(run.limits, max_capture_bytes=min(most, run.limits.max_capture_bytes))
        tape = Tape(limits)
        try:
            return await self._exchange(request, run, tape, deadline)
        except DownloadFailedError:
            if not tape.went_stale or request.method not in {"GET", "HEAD"}:
                raise
        return await self._exchange(request, run, Tape(limits), deadline)

    async def _exchange(self, request: Request, run: Run, tape: Tape, deadline: float) -> Response:
        lane = self._lanes[request.meta.get("verify_tls") is not False]
        agent = _TapedAgent(self._crawler, lane, tape, raw=bool(request.meta.get("raw")))
        try:
            response = await self._fetch(agent, request, tape, deadline)
        except Exception as failure:  # whatever it was, what was sent is handed over before it travels on
            error = tape.verdict or _clearer(failure, request, run.guard)
            _hand_over(request, run, tape, error)
            if error is failure:
                raise
            raise error from failure
        _hand_over(request, run, tape, tape.verdict)
        if tape.verdict is not None:
            raise tape.verdict
        if tape.ended is Ended.LENGTH or (agent.body.cut and not request.meta.get("raw")):
            response.flags.append("truncated")
        elif tape.ended is Ended.DISCONNECT and "dataloss" not in response.flags:
            response.flags.append("dataloss")
        return response

    async def _fetch(self, agent: _TapedAgent, request: Request, tape: Tape, deadline: float) -> Response:
        with wrap_twisted_exceptions():
            self._in_hand[tape] = agent.download_request(request)
            timer = self._reactor.callLater(max(0.0, deadline - monotonic()), self._out_of_time, tape)
            try:
                return await maybe_deferred_to_future(self._in_hand[tape])
            finally:
                del self._in_hand[tape]
                if timer.active():
                    timer.cancel()

    def _out_of_time(self, tape: Tape) -> None:
        error = DownloadTimeoutError(f"not answered in full within {tape.limits.timeout:g} s")
        tape.end(Ended.TIME, "timeout", error)
        self._in_hand[tape].cancel()

    def _cut_short(self) -> None:
        for tape, response in list(self._in_hand.items()):
            tape.end(Ended.TIME, "stopped", DownloadCancelledError("the run was ended"))
            response.cancel()


def _forbid(request: Request, run: Run) -> None:
    reason = check_url(request.url, run.limits.allowed_ports)
    if reason is not None:
        raise ForbiddenURLError(reason)
    if request.meta.get("proxy"):
        refusal = run.guard.refuses_literal(request.url)
        if refusal is not None:
            raise refusal


def _hand_over(request: Request, run: Run, tape: Tape, error: Exception | None) -> None:
    if isinstance(error, DownloadTimeoutError):
        tape.end(Ended.TIME, "timeout")
    tape.end(Ended.DISCONNECT, reason_of(error) if error else "stopped")
    if tape.request and (tape.tls or not request.url.startswith("https:")) and not isinstance(error, DiskError):
        run.exchanged(request, tape.exchange(urldefrag(request.url)[0], run.context_of(request)))
    else:
        tape.discard()


def _clearer(error: Exception, request: Request, guard: NetGuard) -> Exception:
    """The same failure as an exception that says what happened."""
    if isinstance(error, CannotResolveHostError):
        return guard.refusal(request.url) or error
    reason = reason_of(error)
    return UntrustedServerError(reason) if reason.startswith("tls: certificate") else error
