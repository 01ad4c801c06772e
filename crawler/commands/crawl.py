"""`newswarc crawl`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, duration, lock_option, shared_options
from crawler.later import later
from crawler.options import BackfillOptions, CrawlOptions
from crawler.terminal import console

if TYPE_CHECKING:
    from crawler.actions.backfill import backfill
    from crawler.actions.crawl import crawl
    from crawler.engine import crawl as run
else:
    backfill = later("crawler.actions.backfill:backfill")
    crawl = later("crawler.actions.crawl:crawl")
    run = later("crawler.engine:crawl")


@click.command("crawl")
@click.argument("targets", metavar="[SOURCE|URL]...", nargs=-1)
@click.option("--max-pages", type=click.IntRange(min=1), metavar="N", help="Begin no page after N pages.")
@click.option("--max-runtime", type=duration, metavar="TIME", help="Begin no page after this time: 90s, 15m, 2h.")
@click.option("--now", is_flag=True, help="Poll every feed, sitemap, home and section page, due or not.")
@click.option("--refetch", is_flag=True, help="Fetch known articles again.")
@click.option("--join", is_flag=True, help="Work beside other runs that join (PostgreSQL).")
@click.option("--since", metavar="DATE", help="Back-fill: note only what sitemaps date at or after this day, and fetch none of it.")
@click.option("--until", metavar="DATE", help="Of a back-fill: the first day that is left out.  [default: tomorrow]")
@click.option("--dry-run", is_flag=True, help="Of a back-fill: print how many URLs there are by month, and note none.")
@click.option("--metrics", type=click.Path(path_type=Path), metavar="FILE", help="Write Prometheus metrics of the run to FILE.")
@lock_option
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    targets: tuple[str, ...],
    max_pages: int | None,
    max_runtime: float | None,
    now: bool,
    refetch: bool,
    join: bool,
    since: str | None,
    until: str | None,
    dry_run: bool,
    metrics: Path | None,
) -> int:
    """Crawl the sources named, or all of them, and store what is new.

    A URL is the home page of a site: its source is added when it is new, and in an empty folder the collection is
    made as well.
    """
    options = CrawlOptions(
        now=now,
        refetch=refetch,
        join=join,
        max_pages=max_pages,
        max_runtime=max_runtime,
        if_locked=invocation.if_locked,
        quiet=invocation.quiet,
        verbose=invocation.verbose,
    )
    console.of_run(options.run_id)
    if since is not None:
        return backfill(invocation.collection, targets, BackfillOptions(since, until or "", dry_run), options, run)
    if until is not None or dry_run:
        raise click.UsageError("--until and --dry-run belong to a back-fill: --since DATE.")
    return crawl(invocation.collection, targets, options, run, metrics)
