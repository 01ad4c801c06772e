"""Where exchanges come in from the wire: each is handed to the scribe, and its bytes are kept until its page is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from scrapy import Request

from crawler.wire.tape import Limits
from pipelines.archive import WarcKeeping, recording
from pipelines.page import RawPage
from pipelines.store import Recorded
from storage.archive.shelf import Shelf
from storage.database.engine import Connection
from storage.records import Announced, Ended, Exchange, FetchContext, Kind, Lease
from storage.runs.scribe import Job, Scribe

SHORT = 1 << 19  # bytes; a longer response is read from the archive when its turn comes
HELD = 48 << 20  # bytes of short ones; with more nothing new is asked for until some are read
LONG_AT_ONCE = 2  # long ones in memory


@dataclass(frozen=True, slots=True)
class Fetched:
    """The exchange of one request: where it is recorded, when it is there, and the raw response its page is made of."""

    recorded: Recorded
    kept: Future[None]
    exchange: Exchange
    raw: bytes | None  # None: long, to be had from the archive
    cut: bool
    digested: bool  # its row has the digest of its body; else whoever reads the page tells it


class Intake:
    """Keeps exchanges by the request they belong to: never in `request.meta`, which redirects and retries copy."""

    def __init__(self, run_id: str, scribe: Scribe, keeping: WarcKeeping, shelf: Shelf, limits: Limits) -> None:
        self.limits = limits
        self._run_id = run_id
        self._scribe = scribe
        self._keeping = keeping
        self._shelf = shelf
        self._limit = limits.max_page_bytes + limits.max_header_bytes  # bytes of a response that are read into a page
        self._fetched: WeakKeyDictionary[Request, Fetched] = WeakKeyDictionary()
        self._long = asyncio.Semaphore(LONG_AT_ONCE)

    def context_of(self, request: Request) -> FetchContext:
        """Why a request is made, as its metadata record will say."""
        lease: Lease = request.meta["lease"]
        kind: Kind = request.meta["kind"]
        hops = request.meta.get("redirect_urls") or []
        beside = request.meta.get("beside")  # the URL of what is asked for beside a page: robots.txt, tdmrep.json
        return FetchContext(
            run_id=self._run_id,
            source=lease.source,
            kind=kind,
            frontier_url=beside or lease.url,
            via=lease.url if beside else lease.via,
            hops_from_seed=lease.hops_from_seed,
            redirected_from=hops[-1] if hops else None,
            attempt=request.meta.get("retry_times", 0) + 1,
            announced=None if beside else lease.announced,
        )

    def exchanged(self, request: Request, exchange: Exchange, noting: Job) -> None:
        """Take an exchange over from the wire. `noting` is done with its row."""
        raw, cut = self._raw_of(exchange)
        recorded = Recorded()
        lease: Lease = request.meta["lease"]
        kind: Kind = request.meta["kind"]
        url_id, digested = None if kind is Kind.ROBOTS else lease.url_id, kind is not Kind.ARTICLE
        record = recording(self._keeping, exchange, url_id, recorded, hash_body=digested)

        def job(conn: Connection) -> None:
            record(conn)
            noting(conn)

        kept = self._scribe.submit(job)
        kept.add_done_callback(lambda _: exchange.response.close())
        self._fetched[request] = Fetched(recorded, kept, exchange, raw, cut, digested)

    def _raw_of(self, exchange: Exchange) -> tuple[bytes | None, bool]:
        """A short response, read now: the file is the scribe's from here on."""
        cut = exchange.ended is not Ended.COMPLETE or exchange.response_length > self._limit
        if exchange.response_length > SHORT:
            return None, cut
        exchange.response.seek(0)
        return exchange.response.read(self._limit), cut

    def is_full(self) -> bool:
        """Whether so much waits to be read that nothing more should be asked for."""
        return sum(len(fetched.raw or b"") for fetched in self._fetched.values()) > HELD

    def of(self, request: Request) -> Fetched | None:
        """The exchange of a request, None when it never reached the wire."""
        return self._fetched.get(request)

    def forget(self, request: Request) -> None:
        """Its page is read."""
        self._fetched.pop(request, None)

    @asynccontextmanager
    async def page(self, request: Request, announced: Announced | None = None) -> AsyncIterator[RawPage]:
        """The page of a request's exchange as a worker wants it. Raises DamageError, DiskError."""
        fetched = self._fetched[request]
        if fetched.raw is not None:
            yield self._page(request, fetched, fetched.raw, announced)
            return
        async with self._long:
            await asyncio.shield(asyncio.wrap_future(fetched.kept))
            yield self._page(request, fetched, await asyncio.to_thread(self._archived, fetched.recorded), announced)

    def _archived(self, recorded: Recorded) -> bytes:
        assert recorded.capture is not None, "the scribe has kept it"
        with self._shelf.response(recorded.capture) as response:
            return response.block.read(self._limit)

    def _page(self, request: Request, fetched: Fetched, raw: bytes, announced: Announced | None) -> RawPage:
        lease: Lease = request.meta["lease"]
        return RawPage(
            url=fetched.exchange.url,
            frontier_url=lease.url,
            fetched_at=fetched.exchange.started_at,
            raw=raw,
            truncated=fetched.cut,
            limit=self.limits.max_page_bytes,
            announced=announced or lease.announced,
        )
