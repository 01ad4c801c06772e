"""`newswarc files`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.files import back, dedupe, elsewhere, show
else:
    show = later("crawler.actions.files:show")
    elsewhere = later("crawler.actions.files:elsewhere")
    back = later("crawler.actions.files:back")
    dedupe = later("crawler.actions.files:dedupe")


@click.group("files", invoke_without_command=True)
@shared_options
@click.pass_context
def command(context: click.Context) -> None:
    """List the WARC files (as `files list`), or say where they were moved to."""
    if context.invoked_subcommand is None:
        context.invoke(_list, as_json=False)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@shared_options
@click.pass_obj
def _list(invocation: Invocation, as_json: bool) -> None:
    """List the WARC files: times, size, SHA-256, state, captures, place."""
    show(invocation.collection, as_json=as_json)


@command.command("elsewhere")
@click.argument("names", metavar="NAME|GLOB...", nargs=-1, required=True)
@click.option("--place", required=True, metavar="PLACE", help="Where they are now; with / at its end a folder of them.")
@click.option("--unchecked", is_flag=True, help="Do not read what is still here to check its SHA-256.")
@shared_options
@click.pass_obj
def _elsewhere(invocation: Invocation, names: tuple[str, ...], place: str, unchecked: bool) -> None:
    """Say that closed files were moved to other storage. Removes nothing."""
    elsewhere(invocation.collection, names, place, invocation.note, unchecked=unchecked)


@command.command("here")
@click.argument("names", metavar="NAME|GLOB...", nargs=-1, required=True)
@click.option("--place", metavar="PATH", help="File, or folder of them.  [default: warc/ of the collection]")
@shared_options
@click.pass_obj
def _here(invocation: Invocation, names: tuple[str, ...], place: str | None) -> None:
    """Say that files are here again, once their size and SHA-256 are found right."""
    back(invocation.collection, names, place, invocation.note)


@command.command("dedupe")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@shared_options
@click.pass_obj
def _dedupe(invocation: Invocation, as_json: bool) -> None:
    """Show what revisits saved, and what they could not."""
    dedupe(invocation.collection, as_json=as_json)
