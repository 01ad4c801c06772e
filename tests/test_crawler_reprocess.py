"""`newswarc reprocess`: the database can be thrown away and made again from the archive."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from rebuilt import assert_rebuilt

from pipelines.extractor import EXTRACTOR
from tests.desk import Desk
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


def test_a_database_with_rows_is_left_alone(crawled: Desk, tmp_path: Path) -> None:
    """One line: exit code 2 for the collection's own, 7 for another one."""
    assert "own database" in crawled.run("reprocess", "--into", "news.db", code=2).stderr
    crawled.run("snapshot", str(tmp_path / "copy.db"))
    done = crawled.run("reprocess", "--into", str(tmp_path / "copy.db"), code=7)
    assert "has rows already" in done.stderr


# --- extractions ------------------------------------------------------------------------------------------------------


@pytest.fixture
def edited(crawled: Desk, newsroom: Newsroom) -> Desk:
    """A crawled newsroom of which one story has two versions, its extractions by an extractor of before."""
    newsroom.site.edit(newsroom.site.live[2])
    crawled.run("crawl", "--refetch")
    execute(crawled, "UPDATE extractions SET extractor = 'old-1'")
    return crawled


def execute(desk: Desk, statement: str) -> None:
    """Change rows behind newswarc's back."""
    with closing(sqlite3.connect(desk.folder / "news.db")) as conn, conn:
        conn.execute(statement)


def versions(desk: Desk) -> list[tuple[str, int, str, str, int | None, int | None]]:
    """What the data team sees of all versions."""
    return desk.rows("SELECT uid, version, text, extractor, words_added, words_removed FROM v_versions ORDER BY uid, version")


def test_reprocessing_adds_extractions_and_changes_no_version(edited: Desk) -> None:
    """Once for each capture that began a wording; done again, nothing is added."""
    before = versions(edited)
    done = json.loads(edited.run("reprocess", "--json").stdout)
    assert done["added"] == len(before)
    assert versions(edited) == before
    assert json.loads(edited.run("reprocess", "--json").stdout)["added"] == 0
    edited.run("verify")


def test_a_promotion_makes_the_new_extractions_current_and_can_be_taken_back(edited: Desk) -> None:
    """Versions are the same edits, read by the other extractor; the former one gives back what was."""
    before = versions(edited)
    edited.run("reprocess")
    edited.run("reprocess", "--promote")
    assert [row[:3] for row in versions(edited)] == [row[:3] for row in before]
    assert {row[3] for row in versions(edited)} == {EXTRACTOR}
    assert [row[4:] for row in versions(edited)] == [row[4:] for row in before]
    assert sum(row[4] is not None for row in before) == 1
    edited.run("verify")
    edited.run("reprocess", "--promote", "old-1")
    assert versions(edited) == before
    edited.run("verify")


def test_what_only_the_old_extractor_took_for_an_edit_is_no_version_any_more(edited: Desk) -> None:
    """Versions are computed from one extractor's readings alone."""
    execute(edited, "UPDATE extractions SET text = text || id, text_sha256 = id")
    before = versions(edited)
    execute(edited, "UPDATE extractions SET text_sha256 = 'same', text = 'same'")
    edited.run("reprocess", "--promote", "old-1")
    assert len(versions(edited)) == len(before) - 1
    edited.run("reprocess")
    edited.run("reprocess", "--promote")
    assert len(versions(edited)) == len(before)


def test_followers_hear_of_a_promotion(edited: Desk) -> None:
    """Articles whose fields are others now have a new changed_seq."""
    seen = edited.one("SELECT max(changed_seq) FROM v_articles")
    edited.run("reprocess")
    assert edited.one("SELECT max(changed_seq) FROM v_articles") == seen
    edited.run("reprocess", "--promote")
    assert edited.one("SELECT min(changed_seq) FROM v_articles") > seen


def test_a_report_changes_nothing(edited: Desk) -> None:
    """It says, field by field, how much differs, and shows the largest differences."""
    execute(edited, "UPDATE extractions SET title = 'Another title', section = NULL, authors = '[\"Nobody\"]'")
    execute(edited, "UPDATE extractions SET page_type = 'gallery', is_accessible_for_free = 0, organizations = '[\"Nobody\"]'")
    before = versions(edited)
    report = json.loads(edited.run("reprocess", "--report", "--json").stdout)
    assert report["captures"] == len(before)
    title = report["fields"]["title"]
    assert (title["changed"], title["same"]) == (len(before), 0)
    assert len(title["largest"]) == 20
    assert report["fields"]["text"]["same"] == len(before)
    assert report["fields"]["section"]["gained"] > 0
    assert [report["fields"][name]["same"] for name in ("page_type", "is_accessible_for_free", "organizations")] == [0, 0, 0]
    assert versions(edited) == before
    assert edited.one("SELECT count(DISTINCT extractor) FROM extractions") == 1
    assert "Another title" in edited.run("reprocess", "--report").stdout


def test_some_captures_are_chosen(edited: Desk) -> None:
    """By source and date; a source that is not known is refused."""
    some = json.loads(edited.run("reprocess", "--json", "--until", "2020-01-01").stdout)
    assert some["read"] == 0
    edited.run("reprocess", "--source", "nobody", code=2)
    edited.run("reprocess", "--since", "soon", code=2)


def test_an_extractor_that_has_read_nothing_cannot_be_promoted(edited: Desk) -> None:
    """One line that names those that have."""
    assert "old-1" in edited.run("reprocess", "--promote", "other", code=2).stderr


@pytest.mark.parametrize("together", [("--report", "--promote"), ("--report", "--into", "x"), ("--into", "x", "--since", "2026")])
def test_what_excludes_each_other(crawled: Desk, together: tuple[str, ...]) -> None:
    """Is refused with one line."""
    crawled.run("reprocess", *together, code=2)


def test_a_database_that_was_lost_is_rebuilt_from_what_was_archived_before_and_since(
    crawled: Desk, newsroom: Newsroom, tmp_path: Path
) -> None:
    """The crawl after the loss reads the archive anew; its account and those of the runs before make one order."""
    newsroom.site.edit(newsroom.site.live[4])
    crawled.run("crawl", "--refetch")
    for file in crawled.folder.glob("news.db*"):
        file.unlink()
    newsroom.site.edit(newsroom.site.live[4])
    crawled.run("crawl")
    crawled.run("crawl", "--refetch")
    versions = crawled.one("SELECT max(version) FROM v_articles")
    assert versions == 3
    assert_rebuilt(crawled, tmp_path / "again.db")


def test_requisites_are_rebuilt_too(desk: Desk, newsroom: Newsroom, tmp_path: Path) -> None:
    """What a page needs is kept, not due again."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', more="requisites = true")
    desk.run("crawl")
    assert assert_rebuilt(desk, tmp_path / "again.db")["settled URLs"] > len(newsroom.site.live)
    assert desk.one("SELECT count(*) FROM urls WHERE kind = 'requisite' AND state = 'kept'") > 5
