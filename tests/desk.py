"""Running the command against the newsroom, in a process of its own. A pytest plugin."""

from __future__ import annotations

import atexit
import io
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.newsroom.server import Newsroom
from tests.runner import ROOT, Runner

# As a user starts it, for tests that watch, signal, trace or kill it.
COMMAND = [sys.executable, "-W", "error", "-c", "import sys; from crawler.cli import main; sys.exit(main())"]


@dataclass(frozen=True)
class Desk:
    """A collection and the command that works on it."""

    folder: Path

    def run(
        self, *arguments: str, code: int | None = 0, stdin: str | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run `newswarc ARGUMENTS` in the collection; its exit code must be `code` unless None."""
        done = newswarc(*arguments, folder=self.folder, stdin=stdin, timeout=timeout)
        assert code is None or done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Rows of a query on the collection's database."""
        conn = sqlite3.connect(self.folder / "news.db")
        try:
            return conn.execute(query, arguments).fetchall()
        finally:
            conn.close()

    def one(self, query: str, *arguments: Any) -> Any:
        """The only value of a query."""
        [[value]] = self.rows(query, *arguments)
        return value

    def write(self, statement: str, *arguments: Any) -> None:
        """Change the collection's database behind newswarc's back."""
        conn = sqlite3.connect(self.folder / "news.db", timeout=30)
        try:
            with conn:
                conn.execute(statement, arguments)
        finally:
            conn.close()

    def configure(self, *sources: tuple[str, str], allow: str, more: str = "", crawl: str = "") -> None:
        """Write newswarc.toml for some (name, url) sources on loopback."""
        tables = "".join(f'[[source]]\nname = "{name}"\nurl = "{url}"\n{more}\n' for name, url in sources)
        head = '[collection]\nname = "desk"\ncontact = "desk@newswarc.test"\n'
        settings = f"[crawl]\ndelay = 0\nallow_private_networks = {allow}\n{crawl}\n"
        (self.folder / "newswarc.toml").write_text(head + settings + tables)
        (self.folder / "warc").mkdir(exist_ok=True)


def newswarc(
    *arguments: str, folder: Path = ROOT, stdin: str | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `newswarc ARGUMENTS` in a folder, whatever comes of it."""
    done = runner().run(arguments, folder, stdin=(stdin or "").encode(), limit=timeout)
    return subprocess.CompletedProcess(done.args, done.returncode, _text(done.stdout), _text(done.stderr))


def _text(printed: bytes) -> str:
    """Lines end with a line feed, as of a subprocess that is read as text."""
    return io.TextIOWrapper(io.BytesIO(printed), "utf-8").read()


@cache
def runner() -> Runner:
    """One for all tests of a process."""
    stack = ExitStack()
    runner = stack.enter_context(Runner(Path(stack.enter_context(TemporaryDirectory()))))
    atexit.register(stack.close)
    return runner


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Look again and again until a condition holds; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    """A fresh newsroom on loopback."""
    with Newsroom(stories=26) as room:
        yield room


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty folder to crawl in."""
    folder = tmp_path / "news"
    folder.mkdir()
    return Desk(folder)


@pytest.fixture
def crawled(desk: Desk, newsroom: Newsroom) -> Desk:
    """A collection with the newsroom as its source, after a first crawl."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "-q")
    return desk
