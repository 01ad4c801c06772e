"""A newsroom where everything goes wrong, crawled by the real command again and again, days of a virtual clock apart."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.balanced import imbalances
from tests.hostile import robots
from tests.hostile.faults import Fault, Story
from tests.hostile.redirects import to
from tests.hostile.server import Answer, Line, Server
from tests.hostile.stage import Paper
from tests.hostile.transport import flood, raw
from tests.week.clock import Clock
from tests.week.journal import Journal, journal

pytestmark = pytest.mark.timeout(280)

START = datetime(2026, 11, 21, tzinfo=UTC)  # the stories are of the days before
NETWORK = "127.0.72"
PATIENCE = 1800  # seconds that busy hosts ask for
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def cut(number: int) -> Answer:
    """Half of a page, then the end of the connection."""
    page = Story(number, "cut").page()
    return raw(_OK + b"Content-Length: %d\r\n\r\n" % len(page) + page[: len(page) // 2])


def failing(status: str, *lines: str) -> Answer:
    """No page, but a status."""
    return lambda line: line.reply(b"<h1>Sorry</h1>", *lines, status=status)


NOT_FOUND = b"<!doctype html><title>Page not found</title><h1>404</h1><p>Sorry, the page you are looking for does not exist.</p>"
PASSING = [  # what is over one day; the reason until then
    Fault("reset", raw(then="reset"), "failed:(reset|disconnect)"),
    Fault("close", raw(), "failed:(reset|disconnect)"),
    Fault("time-out", raw(then="stall"), "failed:timeout"),
    Fault("stall-in-page", raw(_OK + b"Content-Length: 90000\r\n\r\n<p>Half", then="stall"), "failed:timeout"),
    Fault("endless-headers", flood(_OK, b"X-Filler: " + b"x" * 4000 + b"\r\n"), "failed:(bad-response|length)"),
    Fault("server-error", failing("500 No"), "failed:http-500"),
    Fault("unavailable", failing("503 No"), "failed:http-503"),
    Fault("truncated", cut(41), "failed:"),
    Fault("no-http", raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "failed:"),
]
LASTING = [
    Fault("forbidden", failing("403 No"), "failed:http-403"),
    Fault("not-found", failing("404 No"), "rejected:http-404"),
    Fault("soft-404", lambda line: line.reply(NOT_FOUND), "rejected:soft-404"),
    Fault("loop", lambda line: to(line.path)(line), "failed:too-many-redirects"),
    Fault("elsewhere", to("http://nobody.invalid/story"), "filtered:offsite-redirect"),
    Fault("empty", raw(_OK + b"Content-Length: 0\r\n\r\n", then="keep"), "rejected:"),
]


@dataclass
class House:
    """Papers, their collection, and a runner of commands."""

    folder: Path
    clock: Clock
    runner: Journal
    papers: dict[str, Paper] = field(default_factory=dict)
    closed: dict[str, float] = field(default_factory=dict)  # until when a paper asked to be left alone

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """A command to its end, after which the ledger holds."""
        code, told = self.runner.run(*arguments, offset=self.clock.offset)
        assert code in codes, f"exit code {code}: {told}"
        assert "Traceback" not in told, told
        assert imbalances(self.folder / "news.db") == []
        return told

    def rows(self, query: str) -> list[Any]:
        """Rows of a query."""
        conn = sqlite3.connect(self.folder / "news.db")
        try:
            return conn.execute(query).fetchall()
        finally:
            conn.close()

    def states(self) -> dict[str, str]:
        """`state:reason` of each URL."""
        return {
            url: f"{state}:{reason or ''}" for url, state, reason in self.rows("SELECT url, state, reason FROM v_urls")
        }

    def asked(self, name: str) -> int:
        """How often a paper was asked."""
        return len(self.papers[name].server.asked)

    def healthy(self, *names: str) -> set[str]:
        """The URLs of healthy stories."""
        return {
            f"{paper.server.url}{story.path}"
            for paper in self.papers.values()
            for story in paper.stories
            if paper.name in names
        }

    def faults(self) -> Iterator[tuple[str, Fault]]:
        """All faults with their URLs."""
        return ((f"{paper.server.url}{fault.path}", fault) for paper in self.papers.values() for fault in paper.faults)

    def mend(self) -> None:
        """What is passing has passed."""
        for number, paper in enumerate(self.papers.values()):
            for fault in paper.faults:
                if fault in PASSING:
                    page = Story(500 + 50 * number + PASSING.index(fault), fault.name).page()
                    paper.server.answers[fault.path] = lambda line, page=page: line.reply(page)  # type: ignore[misc]
        self.papers["shut"].server.answers["/robots.txt"] = robots.text("User-agent: *\n")


def busy(house: House, name: str, head: Callable[[datetime], str], status: str) -> Answer:
    """The first request is answered by a wish to be left alone; then the story is there."""
    page = Story(700, name).page()

    def answer(line: Line) -> None:
        if name in house.closed:
            line.reply(page)
            return
        until = house.clock.now() + timedelta(seconds=PATIENCE)
        house.closed[name] = until.timestamp()
        line.reply(b"<h1>Later</h1>", f"Retry-After: {head(until)}", status=status)

    return answer


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """All papers, open."""
    folder, log = tmp_path / "news", tmp_path / "log"
    log.mkdir()
    (folder / "warc").mkdir(parents=True)
    with journal(folder, log) as runner:
        made = House(folder, Clock(START), runner)
        try:
            _set_up(made)
            yield made
        finally:
            for paper in made.papers.values():
                paper.server.stop()


def _set_up(house: House) -> None:
    def add(name: str, faults: list[Fault], **more: Any) -> None:
        port = next(iter(house.papers.values())).server.port if house.papers else 0
        server = Server(f"{NETWORK}.{len(house.papers) + 1}", port)
        house.papers[name] = Paper(name, server, faults, **more)

    add("passing", PASSING)
    add("lasting", LASTING)
    add("busy", [Fault("busy", busy(house, "busy", lambda _: str(PATIENCE), "429 Busy"))])
    add("dated", [Fault("dated", busy(house, "dated", lambda at: format_datetime(at, usegmt=True), "503 Busy"))])
    add("shut", [], robots=robots.text("oops", status="500 No"))
    for paper in house.papers.values():
        paper.set_up()
    hosts = ", ".join(f'"{paper.server.host}"' for paper in house.papers.values())
    head = '[collection]\nname = "faults"\ncontact = "desk@newswarc.test"\n[crawl]\ndelay = 0.02\ntimeout = 2\n'
    head += f"allow_private_networks = [{hosts}]\n"
    sources = [(paper.name, f"{paper.server.url}/") for paper in house.papers.values()]
    sources.append(("nameless", "http://nobody.invalid/"))
    tables = "".join(f'[[source]]\nname = "{name}"\nurl = "{url}"\n' for name, url in sources)
    file = house.folder / "newswarc.toml"
    file.write_text(head + tables)
    os.utime(file, (START.timestamp() - 60,) * 2)


def kill_in_the_middle(house: House) -> None:
    """A first run of those that ask for no patience, killed once something was asked of them."""
    running = house.runner.begin("crawl", "-q", "passing", "lasting", offset=house.clock.offset)
    deadline = time.monotonic() + 60
    while sum(map(house.asked, house.papers)) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(random.random() / 5)
    running.kill()
    assert running.wait() == -9
    assert imbalances(house.folder / "news.db") == []


def wrong(house: House, expected: Callable[[Fault], str]) -> list[str]:
    """Faults that are in another state than expected, and URLs that wait for no reason."""
    states = house.states()
    found = [
        f"{fault.name} is {states.get(url)}"
        for url, fault in house.faults()
        if not re.match(expected(fault), states.get(url, ""))
    ]
    return found + [f"{url} waits" for url, state in states.items() if state.startswith("pending")]


def missing(house: House, *names: str) -> set[str]:
    """Healthy stories that are not stored once."""
    stored = [url for (url,) in house.rows("SELECT url FROM v_articles")]
    assert len(stored) == len(set(stored))
    return house.healthy(*names) - set(stored)


def later(house: House, minutes: float) -> None:
    """So long after the start."""
    house.clock.put_on(START + timedelta(minutes=minutes))


def test_everything_goes_wrong_for_days_and_nothing_is_lost(house: House) -> None:
    """The ledger holds after every run, a killed one too; each URL has its state and reason; what passes is stored in the end."""
    kill_in_the_middle(house)
    house.run("crawl", "-q", codes=(0, 4))
    assert missing(house, "passing", "lasting") == set()
    asked = [house.asked(name) for name in ("busy", "dated", "shut")]
    assert set(house.closed) == {"busy", "dated"}
    later(house, 9)
    house.run("crawl", "-q", codes=(0, 4))
    later(house, 20)
    house.run("crawl", "-q", codes=(0, 4))
    assert [house.asked(name) for name in ("busy", "dated")] == asked[:2]  # not before the half hour is over
    later(house, 45)
    house.run("crawl", "-q", codes=(0, 4))
    assert missing(house, "passing", "lasting", "busy", "dated") == set()
    for minutes in (120, 420, 2 * 1440):
        later(house, minutes)
        house.run("crawl", "-q", codes=(0, 4))
    assert wrong(house, lambda fault: "stored:" if fault.name in ("busy", "dated", "truncated") else fault.ends) == []
    seeds = {url: state for url, state in house.states().items() if state.startswith("seed:") and state != "seed:"}
    shut = f"{house.papers['shut'].server.url}/"
    assert seeds == {
        "http://nobody.invalid/": "seed:robots-unreachable: dns",
        shut: "seed:robots-unreachable: http-500",
    }
    house.mend()
    later(house, 6 * 1440)
    house.run("retry")
    house.run("crawl", "-q", codes=(0, 4))
    assert missing(house, *house.papers) == set()
    assert wrong(house, lambda fault: fault.ends if fault in LASTING else "stored:") == []
    house.run("verify")
    house.run("politeness", "--check")
