"""When a row is due again: a table of rows and outcomes."""

from __future__ import annotations

import pytest

from crawler.schedule import MAX_ATTEMPTS, next_visit
from pipelines.store import Met
from storage.records import Kind, Lease, Outcome, Verdict
from storage.times import later

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


@pytest.mark.parametrize("kind", [Kind.FEED, Kind.SITEMAP, Kind.HOME, Kind.SECTION])
def test_a_seed_never_dies_for_good(kind: Kind) -> None:
    """However often it failed, a seed is due again within a few days; a success resets the count."""
    when = next_visit(lease(kind, 50), FAILED, Met(), NOW)
    assert when.next_fetch_at is not None
    assert NOW < when.next_fetch_at <= later(NOW, 4 * 86_400)
    assert next_visit(lease(kind, 50), Outcome(Verdict.POLLED), Met(), NOW).attempts == 0
