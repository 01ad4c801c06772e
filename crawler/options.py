"""What a command hands to the engine, and what the engine hands back: plain values, nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from storage.records import Candidate, NoArticle


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """One run. No `sources` means all; `exact` means only `urls`, each fetched whether known or not."""

    sources: tuple[str, ...] = ()  # names
    urls: tuple[str, ...] = ()
    exact: bool = False
    now: bool = False  # poll every seed, due or not
    refetch: bool = False  # fetch known articles again
    requisites: bool | None = None  # fetch page requisites, whatever the sources say; None: as they say
    join: bool = False  # work beside other runs of the collection that say so too
    max_pages: int | None = None  # exchanges of articles, after which nothing new is begun
    max_runtime: float | None = None  # seconds, after which nothing new is begun
    quiet: bool = False
    verbose: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one page that was only looked at."""

    url: str  # of the final hop
    status: int | None  # None of a file
    result: Candidate | NoArticle


@dataclass(frozen=True, slots=True)
class Seed:
    """What became of a feed or sitemap that was read."""

    url: str  # as it was asked for
    final_url: str | None = None  # after redirects
    fault: str | None = None  # why it is none that can be used: http-404, not-a-feed: html, timeout, ...
    home: str | None = None  # the home page that a feed names


@dataclass(frozen=True, slots=True)
class Probe:
    """What the way into a site looks like: its seeds, and some of its articles."""

    url: str  # of the home page, after redirects
    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    samples: tuple[Trial, ...] = ()
    obstacle: str | None = None  # bot-challenge, consent-wall, needs-javascript, robots, http-403, ...: why it may fail
    read: tuple[Seed, ...] = ()
    given: tuple[str, ...] = ()  # feeds that were known before
    failure: str | None = None  # why there is no home page
