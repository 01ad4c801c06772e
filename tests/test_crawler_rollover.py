"""Files of a long run are closed while it goes on."""

from __future__ import annotations

from desk import Desk

from tests.newsroom.server import Newsroom


def test_a_file_is_closed_while_a_run_waits(desk: Desk, newsroom: Newsroom) -> None:
    """Between two pages that are far apart nothing is left open: each has a file, entered before the run ended."""
    allowed = f'["{newsroom.host}"]'
    desk.configure(("room", newsroom.url), allow=allowed, more="delay = 1", crawl="max_warc_idle = 0.1")
    first, second = (newsroom.site.url(story) for story in newsroom.site.live[:2])
    desk.run("fetch", first, second)
    [[ended]] = desk.rows("SELECT ended_at FROM runs")
    closed = desk.rows("SELECT closed_at < ?, size > 0, length(sha256) FROM warc_files ORDER BY closed_at", ended)
    assert len(closed) >= 3
    assert closed[:2] == [(1, 1, 64)] * 2
    assert desk.one("SELECT count(DISTINCT warc_file_id) FROM captures WHERE kind = 'article'") == 2
    assert "No damage" in desk.run("verify").stderr


def test_an_old_file_is_closed_while_pages_come(desk: Desk, newsroom: Newsroom) -> None:
    """Its age counts, not only what is written to it."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', more="delay = 0.3", crawl="max_warc_age = 0.4")
    desk.run("fetch", *(newsroom.site.url(story) for story in newsroom.site.live[:3]))
    assert desk.one("SELECT count(*) FROM warc_files WHERE closed_at IS NOT NULL") >= 2
    assert desk.one("SELECT count(*) FROM v_articles") == 3
