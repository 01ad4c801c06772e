"""Programs of others that judge our archives, and an archive to judge: of a real crawl. A pytest plugin.

The programs live in an environment of their own (`make referees`); without it their tests are skipped, unless
NEWSWARC_REFEREES=required, as in CI, makes them fail.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import brotli
import pytest
from exchanges import exchange
from hard_server import CASES, Case, Server, serving

from storage.records import Exchange
from storage.urlkey import InvalidURL, canonical
from storage.warc.write import WarcWriter
from tests.desk import COMMAND, Desk
from tests.newsroom import Answer, Fault, Newsroom
from tests.runner import ROOT, environment

REFEREES = ROOT / ".venv-referees"
REQUIRED = os.environ.get("NEWSWARC_REFEREES") == "required"
HARD = 'robots = "ignore"\nrobots_reason = "a test server of ours"\nfeeds = []\nsitemaps = []\nsections = []'


def referee(name: str, *, needs: str | None = None) -> Path:
    """The path of a program or folder in the referees' environment; the test ends here when it is not there."""
    path = REFEREES / ("bin" if needs is None else "") / name
    if not path.exists():
        missing(f"no {name} in .venv-referees: `make referees` makes it" + (f", with {needs}" if needs else ""))
    return path


def missing(reason: str) -> None:
    """Skip a test for want of a program, or fail it where all are required."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


def chromium() -> str:
    """The path of a Chromium; the test ends here when there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        missing("no chromium on PATH: the distribution's package has it")
    return str(found)


def judge(name: str, *arguments: object, cwd: Path | None = None) -> str:
    """What a program says that finds nothing wrong."""
    command = [str(referee(name)), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def free_port() -> int:
    """A port on loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def replaying(folder: Path) -> Iterator[str]:
    """`newswarc replay` of a collection, while it runs; the address of its archive."""
    port = free_port()
    arguments = ["replay", "--port", str(port), "--wayback", str(referee("wayback")), "--collection", str(folder)]
    child = subprocess.Popen(
        [*COMMAND, *arguments], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first.startswith(f"http://127.0.0.1:{port}/news/"), child.communicate(timeout=60)
        yield f"http://127.0.0.1:{port}/news"
    finally:
        child.terminate()
        child.communicate(timeout=60)


@contextmanager
def wayback(folder: Path) -> Iterator[str]:
    """Pywb over the collections in a folder that its own `wb-manager` made; its address."""
    port = free_port()
    command = [referee("wayback"), "-b", "127.0.0.1", "-p", str(port), "-d", str(folder)]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                continue
        assert child.poll() is None, (folder / "log").read_text()[-3000:]
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(timeout=60)


# --- an archive


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A collection after three crawls: edits, removals, redirects, errors, all framings, and hard answers of another server."""
    folder = tmp_path_factory.mktemp("judged") / "news"
    folder.mkdir()
    desk = Desk(folder)
    with Newsroom(stories=26) as newsroom, serving(CASES) as servers:
        hard = [servers.http.url(case.name) for case in CASES if _reachable(servers.http, case)]
        settings = f'[[source]]\nname = "hard"\nurl = "{servers.http.url("/plain")}"\n{HARD}\n'
        desk.configure(("room", newsroom.url), allow='["127.0.0.0/8"]', more=settings)
        _odd_answers(newsroom)
        desk.run("crawl", "room", "-q", code=None)
        newsroom.mend()
        _a_day_later(newsroom)
        desk.run("crawl", "room", "-q", "--now", "--refetch", code=None)
        desk.run("fetch", "-", stdin="\n".join(hard), code=None)
        desk.run("crawl", "room", "-q", "--now", "--refetch", code=None)
    return desk


def _odd_answers(newsroom: Newsroom) -> None:
    """What the newsroom by itself never says."""
    stories = newsroom.site.live
    body = newsroom.site.answer(stories[1].path).body
    coded = Answer(200, brotli.compress(body), headers=(("Content-Encoding", "br"),), compress=False)
    newsroom.replace(stories[1].path, coded)
    newsroom.replace(stories[2].path, Answer(204))
    newsroom.replace(stories[3].path, Answer(301, location=newsroom.url_of(stories[4])))
    for story, fault in zip(stories[5:], (Fault.SERVER_ERROR, Fault.EMPTY, Fault.CUT, Fault.DROP), strict=False):
        newsroom.fault(story.path, fault)


def _a_day_later(newsroom: Newsroom) -> None:
    for story in newsroom.site.live[10:14]:
        newsroom.edit(story)
    newsroom.remove(newsroom.site.live[15])
    newsroom.add()


def _reachable(server: Server, case: Case) -> bool:
    """A case that ends well, at a URL that newswarc asks for as it stands; 429 and 503 would close the host to the others."""
    if case.method != "GET" or case.then != "keep" or case.status in (429, 503):
        return False
    try:
        return canonical(server.url(case.name)) == server.url(case.name)
    except InvalidURL:
        return False


def written(folder: Path, *exchanges: Exchange) -> None:
    """Put exchanges that no crawl makes beside those of a crawl."""
    writer = WarcWriter(folder / "warc", "beside", "newswarc/test")
    for one in exchanges:
        writer.write_exchange(one)
    writer.close()


def head_request() -> Exchange:
    """A HEAD, whose answer names the length of a body that does not come."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4711\r\n\r\n"
    return exchange(
        answer, url="http://gazette.test/head", request=b"HEAD /head HTTP/1.1\r\nHost: gazette.test\r\n\r\n"
    )
