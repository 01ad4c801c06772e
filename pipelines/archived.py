"""Pages read from the archive, and settled as a crawl settles them: for what a killed run left, and for a rebuild."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from pipelines.page import RawPage, ReadArticle, digest_of, read_article
from pipelines.store import Recorded, Reschedule, Visit, store_article, store_requisite
from pipelines.workers import WorkerError, Workers
from storage.archive.shelf import Shelf
from storage.database.engine import Connection
from storage.errors import NewswarcError
from storage.records import Capture, Ended, Kind, NoArticle, Outcome, Validators, Verdict
from storage.recovery.rebuild import Task
from storage.runs.scribe import Job
from storage.warc.http_message import Head, split_head

T = TypeVar("T")

LINKS_ONLY = "links-only"  # the reason of a page that a spider of one's own took no article from


class PageLimits(Protocol):
    """How much of a page is read, in bytes."""

    @property
    def max_page_bytes(self) -> int:
        """Of the decoded body."""

    @property
    def max_header_bytes(self) -> int:
        """Of all header blocks together."""


def raw_page(shelf: Shelf, capture: Capture, limits: PageLimits) -> tuple[RawPage, Head]:
    """An archived page as a worker wants it, the same as when it came over the wire. Raises DamageError, DiskError."""
    limit = limits.max_page_bytes + limits.max_header_bytes
    with shelf.response(capture) as response:
        raw, longer = response.block.read(limit), response.length > limit
    page = RawPage(
        url=capture.url,
        frontier_url=capture.context.frontier_url,
        fetched_at=capture.fetched_at,
        raw=raw,
        truncated=capture.ended is not Ended.COMPLETE or longer,
        limit=limits.max_page_bytes,
        announced=capture.context.announced,
    )
    return page, split_head(raw)


def validators_of(capture: Capture, head: Head) -> Validators | None:
    """As a live run would have noted them."""
    if capture.ended is not Ended.COMPLETE or not 200 <= (capture.http_status or 0) < 300:
        return None
    return Validators(capture.url, capture.fetched_at, head.get("etag"), head.get("last-modified"))


async def read_ahead(readings: Iterable[Coroutine[Any, Any, T]], at_once: int) -> AsyncIterator[T]:
    """What comes of each reading, in their order; some are begun before their turn."""
    ahead: deque[asyncio.Task[T]] = deque()
    for reading in readings:
        ahead.append(asyncio.ensure_future(reading))
        if len(ahead) >= at_once:
            yield await ahead.popleft()
    while ahead:
        yield await ahead.popleft()


# --- a rebuild --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settling:
    """A page that was read and can be settled now. `problem` says why it could not be read, None when it could."""

    task: Task
    visit: Visit
    read: ReadArticle | None
    problem: str | None = None

    def job(self, reschedule: Reschedule) -> Job:
        """What the database has to do; it returns the outcome."""

        def store(conn: Connection) -> Outcome:
            if self.task.lease.kind is Kind.REQUISITE:
                return store_requisite(conn, self.visit, _note(self.task), [], reschedule)[0]
            return store_article(
                conn, self.visit, self.read.result if self.read else _as_then(self.task), [], reschedule
            )[0]

        return store


async def in_order(
    tasks: Iterable[Task], shelf: Shelf, workers: Workers, limits: PageLimits, at_once: int
) -> AsyncIterator[Settling]:
    """Every page as it can be settled, in the order of the tasks; some are read ahead."""
    async for settling in read_ahead((_settling(task, shelf, workers, limits) for task in tasks), at_once):
        yield settling


async def _settling(task: Task, shelf: Shelf, workers: Workers, limits: PageLimits) -> Settling:
    settled, error = task.settled, None
    if task.lease.kind is Kind.REQUISITE:
        return Settling(task, _visit(task, None), None)
    if settled is not None and settled.verdict in (Verdict.FAILED, Verdict.FILTERED):
        return Settling(task, _visit(task, None), None)
    if not 200 <= (task.capture.http_status or 0) < 300 or (settled is not None and settled.reason == LINKS_ONLY):
        return Settling(task, _visit(task, None), None)
    try:
        raw, head = await asyncio.to_thread(raw_page, shelf, task.capture, limits)
        read = await workers.run(read_article, raw)
    except NewswarcError as damaged:
        return Settling(task, _visit(task, None, "archive"), None, str(damaged))
    except WorkerError as stopped:
        if stopped.again:
            raise
        error = stopped.reason
        return Settling(task, _visit(task, await asyncio.to_thread(digest_of, raw), error), None, error)
    digest = read.body_sha256 or await asyncio.to_thread(digest_of, raw)
    visit = _visit(task, digest, validators=validators_of(task.capture, head))
    return Settling(task, replace(visit, signals=read.signals), read)


def _visit(task: Task, digest: str | None, error: str | None = None, validators: Validators | None = None) -> Visit:
    """The visit as it was then."""
    settled, capture = task.settled, task.capture
    if settled is not None and settled.verdict is Verdict.FAILED:
        error = settled.reason
    return Visit(
        lease=task.lease,
        source_id=task.source_id,
        run_id=settled.run_id if settled else capture.context.run_id,
        at=settled.at if settled else capture.fetched_at,
        url=capture.url,
        status=capture.http_status,
        recorded=Recorded(task.capture_id, capture.fetched_at),
        error=error,
        refused=settled.reason if settled is not None and settled.verdict is Verdict.FILTERED else None,
        validators=validators,
        body_sha256=digest,
    )


def _note(task: Task) -> str | None:
    """What was said of a requisite that was kept."""
    return task.settled.reason if task.settled is not None and task.settled.verdict is Verdict.KEPT else None


def _as_then(task: Task) -> NoArticle | None:
    """What a page that is not read again was taken for."""
    settled = task.settled
    return NoArticle(LINKS_ONLY) if settled is not None and settled.reason == LINKS_ONLY else None
