"""Moments at which a run is slow to hear: a site, a collection, a crawl, and what holds it up. A pytest plugin."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from storage.runs.lock import HOLDER_NAME
from tests.desk import COMMAND, Desk, wait_until
from tests.hostile.faults import Story
from tests.hostile.server import Answer, Line, Server
from tests.runner import environment

STORIES = [Story(number, "harbour") for number in range(1, 5)]
SLOW = STORIES[1]  # the page that something happens to
HEEDED = ["env", "--default-signal=HUP,INT,TERM"]  # whoever started these tests may have them ignored
CRAWL = """\
[collection]
name = "desk"
contact = "desk@newswarc.test"
[crawl]
delay = {delay}
timeout = {timeout}
workers = 1
allow_private_networks = true
[[source]]
name = "paper"
url = "{url}"
"""
PENDING = """
    PRAGMA foreign_keys = OFF;
    DELETE FROM versions; DELETE FROM extractions; DELETE FROM aliases; DELETE FROM articles;
    DELETE FROM outcomes WHERE kind = 'article';
    UPDATE urls SET state = 'pending', article_id = NULL, next_fetch_at = discovered_at, last_fetch_at = NULL
        WHERE kind = 'article';
    UPDATE captures SET pending = 1 WHERE kind = 'article';
"""


@dataclass
class Stage:
    """A site, a collection, and the crawl that gets the signal."""

    desk: Desk
    server: Server
    url: str = ""
    delay: float = 0
    timeout: float = 60
    wrapper: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """The site as it is when all is well."""
        links = "".join(f'<h2><a href="{story.path}">{story.title}</a></h2>' for story in STORIES)
        self.server.answers = {"/": lambda line: line.reply(links.encode())}
        self.server.answers |= {story.path: _page(story) for story in STORIES}
        self.url, self.delay, self.wrapper = f"{self.server.url}/", 0, []

    def configure(self) -> None:
        """newswarc.toml."""
        (self.desk.folder / "warc").mkdir(exist_ok=True)
        (self.desk.folder / "newswarc.toml").write_text(CRAWL.format(url=self.url, delay=self.delay, timeout=self.timeout))

    def start(self, *options: str) -> subprocess.Popen[str]:
        """The crawl, in a process group of its own as a shell would start it."""
        self.configure()
        return subprocess.Popen(
            [*HEEDED, *self.wrapper, *COMMAND, "crawl", "-q", "--now", *options],
            cwd=self.desk.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def _page(story: Story) -> Answer:
    return lambda line: line.reply(story.page())


@pytest.fixture
def stage(desk: Desk) -> Iterator[Stage]:
    """A site that answers well, and an empty collection."""
    stage = Stage(desk, Server("127.0.0.1"))
    stage.settle()
    yield stage
    stage.server.stop()


# --- processes --------------------------------------------------------------------------------------------------------


def _stat(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def family(pid: int) -> dict[int, str]:
    """The process and all that came of it, each with the moment of its start, which tells it from a later one."""
    stats = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found, grown = {pid}, True
    while grown:
        more = {child for child, stat in stats.items() if stat and int(stat[1]) in found} - found
        found, grown = found | more, bool(more)
    return {each: stats[each][19] for each in found if stats.get(each)}


def alive(before: dict[int, str]) -> list[int]:
    """Those of a family that still run; what only waits to be reaped does not."""
    now = {pid: _stat(pid) for pid in before}
    return [pid for pid, stat in now.items() if stat and stat[19] == before[pid] and stat[0] not in "ZX"]


# --- moments: each is reached when its function returns ---------------------------------------------------------------

Reached = Callable[[subprocess.Popen[str]], None]
Moment = Callable[[Stage], AbstractContextManager[Reached]]


def _holding(stage: Stage, crawl: subprocess.Popen[str]) -> bool:
    with suppress(OSError):
        return (stage.desk.folder / HOLDER_NAME).read_text().startswith(f"{crawl.pid}\n")
    return False


def asked_for(stage: Stage, path: str) -> Callable[[], bool]:
    """Whether a path is asked for from here on."""
    before = stage.server.asked.count(path)
    return lambda: stage.server.asked.count(path) > before


@contextmanager
def opening(stage: Stage) -> Iterator[Reached]:
    """The run has just got its lock."""
    yield lambda crawl: wait_until(lambda: _holding(stage, crawl))


@contextmanager
def locked(stage: Stage) -> Iterator[Reached]:
    """Another process holds the database."""
    stage.start().communicate()
    holder = sqlite3.connect(stage.desk.folder / "news.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    yield lambda crawl: wait_until(lambda: _holding(stage, crawl))
    holder.execute("ROLLBACK")
    holder.close()


@contextmanager
def recovering(stage: Stage) -> Iterator[Reached]:
    """Pages of a killed run are being read, by workers that never end."""
    stage.start().communicate()
    conn = sqlite3.connect(stage.desk.folder / "news.db")
    conn.executescript(PENDING)
    conn.close()
    yield _stop_workers


def _workers(crawl: subprocess.Popen[str]) -> list[int]:
    """What the forker, which is a child of the run, has forked."""
    return [pid for pid in family(crawl.pid) if pid != crawl.pid and int((_stat(pid) or "00")[1]) != crawl.pid]


def _stop_workers(crawl: subprocess.Popen[str]) -> None:
    """Stop the worker as soon as it is there: it never answers, and looks at no socket or clock."""
    wait_until(lambda: bool(_workers(crawl)))
    for pid in _workers(crawl):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)


@contextmanager
def looking_up(stage: Stage) -> Iterator[Reached]:
    """The name server says nothing."""
    resolver = stage.desk.folder.parent / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.153\noptions timeout:30 attempts:3\n")
    bind = f"mount --bind {resolver} /etc/resolv.conf"
    if subprocess.run(["unshare", "--mount", "sh", "-c", bind], capture_output=True, check=False).returncode:
        pytest.skip("no name server of our own here")
    stage.wrapper = ["unshare", "--mount", "sh", "-c", f'{bind} && exec "$@"', "sh"]
    stage.url = "http://paper.newswarc.test/"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.153", 53))
        mute.settimeout(60)
        yield lambda _: mute.recv(512) and None
    stage.settle()


@contextmanager
def connecting(stage: Stage) -> Iterator[Reached]:
    """A host that leaves the first packet of a connection unanswered."""
    with ExitStack() as sockets:
        deaf = sockets.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(3):  # more than it has room for
            caller = sockets.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        port = deaf.getsockname()[1]
        stage.url = f"http://127.0.0.1:{port}/"
        before = _calls(port)
        yield lambda _: wait_until(lambda: _calls(port) > before)
    stage.settle()


def _calls(port: int) -> int:
    """How many connections to a port wait for their first answer."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[2].endswith(f":{port:04X}") and line.split()[3] == "02" for line in lines)


@contextmanager
def stalling(stage: Stage) -> Iterator[Reached]:
    """A page of which only the first half comes."""

    def half(line: Line) -> None:
        body = SLOW.page()
        line.head(f"Content-Length: {len(body)}")
        line.send(body[: len(body) // 2])
        line.stall()

    stage.server.answers[SLOW.path] = half
    reached = asked_for(stage, SLOW.path)
    yield lambda _: wait_until(reached)
    stage.settle()


@contextmanager
def parsing(stage: Stage) -> Iterator[Reached]:
    """A page lies with a worker that never ends."""
    stopped = threading.Event()

    def late(line: Line) -> None:
        stopped.wait(60)
        line.reply(SLOW.page())

    stage.server.answers[SLOW.path] = late
    reached = asked_for(stage, SLOW.path)

    def stuck(crawl: subprocess.Popen[str]) -> None:
        wait_until(reached)
        _stop_workers(crawl)
        stopped.set()
        archived = "SELECT id FROM captures WHERE pending AND url LIKE ?"
        wait_until(lambda: bool(stage.desk.rows(archived, f"%{SLOW.path}")))

    yield stuck
    stage.settle()


@contextmanager
def writing(stage: Stage) -> Iterator[Reached]:
    """A page of many megabytes, which gzip cannot make small, is on its way to the archive."""
    piece = os.urandom(1 << 19).hex().encode()
    sent = []

    def big(line: Line) -> None:
        start = SLOW.page() + b"<!--"
        line.head(f"Content-Length: {len(start) + 48 * len(piece)}")
        line.send(start)
        for _ in range(48):
            line.send(piece)
        sent.append(True)

    stage.server.answers[SLOW.path] = big
    yield lambda _: wait_until(lambda: bool(sent))
    stage.settle()


@contextmanager
def waiting(stage: Stage) -> Iterator[Reached]:
    """robots.txt is on its way, and the page behind it has to wait a minute for its turn."""
    stage.delay = 60

    def late(line: Line) -> None:
        threading.Event().wait(1)  # until the signal was heard
        line.reply(b"User-agent: *\nAllow: /\n")

    stage.server.answers["/robots.txt"] = late
    reached = asked_for(stage, "/robots.txt")
    yield lambda _: wait_until(reached)
    stage.settle()


MOMENTS: list[Moment] = [opening, locked, recovering, looking_up, connecting, stalling, parsing, writing, waiting]


# --- what must hold afterwards ----------------------------------------------------------------------------------------


def carries_on(stage: Stage) -> None:
    """The next run does the rest: every story is stored once, and archive and database agree."""
    stage.configure()
    stage.desk.run("crawl", "-q", "--now")
    assert sorted(stage.desk.rows("SELECT url, version FROM v_articles")) == [
        (stage.server.url + story.path, 1) for story in STORIES
    ]
    assert stage.desk.rows("SELECT id FROM captures WHERE pending") == []
    assert unfinished(stage) == []
    stage.desk.run("verify")


def unfinished(stage: Stage) -> list[str]:
    """Files of a writer that did not come to its end."""
    return [path.name for path in (stage.desk.folder / "warc").iterdir() if not re.search(r"\.(gz|cdxj)$", path.name)]
