"""A run in a few lines, for the person who started it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crawler.monitoring.alarms import Alarms, Concern
from crawler.monitoring.troubles import Trouble
from crawler.run import requisites
from crawler.run.ending import Ending
from crawler.run.requisites import Allowance
from storage.records import Ledger, Verdict

SHOWN = 5  # failed sources that are named
MOST = 20  # sources that newly need a person and are named
TOLD = {
    Trouble.FAILING: "fails",
    Trouble.WALL: "stands behind a wall",
    Trouble.ROBOTS: "is closed by robots.txt",
    Trouble.REJECTED: "brings pages that are no article,",
    Trouble.SILENT: "is silent",
}


_WORDS = {"new": "new", "due": "due again", "carried": "carried over"}


def lines_of(end: Ending, allowance: Allowance) -> Iterator[str]:
    """What was stored, what was not, which sources gave nothing, and which need a person."""
    assert end.ledger is not None, "a run that did not fail has a ledger"
    counts = end.ledger.articles
    told = [
        f"{counts.get(str(verdict), 0)} {verdict}"
        for verdict in Verdict
        if counts.get(str(verdict)) or verdict is Verdict.ADDED
    ]
    yield "Articles: " + ", ".join([*told, f"{end.ledger.pending} pending"])
    yield from _considered(end.ledger)
    polled = {
        name.partition("/")[0]: n for name, n in end.ledger.others.items() if name.endswith(("/polled", "/fetched"))
    }
    yield "Read: " + (", ".join(f"{n} {kind}" for kind, n in sorted(polled.items())) or "nothing was due")
    if line := requisites.told(end.ledger, spent=allowance.limit if allowance.is_spent else None):
        yield line
    if since := end.alarms.back_since:
        yield f"Network: sources answer again that did not since {_minute(since)}"
    yield from [_network(end.alarms)] if end.alarms.unanswered else _failed(end)
    yield from _troubles([concern for concern in end.alarms.new if concern.source not in end.reasons])
    if known := end.alarms.known:
        yield f"{known} {'source still needs' if known == 1 else 'sources still need'} a person (newswarc status)"
    if end.ledger.states:
        states = ", ".join(f"{count} {state}" for state, count in end.ledger.states.items())
        yield f"URLs known: {sum(end.ledger.states.values())} = {states}"


def _considered(ledger: Ledger) -> Iterator[str]:
    """The other side of the account."""
    told = [f"{ledger.considered[word]} {said}" for word, said in _WORDS.items() if ledger.considered.get(word)]
    if told:
        yield f"Considered: {sum(ledger.considered.values())} article URLs ({', '.join(told)})"


def news_of(end: Ending) -> Iterator[str]:
    """What a person has to hear who wants to hear nothing else."""
    if end.alarms.unanswered and end.exit_code:
        yield _network(end.alarms)
    if end.alarms.new:
        yield from _troubles(end.alarms.new)
    elif end.exit_code and not end.alarms.unanswered:
        yield from _failed(end)


def _failed(end: Ending) -> Iterator[str]:
    """Sources that gave nothing in this run, those first that newly need a person."""
    new = {concern.source for concern in end.alarms.new}
    failed = sorted((name for name, good in end.results.items() if not good), key=lambda name: (name not in new, name))
    shown = max(SHOWN, min(MOST, sum(name in new for name in failed)))
    for name in failed[:shown]:
        yield f"Failed: {name} ({_explained(end.reasons.get(name))})"
    if len(failed) > shown:
        yield f"Failed: and {len(failed) - shown} more; `newswarc status` shows them"


def _network(alarms: Alarms) -> str:
    """One line for all sources that did not answer."""
    return f"Network: {alarms.unanswered} of {alarms.asked} sources did not answer; is the network down? None of them is blamed"


def _minute(moment: str) -> str:
    return f"{moment[:10]} {moment[11:16]}Z"


def _explained(reason: str | None) -> str:
    hint = "; allow_private_networks in newswarc.toml can open it" if reason and "private-address" in reason else ""
    return f"{reason or 'no reason known'}{hint}"


def _troubles(concerns: Sequence[Concern]) -> Iterator[str]:
    """A line for each source that needs a person: its trouble, since when, and what to do."""
    for concern in concerns[:MOST]:
        reason = f" ({_explained(concern.reason)})" if concern.reason else ""
        since = _minute(concern.since)
        yield f"{concern.source}: {TOLD[concern.trouble]}{reason} since {since}; see `newswarc source check {concern.source}`"
    if len(concerns) > MOST:
        yield f"and {len(concerns) - MOST} more sources; see `newswarc status`"
