"""Kill -9 at certain calls to the kernel: the moments at which a crash could leave half of something, hit for certain."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from proof import prove

from storage.warc.recover import captures
from tests.desk import Desk
from tests.killing import REFETCH, THOROUGH, Call, killed_at, strace_works
from tests.newsroom.server import Newsroom

RENAME, UNLINK = "rename(at2?)?", "unlink(at)?"
SMALL_FILES = "max_warc_bytes = 10_000"
WAL = "/news.db-wal>"
WARC, CDXJ, NEW, TMP = ".warc.gz.open", ".cdxj.open", ".warc.gz.open.new", ".cdxj.tmp"

pytestmark = [
    pytest.mark.skipif(not strace_works(), reason="strace is not installed, or may not trace here"),
    pytest.mark.timeout(600),
]


@dataclass(frozen=True)
class Scene:
    """What a killed crawl has left, and the calls to the kernel of the thread that was killed at the last of them."""

    desk: Desk
    calls: Sequence[Call]
    before: frozenset[str]  # files of the archive before the run

    def last(self, *parts: str, back: int = 1) -> bool:
        """Whether the last call (or one before it) has all these in its name and arguments."""
        if len(self.calls) < back:
            return False
        call = self.calls[-back]
        return all(part in f"{call.name}({call.arguments}" for part in parts)

    def left(self, suffix: str) -> set[str]:
        """Files of the archive that end in this."""
        return {path.name for path in (self.desk.folder / "warc").iterdir() if path.name.endswith(suffix)}

    def one(self, query: str) -> Any:
        """The value of a query on a copy of the database: the next run is to find it as it is."""
        with TemporaryDirectory() as folder:
            for path in self.desk.folder.glob("news.db*"):
                shutil.copy(path, folder)
            conn = sqlite3.connect(Path(folder) / "news.db")
            [[value]] = conn.execute(query)
            conn.close()
            return value

    def without_row(self) -> int:
        """Whole exchanges in the archive that have no row."""
        there = sum(len(list(captures(path))) for path in (self.desk.folder / "warc").glob("*.warc.gz*"))
        return there - int(self.one("SELECT count(*) FROM captures"))

    def not_entered(self) -> int:
        """Files that have their final name while no row says so."""
        entered = self.one("SELECT count(*) FROM warc_files WHERE closed_at IS NOT NULL")
        return len(self.left(".warc.gz")) - int(entered)


@dataclass(frozen=True)
class Moment:
    """A call that kills, by its name and number in its thread; and how to tell that the moment was hit."""

    calls: str
    numbers: range
    hit: Callable[[Scene], bool]
    also: str = ""
    start: str = "crawled"
    crawl: str = ""
    quick: bool = False  # also in a short run


def _open_and(scene: Scene, *suffixes: str) -> bool:
    return all(scene.left(suffix) for suffix in (WARC, *suffixes))


MOMENTS = {
    "between the sync of the WARC and the commit": Moment(
        "fdatasync",
        range(6, 20),
        lambda s: s.last(CDXJ) and s.last(WARC, back=2) and s.without_row() > 0,
        quick=True,
    ),
    "after an exchange was written, before it is synced": Moment(
        "fdatasync", range(6, 20), lambda s: s.last(WARC) and s.last("write", CDXJ, back=2) and s.without_row() > 0, also="write"
    ),
    "within an exchange": Moment("write", range(5, 30), lambda s: s.last("write", CDXJ) and s.last("write", WARC, back=2)),
    "within the commit": Moment(
        "pwrite64", range(60, 120), lambda s: s.last(WAL) and s.last(WAL, back=2) and s.without_row() > 0, quick=True
    ),
    "when the commit is written and not yet synced": Moment(
        "fdatasync", range(6, 20), lambda s: s.last(WAL) and s.last(CDXJ, back=2) and s.without_row() == 0
    ),
    "after the commit, before anybody is told and the next job begins": Moment(
        "fcntl",
        range(46, 90),
        lambda s: s.last("fcntl", "F_UNLCK") and s.last("fdatasync", WAL, back=2) and s.without_row() == 0,
        also="fdatasync",
        quick=True,
    ),
    "before a file has its first name": Moment(RENAME, range(1, 3), lambda s: s.last(NEW) and bool(s.left(NEW)), quick=True),
    "between a file's warcinfo and its first exchange": Moment(
        "fsync", range(1, 4), lambda s: s.last("/warc>") and any(_has_nothing(s, name) for name in s.left(WARC))
    ),
    "rollover: while the index is synced": Moment(
        "fsync", range(2, 9), lambda s: s.last(TMP) and _open_and(s, TMP), crawl=SMALL_FILES
    ),
    "rollover: before the index has its name": Moment(
        RENAME, range(2, 6), lambda s: s.last(TMP) and _open_and(s, TMP, CDXJ), crawl=SMALL_FILES
    ),
    "rollover: between the index and the name of the WARC": Moment(
        RENAME,
        range(3, 7),
        lambda s: s.last(WARC) and not s.last(NEW) and {n[:-5] for n in s.left(WARC)} <= _indexed(s),
        crawl=SMALL_FILES,
        quick=True,
    ),
    "rollover: between the name and the end of the open index": Moment(
        UNLINK, range(1, 5), lambda s: s.last(CDXJ) and bool(_indexed(s) & s.left(".warc.gz") - s.before), crawl=SMALL_FILES
    ),
    "rollover: before the names are synced": Moment(
        "fsync", range(3, 9), lambda s: s.last("/warc>") and not s.left(WARC) and s.not_entered() == 1, crawl=SMALL_FILES
    ),
    "rollover: before the next file has a name": Moment(
        RENAME, range(4, 8), lambda s: s.last(NEW) and s.not_entered() == 1 and not s.left(WARC), crawl=SMALL_FILES
    ),
    "rollover: between rename and commit, with the next file begun": Moment(
        "fsync",
        range(4, 9),
        lambda s: s.last("/warc>") and bool(s.left(WARC)) and s.not_entered() == 1,
        crawl=SMALL_FILES,
        quick=True,
    ),
    "the end: between rename and commit": Moment(
        "fsync", range(2, 5), lambda s: s.last("/warc>") and not s.left(".open") and s.not_entered() == 1
    ),
    "a new database: while it is made": Moment("pwrite64", range(3, 9), lambda s: s.last("/news.db>"), start="new"),
    "a new database: before its journal goes": Moment(UNLINK, range(1, 3), lambda s: s.last("/news.db-journal"), start="new"),
    "a new database: within the commit of its tables": Moment(
        "pwrite64", range(30, 60), lambda s: s.last(WAL) and s.last(WAL, back=2), start="new"
    ),
    "recovery: before what is there is read": Moment(
        "fsync", range(1, 3), lambda s: s.last(WARC) and s.left(WARC) <= s.before, start="killed"
    ),
    "recovery: within the commit of what was found": Moment(
        "pwrite64",
        range(3, 20),
        lambda s: s.last(WAL) and s.last(WAL, back=2) and s.left(WARC) & s.before and s.without_row() > 0,
        start="killed",
    ),
    "recovery: between the commit and the index": Moment(
        "fsync", range(2, 6), lambda s: s.last(TMP) and s.without_row() == 0 and s.left(WARC) <= s.before, start="killed"
    ),
    "recovery: between the index and the name of the WARC": Moment(
        RENAME, range(1, 4), lambda s: s.last(WARC) and s.left(WARC) <= s.before, start="killed", quick=True
    ),
    "recovery: between the name and the end of the open index": Moment(
        UNLINK, range(1, 4), lambda s: s.last(CDXJ) and not s.left(WARC), start="killed"
    ),
    "recovery: before the names are synced": Moment(
        "fsync", range(3, 6), lambda s: s.last("/warc>") and not s.left(WARC), start="killed"
    ),
}


def _has_nothing(scene: Scene, name: str) -> bool:
    path = scene.desk.folder / "warc" / name
    return path.stat().st_size > 0 and not list(captures(path))


def _indexed(scene: Scene) -> set[str]:
    return {name.replace(".cdxj", ".warc.gz") for name in scene.left(".cdxj")}


# --- the collections that are killed ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def room() -> Iterator[Newsroom]:
    """One newsroom for all: copies of a collection have its address."""
    with Newsroom(stories=8) as newsroom:
        yield newsroom


@pytest.fixture(scope="module")
def starts(room: Newsroom, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Collections to begin with: one that is new, one that was crawled, one whose crawl was killed."""
    root = tmp_path_factory.mktemp("starts")
    made = {name: Desk(root / name) for name in ("new", "crawled")}
    for name, desk in made.items():
        desk.folder.mkdir()
        configure(desk, room)
        if name != "new":
            desk.run("crawl", "-q")
    if strace_works():
        moment = MOMENTS["between the sync of the WARC and the commit"]
        made["killed"] = hunt(moment, made["crawled"].folder, room, root / "killed").desk
    return {name: desk.folder for name, desk in made.items()}


def configure(desk: Desk, room: Newsroom, crawl: str = "") -> None:
    """The newsroom as the only source, read by one worker: so runs of it differ little."""
    desk.configure(("room", room.url), allow=f'["{room.host}"]', crawl=f"workers = 1\n{crawl}")


def copy_of(folder: Path, to: Path) -> Desk:
    """A collection like this one."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return Desk(to)


def hunt(moment: Moment, start: Path, room: Newsroom, tmp_path: Path) -> Scene:
    """Kill crawls, each at the call after that of the one before, until the moment is hit."""
    missed = []
    for number in moment.numbers:
        desk = copy_of(start, tmp_path / "news")
        configure(desk, room, moment.crawl)
        before = frozenset(path.name for path in (desk.folder / "warc").iterdir())
        calls = killed_at(desk, moment.calls, number, also=moment.also)
        scene = Scene(desk, calls, before)
        if calls and moment.hit(scene):
            print(f"\n{scene.calls[-1].name} {number}: {scene.calls[-1].arguments}")
            return scene
        missed.append(f"{number}: {calls[-1] if calls else 'the run had ended'}")
    pytest.fail("not hit by any of these calls:\n" + "\n".join(missed))


@pytest.mark.parametrize("name", [name for name, moment in MOMENTS.items() if THOROUGH or moment.quick])
def test_killed_at_a_certain_moment(name: str, room: Newsroom, starts: dict[str, Path], tmp_path: Path) -> None:
    """The moment is hit, as the calls and the files show; the next run puts it right and is complete."""
    moment = MOMENTS[name]
    for story in room.site.live[3:]:
        room.edit(story)
    scene = hunt(moment, starts[moment.start], room, tmp_path)
    scene.desk.run(*REFETCH)
    prove(scene.desk, room)


# --- child links and acknowledgement ----------------------------------------------------------------------------------


HOME_ALONE = "feeds = []\nsitemaps = []"
LINKS_AND_ACKNOWLEDGEMENT = """
    SELECT (SELECT count(*) FROM urls WHERE kind = 'article' AND discovered_at > :since) || ' ' ||
        (SELECT count(*) FROM outcomes o JOIN urls u ON u.id = o.url_id WHERE u.kind = 'home' AND o.at > :since) || ' ' ||
        (SELECT count(*) FROM urls WHERE kind = 'home' AND lease_run IS NULL)
"""
NEITHER, BOTH = "0 0 0", "8 1 1"  # the former: the home page is leased


def test_child_links_and_acknowledgement_are_there_together_or_not_at_all(room: Newsroom, tmp_path: Path) -> None:
    """Killed at each write of their transaction, and at its last one, a part of them is never there alone."""
    with Newsroom(stories=8, seed=2) as own:
        start = Desk(tmp_path / "start")
        start.folder.mkdir()
        start.configure(("room", own.url), allow=f'["{own.host}"]', crawl="workers = 1", more=HOME_ALONE)
        start.run("crawl", "-q")
        since = start.one("SELECT max(ended_at) FROM runs")
        for _ in range(8):
            own.add()
        question = LINKS_AND_ACKNOWLEDGEMENT.replace(":since", f"'{since}'")

        def state_at(name: str, number: int, also: str) -> tuple[str, Sequence[Call], Desk]:
            desk = copy_of(start.folder, tmp_path / "news")
            calls = killed_at(desk, name, number, "crawl", "-q", "--now", also=also)
            return str(Scene(desk, calls, frozenset()).one(question)), calls, desk

        for number in range(6, 20):
            state, calls, desk = state_at("fdatasync", number, "pwrite64")
            if state == BOTH:
                break
            assert state.startswith("0 0 ")
        first, behind = _last_transaction(calls)
        chosen = range(first, behind) if THOROUGH else (first, (first + behind) // 2, behind - 1)
        states = []
        for number in chosen:  # jobs gather in batches as they come: a write may be of the next transaction in another run
            state, calls, desk = state_at("pwrite64", number, "fdatasync")
            states.append(state)
            assert calls[-1].name == "pwrite64"
        for number in range(first - 1, 0, -max(1, behind - first)):
            if NEITHER in states:
                break
            states.append(state_at("pwrite64", number, "fdatasync")[0])  # those runs had it behind them already
        assert set(states) == {NEITHER, BOTH} or set(states) == {NEITHER}, states
        desk.run("crawl", "-q", "--now")
        assert desk.one(question) != NEITHER
        desk.run("verify")
        assert desk.one("SELECT count(*) FROM articles") == len(own.site.live)


def _last_transaction(calls: Sequence[Call]) -> tuple[int, int]:
    """The numbers of the first write, and of the one behind the last, of the transaction that the last call syncs."""
    writes = 0
    first = 1
    for call in calls[:-1]:
        if call.name == "pwrite64":
            writes += 1
        elif WAL in call.arguments:
            first = writes + 1
    return first, writes + 1
