"""`newswarc verify`"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from crawler.commands.shared import Invocation, lock_option, shared_options
from crawler.later import later

if TYPE_CHECKING:
    from crawler.actions.repair import repair as mend
    from crawler.actions.verify import Wanted, verify
else:
    mend = later("crawler.actions.repair:repair")
    verify = later("crawler.actions.verify:verify")
    Wanted = later("crawler.actions.verify:Wanted")

_MOST_WORKERS = 64
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%?")


def percent(text: str) -> float:
    """`5`, `5%` or `0.5%`."""
    found = _PERCENT.fullmatch(text.strip())
    if found is None or not 0 < float(found[1]) <= 100:
        raise click.BadParameter(f"{text!r} is no share; write 5% or 0.5%")
    return float(found[1])


@click.command("verify")
@click.option("--since", metavar="DATE", help="Only files closed at or after this date or moment (UTC), or still open.")
@click.option("--sample", type=percent, metavar="N%", help="Only so many percent of the files, by lot.")
@click.option("--seed", metavar="TEXT", help="What lots depend on.  [default: the date]")
@click.option("--bodies", is_flag=True, help="Decode every page; without it one of ten in large files.")
@click.option(
    "--workers",
    type=click.IntRange(1, _MOST_WORKERS),
    metavar="N",
    help="Processes that read files side by side.  [default: one for each core]",
)
@click.option("--repair", is_flag=True, help="Mend what can be mended; no crawl may run meanwhile.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: checked, faults.")
@lock_option
@shared_options
@click.pass_obj
def command(
    invocation: Invocation,
    since: str | None,
    sample: float | None,
    seed: str | None,
    bodies: bool,
    workers: int | None,
    repair: bool,
    as_json: bool,
) -> None:
    """Prove that every row points to the archived bytes it came from, and that every record has its row."""
    wanted = Wanted(since, sample, seed, bodies, workers, as_json, invocation.patience)
    door = mend if repair else verify
    door(invocation.collection, invocation.note, invocation.note if invocation.verbose else None, wanted)
