"""What earlier runs read of robots.txt, for this run: asked of the scribe, never waited for in the reactor."""

from __future__ import annotations

import asyncio
from functools import partial

from scrapy import Request

from crawler.discovery.discover import sitemaps_in_robots
from crawler.politeness.robots import Rules
from crawler.run.backfill import Backfill, links_wanted
from crawler.run.context import RunContext
from crawler.run.frontier import Frontier
from crawler.sources.active import wanted_kinds
from storage.archive.policies import is_wanted
from storage.frontier import robots
from storage.frontier.robots import Kept
from storage.frontier.urls import Origin
from storage.records import Kind
from storage.times import later, now

TDMREP_SECONDS = 7 * 86_400.0  # for which the tdmrep.json of an origin is believed


class RobotsCache:
    """The table `robots` as a run uses it. What is fresh is read at once when the first robots.txt is wanted."""

    def __init__(self, run: RunContext, frontier: Frontier, backfill: Backfill | None) -> None:
        self._run = run
        self._frontier = frontier
        self._backfill = backfill
        self._again = run.options.now or run.options.exact  # somebody waits, and wants to know whether what was closed is still
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

    async def wants_tdmrep(self, origin: str) -> bool:
        """Whether an origin's tdmrep.json is to be asked for. Who asks for single pages wants no more than these."""
        if not self._run.config.crawl.tdmrep or self._run.options.exact:
            return False
        since = later(now(), -TDMREP_SECONDS)
        return await self._run.do(partial(is_wanted, origin=origin, run_id=self._run.id, since=since))

    def keep(self, kept: Kept) -> None:
        """Remember what was had."""
        self._run.scribe.submit(partial(robots.keep, kept=kept))

    async def plant(self, origin: str, rules: Rules, request: Request) -> None:
        """Make the sitemaps that it names seeds of the source that a request is made for, if they are none yet."""
        source = request.meta["lease"].source
        # Sitemaps that were planted before the settings were written are planted again: these say which are wanted.
        if self._run.options.exact or rules.planted.get(source, "") > self._run.settings_of:
            return
        if rules.sitemaps:
            await self._declared(rules.sitemaps, f"{origin}/robots.txt", request)
        self._run.scribe.submit(partial(robots.plant, origin=origin, source=source, now=now()))

    async def _declared(self, body: str, url: str, request: Request) -> None:
        """Plant the sitemaps that a robots.txt names, where the settings give no list."""
        source = self._run.source_of(request)
        if Kind.SITEMAP not in wanted_kinds(source.source):
            return
        links = sitemaps_in_robots(body, url, source.scope)
        await self._frontier.discover(links, Origin(source.id, self._run.id, now(), via=url, hops=1))
        if self._backfill is not None:
            self._backfill.want(links_wanted(links))
            self._frontier.hunger()
