"""What revisits saved in an archive, and what they could not."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from storage.database.schema import captures

NOT_MODIFIED_STATUS = 304


@dataclass(frozen=True, slots=True)
class Savings:
    """Counts of captures; bytes are those of their compressed records."""

    captures: int
    identical: int  # revisits: the payload was there already
    identical_saved: int  # bytes by which they are shorter than the records that they refer to
    not_modified: int  # revisits made by a 304: the server sent no payload
    rewritten: int  # responses whose decoded body was there already, in other bytes: no revisit can say that
    rewritten_bytes: int  # their least length


def savings(conn: Connection) -> Savings:
    """The account of a whole collection; reads the row of every capture."""
    total = conn.execute(select(func.count()).select_from(captures)).scalar_one()
    return Savings(total, *_revisits(conn), *_rewritten(conn))


def _revisits(conn: Connection) -> tuple[int, int, int]:
    """Identical ones, bytes saved, and those not modified."""
    original = captures.alias()
    by_server = func.coalesce(captures.c.http_status, 0) == NOT_MODIFIED_STATUS
    shorter = original.c.warc_length - captures.c.warc_length
    query = (
        select(
            func.count() - func.count(case((by_server, 1))),
            func.coalesce(func.sum(case((by_server, 0), else_=shorter)), 0),
            func.count(case((by_server, 1))),
        )
        .select_from(captures.outerjoin(original, original.c.warc_record_id == captures.c.revisit_of))
        .where(captures.c.record_type == "revisit")
    )
    identical, saved, not_modified = conn.execute(query).one()
    return int(identical), int(saved), int(not_modified)


def _rewritten(conn: Connection) -> tuple[int, int]:
    """Of each decoded body, how many forms there are beyond the first, and how long these are (the longest not counted)."""
    forms = (
        select(captures.c.body_sha256, func.min(captures.c.warc_length).label("length"))
        .where(
            captures.c.record_type == "response",
            captures.c.body_sha256.is_not(None),
            captures.c.payload_digest.is_not(None),
        )
        .group_by(captures.c.body_sha256, captures.c.payload_digest)
        .subquery()
    )
    bodies = (
        select(
            (func.count() - 1).label("more"), (func.sum(forms.c.length) - func.max(forms.c.length)).label("length")
        )
        .group_by(forms.c.body_sha256)
        .having(func.count() > 1)
        .subquery()
    )
    sums = select(func.coalesce(func.sum(bodies.c.more), 0), func.coalesce(func.sum(bodies.c.length), 0))
    more, length = conn.execute(sums).one()
    return int(more), int(length)
