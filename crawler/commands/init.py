"""`newswarc init`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.config.collection import make
else:
    make = later("crawler.config.collection:make")


@click.command("init")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--name", help="Name of the collection; goes into the archive.  [default: the folder's]")
@click.option("--contact", help="E-mail address or web page of yours, which sites get to see.")
@shared_options
@click.pass_obj
def command(invocation: Invocation, folder: Path | None, name: str | None, contact: str | None) -> None:
    """Make a collection in DIR, or in the current folder: newswarc.toml, and warc/ for the archive."""
    if folder is not None and invocation.collection != Path():
        raise click.UsageError("DIR and --collection say the same; give one of them.")
    collection = make(folder or invocation.collection, name, contact)
    invocation.note(f"Made the collection {collection.folder}")
    if contact is None:
        invocation.note(f"Next: set your contact in {collection.file}, then `newswarc source add URL`")
