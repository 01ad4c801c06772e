"""`newswarc plan`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.plan import plan
else:
    plan = later("crawler.actions.plan:plan")


@click.command("plan")
@click.argument("names", metavar="[SOURCE]...", nargs=-1)
@click.option("--at", metavar="TIME", help="As of TIME, a date or moment (UTC).  [default: now]")
@click.option("--urls", type=click.IntRange(min=1), metavar="N", help="Print the first N URLs too, in the order of fetching.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, names: tuple[str, ...], at: str | None, urls: int | None, as_json: bool) -> None:
    """Show what the next run would fetch, host by host, and how long it takes. Asks nobody, changes nothing."""
    plan(invocation.collection, names, at=at, urls=urls or 0, as_json=as_json)
