"""Where exchanges come in from the wire: each is handed to the scribe, and its bytes are kept until its page is read."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from scrapy import Request

from crawler.tape import Limits
from pipelines.archive import recording
from pipelines.page import RawPage
from pipelines.store import Recorded
from storage.records import Announced, Ended, Exchange, FetchContext, Kind, Lease
from storage.scribe import Scribe
from storage.warc_write import WarcWriter


@dataclass(frozen=True, slots=True)
class Fetched:
    """The exchange of one request: where it is recorded, when it began, and the raw response its page is made of."""

    recorded: Recorded
    exchange: Exchange
    raw: bytes
    cut: bool


class Intake:
    """Keeps exchanges by the request they belong to: never in `request.meta`, which redirects and retries copy."""

    def __init__(self, run_id: str, scribe: Scribe, writer: WarcWriter, limits: Limits) -> None:
        self.limits = limits
        self._run_id = run_id
        self._scribe = scribe
        self._writer = writer
        self._fetched: WeakKeyDictionary[Request, Fetched] = WeakKeyDictionary()

    def context_of(self, request: Request) -> FetchContext:
        """Why a request is made, as its metadata record will say."""
        lease: Lease = request.meta["lease"]
        kind: Kind = request.meta["kind"]
        hops = request.meta.get("redirect_urls") or []
        robots_of = request.meta.get("robots_of")
        return FetchContext(
            run_id=self._run_id,
            source=lease.source,
            kind=kind,
            frontier_url=f"{robots_of}/robots.txt" if robots_of else lease.url,
            via=lease.url if robots_of else lease.via,
            hops_from_seed=lease.hops_from_seed,
            redirected_from=hops[-1] if hops else None,
            attempt=request.meta.get("retry_times", 0) + 1,
            announced=None if robots_of else lease.announced,
        )

    def exchanged(self, request: Request, exchange: Exchange) -> None:
        """Take an exchange over from the wire."""
        recorded = Recorded()
        raw, cut = self._raw_of(exchange)
        self._fetched[request] = Fetched(recorded, exchange, raw, cut)
        lease: Lease = request.meta["lease"]
        url_id = None if request.meta["kind"] is Kind.ROBOTS else lease.url_id
        kept = self._scribe.submit(recording(self._writer, exchange, url_id, recorded))
        kept.add_done_callback(lambda _: exchange.response.close())

    def _raw_of(self, exchange: Exchange) -> tuple[bytes, bool]:
        """What of the response is read into a page: read now, the file is the scribe's from here on."""
        limit = self.limits.max_page_bytes + self.limits.max_header_bytes
        exchange.response.seek(0)
        raw = exchange.response.read(limit)
        return raw, exchange.ended is not Ended.COMPLETE or exchange.response_length > limit

    def of(self, request: Request) -> Fetched | None:
        """The exchange of a request, None when it never reached the wire."""
        return self._fetched.get(request)

    def forget(self, request: Request) -> None:
        """Its page is read."""
        self._fetched.pop(request, None)

    def raw_page(self, request: Request, fetched: Fetched, announced: Announced | None = None) -> RawPage:
        """The page of an exchange as a worker wants it."""
        lease: Lease = request.meta["lease"]
        return RawPage(
            url=fetched.exchange.url,
            frontier_url=lease.url,
            fetched_at=fetched.exchange.started_at,
            raw=fetched.raw,
            truncated=fetched.cut,
            limit=self.limits.max_page_bytes,
            announced=announced or lease.announced,
        )
