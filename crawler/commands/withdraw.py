"""`newswarc withdraw`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, lock_option, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.withdraw import withdraw
else:
    withdraw = later("crawler.actions.withdraw:withdraw")


@click.command("withdraw")
@click.argument("target", metavar="URL|UID")
@click.option("--reason", required=True, help="Why, for those who come after: it is kept with the tombstone.")
@click.option("--purge", is_flag=True, help="Write the WARC files concerned anew without it, and forget its text.")
@lock_option
@shared_options
@click.pass_obj
def command(invocation: Invocation, target: str, reason: str, purge: bool) -> None:
    """Hide an article or a URL from views, export, packages and replay, for good; the archive keeps that it was withdrawn."""
    withdraw(invocation.collection, target, reason, invocation.note, purged=purge, patience=invocation.patience)
