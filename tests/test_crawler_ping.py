"""The ping of a monitor: real servers that answer, hang, refuse, redirect, drip, or speak no TLS."""

from __future__ import annotations

import gzip
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.monitoring.ping import PATIENCE, Pinger
from tests.desk import COMMAND, Desk, wait_until
from tests.hostile.server import Line, Server
from tests.newsroom.server import Newsroom
from tests.runner import environment

SECRET = "5f2c1d9e-secret"
BOUND = PATIENCE + 5  # seconds: what never answers would take a minute


@pytest.fixture
def monitor() -> Iterator[Server]:
    """A monitor that takes every ping."""
    server = Server("127.0.0.1")
    server.otherwise = lambda line: line.reply(b"OK")
    yield server
    server.stop()


def end(url: str, proxy: str | None = None) -> tuple[str | None, float]:
    """What came of the last ping of a run, and how long the run had to wait for it."""
    pinger = Pinger(url, proxy)
    pinger.start()
    began = time.monotonic()
    return pinger.end(0, "Articles: 1 added"), time.monotonic() - began


def test_a_run_pings_twice(monitor: Server) -> None:
    """`/start`, and then `/<exit code>` with the line; what the URL asks with stays behind them."""
    pinger = Pinger(f"{monitor.url}/{SECRET}/?rid=1")
    pinger.start()
    assert pinger.end(4, "Articles: 1 added") is None
    assert monitor.asked == [f"/{SECRET}/start?rid=1", f"/{SECRET}/4?rid=1"]


def test_it_goes_through_the_proxy_of_the_settings(monitor: Server) -> None:
    """A monitor that only the proxy reaches is reached."""
    assert end(f"http://monitor.newswarc.test/{SECRET}", monitor.url)[0] is None
    assert monitor.asked[-1] == f"http://monitor.newswarc.test/{SECRET}/0"


def _hangs(line: Line) -> None:
    line.stall()


def _drips(line: Line) -> None:
    line.head("Content-Length: 1000")
    line.drip([b"x"] * 1000, 0.2)


def _drips_its_head(line: Line) -> None:
    line.drip([b"HTTP/1.1 200 OK\r\n", *[b"X-More: x\r\n"] * 1000], 0.2)


def _goes_round(line: Line) -> None:
    line.reply(b"", f"Location: {line.path}", status="302 Found")


def _leads_to_a_file(line: Line) -> None:
    line.reply(b"", "Location: file:///etc/passwd", status="302 Found")


def _is_busy(line: Line) -> None:
    line.reply(b"", status="503 Busy")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_hangs, "timeout"),
        (_drips, None),
        (_drips_its_head, "timeout"),
        (_goes_round, "http-302"),
        (_leads_to_a_file, "http-302"),
        (_is_busy, "http-503"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_monitor_in_trouble_holds_no_run(monitor: Server, answer: object, reason: str | None) -> None:
    """Whatever it does, the run hears why in a word that has nothing of the URL, and goes on."""
    monitor.otherwise = answer  # type: ignore[assignment]
    told, seconds = end(f"{monitor.url}/{SECRET}")
    assert told == reason
    assert seconds < BOUND


def test_no_monitor_there() -> None:
    """A port where nobody listens, a name that nobody has, a server without TLS."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert end(f"http://127.0.0.1:{closed.getsockname()[1]}/{SECRET}")[0] == "refused"
    assert end(f"http://monitor.newswarc.test/{SECRET}")[0] in {"dns", "timeout"}
    server = Server("127.0.0.1")
    assert end(f"https{server.url.removeprefix('http')}/{SECRET}")[0] in {"tls", "timeout"}
    server.stop()


def test_a_crawl_pings(desk: Desk, newsroom: Newsroom, monitor: Server) -> None:
    """At its beginning and end, an error's end too; never is the URL logged or archived, nor the monitor part of the crawl."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    file = desk.folder / "newswarc.toml"
    file.write_text(f'{file.read_text()}\n[report]\nping = "{monitor.url}/{SECRET}"\n')
    told = desk.run("crawl", "-vv", "--max-pages", "2").stderr
    assert monitor.asked == [f"/{SECRET}/start", f"/{SECRET}/0"]
    assert "added" in monitor.bodies[-1].decode()
    assert SECRET not in told
    assert not [path for path in (desk.folder / "warc").iterdir() if SECRET.encode() in _unzipped(path)]
    file.write_text(file.read_text().replace("delay = 0", "delya = 0"))
    desk.run("crawl", code=3)
    assert monitor.asked[2:] == [f"/{SECRET}/3"]
    assert b"delya" in monitor.bodies[-1]


def _unzipped(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def test_a_crawl_that_is_stopped_or_locked_out_pings(desk: Desk, monitor: Server) -> None:
    """`/143` after SIGTERM, `/6` when another run holds the collection, nothing when it is skipped."""
    release = threading.Event()
    site = Server("127.0.0.1")
    site.otherwise = lambda line: (release.wait(30), line.reply(b"<p>x"))[1]
    desk.configure(("site", f"{site.url}/"), allow="true")
    file = desk.folder / "newswarc.toml"
    file.write_text(f'{file.read_text()}\n[report]\nping = "{monitor.url}/{SECRET}"\n')
    crawl = subprocess.Popen([*COMMAND, "crawl", "-q"], cwd=desk.folder, env=environment())
    try:
        wait_until(lambda: f"/{SECRET}/start" in monitor.asked)
        desk.run("crawl", code=6)
        assert monitor.asked == [f"/{SECRET}/start", f"/{SECRET}/6"]
        assert "another run" in desk.run("crawl", "--if-locked", "skip").stderr
        assert desk.run("crawl", "-q", "--if-locked", "skip").stderr == ""
        assert len(monitor.asked) == 2
        crawl.terminate()
        crawl.wait(60)
    finally:
        crawl.kill()
        release.set()
        site.stop()
    assert crawl.returncode == 143
    assert monitor.asked[2:] == [f"/{SECRET}/143"]
