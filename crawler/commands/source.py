"""`newswarc source`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.source_add import add
    from crawler.actions.source_check import check
    from crawler.actions.source_export import export
    from crawler.actions.source_import import ImportOptions, import_
    from crawler.actions.source_list import show
    from crawler.actions.source_state import pause, remove, resume
    from crawler.look.looking import probe, probe_entries, probe_sources
else:
    add = later("crawler.actions.source_add:add")
    show = later("crawler.actions.source_list:show")
    pause = later("crawler.actions.source_state:pause")
    resume = later("crawler.actions.source_state:resume")
    remove = later("crawler.actions.source_state:remove")
    check = later("crawler.actions.source_check:check")
    export = later("crawler.actions.source_export:export")
    ImportOptions = later("crawler.actions.source_import:ImportOptions")
    import_ = later("crawler.actions.source_import:import_")
    probe = later("crawler.look.looking:probe")
    probe_entries = later("crawler.look.looking:probe_entries")
    probe_sources = later("crawler.look.looking:probe_sources")

FORMATS = ("opml", "csv", "list", "toml")


@click.group("source")
@shared_options
def command() -> None:
    """Add, list, check, pause or remove the sites of a collection."""


@command.command("add")
@click.argument("url")
@click.option("--name", help="Name of the source.  [default: its host]")
@click.option("--force", is_flag=True, help="Add it although no way in was found.")
@shared_options
@click.pass_obj
def _add(invocation: Invocation, url: str, name: str | None, force: bool) -> None:
    """Look at a site, show its feeds, sitemaps, sections and three articles, and write it to newswarc.toml."""
    add(invocation.collection, url, name, probe, force=force, note=invocation.note)


@command.command("import")
@click.argument("file", metavar="FILE|-")
@click.option("--format", "form", type=click.Choice(FORMATS), help="What FILE is.  [default: told by its content]")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 256), default=32, help="Sites looked at at a time.  [default: 32]")
@click.option("--force", is_flag=True, help="Add sites without a way in too, if they answer.")
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@click.option("--no-probe", is_flag=True, help="Add all sites without looking at them.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@shared_options
@click.pass_obj
def _import(
    invocation: Invocation,
    file: str,
    form: str | None,
    jobs: int,
    force: bool,
    dry_run: bool,
    no_probe: bool,
    as_json: bool,
) -> int:
    """Look at the sites of a list (OPML, CSV, URLs, [[source]] tables), print a verdict on each, and add those with a way in."""
    options = ImportOptions(form, jobs, force, dry_run, probe=not no_probe, as_json=as_json)
    return import_(invocation.collection, file, options, probe_entries, invocation.note)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@shared_options
@click.pass_obj
def _list(invocation: Invocation, as_json: bool) -> None:
    """List the sources in newswarc.toml."""
    show(invocation.collection, as_json=as_json)


@command.command("export")
@click.option("--format", "form", type=click.Choice(["opml", "toml"]), default="opml", help="What to write.  [default: opml]")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="A file to write to, in place of stdout.")
@shared_options
@click.pass_obj
def _export(invocation: Invocation, form: str, output: Path | None) -> None:
    """Write the sources as OPML with their feeds, or as [[source]] tables with all settings."""
    export(invocation.collection, output, form)


@command.command("check")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--jobs", metavar="N", type=click.IntRange(1, 256), default=32, help="Sites looked at at a time.  [default: 32]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@shared_options
@click.pass_obj
def _check(invocation: Invocation, names: tuple[str, ...], jobs: int, as_json: bool) -> int:
    """Look at sources again, compare with what crawls found, and print a verdict on each; nothing is changed."""
    return check(invocation.collection, names, probe_sources, invocation.note, jobs=jobs, as_json=as_json)


@command.command("pause")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@shared_options
@click.pass_obj
def _pause(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Have crawls leave sources alone, until they are resumed."""
    pause(invocation.collection, names, invocation.note)


@command.command("resume")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@shared_options
@click.pass_obj
def _resume(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Have crawls take up paused sources again."""
    resume(invocation.collection, names, invocation.note)


@command.command("remove")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@shared_options
@click.pass_obj
def _remove(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Take sources out of newswarc.toml; what was stored of them stays."""
    remove(invocation.collection, names, invocation.note)
