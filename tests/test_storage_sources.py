"""What is remembered of sources, and what a run met at them."""

from __future__ import annotations

from sqlalchemy import Engine

from crawler.monitoring import alarms
from crawler.monitoring.silence import begun
from crawler.monitoring.troubles import History, Trouble
from crawler.schedule.week import DAY
from storage.database.engine import Connection, transaction
from storage.frontier import sources
from storage.frontier.sources import NewArticle, Remembered, SeedPoll
from storage.query import status
from storage.query.status import LastPoll
from storage.times import later, parse
from tests.databases import T0, a_capture, a_source, a_url, an_article, an_outcome

FEED, HOME = "https://gazette.test/feed", "https://gazette.test/"
BEFORE = "2026-01-01T00:00:00.000Z"
WEEK_LATER = later(T0, 7 * DAY)


def a_seed(conn: Connection, url: str, verdict: str, reason: str | None = None, attempts: int = 0) -> int:
    """A seed that the run asked for."""
    url_id = a_url(conn, url, state="seed", kind="feed", reason=reason, attempts=attempts, last_fetch_at=T0)
    an_outcome(conn, url, verdict, kind="feed", reason=reason)
    return url_id


def test_polls_tell_what_came_of_each_seed(database: Engine) -> None:
    """Of the sources that the run asked; articles are no seeds."""
    with transaction(database) as conn:
        source = a_source(conn)
        a_seed(conn, FEED, "failed", "dns", attempts=2)
        a_seed(conn, HOME, "polled")
        an_outcome(conn, "https://gazette.test/a", "added")
        a_source(conn, "other")
        polls = sources.polls(conn, "run-1")
    assert {key: sorted(found, key=str) for key, found in polls.items()} == {
        source: [SeedPoll("dns", 2), SeedPoll(None, 0)]
    }


def test_new_articles_are_those_after_the_newest_that_is_remembered(database: Engine) -> None:
    """With the moment that they announce, where that is more than a day."""
    with transaction(database) as conn:
        source = a_source(conn)
        an_article(conn, "https://gazette.test/old", at=T0)
        sources.remember(conn, [Remembered(source, "gazette", "{}", T0)])
        told = {"published_at": "2026-03-08T11:00:00Z", "published_precision": "second"}
        an_article(conn, "https://gazette.test/new", at=WEEK_LATER, **told)
        an_article(conn, "https://gazette.test/day", at=WEEK_LATER, published_at="2026-03-08", published_precision="day")
        found = sources.new_articles(conn, [source], BEFORE)[source]
    assert sorted(found, key=str) == [NewArticle(WEEK_LATER, "2026-03-08T11:00:00Z"), NewArticle(WEEK_LATER, None)]


def test_sources_wait_while_a_page_is_due(database: Engine) -> None:
    """A page planned for later, and a requisite, are nothing to wait for."""
    with transaction(database) as conn:
        ids = [a_source(conn, name) for name in ("gazette", "tribune")]
        a_url(conn, "https://gazette.test/a", next_fetch_at=T0)
        a_url(conn, "https://tribune.test/a", source="tribune", next_fetch_at=WEEK_LATER)
        a_url(conn, "https://tribune.test/a.png", source="tribune", kind="requisite", next_fetch_at=T0)
        assert sources.waiting(conn, ids, T0) == {ids[0]}


def test_a_run_tells_of_a_silent_source_once(database: Engine) -> None:
    """And clears it when an article comes."""
    last = parse(T0).timestamp()
    history = History(worked=True, pulse=begun([last - hour * 3600 for hour in range(300)]))
    with transaction(database) as conn:
        source = a_source(conn)
        sources.remember(conn, [Remembered(source, "gazette", history.to_json(), T0)])
        a_seed(conn, FEED, "polled")
        first = alarms.sound(conn, "run-1", ["gazette"], 5, WEEK_LATER)
        again = alarms.sound(conn, "run-1", ["gazette"], 5, later(WEEK_LATER, 60))
        (told,) = sources.troubled(conn, ["gazette"])
        an_article(conn, "https://gazette.test/a", at=later(WEEK_LATER, 3600))
        alarms.sound(conn, "run-1", ["gazette"], 5, later(WEEK_LATER, 3700))
        cleared = sources.troubled(conn, ["gazette"])
    (concern,) = first.new
    assert (concern.source, concern.trouble, concern.since) == ("gazette", Trouble.SILENT, T0)
    assert (again.new, again.known) == ((), 1)
    assert (told.trouble, told.trouble_since, told.told_at) == ("silent", T0, WEEK_LATER)
    assert cleared == []


def test_a_network_that_is_away_blames_no_source(database: Engine) -> None:
    """Twelve sources do not answer: one count is told, once; what is remembered of them stays as it was."""
    history = History(worked=True, pulse=begun([parse(T0).timestamp() - hour * 3600 for hour in range(300)])).to_json()
    names = [f"source-{n}" for n in range(12)]
    with transaction(database) as conn:
        ids = [a_source(conn, name) for name in names]
        sources.remember(conn, [Remembered(one, name, history, T0) for one, name in zip(ids, names, strict=True)])
        for name in names:
            url = f"https://{name}.test/feed"
            a_url(conn, url, source=name, state="seed", kind="feed", reason="dns", attempts=1, last_fetch_at=T0)
            an_outcome(conn, url, "failed", kind="feed", reason="dns")
        found = alarms.sound(conn, "run-1", names, 5, WEEK_LATER)
        kept = {row.history for row in sources.remembered(conn, ids)}
        troubled = sources.troubled(conn, names)
    assert (found.unanswered, found.asked, found.new, found.needs_a_person) == (12, 12, (), True)
    assert (kept, troubled) == ({history}, [])


def test_status_counts_what_came_lately(database: Engine) -> None:
    """By when it was first seen: an old article that was fetched again is not new."""
    with transaction(database) as conn:
        an_article(conn, "https://gazette.test/a", at=later(WEEK_LATER, -3600))
        an_article(conn, "https://gazette.test/b", at=later(WEEK_LATER, -3 * DAY))
        an_article(conn, "https://gazette.test/c", at=later(T0, -DAY))
        conn.exec_driver_sql("UPDATE articles SET last_seen_at = '2026-03-08T11:59:00.000Z'")
        a_source(conn, "quiet")
        found = status.lately(conn, WEEK_LATER)
    assert (found["gazette"].day, found["gazette"].week) == (1, 2)
    assert (found["quiet"].day, found["quiet"].week) == (0, 0)


def test_status_tells_how_seeds_stand(database: Engine) -> None:
    """By the newest capture of each: a revisit or a 304 is the same page."""
    with transaction(database) as conn:
        source = a_source(conn)
        feed, home = a_seed(conn, FEED, "polled"), a_seed(conn, HOME, "polled")
        a_capture(conn, FEED, url_id=feed, at=T0)
        a_capture(conn, FEED, url_id=feed, at=WEEK_LATER, http_status=304)
        a_capture(conn, HOME, url_id=home, at=T0, revisit_of="urn:x")
        a_capture(conn, HOME, url_id=home, at=WEEK_LATER)
        a_url(conn, "https://gazette.test/tag/x", state="filtered", discovered_at=WEEK_LATER)
        polls = status.last_polls(conn, [source])[source]
        assert status.filtered_since(conn, source, T0) == 1
        assert status.filtered_since(conn, source, WEEK_LATER) == 0
    assert sorted(polls, key=str) == [LastPoll("feed", None, False), LastPoll("feed", None, True)]
