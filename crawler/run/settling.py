"""From a Harvest to a settled lease: the page is read in a worker, then outcome, links and acknowledgement become one job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from crawler.discovery.reading import obstacle
from crawler.politeness.refusals import BadStatus, Refused, Unsent
from crawler.run.context import RunContext
from crawler.run.frontier import Frontier
from crawler.run.harvest import Harvest
from crawler.run.requisites import Allowance, links_to, torn
from crawler.schedule.refetch import bounds_of, next_visit
from crawler.schedule.revisits import Habits, shown
from crawler.wire.reasons import reason_of
from pipelines.archived import LINKS_ONLY
from pipelines.page import ReadArticle, digest_of, read_article, read_stylesheet
from pipelines.requisites import is_stylesheet
from pipelines.store import Visit, store_article, store_links, store_requisite, store_seed
from pipelines.workers import WorkerError
from storage.archive.dedupe import NOT_CHANGED
from storage.database.engine import Connection
from storage.frontier import habits
from storage.frontier.urls import NOTHING, Found
from storage.records import SEED_KINDS, Candidate, Ended, Kind, Lease, Link, NoArticle, Outcome, Validators
from storage.times import now

if TYPE_CHECKING:
    from scrapy.http import Response

    from crawler.run.intake import Fetched

log = logging.getLogger(__name__)

_WALLS = (401, 403, 429, 503)
LINKS_AT_ONCE = 1_000  # stored in one transaction: a sitemap may have fifty times as many
STOPPED = "stopped"  # the reason of an exchange that was cut because the run ends


class Settling:
    """Settles harvests of a run."""

    def __init__(self, run: RunContext, frontier: Frontier, allowance: Allowance) -> None:
        self._run = run
        self._frontier = frontier
        self._allowance = allowance
        self.habits: dict[int, Habits] = {}  # what articles of each source showed, by its id

    async def settle(self, harvest: Harvest) -> None:
        """Store all that came of one leased request and end its lease."""
        lease: Lease = harvest.request.meta["lease"]
        answers_for_site = self._run.options.exact or bool(harvest.request.meta.get("redirect_times"))
        if _is_unjudged(harvest.error, lease, answers_for_site=answers_for_site):
            self._give_back(lease)
            return
        if lease.kind is Kind.REQUISITE:
            await self._settle_requisite(harvest, lease)
            return
        read: ReadArticle | None = None
        problem = harvest.problem
        if harvest.article is not None and problem is None:
            try:
                read = await self._read(harvest)
            except WorkerError as error:
                if error.again:  # not judged: the capture stays unsettled and is read by the next run
                    self._give_back(lease)
                    return
                problem = error.reason
        body_sha256 = read.body_sha256 if read else None
        visit = self._visit(harvest, lease, problem, body_sha256 or await self._digest(harvest))
        if visit.status in _WALLS:
            visit = await self._named(harvest, visit)
        self._run.intake.forget(harvest.request)
        if read is not None:
            harvest.links += links_to(read.requisites, visit.url)
            visit = replace(visit, signals=read.signals)
        await self._store(harvest, visit, read.result if read else None)

    async def _settle_requisite(self, harvest: Harvest, lease: Lease) -> None:
        """A page requisite is archived, and that is all; a stylesheet leads to more of them."""
        links: Sequence[Link] = []
        note = harvest.problem
        try:
            links = await self._needed_by(harvest)
        except WorkerError as error:
            if error.again:
                self._give_back(lease)
                return
            note = error.reason
        fetched = self._run.intake.of(harvest.request)
        ended = fetched.exchange.ended if fetched is not None else Ended.COMPLETE
        note = f"cut: {ended}" if ended is Ended.LENGTH else note
        visit = self._visit(harvest, lease, torn(ended), None)
        self._run.intake.forget(harvest.request)
        outcome, new = await self._run.do(lambda conn: store_requisite(conn, visit, note, links, next_visit))
        self._settled(visit, outcome, new)

    async def _needed_by(self, harvest: Harvest) -> Sequence[Link]:
        """What a stylesheet needs, read in a worker; nothing of anything else."""
        response = harvest.response
        if response is None or harvest.error is not None or not is_stylesheet(response.url, _header(response, b"Content-Type")):
            return []
        async with self._run.intake.page(harvest.request) as raw:
            return links_to(await self._run.workers.run(read_stylesheet, raw), response.url)

    def _give_back(self, lease: Lease) -> None:
        """Done with for this run; the lease itself ends with the run, so that nobody takes it again before."""
        self._frontier.settled(lease, new_links=self._run.options.backfill is not None)

    async def _named(self, harvest: Harvest, visit: Visit) -> Visit:
        """A refusal with the name of the wall that stands behind its status."""
        if self._run.intake.of(harvest.request) is None:
            return visit
        with suppress(WorkerError):  # the status alone says enough
            async with self._run.intake.page(harvest.request) as raw:
                wall = await self._run.workers.run(obstacle, raw)
            return replace(visit, error=f"{visit.error}: {wall}") if wall else visit
        return visit

    async def _read(self, harvest: Harvest) -> ReadArticle:
        assert harvest.article is not None
        async with self._run.intake.page(harvest.request, harvest.article.announced) as raw:
            wanted = self._allowance.wanted(harvest.request.meta["lease"].source)
            return await self._run.workers.run(read_article, raw, wanted)

    async def _digest(self, harvest: Harvest) -> str | None:
        """The digest of a page's body that no worker could give."""
        fetched, response = self._run.intake.of(harvest.request), harvest.response
        if fetched is None or fetched.digested or fetched.exchange.ended is not Ended.COMPLETE:
            return None
        if response is None or not 200 <= response.status < 300:
            return None
        async with self._run.intake.page(harvest.request) as raw:
            return await asyncio.to_thread(digest_of, raw)

    def _visit(self, harvest: Harvest, lease: Lease, problem: str | None, body_sha256: str | None) -> Visit:
        fetched = self._run.intake.of(harvest.request)
        refused, error = _reasons(harvest.error, seed=lease.kind in SEED_KINDS)
        response = harvest.response
        return Visit(
            lease=lease,
            source_id=self._run.sources[lease.source].id,
            run_id=self._run.id,
            at=now(),
            url=fetched.exchange.url if fetched else lease.url,
            status=response.status if response is not None else None,
            recorded=fetched.recorded if fetched else None,
            error=error or problem,
            refused=refused,
            validators=_validators(fetched, response) if fetched and self._run.options.backfill is None else None,
            hint=harvest.hint,
            body_sha256=body_sha256,
        )

    async def _store(self, harvest: Harvest, visit: Visit, result: Candidate | NoArticle | None) -> None:
        if harvest.article is None and harvest.error is None and visit.error is None and visit.status != NOT_CHANGED:
            result = NoArticle(LINKS_ONLY)
        links, found = await self._most_links(harvest.links, visit)
        visit = replace(visit, found=found)
        if visit.lease.kind in SEED_KINDS:
            again = partial(next_visit, bounds=bounds_of(self._run.config.schedule))
            outcome, new = await self._run.do(lambda conn: store_seed(conn, visit, links, visit.error, again))
        else:
            days = self._run.config.revisit_days(self._run.sources[visit.lease.source].source)
            again = partial(next_visit, revisit_days=days)
            outcome, new = await self._run.do(lambda conn: store_article(conn, visit, result, links, again))
            self._learn(visit, outcome)
        self._settled(visit, outcome, new)

    def _learn(self, visit: Visit, outcome: Outcome) -> None:
        """What a visit to an article tells of its source; entered at the end of the run."""
        if more := shown(visit.lease, outcome, visit.at):
            self.habits[visit.source_id] = self.habits.get(visit.source_id, Habits()).and_(more)

    def enter_habits(self, conn: Connection) -> None:
        """Add what articles showed in this run to what their sources remember."""
        known = habits.edits_of(conn, self.habits.keys())
        added = {id_: Habits.from_json(known[id_]).and_(self.habits[id_]).to_json() for id_ in known}
        habits.keep_edits(conn, added)

    def _settled(self, visit: Visit, outcome: Outcome, new: int) -> None:
        log.info(
            "%s %s %s%s",
            outcome.verdict,
            visit.lease.kind,
            visit.lease.url,
            f" ({outcome.reason})" if outcome.reason else "",
            extra={"source": visit.lease.source, "url": visit.lease.url, "reason": outcome.reason},
        )
        self._frontier.settled(visit.lease, new_links=new > 0 or self._run.options.backfill is not None)

    async def _most_links(self, links: Sequence[Link], visit: Visit) -> tuple[Sequence[Link], Found]:
        """Store all links but the last ones, which go with the outcome: no transaction may keep the others waiting for long."""
        found = NOTHING
        while len(links) > LINKS_AT_ONCE:
            part, links = links[:LINKS_AT_ONCE], links[LINKS_AT_ONCE:]
            stored = await self._run.do(partial(store_links, visit=visit, links=part))
            found += stored
            if stored.due:
                self._frontier.hunger()
        return links, found


def _is_unjudged(error: BaseException | None, lease: Lease, *, answers_for_site: bool) -> bool:
    """Whether it was not the URL that failed: the run is ending, or the site's robots.txt cannot be had just now.

    At the end of a redirect it is the URL's own doing: it may lead to a dead host, and would be asked in every run. So it is
    of a requisite, whose host may be nobody's. And whoever asked for one page has to hear that it could not be had.
    """
    match error:
        case Unsent():
            return True
        case WorkerError():
            return error.again
        case Refused(temporary=True):
            return lease.kind is Kind.ARTICLE and not answers_for_site
        case _:
            return error is not None and reason_of(error) == STOPPED


def _reasons(error: BaseException | None, *, seed: bool) -> tuple[str | None, str | None]:
    """(the rule that refused, why it failed): one of them, or none."""
    match error:
        case None:
            return None, None
        case Refused(temporary=False):
            return error.reason, None
        case Refused():
            return None, error.reason
        case BadStatus():
            status = error.response.status  # 404 and 410 of an article are an outcome, not a failure
            return None, None if status in (404, 410) and not seed else f"http-{status}"
        case _:
            return None, reason_of(error)


def _validators(fetched: Fetched, response: Response | None) -> Validators | None:
    """Those of a page that is in the archive as a whole: another answer says nothing of what is there."""
    if response is None or not 200 <= response.status < 300 or fetched.cut:
        return None
    return Validators(
        url=fetched.exchange.url,
        date=fetched.exchange.started_at,
        etag=_header(response, b"ETag"),
        last_modified=_header(response, b"Last-Modified"),
    )


def _header(response: Response, name: bytes) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
