"""`newswarc verify`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.verify import verify
else:
    verify = later("crawler.actions.verify:verify")


@click.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: checked, faults.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> None:
    """Prove that every row points to the archived bytes it came from, and that every record has its row."""
    verify(invocation.collection, invocation.note, invocation.note if invocation.verbose else None, as_json=as_json)
