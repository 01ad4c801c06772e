"""Back-fill: what sitemaps date in a period is noted, and nothing else is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from crawler.discovery.periods import Period, chosen, dated, span_in_url, written
from crawler.discovery.scope import Discovered
from storage.records import Announced, Kind, Link
from tests.desk import Desk
from tests.hostile.server import Answer, Line, Server

JANUARY = Period(date(2024, 1, 1), date(2024, 2, 1))


@pytest.mark.parametrize(
    ("url", "span"),
    [
        ("/2024/01/31/storm", (date(2024, 1, 31), date(2024, 2, 1))),
        ("/news/2024-1-5-storm", (date(2024, 1, 5), date(2024, 1, 6))),
        ("/20240105/storm", (date(2024, 1, 5), date(2024, 1, 6))),
        ("/2023/12/storm", (date(2023, 12, 1), date(2024, 1, 1))),
        ("/sitemap-202312.xml", (date(2023, 12, 1), date(2024, 1, 1))),
        ("/2024/storm", None),
        ("/2024/1234-storm", None),
        ("/2024/02/30/storm", None),
        ("/id/1202401053", None),
        ("/9999/12/31", None),
    ],
)
def test_a_date_in_an_address(url: str, span: object) -> None:
    """A day or a month; a year alone says too little of a story, and a long number is none."""
    assert span_in_url(f"https://paper.test{url}") == span


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("2024-01-31T23:30:00-05:00", date(2024, 1, 31)),
        (" 2024-01 ", date(2024, 1, 1)),
        ("Wed, 31 Jan 2024 10:00:00 GMT", date(2024, 1, 31)),
        ("2024-13-01", None),
        ("9999-12-31", None),
        ("soon", None),
        (None, None),
    ],
)
def test_a_date_as_written(text: str | None, first: date | None) -> None:
    """Days count as they stand there, whatever their zone."""
    span = written(text)
    assert (span and span[0]) == first


def test_what_is_said_of_a_story_goes_before_what_its_address_shows() -> None:
    """Published, then the address, then the last change; a change within the month of the address makes it a day."""
    url = "https://paper.test/2024/01/storm"
    assert dated(Link(url, announced=Announced(published="2023-05-05", modified="2024-01-09")))[0] == date(2023, 5, 5)  # type: ignore[index]
    assert dated(Link(url, announced=Announced(modified="2024-03-09")))[0] == date(2024, 1, 1)  # type: ignore[index]
    assert dated(Link(url, announced=Announced(modified="2024-01-09")))[0] == date(2024, 1, 9)  # type: ignore[index]
    assert dated(Link("https://paper.test/storm")) is None


def _index(*children: tuple[str, str | None]) -> Discovered:
    return Discovered(
        seeds=tuple(
            Link(f"https://paper.test/{name}", Kind.SITEMAP, Announced(modified=day) if day else None) for name, day in children
        )
    )


def test_sitemaps_that_cannot_hold_the_period_are_skipped() -> None:
    """By their name, or because they were last changed before it; one that may is read, however late it was changed."""
    found = chosen(
        _index(
            ("s-2024-01.xml", "2020-01-01"),
            ("s-2023-12.xml", "2024-06-01"),
            ("year/2024.xml", None),
            ("year/2023.xml", None),
            ("old.xml", "2023-12-30"),
            ("day-before.xml", "2023-12-31"),
            ("late.xml", "2026-01-01"),
            ("undated.xml", None),
        ),
        JANUARY,
    )
    read = [link.url.rpartition("test/")[2] for link in found.seeds]
    assert read == ["s-2024-01.xml", "year/2024.xml", "day-before.xml", "late.xml", "undated.xml"]
    assert dict(found.skipped)["https://paper.test/old.xml"] == "it was last changed on 2023-12-30"


def test_a_running_number_is_no_year() -> None:
    """Of sitemaps that are numbered from 1 to 2030, number 2023 is none of 2023."""
    found = chosen(_index(*((f"posts-{number}.xml", None) for number in (1, 2023, 2024, 2030))), JANUARY)
    assert len(found.seeds) == 4


# --- whole runs -------------------------------------------------------------------------------------------------------


def _xml(root: str, *entries: str) -> Answer:
    body = f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{"".join(entries)}</{root}>'

    def answer(line: Line) -> None:
        if b"if-none-match" in line.request.lower():
            line.reply(b"", status="304 Not Modified")
        else:
            line.reply(body.encode(), 'ETag: "x"', kind="application/xml")

    return answer


def _entry(name: str, url: str, day: str | None = None) -> str:
    return f"<{name}><loc>{url}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</{name}>"


@pytest.fixture
def paper() -> Iterator[Server]:
    """A paper with an index of sitemaps by month."""
    server = Server("127.0.0.1")
    url = server.url
    text = " ".join(f"The council met for the {number}th time and agreed on nothing at all." for number in range(60))
    story = f"<html><title>Council meets again</title><h1>Council meets again</h1><article><p>{text}</p></article>".encode()
    january = [f"/2024/01/{day:02}/the-council-meets-again-{day}" for day in range(1, 6)]
    server.answers = {
        "/": lambda line: line.reply(b"<h1>Paper</h1>"),
        "/robots.txt": lambda line: line.reply(f"Sitemap: {url}/index.xml\n".encode(), kind="text/plain"),
        "/index.xml": _xml(
            "sitemapindex",
            _entry("sitemap", f"{url}/s-2024-01.xml"),
            _entry("sitemap", f"{url}/s-2023-12.xml"),
            _entry("sitemap", f"{url}/rest.xml", "2026-01-01"),
        ),
        "/s-2024-01.xml": _xml("urlset", *(_entry("url", url + path) for path in january)),
        "/s-2023-12.xml": _xml("urlset", _entry("url", f"{url}/2023/12/01/the-council-met-before-that")),
        "/rest.xml": _xml(
            "urlset",
            _entry("url", f"{url}/the-council-meets-without-a-date"),
            _entry("url", f"{url}/the-council-meets-in-january", "2024-01-20"),
            _entry("url", f"{url}/the-council-meets-in-march", "2024-03-20"),
        ),
    }
    server.answers |= dict.fromkeys(january, lambda line: line.reply(story))
    yield server
    server.stop()


ARTICLES = "SELECT substr(url, instr(substr(url, 8), '/') + 7), state, priority FROM urls WHERE kind = 'article' ORDER BY 1"
BACKFILL = ("crawl", "--since", "2024-01-01", "--until", "2024-02-01", "paper")


def test_only_what_is_dated_in_the_period_is_noted(desk: Desk, paper: Server) -> None:
    """robots.txt and the sitemaps that may have some of it are read, no page is; what is noted waits behind fresh news."""
    desk.configure(("paper", f"{paper.url}/"), allow="true")
    told = desk.run(*BACKFILL, "-v").stderr
    assert sorted(paper.asked) == ["/index.xml", "/rest.xml", "/robots.txt", "/s-2024-01.xml"]
    noted = desk.rows(ARTICLES)
    assert len(noted) == 6
    assert {(state, priority) for _, state, priority in noted} == {("pending", 2)}
    assert "6 URLs listed, 6 new; 1 of other days, 1 undated" in told
    assert "Sitemaps: 3 read, 1 skipped" in told
    assert "s-2023-12.xml is skipped: its name is of 2023-12-01 to 2023-12-31" in told
    assert desk.rows("SELECT url FROM urls WHERE lease_run IS NOT NULL") == []
    assert "6 URLs listed, 0 new" in desk.run(*BACKFILL).stderr


def test_a_later_crawl_fetches_them_and_takes_the_rest_of_the_sitemaps(desk: Desk, paper: Server) -> None:
    """A sitemap of which a part was taken is read whole by the next crawl, although it has not changed."""
    desk.configure(("paper", f"{paper.url}/"), allow="true")
    desk.run(*BACKFILL)
    desk.run("crawl", "-q", "--now")
    asked = {path for path in paper.asked if path.startswith("/2024/01/")}
    assert len(asked) == 5
    assert len(desk.rows(ARTICLES)) == 9
    desk.run("verify")


def test_a_dry_run_counts_by_month_and_notes_nothing(desk: Desk, paper: Server) -> None:
    """The table is on stdout."""
    desk.configure(("paper", f"{paper.url}/"), allow="true")
    told = desk.run("crawl", "--since", "2023-12-01", "--until", "2024-02-01", "--dry-run", "paper")
    assert told.stdout == "month\tlisted\tnew\n2023-12\t1\t1\n2024-01\t6\t6\n"
    assert desk.rows(ARTICLES) == []


def test_a_site_without_sitemaps_gives_nothing(desk: Desk, paper: Server) -> None:
    """Then there is nothing to fill back from: exit code 5; nor where the settings want none: 2."""
    paper.answers["/robots.txt"] = lambda line: line.reply(b"User-agent: *\nAllow: /\n")
    desk.configure(("paper", f"{paper.url}/"), allow="true")
    assert "no sitemap could be read" in desk.run(*BACKFILL, code=5).stderr
    desk.configure(("paper", f"{paper.url}/"), allow="true", more="sitemaps = []")
    assert "sitemaps = []" in desk.run(*BACKFILL, code=2).stderr


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (("--since", "2024-01-01"), "wants the SOURCE"),
        (("--since", "2024-13-01", "paper"), "is no day; write 2024-01-31"),
        (("--since", "2024-02-01", "--until", "2024-02-01", "paper"), "must be after --since"),
        (("--since", "2999-01-01", "paper"), "must be after --since"),
        (("--until", "2024-02-01", "paper"), "belong to a back-fill"),
        (("--since", "2024-01-01", "--now", "paper"), "do not go with it"),
        (("--since", "2024-01-01", "nobody"), 'no source "nobody"'),
    ],
)
def test_a_period_that_cannot_be_is_refused(desk: Desk, typed: tuple[str, ...], line: str) -> None:
    """Exit code 2, and one line."""
    desk.configure(("paper", "http://127.0.0.1:9/"), allow="true")
    assert line in desk.run("crawl", *typed, code=2).stderr
