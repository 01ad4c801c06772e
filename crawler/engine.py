"""What `newswarc crawl` and `newswarc fetch` start: the spider of this package, run in this process."""

from __future__ import annotations

import logging
from typing import cast

from crawler import console
from crawler.collection import Collection
from crawler.options import CrawlOptions
from crawler.process import start
from crawler.spiders.news import NewsSpider
from crawler.summary import lines_of, news_of


def crawl(collection: Collection, options: CrawlOptions) -> int:
    """Run the sources of a collection, or fetch exactly some pages; returns the exit code. Raises what ended the run."""
    spider = start(NewsSpider, _level(options), collection=collection.folder, options=options)
    run = cast("NewsSpider", spider).run
    if run.failure is not None:
        raise run.failure
    for line in news_of(run) if options.quiet else lines_of(run):
        console.note(line)
    return run.exit_code or 0


def _level(options: CrawlOptions) -> int:
    if options.quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(options.verbose, logging.DEBUG)
