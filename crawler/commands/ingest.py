"""`newswarc ingest`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, lock_option, shared_options
from crawler.ingest.options import IngestOptions
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.ingest import ingest, run
else:
    ingest = later("crawler.actions.ingest:ingest")
    run = later("crawler.actions.ingest:run")


@click.command("ingest")
@click.argument("targets", metavar="FILE|DIR|GLOB...", nargs=-1, required=True)
@click.option("--in-place", is_flag=True, help="Read the files where they are, as far as that is possible; copy nothing.")
@click.option("--source", metavar="NAME", help="Source of all pages.  [default: that of their host, or one named after it]")
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="Only this host, and those below it; repeatable.")
@click.option("--since", metavar="DATE", help="Only what was captured at or after this date or moment (UTC).")
@click.option("--until", metavar="DATE", help="Only what was captured before this date or moment (UTC).")
@click.option("--language", "languages", multiple=True, metavar="CODE", help="Only pages that say they are in it; repeatable.")
@click.option("--mime", "mimes", multiple=True, metavar="TYPE", help="Only this media type: text/html, image/*; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take no page after N pages.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: files, totals, malformed.")
@lock_option
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    targets: tuple[str, ...],
    in_place: bool,
    source: str | None,
    hosts: tuple[str, ...],
    since: str | None,
    until: str | None,
    languages: tuple[str, ...],
    mimes: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> int:
    """Store the articles in WARC and WACZ files, whoever wrote them, as if they had been crawled.

    A DIR is searched for *.warc, *.warc.gz and *.wacz; a file that was ingested before adds nothing twice.
    """
    options = IngestOptions(
        in_place=in_place,
        source=source,
        hosts=hosts,
        since=since,
        until=until,
        languages=languages,
        mimes=mimes,
        limit=limit,
        patience=invocation.patience,
        quiet=invocation.quiet,
        verbose=invocation.verbose,
    )
    return ingest(invocation.collection, targets, options, run, as_json=as_json)
