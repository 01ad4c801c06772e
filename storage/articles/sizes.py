"""The size of each version's edit: `versions.words_added` and `words_removed`, against the version before."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select, update

from storage.articles.edits import Size, size
from storage.database.schema import extractions, versions

_WORDING = (
    select(extractions.c.title, extractions.c.text)
    .join(versions, versions.c.extraction_id == extractions.c.id)
    .where(versions.c.id == bindparam("version_id"))
)


Wording = tuple[str, str]  # title, "" for none, and text


def size_of(before: Wording, after: Wording) -> Size:
    """How much an edit changed, in title and text together."""
    return size(before[0], after[0]) + size(before[1], after[1])


def measure(conn: Connection, article_id: int, first: int = 1, last: int | None = None) -> None:
    """Enter the sizes of an article's versions, of all or of those with these numbers; the first version has none."""
    before: Wording | None = None
    for version_id, number in _versions(conn, article_id, first, last):
        title, text = conn.execute(_WORDING, {"version_id": version_id}).one()
        after = (title or "", text)
        if number >= first:
            _enter(conn, version_id, size_of(before, after) if before else None)
        before = after


def _versions(conn: Connection, article_id: int, first: int, last: int | None) -> list[tuple[int, int]]:
    """Id and number of versions, behind those of the one before the first of them. A recovery may have taken numbers out."""
    of_article = versions.c.article_id == article_id
    earlier = select(func.max(versions.c.number)).where(of_article, versions.c.number < first).scalar_subquery()
    query = select(versions.c.id, versions.c.number).where(of_article, versions.c.number >= func.coalesce(earlier, first))
    if last is not None:
        query = query.where(versions.c.number <= last)
    return [(row.id, row.number) for row in conn.execute(query.order_by(versions.c.number))]


def _enter(conn: Connection, version_id: int, edit: Size | None) -> None:
    values = {"words_added": edit.added if edit else None, "words_removed": edit.removed if edit else None}
    conn.execute(update(versions).where(versions.c.id == version_id).values(**values))
