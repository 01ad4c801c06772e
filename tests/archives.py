"""A collection made without network: exchanges written by the real writer, rows entered by the real jobs. A pytest plugin."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exchanges import HTML, exchange
from sqlalchemy import Connection, Engine, select, text

from crawler.schedule.refetch import next_visit
from pipelines.archive import WarcKeeping, recording
from pipelines.store import Recorded, Visit, store_article, store_seed
from storage.archive.dedupe import Dedupe
from storage.database.engine import open_database, reading, transaction
from storage.database.schema import urls
from storage.frontier import leases
from storage.frontier import urls as frontier
from storage.frontier.urls import Origin
from storage.records import (
    SEED_KINDS,
    Announced,
    Candidate,
    Ended,
    FetchContext,
    Kind,
    Lease,
    Link,
    NoArticle,
    Validators,
)
from storage.runs import rows as runs
from storage.times import later
from storage.urlkey import key
from storage.verify.check import Checked, Fault, verify
from storage.warc.write import WarcWriter

SITE = "https://gazette.test"
T0 = "2026-03-01T12:00:00.000Z"


def page(words: str) -> bytes:
    """A response with an article, as it comes over the wire."""
    body = f"<html><title>{words}</title><article><p>{words}</p></article></html>".encode()
    return HTML + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def candidate(url: str, words: str, **more: Any) -> Candidate:
    """What an extractor reads from `page(words)`."""
    read = {"canonical_url": None, "title": words, "text": words, "word_count": 50, "text_sha256": words, "extractor": "t-1"}
    return Candidate(url=url, **read | more)


class Archive:
    """A collection with one source, its clock a second further with each exchange. `sqlite` edits what only SQLite lets one."""

    def __init__(self, root: Path, database_url: str) -> None:
        self.folder = root / "warc"
        self.folder.mkdir(exist_ok=True)
        self.engine: Engine = open_database(database_url, timeout=5)
        self.writer: WarcWriter = None  # type: ignore[assignment]
        self.now = T0
        self.run_id = ""

    # --- a run

    def begin(self, run_id: str, **options: Any) -> None:
        """Start a run."""
        self.run_id = run_id
        self.writer = WarcWriter(self.folder, run_id, "newswarc/test", {"run": run_id}, **options)
        self.keeping = WarcKeeping(self.writer, Dedupe.ALWAYS)
        self.do(lambda conn: runs.begin(conn, run_id, "0.1.0", self.now))

    def do(self, *jobs: Callable[[Connection], Any]) -> None:
        """Do what the scribe does with a batch of jobs."""
        with transaction(self.engine) as conn:
            for job in jobs:
                job(conn)
            self.keeping.before_commit(conn)

    def end(self) -> None:
        """Close the run's files."""

        def job(conn: Connection) -> None:
            self.writer.write_resource(f"urn:run:{self.run_id}", "application/json", b"{}", self.now)
            self.writer.close()

        self.do(job)

    def kill(self) -> str:
        """End the run as kill -9 would; the name of the file that it leaves."""
        name = self.writer.current
        assert name is not None
        self.writer._pair.release()
        self.writer._pair = None
        return name

    def close(self) -> None:
        """Let go of everything, as it is."""
        if self.writer is not None and self.writer._pair is not None:
            self.kill()
        self.engine.dispose()

    def tick(self) -> str:
        """The next second."""
        self.now = later(self.now, 1)
        return self.now

    # --- what it does

    def lease(self, url: str, kind: Kind = Kind.ARTICLE, announced: Announced | None = None) -> Lease:
        """A URL in hand, discovered where it was unknown."""
        with transaction(self.engine) as conn:
            source_id = frontier.source_id(conn, "gazette", f"{SITE}/", self.now)
            link = Link(url, kind, announced=announced, priority=0 if kind in SEED_KINDS else 1)
            frontier.discover(conn, [link], Origin(source_id, self.run_id, self.now, via=f"{SITE}/feed.xml"))
            [url_id] = frontier.ids_of(conn, [key(url)]).values()
            conn.execute(urls.update().where(urls.c.id == url_id).values(next_fetch_at=self.now))
            [lease] = leases.claim_rows(conn, [url_id], self.run_id, later(self.now, 3600))
        return lease

    def archiving(
        self, lease: Lease, response: bytes, *, url: str | None = None, **changed: Any
    ) -> tuple[Callable[[Connection], None], Recorded]:
        """The job that archives an exchange made for a lease, and what it will have recorded."""
        recorded = Recorded()
        context = FetchContext(self.run_id, lease.source, lease.kind, lease.url, via=lease.via, announced=lease.announced)
        made = exchange(response, url=url or lease.url, context=context, started_at=self.tick(), **changed)
        return recording(self.keeping, made, lease.url_id, recorded), recorded

    def fetch(self, lease: Lease, response: bytes, *, url: str | None = None, **changed: Any) -> Recorded:
        """Archive an exchange made for a lease."""
        job, recorded = self.archiving(lease, response, url=url, **changed)
        self.do(job)
        return recorded

    def settle(
        self, lease: Lease, recorded: Recorded, result: Candidate | NoArticle | None, *, status: int = 200, url: str | None = None
    ) -> None:
        """Store what became of a lease."""
        source_id = self.one("SELECT id FROM sources")
        validators = Validators(url or lease.url, recorded.fetched_at or self.now, '"e"')
        visit = Visit(lease, source_id, self.run_id, self.tick(), url or lease.url, status, recorded, validators=validators)
        if lease.kind in SEED_KINDS:
            self.do(lambda conn: store_seed(conn, visit, [], None, next_visit))
        else:
            self.do(lambda conn: store_article(conn, visit, result, [], next_visit))

    def article(self, path: str, words: str = "", *, canonical: str | None = None) -> str:
        """Fetch and store an article; returns its URL."""
        url = SITE + path
        words = words or f"The story of {path}"
        lease = self.lease(url)
        self.settle(lease, self.fetch(lease, page(words)), candidate(url, words, canonical_url=canonical))
        return url

    def answer(self, path: str, status: int) -> str:
        """Fetch an article's URL that answers with an error status; returns the URL."""
        lease = self.lease(SITE + path)
        recorded = self.fetch(lease, f"HTTP/1.1 {status} Sorry\r\nContent-Length: 0\r\n\r\n".encode())
        self.settle(lease, recorded, None, status=status)
        return lease.url

    def feed(self, path: str = "/feed.xml") -> str:
        """Poll a feed; returns its URL."""
        lease = self.lease(SITE + path, Kind.FEED)
        self.settle(lease, self.fetch(lease, HTML + b"\r\n<rss/>"), None)
        return lease.url

    def busy_run(self, run_id: str, paths: Sequence[str]) -> None:
        """A run that polls a feed, follows a redirect, meets a dead host and stores articles."""
        self.begin(run_id)
        self.feed()
        lease = self.lease(f"{SITE}/{run_id}/moved")
        self.fetch(lease, b"HTTP/1.1 301 Moved\r\nLocation: /there\r\n\r\n")
        self.settle(lease, self.fetch(lease, b"", url=f"{SITE}/{run_id}/there", ended=Ended.TIME, error="timeout"), None, status=0)
        for path in paths:
            self.article(path)
        self.answer(f"/{run_id}/nothing", 404)

    # --- what is there

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with reading(self.engine) as conn:
            return [tuple(row) for row in conn.execute(text(query), values)]

    def one(self, query: str, **values: Any) -> Any:
        """The only value of a query."""
        [[value]] = self.rows(query, **values)
        return value

    def edit(self, statement: str, **values: Any) -> None:
        """Change rows behind newswarc's back, on SQLite without minding what points to them."""
        with self.engine.connect() as conn:
            if self.engine.dialect.name == "sqlite":
                conn.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
            conn.execute(text(statement), values)
            conn.commit()
            if self.engine.dialect.name == "sqlite":
                conn.connection.driver_connection.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]

    def state(self, url: str) -> tuple[str, bool]:
        """The state of a URL, and whether it is due."""
        with reading(self.engine) as conn:
            row = conn.execute(select(urls.c.state, urls.c.next_fetch_at).where(urls.c.key == key(url))).one()
        return row.state, row.next_fetch_at is not None

    def files(self) -> list[Path]:
        """The WARC files with their final names, in order."""
        return sorted(self.folder.glob("*.warc.gz"))

    def faults(self, checked: Checked | None = None) -> list[Fault]:
        """All that `verify` finds."""
        return list(verify(self.engine, self.folder, checked))


@pytest.fixture
def archive(tmp_path: Path, database_url: str) -> Iterator[Archive]:
    """An empty collection, on each kind of database."""
    made = Archive(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture(scope="session")
def full_template(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The collection that `full` copies where databases are files."""
    root = tmp_path_factory.mktemp("full")
    made = _filled(Archive(root, f"sqlite:///{root / 'news.db'}"))
    made.engine.dispose()
    return made


@pytest.fixture
def full(tmp_path: Path, database_url: str, full_template: Archive) -> Iterator[Archive]:
    """A collection after two runs, two closed files with three articles each."""
    copied = database_url.startswith("sqlite")
    if copied:
        shutil.copytree(full_template.folder.parent, tmp_path, dirs_exist_ok=True)
    made = Archive(tmp_path, database_url)
    if copied:
        made.now = full_template.now
    else:
        _filled(made)
    yield made
    made.close()


def _filled(archive: Archive) -> Archive:
    archive.busy_run("R1", ["/a1", "/a2", "/a3"])
    archive.end()
    archive.busy_run("R2", ["/b1", "/b2", "/b3"])
    archive.end()
    return archive


def changed(url: str, words: str) -> Candidate:
    """A candidate with another wording than before."""
    return replace(candidate(url, words), text_sha256=f"{words}, changed")
