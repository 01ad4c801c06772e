"""The week itself: a run every ten minutes of virtual time, and what befalls some of them."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.week.clock import Clock
from tests.week.journal import Journal, Told, journal
from tests.week.paper import Busy, Paper
from tests.week.plot import STEP, Deed, deeds

START = datetime(2026, 3, 4, 8, tzinfo=UTC)  # the day after the newsroom's first edition
DAY = timedelta(days=1)
RUNS = 1008  # a week
DELAY = 0.3  # seconds between two requests to a host
CRAWL_DELAY = 0.6  # seconds, that one of the papers asks for
PACES = (24.0, 12.0, 8.0, 4.0, 2.0)  # stories a day
FIRST = 6  # stories that each paper begins with
BURST = 3  # further stories of each paper, so that a run has something to do while something befalls it
SPARE = 48 * 1024  # bytes that are left on the disk when it is full
CRON = ("crawl", "-q", "--if-locked", "skip")
CLOSED = "the clock is"  # how the line of a clock that was set back begins


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that was started, and how it ended."""

    number: int
    what: str  # cron, or what befell it
    code: int
    expected: int
    told: str
    began: float  # virtual seconds
    ended: float


@dataclass
class Week:
    """What a week needs, and what came of it."""

    folder: Path
    clock: Clock
    papers: list[Paper]
    runner: Journal
    runs: int
    seed: int
    has_disk: bool
    ended: list[Ended] = field(default_factory=list)
    numbers: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # (paper, number in the plot) -> number in the paper

    @property
    def end(self) -> datetime:
        """When it is over."""
        return START + self.runs * STEP

    def requests(self) -> int:
        """How many the papers have answered."""
        return sum(len(paper._log) for paper in self.papers)


Incident = Callable[[Week, int], None]


@contextmanager
def opened(folder: Path, runs: int, seed: int) -> Iterator[Week]:
    """Papers, their collection (on a small disk of its own where that can be had) and a runner."""
    collection, log = folder / "week", folder / "log"
    collection.mkdir()
    log.mkdir()
    clock = Clock(START)
    papers = _papers(clock, runs, seed)
    with _disk(collection) as has_disk:
        _configure(collection, papers)
        try:
            for paper in papers:
                paper.__enter__()
            with journal(collection, log) as runner:
                yield Week(collection, clock, papers, runner, runs, seed, has_disk)
        finally:
            for paper in papers:
                paper.close()


def _papers(clock: Clock, runs: int, seed: int) -> list[Paper]:
    """One dies for a seventh of the time, one is busy twice, one asks for more patience than we have."""
    papers: list[Paper] = []
    for number in range(len(PACES)):
        port = papers[0].port if papers else 0
        asks = CRAWL_DELAY if number == 3 else 0.0
        papers.append(
            Paper(f"127.0.71.{number + 1}", port, clock, stories=FIRST, seed=100 * seed + number, crawl_delay=asks)
        )
    span = runs * STEP.total_seconds()
    begin = START.timestamp()
    papers[2].down = [(begin + span * 3 / 7, begin + span * 4 / 7)]
    papers[1].busy = [Busy(begin + span / 7, 1500.0, as_date=False), Busy(begin + span * 2 / 7, 2500.0, as_date=True)]
    return papers


def _configure(collection: Path, papers: Sequence[Paper]) -> None:
    allowed = ", ".join(f'"{paper.host}"' for paper in papers)
    head = f'[collection]\nname = "week"\ncontact = "desk@newswarc.test"\n[crawl]\ndelay = {DELAY}\n'
    tables = "".join(
        f'[[source]]\nname = "paper-{number}"\nurl = "{paper.url}"\nfeeds = ["{paper.url}feeds/rss.xml"]\n'
        "sitemaps = []\nsections = []\n"
        for number, paper in enumerate(papers)
    )
    file = collection / "newswarc.toml"
    file.write_text(f"{head}allow_private_networks = [{allowed}]\n{tables}")
    os.utime(file, (START.timestamp() - 60, START.timestamp() - 60))
    (collection / "warc").mkdir()


@contextmanager
def _disk(folder: Path) -> Iterator[bool]:
    """Whether the folder is a disk of its own. Only root can have one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


# --- its runs -----------------------------------------------------------------------------------------------------------


def play(week: Week, incidents: dict[int, Incident], progress: Callable[[int], None] = lambda _: None) -> None:
    """All runs of the week."""
    plan = deeds(START, week.end, list(PACES), week.seed)
    for number in range(week.runs):
        week.clock.put_on(START + number * STEP)
        while plan and plan[0].at <= week.clock.now():
            _do(week, plan.pop(0))
        if number in incidents:
            incidents[number](week, number)
        else:
            run(week, number, "cron")
        progress(number)
    week.clock.put_on(week.end)
    run(week, week.runs, "last", "crawl", "-q", "--now")  # what is late is not lost


def _do(week: Week, deed: Deed) -> None:
    """Let an editor do it. Bursts come between, so that a paper's numbers are not those of the plot."""
    paper, known = week.papers[deed.paper], (deed.paper, deed.number)
    if deed.what == "publish":
        week.numbers[known] = paper.publish(deed.at).number
    elif deed.what == "amend":
        paper.amend(week.numbers[known], deed.at)
    else:
        paper.withdraw(week.numbers[known], deed.at)


def run(week: Week, number: int, what: str, *arguments: str, expected: int = 0, ahead: float = 0.0) -> Ended:
    """One run to its end, on a clock that is `ahead` by some seconds."""
    return _ending(week, number, what, begin(week, *arguments, ahead=ahead), week.clock.seconds(), expected)


def begin(week: Week, *arguments: str, ahead: float = 0.0) -> Told:
    """Start a run."""
    return week.runner.begin(*(arguments or CRON), offset=week.clock.offset + ahead)


def _ending(week: Week, number: int, what: str, running: Told, began: float, expected: int) -> Ended:
    code = running.wait()
    ended = Ended(number, what, code, expected, running.told, began, week.clock.seconds())
    week.ended.append(ended)
    return ended


# --- what befalls them --------------------------------------------------------------------------------------------------


def _burst(week: Week) -> None:
    """Stories at once; and the one that came last is amended."""
    now = week.clock.now()
    for paper in week.papers:
        paper.amend(paper.site.live[-1].number, now)
        for number in range(BURST):
            paper.publish(now - timedelta(minutes=number))


def _until_asked(week: Week, running: Told, more: int) -> None:
    """Wait until the papers were asked so often, or the run has ended."""
    goal = week.requests() + more
    deadline = time.monotonic() + 60
    while week.requests() < goal and time.monotonic() < deadline:
        with suppress(ProcessLookupError):
            os.kill(running.pid, 0)
            time.sleep(0.005)
            continue
        break


def killed(week: Week, number: int) -> None:
    """A busy run is killed at some moment; the next one begins at once, as a person would have it."""
    chance = random.Random(f"{week.seed}:{number}")
    _burst(week)
    began = week.clock.seconds()
    running = begin(week, "crawl", "-q", "--now")
    _until_asked(week, running, chance.randrange(4, 20))
    time.sleep(chance.random() / 5)  # a moment that is none in particular
    running.kill()
    _ending(week, number, "killed", running, began, -9)
    run(week, number, "after a kill")


def locked_out(week: Week, number: int) -> None:
    """A run begins while another holds the collection: it fails."""
    _overlap(week, number, "locked out", ("crawl", "-q"), 6)


def skipped(week: Week, number: int) -> None:
    """The same, as generated schedules have it: it has nothing to say."""
    _overlap(week, number, "skipped", CRON, 0)


def patient(week: Week, number: int) -> None:
    """The same, but it waits for its turn, and asks no host too soon after the other."""
    _overlap(week, number, "waited", ("crawl", "-q", "--now", "--if-locked", "wait"), 0)


def _overlap(week: Week, number: int, what: str, arguments: Sequence[str], expected: int) -> None:
    _burst(week)
    began = week.clock.seconds()
    first = begin(week, "crawl", "-q", "--now")
    _until_asked(week, first, 5)
    run(week, number, what, *arguments, expected=expected)
    _ending(week, number, "overlapped", first, began, 0)


def full_disk(week: Week, number: int) -> None:
    """The disk is full in the middle of a run; then there is room again."""
    if not week.has_disk:
        run(week, number, "cron")
        return
    _burst(week)
    used = os.statvfs(week.folder)
    size = (used.f_blocks - used.f_bfree) * used.f_frsize + SPARE
    _resize(week, str(size))
    try:
        run(week, number, "disk full", "crawl", "-q", "--now", expected=8)
    finally:
        _resize(week, "4g")


def _resize(week: Week, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", week.folder], check=True)


def set_back(week: Week, number: int) -> None:
    """The clock of one run is an hour behind. It is told so; nothing else is wrong with it."""
    run(week, number, "clock set back", ahead=-3600.0)
