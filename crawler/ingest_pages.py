"""The pages of ingested captures: read in workers, many at once, and settled in the order of WARC-Date, then record id."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from crawler.shapes import listed_refusal
from pipelines.ingest import Tally
from pipelines.page import RawPage, ReadArticle, read_article
from pipelines.revive import Revived, Reviver, page_url
from pipelines.store import Recorded, Visit, When, store_article, store_sighting
from pipelines.workers import WorkerError, Workers
from storage import captures, ingest_rows
from storage.database import Connection, Engine, reading
from storage.errors import DamageError
from storage.foreign_copy import Stopped
from storage.ingest_rows import Waiting
from storage.records import SEED_KINDS, Lease, Outcome
from storage.scribe import Scribe
from storage.times import now
from storage.urlkey import InvalidURL

log = logging.getLogger(__name__)

_ROWS = 200  # captures looked up at once
_AHEAD = 8  # pages in memory
_UNSETTLED = 200  # outcomes that the scribe has in hand

Job = Callable[[Connection], Outcome | None]


@dataclass(frozen=True, slots=True)
class Read:
    """A capture with what was read from it. `problem`: why nothing could be; `again`: the next run may try."""

    waiting: Waiting
    revived: Revived
    article: ReadArticle | None = None
    problem: str | None = None
    again: bool = False


class Pages:
    """Reads and settles the pages that a run of `ingest` has entered, and those that an earlier one left."""

    def __init__(self, run_id: str, engine: Engine, reviver: Reviver, workers: Workers, scribe: Scribe) -> None:
        self._run_id = run_id
        self._engine = engine
        self._reviver = reviver
        self._workers = workers
        self._scribe = scribe
        self._unsettled: deque[tuple[Tally, asyncio.Future[Outcome | None]]] = deque()

    async def settle_all(self, tallies: Mapping[int, Tally], stopped: Stopped) -> None:
        """Every page that waits in these files, counted in their tallies. Ends early, in good order, when a signal came."""
        ids = ingest_rows.waiting_ids(self._engine, list(tallies))
        ahead: deque[asyncio.Task[Read]] = deque()
        for start in range(0, len(ids), _ROWS):
            with reading(self._engine) as conn:
                rows = ingest_rows.waiting(conn, ids[start : start + _ROWS])
            for row in rows:
                if stopped() is not None:
                    break
                ahead.append(asyncio.create_task(self._read(row)))
                while len(ahead) >= _AHEAD:
                    await self._settle(await ahead.popleft(), tallies)
        while ahead:
            await self._settle(await ahead.popleft(), tallies)
        while self._unsettled:
            await self._count()

    async def _read(self, waiting: Waiting) -> Read:
        try:
            revived = self._reviver.revive(waiting)
        except DamageError as error:
            return Read(waiting, Revived(), problem=f"damaged: {error}")
        if revived.raw is None:
            return Read(waiting, revived)
        refused = listed_refusal(revived.raw.url)
        if refused is not None:
            return Read(waiting, revived, problem=refused)
        return await self._extracted(waiting, revived, revived.raw)

    async def _extracted(self, waiting: Waiting, revived: Revived, raw: RawPage) -> Read:
        revived = replace(revived, raw=None)  # it may be large, and has been read
        try:
            return Read(waiting, revived, await self._workers.run(read_article, raw))
        except WorkerError as error:
            return Read(waiting, revived, problem=error.reason, again=error.again)

    async def _settle(self, read: Read, tallies: Mapping[int, Tally]) -> None:
        tally = tallies[read.waiting.file_id]
        if read.revived.unresolved:
            tally.unresolved += 1
            return
        if read.again:
            return
        done = asyncio.wrap_future(self._scribe.submit(partial(self._store, read)))
        self._unsettled.append((tally, done))
        if len(self._unsettled) >= _UNSETTLED:
            await self._count()

    async def _count(self) -> None:
        tally, done = self._unsettled.popleft()
        outcome = await done
        if outcome is not None:
            reason = outcome.reason if outcome.candidate is None else None
            tally.outcomes[f"{outcome.verdict}: {reason}" if reason else str(outcome.verdict)] += 1

    # --- on the scribe's thread

    def _store(self, read: Read, conn: Connection) -> Outcome | None:
        """The rows of one page; None where a capture says nothing of any article."""
        waiting, revived = read.waiting, read.revived
        if revived.original is not None:
            ingest_rows.refer(conn, waiting.id, revived.original)
        if revived.nothing or self._is_silent(conn, read):
            captures.settled(conn, waiting.id)
            return None
        try:
            lease, source_id = ingest_rows.frontier_row(conn, waiting, now())
        except InvalidURL:
            lease = None
        if lease is None or lease.kind in SEED_KINDS:
            captures.settled(conn, waiting.id)
            return None
        visit = self._visit(read, lease, source_id)
        if revived.not_modified:
            return store_sighting(conn, visit)
        result = read.article.result if read.article else None
        return store_article(conn, visit, result, [], _never)[0]

    @staticmethod
    def _is_silent(conn: Connection, read: Read) -> bool:
        """Whether a capture says nothing of any article: an error or a 304 of what is none, the conversion of a page that is there."""
        url, revived = read.waiting.capture.url, read.revived
        if revived.gone or revived.not_modified:
            return not ingest_rows.is_article(conn, url)
        return read.waiting.capture.record_type == "conversion" and ingest_rows.is_served(conn, url)

    def _visit(self, read: Read, lease: Lease, source_id: int) -> Visit:
        capture = read.waiting.capture
        refused = read.problem if (read.problem or "").startswith(("not-article-like", "media-file")) else None
        return Visit(
            lease=lease,
            source_id=source_id,
            run_id=self._run_id,
            at=now(),
            url=page_url(capture),
            status=200 if capture.http_status is None else capture.http_status,
            recorded=Recorded(read.waiting.id, capture.fetched_at),
            error=None if refused else read.problem,
            refused=refused,
            body_sha256=read.article.body_sha256 if read.article else None,
            ingested=True,
        )


def _never(*_: object) -> When:
    """What is read from an archive is not to be fetched because of it."""
    return When(None, 0)
