"""How long publishers ask to be left alone: what HTTP and feeds say of it, and what is not believed."""

from __future__ import annotations

import pytest

from crawler.discovery.discover import Scope
from crawler.discovery.reading import read_seed
from crawler.schedule.hints import LONGEST, FeedSays, longest, of_feed, of_headers
from pipelines.page import RawPage
from storage.records import Kind

NOW = "2026-03-03T12:30:00.000Z"  # a Tuesday
DATE = ("date", "Tue, 03 Mar 2026 12:30:00 GMT")


def cached(*values: str) -> tuple[tuple[str, str], ...]:
    """Cache-Control fields."""
    return tuple(("cache-control", value) for value in values)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (cached("max-age=600"), 600),
        (cached("public, MAX-AGE = 600 , must-revalidate"), 600),
        (cached('max-age="600"'), 600),
        (cached('private="set-cookie, max-age=5", max-age=600'), 600),
        (cached("s-maxage=60"), None),
        (cached("s-maxage=60, max-age=600"), 600),
        (cached("max-age=600, max-age=5"), 600),
        (cached("max-age=600", "max-age=5"), 600),
        ((*cached("max-age=600"), ("age", "450")), 150),
        ((*cached("max-age=600"), ("age", "4500")), None),
        ((*cached("max-age=600"), ("age", "-7")), 600),
        ((*cached("max-age=600"), ("expires", "Thu, 01 Jan 1970 00:00:00 GMT")), 600),
        (cached("no-cache, max-age=600"), None),
        (cached("no-store"), None),
        ((*cached("no-store"), DATE, ("expires", "Tue, 03 Mar 2026 13:30:00 GMT")), None),
        (cached("max-age=0"), None),
        (cached("max-age=-600"), None),
        (cached("max-age=soon"), None),
        (cached("max-age"), None),
        (cached("max-age=1e9"), None),
        (cached("max-age=999999999999"), LONGEST),
        (cached("max-age=" + "9" * 5000), None),
        (cached("max-age=٦٠٠"), None),
        (cached("x" * 5000 + ", max-age=600"), None),
        (cached('max-age="600'), None),
        ((DATE, ("expires", "Tue, 03 Mar 2026 13:30:00 GMT")), 3600),
        ((("expires", "Tue, 03 Mar 2026 13:30:00 GMT"),), 3600),
        ((("date", "Mon, 02 Mar 2026 12:30:00 GMT"), ("expires", "Mon, 02 Mar 2026 12:40:00 GMT")), 600),
        ((DATE, ("expires", "0")), None),
        ((DATE, ("expires", "-1")), None),
        ((DATE, ("expires", "Fri, 31 Dec 9999 23:59:59 GMT")), LONGEST),
        ((DATE, ("expires", "Fri, 31 Dec 99999 23:59:59 +9999")), None),
        ((), None),
    ],
)
def test_what_http_says(headers: tuple[tuple[str, str], ...], seconds: float | None) -> None:
    """Freshness for a private cache; what is no number, past or forbidden to keep asks for nothing."""
    assert of_headers(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("says", "seconds"),
    [
        (FeedSays(ttl="60"), 3600),
        (FeedSays(ttl="0"), None),
        (FeedSays(ttl="-60"), None),
        (FeedSays(ttl="999999"), LONGEST),
        (FeedSays(period="Hourly", frequency="2"), 1800),
        (FeedSays(period="hourly", frequency="0"), 3600),
        (FeedSays(period="hourly", frequency="many"), 3600),
        (FeedSays(frequency="2"), None),
        (FeedSays(ttl="60", period="daily"), 86_400),
        (FeedSays(period="hourly", base="2000-01-01T12:00+00:00"), 1800),
        (FeedSays(period="hourly", base="2000-01-01T12:45"), 900),
        (FeedSays(period="daily", base="2030-01-01T12:45:00Z"), 900),
        (FeedSays(period="hourly", base="yesterday"), 3600),
        (FeedSays(skip_hours=("12", "13")), 5400),
        (FeedSays(skip_hours=("13",)), None),
        (FeedSays(ttl="60", skip_hours=("13",)), 5400),
        (FeedSays(ttl="60", skip_hours=("14",)), 3600),
        (FeedSays(skip_hours=("24", "0", "x", "99")), None),
        (FeedSays(skip_days=("Tuesday",)), 11.5 * 3600),
        (FeedSays(skip_days=("Tuesday", "Wednesday", "Someday")), 35.5 * 3600),
        (FeedSays(ttl="60", skip_hours=tuple(map(str, range(24)))), 3600),
        (FeedSays(), None),
    ],
)
def test_what_feeds_say(says: FeedSays, seconds: float | None) -> None:
    """ttl, the syndication module with and without its base, and hours and days to skip; all of these never is no hint."""
    assert of_feed(says, NOW) == seconds


def test_the_longest_hint_respects_all() -> None:
    """Nothing said is no hint."""
    assert longest(None, 5.0, 60.0) == 60.0
    assert longest(None, None) is None


def read(head: str, cache_control: str) -> float | None:
    """The hint of a feed with one story as it comes over the wire."""
    body = f"<rss><channel>{head}<item><link>https://zeitung.example/a/1</link></item></channel></rss>"
    raw = f"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n{cache_control}\r\n{body}".encode()
    url = "https://zeitung.example/feed"
    page = RawPage(url, url, NOW, raw, truncated=False, limit=100_000)
    return read_seed(page, Kind.FEED, Scope.of("https://zeitung.example/"), NOW).hint


@pytest.mark.parametrize(
    ("head", "cache_control", "seconds"),
    [
        ("", "", None),
        ("", "Cache-Control: max-age=300\r\n", 300),
        ("<ttl>10</ttl>", "Cache-Control: max-age=300\r\n", 600),
        ("<ttl>10</ttl><ttl>90</ttl>", "", 600),
        ("<skipHours><hour>12</hour><hour>13</hour></skipHours>", "", 5400),
        ("<skipDays><day>Tuesday</day></skipDays><ttl>1</ttl>", "", 11.5 * 3600),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateBase>1970-01-01T00:00Z</sy:updateBase>", "", 1800),
    ],
)
def test_a_seed_gives_the_longest_of_its_hints(head: str, cache_control: str, seconds: float | None) -> None:
    """Header and feed are read together, where the seed is read."""
    assert read(head, cache_control) == seconds
