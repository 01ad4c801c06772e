"""What earlier runs read of robots.txt, for this run: asked of the scribe, never waited for in the reactor."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from crawler.robots import Rules
from storage import robots
from storage.robots import Kept
from storage.times import now

if TYPE_CHECKING:
    from scrapy import Request

    from crawler.run import Run


class RobotsCache:
    """The table `robots` as a run uses it. What is fresh is read at once when the first robots.txt is wanted.

    `settings_of`: when the settings were written; sitemaps that were planted before are planted again, since the settings
    say which are wanted. `again`: somebody waits for this run, and wants to know whether what was closed is still.
    """

    def __init__(self, run: Run, settings_of: str, *, again: bool) -> None:
        self._run = run
        self._settings_of = settings_of
        self._again = again
        self._fresh: asyncio.Future[dict[str, Kept]] | None = None

    async def known(self, origin: str) -> Kept | None:
        """What was had last of an origin, fresh or not."""
        if self._fresh is None:
            self._fresh = asyncio.ensure_future(self._run.do(partial(robots.fresh, now=now())))
        fresh = await asyncio.shield(self._fresh)
        if origin in fresh:
            return fresh.pop(origin)
        return await self._run.do(partial(robots.of_origin, origin=origin))

    def is_good(self, kept: Kept) -> bool:
        """Whether it need not be asked for."""
        return kept.is_fresh(now()) and not (self._again and kept.reason is not None)

    def keep(self, kept: Kept) -> None:
        """Remember what was had."""
        self._run.scribe.submit(partial(robots.keep, kept=kept))

    async def plant(self, origin: str, rules: Rules, request: Request) -> None:
        """Make the sitemaps that it names seeds of the source that a request is made for, if they are none yet."""
        source = request.meta["lease"].source
        if self._run.options.exact or rules.planted.get(source, "") > self._settings_of:
            return
        if rules.sitemaps:
            await self._run.sitemaps_declared(rules.sitemaps, f"{origin}/robots.txt", request)
        self._run.scribe.submit(partial(robots.plant, origin=origin, source=source, now=now()))
