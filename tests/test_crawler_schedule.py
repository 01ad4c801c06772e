"""When a row is due again: a table of rows and outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from crawler.schedule.refetch import MAX_ATTEMPTS, Polled, after_poll, next_visit, probe
from crawler.schedule.rhythm import Bounds, Rhythm
from pipelines.store import Met
from storage.frontier.urls import Found
from storage.records import Announced, Kind, Lease, Outcome, Verdict
from storage.times import later, parse

NOW = "2026-03-01T12:00:00.000Z"
FAILED = Outcome(Verdict.FAILED, "timeout")


def lease(kind: Kind, attempts: int = 0) -> Lease:
    return Lease(1, "https://gazette.test/a", "gazette.test", "gazette", kind, 1, attempts, 0, None, None, None)


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.FAILED])
def test_an_article_that_was_considered_is_not_due_by_itself(verdict: Verdict) -> None:
    """Only a failure brings an article URL back without being asked."""
    assert next_visit(lease(Kind.ARTICLE), Outcome(verdict), Met(), NOW).next_fetch_at is None


def test_failures_of_an_article_back_off_and_end() -> None:
    """Each failure waits longer than the one before; after the last attempt the URL rests."""
    waits = [next_visit(lease(Kind.ARTICLE, n), FAILED, Met(), NOW).next_fetch_at for n in range(MAX_ATTEMPTS)]
    assert waits[:-1] == sorted(w for w in waits if w is not None)
    assert waits[-1] is None


@pytest.mark.parametrize("reason", ["http-403", "private-address", "too-many-redirects"])
def test_hard_failures_are_not_tried_again(reason: str) -> None:
    """What asking again cannot mend is not asked again."""
    assert next_visit(lease(Kind.ARTICLE), Outcome(Verdict.FAILED, reason), Met(), NOW).next_fetch_at is None


@pytest.mark.parametrize("reason", ["http-408", "http-425", "http-429"])
def test_not_now_is_not_never(reason: str) -> None:
    """An article whose host was busy is asked for again, though its status is a 4xx."""
    assert next_visit(lease(Kind.ARTICLE), Outcome(Verdict.FAILED, reason), Met(), NOW).next_fetch_at is not None


@pytest.mark.parametrize("kind", [Kind.FEED, Kind.SITEMAP, Kind.HOME, Kind.SECTION])
def test_a_seed_never_dies_for_good(kind: Kind) -> None:
    """However often it failed, a seed is due again within a few days; a success resets the count."""
    when = next_visit(lease(kind, 50), FAILED, Met(), NOW)
    assert when.next_fetch_at is not None
    assert NOW < when.next_fetch_at <= later(NOW, 4 * 86_400)
    assert next_visit(lease(kind, 50), Outcome(Verdict.POLLED), Met(), NOW).attempts == 0


AT = parse(NOW).timestamp()
KEY = "https://gazette.test/feed"


FRESH = Rhythm()


def after(rhythm: Rhythm = FRESH, attempts: int = 0, **polled: Any) -> tuple[float, int, Rhythm]:
    due, attempts, rhythm = after_poll(rhythm, attempts, Polled(**{"at": AT, **polled}), Bounds(), KEY)
    return due - polled.get("at", AT), attempts, rhythm


@pytest.mark.parametrize(
    ("reason", "least", "most"),
    [
        ("timeout", 500, 900),
        ("http-503", 500, 900),
        ("http-403", 3200, 4000),
        ("consent-wall", 3200, 4000),
        ("http-404", 12_900, 15_900),
    ],
)
def test_failures_of_a_seed_weigh_differently(reason: str, least: float, most: float) -> None:
    """A time-out is tried again soon, a refusal later, a page that is gone much later; each waits longer the next time."""
    first, attempts, _ = after(failed=reason)
    assert least <= first <= most
    assert after(failed=reason, attempts=attempts)[0] > first


def test_a_wish_to_be_left_alone_is_kept_within_reason() -> None:
    """An hour that a publisher asks for is kept; a year is taken for two hours."""
    busy = after(new=20, known=0, published=[AT - n * 60 for n in range(200)])[2]
    assert after(busy, at=AT + 900, known=20)[0] < 3600
    assert after(busy, at=AT + 900, known=20, hint=3600.0)[0] == 3600
    assert after(busy, at=AT + 900, known=20, hint=3e7)[0] == 7200


def test_a_304_that_lies_is_found_out() -> None:
    """After too many 304s a seed is asked unconditionally; when that brings news twice, it always is from then on."""
    at, rhythm = AT, after(new=24, published=[AT - n * 3600 for n in range(24)])[2]
    for _ in range(2):
        assert not probe(rhythm, at)
        while not probe(rhythm, at := at + 3600):
            assert at < AT + 3 * 86_400
            rhythm = after(rhythm, at=at, not_modified=True)[2]
        rhythm = after(rhythm, at=at, new=4, known=20, probed=True)[2]
    assert rhythm.lying
    assert probe(rhythm, at + 1)


def test_an_honest_304_is_believed() -> None:
    """A seed whose news came with conditional requests is asked with validators again after a probe."""
    rhythm = after(new=24, published=[AT - n * 3600 for n in range(24)])[2]
    for hour in range(1, 24 * 7):
        asked = {"not_modified": True} if hour % 4 else {"new": 1, "known": 20}
        rhythm = after(rhythm, at=AT + hour * 3600, probed=probe(rhythm, AT + hour * 3600), **asked)[2]
    assert not rhythm.lying


def test_seeds_that_are_polled_together_part() -> None:
    """Seeds of the same rhythm that were asked at one moment are due at different ones."""
    polled = Polled(AT, known=20)
    dues = {after_poll(Rhythm(), 0, polled, Bounds(), f"{KEY}{n}")[0] for n in range(20)}
    assert len(dues) > 15


def test_what_is_learnt_goes_with_the_row() -> None:
    """A poll leaves its rhythm in the row's next visit, announced dates and all."""
    announced = tuple(Announced(published=later(NOW, -3600.0 * n)) for n in range(20))
    when = next_visit(lease(Kind.FEED), Outcome(Verdict.POLLED), Met(Found(20, 20, 0, announced)), NOW)
    rhythm = Rhythm.from_json(when.rhythm)
    assert rhythm.news == 20
    assert rhythm.at == AT


def test_an_outage_is_not_waited_for_much_longer_than_it_lasted() -> None:
    """Temporary failures are asked as often as usual at first; later no wait is longer than half of what it failed for."""
    failed_for, waits = 0.0, []
    for attempts in range(14):
        due, _, _ = after(attempts=attempts, failed="timeout")
        waits.append(due)
        assert attempts < 6 or waits[-1] < failed_for / 2
        failed_for += waits[-1]
    assert waits[-1] > 2 * waits[5]
