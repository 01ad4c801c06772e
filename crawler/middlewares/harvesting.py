"""Scrapy's side of a `Harvest`: a spider middleware that gathers it, an item pipeline that has it stored."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, cast

from scrapy import Request
from scrapy.http import Response

from crawler.run.harvest import Article, Harvest
from pipelines.workers import WorkerError
from storage.records import Link

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.run.run import Run

log = logging.getLogger(__name__)


class HarvestMiddleware:
    """Spider middleware: turns the output of a callback into one Harvest. Other objects pass, for pipelines of one's own."""

    def __init__(self, crawler: Crawler) -> None:
        self.run = cast("Run", crawler.spider.run)  # type: ignore[union-attr]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HarvestMiddleware:
        """As Scrapy builds it."""
        return cls(crawler)

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Gather what a callback yields."""
        harvest = Harvest(_request(response), response)
        try:
            async for out in result:
                if isinstance(out, Harvest):
                    harvest = out
                elif not self._take(harvest, out):
                    yield out
        except WorkerError as error:  # the pool is gone, not the page: the lease is given back
            harvest.error = error
        except Exception as error:  # a spider's bug must not lose the lease: the page is settled as failed
            log.exception("the spider failed on %s", response.url, extra=_about(response))
            harvest.problem = f"spider: {type(error).__name__}"
        yield harvest

    def _take(self, harvest: Harvest, out: object) -> bool:
        if isinstance(out, Request):
            out = self.run.requests.link_of(out)
        if isinstance(out, Link):
            harvest.links.append(out)
        elif isinstance(out, Article):
            harvest.article = out
        else:
            return False
        return True

    def process_spider_exception(self, response: Response, exception: Exception) -> Iterable[Harvest]:
        """A callback that failed before it yielded anything."""
        log.error("the spider failed on %s: %r", response.url, exception, extra=_about(response))
        return [Harvest(_request(response), response, problem=f"spider: {type(exception).__name__}")]


def _about(response: Response) -> dict[str, str]:
    """What a log line about it knows."""
    lease = _request(response).meta.get("lease")
    return {"url": response.url, "source": lease.source} if lease is not None else {"url": response.url}


def _request(response: Response) -> Request:
    assert response.request is not None, "Scrapy sets it before any callback"
    return response.request


class HarvestPipeline:
    """Item pipeline: stores a Harvest, or the links that a spider starts with."""

    def __init__(self, crawler: Crawler) -> None:
        self.run = cast("Run", crawler.spider.run)  # type: ignore[union-attr]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HarvestPipeline:
        """As Scrapy builds it."""
        return cls(crawler)

    async def process_item(self, item: Any) -> Any:
        """Store it; returns when it is durable."""
        if isinstance(item, Harvest):
            await self.run.settle(item)
        elif isinstance(item, Link):
            await self.run.frontier.plant([item])
        return item
