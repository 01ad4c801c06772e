"""The size of each version's edit, as the database keeps it."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, select, text

from storage.articles.sizes import measure
from storage.database import schema
from storage.database.engine import transaction
from tests.databases import a_version, an_article

URL = "https://gazette.test/ferry"
TEXTS = ("The ferry sails.", "The ferry sails no more.", "The ferry sails.", "The old ferry sails.")


def sizes(conn: Connection) -> list[tuple[int, int | None, int | None]]:
    """Number, words added and removed of all versions."""
    return [tuple(row) for row in conn.execute(text("SELECT version, words_added, words_removed FROM v_versions ORDER BY 1"))]


def a_story(conn: Connection) -> int:
    """A story with a version for each text."""
    uid = an_article(conn, URL, text=TEXTS[0])
    for words in TEXTS[1:]:
        a_version(conn, uid, text=words)
    return conn.execute(select(schema.articles.c.id)).scalar_one()


def test_each_edit_is_measured_against_the_version_before(database: Engine) -> None:
    """The first version has no size; measured again they are the same, and title and text count together."""
    with transaction(database) as conn:
        article_id = a_story(conn)
        assert sizes(conn) == [(1, None, None), (2, 2, 0), (3, 0, 2), (4, 1, 0)]
        measure(conn, article_id)
        assert sizes(conn) == [(1, None, None), (2, 2, 0), (3, 0, 2), (4, 1, 0)]
        conn.execute(text("UPDATE extractions SET title = 'Another title' WHERE text LIKE '%old%'"))
        measure(conn, article_id, 4)
        assert sizes(conn)[-1] == (4, 2, 1)


def test_where_a_version_was_lost_the_next_one_is_measured_against_what_is_left(database: Engine) -> None:
    """Numbers may have gaps after a recovery; the first version that is left has no size."""
    with transaction(database) as conn:
        article_id = a_story(conn)
        conn.execute(delete(schema.versions).where(schema.versions.c.number == 3))
        measure(conn, article_id, 4)
        assert sizes(conn) == [(1, None, None), (2, 2, 0), (4, 1, 2)]
        conn.execute(delete(schema.versions).where(schema.versions.c.number == 1))
        measure(conn, article_id)
        assert sizes(conn) == [(2, None, None), (4, 1, 2)]
