"""`newswarc show`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.show import show
else:
    show = later("crawler.actions.show:show")


@click.command("show")
@click.argument("target", metavar="URL|UID")
@click.option(
    "--at", metavar="TIME", help="Show it as it was captured last at TIME: a date, a moment or 14 digits (UTC)."
)
@click.option("--raw", is_flag=True, help="Print the archived bytes of the answer, header block included.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: article, versions, url, captures.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, target: str, at: str | None, raw: bool, as_json: bool) -> None:
    """Show an article with its versions and captures, or what is known of any other URL."""
    if raw and as_json:
        raise click.UsageError("--raw and --json exclude each other.")
    show(invocation.collection, target, at=at, raw=raw, as_json=as_json)
