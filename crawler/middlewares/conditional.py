"""Asks only for what has changed: with the validators of the answer that the archive has (RFC 9110, 13.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from scrapy import Request
from scrapy.http import Response

from crawler.schedule.hints import of_headers
from crawler.schedule.refetch import is_probe
from storage.archive.dedupe import NOT_CHANGED
from storage.records import SEED_KINDS, Kind, Lease, Validators
from storage.times import now

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.run.run import Run

UNCONDITIONAL = "unconditional"  # in a request's meta: the page itself is wanted, for a server may lie with its 304


class Conditional:
    """Downloader middleware: makes a hop conditional when it asks for the very URL that the validators are of."""

    def __init__(self, crawler: Crawler) -> None:
        self.run = cast("Run", crawler.spider.run)  # type: ignore[union-attr]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Conditional:
        """As Scrapy builds it."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Before a request is sent. A redirect copies the headers of its origin: they are not about this URL."""
        for name in ("If-None-Match", "If-Modified-Since"):
            request.headers.pop(name, None)
        known = self._validators(request)
        if known is None:
            return
        if known.etag:
            request.headers["If-None-Match"] = known.etag
        if known.last_modified:
            request.headers["If-Modified-Since"] = known.last_modified

    def _validators(self, request: Request) -> Validators | None:
        lease: Lease | None = request.meta.get("lease")
        if lease is None or lease.payload is not None or request.meta.get("kind") is Kind.ROBOTS:
            return None  # a callback of one's own wants to see the page each time
        if request.meta.get(UNCONDITIONAL) or (lease.kind in SEED_KINDS and is_probe(lease, now())):
            return None
        known = lease.validators
        return known if known and known.url == request.url and self.run.may_be_unmodified(lease, known.date) else None


def is_answer(request: Request, response: Response) -> bool:
    """Whether a response says, as it was asked, that nothing has changed."""
    asked = b"If-None-Match" in request.headers or b"If-Modified-Since" in request.headers
    return response.status == NOT_CHANGED and asked


def hint_of(response: Response) -> float | None:
    """For how long an answer without a page asks to be left alone, in seconds (see `hints`)."""
    names = ("cache-control", "expires", "date", "age")
    said = [(name, value.decode("latin-1")) for name in names for value in response.headers.getlist(name)]
    return of_headers(said, now())
