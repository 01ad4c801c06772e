"""`newswarc extract`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.extract import Wanted, extract
else:
    extract = later("crawler.actions.extract:extract")
    Wanted = later("crawler.actions.extract:Wanted")

_MOST_WORKERS = 64


@click.command("extract")
@click.argument("targets", metavar="FILE|DIR|-...", nargs=-1)
@click.option("--manifest", metavar="FILE", help="Read the pages that FILE (or -) lists: JSON lines with html, id, corpus, url.")
@click.option("--url", help="Address that the page in FILE was fetched from.  [default: what the page calls its own]")
@click.option("--fetched-at", metavar="DATE", help="When the pages were fetched, date or moment (UTC).  [default: now]")
@click.option("--text", "form", flag_value="text", help="Print title and text alone.")
@click.option("--markdown", "form", flag_value="markdown", help="Print title and text alone, as Markdown.")
@click.option("--blocks", "form", flag_value="blocks", help="Print the paragraphs too, each with what it is: `blocks`.")
@click.option(
    "--workers",
    type=click.IntRange(1, _MOST_WORKERS),
    metavar="N",
    help="Processes that read pages side by side.  [default: one for each core]",
)
@shared_options
def command(
    targets: tuple[str, ...],
    manifest: str | None,
    url: str | None,
    fetched_at: str | None,
    form: str | None,
    workers: int | None,
) -> None:
    """Print what pages give that are there already, a JSON object a line; nothing is stored, no collection is needed.

    A FILE is an HTML page or a WARC file, compressed or not; a DIR is searched for both.
    """
    extract(Wanted(targets, manifest, url, fetched_at, form, workers))
