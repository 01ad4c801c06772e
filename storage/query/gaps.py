"""The gaps between requests to one host, as the captures tell them, against what was promised to it.

A capture's moment is when its request was sent. Captures come in the order of their ids; where time goes back by more than
machines differ, the clock was set back, and the gap across that moment is not judged.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from sqlalchemy import Connection, or_, select

from storage.database.schema import captures, host_blocks, hosts, runs
from storage.database.schema import robots as robots_table
from storage.frontier.clock import TOLERANCE
from storage.times import iso_of, parse
from storage.urlkey import InvalidURL, host_key

GRAIN = 0.002  # seconds: two moments that are written in milliseconds
ROWS_AT_ONCE = 2_000
_COMMANDS = ("crawl", "fetch")  # what asks hosts; the captures of other runs are of somebody else's requests


@dataclass(frozen=True, slots=True)
class Short:
    """Two requests that came closer to each other than was promised. `gap`: seconds."""

    at: str
    gap: float


@dataclass(frozen=True, slots=True)
class Block:
    """A time in which a host was to be left alone, and why."""

    since: str
    until: str
    reason: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What is known of a host. Seconds; `promised` holds since the moment `since`."""

    crawl_delay: float | None = None
    promised: float | None = None
    since: str | None = None
    next_turn_at: str | None = None
    blocked_until: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a promise. `judged`: gaps since it was made; `short`, `inside_block`: what must not be."""

    host: str
    promise: Promise
    requests: int
    smallest: float | None
    median: float | None
    judged: int
    short: list[Short] = field(default_factory=list)
    inside_block: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def is_broken(self) -> bool:
        """Whether the host was asked when it should not have been."""
        return bool(self.short or self.inside_block)


def kept_since(conn: Connection, since: str, host: str | None = None) -> list[Kept]:
    """Every host that was asked since a moment, or that one, with its gaps; by host."""
    asked = _moments(conn, since, host)
    promises, blocks = _promises(conn, host), _blocks(conn, since, host)
    return [
        judged(name, promises.get(name, Promise()), asked.get(name, ()), blocks.get(name, []))
        for name in sorted({*asked, *([host] if host in promises else [])})
    ]


def judged(host: str, promise: Promise, moments: Iterable[float], blocks: list[Block]) -> Kept:
    """The gaps between requests at these moments (seconds, in the order of their captures). Pure."""
    moments = list(moments)
    gaps = [(after, after - before) for run in _steady(moments) for before, after in pairwise(run)]
    lengths = [gap for _, gap in gaps]
    since = parse(promise.since).timestamp() if promise.since else float("inf")
    due = [(at, gap) for at, gap in gaps if at >= since]
    least = (promise.promised or 0.0) - GRAIN
    closed = [(parse(block.since).timestamp(), parse(block.until).timestamp()) for block in blocks]
    return Kept(
        host=host,
        promise=promise,
        requests=len(moments),
        smallest=round(min(lengths), 3) if lengths else None,
        median=round(median(lengths), 3) if lengths else None,
        judged=len(due),
        short=[Short(iso_of(at), round(gap, 3)) for at, gap in due if gap < least],
        inside_block=[iso_of(at) for at in moments if any(start < at < end for start, end in closed)],
        blocks=blocks,
    )


def _steady(moments: list[float]) -> Iterator[list[float]]:
    """The stretches between which the clock was set back, each in order: runs beside each other enter rows as they come."""
    stretch: list[float] = []
    for moment in moments:
        if stretch and moment < stretch[-1] - TOLERANCE:
            yield sorted(stretch)
            stretch = []
        stretch.append(moment)
    yield sorted(stretch)


def _moments(conn: Connection, since: str, host: str | None) -> dict[str, array[float]]:
    """Host -> when it was asked (seconds since 1970), in the order of the captures."""
    query = (
        select(captures.c.url, captures.c.fetched_at)
        .join(runs, runs.c.id == captures.c.run_id)
        .where(runs.c.command.in_(_COMMANDS), or_(runs.c.ended_at.is_(None), runs.c.ended_at >= since))
        .where(captures.c.fetched_at >= since)
        .order_by(captures.c.id)
    )
    found: dict[str, array[float]] = {}
    known: dict[str, str] = {}
    for url, at in conn.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in known:
            known[origin] = _host(origin)
        if host is None or known[origin] == host:
            found.setdefault(known[origin], array("d")).append(parse(at).timestamp())
    return found


def _host(origin: str) -> str:
    try:
        return host_key(f"{origin}/")
    except InvalidURL:  # of a redirect that no canonical form was made of
        return origin


def _promises(conn: Connection, host: str | None) -> dict[str, Promise]:
    query = select(hosts) if host is None else select(hosts).where(hosts.c.host == host)
    return {
        row.host: Promise(
            crawl_delay=_number(row.crawl_delay),
            promised=_number(row.delay),
            since=row.delay_since,
            next_turn_at=row.next_turn_at,
            blocked_until=row.blocked_until,
        )
        for row in conn.execute(query)
    }


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _blocks(conn: Connection, since: str, host: str | None) -> dict[str, list[Block]]:
    query = select(host_blocks).where(host_blocks.c.until >= since).order_by(host_blocks.c.since)
    found: dict[str, list[Block]] = {}
    for row in conn.execute(query if host is None else query.where(host_blocks.c.host == host)):
        found.setdefault(row.host, []).append(Block(row.since, row.until, row.reason))
    return found


def origins_of(conn: Connection, names: Iterable[str]) -> dict[str, list[str]]:
    """Host -> its origins whose robots.txt is known."""
    wanted = set(names)
    found: dict[str, list[str]] = {}
    for origin in conn.execute(select(robots_table.c.origin).order_by(robots_table.c.origin)).scalars():
        if (name := _host(origin)) in wanted:
            found.setdefault(name, []).append(origin)
    return found
