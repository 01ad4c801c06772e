"""What a crash of the machine leaves of a killed crawl's file: cut anywhere, zeros, garbage, copies of another age."""

from __future__ import annotations

import gzip
import random
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from proof import WARCIO, prove
from warcio.archiveiterator import ArchiveIterator

from storage.database.engine import open_database
from storage.recovery.recover import Recovered, recover
from storage.times import now
from storage.verify.check import Checked, verify
from tests.desk import Desk
from tests.killing import REFETCH, begin, kill
from tests.newsroom.server import Newsroom

CUTS = 50
NULS = b"\0" * 4096
WITH_TWINS = 3


@dataclass(frozen=True)
class Killed:
    """A collection after a whole crawl and one that was killed; and its state when only the first had been."""

    desk: Desk
    newsroom: Newsroom
    earlier: Path

    @property
    def open(self) -> Path:
        """The file that was left open."""
        [path] = (self.desk.folder / "warc").glob("*.warc.gz.open")
        return path


@dataclass(frozen=True)
class Kept:
    """A record of a file as warcio finds it."""

    kind: str
    record_id: str
    start: int
    end: int


def members(path: Path) -> list[Kept]:
    """All records of a file."""
    found = []
    with path.open("rb") as file:
        records = ArchiveIterator(file, no_record_parse=True)
        for record in records:
            start, record_id = records.get_record_offset(), record.rec_headers.get_header("WARC-Record-ID")
            found.append(Kept(record.rec_type, record_id.strip("<>"), start, start + records.get_record_length()))
    return found


def exchanges(path: Path) -> dict[str, int]:
    """Response or revisit record of each exchange, and where its last record, the metadata, ends."""
    response, found = "", {}
    for record in members(path):
        if record.kind in {"response", "revisit"}:
            response = record.record_id
        elif record.kind == "metadata":
            found[response] = record.end
    return found


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """Crawled; then edited, extended, and killed when nearly all was fetched anew."""
    root = tmp_path_factory.mktemp("killed")
    desk = Desk(root / "news")
    desk.folder.mkdir()
    with Newsroom(stories=26) as newsroom:
        desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', crawl="workers = 1")
        desk.run("crawl", "-q")
        shutil.copytree(desk.folder, root / "earlier")
        for story in newsroom.site.live[WITH_TWINS::2]:
            newsroom.edit(story)
        for _ in range(6):
            newsroom.add()
        _kill_late(desk, newsroom)
        yield Killed(desk, newsroom, root / "earlier")


def _kill_late(desk: Desk, newsroom: Newsroom) -> None:
    """Kill a run when all stories have been answered but for some, and their rows are there."""
    runs = desk.one("SELECT count(*) FROM outcomes")
    crawling = begin(desk)
    while desk.one("SELECT count(*) FROM outcomes") < runs + 40:
        assert crawling.poll() is None
    kill(crawling, desk)
    assert desk.one("SELECT count(*) FROM versions WHERE number > 1") > 5


@pytest.fixture
def copied(killed: Killed, tmp_path: Path) -> Killed:
    """A copy to be damaged."""
    return copy_of(killed, tmp_path / "copy")


def copy_of(killed: Killed, to: Path) -> Killed:
    """The same collection elsewhere."""
    shutil.copytree(killed.desk.folder, to)
    return Killed(Desk(to), killed.newsroom, killed.earlier)


def put_right(desk: Desk) -> Recovered:
    """What the next run does first; then nothing is wrong."""
    engine = open_database(f"sqlite:///{desk.folder / 'news.db'}")
    done = recover(engine, desk.folder / "warc", now())
    assert list(verify(engine, desk.folder / "warc", Checked())) == []
    engine.dispose()
    assert {path.suffix for path in (desk.folder / "warc").iterdir()} == {".gz", ".cdxj"}
    return done


# --- cut --------------------------------------------------------------------------------------------------------------


def places(path: Path) -> list[int]:
    """Where to cut: anywhere, in the warcinfo, around the ends of records, within the heads and trailers of gzip."""
    records, size, chance = members(path), path.stat().st_size, random.Random(7)
    around = [record.end + n for record in chance.sample(records[3:-3], 5) for n in (-1, 0, 1)]
    heads = [record.start + chance.randrange(1, 10) for record in chance.sample(records, 5)]
    trailers = [record.end - chance.randrange(1, 8) for record in chance.sample(records, 5)]
    chosen = {0, 1, records[0].end // 2, records[0].end, size - 1, *around, *heads, *trailers}
    while len(chosen) < CUTS:
        chosen.add(chance.randrange(size))
    return sorted(chosen)


@pytest.mark.timeout(600)
def test_cut_at_any_place(killed: Killed, tmp_path: Path) -> None:
    """Every exchange wholly before the cut has its row; all that rests on the rest is taken back, and due again."""
    ends, recovered = exchanges(killed.open), []
    for at in places(killed.open):
        copy = copy_of(killed, tmp_path / str(at))
        with copy.open.open("r+b") as file:
            file.truncate(at)
        name = copy.open.name.removesuffix(".open")
        kept = {record_id for record_id, end in ends.items() if end <= at}
        put_right(copy.desk)
        assert_rows(copy.desk, name, kept)
        assert_taken_back(killed.desk, copy.desk, set(ends) - kept)
        if kept:
            recovered.append(copy.desk.folder / "warc" / name)
            assert set(exchanges(recovered[-1])) == kept
    subprocess.run(["gzip", "-t", *recovered], check=True)
    subprocess.run([WARCIO, "check", *recovered], check=True)


def assert_rows(desk: Desk, name: str, kept: set[str]) -> None:
    """A file has rows for exactly these records."""
    query = "SELECT warc_record_id FROM captures c JOIN warc_files f ON f.id = c.warc_file_id WHERE f.name = ?"
    assert {record_id.strip("<>") for (record_id,) in desk.rows(query, name)} == kept


def assert_taken_back(before: Desk, after: Desk, lost: set[str]) -> None:
    """Nothing rests on a lost record any more: articles are what the others make them, and the URLs are due."""
    marks = ", ".join(f"'{record_id}', '<{record_id}>'" for record_id in lost) or "''"
    of_lost = f"SELECT id FROM captures WHERE warc_record_id IN ({marks})"
    for table in ("versions", "extractions", "outcomes"):
        orphans = f"SELECT count(*) FROM {table} WHERE capture_id IS NOT NULL AND capture_id NOT IN (SELECT id FROM captures)"
        assert after.one(orphans) == 0, table
    left = (
        "SELECT a.uid, count(*), max(v.number) FROM articles a JOIN versions v ON v.article_id = a.id"
        f" WHERE v.capture_id NOT IN ({of_lost}) GROUP BY a.uid ORDER BY a.uid"
    )
    now_there = "SELECT a.uid, count(*), a.version FROM articles a JOIN versions v ON v.article_id = a.id GROUP BY a.uid"
    assert after.rows(f"{now_there} ORDER BY a.uid") == before.rows(left)
    assert after.one("SELECT count(*) FROM articles") == len(before.rows(left))
    asked = before.rows(f"SELECT DISTINCT url_id FROM captures WHERE id IN ({of_lost}) AND url_id IS NOT NULL")
    ids = ", ".join(str(url_id) for (url_id,) in asked) or "NULL"
    due = f"SELECT count(*) FROM urls WHERE id IN ({ids}) AND next_fetch_at <= ?"
    assert after.one(due, now()) == len(asked)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8])
def test_the_next_crawl_makes_it_whole(copied: Killed, share: float) -> None:
    """After a cut the real command ends with every story, in every wording that the archive still has."""
    path = copied.open
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
    copied.desk.run(*REFETCH)
    prove(copied.desk, copied.newsroom)


# --- other damage -----------------------------------------------------------------------------------------------------


def _zeros(path: Path) -> None:
    """The file has grown, the blocks were never written."""
    with path.open("ab") as file:
        file.write(NULS * 3)


def _zeros_instead(path: Path) -> None:
    """The same, with a block that begins within a record."""
    raw = path.read_bytes()
    at = (len(raw) * 2 // 3) // len(NULS) * len(NULS)
    path.write_bytes(raw[:at] + b"\0" * (len(raw) - at))


def _garbage(path: Path) -> None:
    """Bytes of another file."""
    with path.open("ab") as file:
        file.write(random.Random(3).randbytes(10_000))


def _gzip_of_something(path: Path) -> None:
    """A whole gzip member that is no record."""
    with path.open("ab") as file:
        file.write(gzip.compress(b"not a record\r\n\r\n"))


def _no_index(path: Path) -> None:
    """The open index is gone."""
    path.with_name(path.name.replace(".warc.gz", ".cdxj")).unlink()


def _empty(path: Path) -> None:
    """Nothing of the file was ever written."""
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_zeros, _zeros_instead, _garbage, _gzip_of_something, _no_index, _empty])
def test_what_a_disk_may_leave(copied: Killed, damage: Callable[[Path], None]) -> None:
    """Whatever the tail of the file is, exchanges before it are kept, it is cut off, and the next crawl is complete."""
    path = copied.open
    raw, ends = path.read_bytes(), exchanges(path)
    damage(path)
    torn = path.read_bytes()
    same = next((n for n, (old, new) in enumerate(zip(raw, torn, strict=False)) if old != new), min(len(raw), len(torn)))
    put_right(copied.desk)
    name = path.name.removesuffix(".open")
    assert_rows(copied.desk, name, {record_id for record_id, end in ends.items() if end <= same})
    copied.desk.run(*REFETCH)
    prove(copied.desk, copied.newsroom)


@pytest.mark.parametrize("seed", range(6))
def test_a_flipped_bit_costs_one_exchange(copied: Killed, seed: int) -> None:
    """Nothing behind a damaged record is lost; `verify` names the damage, and crawling goes on."""
    path = copied.open
    raw, ends = bytearray(path.read_bytes()), exchanges(path)
    at = random.Random(seed).randrange(max(members(path)[0].end, len(raw) // 10), min(list(ends.values())[-2], len(raw)))
    raw[at] ^= 1 << seed
    path.write_bytes(raw)
    copied.desk.run(*REFETCH)
    checked = copied.desk.run("verify", code=9)
    assert path.name.removesuffix(".open") in checked.stdout + checked.stderr
    name = path.name.removesuffix(".open")
    assert_rows(copied.desk, name, set(ends))
    assert sum(1 for _ in _sound(copied.desk.folder / "warc" / name, ends)) >= len(ends) - 1


def _sound(path: Path, ends: dict[str, int]) -> Iterator[int]:
    """The exchanges of a damaged file whose members are all whole."""
    raw, start = path.read_bytes(), 0
    for end in ends.values():
        try:
            _inflate(raw[start:end])
            yield end
        except (OSError, EOFError, ValueError):
            pass
        start = end


def _inflate(raw: bytes) -> None:
    try:
        gzip.decompress(raw)
    except zlib.error as error:
        raise ValueError from error


# --- copies of another age --------------------------------------------------------------------------------------------


def _restore(folder: Path, earlier: Path, what: str) -> None:
    """Put an earlier copy of the database or of the archive in place."""
    for path in folder.glob("news.db*" if what == "database" else "warc"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in earlier.glob("news.db*" if what == "database" else "warc"):
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)


def test_a_database_older_than_the_archive(copied: Killed) -> None:
    """What it does not know is entered from the archive, read, and every wording becomes a version."""
    count = copied.desk.one("SELECT count(*) FROM captures")
    _restore(copied.desk.folder, copied.earlier, "database")
    earlier = copied.desk.one("SELECT count(*) FROM captures")
    assert earlier < count
    assert put_right(copied.desk).adopted >= count - earlier
    copied.desk.run(*REFETCH)
    prove(copied.desk, copied.newsroom)


def test_a_database_older_than_several_files(copied: Killed) -> None:
    """Also when later files were closed since, with wordings that the site does not have any more."""
    copied.desk.run("crawl", "-q", "--now")
    for story in copied.newsroom.site.live[WITH_TWINS::3]:
        copied.newsroom.edit(story)
    copied.desk.run(*REFETCH)
    _restore(copied.desk.folder, copied.earlier, "database")
    copied.desk.run(*REFETCH)
    prove(copied.desk, copied.newsroom)


def test_no_database_at_all(copied: Killed) -> None:
    """Articles and all their versions come back from the archive."""
    for path in copied.desk.folder.glob("news.db*"):
        path.unlink()
    copied.desk.run("crawl", "-q")
    copied.desk.run(*REFETCH)
    prove(copied.desk, copied.newsroom)


def test_an_archive_older_than_the_database(copied: Killed, tmp_path: Path) -> None:
    """A file that is back to where it was still open is closed there; what was behind that is due again."""
    whole = copy_of(copied, tmp_path / "later")
    with copied.open.open("r+b") as file:
        file.truncate(copied.open.stat().st_size // 2)
    kept = {record_id for record_id, end in exchanges(whole.open).items() if end <= copied.open.stat().st_size}
    name = copied.open.name.removesuffix(".open")
    put_right(whole.desk)  # the database now says that the file is closed, and how large it is
    _restore(whole.desk.folder, copied.desk.folder, "archive")
    assert put_right(whole.desk).withdrawn > 0
    assert_rows(whole.desk, name, kept)
    whole.desk.run(*REFETCH)
    prove(whole.desk, whole.newsroom)
