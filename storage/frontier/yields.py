"""What became of the newest URLs of a source: whether links to more of them are worth following."""

from __future__ import annotations

from sqlalchemy import Connection, select

from storage.database.schema import urls
from storage.records import Kind, State

MOST = 600  # URLs of each state

_JUDGED = (State.STORED, State.GONE, State.DUPLICATE, State.REJECTED)


def newest(conn: Connection, source_id: int) -> list[tuple[str, str, str | None]]:
    """URL, state and reason of the article URLs of a source that were judged, back to a moment to which all states are known.

    Of each state at most MOST are looked at: one that has more of them tells how far back that is.
    """
    found: list[tuple[int, str, str, str | None]] = []
    since = 0
    for state in _JUDGED:
        rows = conn.execute(
            select(urls.c.id, urls.c.url, urls.c.state, urls.c.reason)
            .where(urls.c.source_id == source_id, urls.c.state == str(state), urls.c.kind == str(Kind.ARTICLE))
            .order_by(urls.c.id.desc())
            .limit(MOST)
        ).all()
        found += [(row.id, row.url, row.state, row.reason) for row in rows]
        since = max(since, rows[-1].id if len(rows) == MOST else 0)
    return [(url, state, reason) for url_id, url, state, reason in found if url_id >= since]
