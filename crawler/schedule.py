"""When to fetch what again: pure functions of a row, what came of it, and now."""

from __future__ import annotations

from crawler.revisits import after_visit
from pipelines.store import Met, When
from storage.records import SEED_KINDS, Kind, Lease, Outcome, Verdict
from storage.times import later

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

POLL_SECONDS = {Kind.FEED: 15 * MINUTE, Kind.HOME: 30 * MINUTE, Kind.SECTION: 30 * MINUTE, Kind.SITEMAP: 30 * MINUTE}
SEED_BACKOFF_MAX = 1 * DAY  # a seed never dies for good
MAX_ATTEMPTS = 5  # of an article URL that keeps failing
_OURS = "private-address"
_HARD = ("http-4", "private-address", "scheme", "bad-url", "too-many-redirects")  # asking again will not help


def next_visit(lease: Lease, outcome: Outcome, met: Met, now: str, *, revisit_days: float = 0) -> When:
    """The next visit of a fetched row, of which `outcome` and `met` tell what came of it.

    Articles are fetched again until they are `revisit_days` old.
    """
    if lease.kind in SEED_KINDS:
        return _next_poll(lease, outcome, now)
    if lease.kind is Kind.ARTICLE and (when := after_visit(lease, outcome, met, now, revisit_days)):
        return when
    if outcome.verdict is not Verdict.FAILED:
        return When(None, 0)
    attempts = lease.attempts + 1
    if attempts >= MAX_ATTEMPTS or (outcome.reason or "").startswith(_HARD):
        return When(None, attempts)
    return When(later(now, 15 * MINUTE * 4 ** (attempts - 1)), attempts)


def _next_poll(lease: Lease, outcome: Outcome, now: str) -> When:
    usual = POLL_SECONDS[lease.kind]
    if _OURS in (outcome.reason or ""):
        return When(now, 0)  # our own settings refused it: they may be mended by the next run
    if outcome.verdict is not Verdict.FAILED:
        return When(later(now, usual), 0)
    attempts = min(lease.attempts + 1, 30)
    return When(later(now, min(usual * 2 ** (attempts - 1), SEED_BACKOFF_MAX)), attempts)
