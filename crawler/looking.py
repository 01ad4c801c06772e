"""`try` and `source add`: pages are looked at with the wire, guard, robots and limits of a crawl, and nothing is kept."""

from __future__ import annotations

import logging
from typing import cast

from crawler.collection import Collection
from crawler.config import Config, Source
from crawler.dryrun import DryRun, ProbeSpider, TrialSpider, why
from crawler.options import Probe, Trial
from crawler.process import start
from crawler.reading import OBSTACLES
from pipelines.workers import Workers
from storage.errors import AllSourcesFailed
from storage.records import Candidate, NoArticle
from storage.urlkey import host_key


def try_url(config: Config, url: str, workers: Workers) -> Trial:
    """Fetch one page and read it; nothing is kept. Raises AllSourcesFailed when there is no page."""
    run = DryRun(config, _source_for(url), workers, obey_scope=False)
    spider = cast("TrialSpider", start(TrialSpider, logging.ERROR, url=url, run=run))
    if spider.result is None:
        raise AllSourcesFailed(f"{url}: {why(spider.failure)}")
    return Trial(spider.final_url, spider.status, spider.result)


def probe(collection: Collection, source: Source) -> Probe:
    """Look at the way into a site. Raises AllSourcesFailed when its home page cannot be had at all."""
    workers = Workers(1, preload=("pipelines.extract", "crawler.reading"))
    run = DryRun(collection.config, source, workers, obey_scope=True)
    spider = cast("ProbeSpider", start(ProbeSpider, logging.ERROR, url=source.url, run=run))
    if spider.home is None:
        raise AllSourcesFailed(f"{source.url}: {why(spider.failure)}")
    return Probe(
        url=spider.final_url,
        **{f"{kind}s": tuple(urls) for kind, urls in spider.seeds.items()},
        samples=tuple(Trial(url, status, result) for url, status, result in spider.samples),
        obstacle=_obstacle(spider.home),
    )


def _obstacle(home: Candidate | NoArticle) -> str | None:
    return home.reason if isinstance(home, NoArticle) and home.reason in OBSTACLES else None


def _source_for(url: str) -> Source:
    scheme = url.partition("://")[0]
    return Source(name=host_key(url), url=f"{scheme}://{host_key(url)}/")
