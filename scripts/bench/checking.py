"""How fast `newswarc verify` reads an archive, beside `warcio check` on the same files, which knows of no rows."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crawler.schedule.refetch import next_visit
from pipelines.archive import WarcKeeping, recording
from pipelines.store import Recorded, Visit, store_article
from scripts.bench.crawling import COMMAND, make_collection
from scripts.bench.figures import Figure
from scripts.bench.pages import Page
from scripts.bench.processes import on_cores
from storage.database.engine import Connection, open_database, transaction
from storage.frontier import leases
from storage.frontier import urls as frontier
from storage.frontier.urls import Origin
from storage.records import Candidate, Ended, Exchange, FetchContext, Kind, Link
from storage.runs import rows as runs
from storage.times import later
from storage.urlkey import key
from storage.warc.write import WarcWriter

GOAL = 3.0
SIZE = 400  # MB
ROUNDS = 3  # of each in turns; the fastest counts
MB = 1_000_000
FILES = 4  # that the archive is kept in
CORES = 2
_RUN = "20260301T120000Z-bench0"
_T0 = "2026-03-01T12:00:00.000Z"
_BATCH = 50
_LEVEL = 5
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: newswarc/bench (+https://bench.newswarc.org/)\r\n"
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: en\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n"
)
_HEAD = "HTTP/1.1 200 OK\r\nDate: Sun, 01 Mar 2026 12:00:00 GMT\r\nServer: nginx\r\nContent-Type: text/html; charset=utf-8\r\n"


def figures(pages: Sequence[Page], megabytes: int) -> Iterator[Figure]:
    """Megabytes of WARC a second of both, on two cores."""
    with tempfile.TemporaryDirectory(prefix="newswarc-bench-") as scratch:
        folder = Path(scratch) / "collection"
        archive = make_archive(folder, pages, megabytes * MB)
        files = sorted((folder / "warc").glob("*.warc.gz"))
        verify = [*COMMAND, "verify", "--quiet", "--collection", str(folder)]
        commands = {
            "warcio check": [str(Path(sys.executable).with_name("warcio")), "check", *map(str, files)],
            "newswarc verify --workers 1": [*verify, "--workers", "1"],
            f"newswarc verify --workers {CORES}": [*verify, "--workers", str(CORES)],
            f"newswarc verify --workers {CORES} --bodies": [*verify, "--workers", str(CORES), "--bodies"],
        }
        taken = _fastest(commands)
    speeds = {name: archive.bytes / MB / took.wall for name, took in taken.items()}
    for name, speed in speeds.items():
        yield Figure(name, f"{speed:.1f} MB/s, {taken[name].cpu:.2f} s CPU")
    ratio = speeds[f"newswarc verify --workers {CORES}"] / speeds["warcio check"]
    yield Figure(
        f"verify with {CORES} workers over warcio check",
        f"{ratio:.2f} x",
        f">= {GOAL:.0f} x",
        ratio >= GOAL,
        note=f"{archive.bytes / MB:.0f} MB in {len(files)} files, {archive.exchanges} exchanges; start of the processes included",
    )


@dataclass(frozen=True, slots=True, order=True)
class Took:
    """Seconds of a command; CPU of all its processes."""

    wall: float
    cpu: float


def _fastest(commands: dict[str, list[str]]) -> dict[str, Took]:
    """What each command took, the best of some rounds in turns."""
    taken: dict[str, list[Took]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            started, cpu = time.monotonic(), _cpu_of_children()
            with on_cores(sorted(os.sched_getaffinity(0))[:CORES]):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            taken[name].append(Took(time.monotonic() - started, _cpu_of_children() - cpu))
            if done.returncode != 0:
                raise SystemExit(f"{name} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return {name: min(rounds) for name, rounds in taken.items()}


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- the archive ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Made:
    """An archive that was generated."""

    bytes: int = 0
    exchanges: int = 0


def make_archive(folder: Path, pages: Sequence[Page], size: int) -> Made:
    """A collection with about so many bytes of WARC in some files: articles as they come, rows and all.

    The pages are taken in turns, each time with another number in them.
    """
    make_collection(folder, [], 1)
    engine = open_database(f"sqlite:///{folder / 'news.db'}")
    writer = WarcWriter(folder / "warc", _RUN, "newswarc/bench", {"isPartOf": "bench"}, max_file_bytes=size // FILES)
    made, packed = Made(), [_Packed(page.html) for page in pages]
    with transaction(engine) as conn:
        runs.begin(conn, _RUN, "bench", _T0)
        source_id = frontier.source_id(conn, "bench", "https://bench.test/", _T0)
    while made.bytes < size:
        numbers = range(made.exchanges, made.exchanges + _BATCH)
        with transaction(engine) as conn:
            for number in numbers:
                _enter(conn, writer, source_id, packed[number % len(packed)], number)
            WarcKeeping(writer).before_commit(conn)
        made.exchanges += _BATCH
        made.bytes = sum(file.stat().st_size for file in (folder / "warc").iterdir())
    with transaction(engine) as conn:
        writer.close()
        WarcKeeping(writer).before_commit(conn)
    engine.dispose()
    made.bytes = sum(file.stat().st_size for file in (folder / "warc").glob("*.warc.gz"))
    return made


def _enter(conn: Connection, writer: WarcWriter, source_id: int, packed: _Packed, number: int) -> None:
    """A page as it is fetched, archived and stored as an article."""
    url, moment = f"https://bench.test/news/{number}.html", later(_T0, number)
    conn_origin = Origin(source_id, _RUN, moment, via="https://bench.test/feed.xml")
    frontier.discover(conn, [Link(url)], conn_origin)
    [url_id] = frontier.ids_of(conn, [key(url)]).values()
    [lease] = leases.claim_rows(conn, [url_id], _RUN, later(moment, 3600))
    context = FetchContext(_RUN, "bench", Kind.ARTICLE, url, via="https://bench.test/feed.xml", hops_from_seed=1)
    response = _CODINGS[number % len(_CODINGS)](packed, b"<!-- %d -->" % number)
    exchange = Exchange(
        url=url,
        started_at=moment,
        request=_REQUEST.format(path=url[len("https://bench.test") :]).encode(),
        response=io.BytesIO(response),
        response_length=len(response),
        ended=Ended.COMPLETE,
        fetch_ms=100,
        context=context,
        peer_ip="192.0.2.7",
        peer_port=443,
    )
    recorded = Recorded()
    recording(WarcKeeping(writer), exchange, url_id, recorded)(conn)
    text = f"Story {number}. " + "One of the many words that a story has. " * 150
    read = Candidate(url, None, f"Story {number}", text, word_count=1200, text_sha256=f"{number:064x}", extractor="bench-1")
    store_article(conn, Visit(lease, source_id, _RUN, moment, url, 200, recorded), read, [], next_visit)


class _Packed:
    """A page that is compressed but for its end, so that many pages can be made of it."""

    def __init__(self, html: bytes) -> None:
        self.html = html
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        self._begun = self._packer.compress(html)

    def zipped(self, end: bytes) -> bytes:
        """The page with this end, as a server that compresses sends it."""
        packer = self._packer.copy()
        return self._begun + packer.compress(end) + packer.flush()


def _zipped(page: _Packed, end: bytes) -> bytes:
    body = page.zipped(end)
    return f"{_HEAD}Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _chunked(page: _Packed, end: bytes) -> bytes:
    body = page.zipped(end)
    chunks = [body[start : start + 8192] for start in range(0, len(body), 8192)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return f"{_HEAD}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + framed


def _plain(page: _Packed, end: bytes) -> bytes:
    return f"{_HEAD}Content-Length: {len(page.html + end)}\r\n\r\n".encode() + page.html + end


# As pages come: most compressed and in chunks, a few not compressed at all.
_CODINGS: Sequence[Callable[[_Packed, bytes], bytes]] = (*[_chunked] * 5, *[_zipped] * 4, _plain)
