"""Kill -9 at any moment, and resumed: nothing is missing, nothing is there twice, nothing is half."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from desk import Desk, wait_until
from killing import REFETCH, begin, kill, outlived, processes_in
from proof import Proven, prove

from storage.lock import HOLDER_NAME
from tests.newsroom.server import Newsroom
from tests.newsroom.site import Answer

KILLS = int(os.environ.get("NEWSWARC_KILLS", "4"))
SEED = int(os.environ.get("NEWSWARC_KILL_SEED", "1"))
STORIES = 420
A_ROUND = 25  # kills of one collection
ROUNDS = [(number, min(A_ROUND, KILLS - start)) for number, start in enumerate(range(0, KILLS, A_ROUND))]
WITH_TWINS = 3  # the first stories have further URLs, whose pages are others than theirs until both were fetched anew
FIRST_ANSWERS = 30  # of robots.txt and seeds
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
        before = {path.name for path in (self.desk.folder / "warc").iterdir()}
        answered = len(self.newsroom.log)
        crawling = begin(self.desk)
        self._wait(crawling, answered)
        if crawling.poll() is not None:
            assert crawling.returncode == 0
            return False
        self.longest = max(self.longest, kill(crawling, self.desk, group=self.chance.random() < 0.3))
        if crawling.returncode == 0:
            return False
        self.hits[self._doing(crawling.pid, before, answered)] += 1
        return True

    def _wait(self, crawling: subprocess.Popen[bytes], answered: int) -> None:
        """Until it is time: early, while a run opens and puts things right; after some answers; or when it is closing."""
        dice, jitter = self.chance.random(), self.chance.random()
        if dice < 0.15:
            self._until(crawling, lambda: self._holds(crawling.pid))
            seconds = jitter * 0.4
        elif dice < 0.3:
            seconds = jitter * 2
        elif dice < 0.4:
            self._until(crawling, lambda: len(self.newsroom.log) >= answered + DONE)
            seconds = jitter * 0.3
        else:
            answers = answered + 1 + int(self.chance.random() ** 2 * DONE)
            self._until(crawling, lambda: len(self.newsroom.log) >= answers)
            seconds = jitter * 0.05
        deadline = time.monotonic() + seconds
        while crawling.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)

    @staticmethod
    def _until(crawling: subprocess.Popen[bytes], condition) -> None:
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
        names = {path.name for path in (self.desk.folder / "warc").iterdir()}
        left = {name for name in before if name.endswith(".open")}
        if not self._holds(pid):
            return "before it had the lock"
        if left & names:
            return "recovery of the files of the one before"
        if len(self.newsroom.log) == answered:
            return "opening, or reading of what the one before had left unread"
        if any(name.endswith((".tmp", ".new")) for name in names - before):
            return "renaming"
        own = {name for name in names - before if f"{name}.open" not in before}
        if not any(name.endswith(".open") for name in own) and own:
            return "closing"
        return "fetching"

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
        desk.run(*REFETCH, timeout=240)
        proven = prove(desk, newsroom)
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
