"""`newswarc reprocess`: the database can be thrown away and made again from the archive."""

from __future__ import annotations

from pathlib import Path

from desk import Desk
from rebuilt import assert_rebuilt

from tests.newsroom.server import Newsroom


def test_a_rebuilt_database_is_the_live_one(crawled: Desk, newsroom: Newsroom, tmp_path: Path) -> None:
    """After edits, removals, redirects, duplicates and refetches every row that was compared is the same."""
    site = newsroom.site
    for story in site.live[:3]:
        site.edit(story)
    site.remove(site.live[5])
    site.add()
    crawled.run("crawl", "--refetch", "--now")
    site.edit(site.live[0])
    site.remove(site.live[7], 404)
    crawled.run("crawl", "--refetch", "--now")
    compared = assert_rebuilt(crawled, tmp_path / "again.db")
    assert compared["articles"] > 20
    assert compared["versions"] >= compared["articles"] + 4


def test_a_database_with_rows_is_left_alone(crawled: Desk) -> None:
    """One line and exit code 7."""
    done = crawled.run("reprocess", "--into", str(crawled.folder / "news.db"), code=7)
    assert "has rows already" in done.stderr
