"""Which due rows a run leases next: those that were named, those of a back-fill, or the most urgent ones within its budgets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from crawler.politeness.budget import Budget
from crawler.run.backfill import Backfill
from crawler.run.context import RunContext
from crawler.run.hostgate import HostGate
from crawler.run.recovery import Recovery
from crawler.run.requisites import Allowance
from crawler.run.sharing import Sharing
from storage.frontier import leases
from storage.frontier.leases import Want
from storage.records import Lease
from storage.times import later, now


@dataclass(slots=True)
class Claims:
    """Leases rows for the frontier. `exact_ids` are the rows of pages that were named and not claimed yet, None when none was."""

    run: RunContext
    spider: str  # rows of other spiders are left alone
    recovery: Recovery
    sharing: Sharing
    hosts: HostGate
    budget: Budget
    allowance: Allowance
    backfill: Backfill | None
    exact_ids: list[int] | None

    async def claim(
        self, full: Collection[str], *, in_hand: int, per_host: int, limit: int, pages: int | None, last: bool
    ) -> list[Lease]:
        """Lease due rows of the run's sources, for hosts that are neither well stocked nor blocked: pages, or `last` requisites.

        At most `limit` rows, of which `pages` may be no seeds. `in_hand`: leases that are not settled.
        """
        await self.recovery.done()  # what a killed run left unread comes first
        moment = now()
        until = later(moment, self.sharing.lease_seconds)
        if self.exact_ids is not None and not last:
            ids, self.exact_ids = self.exact_ids[:limit], self.exact_ids[limit:]
            return await self.run.do(lambda conn: leases.claim_rows(conn, ids, self.run.id, until))
        if self.backfill is not None:
            return [] if last else await self.backfill.claim(in_hand, until)
        want = Want(
            run_id=self.run.id,
            now=moment,
            lease_until=until,
            per_host=per_host,
            limit=limit,
            pages=pages,
            full={*full, *self.hosts.blocked()},
            scarce=self.hosts.scarce(),
            source_ids=[source.id for source in self.run.sources.values()],
            spider=self.spider,
            since=self.run.started_at,
            last=last,
            left=self.budget.left,
            born=self.run.started_at if self.run.options.exact else None,
        )
        return await self._claim_within(want)

    async def _claim_within(self, want: Want) -> list[Lease]:
        narrowed = self.allowance.narrowed(want)
        if narrowed is None:
            return []
        taken = await self.run.do(lambda conn: leases.claim(conn, narrowed))
        for lease in taken:
            self.budget.count(lease)
        return taken
