"""What a run is to its parts: who it is, what it works with, and how any of them has a job done or ends it.

Nothing here knows a part. `opening` makes it; `run` gives it to the parts that it puts together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from scrapy import Request

from crawler.config.keys import Config
from crawler.options import CrawlOptions
from crawler.run.intake import Intake
from crawler.run.journal import Journal
from crawler.sources.active import ActiveSource
from crawler.wire.tape import Limits
from pipelines.workers import Workers
from storage.archive.shelf import Shelf
from storage.database.engine import Connection
from storage.records import Lease
from storage.runs.scribe import Scribe
from storage.warc.write import WarcWriter

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(slots=True)
class RunContext:
    """One run of one collection. Used in the reactor's thread alone; what is to be written is a job for the scribe."""

    id: str
    options: CrawlOptions
    config: Config
    settings_of: str  # when the settings were written
    started_at: str
    sources: Mapping[str, ActiveSource]  # by name
    crawler: Crawler  # Scrapy's
    limits: Limits
    journal: Journal
    writer: WarcWriter
    scribe: Scribe
    shelf: Shelf
    intake: Intake
    workers: Workers
    ending: asyncio.Event = field(default_factory=asyncio.Event)  # nothing more is begun
    failure: BaseException | None = None

    def source_of(self, request: Request) -> ActiveSource:
        """The source that a request is made for."""
        lease: Lease = request.meta["lease"]
        return self.sources[lease.source]

    async def do(self, job: Callable[[Connection], T]) -> T:
        """Have the scribe do a job; returns when it is durable."""
        # Shielded: the scribe does what was submitted, also when whoever waits for it is cancelled.
        return await asyncio.shield(asyncio.wrap_future(self.scribe.submit(job)))

    def fail(self, error: BaseException) -> None:
        """Nothing can be stored any more: the run ends."""
        if self.failure is None:
            self.failure = error
            log.debug("%s", error)  # the command says it in its last line
            asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="failure"))  # noqa: RUF006
