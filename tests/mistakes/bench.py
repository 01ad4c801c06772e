"""What a mistake is made with: a collection, a site to crawl, and a command in surroundings as bad as one likes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from tests.desk import COMMAND, runner
from tests.runner import environment

OK, BUG, USAGE, CONFIG, SOME, ALL, LOCKED, DATABASE, DISK, DAMAGE = range(10)
SIGPIPE = 141
ORDINARY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]  # makes permissions hold for root, too
DEAD = "http://127.0.0.1:9/"  # where nobody listens

HEAD = """\
[collection]
name = "desk"
contact = "desk@newswarc.test"
[crawl]
delay = 0
timeout = 5
workers = 1
allow_private_networks = true
"""
SOURCE = '[[source]]\nname = "paper"\nurl = "{url}"\n'


@dataclass(frozen=True)
class Bench:
    """An empty folder that anybody may enter, a site, and a collection after a crawl to copy from."""

    folder: Path
    site: str
    sample: Path

    def settings(self, text: str | bytes) -> None:
        """Write newswarc.toml as it is given; `{site}` and `{url}` are the site and its home page."""
        (self.folder / "warc").mkdir(exist_ok=True)
        if isinstance(text, str):
            text = text.replace("{url}", f"{self.site}/good/").replace("{site}", self.site).encode()
        (self.folder / "newswarc.toml").write_bytes(text)

    def good(self, url: str = "{url}", more: str = "") -> None:
        """A collection with one source that can be crawled."""
        self.settings(HEAD + SOURCE.replace("{url}", url) + more)

    def crawled(self) -> None:
        """The same after a crawl."""
        shutil.copytree(self.sample, self.folder, dirs_exist_ok=True)

    def database(self, script: str) -> None:
        """Change rows of a collection that was crawled."""
        conn = sqlite3.connect(self.folder / "news.db")
        conn.executescript(script)
        conn.close()

    def mode(self, path: str, mode: int) -> None:
        """Allow or deny something."""
        (self.folder / path).chmod(mode)


Prepare = Callable[[Bench], None]


def steps(*each: Callable[[Bench], object]) -> Prepare:
    """One after the other."""

    def prepare(bench: Bench) -> None:
        for step in each:
            step(bench)

    return prepare


def empty(bench: Bench) -> None:
    """The folder stays as it is."""


@dataclass(frozen=True)
class Mistake:
    """One mistake: how it comes about, what is typed, and how that ends.

    `line`: what is printed, with `...` for what differs; DIR is the collection and SITE the site. `shell`: bash in
    which "$@" is the command. `mend`: after it, a crawl ends with exit code 0.
    """

    what: str
    typed: str | tuple[str | bytes, ...]
    code: int
    line: str
    prepare: Prepare = empty
    _: KW_ONLY
    shell: str = ""
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    ordinary: bool = False  # by a user for whom permissions hold
    mend: Prepare | None = None
    folder: bytes = b"news"
    keeps: tuple[str, ...] = ()  # paths that the command may make

    def command(self) -> str:
        """What was typed, for a person."""
        words = self.typed if isinstance(self.typed, tuple) else shlex.split(self.typed)
        return shlex.join(["newswarc", *(os.fsdecode(word) for word in words)])

    def words(self, bench: Bench) -> list[str | bytes]:
        """What is typed, with the site's address."""
        words = self.typed if isinstance(self.typed, tuple) else tuple(shlex.split(self.typed))
        return [word.replace("SITE", bench.site) if isinstance(word, str) else word for word in words]

    def pattern(self) -> str:
        """The regular expression of `line`."""
        return re.escape(self.line).replace(r"\.\.\.", ".*")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def lines(self, bench: Bench) -> list[str]:
        """All that was printed, without what differs from run to run."""
        text = self.err + self.out
        for found, name in ((str(bench.folder.resolve()), "DIR"), (str(bench.folder), "DIR"), (bench.site, "SITE")):
            text = text.replace(found, name)
        return text.splitlines()


def run(bench: Bench, mistake: Mistake) -> Ended:
    """The command with its mistake."""
    if mistake.shell or mistake.ordinary or mistake.environment:
        return _started(bench, mistake)
    done = runner().run([os.fsdecode(word) for word in mistake.words(bench)], bench.folder, stdin=mistake.stdin)
    return _ended(done)


def _started(bench: Bench, mistake: Mistake) -> Ended:
    command: list[str | bytes] = [*COMMAND, *mistake.words(bench)]
    if mistake.shell:
        command = ["bash", "-c", mistake.shell, "bash", *command]
    if mistake.ordinary and os.getuid() == 0:
        command = [*ORDINARY, *command]
    done = subprocess.run(
        command,
        cwd=bench.folder,
        env=environment() | mistake.environment,
        input=mistake.stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return _ended(done)


def _ended(done: subprocess.CompletedProcess[bytes]) -> Ended:
    return Ended(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
