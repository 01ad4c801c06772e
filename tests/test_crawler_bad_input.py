"""What an operator can get wrong: for each, the exit code and the line that is printed; never a traceback."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from storage.runs.lock import hold
from tests.desk import Desk
from tests.mistakes.bench import (
    ALL,
    CONFIG,
    DATABASE,
    DISK,
    HEAD,
    LOCKED,
    OK,
    ORDINARY,
    SOURCE,
    USAGE,
    Bench,
    Ended,
    Mistake,
    run,
)
from tests.mistakes.page import PAGE, page
from tests.mistakes.site import site as served
from tests.mistakes.table import TABLES

MISTAKES = {mistake.what: mistake for mistakes in TABLES.values() for mistake in mistakes}
BROKEN = re.compile(r"Traceback|Fatal Python|Exception ignored|core dumped|geheim|[\x00-\x08\x0b-\x1f\x7f]")
LEFTOVERS = re.compile(r".*(\.open|\.new|\.tmp|/\.[^/]+|^\.[^/]+)$")  # names that nothing has once it is done


@dataclass(frozen=True)
class Ground:
    """Where mistakes are made: short paths that any user may enter, the site, a collection after a crawl."""

    top: Path
    site: str
    sample: Path

    def bench(self, name: bytes = b"news") -> Bench:
        """An empty folder."""
        parent = os.fsencode(tempfile.mkdtemp(dir=self.top))
        folder = Path(os.fsdecode(parent + b"/" + name))
        folder.mkdir()
        return Bench(folder, self.site, self.sample)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """One for all tests."""
    with served() as url, tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as top:
        sample = Path(top) / "sample"
        sample.mkdir()
        Bench(sample, url, sample).good()
        Desk(sample).run("crawl", "-q")
        yield Ground(Path(top), url, sample)


@cache
def can(*command: str) -> bool:
    """Whether the machine lets us do this."""
    try:
        return subprocess.run([*command, "true"], capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False


def skip_unless_possible(mistake: Mistake) -> None:
    """Some mistakes need privileges to be made."""
    if mistake.ordinary and os.getuid() == 0 and not can(*ORDINARY):
        pytest.skip("permissions always hold for nobody here")
    if "unshare" in mistake.shell and not can("unshare", "--mount"):
        pytest.skip("no mounts of our own here")


def names(folder: Path) -> set[str]:
    """All paths below a folder that can be seen."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def made_by(bench: Bench, mistake: Mistake) -> tuple[Ended, set[str]]:
    """How the command ended, and the paths that are new."""
    mistake.prepare(bench)
    before = names(bench.folder)
    ended = run(bench, mistake)
    for folder in (bench.folder, bench.folder / "warc"):
        if mistake.ordinary and folder.is_dir():
            folder.chmod(0o755 if folder.stat().st_mode & 0o777 == 0 else folder.stat().st_mode)
    return ended, names(bench.folder) - before


def check(bench: Bench, mistake: Mistake, ended: Ended, new: set[str]) -> None:
    """Line and code are as promised, and nothing is left half made."""
    lines = ended.lines(bench)
    assert ended.code == mistake.code, f"exit code {ended.code}\n" + "\n".join(lines)
    assert not BROKEN.search(ended.err), ended.err
    assert any(re.fullmatch(mistake.pattern(), line) for line in lines) or (not lines and not mistake.line), lines
    failed = mistake.code in {DATABASE, DISK}  # then the next run closes what is open
    assert not [name for name in new if LEFTOVERS.match(name) and not (failed and name.endswith(".open"))], new
    if mistake.code in {USAGE, CONFIG}:
        assert new <= {"gone"}, "a mistake that is seen at once changes nothing"
    if mistake.code in {USAGE, DATABASE, DISK}:
        assert len([line for line in lines if "error:" in line]) <= 1, lines


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_one_line_and_a_code(ground: Ground, what: str) -> None:
    """Exit code and line of each mistake, no traceback, no secret, nothing half made; mended, the next crawl works."""
    mistake = MISTAKES[what]
    skip_unless_possible(mistake)
    bench = ground.bench(mistake.folder)
    ended, new = made_by(bench, mistake)
    check(bench, mistake, ended, new)
    if mistake.mend is not None:
        mistake.mend(bench)
        Desk(bench.folder).run("crawl", "-q", "--now", code=OK)
        assert Desk(bench.folder).one("SELECT count(*) FROM v_articles WHERE source = 'paper'") == 1
        if mistake.code == DISK:  # what was being written then
            Desk(bench.folder).run("verify", code=OK)


def test_the_page_of_errors_is_what_is_tested() -> None:
    """docs/errors.md holds every mistake with its line and code: `python -m tests.mistakes.page` writes it anew."""
    assert PAGE.read_text("utf-8") == page()
    assert len(MISTAKES) == sum(map(len, TABLES.values())), "two mistakes of one name"


def test_a_second_run_is_told_who_holds_the_collection(ground: Ground) -> None:
    """Exit code 6 names the process."""
    bench = ground.bench()
    bench.good()
    with hold(bench.folder):
        assert f"pid {os.getpid()}" in Desk(bench.folder).run("crawl", code=LOCKED).stderr


def test_after_the_clock_was_set_back_the_next_crawl_works_and_tells_it_once(ground: Ground) -> None:
    """Seeds, pages and hosts that wait for a time to come are due now, the line is printed with -q, too, and not again."""
    bench = ground.bench()
    MISTAKES["the clock was set back"].prepare(bench)
    desk = Desk(bench.folder)
    bench.database("UPDATE urls SET state = 'pending', article_id = NULL, next_fetch_at = '2999-01-01T00:00:00.000Z'"
                   " WHERE kind = 'article'")  # fmt: skip
    said = desk.run("crawl", "-q", code=OK).stderr
    assert re.search(r"the clock is \d+ days behind the newest run \(2999-01-01T00:00:00.000Z\)", said), said
    assert len(said.splitlines()) == 1
    assert desk.one("SELECT count(*) FROM outcomes o JOIN runs r ON r.id = o.run_id WHERE r.started_at < '2999'") == 2
    assert desk.rows("SELECT url FROM urls WHERE next_fetch_at > '2998' OR last_fetch_at > '2998'") == []
    assert desk.rows("SELECT host FROM hosts WHERE blocked_until > '2998'") == []
    assert desk.run("crawl", "-q", code=OK).stderr == ""
    desk.run("verify", code=OK)


def test_a_database_that_came_without_its_folder_is_made_again_from_the_archive(ground: Ground) -> None:
    """A news.db that was lost is no damage: the next crawl finds what the archive holds."""
    bench = ground.bench()
    bench.crawled()
    for path in bench.folder.glob("news.db*"):
        path.unlink()
    Desk(bench.folder).run("crawl", "-q", code=OK)
    assert Desk(bench.folder).one("SELECT count(*) FROM v_articles") == 1
    Desk(bench.folder).run("verify", code=OK)


@pytest.fixture
def postgres_folder(ground: Ground, postgres_url: str) -> Iterator[tuple[Bench, str]]:
    """A collection, and the URL of a real server."""
    bench = ground.bench()
    yield bench, postgres_url
    shutil.rmtree(bench.folder)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda url: re.sub(r"(//[^/]*)/[^?]*", r"\1/nowhere", url), "does not exist; make it with createdb"),
        (lambda url: re.sub(r"//[^@/]*@?", "//stranger:geheim@", url, count=1), "refuses this user or password"),
    ],
    ids=["database", "user"],
)
def test_a_postgresql_url_that_is_wrong_is_a_matter_of_the_database(
    postgres_folder: tuple[Bench, str], change: object, line: str
) -> None:
    """Exit code 7 and a line without the password."""
    bench, url = postgres_folder
    wrong = change(url)  # type: ignore[operator]
    bench.settings(HEAD + f'[database]\nurl = "{wrong}"\n' + SOURCE)
    said = Desk(bench.folder).run("crawl", "-q", code=DATABASE).stderr
    assert line in said
    assert "geheim" not in said
    assert said.count("\n") == 1


def test_pages_asked_for_by_name_are_told_when_their_site_is_away(ground: Ground) -> None:
    """`fetch` of a page whose robots.txt cannot be had has failed, and says why."""
    bench = ground.bench()
    bench.good()
    said = Desk(bench.folder).run("fetch", "http://paper.invalid/story", code=ALL).stderr
    assert "robots-unreachable: dns" in said
