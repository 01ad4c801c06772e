"""What a command hands to the engine, and what the engine hands back: plain values, nothing heavy."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from uuid import uuid4

from storage.records import Candidate, NoArticle
from storage.times import now, parse


def new_run_id() -> str:
    """An id that no other run has, and that sorts by time."""
    return f"{parse(now()):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """Only what sitemaps date in these days (ISO 8601) is noted: from `since` on, before `until`. `dry`: nothing is."""

    since: str
    until: str
    dry: bool = False


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
    backfill: BackfillOptions | None = None
    max_pages: int | None = None  # exchanges of articles, after which nothing new is begun
    max_runtime: float | None = None  # seconds from `began`, after which nothing new is begun
    if_locked: str = "fail"  # fail | skip | wait: what to do while another run holds the collection
    quiet: bool = False
    verbose: int = 0
    run_id: str = field(default_factory=new_run_id, compare=False)
    began: float = field(default_factory=time.monotonic, compare=False)  # seconds of time.monotonic

    @property
    def patience(self) -> float:
        """Seconds that the run waits for the collection, perhaps inf."""
        if self.if_locked != "wait":
            return 0.0
        return math.inf if self.max_runtime is None else self.max_runtime


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
