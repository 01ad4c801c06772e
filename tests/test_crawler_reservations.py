"""Reservations of rights, from the wire to the views and back from the archive."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rebuilt import assert_rebuilt

from tests.desk import Desk
from tests.newsroom.server import Fault, Newsroom
from tests.newsroom.site import Answer

RULES = b"User-agent: GPTBot\nDisallow: /\n\n" + b"# a long word of welcome to robots\n" * 60


@pytest.fixture
def reserving(desk: Desk, newsroom: Newsroom) -> Desk:
    """A newsroom crawled twice: two stories, its robots.txt and its home page reserve rights."""
    newsroom.replace("/robots.txt", Answer(200, RULES, "text/plain"))
    said = newsroom.site.live[0], newsroom.site.live[1]
    pages = [newsroom.site.answer(newsroom.site.url(story).removeprefix(newsroom.site.base)) for story in said]
    marked = pages[0].body.replace(b"<head>", b'<head><meta name="robots" content="noai, noarchive">')
    newsroom.replace(newsroom.site.url(said[0]), replace(pages[0], body=marked, headers=(("TDM-Reservation", "1"),)))
    hostile = (("X-Robots-Tag", "noai\x00<script>'); DROP TABLE captures; --, noarchive"), ("TDM-Policy", "//[::"))
    newsroom.replace(newsroom.site.url(said[1]), replace(pages[1], headers=hostile))
    home = newsroom.site.answer("/")
    newsroom.replace("/", replace(home, headers=(("X-Robots-Tag", "nosnippet"),)))
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl")
    desk.write("DELETE FROM robots")
    desk.run("crawl", "--refetch", "--now")
    return desk


def of_captures(desk: Desk, url: str) -> list[Any]:
    """Status, record type and reservations of a URL's captures, the first one first."""
    query = "SELECT http_status, record_type, reservations FROM v_captures WHERE url = ? ORDER BY fetched_at"
    return [(status, kind, json.loads(said) if said else None) for status, kind, said in desk.rows(query, url)]


def test_what_is_reserved_is_known_of_each_capture(reserving: Desk, newsroom: Newsroom) -> None:
    """Header, page and robots.txt; a 304 and a robots.txt kept by reference say what their original says."""
    marked, hostile, plain = (newsroom.site.url(story) for story in newsroom.site.live[:3])
    said = {"header": ["tdm-reservation: 1"], "meta": ["noai", "noarchive"]}
    assert of_captures(reserving, marked) == [(200, "response", said), (304, "revisit", said)]
    assert of_captures(reserving, hostile)[0] == (200, "response", {"header": ["noarchive"]})
    assert of_captures(reserving, plain)[0] == (200, "response", None)
    assert of_captures(reserving, newsroom.url)[0] == (200, "response", {"header": ["nosnippet"]})
    closed = {"robots.txt": ["gptbot: disallow /"]}
    assert of_captures(reserving, f"{newsroom.url}robots.txt") == [(200, "response", closed), (200, "revisit", closed)]
    versions = "SELECT reservations FROM v_versions WHERE url = ?"
    assert reserving.one(versions, marked) == reserving.one(versions.replace("v_versions", "v_articles"), marked)
    assert json.loads(reserving.one(versions, marked)) == said


def test_the_documented_query_finds_the_articles_that_are_reserved(reserving: Desk, newsroom: Newsroom) -> None:
    """One row an article and statement."""
    document = Path("docs/reservations.md").read_text()
    query = document.partition("```sql\n")[2].partition("```")[0]
    found = {(url, place, statement) for url, place, statement in reserving.rows(query)}
    marked, hostile = (newsroom.site.url(story) for story in newsroom.site.live[:2])
    reserved = {(marked, "header", "tdm-reservation: 1"), (marked, "meta", "noai"), (marked, "meta", "noarchive")}
    assert found == {*reserved, (hostile, "header", "noarchive")}


def test_what_is_reserved_comes_back_from_the_archive(reserving: Desk, tmp_path: Path) -> None:
    """A database rebuilt from the WARC files says the same of every capture and article; and all is whole."""
    reserving.run("verify")
    assert_rebuilt(reserving, tmp_path / "again.db")


def test_what_a_killed_run_left_unread_is_known_too(desk: Desk, newsroom: Newsroom) -> None:
    """A page that the next run reads from the archive says what it would have said at once."""
    story = newsroom.site.live[0]
    page = newsroom.site.answer(newsroom.site.url(story).removeprefix(newsroom.site.base))
    body = page.body.replace(b"<head>", b'<head><meta name="robots" content="noai">')
    newsroom.replace(newsroom.site.url(story), replace(page, body=body))
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl")
    desk.write("UPDATE captures SET pending = 1, signals = NULL WHERE url = ?", newsroom.site.url(story))
    desk.write("UPDATE urls SET last_fetch_at = NULL WHERE url = ?", newsroom.site.url(story))
    newsroom.fault(newsroom.site.url(story), Fault.DROP)
    desk.run("crawl")
    assert json.loads(desk.one("SELECT reservations FROM v_captures WHERE url = ?", newsroom.site.url(story))) == {
        "meta": ["noai"]
    }


TDMREP = "/.well-known/tdmrep.json"


def asked_for_tdmrep(newsroom: Newsroom) -> int:
    """How often it was."""
    return [served.path for served in newsroom.log].count(TDMREP)


def tdmrep(newsroom: Newsroom, pattern: str, reserved: int) -> None:
    """Let the newsroom reserve rights, or say that it does not."""
    rules = [{"location": pattern, "tdm-reservation": reserved, "tdm-policy": "/tdm-policy.json"}]
    newsroom.replace(TDMREP, Answer(200, json.dumps(rules).encode(), "application/json"))


def pass_a_week(desk: Desk) -> None:
    """Let the file that is archived be too old to be believed."""
    desk.write("UPDATE captures SET fetched_at = '2020-01-01T00:00:00.000Z' WHERE url LIKE '%tdmrep.json'")


def test_what_a_host_reserves_by_tdmrep_json_is_known_of_each_article(desk: Desk, newsroom: Newsroom, tmp_path: Path) -> None:
    """Asked for once a week behind the first run, kept like robots.txt, matched by path, and the same in a rebuilt database."""
    tdmrep(newsroom, "/*/2026/*", 1)
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "-q")
    assert asked_for_tdmrep(newsroom) == 0
    for expected in (1, 1):
        newsroom.edit(newsroom.site.live[0])
        desk.run("crawl", "-q", "--refetch", "--now")
        assert asked_for_tdmrep(newsroom) == expected
    policy = f"tdm-policy: {newsroom.url}tdm-policy.json"
    said = {"tdmrep.json": ["tdm-reservation: 1", policy]}
    story = newsroom.url_of(newsroom.site.live[0])
    assert [each for status, _, each in of_captures(desk, story) if status == 200] == [None, said, said]
    [(status, kind, of_file)] = of_captures(desk, f"{newsroom.url}{TDMREP[1:]}")
    assert (status, kind) == (200, "response")
    assert of_file == {"tdmrep.json": ["/*/2026/*: tdm-reservation: 1", f"/*/2026/*: {policy}"]}
    assert desk.one("SELECT kind FROM v_captures WHERE url LIKE '%tdmrep.json'") == "robots"
    assert_rebuilt(desk, tmp_path / "again.db")
    pass_a_week(desk)
    newsroom.mend()
    newsroom.edit(newsroom.site.live[0])
    desk.run("crawl", "-q", "--refetch", "--now")
    assert asked_for_tdmrep(newsroom) == 2
    assert of_captures(desk, story)[-1] == (200, "response", None)


def test_a_tdmrep_json_that_robots_txt_closes_or_nobody_wants_is_not_asked_for(desk: Desk, newsroom: Newsroom) -> None:
    """Nor is it for the sake of a single page."""
    newsroom.replace("/robots.txt", Answer(200, b"User-agent: *\nDisallow: /.well-known/\n", "text/plain"))
    tdmrep(newsroom, "/", 1)
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    for _ in range(2):
        desk.run("crawl", "-q", "--refetch", "--now")
    newsroom.mend("/robots.txt")
    desk.write("DELETE FROM robots")
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', crawl="tdmrep = false")
    desk.run("crawl", "-q", "--refetch", "--now")
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("fetch", newsroom.url_of(newsroom.site.live[0]))
    assert asked_for_tdmrep(newsroom) == 0


@pytest.mark.parametrize("answer", [Answer(404, b""), Answer(302, b"", location="/"), Answer(500, b"")])
def test_a_tdmrep_json_that_cannot_be_had_keeps_no_article_back(desk: Desk, newsroom: Newsroom, answer: Answer) -> None:
    """It is asked for once a week all the same, and says nothing."""
    newsroom.replace(TDMREP, answer)
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "-q")
    for _ in range(2):
        newsroom.edit(newsroom.site.live[0])
        desk.run("crawl", "-q", "--refetch", "--now")
    assert desk.one("SELECT count(DISTINCT run_id) FROM captures WHERE url LIKE '%tdmrep.json'") == 1
    assert desk.one("SELECT max(version) FROM v_articles") == 3
    assert desk.one("SELECT count(*) FROM v_articles WHERE reservations IS NOT NULL") == 0
