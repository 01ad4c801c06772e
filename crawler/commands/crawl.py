"""`newswarc crawl`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crawler import console
from crawler.commands.shared import Invocation, duration, lock_option, shared_options
from crawler.later import later
from crawler.options import CrawlOptions

if TYPE_CHECKING:
    from crawler.actions.crawl import crawl
    from crawler.engine import crawl as run
else:
    crawl = later("crawler.actions.crawl:crawl")
    run = later("crawler.engine:crawl")


@click.command("crawl")
@click.argument("targets", metavar="[SOURCE|URL]...", nargs=-1)
@click.option("--max-pages", type=click.IntRange(min=1), metavar="N", help="Begin no page after N pages.")
@click.option("--max-runtime", type=duration, metavar="TIME", help="Begin no page after this time: 90s, 15m, 2h.")
@click.option("--now", is_flag=True, help="Poll every feed, sitemap, home and section page, due or not.")
@click.option("--refetch", is_flag=True, help="Fetch known articles again.")
@click.option("--join", is_flag=True, help="Work beside other runs that join (PostgreSQL).")
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
    return crawl(invocation.collection, targets, options, run, metrics)
