"""Running the real command against the newsroom, in a process of its own, as a user does. A pytest plugin."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.newsroom.server import Newsroom

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-W", "error", "-c", "import sys; from crawler.cli import main; sys.exit(main())"]


@dataclass(frozen=True)
class Desk:
    """A collection and the command that works on it."""

    folder: Path

    def run(
        self, *arguments: str, code: int | None = 0, stdin: str | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run `newswarc ARGUMENTS` in the collection; its exit code must be `code` unless None."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
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


def environment() -> dict[str, str]:
    """The environment of a command: our checkout, no proxies, no colour."""
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()} | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


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
