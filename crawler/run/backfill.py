"""The part of a run that is a back-fill: it notes what sitemaps date in a period, and fetches nothing but them and robots.txt.

Which sitemaps it reads next is in its hands, not the schedule's: those that may have something of the period.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from crawler.discovery.periods import Chosen, Period
from crawler.discovery.scope import Discovered
from crawler.run.context import RunContext
from storage.database.engine import Connection
from storage.frontier import leases
from storage.frontier import urls as frontier
from storage.records import Kind, Lease, Link
from storage.urlkey import InvalidURL, key

log = logging.getLogger(__name__)

MOST_SITEMAPS = 50_000  # that one back-fill reads
IN_HAND = 2  # at once: each may list 50,000 URLs, which are in memory until they are stored
READ = frozenset({Kind.ROBOTS, Kind.SITEMAP})


class Backfill:
    """Which sitemaps are still to be read, and what was found."""

    def __init__(self, run: RunContext, period: Period, *, dry: bool) -> None:
        self.period = period
        self.dry = dry
        self.listed: Counter[str] = Counter()  # by month: entries of the period
        self.new: Counter[str] = Counter()  # those of them that were not known
        self.read = self.skipped = self.undated = self.outside = 0
        self._run = run
        self._waiting: dict[str, None] = {}  # URL keys, in order
        self._asked: set[str] = set()

    def want(self, urls: Iterable[str]) -> None:
        """Read these, each once. Home pages among them are not fetched, only the robots.txt before them."""
        for url in urls:
            try:
                wanted = key(url)
            except InvalidURL:
                continue
            if len(self._asked) >= MOST_SITEMAPS:
                log.warning("more than %d sitemaps; %s is not read", MOST_SITEMAPS, url, extra={"url": url})
            elif wanted not in self._asked:
                self._asked.add(wanted)
                self._waiting[wanted] = None

    async def claim(self, in_hand: int, until: str) -> list[Lease]:
        """Lease what is to be read and has its row, as long as few are in hand."""
        wanted = list(self._waiting)
        room = IN_HAND - in_hand
        if not wanted or room <= 0:
            return []
        taken = await self._run.do(lambda conn: self._lease(conn, wanted, room, until))
        for lease in taken:
            self._waiting.pop(key(lease.url), None)
        return taken

    def _lease(self, conn: Connection, wanted: Sequence[str], room: int, until: str) -> list[Lease]:
        ids = list(frontier.ids_of(conn, wanted).values())[:room]
        return leases.claim_rows(conn, ids, self._run.id, until)

    async def take(self, lease: Lease, found: Chosen) -> Discovered:
        """What of a sitemap is to be stored."""
        self.read += found.problem is None
        self.undated += found.undated
        self.outside += found.outside
        self.skipped += len(found.skipped)
        for url, reason in found.skipped:
            log.info("sitemap %s is skipped: %s", url, reason, extra={"source": lease.source, "url": url, "reason": reason})
        self.want(link.url for link in found.seeds)
        links = found.links
        known = await self._run.do(lambda conn: frontier.known_among(conn, [link.url for link in links]))
        self.listed.update(found.months)
        self.new.update(
            month for link, month in zip(links, found.months, strict=True) if link.url not in known and not link.refused
        )
        log.info("sitemap %s: %d dated in the period, %d of them known", lease.url, len(links), len(known))
        return Discovered(links=() if self.dry else links, seeds=found.seeds, problem=found.problem)

    def lines(self) -> Iterator[str]:
        """What came of it."""
        what = "not known yet" if self.dry else "new"
        yield (
            f"From {self.period.since} to before {self.period.until}: {self.listed.total()} URLs listed, "
            f"{self.new.total()} {what}; {self.outside} of other days, {self.undated} undated"
        )
        yield f"Sitemaps: {self.read} read, {self.skipped} skipped"

    def months(self) -> list[tuple[str, int, int]]:
        """Month, entries listed, those not known; in order."""
        return [(month, count, self.new[month]) for month, count in sorted(self.listed.items())]


def links_wanted(links: Iterable[Link]) -> list[str]:
    """The URLs of sitemaps that may be read."""
    return [link.url for link in links if link.kind is Kind.SITEMAP and not link.refused]
