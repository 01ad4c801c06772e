"""What `why`, `plan`, `retry` and `doctor` ask of a database, on each kind of it."""

from __future__ import annotations

from sqlalchemy import Engine, select, update

from storage.database import schema
from storage.database.engine import reading, transaction
from storage.query import due, health, history
from storage.query.due import Again
from storage.records import State
from storage.times import later
from storage.urlkey import key
from tests.databases import T0, a_capture, a_run, a_url, an_article, an_outcome

SITE = "https://gazette.test"


def test_the_history_of_a_url_is_in_time_order_and_its_newest_part(database: Engine) -> None:
    """Outcomes and captures are told from the oldest to the newest; what is left out is counted."""
    with transaction(database) as conn:
        uid = an_article(conn, f"{SITE}/story", at=T0)
        url_id = a_url(conn, f"{SITE}/story")
        for number in range(1, 6):
            a_capture(conn, f"{SITE}/story", at=later(T0, number), url_id=url_id)
            an_outcome(conn, f"{SITE}/story", "unchanged", at=later(T0, number), run_id=f"run-{number}")
    with reading(database) as conn:
        found = history.of(conn, key(f"{SITE}/story"), 3)
        assert [row["at"] for row in found.outcomes] == [later(T0, number) for number in (3, 4, 5)]
        assert [row["fetched_at"] for row in found.captures] == [later(T0, number) for number in (3, 4, 5)]
        assert found.older == 2 + 3
        assert (found.article or {})["uid"] == uid
        assert history.provenance(conn, uid, 1) == {}
        assert history.of(conn, "gazette.test/unknown", 3) == history.History(None, None, None)


def test_known_urls_nearby_are_of_the_same_host(database: Engine) -> None:
    """Those next to it in the order of keys, three on either side."""
    with transaction(database) as conn:
        for path in ("/a", "/story-1", "/story-2", "/story-4", "/story-5", "/z"):
            a_url(conn, SITE + path)
        a_url(conn, "https://other.test/story-3")
    with reading(database) as conn:
        near = [row["url"] for row in history.near(conn, key(f"{SITE}/story-3"), "gazette.test")]
    assert set(near) >= {f"{SITE}/story-2", f"{SITE}/story-4"}
    assert "https://other.test/story-3" not in near
    assert len(near) <= 6


def test_what_is_due_comes_in_the_order_of_claims(database: Engine) -> None:
    """Of the sources asked for and the spider that runs; leases count when nobody can have them."""
    now = later(T0, 100)
    with transaction(database) as conn:
        a_url(conn, f"{SITE}/2", next_fetch_at=later(T0, 2))
        a_url(conn, f"{SITE}/1", next_fetch_at=later(T0, 1))
        a_url(conn, f"{SITE}/feed", kind="feed", priority=0, next_fetch_at=later(T0, 9))
        a_url(conn, f"{SITE}/leased", next_fetch_at=later(T0, 3), lease_run="run-1")
        a_url(conn, f"{SITE}/to-come", next_fetch_at=later(now, 1))
        a_url(conn, f"{SITE}/of-another", next_fetch_at=T0, spider="own")
        a_url(conn, "https://post.test/1", source="post", next_fetch_at=T0)
    with reading(database) as conn:
        paths = [row["url"].removeprefix(SITE) for row in due.due(conn, now, ["gazette"], "news", leased=False)]
        assert paths == ["/feed", "/1", "/2"]
        assert len([*due.due(conn, now, ["gazette", "post"], "news", leased=True)]) == 5
        assert due.known_keys(conn, [key(f"{SITE}/1"), "gazette.test/9"]) == {key(f"{SITE}/1")}


def test_rows_become_due_again_by_state_and_reason(database: Engine) -> None:
    """A percent sign in a reason is a percent sign."""
    with transaction(database) as conn:
        a_url(conn, f"{SITE}/1", state="failed", reason="http-500", attempts=5)
        a_url(conn, f"{SITE}/2", state="rejected", reason="section")
        for reason, count in (("", 1), ("http-5", 1), ("http-4", 0), ("%", 0)):
            assert len(due.candidates(conn, Again([State.FAILED], reason=reason))) == count
        rows = due.candidates(conn, Again([State.FAILED, State.REJECTED]))
        assert due.make_due_again(conn, rows, T0) == 2
        assert conn.execute(select(schema.urls.c.state, schema.urls.c.attempts)).all() == [("pending", 0), ("pending", 0)]


def test_a_sound_database_is_found_sound(database: Engine) -> None:
    """Nothing is damaged, it can be written, and nothing of the probe stays."""
    with transaction(database) as conn:
        a_run(conn)
        a_capture(conn, f"{SITE}/1", pending=True)
        a_url(conn, f"{SITE}/2", lease_run="run-1")
        conn.execute(update(schema.warc_files).values(closed_at=T0, size=7))
    assert health.damage(database, 60) == ""
    assert health.log_bytes(database) >= 0
    health.probe_writing(database)
    with reading(database) as conn:
        assert health.leftovers(conn) == (1, 1)
        assert health.newest_run(conn) == (T0, None)
        assert health.growth(conn, later(T0, 86_400), 30).size == 7
        assert conn.execute(select(schema.facts.c.name).where(schema.facts.c.name == "doctor")).all() == []
