from __future__ import annotations

import gzip
import hashlib
import json
import signal
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import foreign_files as foreign
import pytest
from newsroom.stories import templated
from warcio.archiveiterator import ArchiveIterator

from pipelines.page import RawPage, read_article
from storage.records import Candidate
from storage.runs.lock import hold
from storage.warc.read import read_record
from tests.desk import COMMAND, Desk, newswarc, wait_until
from tests.runner import environment

CASES = foreign.cases()


@dataclass
class Collection:
    """A collection in a folder, and its command line."""

    folder: Path

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A command in it."""
        return newswarc(*map(str, words), "--collection", str(self.folder), timeout=240)

    def ingest(self, *words: str | Path, code: int = 0) -> dict[str, Any]:
        """What `ingest --json` says."""
        done = self.run("ingest", "--json", *words)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with closing(sqlite3.connect(self.folder / "news.db")) as database:
            return database.execute(query, values).fetchall()


def made(folder: Path, settings: str = "") -> Collection:
    """A new collection."""
    (folder / "warc").mkdir(parents=True)
    (folder / "newswarc.toml").write_text(f'[collection]\nname = "c"\n[crawl]\nworkers = 1\n{settings}')
    return Collection(folder)


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """An empty collection."""
    return made(tmp_path / "c")


def warc(folder: Path, *numbers: int, name: str = "other.warc.gz", day: int = 1) -> Path:
    """A file of some stories."""
    path = folder / name
    date = f"2026-03-{day:02d}T12:00:00Z"
    path.write_bytes(foreign.members(foreign.warcinfo(), *(foreign.response(number, date=date) for number in numbers)))
    return path


def page(url: str, body: bytes, *, date: str, head: bytes = foreign.HEAD) -> bytes:
    """A response record with a body of one's own."""
    return foreign.record("response", url, head + b"\r\n" + body, date=date)


# ---- what others write


@dataclass
class Told:
    """What was said of one file."""

    added: int = 0
    malformed: int = 0
    unresolved: int = 0
    rejected: int = 0


class All:
    """Every hard input, ingested at once."""

    def __init__(self, root: Path) -> None:
        self.collection = made(root / "c")
        folder = root / "files"
        folder.mkdir()
        paths = {name: folder / f"{number:03d}{case.suffix}" for number, (name, case) in enumerate(CASES.items())}
        for name, path in paths.items():
            path.write_bytes(CASES[name].data)
        self.files = self.collection.ingest(folder, code=9)["files"]
        self.paths = {str(path): name for name, path in paths.items()}
        self.texts = dict(self.collection.rows(
            "SELECT a.url, e.text FROM articles a JOIN versions v ON v.article_id = a.id AND v.number = a.version"
            " JOIN extractions e ON e.id = v.extraction_id"
        ))

    def told(self, name: str) -> Told:
        """What was said of the file of a case, or of the files in it."""
        told = Told()
        for file in self.files:
            if self.paths[file["file"].partition("!")[0]] == name:
                told.added += file["outcomes"].get("added", 0)
                told.malformed += len(file["malformed"])
                told.unresolved += file["unresolved"]
                told.rejected += sum(count for name, count in file["outcomes"].items() if name.startswith(("rej", "fai")))
        return told


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> All:
    """The collection that has them all."""
    return All(tmp_path_factory.mktemp("all"))


def text_of(number: int) -> str:
    """What is read from a story's page when it is crawled."""
    raw = foreign.HEAD + b"\r\n" + foreign.html(number)
    url = foreign.url(number)
    result = read_article(RawPage(url, url, "2026-03-01T12:00:00.000Z", raw, truncated=False, limit=10_000_000)).result
    assert isinstance(result, Candidate)
    return result.text


@pytest.mark.parametrize("name", CASES)
def test_every_article_in_a_hard_input_is_stored(everything: All, name: str) -> None:
    """Nothing that others write keeps an article from being stored; what cannot be read is counted."""
    case = CASES[name]
    assert everything.told(name) == Told(len(case.stories), case.malformed, case.unresolved, case.rejected)
    for number in case.stories:
        [text] = [text for url, text in everything.texts.items() if url.startswith(foreign.url(number))]
        assert text == text_of(number)


def test_ingesting_again_adds_nothing(everything: All) -> None:
    """Files that were ingested before are known: no capture, article or file is added."""
    collection = everything.collection
    before = _counts(collection), sorted((collection.folder / "warc").iterdir())
    again = collection.ingest(everything.files[0]["file"].rpartition("/")[0], code=9)
    assert (_counts(collection), sorted((collection.folder / "warc").iterdir())) == before
    assert again["totals"]["captures"] == 0
    assert again["totals"]["malformed_count"] == sum(case.malformed for case in CASES.values())


def test_captures_are_where_their_rows_say(everything: All) -> None:
    """Every capture's record, whatever it was made of, is read from its file, offset and length."""
    rows = everything.collection.rows(
        "SELECT f.name, c.warc_offset, c.warc_length, c.url, c.record_type"
        " FROM captures c JOIN warc_files f ON f.id = c.warc_file_id"
    )
    for name, offset, length, url, kind in rows:
        with read_record(everything.collection.folder / "warc", name, offset, length) as record:
            assert (record.head.uri, record.head.type.lower()) == (url, kind)


def test_other_readers_read_the_copies(everything: All) -> None:
    """Tools such as warcio find as many records in the copies as were said to be in the files."""
    for file in everything.files:
        with (everything.collection.folder / "warc" / file["name"]).open("rb") as copy:
            assert sum(1 for _ in ArchiveIterator(copy, no_record_parse=True)) == file["records"]


COUNTS = ("records", "captures", "known", "filtered", "others", "unresolved", "rewritten", "malformed_count", "outcomes")
ZERO = dict.fromkeys(COUNTS, 0)
TABLES = ("captures", "articles", "versions", "extractions", "outcomes", "urls", "aliases", "warc_files")


def _counts(collection: Collection) -> list[int]:
    return [collection.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]


# ---- files


def test_a_file_in_good_order_is_copied_byte_for_byte(collection: Collection, tmp_path: Path) -> None:
    """The copy of a file with one gzip member a record is that very file, with an index beside it."""
    path = warc(tmp_path, 10, 20)
    [file] = collection.ingest(path)["files"]
    copy = collection.folder / "warc" / file["name"]
    assert copy.read_bytes() == path.read_bytes()
    assert len(copy.with_name(copy.name.replace(".warc.gz", ".cdxj")).read_bytes().splitlines()) == 2
    assert collection.rows("SELECT origin, place, read_until, sha256 FROM warc_files WHERE origin = 'ingested'") == [
        ("ingested", None, None, hashlib.sha256(path.read_bytes()).hexdigest())
    ]


@pytest.mark.parametrize("compressed", [True, False])
def test_files_are_read_where_they_are(collection: Collection, tmp_path: Path, compressed: bool) -> None:
    """With --in-place nothing is copied, and rows point into the file itself."""
    path = warc(tmp_path, 10, 20)
    if not compressed:
        path.write_bytes(gzip.decompress(path.read_bytes()))
    [file] = collection.ingest("--in-place", path)["files"]
    assert file["in_place"]
    assert file["outcomes"] == {"added": 2}
    assert not list((collection.folder / "warc").glob("ingested-*"))
    for place, offset, length, url in collection.rows(
        "SELECT f.place, c.warc_offset, c.warc_length, c.url FROM captures c JOIN warc_files f ON f.id = c.warc_file_id"
    ):
        with read_record(Path(place).parent, Path(place).name, offset, length) as record:
            assert record.head.uri == url


def test_what_cannot_be_read_in_place_is_copied(collection: Collection, tmp_path: Path) -> None:
    """A file whose records share a member has no place for each: it is copied in spite of --in-place."""
    path = tmp_path / "one.warc.gz"
    path.write_bytes(foreign.member(foreign.response(10) + foreign.response(20)))
    [file] = collection.ingest("--in-place", path)["files"]
    assert (file["in_place"], file["rewritten"], file["outcomes"]) == (False, 2, {"added": 2})


def test_a_file_that_moved_is_found_again(collection: Collection, tmp_path: Path) -> None:
    """A file that was ingested in place and moved since is pointed to where it is now, once it is given again."""
    path = warc(tmp_path, 10)
    collection.ingest("--in-place", path)
    moved = path.rename(tmp_path / "moved.warc.gz")
    collection.ingest("--in-place", moved)
    assert collection.rows("SELECT place FROM warc_files WHERE origin = 'ingested'") == [(str(moved),)]


def test_folders_and_patterns(collection: Collection, tmp_path: Path) -> None:
    """A folder is searched for WARC and WACZ files, a pattern may be left to newswarc, and a file given twice counts once."""
    deep = tmp_path / "x" / "deep"
    deep.mkdir(parents=True)
    warc(tmp_path / "x", 10, name="a.warc.gz")
    warc(deep, 20, name="b.warc.gz")
    (deep / "notes.txt").write_text("no archive")
    files = collection.ingest(tmp_path / "x", tmp_path / "x" / "*" / "*.warc.gz", tmp_path / "x" / "a.warc.gz")["files"]
    assert sorted(Path(file["file"]).name for file in files) == ["a.warc.gz", "b.warc.gz"]


def test_a_file_without_anything_new_is_not_kept(collection: Collection, tmp_path: Path) -> None:
    """Another file with the same records is looked through, and no copy of it stays."""
    collection.ingest(warc(tmp_path, 10, 20))
    other = tmp_path / "again.warc.gz"
    other.write_bytes(foreign.members(foreign.response(20, date="2026-03-01T12:00:00Z")))
    assert collection.ingest(other)["totals"]["known"] == 1
    assert len(list((collection.folder / "warc").glob("ingested-*.warc.gz"))) == 1


# ---- filters


def test_what_a_filter_leaves_out_can_be_had_later(collection: Collection, tmp_path: Path) -> None:
    """Captures that are filtered get no row; without the filter they are taken from the same file."""
    path = tmp_path / "three.warc.gz"
    german = foreign.html(30).replace(b'lang="', b'lang="de-AT" data-was="', 1)
    path.write_bytes(foreign.members(foreign.response(10), foreign.response(20), foreign.response(30, body=german)))
    assert collection.ingest(path, "--host", "times.test")["totals"]["filtered"] == 3
    assert not list((collection.folder / "warc").iterdir())
    assert collection.ingest(path, "--language", "deu")["totals"]["outcomes"] == {"added": 1}
    assert collection.ingest(path, "--limit", "1")["totals"]["outcomes"] == {"added": 1}
    assert collection.ingest(path)["totals"] | {"outcomes": 0} == ZERO | {"records": 3, "captures": 1, "known": 2}
    assert collection.rows("SELECT count(*) FROM articles") == [(3,)]


def test_metadata_records_tell_the_language(collection: Collection, tmp_path: Path) -> None:
    """What Common Crawl detected, in a metadata record beside the response, counts as a language that is said."""
    path = tmp_path / "cc.warc.gz"
    detected = b'fetchTimeMs: 300\r\nlanguages-cld2: {"languages": [{"code": "fr", "code-iso-639-3": "fra"}]}\r\n'
    said = {"content_type": "application/warc-fields", "WARC_Concurrent_To": "<urn:uuid:m1>"}
    path.write_bytes(
        foreign.members(
            foreign.response(10, record_id="urn:uuid:m1"),
            foreign.record("metadata", foreign.url(10), detected, **said),
            foreign.response(20),
        )
    )
    assert collection.ingest(path, "--language", "fr")["totals"]["outcomes"] == {"added": 1}


# ---- the same pipeline


def test_only_article_pages_become_articles(collection: Collection, tmp_path: Path) -> None:
    """A home page, a list, an error and a picture are captures; none is an article."""
    path = tmp_path / "site.warc.gz"
    link = b'<li><h2><a href="/news/%d/a-story-of-the-day">A story of the day, number %d</a></h2></li>'
    links = b"".join(link % (number, number) for number in range(40))
    gone = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"
    picture = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
    path.write_bytes(
        foreign.members(
            page(f"{foreign.SITE}/", b"<html><title>Home</title><ul>" + links, date=foreign.T),
            page(f"{foreign.SITE}/section/politics/", b"<html><title>Politics</title><ul>" + links, date=foreign.T),
            page(f"{foreign.SITE}/2026/03/01/gone-story", b"<html>Not found", date=foreign.T, head=gone),
            page(f"{foreign.SITE}/a.jpg", b"\xff\xd8\xff", date=foreign.T, head=picture),
        )
    )
    totals = collection.ingest(path)["totals"]
    assert totals["captures"] == 4
    assert "added" not in totals["outcomes"]
    assert collection.rows("SELECT count(*) FROM articles") == [(0,)]


def test_what_is_ingested_is_not_fetched(collection: Collection, tmp_path: Path) -> None:
    """URLs that come from an archive are known, and none of them is due."""
    collection.ingest(warc(tmp_path, 10, 20))
    assert collection.rows("SELECT state, next_fetch_at FROM urls") == [("stored", None)] * 2


def test_sources_are_those_of_the_settings(tmp_path: Path) -> None:
    """A page belongs to the source whose host it is on, else to one named after its host, or to the one that is named."""
    collection = made(tmp_path / "c", f'[[source]]\nname = "times"\nurl = "{foreign.SITE}/"\n')
    path = tmp_path / "a.warc.gz"
    elsewhere = foreign.response(20, target="https://www.elsewhere.test/2026/a-long-story")
    path.write_bytes(foreign.members(foreign.response(10), elsewhere))
    collection.ingest(path)
    collection.ingest("--source", "old-papers", warc(tmp_path, 30, name="b.warc.gz"))
    found = collection.rows("SELECT s.name FROM articles a JOIN sources s ON s.id = a.source_id ORDER BY s.name")
    assert found == [("elsewhere.test",), ("old-papers",), ("times",)]


def edited(number: int, words: str) -> bytes:
    """A story after an edit."""
    begins = templated(number).paragraphs[0][:20].encode()
    assert begins in foreign.html(number)
    return foreign.html(number).replace(begins, words.encode() + b" " + begins)


def versions_of(collection: Collection) -> list[tuple[Any, ...]]:
    """Number, moment and first words of all versions."""
    return collection.rows(
        "SELECT v.number, substr(v.observed_at, 9, 2), substr(e.text, 1, 5)"
        " FROM versions v JOIN extractions e ON e.id = v.extraction_id ORDER BY v.article_id, v.number"
    )


def test_the_order_is_that_of_the_dates(collection: Collection, tmp_path: Path) -> None:
    """Versions follow WARC-Date, whatever the order of the records and the files."""
    days = {7: "SEVEN", 3: "THREE", 5: "FIVE!"}
    first, second = tmp_path / "a.warc.gz", tmp_path / "b.warc.gz"
    records = [page(foreign.url(10), edited(10, words), date=f"2026-03-0{day}T12:00:00Z") for day, words in days.items()]
    first.write_bytes(foreign.members(*records[:2]))
    second.write_bytes(foreign.members(records[2]))
    collection.ingest(first, second)
    assert versions_of(collection) == [(1, "03", "THREE"), (2, "05", "FIVE!"), (3, "07", "SEVEN")]


def test_a_page_that_is_gone(collection: Collection, tmp_path: Path) -> None:
    """A later 404 of an article says that it is gone; an earlier one, and one of a page that was never there, say nothing."""
    gone = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"
    path = tmp_path / "gone.warc.gz"
    path.write_bytes(
        foreign.members(
            page(foreign.url(20), b"", date="2026-02-01T12:00:00Z", head=gone),
            foreign.response(10),
            foreign.response(20),
            page(foreign.url(10), b"", date="2026-03-04T12:00:00Z", head=gone),
            page(f"{foreign.SITE}/2026/never-there", b"", date="2026-03-04T12:00:00Z", head=gone),
        )
    )
    assert collection.ingest(path)["totals"]["outcomes"] == {"added": 2, "gone: http-404": 1}
    assert collection.rows("SELECT url, substr(gone_at, 1, 10) FROM articles ORDER BY url") == sorted(
        [(foreign.url(10), "2026-03-04"), (foreign.url(20), None)]
    )


def test_what_newswarc_wrote_is_as_it_was(collection: Collection, crawled: Desk) -> None:
    """Another collection's files give the same articles, with sources, kinds and announcements as they were when it crawled."""
    collection.ingest(crawled.folder / "warc")
    query = (
        "SELECT url, fetched_at, kind, context, http_status, payload_digest, run_id FROM captures ORDER BY url, fetched_at"
    )
    assert collection.rows(query) == crawled.rows(query)
    articles = (
        "SELECT a.uid, a.url, a.first_seen_at, a.version, s.name"
        " FROM articles a JOIN sources s ON s.id = a.source_id ORDER BY a.uid"
    )
    assert collection.rows(articles) == crawled.rows(articles)


# ---- cut short


def test_a_killed_ingestion_is_carried_on(collection: Collection, tmp_path: Path) -> None:
    """After kill -9, at whatever moment, the next ingestion does what is left, and nothing twice."""
    numbers = range(0, 1200, 10)
    path = warc(tmp_path, *numbers)
    command = [*COMMAND, "ingest", "-q", str(path), "--collection", str(collection.folder)]
    for articles in (None, 0, 20, 60):
        running = subprocess.Popen(command, env=environment(), start_new_session=True)
        wait_until(partial(_reached, running, collection, articles))
        running.kill()
        running.wait()
    collection.ingest(path)
    assert _counts(collection)[:4] == [len(numbers)] * 4
    assert collection.rows("SELECT count(*) FROM captures WHERE pending") == [(0,)]
    assert collection.rows("SELECT read_until FROM warc_files WHERE origin = 'ingested'") == [(None,)]
    assert not list((collection.folder / "warc").glob("*.part"))


def _reached(running: subprocess.Popen[bytes], collection: Collection, articles: int | None) -> bool:
    return running.poll() is not None or _has(collection, articles)


def _has(collection: Collection, articles: int | None) -> bool:
    """Whether so many articles are stored; None: whether the database is there."""
    if not (collection.folder / "news.db").exists() or articles is None:
        return (collection.folder / "news.db").exists()
    try:
        return bool(collection.rows("SELECT count(*) FROM articles")[0][0] > articles)
    except sqlite3.OperationalError:
        return False


def test_a_signal_ends_it_in_good_order(collection: Collection, tmp_path: Path) -> None:
    """SIGTERM: what is in hand is kept, the exit code says so, and the next ingestion does the rest."""
    path = warc(tmp_path, *range(0, 2000, 10))
    command = [*COMMAND, "ingest", str(path), "--collection", str(collection.folder)]
    running = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: _has(collection, 5))
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 143, said
    assert "stopped by SIGTERM; what was in hand is kept" in said
    assert "Traceback" not in said
    assert collection.rows("SELECT exit_code FROM runs") == [(143,)]
    before = collection.rows("SELECT count(*) FROM articles")[0][0]
    collection.ingest(path)
    assert before < collection.rows("SELECT count(*) FROM articles")[0][0] == 200


def test_a_collection_in_hand_is_left_alone(collection: Collection, tmp_path: Path) -> None:
    """While a run holds the collection, ingest ends with exit code 6."""
    with hold(collection.folder):
        assert collection.run("ingest", warc(tmp_path, 10)).returncode == 6


def test_a_run_is_accounted_for(collection: Collection, tmp_path: Path) -> None:
    """The run has its row and ledger, and the archive a record of what was ingested, and how."""
    path = warc(tmp_path, 10)
    collection.ingest(path, "--since", "2026-01-01")
    [(command, code, ledger)] = collection.rows("SELECT command, exit_code, ledger FROM runs")
    assert (command, code, json.loads(ledger)["articles"]) == ("ingest", 0, {"added": 1})
    [own] = (collection.folder / "warc").glob("newswarc-*.warc.gz")
    with own.open("rb") as file:
        accounts = {one.rec_headers["WARC-Target-URI"]: one.content_stream().read() for one in ArchiveIterator(file)}
    [account] = [json.loads(content) for uri, content in accounts.items() if uri and uri.endswith(":ingested")]
    assert account["files"][0]["file"] == str(path)
    assert account["since"] == "2026-01-01T00:00:00.000Z"


def test_lines_for_a_person(collection: Collection, tmp_path: Path) -> None:
    """Each file has its line, all of them one, and malformed records are named with file and offset."""
    good, torn = warc(tmp_path, 10), tmp_path / "torn.warc.gz"
    torn.write_bytes(foreign.members(foreign.response(20)) + foreign.members(foreign.response(30))[:-100])
    done = collection.run("ingest", good, torn)
    assert done.returncode == 9
    assert done.stdout == ""
    at = len(foreign.members(foreign.response(20)))
    assert done.stderr.splitlines() == [
        f"{good}: 2 records, 1 captures; articles: 1 added",
        f"{torn}: 1 records, 1 captures, 1 malformed; articles: 1 added",
        "2 files: 3 records, 2 captures, 1 malformed; articles: 2 added",
        f"Malformed: {torn} at offset {at}: the file ends within a gzip member",
        "newswarc: error: 1 malformed records; all else was ingested",
    ]


def test_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """PostgreSQL takes the same, hard inputs and all, and knows it again."""
    collection = made(tmp_path / "c", f"[database]\nurl = {json.dumps(postgres_url)}\n")
    folder = tmp_path / "files"
    folder.mkdir()
    for number, case in enumerate(CASES.values()):
        (folder / f"{number:03d}{case.suffix}").write_bytes(case.data)
    first, again = (collection.ingest(folder, code=9)["totals"] for _ in range(2))
    assert first["outcomes"]["added"] == sum(len(case.stories) for case in CASES.values())
    assert (again["captures"], again["outcomes"]) == (0, {})


def test_verify_has_nothing_to_say_of_what_others_wrote(everything: All) -> None:
    """But for digests that they wrote wrong: every row fits its record, every record its row."""
    done = everything.collection.run("verify")
    assert done.stdout == ""
