"""Capture at the wire: Scrapy's HTTP/1.1 download handler with a tape on every connection, and limits on each exchange.

With `wire_connection` the only file that touches private names of Scrapy and Twisted: those it imports; `_factory`,
`_reactor` of a pool; `_pool` of a handler; `_cb_bodyready` of the agent; `_bodybuf` of its reader; `_verify_certificates`,
`_createConnection` of the TLS options. `make canary` runs their tests on the newest Scrapy.
"""
# Twisted is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urldefrag

from scrapy import Request
from scrapy.core.downloader.contextfactory import _load_context_factory_from_settings
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler, _ScrapyAgent
from scrapy.exceptions import CannotResolveHostError, DownloadCancelledError, DownloadFailedError, DownloadTimeoutError
from scrapy.http import Response
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from service_identity import CertificateError
from service_identity.pyopenssl import extract_patterns
from twisted.internet.defer import Deferred
from twisted.web.client import HTTPConnectionPool
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from crawler.wire.connection import FewIdle, TapedFactory, TapedPool
from crawler.wire.netguard import NetGuard, check_url
from crawler.wire.reasons import ForbiddenURLError, UntrustedServerError, reason_of
from crawler.wire.tape import CappedBody, Limits, Tape
from storage.errors import DiskError
from storage.records import Ended, Exchange, FetchContext

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

__all__ = ["CUT_SHORT", "Limits", "Run", "WireDownloadHandler", "reason_of"]

CUT_SHORT = object()  # signal of Scrapy's: whoever sends it ends all exchanges in hand at once, as `time`

_IDLE = 30  # seconds an unused connection is kept


class Run(Protocol):
    """What the wire needs of a run; the spider has it as `run`."""

    limits: Limits
    guard: NetGuard

    def context_of(self, request: Request) -> FetchContext:
        """Why and how this request is made."""

    def exchanged(self, request: Request, exchange: Exchange) -> None:
        """An exchange has ended: called once for each, in the reactor, before Scrapy sees the response or error."""


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
            pool=cast("HTTPConnectionPool", TapedPool(lane.pool, tape)),
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
        self._policy, self._verify = policy, verify
        self._create = policy.creatorForNetloc(b"localhost", 443)._createConnection

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: N802 (Twisted's name)
        creator = self._policy.creatorForNetloc(hostname, port)
        creator._createConnection = self._named if self._verify else self._create
        return creator

    def _named(self, protocol: Any) -> Any:
        connection = self._create(protocol)
        verify_with = connection.set_verify
        connection.set_verify = lambda mode, callback: verify_with(mode, _refusing_nameless(callback))
        return connection


def _refusing_nameless(callback: Any) -> Any:
    """A callback of OpenSSL's that refuses a server's certificate without a name: Twisted logs an error, and trusts it."""

    def verify(connection: Any, certificate: Any, error: int, depth: int, ok: int) -> bool:
        return (depth > 0 or _has_names(certificate)) and bool(callback(connection, certificate, error, depth, ok))

    return verify


def _has_names(certificate: Any) -> bool:
    try:
        return bool(extract_patterns(certificate))
    except (ValueError, CertificateError):  # names that cannot be read
        return False


class _Lane:
    """Connections of one kind, verified or not; they are never shared."""

    def __init__(self, crawler: Crawler, pool: HTTPConnectionPool, *, verify: bool) -> None:
        pool._factory = TapedFactory
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

    def _new_pool(self, crawler: Crawler) -> FewIdle:
        pool = FewIdle(self._reactor)
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
            if self._has_delay(request):  # the second try waits for its turn, and is not the last one for that
                request.meta.setdefault("max_retry_times", self._crawler.settings.getint("RETRY_TIMES") + 1)
                raise
        return await self._exchange(request, run, Tape(limits), deadline)

    def _has_delay(self, request: Request) -> bool:
        engine = self._crawler.engine
        slot = engine.downloader.slots.get(request.meta.get("download_slot", "")) if engine is not None else None
        return slot is not None and slot.delay > 0

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
