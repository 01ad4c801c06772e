"""Politeness from run to run: real commands, a newsroom that notes when it was asked, kills that nothing prepares for."""

from __future__ import annotations

import itertools
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from authority import certified

from crawler.politeness.retry_after import Plea, patience
from tests.desk import Desk, wait_until
from tests.killing import begin, kill
from tests.newsroom.server import Fault, Newsroom
from tests.newsroom.site import Answer

DELAY = 5.0  # seconds; longer than a run takes to start, or a gap from run to run would be kept by chance
JITTER = 0.2  # seconds that the thread of a server on a busy machine may note a request too late
FEW = "feeds = []\nsitemaps = []"


@pytest.fixture
def room() -> Iterator[Newsroom]:
    """A small newsroom."""
    with Newsroom(stories=6) as newsroom:
        yield newsroom


def configure(desk: Desk, *rooms: Newsroom, more: str = FEW, crawl: str = "") -> None:
    """The newsrooms as sources."""
    hosts = ", ".join(f'"{room.host}"' for room in rooms)
    sources = [(f"room-{number}", room.url) for number, room in enumerate(rooms)]
    desk.configure(*sources, allow=f"[{hosts}]", more=more, crawl=crawl)


def urls(room: Newsroom) -> list[str]:
    """Its stories."""
    return [room.site.url(story) for story in room.site.live]


def gaps(room: Newsroom) -> list[float]:
    """Seconds between the requests that the server has noted."""
    moments = sorted(served.started for served in room.log)
    return [after - before for before, after in itertools.pairwise(moments)]


def paths(room: Newsroom) -> list[str]:
    """What was asked for."""
    return [served.path for served in room.log]


def robots(room: Newsroom, text: str, *headers: tuple[str, str], status: int = 200) -> None:
    """Let it have this robots.txt."""
    room.replace("/robots.txt", Answer(status, text.encode(), "text/plain", headers=headers))


def told(desk: Desk, *arguments: str) -> list[dict[str, Any]]:
    """What `politeness` says of each host."""
    return list(json.loads(desk.run("politeness", "--json", *arguments).stdout)["hosts"])


# --- gaps


def test_the_next_run_waits_for_what_is_left_of_the_delay(desk: Desk, room: Newsroom) -> None:
    """Two runs right after each other keep the gap between the last request of one and the first of the other."""
    configure(desk, room, more=f"{FEW}\ndelay = {DELAY}")
    for url in urls(room)[:2]:
        desk.run("fetch", url)
    assert len(room.log) == 3
    assert min(gaps(room)) >= DELAY - JITTER
    [host] = told(desk, "--check")
    assert (host["promised"], host["requests"], host["gaps_judged"], host["too_short"]) == (DELAY, 3, 2, [])
    assert host["smallest_gap"] >= DELAY


def test_a_killed_run_may_just_have_asked(desk: Desk, room: Newsroom) -> None:
    """After kill -9 amid an exchange that has no row, the next run leaves the host alone for a whole delay."""
    configure(desk, room, more=f"{FEW}\ndelay = {DELAY}")
    first, second = urls(room)[:2]
    desk.run("fetch", first)
    room.fault(second, Fault.STALL)
    fetching = begin(desk, "fetch", second)
    wait_until(lambda: len(room.served(second)) == 1)
    kill(fetching, desk)
    room.mend()
    desk.run("fetch", second)
    assert len(room.served(second)) == 2
    assert min(gaps(room)) >= DELAY - JITTER


def test_a_crawl_delay_is_known_from_the_run_before(desk: Desk, room: Newsroom) -> None:
    """It holds before the first request, without asking for robots.txt again; what is taken back there is forgotten."""
    robots(room, f"User-agent: *\nCrawl-delay: {DELAY:g}\n")
    configure(desk, room)
    for url in urls(room)[:2]:
        desk.run("fetch", url)
    assert paths(room).count("/robots.txt") == 1
    assert min(gaps(room)) >= DELAY - JITTER
    robots(room, "User-agent: *\nAllow: /\n")
    desk.write("UPDATE robots SET expires_at = fetched_at")
    desk.run("fetch", urls(room)[2])
    [host] = told(desk)
    assert (host["crawl_delay"], host["promised"], host["too_short"]) == (None, 0.0, [])


def test_a_long_crawl_delay_means_one_request_a_run(desk: Desk, room: Newsroom) -> None:
    """Neither does the run wait for it, nor is it cut short: robots.txt is one request, a page the next run's."""
    robots(room, "User-agent: *\nCrawl-delay: 3600\n")
    configure(desk, room)
    desk.run("crawl", code=None)
    desk.run("crawl", "--now", code=None)
    assert paths(room) == ["/robots.txt"]
    desk.write("UPDATE hosts SET next_turn_at = fetched FROM (SELECT max(fetched_at) AS fetched FROM captures)")
    desk.run("crawl", "--now", code=None)
    assert paths(room) == ["/robots.txt", "/"]
    assert desk.one("SELECT count(*) FROM urls WHERE state = 'failed'") == 0


def test_seeds_and_pages_share_the_turns_of_a_host_that_asked_for_patience(desk: Desk, room: Newsroom) -> None:
    """Seeds are due again and again: if they always came first, such a host would never be asked for a page."""
    configure(desk, room, more="")
    desk.run("crawl", "--max-pages", "1")
    desk.write("UPDATE hosts SET blocked_until = fetched FROM (SELECT max(fetched_at) AS fetched FROM captures)")
    asked = len(room.log)
    desk.run("crawl", "--now")
    known = [path for path in paths(room)[asked:] if not path.startswith("/.well-known/")]
    stories = [f"{room.url.rstrip('/')}{path}" in urls(room) for path in known]
    assert sum(stories[:4]) == 2


@contextmanager
def slow_handshakes(context: ssl.SSLContext, pause: float, asked: list[float]) -> Iterator[int]:
    """A TLS server that takes its time for each handshake, keeps connections, and notes when each request came. Its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def converse(raw: socket.socket) -> None:
        time.sleep(pause)
        with suppress(OSError), context.wrap_socket(raw, server_side=True) as connection:
            while connection.recv(65_536):
                asked.append(time.time())
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_a_gap_is_one_at_the_server(desk: Desk, tmp_path: Path) -> None:
    """What it takes to open the first connection is not taken off the gap to the second request, nor off the gap that is told."""
    asked: list[float] = []
    with slow_handshakes(certified(tmp_path, "127.0.0.1")[1], 1.0, asked) as port:
        url = f"https://127.0.0.1:{port}/"
        desk.configure(("room", url), allow="true", more=f"{FEW}\ndelay = 1.5\nverify_tls = false")
        desk.run("crawl", code=None)
    assert len(asked) >= 2
    assert min(after - before for before, after in itertools.pairwise(asked)) >= 1.5 - JITTER
    [host] = told(desk, "--check")
    assert abs(host["smallest_gap"] - min(after - before for before, after in itertools.pairwise(asked))) < 0.5


# --- robots.txt


def test_robots_txt_is_asked_for_once_a_day(desk: Desk, room: Newsroom) -> None:
    """Later runs obey what was read, and ask again when it has expired."""
    configure(desk, room, more="")
    desk.run("crawl")
    desk.run("crawl", "--now")
    assert paths(room).count("/robots.txt") == 1
    assert desk.one("SELECT count(*) FROM urls WHERE reason = 'robots'") == 1
    assert not [path for path in paths(room) if path.startswith("/private/")]
    assert told(desk)[0]["robots"][0]["verdict"] == "allowed"
    desk.write("UPDATE robots SET expires_at = fetched_at")
    desk.run("crawl", "--now")
    assert paths(room).count("/robots.txt") == 2


def test_sitemaps_are_found_in_a_robots_txt_that_another_run_read(desk: Desk, room: Newsroom) -> None:
    """`fetch` wants a page and no seeds; the crawl after it plants them without asking again, and no later one does."""
    configure(desk, room, more="")
    desk.run("fetch", urls(room)[0])
    assert desk.one("SELECT count(*) FROM urls WHERE kind = 'sitemap'") == 0
    desk.run("crawl")
    assert paths(room).count("/robots.txt") == 1
    assert desk.one("SELECT count(*) FROM urls WHERE kind = 'sitemap' AND discovered_from LIKE '%/robots.txt'") >= 1
    planted = desk.one("SELECT planted FROM robots")
    desk.run("crawl", "--now")
    assert desk.one("SELECT planted FROM robots") == planted


def test_a_site_whose_robots_txt_fails_is_closed_for_now(desk: Desk, room: Newsroom) -> None:
    """It is not asked at all until then, but by whoever waits for the answer; each failure closes it for longer."""
    room.fault("/robots.txt", Fault.SERVER_ERROR)
    configure(desk, room)
    desk.run("crawl", code=5)
    first = len(room.log)
    desk.write("UPDATE urls SET next_fetch_at = last_fetch_at")
    desk.run("crawl")
    assert (len(room.log), set(paths(room))) == (first, {"/robots.txt"})
    desk.run("crawl", "--now", code=5)
    assert len(room.log) > first
    minutes = "SELECT round((julianday(expires_at) - julianday(fetched_at)) * 1440) FROM robots"
    assert desk.one(minutes) == 20
    room.mend()
    desk.run("crawl", "--now")
    assert "/" in paths(room)


def test_a_robots_txt_may_lie_elsewhere(desk: Desk, room: Newsroom) -> None:
    """Five redirects, the last one to another host: its rules and delay are those of the origin that was asked."""
    with Newsroom(stories=6) as other:
        for hop in range(4):
            path = "/robots.txt" if hop == 0 else f"/r{hop}"
            room.replace(path, Answer(302, location=f"{room.url}r{hop + 1}"))
        room.replace("/r4", Answer(302, location=f"{other.url}robots.txt"))
        robots(other, "User-agent: *\nDisallow: /\nCrawl-delay: 0.1\n")
        configure(desk, room, other)
        desk.run("crawl", "room-0", code=None)
        assert paths(room) == ["/robots.txt", "/r1", "/r2", "/r3", "/r4"]
        assert paths(other) == ["/robots.txt"]
        assert desk.rows("SELECT host FROM hosts WHERE crawl_delay IS NOT NULL") == [(room.host,)]
        assert desk.one("SELECT origin FROM robots") == room.site.base
        assert {row["host"]: row["robots"][0]["verdict"] for row in told(desk) if row["robots"]} == {room.host: "disallowed"}


# --- blocks and budgets


def test_a_429_that_names_no_time_closes_the_host_for_longer_each_time(desk: Desk, room: Newsroom) -> None:
    """Five minutes, then twice as long, until it has given an ordinary answer; what waits stays due, and no run waits."""
    first, second = urls(room)[:2]
    configure(desk, room)
    room.replace(first, Answer(429, b"slow down"))
    for _ in range(2):
        desk.run("fetch", first, second, code=None)
        desk.write("UPDATE hosts SET blocked_until = NULL")
    assert room.served(second) == []
    lengths = "SELECT round((julianday(until) - julianday(since)) * 1440) FROM host_blocks ORDER BY id"
    assert desk.rows(lengths) == [(5,), (10,)]
    desk.run("fetch", second)
    desk.run("fetch", first, code=None)
    assert desk.rows(lengths) == [(5,), (10,), (5,)]
    assert {block["reason"] for block in told(desk)[0]["blocks"]} == {"http-429"}


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_closes_the_host_for_the_runs_to_come(desk: Desk, room: Newsroom, status: int) -> None:
    """Nothing of it is asked until then, its rows stay due, and `politeness` tells of the block."""
    configure(desk, room)
    first, second = urls(room)[:2]
    room.replace(first, Answer(status, b"slow down", headers=(("Retry-After", "7200"),)))
    desk.run("fetch", first, code=None)
    before = len(room.log)
    desk.run("fetch", second, code=None)
    assert len(room.log) == before
    assert desk.one("SELECT state FROM urls WHERE url = ?", second) == "pending"
    assert desk.one("SELECT next_fetch_at IS NOT NULL FROM urls WHERE url = ?", second)
    [host] = told(desk, "--check")
    assert (len(host["blocks"]), host["inside_block"], host["blocked_until"]) == (1, [], host["blocks"][0]["until"])


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "date", "seconds"),
    [
        ("1500", "", 1500),
        ("Sun, 01 Mar 2026 12:25:00 GMT", "", 1500),
        ("Sunday, 01-Mar-26 12:25:00 GMT", "", 1500),
        ("Sun Mar  1 12:25:00 2026", "", 1500),
        ("Sun, 01 Mar 2026 14:25:00 +0200", "", 1500),
        ("2026-03-01T12:25:00Z", "", 1500),
        ("Thu, 26 Feb 2026 12:25:00 GMT", "Thu, 26 Feb 2026 12:00:00 GMT", 1500),
        ("Sat, 28 Mar 2026 12:25:00 GMT", "Sat, 28 Mar 2026 12:00:00 GMT", 1500),
        ("Sun, 01 Mar 2026 12:25:00 GMT", "yesterday", 1500),
        ("99999999999999999999", "", 7 * 86_400),
        ("Fri, 01 Mar 2999 12:00:00 GMT", "", 7 * 86_400),
    ],
)
def test_a_plea_is_read_in_every_form_and_by_the_clock_of_who_made_it(said: str, date: str, seconds: float) -> None:
    """Seconds, the three dates of HTTP, and ISO 8601; a date counts from the answer's Date, so that no clock has to be right."""
    assert patience(Plea(said, date), NOON) == seconds


@pytest.mark.parametrize("said", ["", "0", "-5", "1500.5", "in a while", "Sun, 01 Mar 2026 11:00:00 GMT", "Sun, 99 Mar 2026"])
def test_a_plea_for_no_time_that_is_ahead_names_none(said: str) -> None:
    """So a 429 with it closes its host for five minutes and longer, as one without."""
    assert patience(Plea(said, ""), NOON) is None


@pytest.mark.unbalanced("rows are as a run leaves them that is killed before its last batch is entered")
@pytest.mark.parametrize("status", [429, 503])
def test_a_plea_that_a_killed_run_archived_and_did_not_enter_is_heeded(desk: Desk, room: Newsroom, status: int) -> None:
    """What is in the archive alone closes the host for what is left of the time that it named."""
    configure(desk, room)
    first, second = urls(room)[:2]
    room.replace(first, Answer(status, b"slow down", headers=(("Retry-After", "7200"),)))
    desk.run("fetch", first, code=None)
    answered = desk.one("SELECT fetched_at FROM captures WHERE http_status = ?", status)
    until = desk.one("SELECT blocked_until FROM hosts")
    for lost in ("host_blocks", "hosts", "outcomes"):
        desk.write(f"DELETE FROM {lost}")
    desk.write("UPDATE captures SET pending = 1 WHERE http_status = ?", status)
    desk.write("UPDATE urls SET next_fetch_at = ?, last_fetch_at = NULL, attempts = 0, state = 'pending'", answered)
    before = len(room.log)
    desk.run("fetch", second, code=None)
    assert len(room.log) == before
    assert desk.one("SELECT abs(julianday(blocked_until) - julianday(?)) * 86400 < 5 FROM hosts", until)


def test_what_is_over_a_hosts_budget_is_the_next_runs(desk: Desk, room: Newsroom) -> None:
    """Each run begins so many of its pages, reads its seeds all the same, and leaves nothing of others to starve."""
    with Newsroom(stories=8) as other:
        configure(desk, room, other, more="")
        settings = desk.folder / "newswarc.toml"
        own = f'url = "{room.url}"'
        settings.write_text(settings.read_text().replace(own, f"{own}\nmax_pages_per_host = 3"))
        desk.run("crawl")
        fetched = (
            "SELECT count(DISTINCT url_id) FROM captures c JOIN urls u ON u.id = c.url_id"
            " WHERE c.kind = 'article' AND u.host = ?"
        )
        assert desk.one(fetched, room.host) == 3
        assert desk.one("SELECT count(*) FROM v_articles WHERE source = 'room-1'") == len(other.site.live)
        assert desk.one("SELECT pending FROM v_runs") > 0
        desk.run("crawl", "--now")
        assert desk.one(fetched, room.host) == 6


# --- the command


def test_a_broken_promise_is_told(desk: Desk, room: Newsroom) -> None:
    """Each request that came too soon, and each inside of a block; with --check the exit code is 9."""
    configure(desk, room)
    desk.run("fetch", *urls(room)[:2])
    assert "too short" in desk.run("politeness", "--check").stdout
    desk.write("UPDATE hosts SET delay = '100.0', delay_since = '2000-01-01T00:00:00.000Z'")
    start, end = desk.rows("SELECT min(fetched_at), max(fetched_at) FROM captures")[0]
    desk.write("INSERT INTO host_blocks (host, since, until, reason) VALUES (?, ?, ?, 'http-429')", room.host, start, end)
    [host] = json.loads(desk.run("politeness", "--json", "--check", "--host", room.host, code=9).stdout)["hosts"]
    assert (host["requests"], len(host["too_short"]), len(host["inside_block"])) == (3, 2, 1)
    assert told(desk, "--host", "nobody.test") == told(desk, "--since", "2999-01-01") == []
