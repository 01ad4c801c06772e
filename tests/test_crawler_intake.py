"""What waits to be read: short pages in memory, long ones in the archive, and no more of either than fits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from exchanges import CONTEXT, HTML, exchange
from scrapy import Request

from crawler.run.intake import HELD, SHORT, Intake
from crawler.wire.tape import Limits
from pipelines.archive import WarcKeeping
from pipelines.page import RawPage
from storage.archive.shelf import Shelf
from storage.database.engine import open_database, transaction
from storage.frontier.leases import claim_rows
from storage.frontier.urls import Origin, discover, ids_of, source_id
from storage.records import Kind, Lease, Link
from storage.runs.scribe import Scribe
from storage.urlkey import key
from storage.warc.write import WarcWriter
from tests.databases import a_run

URL = "https://www.example.com/news"
RUN = "R1"


@pytest.fixture
def lease(tmp_path: Path) -> Iterator[tuple[Intake, Lease]]:
    """An intake with its scribe and archive, and a lease to fetch for."""
    engine = open_database(f"sqlite:///{tmp_path / 'news.db'}")
    with transaction(engine) as conn:
        a_run(conn, RUN)
        a_run(conn, CONTEXT.run_id)
        discover(conn, [Link(URL)], Origin(source_id(conn, "paper", URL, "2026"), RUN, "2026-03-01T12:00:00.000Z"))
        [made] = claim_rows(conn, list(ids_of(conn, [key(URL)]).values()), RUN, "2027")
    writer = WarcWriter(tmp_path, RUN, "newswarc/test")
    keeping = WarcKeeping(writer)
    scribe = Scribe(engine, keeping, RUN)
    yield Intake(RUN, scribe, keeping, Shelf(tmp_path, engine), Limits(max_page_bytes=4 << 20)), made
    scribe.close()
    writer.close()
    engine.dispose()


def taken(intake: Intake, lease: Lease, body: bytes) -> tuple[Request, bytes]:
    """A request whose exchange has come in, and the bytes of its response."""
    request = Request(URL, meta={"lease": lease, "kind": Kind.ARTICLE})
    response = HTML + b"\r\n" + body
    intake.exchanged(request, exchange(response), lambda _: None)
    return request, response


async def page_of(intake: Intake, request: Request) -> RawPage:
    async with intake.page(request) as page:
        return page


@pytest.mark.parametrize("size", [0, 1_000, SHORT + 1, 3 << 20])
def test_a_page_is_what_was_served_however_long(lease: tuple[Intake, Lease], size: int) -> None:
    """Kept in memory or read back from the file that is still being written: the same bytes."""
    intake, made = lease
    request, response = taken(intake, made, b"x" * size)
    page = asyncio.run(page_of(intake, request))
    assert (page.raw, page.truncated, page.url) == (response, False, "https://www.example.com/news?b=1&a")


def test_a_page_beyond_the_limit_is_read_to_it(lease: tuple[Intake, Lease]) -> None:
    """And says that it was cut."""
    intake, made = lease
    request, response = taken(intake, made, b"x" * (6 << 20))
    page = asyncio.run(page_of(intake, request))
    limit = intake.limits.max_page_bytes + intake.limits.max_header_bytes
    assert (page.raw, page.truncated) == (response[:limit], True)


def test_it_is_full_until_pages_are_read(lease: tuple[Intake, Lease]) -> None:
    """Long pages cost no memory while they wait."""
    intake, made = lease
    long = [taken(intake, made, b"x" * (2 << 20))[0] for _ in range(40)]
    assert not intake.is_full()
    short = [taken(intake, made, b"x" * (SHORT - 1_000))[0] for _ in range(1 + HELD // (SHORT - 1_000))]
    assert intake.is_full()
    intake.forget(short.pop())
    assert not intake.is_full()
    assert len(long) == 40
