"""`plan`: what the next run would fetch, from the database alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crawler.actions.database import opened
from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.config.keys import Config, Source
from crawler.config.naming import paused
from crawler.process.handles import hosts_at_once, lifted_limit
from crawler.schedule import planning
from crawler.schedule.planning import Choice, DueRow, HostPlan, Promise
from crawler.sources.active import scope_of, seeds_of
from crawler.terminal import console
from storage.errors import UsageError
from storage.query import due
from storage.query.moments import moment
from storage.records import LAST, Kind
from storage.runs.lock import holder
from storage.times import now
from storage.urlkey import host_key, key

Row = dict[str, Any]

SPIDER = "news"  # of `crawl`; rows of a spider of one's own are that spider's
HEADER = ("host", *planning.SORTS, "left", "gap s", "time", "blocked until")


def plan(folder: Path, names: Sequence[str], *, at: str | None, urls: int, as_json: bool) -> None:
    """Print the plan of a run of these sources, of all when none is named. Raises UsageError for one that there is none of."""
    collection = collections.find(folder)
    start = moment(at) if at else now()
    sources = _chosen(collection, names)
    running = holder(collection.folder)
    hosts, choices = _planned(collection, sources, start, leased=running is None)
    found = _summary(hosts, choices, start, running) | {"urls": [_told(choice) for choice in choices[:urls]]}
    if as_json:
        console.out_json(found | {"hosts": [asdict(host) | {"requests": host.requests} for host in hosts]})
    else:
        console.out_table(HEADER, map(_row, hosts))
        console.out("")
        for line in _text(found):
            console.out(console.one_line(line))


def _chosen(collection: Collection, names: Sequence[str]) -> list[Source]:
    known = {source.name: source for source in collection.config.sources}
    for name in names:
        if name not in known:
            raise UsageError(f"no source {checks.shown(name)} in {collection.file}; {checks.nearest(name, known)}")
        if known[name].paused:
            raise UsageError(paused(name))
    return [known[name] for name in names] or [source for source in known.values() if not source.paused]


def _planned(
    collection: Collection, sources: Sequence[Source], start: str, *, leased: bool
) -> tuple[list[HostPlan], list[Choice]]:
    config, remembered = collection.config, dict[str, Row]()
    if collection.is_new():
        rows = _unplanted(sources, set(), start)
    else:
        with opened(collection) as conn:
            found = due.due(conn, start, {source.name for source in sources}, SPIDER, leased=leased)
            seeds = [key(link.url) for source in sources for link in seeds_of(source)]
            rows = [*_wanted(found, sources), *_unplanted(sources, due.known_keys(conn, seeds), start)]
            remembered = due.promised(conn)
    promises = _promises(config, sources, {row.host for row in rows}, remembered)
    return planning.plan(rows, promises, start, concurrency=hosts_at_once(config.crawl.concurrency, lifted_limit()))


def _wanted(rows: Iterator[Row], sources: Sequence[Source]) -> Iterator[DueRow]:
    """Rows as the planning has them, without requisites that no source wants."""
    whole = {source.name for source in sources if source.requisites}
    for row in rows:
        if row["priority"] < LAST or row["source"] in whole:
            yield DueRow(
                row["id"], row["url"], row["host"], row["source"], Kind(row["kind"]), row["priority"], row["next_fetch_at"],
                row["last_fetch_at"] is not None, row["attempts"],
            )  # fmt: skip


def _unplanted(sources: Sequence[Source], known: Names[str], start: str) -> list[DueRow]:
    """Seeds that newswarc.toml names and no run has seen: the next one plants and polls them."""
    new: dict[str, DueRow] = {}
    for source in sources:
        for link in seeds_of(source):
            if (k := key(link.url)) not in known:
                new.setdefault(k, DueRow(None, link.url, host_key(link.url), source.name, link.kind, link.priority, start))
    return list(new.values())


def _promises(
    config: Config, sources: Sequence[Source], hosts: Names[str], remembered: Mapping[str, Row]
) -> dict[str, Promise]:
    """The longer of our delay and the site's, and the block that is known, of each host."""
    own: dict[str, float] = {}
    most: dict[str, list[int]] = {}
    for source in sources:
        for host in scope_of(source).hosts:
            bare = host.removeprefix("www.")
            for slot in (bare, f"www.{bare}"):
                own[slot] = max(own.get(slot, 0.0), config.delay(source))
                most.setdefault(slot, []).append(config.max_pages(source))
    return {
        host: _promise(
            own.get(host, config.crawl.delay), most.get(host, [config.crawl.max_pages_per_host]), remembered.get(host, {})
        )
        for host in hosts
    }


def _promise(delay: float, most: Sequence[int], row: Mapping[str, Any]) -> Promise:
    """Of several budgets the largest counts; 0 is none."""
    gap, budget = max(delay, float(row.get("crawl_delay") or 0)), None if 0 in most else max(most)
    return Promise(gap, row.get("blocked_until"), row.get("next_turn_at"), budget)


def _summary(hosts: Sequence[HostPlan], choices: Sequence[Choice], start: str, running: str | None) -> Row:
    counts = Counter(dict.fromkeys(planning.SORTS, 0))
    for host in hosts:
        counts.update(host.counts)
    return {
        "at": start,
        "running": running,
        "requests": len(choices),
        "counts": dict(counts),
        "left": sum(host.left for host in hosts),
        "seconds": max((host.seconds for host in hosts), default=0.0),
    }


def _told(choice: Choice) -> Row:
    row = choice.row
    return {"at": choice.at, "host": row.host, "kind": str(row.kind), "source": row.source, "url": row.url}


def _row(host: HostPlan) -> tuple[object, ...]:
    counts = [host.counts.get(sort, 0) for sort in planning.SORTS]
    return (host.host, *counts, host.left, f"{host.gap:g}", _span(host.seconds), host.blocked_until)


def _span(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _text(found: Row) -> Iterator[str]:
    told = ", ".join(f"{count} {sort}" for sort, count in found["counts"].items() if count)
    yield f"{found['requests']} requests at {found['at']}" + (f": {told}" if told else "")
    yield f"takes {_span(found['seconds'])} for the gaps that hosts are promised, and what the servers take"
    yield "new pages that the seeds lead to come on top"
    if found["left"]:
        yield f"{found['left']} that are due are left to a later run"
    if found["running"]:
        yield f"{found['running']} is at work: what it has in hand is not counted"
    for url in found["urls"]:
        yield f"{_span(url['at'])}  {url['kind']}  {url['url']}"
