"""`newswarc fetch`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, duration, lock_option, shared_options
from crawler.later import later
from crawler.options import CrawlOptions
from crawler.terminal import console

if TYPE_CHECKING:
    from crawler.actions.crawl import fetch
    from crawler.engine import crawl as run
else:
    fetch = later("crawler.actions.crawl:fetch")
    run = later("crawler.engine:crawl")


@click.command("fetch")
@click.argument("urls", metavar="URL...|-", nargs=-1, required=True)
@click.option("--max-runtime", type=duration, metavar="TIME", help="Begin no page after this time: 90s, 15m, 2h.")
@click.option(
    "--requisites/--no-requisites", default=None, help="Archive what the pages show as well, or not, whatever the source says."
)
@lock_option
@shared_options
@click.pass_obj
def command(invocation: Invocation, urls: tuple[str, ...], max_runtime: float | None, requisites: bool | None) -> int:
    """Fetch exactly these pages, known or not, and archive and store them like any other; - reads one a line."""
    options = CrawlOptions(
        exact=True,
        max_runtime=max_runtime,
        requisites=requisites,
        if_locked=invocation.if_locked,
        quiet=invocation.quiet,
        verbose=invocation.verbose,
    )
    console.of_run(options.run_id)
    return fetch(invocation.collection, urls, options, run)
