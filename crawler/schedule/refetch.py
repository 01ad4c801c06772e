"""When to fetch what again: pure functions of a row, what came of it, and now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import islice
from zlib import crc32

from crawler.config.keys import ScheduleTable
from crawler.schedule.revisits import MOMENTARY, after_visit
from crawler.schedule.rhythm import MOST_NEWS, Bounds, Poll, Rhythm, expected, learn, next_poll
from pipelines import dates
from pipelines.store import Met, When
from storage.archive.dedupe import NOT_CHANGED
from storage.records import SEED_KINDS, Announced, Kind, Lease, Outcome, Verdict
from storage.times import later, parse

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SEED_BACKOFF_MAX = 4 * DAY  # a seed never dies for good
MAX_ATTEMPTS = 5  # of an article URL that keeps failing
MOST_HINT = 2 * HOUR  # what a publisher's wish to be left alone is worth
_OURS = "private-address"
_HARD = ("http-4", "private-address", "scheme", "bad-url", "too-many-redirects")  # asking again will not help

# How failures of a seed weigh: (how they begin, seconds until the first try again, seconds at most); the first that fits.
_WEIGHTS = (
    (("http-401", "http-403", "http-429", "robots", "bot-challenge", "consent-wall", "login", "paywall"), HOUR, 2 * DAY),
    (("http-4", "not-a-feed", "not-a-sitemap", "scheme", "bad-url", "too-many-redirects"), 4 * HOUR, SEED_BACKOFF_MAX),
    (("",), 10 * MINUTE, DAY),
)
PASSING = 6  # failures in a row that may still be of the moment
PROBE_NEWS = 3.0  # so many news missed by 304s in a row are suspicious
PROBE_DAYS = 1.0


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll of a seed gave. `at` in POSIX seconds; `hint` in seconds, see Met; `probed`: it was asked unconditionally."""

    at: float
    previous_at: float | None = None  # the last fetch, where no rhythm tells of it
    failed: str | None = None
    not_modified: bool = False
    unchanged: bool = False
    new: int = 0
    known: int = 0
    published: Sequence[float] = ()
    hint: float | None = None
    probed: bool = False


def probe(rhythm: Rhythm, now: float) -> bool:
    """Whether a seed is to be asked without validators, since its 304s may be lies."""
    if rhythm.lying:
        return True
    if rhythm.quiet < 2:
        return False
    return now - rhythm.whole_at > PROBE_DAYS * DAY or expected(rhythm, rhythm.whole_at, now) > PROBE_NEWS


def after_poll(
    rhythm: Rhythm, attempts: int, polled: Polled, bounds: Bounds, key: str
) -> tuple[float, int, Rhythm]:
    """The next poll (POSIX seconds), failures in a row, and what is known then. `key` (the URL) decides the jitter."""
    jitter = crc32(f"{key} {polled.at:.0f}".encode()) / 2**32
    if polled.failed is not None:
        attempts = min(attempts + 1, 30)
        usual = next_poll(rhythm, polled.at, bounds, jitter) - polled.at
        return polled.at + _backoff(polled.failed, attempts, usual, jitter), attempts, rhythm
    rhythm = _heard(rhythm, polled)
    wished = min(polled.hint or 0.0, MOST_HINT, bounds.most)
    return max(next_poll(rhythm, polled.at, bounds, jitter), polled.at + wished), 0, rhythm


def _backoff(reason: str, attempts: int, usual: float, jitter: float) -> float:
    first, most = next((first, most) for starts, first, most in _WEIGHTS if reason.startswith(starts))
    patient = min(first * 2.0 ** (attempts - 1), most)
    if most == DAY:
        # what fails for the moment is asked as often as usual, and what failed for long after a quarter of that time again
        patient = min(patient, max(usual, first) * 1.25 ** max(0, attempts - PASSING))
    return patient * (0.9 + 0.2 * jitter)


def _heard(rhythm: Rhythm, polled: Polled) -> Rhythm:
    poll = Poll(
        at=polled.at,
        previous_at=polled.previous_at if rhythm.at is None else rhythm.at,
        new=polled.new,
        published=polled.published,
        overrun=polled.new > 0 and not polled.known,
        unchanged=polled.unchanged or polled.not_modified,
        size=polled.new + polled.known,
    )
    quiet, caught = rhythm.quiet, rhythm.caught
    rhythm = learn(rhythm, poll)
    if polled.not_modified:
        return replace(rhythm, quiet=quiet + 1)
    if polled.new:
        caught = caught + 1 if polled.probed and quiet else 0
    return replace(rhythm, quiet=0, whole_at=polled.at, caught=caught, lying=rhythm.lying or caught >= 2)


def bounds_of(settings: ScheduleTable) -> Bounds:
    """What `[schedule]` allows."""
    return Bounds(settings.min_poll, settings.max_poll, float(settings.polls_per_day), settings.equal_share)


def is_probe(lease: Lease, now: str) -> bool:
    """Whether a seed in hand is to be asked without validators."""
    return probe(Rhythm.from_json(lease.rhythm), parse(now).timestamp())


USUAL = bounds_of(ScheduleTable())


def next_visit(
    lease: Lease, outcome: Outcome, met: Met, now: str, *, bounds: Bounds = USUAL, revisit_days: float = 0
) -> When:
    """The next visit of a fetched row, of which `outcome` and `met` tell what came of it.

    Seeds are polled within `bounds`. Articles are fetched again until they are `revisit_days` old.
    """
    if lease.kind in SEED_KINDS:
        return _next_poll(lease, outcome, met, now, bounds)
    if lease.kind is Kind.ARTICLE and (when := after_visit(lease, outcome, met, now, revisit_days)):
        return when
    if outcome.verdict is not Verdict.FAILED:
        return When(None, 0)
    attempts, reason = lease.attempts + 1, outcome.reason or ""
    if attempts >= MAX_ATTEMPTS or (reason.startswith(_HARD) and not reason.startswith(MOMENTARY)):
        return When(None, attempts)
    return When(later(now, 15 * MINUTE * 4 ** (attempts - 1)), attempts)


def _next_poll(lease: Lease, outcome: Outcome, met: Met, now: str, bounds: Bounds) -> When:
    if _OURS in (outcome.reason or ""):
        return When(now, 0)  # our own settings refused it: they may be mended by the next run
    at = parse(now).timestamp()
    rhythm = Rhythm.from_json(lease.rhythm)
    failed = (outcome.reason or "unknown") if outcome.verdict is not Verdict.POLLED else None
    polled = Polled(
        at=at,
        previous_at=parse(lease.last_fetch_at).timestamp() if lease.last_fetch_at else None,
        failed=failed,
        not_modified=met.status == NOT_CHANGED,
        unchanged=met.unchanged,
        new=met.found.new,
        known=met.found.known,
        published=_published(met.found.announced),
        hint=met.hint,
        probed=probe(rhythm, at),
    )
    due, attempts, rhythm = after_poll(rhythm, lease.attempts, polled, bounds, lease.url)
    return When(later(now, due - at), attempts, rhythm.to_json())


def _published(announced: Sequence[Announced]) -> list[float]:
    """The full moments that were announced, of so many as a schedule needs."""
    return list(islice(_moments(announced[: 4 * MOST_NEWS]), MOST_NEWS))


def _moments(announced: Sequence[Announced]) -> Iterator[float]:
    for each in announced:
        moment = dates.parse(each.published) if each.published else None
        if moment is not None and moment.known:
            with suppress(OverflowError, ValueError):  # a zone may lead past the last year there is
                yield moment.at(UTC).timestamp()
