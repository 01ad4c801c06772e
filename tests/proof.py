"""What holds of a collection of the newsroom however often its crawl was killed, told from outside.

The archive is read with warcio and the database with sqlite3; wordings are told by the marks that the newsroom leaves
in a story's last paragraph each time it is edited. Nothing here imports newswarc but for the key of a URL.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from replayed import Replayed, replayed
from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import BufferedReader, ChunkedDataReader

from storage.urlkey import key
from tests.desk import Desk
from tests.newsroom.server import Newsroom
from tests.newsroom.site import path_of

MARK = re.compile(r"\[\d+: \d\d:\d\d\]")
WARCIO = Path(sys.executable).with_name("warcio")
_AT_ONCE = 400  # files a command

Wording = tuple[str, ...]  # the marks of all edits so far


@dataclass(frozen=True, slots=True)
class Archived:
    """A response, as warcio reads its record."""

    record_id: str
    path: str  # and query
    place: tuple[str, int, int]
    status: int
    sha256: bytes  # of the block
    wording: Wording


@dataclass(frozen=True, slots=True)
class Proven:
    """How much was looked at."""

    files: int
    captures: int
    articles: int
    versions: int


def prove(desk: Desk, newsroom: Newsroom) -> Proven:
    """Every story is stored once, in every wording that was archived; nothing is left to do, wrong, or there twice."""
    desk.run("verify", timeout=600)
    files = closed_files(desk.folder / "warc")
    by_story = archived(files)
    assert_nothing_is_left(desk)
    assert_rows_are_records(desk, [record for records in by_story.values() for record in records])
    assert_bytes_are_those_served(by_story, newsroom)
    assert_every_story_is_stored_once(desk, newsroom)
    versions = assert_every_wording_is_a_version(desk, newsroom, by_story)
    captures = sum(map(len, by_story.values()))
    return Proven(len(files), captures, len(newsroom.site.live), versions)


def closed_files(folder: Path) -> list[Path]:
    """The files of an archive in the order in which they were begun; nothing else is there, and tools of others take them."""
    files = sorted(folder.glob("*.warc.gz"), key=_begun)
    others = {path.name for path in folder.iterdir()} - {path.name for path in files}
    assert others == {path.name.replace(".warc.gz", ".cdxj") for path in files}
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        subprocess.run(["gzip", "-t", *some], check=True)
        subprocess.run([WARCIO, "check", *some], check=True)
    return files


def _begun(path: Path) -> tuple[str, str]:
    with path.open("rb") as file:
        first = next(iter(ArchiveIterator(file)))
        return first.rec_headers.get_header("WARC-Date"), path.name


def archived(files: Iterable[Path]) -> dict[str, list[Archived]]:
    """All responses by the path of their URL, in the order in which they were written."""
    found: dict[str, list[Archived]] = defaultdict(list)
    for record in map(_archived, replayed(files)):
        found[record.path.partition("?")[0]].append(record)
    return found


def _archived(record: Replayed) -> Archived:
    uri = urlsplit(record.get("WARC-Target-URI"))
    return Archived(
        record_id=record.get("WARC-Record-ID"),
        path=f"{uri.path}?{uri.query}" if uri.query else uri.path,
        place=(record.file, record.offset, record.length),
        status=int(record.block.split(b" ", 2)[1]),
        sha256=hashlib.sha256(record.block).digest(),
        wording=tuple(MARK.findall(_body(record.block).decode("latin-1"))),
    )


def _body(block: bytes) -> bytes:
    """The body of a response, decoded by warcio."""
    head, _, body = block.partition(b"\r\n\r\n")
    fields = dict(re.findall(r"^([\w-]+): *(.*?)\r?$", head.decode("latin-1").lower(), re.MULTILINE))
    reader = ChunkedDataReader if fields.get("transfer-encoding") == "chunked" else BufferedReader
    return bytes(reader(BytesIO(body), decomp_type=fields.get("content-encoding")).read())


def assert_nothing_is_left(desk: Desk) -> None:
    """No lease, no page that was not read, no URL that was not fetched, no file that is open."""
    assert desk.rows("SELECT url FROM urls WHERE state = 'pending' OR lease_run IS NOT NULL") == []
    assert desk.rows("SELECT url FROM captures WHERE pending") == []
    assert desk.rows("SELECT name FROM warc_files WHERE closed_at IS NULL") == []


def assert_rows_are_records(desk: Desk, records: Sequence[Archived]) -> None:
    """Each record has one row, at its place, and each row a record."""
    rows = desk.rows(
        "SELECT c.warc_record_id, f.name, c.warc_offset, c.warc_length FROM captures c"
        " JOIN warc_files f ON f.id = c.warc_file_id"
    )
    assert len(rows) == len(records)
    assert {(record_id.strip("<>"), *place) for record_id, *place in rows} == {(r.record_id, *r.place) for r in records}


def assert_bytes_are_those_served(by_path: dict[str, list[Archived]], newsroom: Newsroom) -> None:
    """Each response in the archive is, to the byte, one that the newsroom gave to that path."""
    given = {(entry.target, hashlib.sha256(entry.response).digest()) for entry in newsroom.log}
    for records in by_path.values():
        assert all((record.path, record.sha256) in given for record in records), records


def assert_every_story_is_stored_once(desk: Desk, newsroom: Newsroom) -> None:
    """Each under one key, with the words that the site has now."""
    stored = {key(url): text for url, text in desk.rows("SELECT url, text FROM v_articles")}
    assert len(stored) == desk.one("SELECT count(*) FROM articles")
    live = {key(newsroom.site.url(story)): story for story in newsroom.site.live}
    assert set(stored) == set(live)
    for name, story in live.items():
        assert "".join(story.paragraphs[-1].split()) in "".join(stored[name].split()), name


def assert_every_wording_is_a_version(desk: Desk, newsroom: Newsroom, by_path: dict[str, list[Archived]]) -> int:
    """The versions of an article are the wordings among its captures, in their order: none missing, invented or twice."""
    versions: dict[str, list[tuple[int, Wording, str]]] = defaultdict(list)
    for url, number, text, record_id in desk.rows(
        "SELECT a.url, v.number, e.text, c.warc_record_id FROM versions v JOIN articles a ON a.id = v.article_id"
        " JOIN extractions e ON e.id = v.extraction_id JOIN captures c ON c.id = v.capture_id ORDER BY a.id, v.number"
    ):
        versions[key(url)].append((number, tuple(MARK.findall(text)), record_id.strip("<>")))
    for story in newsroom.site.live:
        mine = versions[key(newsroom.site.url(story))]
        pages = [page for page in by_path[path_of(newsroom.site.url(story))] if page.status == 200]
        wordings = [wording for wording, _ in groupby(page.wording for page in pages)]
        assert [(number, wording) for number, wording, _ in mine] == list(enumerate(wordings, 1)), story.path
        shown = {page.record_id: page.wording for page in pages}
        assert all(shown[record_id] == wording for _, wording, record_id in mine), story.path
    return sum(map(len, versions.values()))
