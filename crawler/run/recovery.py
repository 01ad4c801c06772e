"""Pages that a killed run archived and did not read: read from the archive and settled, before anything is fetched."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial

from crawler.politeness.retry_after import PLEAS, Plea, heed
from crawler.run.context import RunContext
from crawler.run.hostgate import HostGate
from crawler.run.requisites import Allowance, links_to, torn
from crawler.schedule.refetch import next_visit
from pipelines.archived import raw_page, validators_of
from pipelines.page import RawPage, ReadArticle, digest_of, read_article, read_stylesheet
from pipelines.requisites import is_stylesheet
from pipelines.store import Met, Recorded, Visit, When, store_article, store_requisite
from pipelines.workers import WorkerError
from storage.archive import captures
from storage.errors import AwayError, DamageError
from storage.records import SEED_KINDS, Ended, Kind, Lease, Link, Outcome
from storage.recovery.recover import Unread, unread
from storage.runs.scribe import Job
from storage.times import now
from storage.urlkey import host_key
from storage.warc.http_message import Head

log = logging.getLogger(__name__)

_AT_ONCE = 50  # pages looked up
_READ_AT_ONCE = 6  # pages in memory


class Recovery:
    """Settles what runs before this one left unread, up to the capture `until`.

    A page that no archive can give is left for the frontier.
    """

    def __init__(self, run: RunContext, hosts: HostGate, allowance: Allowance, until: int) -> None:
        self._run = run
        self._hosts = hosts
        self._allowance = allowance
        self._until = until
        self._task: asyncio.Task[None] | None = None
        self._room = asyncio.Semaphore(_READ_AT_ONCE)

    async def done(self) -> None:
        """Return when nothing is left unread; the first call does it. Raises what the scribe does."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._settle_all())
        await self._task

    async def _settle_all(self) -> None:
        after = 0
        while page := await self._run.do(partial(unread, after=after, until=self._until, limit=_AT_ONCE)):
            after = page[-1].capture_id
            jobs = await asyncio.gather(*map(self._job_in_turn, page))
            await asyncio.gather(*(self._run.do(job) for job in jobs if job))  # the scribe keeps their order
            log.info("%d pages that a killed run had archived were settled", sum(map(bool, jobs)))

    async def _job_in_turn(self, left: Unread) -> Job | None:
        async with self._room:
            return await self._job(left)

    async def _job(self, left: Unread) -> Job | None:
        """The job that settles a page, or leaves it to the frontier; None when only a later run can say."""
        if left.capture.http_status in PLEAS:
            await self._heed(left)
        if left.outdated or not _may_be_read(left):
            return _forget(left)
        try:
            raw, head = await asyncio.to_thread(raw_page, self._run.shelf, left.capture, self._run.limits)
        except (DamageError, AwayError) as error:
            log.warning("%s; %s is fetched again", error, left.lease.url)
            return _forget(left)
        if not head.complete:
            return _forget(left)
        if left.lease.kind is Kind.REQUISITE:
            return await self._requisite_job(left, raw, head)
        read: ReadArticle | None = None
        problem = None
        try:
            read = await self._run.workers.run(read_article, raw, self._allowance.wanted(left.lease.source))
        except WorkerError as error:
            if error.again:
                return None
            problem = error.reason
        told = left.capture.body_sha256 or (read.body_sha256 if read else None)
        digest = told or await asyncio.to_thread(digest_of, raw)
        visit = replace(self._visit(left, head, problem), body_sha256=digest, signals=read.signals if read else None)
        result = read.result if read else None
        links = links_to(read.requisites, visit.url) if read else []
        again = partial(_next_visit, left.asked_again, self._revisit_days(left.lease))
        return lambda conn: store_article(conn, visit, result, links, again)

    def _revisit_days(self, lease: Lease) -> int:
        config = self._run.config
        return config.revisit_days(config.source(lease.source))

    async def _heed(self, left: Unread) -> None:
        """A killed run may have heard of a host's plea and not entered it."""
        host = host_key(left.capture.url)
        if self._hosts.blocked_for(host) > 0:
            return
        with suppress(DamageError, AwayError):  # the next answer will say it again
            _, head = await asyncio.to_thread(raw_page, self._run.shelf, left.capture, self._run.limits)
            plea = Plea(head.get("retry-after") or "", head.get("date") or "")
            heed(self._hosts, host, left.capture.http_status or 0, plea, left.capture.fetched_at)

    async def _requisite_job(self, left: Unread, raw: RawPage, head: Head) -> Job | None:
        """As after a live fetch: kept, and what a stylesheet needs is noted."""
        ended = left.capture.ended
        note = f"cut: {ended}" if ended is Ended.LENGTH else None
        links: list[Link] = []
        if is_stylesheet(raw.url, head.get("content-type")):
            try:
                links = links_to(await self._run.workers.run(read_stylesheet, raw), raw.url)
            except WorkerError as error:
                if error.again:
                    return None
                note = note or error.reason
        visit = self._visit(left, head, torn(ended))
        return lambda conn: store_requisite(conn, visit, note, links, partial(_next_visit, left.asked_again, 0))

    def _visit(self, left: Unread, head: Head, problem: str | None) -> Visit:
        capture = left.capture
        return Visit(
            lease=left.lease,
            source_id=left.source_id,
            run_id=self._run.id,
            at=now(),
            url=capture.url,
            status=capture.http_status,
            recorded=Recorded(left.capture_id, capture.fetched_at),
            error=problem,
            validators=validators_of(capture, head),
        )


def _next_visit(asked_again: str | None, days: int, lease: Lease, outcome: Outcome, met: Met, now_: str) -> When:
    """As after a live fetch; who asked for the page after it was fetched, with `--refetch`, still wants it."""
    return When(asked_again, 0) if asked_again else next_visit(lease, outcome, met, now_, revisit_days=days)


def _forget(left: Unread) -> Job:
    """Its URL was settled by another fetch, or is due for one."""
    return lambda conn: captures.settled(conn, left.capture_id)


def _may_be_read(left: Unread) -> bool:
    """Whether a live run would read this page just as it lies there.

    It would have asked again for one that timed out; a spider's own callback wants a response, not a record.
    """
    own = left.lease.payload is not None or left.lease.kind in SEED_KINDS
    return left.capture.record_type in {"response", "revisit"} and left.capture.ended is not Ended.TIME and not own
