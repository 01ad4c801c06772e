"""A clock that was set back: what rows say of a time that is still to come, and how they come down to earth.

Rows that were written while a clock was ahead would wait for that time, for years perhaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, case, func, literal, or_, select, update

from storage.database.schema import facts, hosts, runs, urls
from storage.times import later, parse

TOLERANCE = 120.0  # seconds: clocks of machines that share a collection differ
LONGEST_BLOCK = 7 * 86_400.0  # seconds: no host is left alone for longer
_FACT = "clock"  # the newest moment to come that was dealt with: nobody wants to hear of it for years


@dataclass(frozen=True, slots=True)
class SetBack:
    """The clock is behind what the collection has seen; `str()` is a line for the operator."""

    behind: timedelta
    newest: str

    def __str__(self) -> str:
        seconds = self.behind.total_seconds()
        span = f"{seconds / 86_400:.0f} days" if seconds > 172_800 else f"{seconds / 3_600:.1f} hours"
        return (
            f"the clock is {span} behind the newest run ({self.newest}): check it; "
            "what waited for a time to come is due now"
        )


def settle(conn: Connection, now: str) -> SetBack | None:
    """Bring back what waits for a time that is not to be believed; None when the clock is ahead of all runs, or it was told."""
    newest = _newest(conn)
    if newest is None or newest <= later(now, TOLERANCE) or newest == _dealt_with(conn):
        return None
    _bring_back(conn, now)
    conn.execute(facts.delete().where(facts.c.name == _FACT))
    conn.execute(facts.insert().values(name=_FACT, value=newest))
    return SetBack(parse(newest) - parse(now), newest)


def _newest(conn: Connection) -> str | None:
    began, ended = conn.execute(select(func.max(runs.c.started_at), func.max(runs.c.ended_at))).one()
    return max(filter(None, (began, ended)), default=None)


def _dealt_with(conn: Connection) -> str | None:
    return conn.execute(select(facts.c.value).where(facts.c.name == _FACT)).scalar_one_or_none()


def _bring_back(conn: Connection, now: str) -> None:
    """What was fetched or found in the time to come is due now; what was planned before keeps its plan."""
    ahead = or_(urls.c.last_fetch_at > now, urls.c.last_fetch_at.is_(None))
    due = case((ahead & (urls.c.next_fetch_at > now), literal(now)), else_=urls.c.next_fetch_at)
    fetched = case((urls.c.last_fetch_at > now, literal(later(now, -1))), else_=urls.c.last_fetch_at)
    touched = or_(urls.c.last_fetch_at > now, urls.c.next_fetch_at > now)
    conn.execute(update(urls).where(touched).values(next_fetch_at=due, last_fetch_at=fetched))
    conn.execute(update(hosts).where(hosts.c.blocked_until > later(now, LONGEST_BLOCK)).values(blocked_until=None))
