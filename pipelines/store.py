"""Road 2: how a visited URL becomes rows. Runs on the scribe's thread, inside its transaction; what to decide is pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipelines import barren
from pipelines.barren import Judged
from pipelines.decide import decide
from pipelines.landing import leads_home
from storage.archive import captures
from storage.archive.dedupe import NOT_CHANGED
from storage.archive.policies import tdmrep_at
from storage.articles import past
from storage.articles import rows as articles
from storage.articles.rows import Sighting
from storage.database.engine import Connection
from storage.frontier import urls as frontier
from storage.frontier import yields
from storage.frontier.urls import NOTHING, Found, Origin, Settlement
from storage.records import (
    SEED_KINDS,
    Candidate,
    Capture,
    Kind,
    Lease,
    Link,
    NoArticle,
    Outcome,
    State,
    Validators,
    Verdict,
)
from storage.urlkey import InvalidURL, key
from storage.warc.reservations import with_tdmrep

MAX_SITEMAP_HOPS = 3  # robots.txt, index, and one index within it: the protocol has none, a trap has no end
MAX_REQUISITE_HOPS = 12  # from the seed: a chain of stylesheets has no end of its own either


@dataclass(slots=True)
class Recorded:
    """An archived exchange and its row, known once the scribe has written it (jobs run in order, so before any later job)."""

    capture_id: int | None = None
    fetched_at: str | None = None
    capture: Capture | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One leased URL after its fetch: how it ended and where.

    `status` is of the final hop, None when there was no answer. `error` says why there is no usable answer; `refused`
    which rule kept us from asking. `recorded` is the final exchange, None when there was none.
    """

    lease: Lease
    source_id: int
    run_id: str
    at: str
    url: str
    status: int | None = None
    recorded: Recorded | None = None
    error: str | None = None
    refused: str | None = None
    validators: Validators | None = None  # of its answer
    found: Found = NOTHING  # by links that were stored before the outcome
    hint: float | None = None  # see Met
    body_sha256: str | None = None  # of the final exchange, where its reader and not its writer has told it
    signals: str | None = None  # the same of what its page says of rights
    ingested: bool = False  # from an archive of others: what is known of its article may be newer
    outdated: bool = False  # its URL was settled by something newer

    @property
    def capture_id(self) -> int | None:
        """The row of the final exchange."""
        return self.recorded.capture_id if self.recorded else None

    @property
    def fetched_at(self) -> str:
        """When the final exchange began, which may be long before `at`; `at` when there was none."""
        return (self.recorded.fetched_at if self.recorded else None) or self.at


@dataclass(frozen=True, slots=True)
class When:
    """The next visit, as `Reschedule` answers. `rhythm` is what schedules remember; None, also of `priority`: what was."""

    next_fetch_at: str | None
    attempts: int
    rhythm: str | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Met:
    """What a visit met, as far as schedules care."""

    found: Found = NOTHING  # links to articles; of those only that are stored with the outcome
    status: int | None = None  # of the final hop
    unchanged: bool = False  # a 304, or a payload that is in the archive
    hint: float | None = None  # seconds until it is worth asking again, as the publisher says
    article: Candidate | NoArticle | None = None  # what the page holds


Reschedule = Callable[[Lease, Outcome, Met, str], When]


def store_links(conn: Connection, visit: Visit, links: Sequence[Link]) -> Found:
    """Note what a page links to."""
    origin = Origin(visit.source_id, visit.run_id, visit.at, via=visit.url, hops=visit.lease.hops_from_seed + 1)
    if origin.hops > MAX_SITEMAP_HOPS:
        links = [link for link in links if link.kind is not Kind.SITEMAP]
    if origin.hops > MAX_REQUISITE_HOPS:
        links = [link for link in links if link.kind is not Kind.REQUISITE]
    lease = visit.lease
    doubt = partial(_of_barren_shape, visit.source_id) if lease.kind in _PAGES and lease.payload is None else None
    return frontier.discover(conn, links, origin, doubt)


_PAGES = {Kind.HOME, Kind.SECTION}


def _of_barren_shape(source_id: int, conn: Connection, links: Sequence[Link]) -> frozenset[str]:
    """Of a flood of links that nothing is announced of: the URLs whose like became no article."""
    plain = [link.url for link in links if link.kind is Kind.ARTICLE and not link.refused and not link.announced]
    if len(plain) < barren.FEW:
        return frozenset()
    return barren.refused(plain, (Judged(*row) for row in yields.newest(conn, source_id)))


def store_seed(
    conn: Connection, visit: Visit, links: Sequence[Link], problem: str | None, reschedule: Reschedule
) -> tuple[Outcome, int]:
    """Settle a polled feed, sitemap, home or section page: its links first, then itself, in one transaction.

    Returns the outcome, and how many URLs are new to fetch.
    """
    found = store_links(conn, visit, links)
    reason = visit.error or visit.refused or problem
    verdict = Verdict.FILTERED if visit.refused else Verdict.FAILED if reason else Verdict.POLLED
    outcome = Outcome(verdict, reason)
    state = State.SEED if visit.lease.kind in SEED_KINDS else None
    _finish(conn, visit, outcome, state, _met(visit, found), reschedule)
    return outcome, found.due


def store_article(
    conn: Connection, visit: Visit, result: Candidate | NoArticle | None, links: Sequence[Link], reschedule: Reschedule
) -> tuple[Outcome, int]:
    """Decide what a fetched page is, and store it. Returns the outcome, and how many URLs are new to fetch."""
    found = store_links(conn, visit, links)
    outcome = Outcome(Verdict.FILTERED, visit.refused) if visit.refused else _decide(conn, visit, result)
    met = replace(_met(visit, found), article=result)
    if isinstance(result, Candidate):
        visit = replace(visit, signals=with_tdmrep(visit.signals, tdmrep_at(conn, visit.url, visit.fetched_at), visit.url))
    _finish(conn, visit, outcome, articles.state_after(outcome.verdict), met, reschedule)
    return outcome, found.due


_HAD = {*range(200, 300), 304}


def store_requisite(
    conn: Connection, visit: Visit, note: str | None, links: Sequence[Link], reschedule: Reschedule
) -> tuple[Outcome, int]:
    """Settle a page requisite: what it needs itself first. One that was archived is kept, whatever it is; `note` is its reason.

    Returns the outcome, and how many URLs are new to fetch.
    """
    found = store_links(conn, visit, links)
    error = visit.error or (None if visit.refused or visit.status in _HAD else f"http-{visit.status}")
    verdict = Verdict.FILTERED if visit.refused else Verdict.FAILED if error else Verdict.KEPT
    outcome = Outcome(verdict, visit.refused or error or note)
    _finish(conn, visit, outcome, articles.state_after(verdict), _met(visit, found), reschedule)
    return outcome, found.due


def _met(visit: Visit, found: Found) -> Met:
    capture = visit.recorded.capture if visit.recorded else None
    same = visit.status == NOT_CHANGED or (capture is not None and capture.revisit_of is not None)
    return Met(visit.found + found, visit.status, same, visit.hint)


def store_sighting(conn: Connection, visit: Visit, reschedule: Reschedule) -> Outcome:
    """A page was said to be what it was: its article, where it is known, was seen once more."""
    sighting = _sighting(visit, None)
    article_id = articles.known(conn, sighting, None).article_id
    if article_id is None:
        outcome = Outcome(Verdict.REJECTED, "http-304")
    else:
        outcome = Outcome(Verdict.UNCHANGED, "not-modified", article_id=article_id)
        articles.seen(conn, article_id, visit.fetched_at)
    _finish(conn, visit, outcome, None, Met(), reschedule)
    return outcome


def _decide(conn: Connection, visit: Visit, result: Candidate | NoArticle | None) -> Outcome:
    candidate = result if isinstance(result, Candidate) else None
    sighting = _sighting(visit, candidate)
    known = articles.known(conn, sighting, candidate)
    if visit.ingested:
        known = replace(known, text="")  # archives come in any order: what is a teaser of what is not told by it
    home = leads_home(visit.lease.url, visit.url, result)
    outcome = decide(result, known, status=visit.status or 0, error=visit.error, home=home)
    if visit.ingested and known.article_id is not None and past.is_past(conn, known.article_id, visit.fetched_at):
        return _of_the_past(conn, outcome, sighting)
    article_id = articles.apply(conn, outcome, sighting)
    if article_id is not None and candidate is not None:
        frontier.shelve_aliases(conn, sighting.own_keys, article_id, visit.lease.url_id, visit.run_id, visit.at)
    return replace(outcome, article_id=article_id)


def _of_the_past(conn: Connection, outcome: Outcome, sighting: Sighting) -> Outcome:
    """An outcome of which the article's own row, which knows of newer ones, hears no more than it should."""
    if outcome.candidate is None or outcome.article_id is None:
        return Outcome(Verdict.REJECTED, outcome.reason) if outcome.verdict is Verdict.GONE else outcome
    articles.name(conn, outcome.article_id, sighting)
    if outcome.verdict is Verdict.DUPLICATE:
        return outcome
    return past.settle_past(conn, outcome.article_id, outcome.candidate, sighting)


def _sighting(visit: Visit, candidate: Candidate | None) -> Sighting:
    own = list(dict.fromkeys((key(visit.url), key(visit.lease.url))))
    canonical = _key_or_nothing(candidate.canonical_url) if candidate is not None and candidate.canonical_url else ""
    return Sighting(
        source_id=visit.source_id,
        url_id=visit.lease.url_id,
        own_keys=own,
        canonical_key=canonical if canonical not in own else "",
        url=visit.url,
        fetched_at=visit.fetched_at,
        http_status=visit.status,
        capture_id=visit.capture_id or 0,
    )


def _key_or_nothing(url: str) -> str:
    try:
        return key(url)
    except InvalidURL:
        return ""


_NOT_IT = {Verdict.FAILED, Verdict.GONE}
_PASSING = {Verdict.REJECTED, Verdict.FAILED, Verdict.FILTERED, Verdict.DUPLICATE}


def _finish(
    conn: Connection, visit: Visit, outcome: Outcome, state: State | None, met: Met, reschedule: Reschedule
) -> None:
    if not visit.outdated:
        _settle(conn, visit, outcome, state, reschedule(visit.lease, outcome, met, visit.at))
    frontier.account(conn, visit.run_id, visit.lease, outcome, visit.capture_id, visit.at)
    if visit.capture_id is not None:
        captures.settled(conn, visit.capture_id, visit.body_sha256, visit.signals)


def _settle(conn: Connection, visit: Visit, outcome: Outcome, state: State | None, when: When) -> None:
    lease = visit.lease
    passing = outcome.verdict in _PASSING and frontier.holds_article(conn, lease.url_id)
    if passing:
        state = None  # the article stays; the reason says what stands at its URL now
    other_page = outcome.verdict in _NOT_IT or (passing and outcome.verdict is not Verdict.DUPLICATE)
    frontier.settle(
        conn,
        lease.url_id,
        Settlement(
            state=state,
            reason=outcome.reason,
            next_fetch_at=when.next_fetch_at,
            attempts=when.attempts,
            rhythm=when.rhythm,
            run_id=visit.run_id,
            priority=when.priority,
            article_id=None if state is None else outcome.article_id,
            validators=None if other_page else visit.validators,  # a later 304 must not speak of another page
        ),
        visit.fetched_at,
    )
