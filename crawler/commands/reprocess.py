"""`newswarc reprocess`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, lock_option, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.rebuild import rebuild_into
    from crawler.actions.reprocess import promote, report, reprocess
else:
    rebuild_into = later("crawler.actions.rebuild:rebuild_into")
    reprocess = later("crawler.actions.reprocess:reprocess")
    report = later("crawler.actions.reprocess:report")
    promote = later("crawler.actions.reprocess:promote")


@click.command("reprocess")
@click.option("--source", metavar="NAME", help="Only articles of this source.")
@click.option("--since", metavar="DATE", help="Only captures fetched at or after this date or moment (UTC).")
@click.option("--until", metavar="DATE", help="Only captures fetched up to the end of this date or moment (UTC).")
@click.option("--report", "reporting", is_flag=True, help="Change nothing: compare field by field with what is current.")
@click.option(
    "--promote",
    "extractor",
    is_flag=False,
    flag_value="",
    metavar="[EXTRACTOR]",
    help="Make extractions of this extractor current (by default of the one at hand); name the former one to take it back.",
)
@click.option("--into", "target", metavar="FILE|URL", help="Rebuild everything into a new database, from the WARC files alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@lock_option
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    source: str | None,
    since: str | None,
    until: str | None,
    reporting: bool,
    extractor: str | None,
    target: str | None,
    as_json: bool,
) -> None:
    """Run extraction again over the archive: extractions are added, versions stay as they are until --promote."""
    progress = invocation.note if invocation.verbose else None
    some = {"source": source, "since": since, "until": until}
    if sum((reporting, extractor is not None, target is not None)) > 1:
        raise click.UsageError("--report, --promote and --into exclude each other.")
    if (target is not None or extractor is not None) and any(some.values()):
        raise click.UsageError("--source, --since and --until choose what is read again; --promote and --into take all.")
    if target is not None:
        rebuild_into(invocation.collection, target, invocation.note, progress, as_json=as_json)
    elif extractor is not None:
        promote(invocation.collection, extractor, patience=invocation.patience, as_json=as_json)
    elif reporting:
        report(invocation.collection, some, as_json=as_json)
    else:
        reprocess(invocation.collection, some, patience=invocation.patience, as_json=as_json)
