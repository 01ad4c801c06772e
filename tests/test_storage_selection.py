"""Which captures a package holds."""

from __future__ import annotations

import pytest

from storage.errors import UsageError
from storage.records import Capture, Kind, NoArticle
from storage.replay.selection import Selection, Wanted, captures_in, choose, pages_in
from tests.archives import SITE, Archive, candidate, changed, page

LONG = "The harbour wall is to be rebuilt. " * 60  # a payload that is worth referring to


def urls_of(archive: Archive, selection: Selection) -> list[str]:
    """The paths of the captures chosen, sorted."""
    return sorted(one.url.removeprefix(SITE) for one in captures_in(archive.engine, selection.captures))


def chosen(archive: Archive, **wanted: str) -> list[str]:
    """The paths of the captures that a package would hold."""
    return urls_of(archive, choose(archive.engine, Wanted(**wanted)))


def titles(archive: Archive, **wanted: str) -> list[str | None]:
    """The titles of the pages that a package would have, in their order."""
    return [one.title for one in pages_in(archive.engine, choose(archive.engine, Wanted(**wanted)).versions)]


@pytest.fixture
def two_days(archive: Archive) -> Archive:
    """Two runs on two days: an article that is edited, one behind a redirect, one that goes, and pages that are no article."""
    archive.begin("R1")
    archive.feed()
    archive.article("/edited", "Tramway opens")
    archive.article("/gone", "100% of the vote")
    archive.answer("/nothing", 404)
    archive.fetch(archive.lease(f"{SITE}/robots.txt", Kind.ROBOTS), b"HTTP/1.1 200 OK\r\n\r\nUser-agent: *")
    archive.end()
    archive.now = "2026-03-02T12:00:00.000Z"
    archive.begin("R2")
    lease = archive.lease(f"{SITE}/edited")
    archive.settle(lease, archive.fetch(lease, page("Tramway closes")), changed(f"{SITE}/edited", "Tramway closes"))
    lease = archive.lease(f"{SITE}/short")
    archive.fetch(lease, b"HTTP/1.1 301 Moved\r\nLocation: /behind\r\n\r\n")
    recorded = archive.fetch(lease, page("Moved story"), url=f"{SITE}/behind")
    archive.settle(lease, recorded, candidate(f"{SITE}/behind", "Moved story"), url=f"{SITE}/behind")
    archive.answer("/gone", 410)
    archive.end()
    return archive


def test_all_that_was_captured_of_articles_goes_along(two_days: Archive) -> None:
    """Pages, the redirects that led to them, the error that told of their end; no feed, robots.txt or page without article."""
    assert chosen(two_days) == ["/behind", "/edited", "/edited", "/gone", "/gone", "/short"]


def test_every_version_is_a_page_the_newest_first(two_days: Archive) -> None:
    """An edit can be opened beside what it replaced."""
    assert titles(two_days) == ["Moved story", "Tramway closes", "100% of the vote", "Tramway opens"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"run": "R1"}, ["/edited", "/edited", "/gone", "/gone"]),
        ({"since": "2026-03-02", "query": "moved"}, ["/behind", "/short"]),
        ({"since": "2026-03-02T12:00:00Z"}, ["/behind", "/edited", "/edited", "/gone", "/gone", "/short"]),
        ({"until": "2026-03-01"}, ["/edited", "/edited", "/gone", "/gone"]),
        ({"until": "2026-02-28"}, []),
        ({"since": "2026-03-03"}, []),
        ({"query": "TRAMWAY OPENS"}, ["/edited", "/edited"]),
        ({"query": "100%"}, ["/gone", "/gone"]),
        ({"query": "%"}, ["/gone", "/gone"]),
        ({"query": "m_ved"}, []),
        ({"source": "gazette", "query": "nothing of the kind"}, []),
    ],
    ids=str,
)
def test_a_selection_holds_what_is_asked_for(two_days: Archive, wanted: dict[str, str], expected: list[str]) -> None:
    """An article is chosen by one capture or version of it; then all of it goes along."""
    assert chosen(two_days, **wanted) == expected


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({"source": "gazete"}, "no source 'gazete' in the database; did you mean gazette"),
        ({"run": "R9"}, "no run 'R9' in the database"),
        ({"since": "yesterday"}, "'yesterday' is no date"),
        ({"until": "2026-13-01"}, "'2026-13-01' is no date"),
        ({"until": "9999-12-31"}, "'9999-12-31' is no date"),
    ],
    ids=str,
)
def test_what_is_not_known_is_refused(two_days: Archive, wanted: dict[str, str], line: str) -> None:
    """Nothing is packed when a name or date was mistyped."""
    with pytest.raises(UsageError, match=line):
        choose(two_days.engine, Wanted(**wanted))


def test_what_is_withdrawn_stays_out(two_days: Archive) -> None:
    """Neither an article that is withdrawn nor a single capture."""
    two_days.edit("UPDATE articles SET withdrawn_at = :now WHERE url = :url", now=two_days.now, url=f"{SITE}/gone")
    two_days.edit("UPDATE captures SET withdrawn_at = :now WHERE url = :url", now=two_days.now, url=f"{SITE}/short")
    two_days.edit(
        "UPDATE captures SET withdrawn_at = :now WHERE url = :url AND run_id = 'R1'",
        now=two_days.now,
        url=f"{SITE}/edited",
    )
    assert chosen(two_days) == ["/behind", "/edited"]
    assert titles(two_days) == ["Moved story", "Tramway closes"]


@pytest.fixture
def revisited(archive: Archive) -> Archive:
    """An article whose page has the payload of another page, which is none."""
    archive.begin("R1")
    lease = archive.lease(f"{SITE}/first")
    archive.settle(lease, archive.fetch(lease, page(LONG)), NoArticle("section"))
    archive.article("/second", LONG)
    archive.end()
    assert archive.one("SELECT record_type FROM captures WHERE url = :url", url=f"{SITE}/second") == "revisit"
    return archive


def test_the_original_of_a_revisit_goes_along(revisited: Archive) -> None:
    """Although nobody asked for it: it holds the payload."""
    assert chosen(revisited) == ["/first", "/second"]


def test_a_revisit_of_what_is_withdrawn_stays_out(revisited: Archive) -> None:
    """There would be nothing to show; how many there are is told."""
    revisited.edit("UPDATE captures SET withdrawn_at = :now WHERE url = :url", now=revisited.now, url=f"{SITE}/first")
    selection = choose(revisited.engine, Wanted())
    assert urls_of(revisited, selection) == []
    assert selection.orphans == 1


def test_requisites_go_along(archive: Archive) -> None:
    """What a page asked for first, and what its stylesheet asked for; not what other pages did."""
    archive.begin("R1")
    article = archive.article("/story")
    for path, via in (("/a.css", article), ("/b.woff2", f"{SITE}/a.css"), ("/c.png", f"{SITE}/other")):
        lease = archive.lease(SITE + path, Kind.REQUISITE)
        archive.edit("UPDATE urls SET discovered_from = :via WHERE url = :url", via=via, url=lease.url)
        archive.fetch(lease, b"HTTP/1.1 200 OK\r\n\r\n" + path.encode())
    archive.end()
    assert chosen(archive) == ["/a.css", "/b.woff2", "/story"]


def test_what_another_page_asked_for_first_goes_along(archive: Archive) -> None:
    """Where somebody tells what a page needs: a picture that two share is fetched once."""
    archive.begin("R1")
    archive.article("/one")
    archive.article("/two")
    lease = archive.lease(f"{SITE}/shared.png", Kind.REQUISITE)
    archive.edit("UPDATE urls SET discovered_from = :via WHERE url = :url", via=f"{SITE}/one", url=lease.url)
    shared = archive.fetch(lease, b"HTTP/1.1 200 OK\r\n\r\npicture").capture
    assert shared is not None
    archive.answer("/two/nothing", 404)
    archive.end()
    asked: list[str] = []

    def whole(capture: Capture) -> list[Capture]:
        asked.append(capture.url.removeprefix(SITE))
        return [shared]

    wanted = Wanted(query="story of /two")
    assert urls_of(archive, choose(archive.engine, wanted)) == ["/two"]
    assert urls_of(archive, choose(archive.engine, wanted, whole)) == ["/shared.png", "/two"]
    assert asked == ["/two"]
