"""`crawl --since`: from what was typed to a back-fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from crawler.actions.crawl import sources_named
from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.options import BackfillOptions, CrawlOptions
from storage.errors import UsageError
from storage.times import now

Run = Callable[[Collection, CrawlOptions, None], int]


def backfill(folder: Path, targets: tuple[str, ...], asked: BackfillOptions, options: CrawlOptions, run: Run) -> int:
    """Note what the sitemaps of the sources named date in a period; returns the exit code. Raises UsageError."""
    period = _period(asked, date.fromisoformat(now()[:10]))
    if options.now or options.refetch or options.join or options.max_pages:
        raise UsageError("--since reads sitemaps alone: --now, --refetch, --join and --max-pages do not go with it")
    if not targets:
        raise UsageError("--since wants the SOURCE whose sitemaps are read")
    collection, names = sources_named(collections.find(folder), targets, options.quiet)
    for name in names:
        source = collection.config.source(name)
        if source is not None and source.sitemaps == ():
            raise UsageError(f"{name}: sitemaps = [] in {collection.file} says that none is used")
    return run(collection, replace(options, sources=names, backfill=period), None)


def _period(asked: BackfillOptions, today: date) -> BackfillOptions:
    since = _day("--since", asked.since)
    until = _day("--until", asked.until) if asked.until else today + timedelta(days=1)
    if since >= until:
        raise UsageError(f"--until {until} must be after --since {since}: it is the first day that is left out")
    return replace(asked, since=since.isoformat(), until=until.isoformat())


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text if len(text) == len("2024-01-31") else "")
    except ValueError:
        raise UsageError(f"{option} {checks.shown(text)} is no day; write 2024-01-31") from None
