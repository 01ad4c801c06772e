"""Stored articles of which no schedule knows: rebuilt, ingested or of before, they get the visit that they would have had."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from crawler.config.keys import loads
from crawler.run.takeup import take_up_young
from crawler.schedule.revisits import DAY, HOUR, Habits, Story, next_revisit, take_up
from crawler.sources.active import activate
from storage.articles.unscheduled import Unscheduled, unscheduled
from storage.database.engine import transaction
from storage.records import OLD, REVISITED
from storage.times import iso_of, later, parse
from tests.databases import a_source, an_article
from tests.desk import Desk
from tests.newsroom.server import Newsroom

NOW = "2026-03-11T12:00:00.000Z"
T0 = parse(NOW).timestamp()


def row(age: float, seen: float, name: str = "a", **more: object) -> Unscheduled:
    """An article so many seconds old, last seen so many seconds ago."""
    born = iso_of(T0 - age)
    known = Unscheduled(1, f"https://gazette.test/{name}", "gazette", 1, born, born, iso_of(T0 - seen), None, None, None)
    return replace(known, **more)  # type: ignore[arg-type]


def wait(row_: Unscheduled, days: float = 30) -> float | None:
    """Seconds until its visit."""
    moment = take_up(row_, NOW, days).next_fetch_at
    return None if moment is None else parse(moment).timestamp() - T0


# ---- one row


def test_what_was_seen_a_moment_ago_is_due_when_a_crawl_would_ask() -> None:
    """The ladder goes on where it was left, and what is remembered begins at the last sighting."""
    fresh = row(2 * HOUR, 60)
    story = Story(T0 - 2 * HOUR, T0 - 60)
    usual = next_revisit(story, Habits(), story.at, days=30, name=fresh.url)
    assert usual is not None
    assert wait(fresh) == pytest.approx(max(usual - T0, wait(row(2 * HOUR, 2 * HOUR)) or 0), abs=60)
    assert Story.from_json(take_up(fresh, NOW, 30).rhythm) == story
    assert take_up(fresh, NOW, 30).priority == REVISITED


def test_what_should_have_been_visited_is_spread_over_the_wait_of_its_age() -> None:
    """A thousand articles that nobody asked for in days come evenly, no faster than if they had been followed."""
    waits = sorted(wait(row(3 * DAY, 3 * DAY, f"story-{number}")) or -1 for number in range(1000))
    story = Story(T0 - 3 * DAY, T0)
    usual = [next_revisit(story, Habits(), T0, days=30, name=f"https://gazette.test/story-{n}") or 0 for n in range(1000)]
    longest, mean = max(usual) - T0, sum(usual) / 1000 - T0
    assert waits[0] > 0
    assert waits[-1] <= longest
    for tenth, next_ in pairwise(waits[::100]):
        assert next_ - tenth == pytest.approx(mean / 10, rel=0.5)


@pytest.mark.parametrize(
    ("known", "due"),
    [
        (row(2 * DAY, 2 * DAY), True),
        (row(40 * DAY, 40 * DAY), False),
        (row(2 * DAY, 2 * DAY, published_at="2019-01-01", published_precision="day"), False),
        (row(2 * DAY, 2 * DAY, published_at="2026-03-09T00:00:00Z", priority=OLD), True),
        (row(2 * DAY, 2 * DAY, priority=OLD), False),
        (row(2 * DAY, 2 * DAY, published_at="nonsense", priority=OLD), False),
        (row(2 * DAY, 2 * DAY, first_seen_at="2020-01-01T00:00:00.000Z"), False),
        (row(29.5 * DAY, 2 * DAY), False),
        (row(DAY, -DAY), True),
    ],
)
def test_only_what_is_young_is_visited(known: Unscheduled, *, due: bool) -> None:
    """Age counts from publication, else from the first sighting; the old and the undated of archives are left alone."""
    assert (wait(known) is not None) is due
    assert wait(known, days=0) is None


# ---- rows of a database

SETTINGS = """
[collection]
name = "c"
[[source]]
name = "gazette"
url = "https://gazette.test/"
[[source]]
name = "post"
url = "https://post.test/"
revisit = false
"""


def planned(database: Engine, limit_days: float = 0) -> dict[str, str | None]:
    """URL -> next visit, of rows that schedules know after what a crawl does."""
    config = loads(SETTINGS.encode(), "newswarc.toml")
    with transaction(database) as conn:
        active = [activate(source, a_source(conn, source.name), config) for source in config.sources]
        take_up_young(conn, active, config, later(NOW, limit_days * DAY))
        return dict(conn.execute(text("SELECT url, next_fetch_at FROM urls WHERE rhythm IS NOT NULL")).all())


def forget(database: Engine, **columns: str | None) -> None:
    """Let rows say something else."""
    with transaction(database) as conn:
        for name, value in columns.items():
            conn.execute(text(f"UPDATE urls SET {name} = :value"), {"value": value})


def test_rows_of_sources_that_want_it_are_taken_up_once(database: Engine) -> None:
    """Stored and gone ones; not those of other sources, of a site of an archive, behind a callback, or withdrawn."""
    with transaction(database) as conn:
        for url in ("https://gazette.test/a", "https://gazette.test/b", "https://elsewhere.test/c", "https://gazette.test/own"):
            an_article(conn, url, at=later(NOW, -DAY))
        for name in ("post", "archive"):
            an_article(conn, f"https://{name}.test/a", source=name, at=later(NOW, -DAY))
    forget(database, next_fetch_at=None, discovered_at=later(NOW, -DAY))
    with transaction(database) as conn:
        conn.execute(text("UPDATE urls SET state = 'gone' WHERE url LIKE '%/b'"))
        conn.execute(text("UPDATE urls SET payload = '{}' WHERE url LIKE '%/own'"))
    seen = planned(database)
    assert {url: moment is not None for url, moment in seen.items()} == {
        "https://gazette.test/a": True,
        "https://gazette.test/b": True,
        "https://elsewhere.test/c": False,
    }
    assert all(moment is None or moment > NOW for moment in seen.values())
    assert planned(database, 1) == seen


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # of so few rows PostgreSQL takes any index
def test_what_no_schedule_knows_is_found_by_its_index(database: Engine) -> None:
    """A crawl of a large collection does not look at every article to find none."""
    asked: list[tuple[str, Any]] = []
    with transaction(database) as conn:
        an_article(conn, "https://gazette.test/a")
        conn.execute(text("UPDATE urls SET next_fetch_at = NULL"))
        source_id = a_source(conn)
        event.listen(conn, "before_cursor_execute", lambda _, __, query, values, *___: asked.append((query, values)))
        assert len(unscheduled(conn, [source_id], "2026", 10)) == 1
        query, values = asked[0]
        assert "ix_urls_unscheduled" in str(conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all())


# ---- whole runs


@pytest.fixture
def young(desk: Desk, newsroom: Newsroom) -> Desk:
    """A crawled newsroom, six of whose stories were published just now."""
    newsroom.site.now = datetime.now(UTC)
    for _ in range(6):
        newsroom.add()
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "-q")
    return desk


def due(desk: Desk) -> set[str]:
    """Articles that are to be visited, all of them later and behind new ones."""
    rows = desk.rows("SELECT url, next_fetch_at, priority FROM urls WHERE kind = 'article' AND next_fetch_at IS NOT NULL")
    assert all(moment > iso_of(datetime.now(UTC).timestamp()) and priority == REVISITED for _, moment, priority in rows)
    return {url for url, _, _ in rows}


def fresh(newsroom: Newsroom) -> set[str]:
    """The URLs of the young stories."""
    return {newsroom.url_of(story) for story in newsroom.site.live[-6:]}


def stories_asked(newsroom: Newsroom) -> list[str]:
    """Paths of stories that were asked for."""
    return [served.path for served in newsroom.log if "/20" in served.path]


def test_articles_of_before_are_taken_up_without_being_asked_for_at_once(young: Desk, newsroom: Newsroom) -> None:
    """After an upgrade the next crawl asks for no story; young ones have a next visit, and their edits become versions then."""
    young.write("UPDATE urls SET rhythm = NULL, next_fetch_at = NULL, priority = 1 WHERE kind = 'article'")
    newsroom.clear_log()
    young.run("crawl", "-q")
    assert stories_asked(newsroom) == []
    assert due(young) == fresh(newsroom)
    newsroom.edit(newsroom.site.live[-1])
    young.write("UPDATE urls SET next_fetch_at = '2020-01-01T00:00:00.000Z' WHERE kind = 'article' AND next_fetch_at IS NOT NULL")
    young.run("crawl", "-q")
    assert set(stories_asked(newsroom)) == {story.path for story in newsroom.site.live[-6:]}
    assert young.rows("SELECT url FROM v_articles WHERE version = 2") == [(newsroom.url_of(newsroom.site.live[-1]),)]
    assert Habits.from_json(young.one("SELECT edits FROM sources")).changes == 1.0


def test_articles_of_a_rebuilt_database_are_followed_again(young: Desk, newsroom: Newsroom) -> None:
    """The first crawl with it plans the visits of young stories, and asks for none of what is stored."""
    young.run("reprocess", "--into", "again.db")
    for log in young.folder.glob("news.db*"):
        log.unlink()
    shutil.move(young.folder / "again.db", young.folder / "news.db")
    assert due(young) == set()
    newsroom.clear_log()
    young.run("crawl", "-q")
    assert stories_asked(newsroom) == []
    assert due(young) == fresh(newsroom)


def test_ingested_articles_of_a_source_are_followed_and_of_other_sites_never(
    young: Desk, newsroom: Newsroom, tmp_path: Path
) -> None:
    """The same archive in a collection with the site as a source, and in one without."""
    for name, url in (("room", newsroom.url), ("other", newsroom.url.replace("127.0.0.1", "127.0.0.2"))):
        (tmp_path / name).mkdir()
        mine = Desk(tmp_path / name)
        mine.configure((name, url), allow=f'["{newsroom.host}", "127.0.0.2"]', crawl="timeout = 5")
        mine.run("ingest", str(young.folder / "warc"))
        assert mine.one("SELECT count(*) FROM v_articles") == young.one("SELECT count(*) FROM v_articles")
        newsroom.clear_log()
        mine.run("crawl", "-q", code=None)
        assert not set(stories_asked(newsroom)) & {story.path for story in newsroom.site.live[-6:]}
        assert due(mine) == (fresh(newsroom) if name == "room" else set())


def test_an_article_that_is_followed_is_followed_on_after_its_archive_was_ingested(
    young: Desk, newsroom: Newsroom, tmp_path: Path
) -> None:
    """What another collection saw later is stored, and takes no next visit away."""
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other")
    newsroom.edit(newsroom.site.live[-1])
    other.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    other.run("crawl", "-q")
    before = young.rows("SELECT url, next_fetch_at FROM urls WHERE kind = 'article' ORDER BY url")
    young.run("ingest", str(other.folder / "warc"))
    assert young.one("SELECT max(version) FROM v_articles") == 2
    assert young.rows("SELECT url, next_fetch_at FROM urls WHERE kind = 'article' ORDER BY url") == before
