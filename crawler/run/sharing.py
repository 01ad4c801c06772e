"""Several runs at once in one collection: leases that are kept alive, and what becomes of those of a dead run.

A run that shares renews its leases every BEAT_SECONDS; one that was killed does not, and after LEASE_SECONDS the others take
over what it had in hand. So nobody needs to know who else is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from crawler.run.context import RunContext
from storage.database.engine import Connection
from storage.errors import NewswarcError, UsageError
from storage.frontier import leases
from storage.times import later, now

log = logging.getLogger(__name__)

LEASE_SECONDS = 30
BEAT_SECONDS = 8
ALONE_LEASE_SECONDS = 3600  # nobody else takes them; they are freed by the next run


def need_postgres(database_url: str) -> None:
    """SQLite is for one run at a time. Raises UsageError."""
    if database_url.startswith("sqlite"):
        raise UsageError("--join needs a PostgreSQL database; on SQLite one run at a time works in a collection")


class Sharing:
    """The part of a run that has others beside it; without others it does nothing."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._shared = run.options.join
        self._beating: asyncio.Task[None] | None = None

    @property
    def lease_seconds(self) -> int:
        """How long a lease holds that is not renewed."""
        return LEASE_SECONDS if self._shared else ALONE_LEASE_SECONDS

    def start(self, hunger: Callable[[], None]) -> None:
        """Begin to renew the run's leases. `hunger` is called when there may be more to claim."""
        if self._shared:
            self._beating = asyncio.ensure_future(self._beat(hunger))

    def stop(self) -> None:
        """The run is over."""
        if self._beating is not None:
            self._beating.cancel()

    async def others_at_work(self) -> bool:
        """Whether another run has leases: what it has in hand may lead to more, or become free."""
        return self._shared and await self._run.do(partial(leases.leased_by_others, run_id=self._run.id))

    async def _beat(self, hunger: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                freed = await self._run.do(self._renew)
            except NewswarcError as error:
                self._run.fail(error)
                return
            if freed:
                log.info("%d leases of a run that has ended are taken over", freed)
                hunger()

    def _renew(self, conn: Connection) -> int:
        moment = now()  # of the job, not of its submission: it may have waited for the database
        return leases.keep_leases(conn, self._run.id, moment, later(moment, LEASE_SECONDS))
