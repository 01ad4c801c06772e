"""A page with all it needs, found again in the archive."""

from __future__ import annotations

from exchanges import HTML

from pipelines.whole_page import WholePage
from storage.archive.captures import fetched_for
from storage.archive.shelf import Shelf
from storage.database.engine import reading
from storage.records import Capture, Ended, Kind
from tests.archives import SITE, Archive


def answer(body: str, mime: str = "image/png") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def article(archive: Archive, path: str, body: str) -> Capture:
    page = HTML + f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    capture = archive.fetch(archive.lease(SITE + path), page).capture
    assert capture is not None
    return capture


def requisite(archive: Archive, path: str, response: bytes, *hops: str, **changed: object) -> None:
    lease = archive.lease(SITE + path, Kind.REQUISITE)
    for hop in hops:
        archive.fetch(lease, f"HTTP/1.1 302 Found\r\nLocation: {hop}\r\n\r\n".encode())
    archive.fetch(lease, response, url=hops[-1] if hops else None, **changed)


def whole(archive: Archive, capture: Capture) -> list[str]:
    """The URLs of what a page needs, short where they are of the site, and when each was fetched behind an @."""
    found = WholePage(archive.engine, Shelf(archive.folder, archive.engine), 100_000).captures(capture)
    return [f"{each.url.removeprefix(SITE)}@{each.context.run_id}" for each in found]


def test_all_that_a_page_needs_is_found_with_its_hops(archive: Archive) -> None:
    """Its own requisites, its stylesheets', and redirects on the way; what was not archived, or failed, is not there."""
    archive.begin("R1")
    body = "<link rel=stylesheet href=/a.css><img src=/p.png><img src=/gone.png><img src=/never.png><a href=/d.pdf>x</a>"
    page = article(archive, "/story", body)
    requisite(archive, "/a.css", answer("@import '/b.css'; p { src: url(/f.woff2) }", "text/css"))
    requisite(archive, "/b.css", answer("@import '/a.css'", "text/css"))
    requisite(archive, "/f.woff2", answer("font"))
    requisite(archive, "/p.png", answer("picture"), "https://cdn.test/p.png")
    requisite(archive, "/gone.png", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    requisite(archive, "/d.pdf", answer("%PDF", "application/pdf"))
    requisite(archive, "/of-another-page.png", answer("other"))
    assert whole(archive, page) == [
        "/a.css@R1", "/p.png@R1", "https://cdn.test/p.png@R1", "/d.pdf@R1", "/b.css@R1", "/f.woff2@R1"
    ]


def test_a_shared_requisite_is_found_for_every_page(archive: Archive) -> None:
    """Fetched for the first page, found for the second as well."""
    archive.begin("R1")
    pages = [article(archive, path, "<img src=/shared.png>") for path in ("/one", "/two")]
    requisite(archive, "/shared.png", answer("picture"))
    assert [whole(archive, page) for page in pages] == [["/shared.png@R1"], ["/shared.png@R1"]]


def test_requisites_are_those_nearest_to_the_page(archive: Archive) -> None:
    """Of a picture that was fetched in two runs, each page has its own run's."""
    archive.begin("R1")
    first = article(archive, "/one", "<img src=/logo.png>")
    requisite(archive, "/logo.png", answer("old"))
    archive.end()
    archive.now = "2026-04-01T12:00:00.000Z"
    archive.edit("UPDATE urls SET lease_run = NULL")
    archive.begin("R2")
    requisite(archive, "/logo.png", answer("new"))
    second = article(archive, "/two", "<img src=/logo.png>")
    assert (whole(archive, first), whole(archive, second)) == (["/logo.png@R1"], ["/logo.png@R2"])


def test_what_is_withdrawn_is_not_given(archive: Archive) -> None:
    """A capture that is hidden is no part of any page."""
    archive.begin("R1")
    page = article(archive, "/one", "<img src=/logo.png>")
    requisite(archive, "/logo.png", answer("x"))
    archive.edit("UPDATE captures SET withdrawn_at = fetched_at WHERE kind = 'requisite'")
    assert whole(archive, page) == []


def test_a_fetch_that_was_tried_again_is_given_once(archive: Archive) -> None:
    """The answer counts, and not what failed before it."""
    archive.begin("R1")
    lease = archive.lease(f"{SITE}/a.png", Kind.REQUISITE)
    archive.fetch(lease, b"HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n")
    archive.fetch(lease, b"", ended=Ended.TIME, error="timeout")
    archive.fetch(lease, answer("x"))
    with reading(archive.engine) as conn:
        chain = fetched_for(conn, "gazette.test/a.png", archive.now)
        assert fetched_for(conn, "gazette.test/b.png", archive.now) == []
    assert [capture.http_status for capture in chain] == [200]
