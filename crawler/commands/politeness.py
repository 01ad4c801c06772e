"""`newswarc politeness`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.politeness import politeness
else:
    politeness = later("crawler.actions.politeness:politeness")


@click.command("politeness")
@click.option("--host", metavar="HOST", help="Only this host[:port].")
@click.option("--since", metavar="DATE", help="Requests at or after this date or moment (UTC).  [default: 7 days ago]")
@click.option("--check", is_flag=True, help="Exit with 9 when a promise was broken.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with each request that came too soon.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, host: str | None, since: str | None, check: bool, as_json: bool) -> int:
    """Show, for each host, the gaps between requests that were promised and those that were kept."""
    return politeness(invocation.collection, host=host, since=since, check=check, as_json=as_json)
