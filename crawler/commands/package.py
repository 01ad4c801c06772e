"""`newswarc package`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.package import package
else:
    package = later("crawler.actions.package:package")


@click.command("package")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The WACZ file to write."
)
@click.option("--source", metavar="NAME", help="Only articles of this source.")
@click.option("--since", metavar="DATE", help="Only articles captured at or after this date or moment (UTC).")
@click.option("--until", metavar="DATE", help="Only articles captured up to the end of this date or moment (UTC).")
@click.option("--query", metavar="TEXT", help="Only articles with this in the title or text of a version.")
@click.option("--run", metavar="ID", help="Only articles captured by this run.")
@click.option("--title", metavar="TEXT", help="The package's title.  [default: the collection's name]")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    output: Path,
    source: str | None,
    since: str | None,
    until: str | None,
    query: str | None,
    run: str | None,
    title: str | None,
    force: bool,
) -> None:
    """Write articles, with all that replaying them needs, into one WACZ file."""
    package(
        invocation.collection,
        output,
        {"source": source, "since": since, "until": until, "query": query, "run": run},
        invocation.note,
        title=title,
        force=force,
    )
