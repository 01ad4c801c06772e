"""After a kill: what was archived is settled from the archive, and what was in hand is fetched again."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawler.config.keys import Config, ScheduleTable
from crawler.run.recovery import Recovery
from crawler.run.requisites import Allowance
from crawler.wire.tape import Limits
from pipelines.archived import raw_page
from pipelines.page import RawPage, ReadArticle, read_page
from pipelines.requisites import Requisites
from pipelines.workers import WorkerError
from storage.archive.shelf import Shelf
from storage.database.engine import reading, transaction
from storage.records import Ended, Kind
from storage.recovery.recover import recover, unread
from storage.urlkey import key
from tests.archives import SITE, Archive, candidate, page
from tests.desk import Desk
from tests.newsroom.server import Newsroom

# --- without network --------------------------------------------------------------------------------------------------


class FakeRun:
    """What recovery needs of a run; its workers answer as they are told."""

    def __init__(self, archive: Archive, answer: Callable[[RawPage], ReadArticle]) -> None:
        self.id = archive.run_id
        self.limits = Limits()
        self.shelf = Shelf(archive.folder, archive.engine)
        self.workers = self
        self.config = Config(schedule=ScheduleTable(revisit=False))
        self.read: list[RawPage] = []
        self._archive = archive
        self._answer = answer

    async def do(self, job: Callable[..., Any]) -> Any:
        """What a scribe does."""
        with transaction(self._archive.engine) as conn:
            return job(conn)

    async def run(self, _: Callable[..., Any], raw: RawPage, *more: Any) -> Any:
        """What a pool of workers does."""
        self.read.append(raw)
        return self._answer(raw)


def words_of(raw: RawPage) -> ReadArticle:
    """What the extractor of these tests reads from `page(words)`."""
    words = read_page(raw).body.decode().partition("<p>")[2].partition("</p>")[0]
    return ReadArticle(candidate(raw.url, words), None)


def recovery_of(run: Any) -> Recovery:
    """The recovery of all that is unread. No host of these tests asks for patience."""
    return Recovery(run, None, Allowance({}, 1), 2**62)  # type: ignore[arg-type]


def settle(archive: Archive, answer: Callable[[RawPage], ReadArticle] = words_of) -> FakeRun:
    """Let the next run settle what is left."""
    archive.begin(f"after-{archive.tick()}")
    run = FakeRun(archive, answer)
    asyncio.run(recovery_of(run).done())
    return run


def outcomes(archive: Archive) -> list[tuple[Any, ...]]:
    """URL, verdict and reason of what the newest run settled."""
    return archive.rows(
        "SELECT u.url, o.verdict, o.reason FROM outcomes o JOIN urls u ON u.id = o.url_id WHERE o.run_id = :id ORDER BY o.id",
        id=archive.run_id,
    )


def pending(archive: Archive) -> int:
    """How many captures are still to be read."""
    return int(archive.one("SELECT count(*) FROM captures WHERE pending"))


@pytest.fixture
def killed(archive: Archive) -> Archive:
    """A run that was killed with three pages archived and not read."""
    archive.begin("R1")
    for name in ("x", "y", "z"):
        archive.fetch(archive.lease(f"{SITE}/{name}"), page(f"The story of {name}"))
    archive.kill()
    return archive


def test_unread_pages_are_settled_in_their_order(killed: Archive) -> None:
    """Each becomes an article that was seen when it was fetched, and its URL is not due any more."""
    run = settle(killed)
    assert outcomes(killed) == [(f"{SITE}/{name}", "added", None) for name in ("x", "y", "z")]
    rows = killed.rows("SELECT a.url, a.first_seen_at = c.fetched_at, v.capture_id = c.id FROM articles a"
                       " JOIN captures c ON c.url = a.url JOIN versions v ON v.article_id = a.id ORDER BY 1")
    assert [(url, bool(seen), bool(shown)) for url, seen, shown in rows] == [(f"{SITE}/{n}", True, True) for n in "xyz"]
    assert {killed.state(f"{SITE}/{name}") for name in "xyz"} == {("stored", False)}
    assert pending(killed) == 0
    assert len(run.read) == 3


def test_a_page_in_a_file_that_was_moved_away_is_fetched_again(killed: Archive, tmp_path: Path) -> None:
    """No run ends for it; in a file that is in another folder it is read there."""
    recover(killed.engine, killed.folder, killed.now)
    [path] = killed.files()
    path.rename(tmp_path / "other.gz")
    killed.edit("UPDATE warc_files SET state = 'elsewhere', place = 'tape 7'")
    assert settle(killed).read == []
    assert (outcomes(killed), pending(killed)) == ([], 0)
    killed.edit("UPDATE captures SET pending = (1 = 1)")
    killed.edit("UPDATE warc_files SET state = 'here', place = :place", place=str(tmp_path / "other.gz"))
    assert len(settle(killed).read) == 3


def test_a_redirected_page_is_settled_under_its_own_url(archive: Archive) -> None:
    """The article has the URL of the final hop; the one that led there is stored, and an alias."""
    archive.begin("R1")
    lease = archive.lease(f"{SITE}/short")
    archive.fetch(lease, b"HTTP/1.1 301 Moved\r\nLocation: /long\r\n\r\n")
    archive.fetch(lease, page("The long story"), url=f"{SITE}/long")
    archive.kill()
    run = settle(archive)
    assert outcomes(archive) == [(f"{SITE}/short", "added", None)]
    assert archive.rows("SELECT url FROM articles") == [(f"{SITE}/long",)]
    assert {k for (k,) in archive.rows("SELECT key FROM aliases")} == {key(f"{SITE}/short"), key(f"{SITE}/long")}
    assert (run.read[0].url, run.read[0].frontier_url) == (f"{SITE}/long", f"{SITE}/short")


def test_requisites_are_settled_from_the_archive(archive: Archive) -> None:
    """A picture is kept as it lies there; a stylesheet is read, and what it needs is due."""
    archive.begin("R1")
    for name, mime in (("a.png", "image/png"), ("b.css", "text/css"), ("c.css", "text/css")):
        response = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nContent-Length: 1\r\n\r\nx".encode()
        archive.fetch(archive.lease(f"{SITE}/{name}", Kind.REQUISITE), response)
    torn = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\nx"
    archive.fetch(archive.lease(f"{SITE}/torn.png", Kind.REQUISITE), torn, ended=Ended.DISCONNECT, error="disconnect")
    archive.fetch(archive.lease(f"{SITE}/d.png", Kind.REQUISITE), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    archive.kill()

    def answer(raw: RawPage) -> Any:
        if raw.url.endswith("c.css"):
            raise WorkerError("memory-limit")
        return Requisites((f"{SITE}/e.woff2",))

    run = settle(archive, answer)
    assert outcomes(archive) == [
        (f"{SITE}/a.png", "kept", None),
        (f"{SITE}/b.css", "kept", None),
        (f"{SITE}/c.css", "kept", "memory-limit"),
        (f"{SITE}/torn.png", "failed", "cut: disconnect"),
    ]
    assert archive.state(f"{SITE}/torn.png") == ("failed", True)
    assert sorted(raw.url for raw in run.read) == [f"{SITE}/b.css", f"{SITE}/c.css"]
    assert {archive.state(f"{SITE}/{name}") for name in ("a.png", "b.css", "c.css")} == {("kept", False)}
    assert {archive.state(f"{SITE}/{name}") for name in ("d.png", "e.woff2")} == {("pending", True)}
    assert pending(archive) == 0


def test_a_stylesheet_stays_when_there_are_no_workers(archive: Archive) -> None:
    """A pool that cannot work says nothing about it: the next run reads it."""
    archive.begin("R1")
    response = b"HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 1\r\n\r\nx"
    archive.fetch(archive.lease(f"{SITE}/b.css", Kind.REQUISITE), response)
    archive.kill()

    def no_worker(_: RawPage) -> Any:
        raise WorkerError("unavailable: no memory")

    settle(archive, no_worker)
    assert (outcomes(archive), pending(archive)) == ([], 1)


def test_a_page_that_no_worker_can_read_has_failed(killed: Archive) -> None:
    """A crash or limit costs that page only."""

    def answer(raw: RawPage) -> ReadArticle:
        if raw.url.endswith("y"):
            raise WorkerError("memory-limit")
        return words_of(raw)

    settle(killed, answer)
    assert [row[1:] for row in outcomes(killed)] == [("added", None), ("failed", "memory-limit"), ("added", None)]
    assert pending(killed) == 0


def test_a_page_stays_when_there_are_no_workers(killed: Archive) -> None:
    """A pool that cannot work says nothing about a page: the next run reads it."""

    def answer(_: RawPage) -> ReadArticle:
        raise WorkerError("unavailable: no memory")

    settle(killed, answer)
    assert (outcomes(killed), pending(killed)) == ([], 3)
    settle(killed)
    assert (len(outcomes(killed)), pending(killed)) == (3, 0)


def test_pages_that_a_live_run_would_not_read_are_fetched_again(archive: Archive) -> None:
    """One that timed out, one cut in its header, a seed's, one for a callback of its own, one whose record is damaged."""
    archive.begin("R1")
    names = ("timeout", "header", "payload", "damaged")
    leases = {name: archive.lease(f"{SITE}/{name}") for name in names}
    archive.fetch(leases["timeout"], page("x")[:90], ended=Ended.TIME, error="timeout")
    archive.fetch(leases["header"], page("x")[:30], ended=Ended.LENGTH, error="length")
    archive.fetch(leases["payload"], page("x"))
    archive.fetch(leases["damaged"], page("x"))
    archive.edit("UPDATE urls SET payload = '{\"callback\": \"own\"}' WHERE url = :url", url=f"{SITE}/payload")
    archive.edit("UPDATE captures SET warc_length = 1 WHERE url = :url", url=f"{SITE}/damaged")
    assert pending(archive) == 3  # one that timed out is not awaited at all
    archive.kill()
    run = settle(archive)
    assert (run.read, outcomes(archive), pending(archive)) == ([], [], 0)
    assert {archive.state(f"{SITE}/{name}") for name in names} == {("pending", True)}


def test_a_page_that_was_cut_is_read_as_cut(archive: Archive) -> None:
    """As a live run reads what is there of it."""
    archive.begin("R1")
    archive.fetch(archive.lease(f"{SITE}/x"), page("The story of x")[:-5], ended=Ended.DISCONNECT, error="reset")
    archive.kill()
    run = settle(archive)
    assert [raw.truncated for raw in run.read] == [True]


def test_a_page_whose_url_was_settled_since_is_left_alone(archive: Archive) -> None:
    """A second fetch of the same URL has had its outcome."""
    archive.begin("R1")
    lease = archive.lease(f"{SITE}/x")
    archive.fetch(lease, page("The story of x"), ended=Ended.TIME, error="timeout")
    archive.settle(lease, archive.fetch(lease, page("The story of x")), candidate(lease.url, "The story of x"))
    archive.kill()
    run = settle(archive)
    assert (run.read, outcomes(archive), pending(archive)) == ([], [], 0)
    assert archive.state(lease.url) == ("stored", False)


def test_a_page_that_was_asked_for_again_is_settled_and_stays_due(killed: Archive) -> None:
    """What was fetched before somebody asked for it anew is stored, and the asking is not forgotten."""
    asked = killed.tick()
    killed.edit("UPDATE urls SET next_fetch_at = :asked WHERE url = :url", asked=asked, url=f"{SITE}/y")
    settle(killed)
    assert outcomes(killed) == [(f"{SITE}/{name}", "added", None) for name in ("x", "y", "z")]
    assert [killed.state(f"{SITE}/{name}") for name in "xyz"] == [("stored", False), ("stored", True), ("stored", False)]
    rows = killed.rows("SELECT u.next_fetch_at, u.last_fetch_at = c.fetched_at FROM urls u JOIN captures c ON c.url_id = u.id"
                       " WHERE u.url = :url", url=f"{SITE}/y")
    assert [(due, bool(as_fetched)) for due, as_fetched in rows] == [(asked, True)]


def test_more_pages_than_are_read_at_once(archive: Archive) -> None:
    """They are read some at a time."""
    archive.begin("R1")
    leases = [archive.lease(f"{SITE}/{n}") for n in range(120)]
    archive.do(*(archive.archiving(lease, page(f"The story of {lease.url}"))[0] for lease in leases))
    archive.kill()
    settle(archive)
    assert (len(outcomes(archive)), pending(archive)) == (120, 0)


def test_it_is_done_once(killed: Archive) -> None:
    """Whoever asks again waits for the first, and does nothing."""
    killed.begin("R2")
    run = FakeRun(killed, words_of)

    async def ask() -> None:
        recovery = recovery_of(run)
        await asyncio.gather(recovery.done(), recovery.done())
        await recovery.done()

    asyncio.run(ask())
    assert len(run.read) == 3


def test_a_run_that_ends_meanwhile_leaves_the_rest_to_the_next(killed: Archive) -> None:
    """Whoever waits for it may be cancelled at any moment: the scribe goes on, and nothing is lost or done twice."""
    killed.begin("R2")
    run = FakeRun(killed, words_of)

    async def cut_short(after: int) -> None:
        waiting = asyncio.ensure_future(recovery_of(run).done())
        for _ in range(after):
            await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting

    for after in range(0, 40, 3):
        asyncio.run(cut_short(after))
        assert pending(killed) + len(outcomes(killed)) == 3
    settle(killed)
    assert pending(killed) == 0
    assert killed.one("SELECT count(*) FROM outcomes") == 3


def test_a_long_page_is_read_to_the_limit(archive: Archive) -> None:
    """No more than a live run would have read of it."""
    archive.begin("R1")
    recorded = archive.fetch(archive.lease(f"{SITE}/x"), page("long " * 1000))
    assert recorded.capture_id is not None
    with reading(archive.engine) as conn:
        [left] = unread(conn)
    limits = Limits(max_page_bytes=1_000, max_header_bytes=500)
    raw, head = raw_page(Shelf(archive.folder, archive.engine), left.capture, limits)
    assert (len(raw.raw), raw.truncated, raw.limit, head.complete) == (1_500, True, 1_000, True)


# --- the real command -------------------------------------------------------------------------------------------------


ARTICLES = """
    SELECT uid, source, url, canonical_url, site_name, title, authors, published_at, modified_at, published_local,
        published_precision, language, section, tags, description, image_url, text, word_count, version, first_seen_at,
        last_seen_at, gone_at, http_status, warc_file, warc_offset, warc_record_id, payload_digest, extractor
    FROM v_articles ORDER BY uid
"""
URLS = """
    SELECT url, kind, state, reason, next_fetch_at IS NULL, attempts, etag, last_modified FROM urls
    WHERE kind = 'article' ORDER BY url
"""
FORGET = """
    PRAGMA foreign_keys = OFF;
    DELETE FROM versions; DELETE FROM extractions; DELETE FROM aliases; DELETE FROM articles;
    DELETE FROM outcomes WHERE kind = 'article' AND capture_id IN
        (SELECT id FROM captures WHERE http_status = 200);
    UPDATE urls SET state = 'pending', reason = NULL, article_id = NULL, next_fetch_at = discovered_at, etag = NULL,
        last_modified = NULL, last_fetch_at = NULL
    WHERE id IN (SELECT url_id FROM captures WHERE kind = 'article' AND http_status = 200);
    UPDATE captures SET pending = (kind = 'article' AND http_status = 200);
"""


def test_the_archive_gives_what_a_live_run_would_have_stored(desk: Desk, newsroom: Newsroom) -> None:
    """All pages of a crawl settled again from the archive, with the site gone: the same articles to the letter."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', crawl="workers = 1")
    desk.run("crawl", "-q", timeout=240)
    articles, urls = desk.rows(ARTICLES), desk.rows(URLS)
    newsroom.close()
    conn = sqlite3.connect(desk.folder / "news.db")
    conn.executescript(FORGET)
    conn.close()
    assert desk.rows(ARTICLES) == []
    desk.run("crawl", "-q", timeout=240)
    assert desk.rows(ARTICLES) == articles
    assert desk.rows(URLS) == urls
    assert desk.one("SELECT count(*) FROM captures WHERE pending") == 0
    desk.run("verify")
