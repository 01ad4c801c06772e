"""`newswarc status`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.status import status
else:
    status = later("crawler.actions.status:status")


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> None:
    """Show how each source does, how many URLs are in which state, and the last run."""
    status(invocation.collection, as_json=as_json)
