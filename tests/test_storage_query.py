"""What commands ask of the database."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, insert, select, update

from storage.database import schema
from storage.database.engine import reading, transaction
from storage.query import known as query
from storage.query.known import SourceStatus
from tests.databases import T0, a_capture, a_run, a_source, a_url, a_version, an_article, an_outcome

A = "https://gazette.test/a"
HOUR_LATER = "2026-03-01T13:00:00.000Z"
DAY_LATER = "2026-03-02T12:00:00.000Z"


@pytest.mark.parametrize(
    "asked",
    [
        A,
        "http://gazette.test/a",
        "https://GAZETTE.test/a?utm_source=x#top",
        "https://gazette.test/alias",
        "https://gazette.test/twin",
    ],
)
def test_an_article_is_found_by_all_its_urls(database: Engine, asked: str) -> None:
    """Its own URL in any spelling, an alias, and a duplicate lead to the same row."""
    with transaction(database) as conn:
        uid = an_article(conn, A, authors=["Ada Roe"])
        article_id = conn.execute(select(schema.articles.c.id)).scalar_one()
        conn.execute(insert(schema.aliases).values(key=query.key("https://gazette.test/alias"), article_id=article_id))
        a_url(conn, "https://gazette.test/twin", state="duplicate", article_id=article_id)
    with reading(database) as conn:
        found = query.article_by(conn, asked)
    assert found is not None
    assert (found["uid"], found["authors"], found["tags"]) == (uid, ["Ada Roe"], [])


def test_an_article_is_found_by_its_uid(database: Engine) -> None:
    """The uid alone is enough; the whole row comes back."""
    with transaction(database) as conn:
        uid = an_article(conn, A)
        found = query.article_by(conn, uid)
    assert found is not None
    assert found["url"] == A


@pytest.mark.parametrize(
    "asked", ["https://gazette.test/other", "mfzxi2lmnfsw4ytp", "", "gazette", "ftp://gazette.test/a", "http://["]
)
def test_what_is_not_there_is_none(database: Engine, asked: str) -> None:
    """Unknown URLs, unknown uids and rubbish are all nothing."""
    with transaction(database) as conn:
        an_article(conn, A)
        assert query.article_by(conn, asked) is None
        assert query.url_row(conn, asked) is None
        assert query.captures_of(conn, asked) == []


def test_versions_come_oldest_first(database: Engine) -> None:
    """Each with its own fields and lists."""
    with transaction(database) as conn:
        uid = an_article(conn, A, title="Old")
        a_version(conn, uid, at=DAY_LATER, title="New", tags=["t"])
        found = query.versions_of(conn, uid)
    assert [(row["version"], row["title"], row["tags"], row["observed_at"]) for row in found] == [
        (1, "Old", [], T0),
        (2, "New", ["t"], DAY_LATER),
    ]


def test_captures_of_a_url_come_newest_first_with_their_redirects(database: Engine) -> None:
    """What was fetched for the row of a URL belongs to it, as does what went to that URL itself."""
    with transaction(database) as conn:
        row = a_url(conn, "https://gazette.test/short")
        a_capture(conn, "https://gazette.test/short", url_id=row, at=T0, http_status=301)
        a_capture(conn, A, url_id=row, at=HOUR_LATER)
        a_capture(conn, A, at=DAY_LATER)
        a_capture(conn, "https://gazette.test/other", at=DAY_LATER)
        from_row = query.captures_of(conn, "https://gazette.test/short")
        from_target = query.captures_of(conn, A)
    assert [(capture["url"], capture["http_status"]) for capture in from_row] == [
        (A, 200),
        ("https://gazette.test/short", 301),
    ]
    assert [capture["fetched_at"] for capture in from_target] == [DAY_LATER, HOUR_LATER]


def test_a_url_tells_all_that_is_known_of_it(database: Engine) -> None:
    """The row of v_urls and what the frontier knows beside it."""
    with transaction(database) as conn:
        uid = an_article(conn, A)
        conn.execute(update(schema.urls).values(lease_run="run-1", last_fetch_at=T0))
        found = query.url_row(conn, A)
    assert found is not None
    assert (found["state"], found["source"], found["kind"], found["uid"]) == ("stored", "gazette", "article", uid)
    assert (found["leased"], found["last_fetch_at"], found["attempts"]) == (True, T0, 0)


def test_status_of_a_source_that_works(database: Engine) -> None:
    """URLs by state, articles, the last success and the last run."""
    with transaction(database) as conn:
        an_article(conn, A, at=T0)
        a_url(conn, "https://gazette.test/b")
        a_url(conn, "https://gazette.test/feed", state="seed", kind="feed")
        an_outcome(conn, "https://gazette.test/feed", "polled", run_id="run-1", at=T0, kind="feed")
        a_run(conn, "run-2", started_at=DAY_LATER)
        an_outcome(conn, "https://gazette.test/feed", "polled", run_id="run-2", at=DAY_LATER, kind="feed")
        (found,) = query.status(conn)
    assert found == SourceStatus(
        source="gazette",
        url="https://gazette.test/",
        urls={"stored": 1, "pending": 1, "seed": 1},
        articles=1,
        last_success=DAY_LATER,
        last_run="run-2",
        last_run_at=DAY_LATER,
        failures={},
    )


def test_status_of_a_source_that_fails(database: Engine) -> None:
    """The last success stays where it was; reasons are counted, of articles and of seeds."""
    with transaction(database) as conn:
        feed = "https://gazette.test/feed"
        a_url(conn, feed, state="seed", kind="feed", attempts=3, reason="timeout")
        an_outcome(conn, feed, "polled", at=T0, kind="feed")
        a_run(conn, "run-2", started_at=DAY_LATER)
        an_outcome(conn, feed, "failed", run_id="run-2", at=DAY_LATER, kind="feed", reason="timeout")
        for number, reason in enumerate(["timeout", "tls", "tls", None]):
            a_url(conn, f"{A}{number}", state="failed", reason=reason)
        (found,) = query.status(conn)
    assert (found.last_success, found.last_run) == (T0, "run-2")
    assert found.failures == {"timeout": 2, "tls": 2, "unknown": 1}


def test_sources_do_not_mix(database: Engine) -> None:
    """Each source has its own counts; one without rows has empty ones."""
    with transaction(database) as conn:
        an_article(conn, "https://tribune.test/a", source="tribune", at=DAY_LATER)
        an_article(conn, A, at=T0)
        a_source(conn, "new")
        found = {source.source: source for source in query.status(conn)}
    assert list(found) == ["gazette", "new", "tribune"]
    assert (found["gazette"].last_success, found["tribune"].last_success) == (T0, DAY_LATER)
    assert found["new"] == SourceStatus("new", "https://new.test/")


def test_the_states_of_the_collection_add_up(database: Engine) -> None:
    """Every URL known is counted once."""
    with transaction(database) as conn:
        for number, state in enumerate(["pending", "pending", "gone"]):
            a_url(conn, f"{A}{number}", state=state)
        assert query.states(conn) == {"pending": 2, "gone": 1}


def test_runs_come_newest_first(database: Engine) -> None:
    """As many as asked for, with their counts."""
    with transaction(database) as conn:
        for number in range(1, 5):
            a_run(conn, f"run-{number}", started_at=f"2026-03-0{number}T12:00:00.000Z")
        an_outcome(conn, A, "added", run_id="run-4")
        found = query.runs_of(conn, 2)
    assert [(run["run_id"], run["added"], run["considered"]) for run in found] == [("run-4", 1, 1), ("run-3", 0, 0)]


def test_requisites_are_counted_apart(database: Engine) -> None:
    """Those kept, waiting and failed are told beside the URLs by state; their failures are no trouble of the source."""
    with transaction(database) as conn:
        a_url(conn, A, state="failed", reason="tls")
        for number, state in enumerate(("kept", "kept", "pending", "failed")):
            a_url(conn, f"https://cdn.test/{number}.jpg", state=state, kind="requisite", priority=4, reason="dns")
        (found,) = query.status(conn)
        assert query.states(conn) == {"kept": 2, "pending": 1, "failed": 2}
    assert found.urls == {"kept": 2, "pending": 1, "failed": 2}
    assert found.requisites == {"kept": 2, "pending": 1, "failed": 1}
    assert found.failures == {"tls": 1}
