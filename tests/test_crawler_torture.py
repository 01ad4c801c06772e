"""Kill -9 at any moment, and resumed: nothing is missing, nothing is there twice, nothing is half."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from proof import Proven, prove
from rebuilt import assert_rebuilt

from storage.runs.lock import HOLDER_NAME
from tests.desk import Desk, wait_until
from tests.killing import KILLS, OUTLIVE_SECONDS, REFETCH, begin, kill, processes_in
from tests.newsroom.server import Newsroom
from tests.newsroom.site import Answer

SEED = int(os.environ.get("NEWSWARC_KILL_SEED", "1"))
STORIES = 420
A_ROUND = 25  # kills of one collection
ROUNDS = [(number, min(A_ROUND, KILLS - start)) for number, start in enumerate(range(0, KILLS, A_ROUND))]
WITH_TWINS = 3  # the first stories have further URLs, whose pages are others than theirs until both were fetched anew
DONE = 440  # answers of a run that fetches all anew


def configure(desk: Desk, newsroom: Newsroom, more: str = "") -> None:
    """A collection with the newsroom as its source."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', crawl=f"workers = 2\n{more}")


@dataclass
class Torturer:
    """Kills crawls of one collection where chance has it, and keeps count of what they were at."""

    desk: Desk
    newsroom: Newsroom
    chance: random.Random
    hits: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0  # s that a process outlived its crawl

    def kill_one(self) -> bool:
        """Let a crawl run and kill it; whether it still ran."""
        configure(self.desk, self.newsroom, self.chance.choice(("", "max_warc_bytes = 60_000")))
        before = self._names()
        answered = len(self.newsroom.log)
        crawling = begin(self.desk)
        self._wait(crawling, before, answered)
        if crawling.poll() is not None:
            assert crawling.returncode == 0
            return False
        self.longest = max(self.longest, kill(crawling, self.desk, group=self.chance.random() < 0.3))
        if crawling.returncode == 0:
            return False
        self.hits[self._doing(crawling.pid, before, answered)] += 1
        return True

    def _wait(self, crawling: subprocess.Popen[bytes], before: set[str], answered: int) -> None:
        """Until it is time: early, while a run opens and puts things right; after some answers; or when it is closing."""
        dice, jitter = self.chance.random(), self.chance.random()
        answers, seconds = 1 + int(self.chance.random() ** 2 * DONE), jitter * 0.05
        if dice < 0.1:
            seconds = jitter
        elif dice < 0.2:
            self._until(crawling, lambda: self._holds(crawling.pid))
        elif dice < 0.3:
            self._until(crawling, lambda: self._holds(crawling.pid) and not self._recovering(before))
            seconds = jitter * 0.5
        elif dice < 0.4:
            self._until(crawling, lambda: self._is_renaming(before))
            seconds = 0
        elif dice < 0.5:
            self._until(crawling, lambda: self._is_closing(answered))
            seconds = jitter * 0.2
        else:
            self._until(crawling, lambda: len(self.newsroom.log) >= answered + answers)
        deadline = time.monotonic() + seconds
        while crawling.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)

    def _names(self) -> set[str]:
        return {path.name for path in (self.desk.folder / "warc").iterdir()}

    def _recovering(self, before: set[str]) -> bool:
        return bool({name for name in before if name.endswith(".open")} & self._names())

    def _is_renaming(self, before: set[str]) -> bool:
        return any(name.endswith((".tmp", ".new")) for name in self._names() - before)

    def _is_closing(self, answered: int) -> bool:
        """Whether the newsroom, having given nearly all that it has, is not asked any more."""
        log = self.newsroom.log
        return len(log) > answered + DONE - 40 and time.time() - log[-1].started > 0.15

    @staticmethod
    def _until(crawling: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while crawling.poll() is None and not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.001)

    def _holds(self, pid: int) -> bool:
        try:
            return (self.desk.folder / HOLDER_NAME).read_text().startswith(f"{pid}\n")
        except OSError:
            return False

    def _doing(self, pid: int, before: set[str], answered: int) -> str:
        """What a run was at when it was killed, as far as its files tell."""
        if not self._holds(pid):
            return "before it had the lock"
        if self._recovering(before):
            return "recovery of files"
        if len(self.newsroom.log) == answered:
            return "opening, and reading what was left unread"
        if self._is_renaming(before):
            return "rename"
        own = {name for name in self._names() - before if f"{name}.open" not in before}
        return "closing" if own and not any(name.endswith(".open") for name in own) else "fetching"

    def edit_some(self) -> None:
        """Stories get another wording, and one is new."""
        live = self.newsroom.site.live[WITH_TWINS:]
        for story in self.chance.sample(live, self.chance.randrange(5, 25)):
            self.newsroom.edit(story)
        self.newsroom.add()


@pytest.mark.parametrize(("number", "kills"), ROUNDS)
@pytest.mark.timeout(300 + 40 * A_ROUND)
def test_killed_again_and_again_a_crawl_ends_as_if_it_never_had_been(desk: Desk, number: int, kills: int) -> None:
    """Killed at seeded moments and resumed, with edits between: every story once, every wording, every row proven."""
    with Newsroom(stories=STORIES, seed=SEED) as newsroom:
        torturer = Torturer(desk, newsroom, random.Random(f"{SEED}:{number}"))
        began = time.monotonic()
        while torturer.hits.total() < kills:
            torturer.kill_one()
            torturer.edit_some()
        configure(desk, newsroom)
        desk.run("crawl", "-q", timeout=240)  # puts right; an unread page is no known article yet
        desk.run(*REFETCH, timeout=240)
        proven = prove(desk, newsroom)
        newsroom.site.remove(newsroom.site.live[WITH_TWINS])
        desk.run(*REFETCH, timeout=240)
        gone = desk.one("SELECT count(*) FROM v_articles WHERE gone_at IS NOT NULL")
        desk.run("withdraw", newsroom.site.url(newsroom.site.live[WITH_TWINS]), "--reason", "asked for")
    assert gone == 1
    assert_rebuilt(desk, desk.folder.parent / "again.db")
    report(torturer, proven, time.monotonic() - began)


def report(torturer: Torturer, proven: Proven, seconds: float) -> None:
    """What was done, for `pytest -s` and for the file that NEWSWARC_KILL_REPORT names."""
    lines = [f"{torturer.hits.total()} kills in {seconds:.0f} s; {proven}; outlived by {torturer.longest:.3f} s at most"]
    lines += [f"{count:5} {what}" for what, count in torturer.hits.most_common()]
    text = "\n".join(lines)
    print(f"\n{text}")
    if name := os.environ.get("NEWSWARC_KILL_REPORT"):
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


# --- workers ----------------------------------------------------------------------------------------------------------


def workers_of(desk: Desk) -> dict[int, float]:
    """The processes of a crawl but the first, and the CPU time that each has used (s)."""
    found = {}
    for pid, command in processes_in(desk.folder).items():
        if "worker_main" in command:
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                found[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


@pytest.fixture
def small(desk: Desk, newsroom: Newsroom) -> Newsroom:
    """A newsroom of some stories, and a collection of them."""
    configure(desk, newsroom)
    return newsroom


def test_a_busy_worker_does_not_outlive_its_crawl(desk: Desk, small: Newsroom) -> None:
    """Killed in the middle of a page that takes it long, with workers that have nothing to do beside it."""
    sentence = "<div><p>Sentence {0} of a <b>very</b> long story, with <a href='/{0}'>links</a>.</p></div>"
    rows = "".join(map(sentence.format, range(90_000)))
    small.replace(small.url_of(small.site.live[5]), Answer(200, f"<html><article>{rows}</article></html>".encode()))
    crawling = begin(desk, "crawl", "-q")
    wait_until(lambda: crawling.poll() is not None or _is_busy(desk))
    assert crawling.poll() is None
    assert kill(crawling, desk) < OUTLIVE_SECONDS


def _is_busy(desk: Desk) -> bool:
    """Whether a worker (a fork: its CPU time begins anew) is at something that takes more than a usual page."""
    cpu = workers_of(desk)
    return len(cpu) > 1 and max(seconds for pid, seconds in cpu.items() if pid != min(cpu)) > 1.0


@pytest.mark.parametrize("seed", range(6))
def test_a_forker_that_still_imports_does_not_outlive_its_crawl(desk: Desk, small: Newsroom, seed: int) -> None:
    """Killed as soon as it is there, or a moment later."""
    crawling = begin(desk, "crawl", "-q")
    wait_until(lambda: bool(workers_of(desk)))
    later = time.monotonic() + random.Random(seed).random() * 0.15 * seed
    wait_until(lambda: time.monotonic() >= later)
    assert kill(crawling, desk) < OUTLIVE_SECONDS


def test_all_processes_killed_at_once(desk: Desk, small: Newsroom) -> None:
    """As a service manager or a machine without memory does it: the next crawl is complete."""
    crawling = begin(desk, "crawl", "-q")
    wait_until(lambda: len(small.log) > 30 or crawling.poll() is not None)
    kill(crawling, desk, group=True)
    assert crawling.returncode == -signal.SIGKILL
    desk.run("crawl", "-q")
    prove(desk, small)
