"""Paused and removed sources in a crawl: nothing is fetched for them, and nothing of them is lost."""

from __future__ import annotations

from tests.desk import Desk
from tests.newsroom import Newsroom


def test_paused_source_is_left_alone_until_it_is_resumed(desk: Desk, newsroom: Newsroom) -> None:
    """No request is made for it, its URLs stay due, and the next crawl after that takes them up."""
    with Newsroom(stories=3) as other:
        desk.configure(("room", newsroom.url), ("other", other.url), allow="true")
        done = desk.run("source", "pause", "other")
        assert done.stderr == 'Paused "other": crawls leave it alone; its articles and URLs stay\n'
        desk.run("crawl", "-q", "--max-pages", "2")
        assert other.log == ()
        assert desk.one("SELECT count(*) FROM sources WHERE name = 'other'") == 0
        assert "other" in desk.run("crawl", "other", code=2).stderr
        desk.run("source", "resume", "other", "-q")
        desk.run("crawl", "other", "-q")
        assert desk.one("SELECT count(*) FROM articles JOIN sources ON sources.id = source_id WHERE name = 'other'") >= 3


def test_rows_of_a_source_that_left_the_file_are_not_fetched(desk: Desk, newsroom: Newsroom) -> None:
    """Its articles, and the URLs that wait, stay as they were."""
    with Newsroom(stories=4) as other:
        desk.configure(("room", newsroom.url), ("other", other.url), allow="true")
        desk.run("crawl", "other", "-q", "--max-pages", "2")
        before = desk.rows("SELECT key, state, next_fetch_at FROM urls ORDER BY key")
        assert any(state == "pending" for _, state, _ in before)
        other.clear_log()
        desk.run("source", "remove", "other", "-q")
        assert "other" not in desk.run("source", "list").stdout
        desk.run("crawl", "-q", "--max-pages", "1")
        assert other.log == ()
        assert set(before) <= set(desk.rows("SELECT key, state, next_fetch_at FROM urls"))
