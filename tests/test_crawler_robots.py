"""What a robots.txt says and for how long it is believed, by RFC 9309: tables of answers."""

from __future__ import annotations

import pytest

from crawler.politeness.robots import (
    CLOSED,
    HOUR,
    LONGEST,
    LONGEST_DELAY,
    MAX_LINE,
    MINUTE,
    REFUSED,
    ROBOTS_BYTES,
    SHORTEST,
    answered,
    closed_for,
    is_trouble,
    lifetime,
    robots_text,
    rules_of,
    unreachable,
)
from storage.frontier.robots import Kept
from storage.times import later

NOW = "2026-03-01T12:00:00.000Z"
ORIGIN = "https://gazette.test"
PRIVATE = f"{ORIGIN}/private/x"
CLOSED_ALL = b"User-agent: *\nDisallow: /\n"


def had(body: bytes, status: int = 200, cache_control: bytes | None = None) -> Kept:
    """An answer as it is kept."""
    return answered(ORIGIN, status, body, cache_control, 1.0, NOW)


BODIES = [
    (b"User-agent: *\nDisallow: /private", False),
    (b"\xef\xbb\xbfUser-agent: *\nDisallow: /private", False),
    (b"User-agent: *\rDisallow: /private\r", False),
    (b"User-agent: *\r\nDisallow: /private\r\n", False),
    (b"User-agent: *\nDis\x00allow: /private\x00", False),
    (b"User-agent: newswarc\nDisallow: /private\n\nUser-agent: *\nAllow: /", False),
    (b"User-agent: other\nDisallow: /", True),
    (b"# caf\xe9\nUser-agent: *\nDisallow: /private", False),
    (b"User-agent: *\nDisallow: /" + b"x" * MAX_LINE + b"\nDisallow: /private", False),
    (b"<!doctype html><p>\nUser-agent: *\nDisallow: /\n", True),
    (b" \n<HTML>\nUser-agent: *\nDisallow: /\n", True),
    (b"#" * ROBOTS_BYTES + b"\nUser-agent: *\nDisallow: /", True),
    (b"", True),
    (bytes(range(256)) * 100, True),
]


@pytest.mark.parametrize(("body", "allowed"), BODIES)
def test_bodies(body: bytes, allowed: bool) -> None:
    """BOM, any line end, NULs, bytes that are no UTF-8, long lines, web pages: read as far as they say something."""
    assert rules_of(had(body)).allow(PRIVATE) is allowed


def test_bytes_that_are_no_text_stand_as_in_a_url() -> None:
    """A path in latin-1 is the path that its bytes are."""
    rules = rules_of(had(b"User-agent: *\nDisallow: /caf\xe9/"))
    assert not rules.allow(f"{ORIGIN}/caf%E9/x")
    assert rules.allow(f"{ORIGIN}/cafe/x")


def test_what_is_kept_says_the_same_as_what_was_answered() -> None:
    """The text of a text is the text."""
    for body, _ in BODIES:
        text = robots_text(body)
        assert robots_text(text.encode()) == text


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 418, 451])
def test_what_is_not_there_allows_all(status: int) -> None:
    """4xx, and a redirect to nowhere: there are no rules, whatever the body says."""
    assert rules_of(had(CLOSED_ALL, status)).allow(PRIVATE)
    assert not is_trouble(status)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 599])
def test_a_server_in_trouble_closes_the_site_for_now(status: int) -> None:
    """Nothing is allowed, and the reason is told."""
    assert is_trouble(status)
    rules = rules_of(unreachable(ORIGIN, f"http-{status}", status, None, NOW))
    assert (rules.allow(PRIVATE), rules.reason) == (False, f"robots-unreachable: http-{status}")


@pytest.mark.parametrize(
    ("status", "cache_control", "delay", "seconds"),
    [
        (200, None, 1, LONGEST),
        (200, b"public, max-age=7200", 1, 2 * HOUR),
        (200, b"s-maxage=60", 1, LONGEST),
        (200, b'Max-Age="3600"', 1, HOUR),
        (200, b"max-age=0, must-revalidate", 1, SHORTEST),
        (200, b"max-age=31536000", 1, LONGEST),
        (200, b"max-age=" + b"9" * 5000, 1, LONGEST),
        (200, b"max-age=x", 1, LONGEST),
        (200, b"max-age=0", HOUR, 2 * HOUR),
        (200, None, LONGEST_DELAY, LONGEST),
        (404, None, 1, LONGEST),
        (403, None, 1, REFUSED),
        (403, b"max-age=86400", 1, REFUSED),
    ],
)
def test_lifetimes(status: int, cache_control: bytes | None, delay: float, seconds: float) -> None:
    """As max-age says, from half an hour to a day, an hour where a wall may stand before it; two delays at least."""
    assert lifetime(status, cache_control, delay) == seconds


def test_a_site_that_stays_away_is_asked_less_and_less() -> None:
    """Ten minutes, doubling up to four hours; an hour where nothing answered, since it may be our own line. Then from the start."""
    kept: Kept | None = None
    waits = []
    for _ in range(7):
        kept = unreachable(ORIGIN, "http-500", 500, kept, NOW)
        waits.append(kept.seconds / MINUTE)
    assert waits == [10, 20, 40, 80, 160, 240, 240]
    assert closed_for(kept, answered=False) == HOUR
    assert closed_for(had(b""), answered=True) == CLOSED


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("10", 10), ("0.5", 0.5), ("-5", None), ("0", None), ("nan", None), ("x", None), ("inf", None),
     ("1e300", LONGEST_DELAY), ("31536000", LONGEST_DELAY)],
)  # fmt: skip
def test_crawl_delays(said: str, seconds: float | None) -> None:
    """A number of seconds, at most half a day: then robots.txt, read once a day, leaves room for a page."""
    assert rules_of(had(f"User-agent: *\nCrawl-delay: {said}\n".encode())).crawl_delay == seconds


def test_a_copy_is_fresh_from_its_moment_to_its_end() -> None:
    """Not before: the clock was set back; not after."""
    kept = had(b"")
    assert [kept.is_fresh(at) for at in (later(NOW, -1), NOW, later(NOW, LONGEST - 1), later(NOW, LONGEST))] == [
        False,
        True,
        True,
        False,
    ]
