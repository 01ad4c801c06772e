"""What the archive has of each origin's /.well-known/tdmrep.json: its captures are all that is remembered of it."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, or_, select

from storage.database.schema import captures
from storage.warc.reservations import TDMREP_PATH

_NEWEST = (
    select(captures.c.signals, captures.c.revisit_of)
    .where(
        captures.c.url == bindparam("of_url"),
        captures.c.fetched_at <= bindparam("until"),
        captures.c.http_status < 500,
        captures.c.withdrawn_at.is_(None),
    )
    .order_by(captures.c.fetched_at.desc(), captures.c.warc_record_id.desc())
    .limit(1)
)
_SIGNALS = select(captures.c.signals).where(captures.c.warc_record_id == bindparam("record_id"))
_CAPTURES = select(captures.c.id).where(captures.c.url == bindparam("of_url")).limit(1)


def tdmrep_at(conn: Connection, url: str, moment: str) -> str | None:
    """What the file that holds for a URL at a moment says, as its capture's row has it; None where none is known."""
    row = conn.execute(_NEWEST, {"of_url": f"{_origin(url)}{TDMREP_PATH}", "until": moment}).one_or_none()
    if row is None:
        return None
    said: str | None = row.signals
    if row.revisit_of is not None:
        said = conn.execute(_SIGNALS, {"record_id": row.revisit_of}).scalar_one_or_none() or said
    return said


def is_wanted(conn: Connection, origin: str, run_id: str, since: str) -> bool:
    """Whether the file of an origin is to be asked for: an earlier run knew the origin, and none has asked since a moment."""
    robots = _CAPTURES.where(captures.c.run_id != bindparam("own_run"))
    if conn.execute(robots, {"of_url": f"{origin}/robots.txt", "own_run": run_id}).first() is None:
        return False
    asked = _CAPTURES.where(or_(captures.c.fetched_at >= bindparam("since"), captures.c.run_id == bindparam("own_run")))
    return conn.execute(asked, {"of_url": f"{origin}{TDMREP_PATH}", "since": since, "own_run": run_id}).first() is None


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
