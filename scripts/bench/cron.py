"""What a run costs that finds little to do: the usual one under cron. A plain Scrapy spider asks the same in the same run."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from scripts.bench.crawling import COMMAND, TWO_CORES
from scripts.bench.figures import Figure
from scripts.bench.processes import on_cores, resident_mb
from scripts.bench.serve import free_port

WALL, MEMORY, IDLE = 60.0, 400.0, 2.0  # seconds, MB, seconds
IDLE_SOURCES = 200
_FEED = (
    b'<?xml version="1.0"?><rss version="2.0"><channel><title>Desk</title><link>/</link>'
    b"<item><title>Ferry sails</title><link>/2026/03/01/ferry-sails</link></item></channel></rss>"
)
_PAGE = b"<!doctype html><title>Desk</title><h1>Desk</h1><p>Front page.</p>"
_PEER = """
import json, sys, scrapy
from scrapy.crawler import CrawlerProcess
class Spider(scrapy.Spider):
    name = "peer"
    async def start(self):
        for url in json.load(open(sys.argv[1])):
            yield scrapy.Request(url, headers={"If-None-Match": '"1"'}, dont_filter=True)
    handle_httpstatus_list = [304]
    def parse(self, response): self.crawler.stats.inc_value("seen")
process = CrawlerProcess({"LOG_LEVEL": "ERROR", "TELNETCONSOLE_ENABLED": False, "ROBOTSTXT_OBEY": False,
    "REMOTE_CONTROL_ENABLED": False, "CONCURRENT_REQUESTS": 32, "COOKIES_ENABLED": False})
crawler = process.create_crawler(Spider)
process.crawl(crawler)
process.start()
sys.exit(crawler.stats.get_value("seen") != int(sys.argv[2]))
"""


def figures(seeds: int) -> Iterator[Figure]:
    """`seeds` feeds on hosts of their own, all due and all unchanged; then some sources of which none is due."""
    port = free_port()
    with _serving(port), tempfile.TemporaryDirectory(prefix="newswarc-bench-") as scratch:
        folder = Path(scratch) / "collection"
        hosts = [f"127.{1 + n // 62_500}.{n // 250 % 250}.{1 + n % 250}" for n in range(seeds)]
        _collection(folder, hosts, port)
        _crawl(folder, "--max-pages", "1")
        _only_feeds_are_due(folder)
        wall, memory = _crawl(folder)
        asked = _count(folder, "http_status = 304")
        yield Figure(
            f"{asked:,} due seeds, all answered 304",
            f"{wall:.1f} s",
            f"<= {WALL:.0f} s",
            wall <= WALL and asked == seeds,
        )
        yield Figure(
            "memory of the main process meanwhile, at most", f"{memory:.0f} MB", f"<= {MEMORY:.0f} MB", memory <= MEMORY
        )
        yield Figure(
            "a plain Scrapy spider that asks the same",
            f"{_peer(Path(scratch), hosts, port):.1f} s",
            note="no archive, no database, no robots.txt",
        )
        yield from _idle(Path(scratch) / "idle", hosts[:IDLE_SOURCES], port)


def _idle(folder: Path, hosts: Sequence[str], port: int) -> Iterator[Figure]:
    _collection(folder, hosts, port)
    _crawl(folder, "--max-pages", "1")
    _write(folder, "UPDATE urls SET next_fetch_at = '2999-01-01T00:00:00.000Z' WHERE next_fetch_at IS NOT NULL")
    wall = min(_crawl(folder)[0] for _ in range(3))
    yield Figure(
        f"{len(hosts)} sources, none due", f"{wall:.2f} s", f"< {IDLE:.0f} s", wall < IDLE, "the best of three"
    )


def _collection(folder: Path, hosts: Sequence[str], port: int) -> None:
    subprocess.run([*COMMAND, "--quiet", "init", str(folder), "--name", "bench"], check=True)
    settings = ["[collection]", 'name = "bench"', 'contact = "https://bench.newswarc.org/"']
    settings += ["[crawl]", 'allow_private_networks = ["127.0.0.0/8"]']
    for number, host in enumerate(hosts):
        root = f"http://{host}:{port}"
        settings += ["[[source]]", f'name = "s{number}"', f'url = "{root}/"', f'feeds = ["{root}/feed.xml"]']
        settings += ["sitemaps = []", "sections = []"]
    (folder / "newswarc.toml").write_text("\n".join(settings) + "\n", encoding="utf-8")


def _crawl(folder: Path, *options: str) -> tuple[float, float]:
    """Seconds, and MB at most, of one run."""
    started, most = time.monotonic(), 0.0
    with on_cores(sorted(os.sched_getaffinity(0))[:TWO_CORES]):
        process = subprocess.Popen([*COMMAND, "crawl", "--quiet", "--collection", str(folder), *options])
    while process.poll() is None:
        most = max(most, resident_mb(process.pid))
        time.sleep(0.02)
    wall = time.monotonic() - started
    if process.returncode != 0:
        raise SystemExit(f"newswarc crawl ended with {process.returncode}")
    return wall, most


def _only_feeds_are_due(folder: Path) -> None:
    _write(folder, "UPDATE urls SET next_fetch_at = '2999-01-01T00:00:00.000Z' WHERE next_fetch_at IS NOT NULL")
    _write(folder, "UPDATE urls SET next_fetch_at = '2026-01-01T00:00:00.000Z' WHERE kind = 'feed'")


def _write(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "news.db")) as database, database:
        database.execute(statement)


def _count(folder: Path, condition: str) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'news.db'}?mode=ro", uri=True)) as database:
        return int(database.execute(f"SELECT count(*) FROM v_captures WHERE {condition}").fetchone()[0])  # noqa: S608 - ours


def _peer(scratch: Path, hosts: Sequence[str], port: int) -> float:
    (scratch / "urls.json").write_text(
        json.dumps([f"http://{host}:{port}/feed.xml" for host in hosts]), encoding="utf-8"
    )
    started = time.monotonic()
    with on_cores(sorted(os.sched_getaffinity(0))[:TWO_CORES]):
        subprocess.run([sys.executable, "-c", _PEER, str(scratch / "urls.json"), str(len(hosts))], check=True)
    return time.monotonic() - started


# ---- the server, in a process of its own


@contextmanager
def _serving(port: int) -> Iterator[None]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_run, args=(port, theirs))
    process.start()
    try:
        if not ours.poll(60) or ours.recv() != "ready":
            raise SystemExit("the server of the benchmark did not start")
        yield
    finally:
        process.terminate()
        process.join()


class _Talk(asyncio.Protocol):
    """One connection: a feed and a page with an ETag, no robots.txt."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._held = b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._held.endswith(b"\r\n\r\n"):
            self._transport.write(_answer(self._held))
            self._held = b""


def _answer(request: bytes) -> bytes:
    target = request.split(b" ", 2)[1]
    if target == b"/robots.txt":
        body = b"User-agent: *\nAllow: /\n"
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    if b"if-none-match" in request.lower():
        return b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
    kind, body = (b"application/rss+xml", _FEED) if target == b"/feed.xml" else (b"text/html", _PAGE)
    return b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s' % (kind, len(body), body)


def _run(port: int, ready: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    asyncio.run(_serve(port, ready))


async def _serve(port: int, ready: Connection) -> None:
    await asyncio.get_running_loop().create_server(_Talk, "0.0.0.0", port, backlog=1024)  # noqa: S104 - any 127.x address
    ready.send("ready")
    await asyncio.Event().wait()
