"""`plan` against real runs: what it says is fetched, no more and no less, in that order at each host."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.desk import COMMAND, Desk, wait_until
from tests.newsroom.server import Fault, Newsroom
from tests.runner import environment


def plan(desk: Desk, *arguments: str) -> dict[str, Any]:
    """What `plan --json` says, with all URLs."""
    found: dict[str, Any] = json.loads(desk.run("plan", "--json", "--urls", "1000", *arguments).stdout)
    return found


def asked(newsroom: Newsroom) -> list[str]:
    """The URLs that were asked for, but for robots.txt and tdmrep.json, in order."""
    beside = ("/robots.txt", "/.well-known/tdmrep.json")
    return [f"{newsroom.url.rstrip('/')}{served.target}" for served in newsroom.log if served.path not in beside]


def test_a_crawl_right_after_fetches_what_the_plan_said(desk: Desk, newsroom: Newsroom) -> None:
    """Before the first crawl, the home page; then seeds that are due and articles to be looked at again, in that order."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    first = plan(desk)
    assert [url["url"] for url in first["urls"]] == [newsroom.url]
    desk.run("crawl", "-q")
    assert asked(newsroom)[0] == newsroom.url
    assert plan(desk)["requests"] == 0

    stored = "(SELECT id FROM urls WHERE state = 'stored' ORDER BY id LIMIT 7)"
    desk.write("UPDATE urls SET next_fetch_at = discovered_at WHERE state = 'seed' AND kind IN ('home', 'section')")
    by_id = "strftime('%Y-%m-%dT00:00:00.000Z', 'now', '-' || id || ' days')"
    desk.write(f"UPDATE urls SET next_fetch_at = {by_id} WHERE id IN {stored}")
    told = plan(desk)
    newsroom.clear_log()
    desk.run("crawl", "-q")
    assert [url["url"] for url in told["urls"]] == asked(newsroom)
    assert told["requests"] == len(told["urls"]) == sum(host["requests"] for host in told["hosts"])
    assert told["counts"]["revisits"] == 7
    assert plan(desk, "--at", "2099-01-01")["requests"] > 0
    said = desk.run("plan", "--at", "2099-01-01", "--urls", "2").stdout
    assert newsroom.url in said
    assert "requests at 2099-01-01" in said


def test_what_a_killed_run_had_in_hand_is_planned_and_what_a_living_one_has_is_not(desk: Desk, newsroom: Newsroom) -> None:
    """A lease counts for the next run only when nobody holds the collection."""
    newsroom.fault(newsroom.url, Fault.STALL)
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    process = subprocess.Popen([*COMMAND, "crawl", "-q"], cwd=desk.folder, env=environment())
    try:
        wait_until(lambda: bool(newsroom.log) or process.poll() is not None)
        living = plan(desk)
    finally:
        process.kill()
        process.wait()
    assert newsroom.url not in [url["url"] for url in living["urls"]]
    assert living["running"].startswith("another run (pid ")
    killed = plan(desk)
    assert newsroom.url in [url["url"] for url in killed["urls"]]
    assert killed["running"] is None
