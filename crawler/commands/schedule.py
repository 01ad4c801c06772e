"""`newswarc schedule`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, duration, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.schedule import schedule
else:
    schedule = later("crawler.actions.schedule:schedule")


@click.command("schedule")
@click.option("--every", type=duration, default="10m", metavar="TIME", help="How often a run begins.  [default: 10m]")
@click.option(
    "--max-runtime", type=duration, default="1h", metavar="TIME", help="When a run is ended at the latest.  [default: 1h]"
)
@click.option("--user", metavar="NAME", help="Who runs it.  [default: the owner of the collection's folder]")
@click.option("--service", "part", flag_value="service", help="Print the systemd service alone.")
@click.option("--timer", "part", flag_value="timer", help="Print the systemd timer alone.")
@click.option("--cron", "part", flag_value="cron", help="Print a crontab line instead; with --user one of /etc/cron.d.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, every: float, max_runtime: float, user: str | None, part: str | None) -> None:
    """Print a systemd service and timer, or a crontab line, that crawl regularly. Installs nothing."""
    schedule(invocation.collection, every, max_runtime, user, part, invocation.note)
