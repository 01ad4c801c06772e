"""`newswarc export`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.export import export
else:
    export = later("crawler.actions.export:export")


@click.command("export")
@click.option("--format", "fmt", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--since-seq", type=click.IntRange(min=0), metavar="N", help="Only what changed after changed_seq N.")
@click.option("--source", metavar="NAME", help="Only articles of this source.")
@click.option("--since", metavar="DATE", help="Only articles first seen at or after this date or moment (UTC).")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE, once it is complete.")
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    fmt: str,
    since_seq: int | None,
    source: str | None,
    since: str | None,
    output: Path | None,
) -> None:
    """Write the articles, one a line, in the order of changed_seq."""
    export(invocation.collection, output, fmt=fmt, since_seq=since_seq, source=source, since=since)
