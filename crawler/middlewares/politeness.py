"""Downloader middlewares that keep promise 6, polite and safe by default: scope, robots.txt, Retry-After, throw-away cookies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.http.cookies import CookieJar
from scrapy.http.headers import Headers
from scrapy.http.request import NO_CALLBACK
from scrapy.responsetypes import responsetypes

from crawler.middlewares.conditional import is_answer
from crawler.politeness.refusals import BadStatus, Refused, Unsent
from crawler.politeness.retry_after import PLEAS, Plea, heed
from crawler.politeness.robots import ROBOTS_BYTES, Rules, answered, is_trouble, rules_of, unreachable
from crawler.run.backfill import READ
from crawler.wire.netguard import check_url
from crawler.wire.reasons import reason_of
from storage.frontier.robots import Kept
from storage.records import Kind
from storage.times import now
from storage.urlkey import InvalidURL, canonical, host_key
from storage.warc.http_message import decode_body
from storage.warc.reservations import TDMREP_PATH

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.run.run import Run

log = logging.getLogger(__name__)

_OURS = ("private-address", "stopped")


class _Component:
    """A middleware that knows the run."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.run = cast("Run", crawler.spider.run)  # type: ignore[union-attr]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Any:
        """As Scrapy builds it."""
        return cls(crawler)


class Scope(_Component):
    """Checks scheme, port and site on every hop, and turns a final answer that is neither 2xx nor "not modified" into a failure."""

    def process_request(self, request: Request) -> None:
        """Before a request is sent."""
        if request.meta.get("kind") is Kind.REQUISITE and self.run.allowance.is_spent:
            raise Unsent("the run's bytes for requisites are spent")
        reason = check_url(request.url, self.run.ports)
        if reason is None and request.meta.get("redirect_times"):
            reason = _unreadable(request.url) or (None if self._may_lead(request) else "offsite-redirect")
        if reason is not None:
            raise Refused(reason)

    def process_response(self, request: Request, response: Response) -> Response:
        """After an answer came."""
        if request.meta.get("kind") is Kind.ROBOTS or 200 <= response.status < 300 or is_answer(request, response):
            return response
        raise BadStatus(response)

    def _may_lead(self, request: Request) -> bool:
        """A robots.txt may lie on any host (RFC 9309, 2.3.1.2); its rules are those of the origin that was asked."""
        return request.meta.get("kind") is Kind.ROBOTS or self.run.may_redirect(request)


def _unreadable(url: str) -> str | None:
    """Why a URL, as a redirect may hold one, has no canonical form."""
    try:
        canonical(url)
    except InvalidURL as error:
        return f"bad-url: {error.reason}"
    return None


class Robots(_Component):
    """Knows each origin's robots.txt before anything else of that origin is asked for: from an earlier run, or asked now."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._rules: dict[str, asyncio.Future[Rules]] = {}
        self._planted: set[tuple[str, str]] = set()  # origins and sources
        self._tdmreps: dict[str, asyncio.Future[None]] = {}

    async def process_request(self, request: Request) -> None:
        """Before a request is sent."""
        if request.meta.get("kind") is Kind.ROBOTS or self.run.ignores_robots(request):
            return
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        rules = await self._rules_of(origin, request)
        if rules.reason is not None:
            self._refuse(rules.reason, request)
        await self._plant(origin, rules, request)
        if not rules.allow(request.url):
            raise Refused("robots")
        if request.meta.get("kind") is Kind.ARTICLE:
            if origin not in self._tdmreps:
                self._tdmreps[origin] = asyncio.ensure_future(self._ask_tdmrep(origin, rules, request))
            await asyncio.shield(self._tdmreps[origin])

    def _refuse(self, reason: str, request: Request) -> NoReturn:
        if reason.endswith("private-address"):  # nothing to wait for
            raise Refused("private-address")
        if not request.meta.get("redirect_times"):  # a hop is settled with its page
            self.run.hosts.park(host_key(request.url))
        raise Refused(reason, temporary=True)

    async def _plant(self, origin: str, rules: Rules, request: Request) -> None:
        source = request.meta["lease"].source
        if (origin, source) not in self._planted:
            self._planted.add((origin, source))
            await self.run.robots.plant(origin, rules, request)

    def _rules_of(self, origin: str, request: Request) -> Coroutine[Any, Any, Rules]:
        if origin not in self._rules:
            self._rules[origin] = asyncio.ensure_future(self._read(origin, request))
        return _wait(self._rules[origin])

    async def _read(self, origin: str, request: Request) -> Rules:
        kept = await self.run.robots.known(origin)
        is_new = kept is None or not self.run.robots.is_good(kept)
        if kept is None or is_new:
            kept = await self._fetch(origin, request, kept)
        rules = rules_of(kept)
        if rules.reason is None:
            self.run.hosts.ask_delay(host_key(origin), rules.crawl_delay, sure=is_new)
        return rules

    async def _fetch(self, origin: str, request: Request, before: Kept | None) -> Kept:
        asked = self._beside(f"{origin}/robots.txt", request)
        try:
            response = await self.crawler.engine.download_async(asked)
        except Unsent:
            raise
        except Exception as error:  # noqa: BLE001 - whatever kept us from reading it, RFC 9309 2.3.1.4 closes the site for now
            known = {"url": asked.url, "reason": reason_of(error)}
            log.info("robots.txt of %s could not be read: %s", origin, error, extra=known)
            kept = unreachable(origin, reason_of(error), None, before, now())
            if not _is_ours(error):
                self.run.robots.keep(kept)
            return kept
        kept = self._answered(origin, response, before)
        self.run.robots.keep(kept)
        return kept

    def _beside(self, url: str, request: Request) -> Request:
        """The request of a file that speaks of a whole origin, made for the sake of another."""
        meta = {
            "kind": Kind.ROBOTS,
            "lease": request.meta.get("lease"),
            "beside": url,
            "max_capture_bytes": 2 * ROBOTS_BYTES,  # an endless one is read as far as it counts, not until time is up
        }
        return Request(url, meta=meta | self.run.wire_meta(request), callback=NO_CALLBACK, dont_filter=True)

    async def _ask_tdmrep(self, origin: str, rules: Rules, request: Request) -> None:
        """Have what an origin reserves in the archive before the next article: a week old at most, but of an origin just met."""
        url = f"{origin}{TDMREP_PATH}"
        if rules.allow(url) and await self.run.robots.wants_tdmrep(origin):
            try:
                await self.crawler.engine.download_async(self._beside(url, request))
            except Unsent:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing is reserved there, and the article is asked for
                log.info("%s could not be read: %s", url, error, extra={"url": url, "reason": reason_of(error)})

    def _answered(self, origin: str, response: Response, before: Kept | None) -> Kept:
        if is_trouble(response.status):
            return unreachable(origin, f"http-{response.status}", response.status, before, now())
        delay = self.run.hosts.promise(host_key(origin))
        cache_control = response.headers.get(b"Cache-Control")
        return answered(origin, response.status, response.body, cache_control, delay, now())


def _is_ours(error: Exception) -> bool:
    """Whether it was not the site that kept us from its robots.txt: a rule or limit of ours, or the end of the run."""
    reason = reason_of(error)
    return reason in _OURS or (isinstance(error, IgnoreRequest) and reason != "too-many-redirects")


async def _wait(future: asyncio.Future[Rules]) -> Rules:
    # Shielded: one waiter that is cancelled must not cancel the others' answer.
    return await asyncio.shield(future)


class OwnSlot(_Component):
    """One slot of the downloader, and so one delay, for each host[:port], be there other runs or not.

    A redirect would keep its first host's.
    """

    async def process_request(self, request: Request) -> None:
        """Last before the downloader."""
        if self.run.backfill is not None and request.meta["kind"] not in READ:
            raise Unsent("a back-fill reads robots.txt and sitemaps alone")
        host = request.meta["download_slot"] = host_key(request.url)
        if not await self.run.hosts.turn(host) or self.run.ending.is_set():
            raise Unsent("the run ends, or the host is to be left alone for longer than a run waits")


class RetryAfter(_Component):
    """A 429, or a 503 with Retry-After, closes the host until then (RFC 9110, 10.2.3)."""

    def process_response(self, request: Request, response: Response) -> Response:
        """After an answer came."""
        if response.status in PLEAS:
            heed(self.run.hosts, host_key(request.url), response.status, _plea(response.headers), now())
        elif response.status < 400:
            self.run.hosts.answered_well(request.meta["download_slot"])
        return response


def _plea(headers: Headers) -> Plea:
    return Plea(*((headers.get(name) or b"").decode("latin-1") for name in ("Retry-After", "Date")))


class ChainCookies(_Component):
    """Cookies live as long as one chain of redirects: enough for consent and session loops, useless for tracking us.

    The jar travels in the request's meta, which redirects copy. Not Scrapy's own middleware: it keeps jars for ever, and
    fetches the public suffix list from the network when it meets its first cookie.
    """

    def process_request(self, request: Request) -> None:
        """Before a request is sent."""
        request.headers.pop("Cookie", None)
        jar: CookieJar | None = request.meta.get("chain_cookies")
        if jar is not None:
            jar.add_cookie_header(request)

    def process_response(self, request: Request, response: Response) -> Response:
        """After an answer came."""
        if b"Set-Cookie" in response.headers:  # most have none, and a jar is not cheap
            jar: CookieJar = request.meta.setdefault("chain_cookies", CookieJar())
            jar.extract_cookies(response, request)
        return response


class Decompression(HttpCompressionMiddleware):
    """Scrapy's own, but bounded, for callbacks that read the response; pages that we read ourselves are left as they came."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler=crawler)
        self.run = cast("Run", crawler.spider.run)  # type: ignore[union-attr]

    def process_response(self, request: Request, response: Response) -> Any:  # type: ignore[override]
        """Decode the body, unless we read the page from the raw bytes. No more of it than is read: it may be a bomb."""
        codings = response.headers.getlist("Content-Encoding")
        if request.meta.get("raw") or not codings:
            return response
        named = tuple(("content-encoding", coding.decode("latin-1")) for coding in codings)
        body = decode_body(response.body, named, self._limit(request)).body
        headers = {name: value for name, value in response.headers.items() if name != b"Content-Encoding"}
        kind = responsetypes.from_args(headers=Headers(headers), url=response.url, body=body)
        return response.replace(cls=kind, headers=headers, body=body)

    def _limit(self, request: Request) -> int:
        return ROBOTS_BYTES if request.meta.get("kind") is Kind.ROBOTS else self.run.limits.max_page_bytes
