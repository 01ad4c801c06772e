"""What `newswarc crawl` and `newswarc fetch` start: the spider of this package, run in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

from crawler.config.collection import Collection
from crawler.options import CrawlOptions
from crawler.process.spiders import start
from crawler.run.backfill import Backfill
from crawler.run.summary import lines_of, news_of
from crawler.spiders.news import NewsSpider
from crawler.terminal import console
from storage.errors import AllSourcesFailed


def crawl(collection: Collection, options: CrawlOptions, begun: Callable[[], None] | None = None) -> int:
    """Run the sources of a collection, or fetch exactly some pages; returns the exit code. Raises what ended the run.

    `begun` is called once the run holds the collection.
    """
    spider = start(NewsSpider, _level(options), collection=collection.folder, options=options, begun=begun)
    run = cast("NewsSpider", spider).run
    if run.failure is not None:
        raise run.failure
    if run.backfill is not None:
        return _filled(run.backfill, quiet=options.quiet)
    end = run.end
    if console.speaks_objects():
        for name in sorted(name for name, good in end.results.items() if not good):
            console.note("the source failed", "warning", source=name, reason=end.reasons.get(name))
    for line in news_of(end) if options.quiet else lines_of(end, run.allowance):
        console.note(line)
    return end.exit_code or 0


def _filled(backfill: Backfill, *, quiet: bool) -> int:
    """Tell what came of a back-fill. Raises AllSourcesFailed when no sitemap could be read."""
    if not backfill.read:
        raise AllSourcesFailed("no sitemap could be read: robots.txt names none, or none of them answers")
    if backfill.dry:
        console.out_table(("month", "listed", "new"), backfill.months())
    for line in () if quiet else backfill.lines():
        console.note(line)
    return 0


def _level(options: CrawlOptions) -> int:
    if options.quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(options.verbose, logging.DEBUG)
