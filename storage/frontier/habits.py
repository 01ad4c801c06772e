"""What sources remember of how their articles are edited. Functions take a connection inside a transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select, update

from storage.database.schema import sources


def edits_of(conn: Connection, source_ids: Collection[int]) -> dict[int, str | None]:
    """Source id -> what it remembers; in the order of ids, so that runs beside each other lock rows in one order."""
    if not source_ids:
        return {}
    query = select(sources.c.id, sources.c.edits).where(sources.c.id.in_(list(source_ids))).order_by(sources.c.id)
    return dict(conn.execute(query).all())


def keep_edits(conn: Connection, edits: Mapping[int, str]) -> None:
    """Enter what sources remember, in the order given."""
    for id_, said in edits.items():
        conn.execute(update(sources).where(sources.c.id == id_).values(edits=said))
