"""`newswarc why`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.why import why
else:
    why = later("crawler.actions.why:why")


@click.command("why")
@click.argument("target", metavar="URL|UID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, target: str, as_json: bool) -> None:
    """Tell every decision ever taken on a URL; of one that is not known, what would become of it."""
    why(invocation.collection, target, as_json=as_json)
