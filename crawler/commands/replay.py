"""`newswarc replay`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.replay import replay
else:
    replay = later("crawler.actions.replay:replay")


@click.command("replay")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8080, show_default=True, metavar="N", help="Port on 127.0.0.1."
)
@click.option(
    "--wayback",
    type=click.Path(path_type=Path),
    envvar="NEWSWARC_WAYBACK",
    metavar="PATH",
    help="pywb's `wayback` program.  [default: NEWSWARC_WAYBACK, else the one on PATH]",
)
@click.option(
    "--config-only", is_flag=True, help="Write pywb's settings into replay/ of the collection, and start nothing."
)
@shared_options
@click.pass_obj
def command(invocation: Invocation, port: int, wayback: Path | None, config_only: bool) -> int:
    """Serve the archive as a web site with pywb, until interrupted. Withdrawn URLs are not shown."""
    return replay(invocation.collection, invocation.note, port=port, wayback=wayback, config_only=config_only)
