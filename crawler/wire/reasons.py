"""Why a fetch failed, in short stable words that go into failure rows and metadata records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from OpenSSL import SSL
from scrapy.core.downloader.handlers.http11 import TunnelError
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    UnsupportedURLSchemeError,
)
from service_identity import VerificationError
from twisted.internet import error as lost

from crawler.wire.netguard import PrivateAddressError

_LONGEST = 200  # characters of a reason


class BadResponseError(Exception):
    """What the server sent is no HTTP response, or is beyond a limit; `str()` is one line."""


class ForbiddenURLError(IgnoreRequest):
    """A URL that must not be fetched: its scheme, port or user name; nothing was sent."""


class UntrustedServerError(Exception):
    """The server's certificate was refused, and would be again: RetryMiddleware leaves this alone. Nothing was sent."""


def one_line(text: str) -> str:
    """The text on one line, cut to what a row holds."""
    return " ".join(text.split())[:_LONGEST]


def response_fault(error: BaseException | None) -> str:
    """What is wrong with a response, from the exception that Twisted's parser failed with."""
    data = getattr(error, "data", None)  # of Twisted's ParseError: a status line
    if isinstance(data, bytes):
        return one_line(f"status line {data[:80]!r}")
    if isinstance(error, KeyError):
        return one_line(f"unknown transfer encoding {error.args[0]!r}")
    if isinstance(error, BadResponseError):
        return one_line(str(error))
    if isinstance(error, ValueError):
        return one_line(f"content length: {error}")
    return one_line(f"malformed: {error}")


def reason_of(error: BaseException | None) -> str:
    """Why a fetch failed, in short stable words; what differs from site to site comes after a colon. Never raises."""
    for cause in _causes(error):
        for kind, reason in _REASONS:
            if isinstance(cause, kind):
                return str(reason(cause) if callable(reason) else reason)
    return f"error: {type(error).__name__}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what lies beneath it, outermost first."""
    while error is not None:
        yield error
        for failure in getattr(error, "reasons", ()):
            yield from _causes(failure.value)
        error = error.__cause__


def _tls_reason(error: BaseException) -> str:
    parts = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return f"tls: {one_line(', '.join(part[-1] for part in parts)) or 'handshake failed'}"


_REASONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Any], ...] = (
    (PrivateAddressError, "private-address"),
    (ForbiddenURLError, str),
    (UntrustedServerError, str),
    (BadResponseError, lambda error: f"bad-response: {one_line(str(error))}"),
    ((DownloadTimeoutError, lost.TimeoutError), "timeout"),
    ((CannotResolveHostError, lost.DNSLookupError), "dns"),
    ((DownloadConnectionRefusedError, lost.ConnectionRefusedError), "refused"),
    ((lost.NoRouteError, lost.ConnectError), "unreachable"),
    (VerificationError, "tls: certificate is for another name"),
    (SSL.Error, _tls_reason),
    (lost.ConnectionDone, "disconnect"),
    (lost.ConnectionLost, "reset"),
    (lost.ConnectionAborted, "stopped"),
    (DownloadCancelledError, "stopped"),
    (TunnelError, lambda error: f"proxy: {one_line(str(error))}"),
    ((NotSupported, UnsupportedURLSchemeError), "scheme"),
    (
        IgnoreRequest,
        lambda error: "too-many-redirects" if "redirections" in str(error) else one_line(str(error)) or "ignored",
    ),
)
