"""What is remembered of hosts: blocks they asked for, delays their robots.txt asks, and whose turn it is to ask them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from storage.dialects import insert_ignore
from storage.schema import hosts
from storage.times import later

_LONGEST_QUEUE = 600.0  # s; nobody takes a turn that is further away


def blocked(conn: Connection, now: str) -> dict[str, str]:
    """Host -> the moment until which it asked to be left alone, of those that is still to come."""
    return dict(conn.execute(select(hosts.c.host, hosts.c.blocked_until).where(hosts.c.blocked_until > now)).all())


def block(conn: Connection, host: str, until: str) -> None:
    """Remember that a host wants to be left alone until then."""
    _note(conn, host, "blocked_until", until)


def ask_delay(conn: Connection, host: str, seconds: float) -> None:
    """Remember the Crawl-delay of a host."""
    _note(conn, host, "crawl_delay", str(seconds))


@dataclass(frozen=True, slots=True)
class Turn:
    """When a host may be asked, or until when it asked to be left alone."""

    at: str
    blocked_until: str | None = None


def take_turn(conn: Connection, host: str, delay: float, earliest: str) -> Turn:
    """The next free moment to ask a host, not before `earliest`; the one after it is `delay` seconds later.

    Runs beside each other so keep its delay between them. A turn that nobody uses has passed: nothing is to be given back.
    """
    conn.execute(insert_ignore(conn, hosts, ["host"]), [{"host": host}])
    row = conn.execute(select(hosts).where(hosts.c.host == host)).one()
    if (row.blocked_until or "") > earliest:
        return Turn(row.blocked_until, row.blocked_until)
    at = max(earliest, row.next_turn_at or "")
    if at > later(earliest, _LONGEST_QUEUE):  # the clock was set back
        at = earliest
    following = later(at, max(delay, float(row.crawl_delay or 0)))
    conn.execute(update(hosts).where(hosts.c.host == host).values(next_turn_at=following))
    return Turn(at)


def _note(conn: Connection, host: str, column: str, value: str) -> None:
    conn.execute(insert_ignore(conn, hosts, ["host"]), [{"host": host}])
    conn.execute(update(hosts).where(hosts.c.host == host).values({column: value}))
