"""The ping of a monitor such as Healthchecks: `URL/start` when a run begins, `URL/<exit code>` when it ends.

A ping is sent on a thread of its own, and whatever comes of it a run goes on. The URL is a secret: no
log and no archive has it. It goes wherever the operator wrote it to, a private address too, and through the settings' proxy.
"""

from __future__ import annotations

import ssl
import threading
import urllib.request
from http.client import HTTPMessage
from socket import gaierror
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit

from crawler import PRODUCT_VERSION

TIMEOUT = 3.0  # seconds that a server may be silent
PATIENCE = 5.0  # seconds that the end of a run waits for its pings
MOST = 10_000  # characters of a body
_REDIRECTS = 3


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Few, and to the web alone."""

    max_redirections = _REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """The next request."""
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise HTTPError(req.full_url, code, "redirect to another scheme", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Pinger:
    """Sends the pings of one run, in order."""

    def __init__(self, url: str, proxy: str | None = None) -> None:
        self._url = url
        self._opener = _opener(proxy)
        self._last: threading.Thread | None = None
        self._problem: str | None = None

    def start(self) -> None:
        """The run begins. Returns at once."""
        self._send("start", b"")

    def end(self, exit_code: int, told: str) -> str | None:
        """The run is over: returns when that is delivered, or why it could not be, after PATIENCE at the latest."""
        self._send(str(exit_code), told[:MOST].encode("utf-8", "backslashreplace"))
        assert self._last is not None
        self._last.join(PATIENCE)
        return "timeout" if self._last.is_alive() else self._problem

    def _send(self, what: str, body: bytes) -> None:
        before = self._last
        request = urllib.request.Request(  # noqa: S310 - checks.web_address lets http and https through
            _below(self._url, what), body, {"User-Agent": PRODUCT_VERSION, "Content-Type": "text/plain; charset=utf-8"}
        )
        self._last = threading.Thread(target=self._deliver, args=(request, before), name="ping", daemon=True)
        self._last.start()

    def _deliver(self, request: urllib.request.Request, before: threading.Thread | None) -> None:
        if before is not None:
            before.join(TIMEOUT)
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                answer.read(1)
            self._problem = None
        except Exception as error:  # noqa: BLE001 - whatever it is, no run fails by it
            self._problem = _reason(error)


def _opener(proxy: str | None) -> urllib.request.OpenerDirector:
    """Of the web's two schemes alone; the environment's proxies do not count, as in a crawl."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _below(url: str, what: str) -> str:
    """`https://host/uuid?a=b` and `start` -> `https://host/uuid/start?a=b`."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{what}", fragment=""))


def _reason(error: Exception) -> str:
    """Why a ping was not delivered, in words that have nothing of its URL."""
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    match cause:
        case HTTPError():
            return f"http-{cause.code}"
        case TimeoutError():
            return "timeout"
        case ssl.SSLError():
            return "tls"
        case gaierror():
            return "dns"
        case ConnectionRefusedError():
            return "refused"
        case _:
            return type(cause).__name__
