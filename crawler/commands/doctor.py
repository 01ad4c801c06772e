"""`newswarc doctor`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.doctor import doctor
else:
    doctor = later("crawler.actions.doctor:doctor")


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Look up no names.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, offline: bool, as_json: bool) -> int:
    """Check all that a crawl needs: settings, database, disk, clock, DNS, robots, permissions, versions."""
    return doctor(invocation.collection, offline=offline, quiet=invocation.quiet, as_json=as_json)
