"""What is remembered of hosts: blocks they asked for, delays their robots.txt asks, and when they may be asked next.

Functions take a connection inside a transaction; `now` is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, case, func, select, update

from storage.database.dialects import insert_ignore
from storage.database.schema import facts, host_blocks, hosts
from storage.frontier.turns import LATELY
from storage.times import later, parse

_LONGEST_QUEUE = 600.0  # s; nobody takes a turn that is further behind the next free one
_KILLED = "killed"  # the fact that a run was found killed: when

# Statements that every exchange runs are made once: to make one costs more than to run it.
_NEXT = case((hosts.c.next_turn_at > bindparam("turn"), hosts.c.next_turn_at), else_=bindparam("turn"))
_SINCE = case((hosts.c.delay == bindparam("promise"), hosts.c.delay_since), else_=bindparam("moment"))
_LATER = update(hosts).where(hosts.c.host == bindparam("of")).values(next_turn_at=_NEXT)
_ASKED = (
    update(hosts)
    .where(hosts.c.host == bindparam("of"))
    .values(next_turn_at=_NEXT, delay_since=_SINCE, delay=bindparam("promise"))
)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run has to know of hosts before it asks the first one.

    `blocked`: host -> until when; `turns`: host -> when it may be asked next; `crawl_delays`: host -> seconds, as its
    robots.txt asks; `last_blocks`: host -> seconds of its last block, of those that have not answered well since.
    `pleaded`: hosts that asked to be left alone within the last day.
    `killed_at`: when a run was last found killed, which may have asked anybody just before.
    """

    blocked: Mapping[str, str] = field(default_factory=dict)
    turns: Mapping[str, str] = field(default_factory=dict)
    crawl_delays: Mapping[str, float] = field(default_factory=dict)
    last_blocks: Mapping[str, float] = field(default_factory=dict)
    killed_at: str | None = None
    pleaded: frozenset[str] = frozenset()


def remembered(conn: Connection, now: str) -> Memory:
    """What earlier runs have left."""
    delays = conn.execute(select(hosts.c.host, hosts.c.crawl_delay).where(hosts.c.crawl_delay.is_not(None)))
    turns = conn.execute(select(hosts.c.host, hosts.c.next_turn_at).where(hosts.c.next_turn_at > now))
    return Memory(
        blocked=blocked(conn, now),
        turns=dict(turns.all()),
        crawl_delays={host: float(seconds) for host, seconds in delays},
        last_blocks=_last_blocks(conn),
        pleaded=frozenset(blocked(conn, later(now, -LATELY))),
        killed_at=conn.execute(select(facts.c.value).where(facts.c.name == _KILLED)).scalar_one_or_none(),
    )


def blocked(conn: Connection, now: str) -> dict[str, str]:
    """Host -> the moment until which it asked to be left alone, of those that come after `now`."""
    return dict(conn.execute(select(hosts.c.host, hosts.c.blocked_until).where(hosts.c.blocked_until > now)).all())


def _last_blocks(conn: Connection) -> dict[str, float]:
    newest = (
        select(func.max(host_blocks.c.id))
        .join(hosts, hosts.c.host == host_blocks.c.host)
        .where(hosts.c.block_reason.is_not(None))
        .group_by(host_blocks.c.host)
    )
    rows = conn.execute(select(host_blocks).where(host_blocks.c.id.in_(newest)))
    return {row.host: (parse(row.until) - parse(row.since)).total_seconds() for row in rows}


def block(conn: Connection, host: str, since: str, until: str, reason: str) -> None:
    """Remember that a host wants to be left alone until then. A block that lasts longer stays."""
    _enter(conn, host)
    ends = case((hosts.c.blocked_until > until, hosts.c.blocked_until), else_=until)
    conn.execute(update(hosts).where(hosts.c.host == host).values(blocked_until=ends, block_reason=reason))
    conn.execute(host_blocks.insert().values(host=host, since=since, until=until, reason=reason))


def ask_delay(conn: Connection, host: str, seconds: float | None, turn: str = "") -> None:
    """Remember the Crawl-delay of a host, and its next turn with it; None: it asks for none."""
    _enter(conn, host)
    value = None if seconds is None else str(seconds)
    conn.execute(update(hosts).where(hosts.c.host == host).values(crawl_delay=value))
    if turn:
        conn.execute(_LATER, {"of": host, "turn": turn})


def answered_well(conn: Connection, host: str) -> None:
    """A host that was blocked has given an ordinary answer since."""
    conn.execute(update(hosts).where(hosts.c.host == host).values(block_reason=None))


def asked(conn: Connection, host: str, at: str, promise: float) -> None:
    """Remember that a request was sent to a host, with so many seconds promised until the next one: also the next run's."""
    row = {"of": host, "turn": later(at, promise), "promise": str(promise), "moment": at}
    if not conn.execute(_ASKED, row).rowcount:
        _enter(conn, host)
        conn.execute(_ASKED, row)


def killed(conn: Connection, now: str) -> None:
    """A run was found killed. What it had in hand has no row: each host counts as asked at this moment."""
    conn.execute(facts.delete().where(facts.c.name == _KILLED))
    conn.execute(facts.insert().values(name=_KILLED, value=now))


@dataclass(frozen=True, slots=True)
class Turn:
    """When a host may be asked, or until when it is not to be asked at all."""

    at: str
    blocked_until: str | None = None


def take_turn(conn: Connection, host: str, delay: float, earliest: str, patience: float) -> Turn:
    """The next free moment to ask a host, not before `earliest`; the one after it is `delay` seconds later.

    Runs beside each other so keep its delay between them. A turn that nobody uses has passed: nothing is to be given back.
    One that is more than `patience` seconds away is not taken.
    """
    _enter(conn, host)
    row = conn.execute(select(hosts).where(hosts.c.host == host)).one()
    if (row.blocked_until or "") > earliest:
        return Turn(row.blocked_until, row.blocked_until)
    at = max(earliest, row.next_turn_at or "")
    if at > later(earliest, delay + _LONGEST_QUEUE):  # the clock was set back
        at = earliest
    if at > later(earliest, patience):
        return Turn(at, at)
    following = later(at, max(delay, float(row.crawl_delay or 0)))
    conn.execute(update(hosts).where(hosts.c.host == host).values(next_turn_at=following))
    return Turn(at)


def _enter(conn: Connection, host: str) -> None:
    conn.execute(insert_ignore(conn, hosts, ["host"]), [{"host": host}])
