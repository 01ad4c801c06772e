"""A site full of traps: the crawl ends, every story is stored, and few requests go into the traps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from pipelines.barren import SAMPLE
from tests.desk import Desk
from tests.maze import FLOOD, Maze
from tests.newsroom.site import Answer

POLLS = 4


@pytest.fixture
def maze() -> Iterator[Maze]:
    """A newsroom with traps."""
    with Maze(stories=12) as room:
        yield room


def test_traps_cost_little_and_hide_no_story(desk: Desk, maze: Maze) -> None:
    """Four polls show 280 links into traps that have a pattern, and 880 of none: not one and about a third are followed."""
    desk.configure(("maze", maze.url), allow=f'["{maze.host}"]')
    for _ in range(POLLS):
        desk.run("crawl", "--now")
    assert maze.polls == POLLS
    asked = Counter(entry.target.split("/")[1].partition("?")[0].partition("-")[0] for entry in maze.log)
    reasons = dict(desk.rows("SELECT reason, count(*) FROM v_urls WHERE state = 'filtered' GROUP BY reason"))
    trapped = {"trap-calendar": 120, "trap-facets": 40, "trap-paging": 40, "trap-depth": 40, "trap-repetition": 40}
    assert {reason: reasons[reason] for reason in trapped} == trapped
    assert not {entry.target for entry in maze.log} & {link for turn in range(1, POLLS + 1) for link in maze.trapped(turn)}
    assert asked["offers"] <= FLOOD + 2 * (POLLS - 1) * FLOOD // SAMPLE
    assert asked["offers"] + reasons["trap-shape"] == POLLS * FLOOD
    assert desk.one("SELECT count(*) FROM v_articles") == len(maze.site.live)
    told = "stored + unchanged + duplicate + rejected + filtered + failed + gone + pending"
    ledgers = desk.rows(f"SELECT considered, {told} FROM v_runs")
    assert all(considered == total for considered, total in ledgers)
    desk.run("verify")


def test_a_story_that_a_feed_announces_is_fetched_whatever_its_shape(desk: Desk, maze: Maze) -> None:
    """What a barren shape kept from being fetched is taken up when somebody says that it is a story."""
    desk.configure(("maze", maze.url), allow=f'["{maze.host}"]', more="sitemaps = []\nfeeds = []")
    for _ in range(2):
        desk.run("crawl", "--now")
    [(url,), *_] = desk.rows("SELECT url FROM v_urls WHERE reason = 'trap-shape' ORDER BY url LIMIT 1")
    feed = f"<rss><channel><title>Offers</title><item><title>An offer</title><link>{url}</link></item></channel></rss>"
    maze.replace("/offers.xml", Answer(200, feed.encode(), "application/rss+xml"))
    more = f'sitemaps = []\nfeeds = ["{maze.url}offers.xml"]'
    desk.configure(("maze", maze.url), allow=f'["{maze.host}"]', more=more)
    desk.run("crawl")
    assert desk.one("SELECT state FROM v_urls WHERE url = ?", url) == "rejected"
