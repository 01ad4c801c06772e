"""A look at the way into one site: robots.txt, home page, the first feeds and sitemaps, some articles; one page at a time.

A look asks through an `Ask`, which `probing` gives it, and gathers what it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, TypeVarTuple

from crawler.config.keys import Source
from crawler.discovery.reading import obstacle
from crawler.look.dryrun import why
from crawler.look.glance import Glance, glance
from crawler.options import Probe, Seed, Trial
from crawler.politeness.refusals import BadStatus
from crawler.sources.active import scope_of
from pipelines.page import RawPage, read_article
from pipelines.workers import WorkerError
from storage.records import Kind, Link
from storage.times import now
from storage.urlkey import canonical, host_key

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MOST_FEEDS = 20  # feeds of one site, named by somebody, that are asked
_DEAD_AT_ONCE = ("robots-unreachable", "dns", "refused", "unreachable", "tls", "timeout", "private-address", "proxy")


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of a site is read: feeds and sitemaps, and articles."""

    seeds: int
    samples: int


ONE = Depth(seeds=4, samples=3)  # a person looks at the site
MANY = Depth(seeds=2, samples=1)


class Ask(Protocol):
    """What a look asks for."""

    async def page(self, look: Look, url: str, kind: Kind) -> Any:
        """The response to a request for a page, which the look has then. Raises what the downloader does."""

    async def work(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """The result of a function, from a worker. Raises WorkerError."""

    def is_slow(self, url: str) -> bool:
        """Whether the host asked for so long a delay that no more than its home page is read."""

    def sitemaps_of(self, url: str, look: Look) -> Sequence[Link]:
        """The sitemaps that the robots.txt of a host names."""


class Look:
    """One site that is looked at. `feeds` are known from elsewhere; with `all_feeds` each of them is asked, found or not."""

    def __init__(self, source: Source, feeds: Sequence[str] = (), *, depth: Depth = MANY, all_feeds: bool = False) -> None:
        self.source = source
        self.scope = scope_of(source)
        self.page: RawPage | None = None
        self.host = host_key(source.url).removeprefix("www.")
        self.home_unknown = False
        self._given = tuple(map(canonical, feeds))
        self._depth, self._all_feeds = depth, all_feeds
        self._found: dict[Kind, list[str]] = {Kind.FEED: [], Kind.SITEMAP: [], Kind.SECTION: []}
        self._read: dict[str, Seed] = {}
        self._articles: list[str] = []
        self._samples: list[Trial] = []
        self._obstacle: str | None = None
        self._failure: str | None = None
        self._url = source.url
        self._has_home = False

    @classmethod
    def of_feeds(cls, feeds: Sequence[str]) -> Look:
        """A look at a site of which only feeds are known; they tell its home page."""
        root = canonical("/", feeds[0])
        look = cls(Source(host_key(root), root, feeds=tuple(feeds)), feeds)
        look.home_unknown = True
        return look

    def probe(self) -> Probe:
        """What was seen so far."""
        return Probe(
            url=self._url,
            **{f"{kind}s": tuple(urls) for kind, urls in self._found.items()},
            samples=tuple(self._samples),
            obstacle=self._obstacle,
            read=tuple(self._read.values()),
            given=self._given,
            failure=None if self._has_home else self._failure or "timeout",
        )

    async def run(self, ask: Ask) -> None:
        """Look at the site, as long as it answers."""
        if self.home_unknown:
            await self._feeds(ask, self._given)
            self._move_to(next((seed.home for seed in self._read.values() if seed.home), self.source.url))
        if not await self._home(ask):
            await self._feeds(ask, [url for url in self._given if host_key(url).removeprefix("www.") != self.host])
            return
        if ask.is_slow(self.source.url):
            return
        found = () if self._all_feeds else self._found[Kind.FEED]
        await self._feeds(ask, [url for url in self._given if url not in found])
        for kind in (Kind.FEED, Kind.SITEMAP):
            fresh = [url for url in self._found[kind] if url not in self._read]
            for url in fresh[: max(0, self._depth.seeds // 2)]:
                await self._seed(ask, url, kind)
        for url in self._articles[: self._depth.samples]:
            await self._sample(ask, url)

    async def _home(self, ask: Ask) -> bool:
        """Read the home page; whether anything more is worth asking for."""
        try:
            await ask.page(self, canonical(self.source.url), Kind.HOME)
            self._url = self._page().url
            if not self.scope.includes(self._url):
                self._move_to(self._url)
            seen = await ask.work(glance, self._page(), Kind.HOME, self.scope, now())
        except Exception as error:  # noqa: BLE001 - whatever kept us from reading it is the verdict
            self._failure = why(error)
            self._note_sitemaps(ask)
            self._obstacle = await self._barrier(ask) if isinstance(error, BadStatus) else None
            return not self._failure.startswith(_DEAD_AT_ONCE)
        self._has_home = True
        if seen.is_feed and not self.home_unknown:
            return await self._take_for_feed(ask, seen)
        self._obstacle = seen.obstacle
        self._note(seen)
        self._note_sitemaps(ask)
        return True

    async def _barrier(self, ask: Ask) -> str | None:
        """What an answer with an error's status is a page of: bot-challenge, login, ..."""
        with suppress(WorkerError):
            return await ask.work(obstacle, self._page())
        return None

    async def _take_for_feed(self, ask: Ask, seen: Glance) -> bool:
        """The address is a feed's: the site is where the feed says."""
        feed = self._url
        self.home_unknown, self._has_home, self._given = True, False, (*self._given, feed)
        self._read[feed] = Seed(feed, feed, home=seen.home)
        self._note(seen)
        self._move_to(seen.home or canonical("/", feed))
        return await self._home(ask)

    def _move_to(self, home: str) -> None:
        self.source = replace(self.source, url=home, feeds=self._given or None)
        self.scope, self._url = scope_of(self.source), home

    async def _feeds(self, ask: Ask, urls: Sequence[str]) -> None:
        for url in urls[:MOST_FEEDS]:
            if url not in self._read:
                await self._seed(ask, url, Kind.FEED)

    async def _seed(self, ask: Ask, url: str, kind: Kind) -> None:
        """A feed or sitemap: is it one, and what does it announce?"""
        self._read[url] = Seed(url, fault="timeout")
        try:
            await ask.page(self, url, kind)
            seen = await ask.work(glance, self._page(), kind, self.scope, now())
        except Exception as error:  # noqa: BLE001 - as above
            self._read[url] = Seed(url, fault=why(error))
            return
        fault = seen.fault if kind is Kind.SITEMAP or seen.is_feed else seen.fault or "not-a-feed"
        self._read[url] = Seed(url, self._page().url, fault=fault, home=seen.home)
        self._note(seen)

    async def _sample(self, ask: Ask, url: str) -> None:
        try:
            response = await ask.page(self, url, Kind.ARTICLE)
            extraction = await ask.work(read_article, self._page())
        except Exception:  # noqa: BLE001 - a sample that cannot be had is none
            return
        self._samples.append(Trial(self._page().url, response.status, extraction.result))

    def _note(self, seen: Glance) -> None:
        self._note_seeds(seen.found.seeds)
        fresh = [link.url for link in seen.found.links if link.url not in self._articles]
        self._articles += fresh[: max(0, 20 - len(self._articles))]

    def _note_seeds(self, links: Sequence[Link]) -> None:
        for link in links:
            known = self._found.get(link.kind)
            if known is not None and not link.refused and link.url not in known:
                known.append(link.url)

    def _note_sitemaps(self, ask: Ask) -> None:
        self._note_seeds(ask.sitemaps_of(self._url, self))

    def _page(self) -> RawPage:
        assert self.page is not None, "an answer that came was kept"
        return self.page
