"""The pages of ingested captures: read in workers, many at once, and settled in the order of WARC-Date, then record id."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from crawler.discovery.shapes import listed_refusal
from pipelines.ingest import Tally
from pipelines.page import RawPage, ReadArticle, read_article
from pipelines.revive import Revived, Reviver, page_url
from pipelines.store import Recorded, Visit, When, store_article, store_sighting
from pipelines.workers import WorkerError, Workers
from storage.archive import captures
from storage.database.engine import Connection, Engine, reading
from storage.errors import DamageError, NewswarcError
from storage.foreign import rows as ingest_rows
from storage.foreign.copying import Stopped
from storage.foreign.rows import Held, Rows, Waiting
from storage.records import SEED_KINDS, Lease, Outcome, Verdict
from storage.runs.scribe import Scribe
from storage.times import now
from storage.urlkey import InvalidURL

log = logging.getLogger(__name__)

_ROWS = 200  # captures looked up at once
_TOGETHER = 32  # pages stored in one job
_UNSETTLED = 4  # jobs that the scribe has in hand


Settled = asyncio.Future[list[tuple[int, Outcome]]]


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

    def __init__(
        self, run_id: str, engine: Engine, reviver: Reviver, workers: Workers, scribe: Scribe, ahead: int
    ) -> None:
        """`ahead`: how many pages may be in memory."""
        self._run_id = run_id
        self._engine = engine
        self._reviver = reviver
        self._workers = workers
        self._scribe = scribe
        self._ahead = ahead
        self._read_already: list[Read] = []
        self._unsettled: deque[tuple[list[Read], Settled]] = deque()

    async def settle_all(self, tallies: Mapping[int, Tally], stopped: Stopped) -> None:
        """Every page that waits in these files, counted in their tallies. Ends early, in good order, when a signal came."""
        ids = ingest_rows.waiting_ids(self._engine, list(tallies))
        ahead: deque[asyncio.Task[Read]] = deque()
        for start in range(0, len(ids), _ROWS):
            log.info("%d of %d pages read", start, len(ids))
            with reading(self._engine) as conn:
                rows = ingest_rows.waiting(conn, ids[start : start + _ROWS])
            for row in rows:
                if stopped() is not None:
                    break
                ahead.append(asyncio.create_task(self._read(row)))
                while len(ahead) >= self._ahead:
                    await self._settle(await ahead.popleft(), tallies)
        while ahead:
            await self._settle(await ahead.popleft(), tallies)
        await self._hand_over(tallies)
        while self._unsettled:
            await self._count(tallies)

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
        elif not read.again:
            self._read_already.append(read)
        if len(self._read_already) >= _TOGETHER:
            await self._hand_over(tallies)

    async def _hand_over(self, tallies: Mapping[int, Tally]) -> None:
        """Have the scribe store what was read: a transaction costs as much as a page."""
        reads, self._read_already = self._read_already, []
        if reads:
            self._unsettled.append((reads, self._submit(reads)))
        if len(self._unsettled) > _UNSETTLED:
            await self._count(tallies)

    async def _count(self, tallies: Mapping[int, Tally]) -> None:
        reads, done = self._unsettled.popleft()
        for file_id, outcome in await self._settled(reads, done):
            reason = outcome.reason if outcome.candidate is None else None
            tallies[file_id].outcomes[f"{outcome.verdict}: {reason}" if reason else str(outcome.verdict)] += 1

    def _submit(self, reads: Sequence[Read]) -> Settled:
        return asyncio.wrap_future(self._scribe.submit(partial(self._store_all, reads)))

    async def _settled(self, reads: Sequence[Read], done: Settled) -> list[tuple[int, Outcome]]:
        """What became of pages that were stored together; one that cannot be stored must not keep the others from it."""
        try:
            return await done
        except NewswarcError:
            raise
        except Exception:  # a bug with one of them: it stays pending
            if len(reads) == 1:
                log.exception("%s could not be settled", reads[0].waiting.capture.url)
                return []
        return [pair for read in reads for pair in await self._settled([read], self._submit([read]))]

    # --- on the scribe's thread

    def _store_all(self, reads: Sequence[Read], conn: Connection) -> list[tuple[int, Outcome]]:
        rows = Rows(conn, now())
        outcomes = ((read.waiting.file_id, self._store(conn, rows, read)) for read in reads)
        return [(file_id, outcome) for file_id, outcome in outcomes if outcome is not None]

    def _store(self, conn: Connection, rows: Rows, read: Read) -> Outcome | None:
        """The rows of one page; None where a capture says nothing of any article."""
        waiting, revived = read.waiting, read.revived
        if revived.original is not None:
            ingest_rows.refer(conn, waiting.id, revived.original)
        try:
            held = None if revived.nothing or self._is_silent(conn, read) else rows.hold(waiting)
        except InvalidURL as error:  # nothing to know it by: its capture is all there is
            captures.settled(conn, waiting.id)
            return Outcome(Verdict.REJECTED, f"bad-url: {error.reason}")
        if held is None or held.lease.kind in SEED_KINDS:
            captures.settled(conn, waiting.id)
            return None
        visit = self._visit(read, held)
        if revived.not_modified:
            return store_sighting(conn, visit, partial(_as_it_was, held.due))
        result = read.article.result if read.article else None
        return store_article(conn, visit, result, [], partial(_as_it_was, held.due))[0]

    @staticmethod
    def _is_silent(conn: Connection, read: Read) -> bool:
        """Whether a capture says nothing of any article: a 404 or 304 of what is none, a conversion of what is there."""
        url, revived = read.waiting.capture.url, read.revived
        if revived.gone or revived.not_modified:
            return not ingest_rows.is_article(conn, url)
        return read.waiting.capture.record_type == "conversion" and ingest_rows.is_served(conn, url)

    def _visit(self, read: Read, held: Held) -> Visit:
        capture = read.waiting.capture
        refused = read.problem if (read.problem or "").startswith(("not-article-like", "media-file")) else None
        return Visit(
            lease=held.lease,
            source_id=held.source_id,
            run_id=self._run_id,
            at=now(),
            url=page_url(capture),
            status=200 if capture.http_status is None else capture.http_status,
            recorded=Recorded(read.waiting.id, capture.fetched_at),
            error=None if refused else read.problem,
            refused=refused,
            body_sha256=read.article.body_sha256 if read.article else None,
            signals=read.article.signals if read.article else None,
            ingested=True,
            outdated=held.newer,
        )


def _as_it_was(due: str | None, lease: Lease, *_: object) -> When:
    """What is read from an archive is not to be fetched because of it; an article that is followed is followed on."""
    return When(None, 0) if lease.rhythm is None else When(due, lease.attempts)
