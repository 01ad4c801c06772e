"""What was read of robots.txt, an origin a row, so that no run asks again for what is fresh."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, or_, select, update

from storage.database.dialects import insert_ignore
from storage.database.schema import robots
from storage.times import parse

MOST = 5_000  # rows that are given at once
SHORT = 16_384  # characters of a body that is given with many others

_OF = select(robots).where(robots.c.origin == bindparam("of"))
_SET = update(robots).where(robots.c.origin == bindparam("of"))


@dataclass(frozen=True, slots=True)
class Kept:
    """The robots.txt of an origin (scheme://host[:port]) as it was had at `fetched_at`; good until `expires_at`.

    `body` is its text as far as it is read, None where there is none (all is allowed), or where it could not be had: then
    `reason` says why, and all is closed. `planted`: source -> when the sitemaps that it names became seeds of that source.
    """

    origin: str
    fetched_at: str
    expires_at: str
    http_status: int | None = None
    reason: str | None = None
    body: str | None = None
    planted: Mapping[str, str] = field(default_factory=dict)

    def is_fresh(self, now: str) -> bool:
        """Whether it holds at this moment; not while the clock is behind the one that it was fetched by."""
        return self.fetched_at <= now < self.expires_at

    @property
    def seconds(self) -> float:
        """How long it is good."""
        return (parse(self.expires_at) - parse(self.fetched_at)).total_seconds()


def fresh(conn: Connection, now: str) -> dict[str, Kept]:
    """Origin -> what is fresh, of at most MOST origins, without long ones."""
    is_short = or_(robots.c.body.is_(None), func.length(robots.c.body) <= SHORT)
    query = select(robots).where(robots.c.expires_at > now, robots.c.fetched_at <= now, is_short)
    rows = conn.execute(query.order_by(robots.c.expires_at.desc()).limit(MOST)).mappings()
    return {row["origin"]: _kept(row) for row in rows}


def of_origin(conn: Connection, origin: str) -> Kept | None:
    """What was had last, fresh or not."""
    row = conn.execute(_OF, {"of": origin}).mappings().one_or_none()
    return None if row is None else _kept(row)


def keep(conn: Connection, kept: Kept) -> None:
    """Enter what was had, in place of what was."""
    conn.execute(insert_ignore(conn, robots, ["origin"]), [{"origin": kept.origin, **_columns(kept)}])
    conn.execute(_SET, {"of": kept.origin, **_columns(kept)})


def plant(conn: Connection, origin: str, source: str, now: str) -> None:
    """Note that the sitemaps of a robots.txt have become seeds of a source."""
    row = conn.execute(_OF, {"of": origin}).mappings().one_or_none()
    if row is not None:
        planted = {**_planted(row["planted"]), source: now}
        conn.execute(_SET, {"of": origin, "planted": json.dumps(planted, sort_keys=True)})


def _columns(kept: Kept) -> dict[str, Any]:
    return {
        "fetched_at": kept.fetched_at,
        "expires_at": kept.expires_at,
        "http_status": kept.http_status,
        "reason": kept.reason,
        "body": kept.body,
        "planted": json.dumps(dict(kept.planted), sort_keys=True),
    }


def _kept(row: RowMapping) -> Kept:
    return Kept(
        origin=row["origin"],
        fetched_at=row["fetched_at"],
        expires_at=row["expires_at"],
        http_status=row["http_status"],
        reason=row["reason"],
        body=row["body"],
        planted=_planted(row["planted"]),
    )


def _planted(text: str | None) -> dict[str, str]:
    return dict(json.loads(text)) if text else {}
