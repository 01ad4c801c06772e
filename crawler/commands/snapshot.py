"""`newswarc snapshot`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.snapshot import snapshot
else:
    snapshot = later("crawler.actions.snapshot:snapshot")


@click.command("snapshot")
@click.argument("file", type=click.Path(path_type=Path))
@shared_options
@click.pass_obj
def command(invocation: Invocation, file: Path) -> None:
    """Copy the database to FILE (SQLite), consistent, while a crawl runs: for queries that take their time."""
    snapshot(invocation.collection, file, invocation.note)
