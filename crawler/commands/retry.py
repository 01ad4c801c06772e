"""`newswarc retry`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.retry import retry
else:
    retry = later("crawler.actions.retry:retry")


@click.command("retry")
@click.argument("targets", metavar="[SOURCE|URL]...", nargs=-1)
@click.option("--reason", default="", metavar="PREFIX", help="Only those whose reason begins so: http-5, dns, robots.")
@click.option("--failed", is_flag=True, help="Those that failed.  [default, when neither of the next two is given]")
@click.option("--rejected", is_flag=True, help="Those that were fetched and are no article.")
@click.option("--filtered", is_flag=True, help="Those that a rule kept from being fetched.")
@click.option("--dry-run", is_flag=True, help="Change nothing; print what would be due.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    targets: tuple[str, ...],
    reason: str,
    failed: bool,
    rejected: bool,
    filtered: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Let the next run fetch again what failed, of the sources or URLs named, or of all; also beside a run."""
    states = tuple(name for name, wanted in (("failed", failed), ("rejected", rejected), ("filtered", filtered)) if wanted)
    retry(invocation.collection, targets, states or ("failed",), reason, dry_run=dry_run, as_json=as_json)
