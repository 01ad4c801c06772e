"""`newswarc try`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.try_ import try_
    from crawler.look.looking import try_url
    from crawler.look.trial import try_bytes
else:
    try_ = later("crawler.actions.try_:try_")
    try_bytes = later("crawler.look.trial:try_bytes")
    try_url = later("crawler.look.looking:try_url")


@click.command("try")
@click.argument("target", metavar="URL|FILE")
@click.option("--url", help="Address that the page in FILE was fetched from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, target: str, url: str | None, as_json: bool) -> None:
    """Fetch one page, or read it from a file, and print the article in it; nothing is stored."""
    try_(invocation.collection, target, url, try_url, try_bytes, as_json=as_json)
