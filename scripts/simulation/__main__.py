"""Prints how our schedule and those of peers find stories: `python -m scripts.simulation`, `--help` for more."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time

from scripts.simulation import revisiting
from scripts.simulation.engine import Policy, Result, run
from scripts.simulation.generate import HOUR, SETS, Truth, made
from scripts.simulation.oracle import at_shares
from scripts.simulation.ours import ours
from scripts.simulation.peers import DAY, EntryFrequency, Fixed, duplicate_shares
from scripts.simulation.score import Ratio, Score, matched, ratio, score
from scripts.simulation.trace import World, read, write

BUDGETS = (6.0, 12.0, 24.0, 48.0, 96.0)
BY_NEWS = "miniflux"  # beside which an oracle that asks in its proportions is shown
SHARES = (0.94, 0.1)  # of the budget that all sources get alike
PEERS: dict[str, Callable[[], Policy]] = {
    "fixed 15 min": lambda: Fixed(900.0),
    "fixed 60 min": lambda: Fixed(3600.0),
    "miniflux": EntryFrequency,
    "miniflux x 4": lambda: EntryFrequency(4.0),
}
FAMILY = "Media Cloud"  # a peer of many members, of which the best counts
HEAD = f"{'policy':30} {'requests':>9} {'median':>8} {'p95':>8} {'mean':>8} {'missed':>13}"
RATIOS = f"{'at the requests of':30} {'budget':>9} {'requests':>9} {'median':>8} {'p95':>8} {'mean':>8} {'fair':>6} {'strict':>7}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for. 0, or 2 where a file cannot be read."""
    options = _options(arguments)
    try:
        worlds = list(_worlds(options))
    except (OSError, ValueError) as error:
        print(f"simulation: {options.traces}: {error}", file=sys.stderr)
        return 2
    for each, truths in worlds:
        if options.write:
            write(sys.stdout, each)
        else:
            _report(each, truths, options)
    if not options.write and not options.traces and not options.quick:
        revisiting.report_all(None if options.set == "all" else options.set)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m scripts.simulation", description=__doc__)
    parser.add_argument("--set", choices=[*SETS, "all"], default="all", help="which made-up sources (all)")
    parser.add_argument("--sources", type=_count, default=1000, help="how many of them (1000)")
    parser.add_argument("--traces", type=Path, help="sources of yours, in the format of docs/simulation.md")
    parser.add_argument("--peer", choices=[*PEERS, FAMILY], action="append", help="a peer to compare with (all)")
    parser.add_argument("--equal-share", type=_share, action="append", help="of ours, from 0 to 1 (0.94, 0.1)")
    parser.add_argument("--quick", action="store_true", help="compare with the peers only, without curves and edits")
    parser.add_argument("--write", action="store_true", help="print the made-up sources in that format instead")
    return parser.parse_args(arguments)


def _count(typed: str) -> int:
    if not typed.isdecimal() or not 1 <= int(typed) <= 100_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 100000")
    return int(typed)


def _share(typed: str) -> float:
    share = float(typed)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return share


def _worlds(options: argparse.Namespace) -> Iterator[tuple[World, list[Truth] | None]]:
    if options.traces:
        with options.traces.open(encoding="utf-8-sig") as file:
            yield read(file, options.traces.name), None
        return
    for name, parameters in SETS.items():
        if options.set in (name, "all"):
            yield made(replace(parameters, sources=options.sources))


def _report(sources: World, truths: list[Truth] | None, options: argparse.Namespace) -> None:
    chosen, shares = options.peer or [*PEERS, FAMILY], options.equal_share or SHARES
    days = (sources.end - sources.start) / DAY
    stories = sum(sources.start <= moment < sources.end for trace in sources.traces for moment in trace.stories)
    print(f"\n{sources.name}: {len(sources.traces)} sources, {days:.1f} days, {stories} stories. Requests a source and day,")
    print("delays in minutes, over all stories; in brackets without the first three days.\n" + HEAD, flush=True)
    peers = {name: _run(sources, name, PEERS[name]()) for name in chosen if name != FAMILY}
    peers |= _family(sources) if FAMILY in chosen else {}
    if not options.quick:
        for share in shares:
            for budget in BUDGETS:
                _run(sources, f"newswarc, {budget:.0f} a day, {share} alike", ours(budget, share))
    print("\nagainst each peer, at its requests (ratios)\n" + RATIOS, flush=True)
    for name, result in peers.items():
        _compare(sources, name, result, truths, shares)


def _run(sources: World, name: str, policy: Policy) -> Result:
    result = run(sources, policy)
    print(_line(name, score(sources, result), score(sources, result, 3.0)), flush=True)
    return result


def _line(name: str, all_of_it: Score, later: Score) -> str:
    missed = f"{all_of_it.missed}/{all_of_it.stories}"
    return (
        f"{name:30} {all_of_it.requests:9.2f} {all_of_it.median:8.1f} {all_of_it.p95:8.1f} {all_of_it.mean:8.1f} {missed:>13}"
        f"   [{later.median:.1f} {later.p95:.1f} {later.mean:.1f}]"
    )


def _family(sources: World) -> dict[str, Result]:
    """Media Cloud's policy: of all its members that member with the least median for what it takes, and the laziest settings."""
    results = {}
    for policy in duplicate_shares():
        name = f"dup. {policy.low:.0%}-{policy.high:.0%} {policy.least / 60:.0f}m {policy.step / 60:.0f}m"
        results[f"{name} {policy.most / 3600:.0f}h"] = run(sources, policy)
    best = min(results, key=lambda name: (s := score(sources, results[name])).median * s.requests)
    print(_line(best, score(sources, results[best]), score(sources, results[best], 3.0)), flush=True)
    return {best: results[best]}


def _compare(
    sources: World, name: str, peers: Result, truths: list[Truth] | None, equal_shares: Sequence[float]
) -> None:
    began, first = process_time(), score(sources, peers).requests
    for share in equal_shares:
        knob, mine = matched(sources, partial(ours, equal_share=share), peers.requests, first)
        _print(f"{name}: {share} alike", knob, ratio(sources, mine, peers), ratio(sources, mine, peers, 3.0))
        print(f"{'':30} least gap of a host {mine.least_gap:.1f} s, CPU {process_time() - began:.0f} s", flush=True)
    if truths is None or not name.startswith(BY_NEWS):
        return
    shares = [max(asked, 1) / (sources.end - sources.start) * HOUR for asked in peers.asked]
    for within in (0.5, 1.0):
        knob, best = matched(sources, partial(at_shares, truths, shares, within), peers.requests, 1.0)
        _print(f"{name}: oracle, power {within}", knob, ratio(sources, best, peers), ratio(sources, best, peers, 3.0))


def _print(name: str, knob: float, whole: Ratio, later: Ratio) -> None:
    print(
        f"{name:30} {knob:9.2f} {whole.requests:9.3f} {whole.median:8.2f} {whole.p95:8.2f} {whole.mean:8.2f}"
        f" {whole.fair:6.3f} {whole.strictly:7.3f}   [{later.median:.2f} {later.p95:.2f} {later.mean:.2f} {later.fair:.3f}]",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
