"""Start after a crash: torn tails are cut, whole exchanges get rows, rows without records are taken back."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from exchanges import exchange

from storage.articles.rows import uid_of
from storage.database.engine import reading, transaction
from storage.errors import DamageError
from storage.records import Announced, Kind
from storage.recovery import recover as recovering
from storage.recovery.recover import Recovered, recover, unread
from storage.urlkey import key
from storage.verify.check import Checked
from storage.warc import recover as warc_recover
from storage.warc.file import cdxj_path, open_path
from storage.warc.format import GZIP_HEAD
from tests.archives import SITE, Archive, candidate, changed, page

CUTS = 50
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the database does not matter
CAPTURES = """
    SELECT c.url_id, c.run_id, c.url, c.fetched_at, c.http_status, c.kind, c.mime, c.record_type, f.name, c.warc_offset,
        c.warc_length, c.warc_record_id, c.payload_digest, c.block_digest, c.body_sha256, c.truncated, c.revisit_of,
        c.error, c.context, c.pending
    FROM captures c JOIN warc_files f ON f.id = c.warc_file_id ORDER BY f.name, c.warc_offset
"""
ARTICLES = "SELECT url, version, first_seen_at, last_seen_at, gone_at, http_status, canonical_url FROM articles ORDER BY url"


def put_right(archive: Archive) -> Recovered:
    """Recover, and see that nothing is wrong then, that nothing is left open, and that doing it again does nothing."""
    done = recover(archive.engine, archive.folder, archive.tick())
    checked = Checked()
    assert archive.faults(checked) == []
    assert [note for note in checked.notes if "still to be read" not in note] == []
    assert {path.suffix for path in archive.folder.iterdir()} <= {".gz", ".cdxj"}
    assert not recover(archive.engine, archive.folder, archive.now)
    return done


def left_open(archive: Archive) -> Path:
    """The file that a run leaves which is killed now."""
    return archive.folder / f"{archive.kill()}.open"


def offset_of(archive: Archive, url: str) -> int:
    """Where the newest capture of a URL begins."""
    return int(archive.rows("SELECT warc_offset FROM captures WHERE url = :url ORDER BY id DESC", url=url)[0][0])


# --- a run that was killed --------------------------------------------------------------------------------------------


def test_nothing_to_do(full: Archive) -> None:
    """Where every run ended by itself nothing is done."""
    before = full.rows(CAPTURES)
    assert not recover(full.engine, full.folder, full.now)
    assert full.rows(CAPTURES) == before


def test_a_file_left_open_is_closed(full: Archive) -> None:
    """It gets its final name, its index, its size and its checksum; rows stay as they were."""
    full.busy_run("R3", ["/c1"])
    before, path = full.rows(CAPTURES), left_open(full)
    size = path.stat().st_size
    done = put_right(full)
    assert (done.files, done.removed, done.cut, done.adopted, done.withdrawn) == (1, 0, 0, 0, 0)
    assert full.rows(CAPTURES) == before
    assert full.one("SELECT size FROM warc_files WHERE closed_at = :now", now=full.now) == size


def test_whole_exchanges_get_the_rows_that_they_would_have_had(archive: Archive) -> None:
    """Rows made from the archive alone equal those of the run: every kind of exchange, redirects, errors, robots.txt."""
    archive.busy_run("R1", ["/a1"])
    said = Announced(title="A \\ title\nof two lines", authors=("A", "Ö"), tags=(), published="yesterday")
    archive.fetch(archive.lease(f"{SITE}/a2", announced=said), page("unread"))
    robots = archive.lease(f"{SITE}/robots.txt", Kind.HOME)
    job, _ = archive.archiving(robots, page("robots"))
    archive.do(job)
    expected = archive.rows(CAPTURES)
    archive.kill()
    archive.edit("UPDATE captures SET pending = false")
    for table in ("versions", "extractions", "outcomes", "captures"):
        archive.edit(f"DELETE FROM {table}")
    archive.edit("DELETE FROM warc_files")
    assert recover(archive.engine, archive.folder, archive.now).adopted == len(expected)
    pending = [row[2] for row in archive.rows(CAPTURES) if row[-1]]
    assert pending == [f"{SITE}/a1", f"{SITE}/a2"]  # the first had been settled
    assert [row[:-1] for row in archive.rows(CAPTURES)] == [row[:-1] for row in expected]


def test_exchanges_without_rows_beside_those_that_have_some(full: Archive) -> None:
    """Only what misses is entered, and a page among it is to be read."""
    full.begin("R3")
    full.article("/c1")
    lease = full.lease(f"{SITE}/c2")
    with pytest.raises(ZeroDivisionError):
        full.do(full.archiving(lease, page("in hand"))[0], lambda _: 1 / 0)
    assert full.state(lease.url) == ("pending", True)
    full.kill()
    done = put_right(full)
    assert (done.adopted, done.withdrawn) == (1, 0)
    with reading(full.engine) as conn:
        [left] = unread(conn)
    assert (left.lease.url, left.lease.url_id, left.outdated) == (lease.url, lease.url_id, False)
    assert left.capture.url == lease.url


@pytest.mark.parametrize("synced", [True, False])
@ON_SQLITE
def test_cut_at_any_place(tmp_path: Path, database_url: str, synced: bool) -> None:
    """Of a file cut anywhere every exchange wholly before the cut is kept; the rest is taken back, and due again."""
    whole = _killed(tmp_path, database_url, synced)
    path = next(whole.folder.glob("*.warc.gz.open"))
    raw, chance = path.read_bytes(), random.Random(4)
    ends = _ends(path)
    urls = [url for url, _ in ends]
    whole.engine.dispose()
    cuts = sorted({*(chance.randrange(len(raw)) for _ in range(CUTS)), *(end + n for _, end in ends[:3] for n in (-1, 0, 1))})
    for at in cuts:
        copy = tmp_path / str(at)
        shutil.copytree(tmp_path / "whole", copy)
        archive = Archive(copy, f"sqlite:///{copy / 'news.db'}")
        archive.now = whole.now
        with open(archive.folder / path.name, "r+b") as file:
            file.truncate(at)
        done = put_right(archive)
        kept = [url for url, end in ends if end <= at]
        assert [row[2] for row in archive.rows(CAPTURES)] == kept, at
        assert done.cut == at - max([end for _, end in ends if end <= at], default=0)
        for url in urls[len(kept) :]:
            assert archive.state(url) == ("seed" if url.endswith(".xml") else "pending", True), at
        stored = {url for (url,) in archive.rows("SELECT url FROM articles")}
        assert stored == ({url for url in kept if "/a" in url} if synced else set()), at
        archive.close()
        shutil.rmtree(copy)


def _killed(tmp_path: Path, database_url: str, synced: bool) -> Archive:
    """A run that was killed after some exchanges; their rows were committed, or not one."""
    root = tmp_path / "whole"
    root.mkdir()
    archive = Archive(root, database_url.replace(str(tmp_path), str(root)))
    archive.begin("R1")
    if synced:
        archive.feed()
        for n in range(6):
            archive.article(f"/a{n}")
        archive.answer("/nothing", 404)
    else:
        leases = [archive.lease(f"{SITE}/feed.xml", Kind.FEED), *(archive.lease(f"{SITE}/a{n}") for n in range(7))]
        jobs = [archive.archiving(lease, page(f"page {n}"))[0] for n, lease in enumerate(leases)]
        with pytest.raises(ZeroDivisionError):
            archive.do(*jobs, lambda _: 1 / 0)
    archive.kill()
    return archive


def _ends(path: Path) -> list[tuple[str, int]]:
    """URL of each exchange of a file, and where it ends."""
    found = warc_recover.units(path)
    return [(unit.capture.url, unit.end) for unit in found if isinstance(unit, warc_recover.Unit) and unit.capture]


def test_a_file_with_nothing_whole_is_removed(full: Archive) -> None:
    """With a warcinfo alone, with half of one, or empty: the file goes, and its rows with it."""
    rows = full.rows(CAPTURES)
    for cut in (0, 40, 10**6):
        full.begin(f"R{cut}")
        full.article(f"/c{cut}")
        path = left_open(full)
        first = offset_of(full, f"{SITE}/c{cut}")
        path.write_bytes(path.read_bytes()[: min(cut, first)])
        done = put_right(full)
        assert (done.files, done.removed, done.withdrawn) == (0, 1, 1)
        assert full.rows(CAPTURES) == rows
        assert full.state(f"{SITE}/c{cut}") == ("pending", True)
    assert full.one("SELECT count(*) FROM warc_files") == 2


def test_a_living_writer_is_left_alone(full: Archive) -> None:
    """A file whose writer holds its lock is none of ours."""
    full.begin("R3")
    full.article("/c1")
    assert not recover(full.engine, full.folder, full.now)
    full.article("/c2")
    full.end()
    assert full.faults() == []


def test_a_file_that_is_there_twice_stops_all(full: Archive) -> None:
    """Nobody can say which of two files of one name is the right one."""
    path = full.files()[0]
    shutil.copy(path, open_path(path))
    with pytest.raises(DamageError, match="exists beside"):
        recover(full.engine, full.folder, full.now)


# --- killed between rename and commit, and without its database -------------------------------------------------------


def test_a_file_closed_but_not_entered(full: Archive) -> None:
    """Rows that were not committed are made, and the file is entered as closed."""
    full.begin("R3")
    full.article("/c1")
    lease = full.lease(f"{SITE}/c2")
    job, _ = full.archiving(lease, page("the last"))
    with pytest.raises(ZeroDivisionError):
        full.do(job, lambda _: full.writer.close(), lambda _: 1 / 0)
    cdxj_path(full.files()[-1]).unlink()
    done = put_right(full)
    assert (done.files, done.adopted, done.withdrawn) == (1, 1, 0)


def test_a_file_that_no_row_knows(full: Archive) -> None:
    """A file that was opened, filled and closed within one batch; others' files stay unknown."""
    full.begin("R3")
    lease = full.lease(f"{SITE}/c2")
    with pytest.raises(ZeroDivisionError):
        full.do(full.archiving(lease, page("the last"))[0], lambda _: full.writer.close(), lambda _: 1 / 0)
    foreign = full.folder / "foreign.warc.gz"
    shutil.copy(full.files()[0], foreign)
    done = recover(full.engine, full.folder, full.tick())
    assert (done.files, done.adopted) == (1, 1)
    assert [fault.file for fault in full.faults()] == [foreign.name]


def test_a_file_without_exchanges_is_entered(archive: Archive) -> None:
    """A run that had nothing to fetch leaves its ledger alone in a file."""
    archive.begin("R1")
    archive.end()
    recover(archive.engine, archive.folder, archive.now)
    assert archive.one("SELECT count(*) FROM warc_files WHERE closed_at IS NOT NULL") == 1


def test_without_its_database(full: Archive, tmp_path: Path) -> None:
    """All captures come back with sources, URLs and runs; the pages are to be read again."""
    expected = full.rows(CAPTURES)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copytree(full.folder, other / "warc")
    archive = Archive(other, f"sqlite:///{other / 'news.db'}")
    archive.now = full.now
    assert put_right(archive).adopted == len(expected)
    without_id = [row[1:-1] for row in expected]
    assert [row[1:-1] for row in archive.rows(CAPTURES)] == without_id
    assert archive.rows("SELECT name, url FROM sources") == [("gazette", f"{SITE}/")]
    assert archive.state(f"{SITE}/feed.xml") == ("seed", True)
    assert archive.one("SELECT count(*) FROM captures WHERE pending") == 6
    archive.close()


def test_without_its_database_rows_are_in_the_order_of_the_exchanges(full: Archive, tmp_path: Path) -> None:
    """Files that were closed come before the one that was left open, so that versions are made in their order."""
    full.begin("R3")
    full.article("/a1", "edited since")
    full.kill()
    other = tmp_path / "other"
    other.mkdir()
    shutil.copytree(full.folder, other / "warc")
    archive = Archive(other, f"sqlite:///{other / 'news.db'}")
    archive.now = full.now
    put_right(archive)
    fetched = [moment for (moment,) in archive.rows("SELECT fetched_at FROM captures ORDER BY id")]
    assert fetched == sorted(fetched)
    assert archive.one("SELECT count(*) FROM captures WHERE pending AND url = :url", url=f"{SITE}/a1") == 2
    archive.close()


# --- what is taken back -----------------------------------------------------------------------------------------------


def taken_back(archive: Archive, url: str) -> None:
    """Kill the run, and cut its file where the newest capture of `url` begins."""
    offset, path = offset_of(archive, url), left_open(archive)
    os.truncate(path, offset)
    assert put_right(archive).withdrawn > 0


def test_an_article_that_nothing_else_has_seen_is_gone(full: Archive) -> None:
    """With its aliases; its URL, and those that were its duplicates, are due again; and it comes back under its uid."""
    before = full.rows(ARTICLES)
    full.begin("R3")
    full.feed("/other.xml")
    url = full.article("/c1", "the very same words " * 20)
    twin = full.article("/c2", "the very same words " * 20)
    assert full.state(twin) == ("duplicate", False)
    taken_back(full, url)
    assert full.rows(ARTICLES) == before
    assert full.rows("SELECT key FROM aliases WHERE key LIKE '%/c_'") == []
    assert (full.state(url), full.state(twin)) == (("pending", True), ("pending", True))
    full.begin("R4")
    full.article("/c1", "the very same words " * 20)
    assert full.one("SELECT uid FROM articles WHERE url = :url", url=url) == uid_of(key(url))


def test_a_version_is_taken_back(full: Archive) -> None:
    """The article is as the version before it left it, and says that it has changed."""
    before = full.rows(ARTICLES)
    seq = full.one("SELECT max(changed_seq) FROM articles")
    full.begin("R3")
    full.feed("/other.xml")
    url = f"{SITE}/a1"
    lease = full.lease(url)
    full.settle(lease, full.fetch(lease, page("edited")), changed(url, "edited"))
    assert full.one("SELECT version FROM articles WHERE url = :url", url=url) == 2
    taken_back(full, url)
    assert full.rows(ARTICLES) == before
    assert full.one("SELECT changed_seq FROM articles WHERE url = :url", url=url) > seq
    assert full.state(url) == ("stored", True)
    assert full.one("SELECT etag FROM urls WHERE url = :url", url=url) is None


@pytest.mark.parametrize("status", [410, 200])
def test_a_sighting_is_taken_back(full: Archive, status: int) -> None:
    """An article that was gone, or was seen unchanged, is what it was before."""
    before, url = full.rows(ARTICLES), f"{SITE}/a1"
    full.begin("R3")
    full.feed("/other.xml")
    if status == 410:
        full.answer("/a1", 410)
        assert full.state(url) == ("gone", False)
    else:
        full.article("/a1")
    assert full.rows(ARTICLES) != before
    taken_back(full, url)
    assert full.rows(ARTICLES) == before
    assert full.state(url) == ("stored", True)


def test_an_article_that_came_back_is_gone_again(full: Archive) -> None:
    """When the capture that showed it anew is taken back, it is gone since when it was."""
    full.begin("R3")
    url = full.answer("/a1", 410)
    full.answer("/a1", 404)
    before = full.rows(ARTICLES)
    full.article("/a1")
    taken_back(full, url)
    assert full.rows(ARTICLES) == before
    assert full.state(url) == ("gone", True)


def test_a_duplicate_is_taken_back(full: Archive) -> None:
    """The article stays; the other URL is due again, and is a duplicate again."""
    before = full.rows(ARTICLES)
    full.begin("R3")
    full.feed("/other.xml")
    url = f"{SITE}/copy"
    lease = full.lease(url)
    copy = candidate(url, "The story of /a1", canonical_url=f"{SITE}/a1")
    full.settle(lease, full.fetch(lease, page("The story of /a1")), copy)
    assert full.state(url) == ("duplicate", False)
    taken_back(full, url)
    assert full.rows(ARTICLES) == before
    assert full.state(url) == ("duplicate", True)
    full.begin("R4")
    lease = full.lease(url)
    full.settle(lease, full.fetch(lease, page("The story of /a1, printed")), changed(url, "The story of /a1"))
    assert full.state(url) == ("duplicate", False)
    assert full.rows(ARTICLES) == before


def test_a_rejected_page_is_taken_back(full: Archive) -> None:
    """Its URL is to be fetched as if it never had been."""
    full.begin("R3")
    full.feed("/other.xml")
    url = full.answer("/nothing", 404)
    assert full.state(url) == ("rejected", False)
    taken_back(full, url)
    assert full.state(url) == ("pending", True)
    assert full.rows("SELECT reason, attempts, last_fetch_at FROM urls WHERE url = :url", url=url) == [(None, 0, None)]


# --- a kill while putting things right --------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a kill: nothing handles it."""


def killing_steps(monkeypatch: pytest.MonkeyPatch, after: int) -> Callable[[], int]:
    """Let the step with this number be the last that is done; returns how many steps there were."""
    count = 0

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            result = real(*arguments, **named)
            count += 1
            if count == after:
                raise Killed
            return result

        return step

    for module, name in (
        (os, "fsync"),
        (os, "replace"),
        (Path, "rename"),
        (Path, "replace"),
        (Path, "unlink"),
        (warc_recover, "write_cdxj"),
        (recovering, "write_cdxj"),
        (recovering._Books, "met"),
        (recovering._Books, "kept"),
        (recovering._Books, "entered"),
    ):
        monkeypatch.setattr(module, name, stepping(getattr(module, name)))
    return lambda: count


@ON_SQLITE
def test_a_kill_between_any_two_steps_is_harmless(full: Archive, tmp_path: Path) -> None:
    """Wherever recovery is cut short, doing it again ends where doing it once does."""
    _mess(full)
    full.close()
    copies = iter(range(1000))

    def fresh() -> Archive:
        copy = tmp_path / f"copy{next(copies)}"
        copy.mkdir()
        shutil.copytree(full.folder, copy / "warc")
        shutil.copy(tmp_path / "news.db", copy)
        archive = Archive(copy, f"sqlite:///{copy / 'news.db'}")
        archive.now = full.now
        return archive

    def ended(archive: Archive) -> tuple[Any, ...]:
        put_right(archive)
        files = {path.name: path.read_bytes() for path in archive.folder.iterdir()}
        urls = archive.rows("SELECT url, state, next_fetch_at IS NULL FROM urls ORDER BY url")
        found = archive.rows(CAPTURES), archive.rows(ARTICLES), urls, files
        archive.close()
        return found

    with pytest.MonkeyPatch.context() as patch:
        counted, archive = killing_steps(patch, after=0), fresh()
        recover(archive.engine, archive.folder, archive.now)
        steps = counted()
    expected = ended(archive)
    assert steps > 15
    for after in range(1, steps + 1):
        archive = fresh()
        with pytest.MonkeyPatch.context() as patch:
            killing_steps(patch, after)
            with pytest.raises(Killed):
                recover(archive.engine, archive.folder, archive.now)
        assert ended(archive) == expected, after


def _mess(archive: Archive) -> None:
    """Three runs were killed: one with a torn tail and rows behind it, one without rows, one with nothing but a warcinfo."""
    archive.begin("R3")
    for n in range(3):
        archive.article(f"/c{n}")
    path = left_open(archive)
    os.truncate(path, offset_of(archive, f"{SITE}/c2") + 30)
    archive.begin("R4")
    lease = archive.lease(f"{SITE}/d1")
    with pytest.raises(ZeroDivisionError):
        archive.do(archive.archiving(lease, page("in hand"))[0], lambda _: 1 / 0)
    with archive.writer._whole():
        archive.writer._pair.append(GZIP_HEAD)
    archive.kill()
    archive.begin("R5")
    lease = archive.lease(f"{SITE}/e1")
    archive.fetch(lease, page("closed, but not entered"))
    archive.writer.close()
    archive.begin("R6")
    archive.fetch(archive.lease(f"{SITE}/f1"), page("lost"))
    os.truncate(left_open(archive), offset_of(archive, f"{SITE}/f1"))


_ENDLESS = """
import sys
sys.path[:0] = [".", "tests"]
from pathlib import Path
from tests.archives import Archive
root = Path(sys.argv[1])
archive = Archive(root, f"sqlite:///{root / 'news.db'}")
archive.begin(sys.argv[2], max_file_bytes=12_000)
n = 0
while True:
    n += 1
    print(archive.article(f"/{sys.argv[2]}/{n}", f"the words of {sys.argv[2]} {n} " * 20), flush=True)
"""


@ON_SQLITE
def test_kill_nine_while_writing(archive: Archive, tmp_path: Path) -> None:
    """What a killed process had reported as stored is stored after recovery, and nothing is wrong."""
    chance = random.Random(5)
    for turn in range(3):
        reported = _killed_writer(tmp_path, f"R{turn}", chance.randrange(5, 40))
        put_right(archive)
        stored = {url for (url,) in archive.rows("SELECT url FROM articles")}
        assert set(reported) <= stored
        assert len(archive.rows(CAPTURES)) == archive.one("SELECT count(DISTINCT url) FROM captures")


def _killed_writer(root: Path, run_id: str, lines: int) -> list[str]:
    command = [sys.executable, "-W", "error", "-c", _ENDLESS, str(root), run_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as writing:
        assert writing.stdout is not None
        reported = list(_first(lines, writing.stdout))
        writing.kill()
        reported += writing.stdout.readlines()
    return [line.strip() for line in reported if line.endswith("\n")]


def _first(count: int, lines: Iterator[str]) -> Iterator[str]:
    for _ in range(count):
        yield next(lines)


# --- pages that were not read -----------------------------------------------------------------------------------------


def test_unread_pages(full: Archive) -> None:
    """In the order of their captures, page by page; one whose URL was settled since is outdated."""
    full.begin("R3")
    leases = [full.lease(f"{SITE}/c{n}") for n in range(5)]
    recorded = [full.fetch(lease, page(str(n))) for n, lease in enumerate(leases)]
    again = full.fetch(leases[0], page("again"))
    full.settle(leases[0], again, candidate(leases[0].url, "again"))
    with transaction(full.engine) as conn:
        first = unread(conn, limit=2)
        rest = unread(conn, after=first[-1].capture_id)
    assert [left.capture_id for left in first + rest] == [each.capture_id for each in recorded]
    assert [left.outdated for left in first + rest] == [True, False, False, False, False]
    assert first[1].lease.url == leases[1].url
    assert first[1].source_id == full.one("SELECT id FROM sources")
    assert exchange().url not in [left.capture.url for left in first]
