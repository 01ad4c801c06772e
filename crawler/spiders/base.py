"""The base of every spider: what it yields is archived, extracted and stored.

A spider of one's own subclasses ArchiveSpider, names its source, starts from seeds and yields links and articles; see
docs/spiders.md. Callbacks may yield `scrapy.Request`s as anywhere in Scrapy: they become rows of the frontier.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from crawler import settings as project
from crawler.middlewares.conditional import hint_of
from crawler.options import CrawlOptions
from crawler.politeness.refusals import BadStatus
from crawler.run.harvest import Article, Harvest
from crawler.run.run import Run
from storage.archive.dedupe import NOT_CHANGED
from storage.records import SEED_KINDS, Announced, Kind, Lease, Link
from storage.urlkey import canonical


class ArchiveSpider(Spider):
    """A spider of a collection.

    Arguments under `scrapy crawl`: `-a collection=DIR` (the current folder), `-a source=NAME`, `-a now=1`, `-a refetch=1`.
    """

    run: Run
    source: ClassVar[str | None] = (
        None  # the [[source]] that this spider serves; None: all that have no spider of their own
    )

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Bring the project's settings along: outside of the checkout nobody else would guard the network."""
        for name in dir(project):
            if name.isupper() and not name.endswith(("SPIDER_MODULES", "SPIDER_MODULE")) and name != "LOG_LEVEL":
                settings.set(name, getattr(project, name), priority="spider")
        super().update_settings(settings)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> ArchiveSpider:
        """Open the run before Scrapy builds its components."""
        collection = kwargs.pop("collection", ".")
        options = kwargs.pop("options", None) or _options(cls, kwargs)
        begun = kwargs.pop("begun", None)
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.run = Run(crawler, collection, options, spider, begun)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Nothing by default: the frontier knows what is due."""
        return
        yield

    def seed(self, url: str, callback: Callable[..., Any]) -> Link:
        """A page to poll in every run that it is due in, read by `callback`."""
        return Link(
            canonical(url),
            Kind.SECTION,
            priority=0,
            payload=json.dumps({"callback": callback.__name__}),
            spider=self.name,
        )

    def article(self, url: str, **announced: Any) -> Link:
        """An article to fetch once; keyword arguments are fields of `Announced`."""
        return Link(canonical(url), Kind.ARTICLE, announced=Announced(**announced) if announced else None)

    async def visit(self, response: Response) -> AsyncIterator[Any]:
        """What every page without a callback of its own gets: seeds give links, all else is an article."""
        assert response.request is not None
        lease: Lease = response.request.meta["lease"]
        if response.status == NOT_CHANGED or lease.kind is Kind.REQUISITE:
            yield Harvest(response.request, response, hint=hint_of(response))
            return
        if lease.kind not in SEED_KINDS:
            yield Article()
            return
        found = await self.run.read_seed(response)
        problem = found.problem if not found.links and not found.seeds else None
        links = [*found.links, *self.run.wanted(lease, found.seeds)]
        yield Harvest(response.request, response, links, problem=problem, hint=found.hint)

    def failed(self, failure: Failure) -> Harvest:
        """Errback of every request: a lease that got no usable answer is settled too."""
        error = failure.value
        response = error.response if isinstance(error, BadStatus) else None
        request: Request = failure.request  # type: ignore[attr-defined]
        return Harvest(request, response, error=error)


def _options(cls: type[ArchiveSpider], arguments: dict[str, Any]) -> CrawlOptions:
    source = arguments.pop("source", None) or cls.source
    return CrawlOptions(
        sources=tuple(name for name in (source or "").split(",") if name),
        now=arguments.pop("now", "") not in ("", "0", "false"),
        refetch=arguments.pop("refetch", "") not in ("", "0", "false"),
    )
