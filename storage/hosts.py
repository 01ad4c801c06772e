"""What is remembered of hosts between runs: blocks they asked for, delays their robots.txt asks."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from storage.dialects import insert_ignore
from storage.schema import hosts


def blocked(conn: Connection, now: str) -> dict[str, str]:
    """Host -> the moment until which it asked to be left alone, of those that is still to come."""
    return dict(conn.execute(select(hosts.c.host, hosts.c.blocked_until).where(hosts.c.blocked_until > now)).all())


def block(conn: Connection, host: str, until: str) -> None:
    """Remember that a host wants to be left alone until then."""
    _note(conn, host, "blocked_until", until)


def ask_delay(conn: Connection, host: str, seconds: float) -> None:
    """Remember the Crawl-delay of a host."""
    _note(conn, host, "crawl_delay", str(seconds))


def _note(conn: Connection, host: str, column: str, value: str) -> None:
    conn.execute(insert_ignore(conn, hosts, ["host"]), [{"host": host}])
    conn.execute(update(hosts).where(hosts.c.host == host).values({column: value}))
