"""`newswarc reprocess`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.reprocess import rebuild_into
else:
    rebuild_into = later("crawler.actions.reprocess:rebuild_into")


@click.command("reprocess")
@click.option("--into", "target", metavar="FILE|URL", help="Rebuild everything into a new database, from the WARC files alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, target: str | None, as_json: bool) -> None:
    """Run extraction again over the archive."""
    progress = invocation.note if invocation.verbose else None
    if target is None:
        raise click.UsageError("--into is missing.")
    rebuild_into(invocation.collection, target, invocation.note, progress, as_json=as_json)
