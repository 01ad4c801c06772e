"""`newswarc diff`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.diff import diff
else:
    diff = later("crawler.actions.diff:diff")


@click.command("diff")
@click.argument("target", metavar="URL|UID")
@click.argument("versions", metavar="[V1 [V2]]", nargs=-1, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: both versions, and every stretch of text.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, target: str, versions: tuple[int, ...], as_json: bool) -> None:
    """Show what an edit changed, word by word: between the last two versions, V1 and the one before it, or V1 and V2."""
    if len(versions) > 2:
        raise click.UsageError(f"two versions at most, not {len(versions)}.")
    diff(invocation.collection, target, versions, as_json=as_json)
