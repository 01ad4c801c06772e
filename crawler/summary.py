"""A run in a few lines, for the person who started it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crawler import requisites
from storage.records import Ledger, Verdict

if TYPE_CHECKING:
    from crawler.run import Run

SHOWN = 5  # failed sources that are named


_WORDS = {"new": "new", "due": "due again", "carried": "carried over"}


def lines_of(run: Run) -> Iterator[str]:
    """What was stored, what was not, and which sources gave nothing."""
    assert run.ledger is not None, "a run that did not fail has a ledger"
    counts = run.ledger.articles
    told = [
        f"{counts.get(str(verdict), 0)} {verdict}"
        for verdict in Verdict
        if counts.get(str(verdict)) or verdict is Verdict.ADDED
    ]
    yield "Articles: " + ", ".join([*told, f"{run.ledger.pending} pending"])
    yield from _considered(run.ledger)
    polled = {
        name.partition("/")[0]: n for name, n in run.ledger.others.items() if name.endswith(("/polled", "/fetched"))
    }
    yield "Read: " + (", ".join(f"{n} {kind}" for kind, n in sorted(polled.items())) or "nothing was due")
    if line := requisites.told(run.ledger, spent=run.allowance.limit if run.allowance.is_spent else None):
        yield line
    silent = sorted(name for name, good in run.results.items() if not good)
    for name in silent[:SHOWN]:
        reason = run.reasons.get(name, "no reason known")
        hint = "; allow_private_networks in newswarc.toml can open it" if "private-address" in reason else ""
        yield f"Failed: {name} ({reason}{hint})"
    if len(silent) > SHOWN:
        yield f"Failed: and {len(silent) - SHOWN} more; `newswarc status` shows them"
    if run.ledger.states:
        states = ", ".join(f"{count} {state}" for state, count in run.ledger.states.items())
        yield f"URLs known: {sum(run.ledger.states.values())} = {states}"


def _considered(ledger: Ledger) -> Iterator[str]:
    """The other side of the account."""
    told = [f"{ledger.considered[word]} {said}" for word, said in _WORDS.items() if ledger.considered.get(word)]
    if told:
        yield f"Considered: {sum(ledger.considered.values())} article URLs ({', '.join(told)})"
