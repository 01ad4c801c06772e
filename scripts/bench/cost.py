"""What a page costs a crawl beside its extraction, and how a second worker helps."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.bench import disk, pages
from scripts.bench.crawling import Crawled, crawl
from scripts.bench.extraction import Reading, measured
from scripts.bench.extraction import bare as bare_extraction
from scripts.bench.figures import Figure
from scripts.bench.pages import Page
from scripts.bench.serve import free_port, serving

PER_SITE = 27
FEW, MANY = 1, 3  # copies of the pages, each on sites of its own
SHARE = 0.20
OF_IDEAL = 0.90


@dataclass(frozen=True, slots=True)
class PerPage:
    """What one more page costs: the difference of two crawls, divided by the pages that one has more. Seconds."""

    wall: float
    main: float
    workers: float
    server: float
    start: float  # CPU of the main process that does not depend on the number of pages
    pages: int


class Bench:
    """The measurements of one run; each is made once, and two figures that need it share it."""

    def __init__(self, chosen: Sequence[Page]) -> None:
        self.pages = chosen
        self._reading: Reading | None = None
        self._per_page: dict[int, PerPage] = {}

    def reading(self) -> Reading:
        """What reading costs by itself."""
        if self._reading is None:
            self._reading = measured(self.pages, pages.spread(self.pages, PER_SITE, port=1))
        return self._reading

    def per_page(self, workers: int) -> PerPage:
        """What a page costs in a crawl with so many workers."""
        if workers not in self._per_page:
            few, many = (self._crawled(copies, workers) for copies in (FEW, MANY))
            self._per_page[workers] = slope(few, many)
        return self._per_page[workers]

    def _crawled(self, copies: int, workers: int) -> Crawled:
        return self.crawled(copies, workers, zipped=True, then=lambda _, crawled: crawled)

    def crawled(self, copies: int, workers: int, *, zipped: bool, then: Callable[[Path, Crawled], Crawled]) -> Crawled:
        """One crawl; `then` sees its collection before it is removed."""
        sites = pages.spread(self.pages, PER_SITE, free_port(), copies)
        with serving(sites, zipped=zipped) as server, tempfile.TemporaryDirectory(prefix="newswarc-bench-") as scratch:
            folder = Path(scratch) / "collection"
            return then(folder, crawl(folder, sites, server, workers))

    # ---- figures

    def cpu(self) -> Iterator[Figure]:
        """CPU outside extraction, a page, as a share of bare trafilatura's."""
        reading, page = self.reading(), self.per_page(1)
        bare = (reading.bare + bare_extraction(self.pages)) / 2  # before the crawls and after them
        parts = {
            "main process (reactor, scribe)": page.main,
            "worker: way of page and result": reading.transport,
            "worker: head, gzip, digest": reading.unpacking,
            "worker: home pages and feeds": reading.seeds,
        }
        outside = sum(parts.values())
        for name, seconds in parts.items():
            yield Figure(name, f"{seconds * 1e3:.2f} ms")
        yield Figure("bare trafilatura", f"{bare * 1e3:.2f} ms")
        yield Figure("extraction in a worker", f"{reading.extraction * 1e3:.2f} ms")
        by_difference = page.main + page.workers - reading.extraction
        yield Figure(
            "CPU a page outside extraction",
            f"{outside * 1e3:.2f} ms",
            note=f"check: all CPU of the crawl less extraction measured alone is {by_difference * 1e3:.2f} ms;"
            f" {page.start:.1f} s of start-up of the main process left out; {page.pages} pages",
        )
        share = outside / bare
        yield Figure("the same, of bare trafilatura's CPU", f"{share:.1%}", f"<= {SHARE:.0%}", share <= SHARE)

    def workers(self) -> Iterator[Figure]:
        """Pages per second with one and two workers."""
        one, two, reading = self.per_page(1), self.per_page(2), self.reading()
        beside = reading.transport + reading.unpacking + reading.seeds
        extraction, other = two.workers - beside, two.main + beside
        ideal = 2 * extraction / (extraction + other)
        ratio = one.wall / two.wall
        yield Figure("pages a second, 1 worker", f"{1 / one.wall:.1f}")
        yield Figure("pages a second, 2 workers", f"{1 / two.wall:.1f}")
        yield Figure(
            "E, C: extraction and other CPU a page",
            f"{extraction * 1e3:.2f} ms, {other * 1e3:.2f} ms",
            note=f"2 E / (E + C) = {ideal:.2f}; the server takes {two.server * 1e3:.2f} ms of the same two cores",
        )
        least = OF_IDEAL * ideal
        yield Figure("2 workers over 1", f"{ratio:.2f} x", f">= {least:.2f} x", ratio >= least)

    def disk(self) -> Iterator[Figure]:
        """Bytes on the disk over bytes received, from a server that compresses and from one that does not."""
        for zipped in (True, False):
            found: list[Figure] = []

            def look(folder: Path, crawled: Crawled, zipped: bool = zipped, found: list[Figure] = found) -> Crawled:
                found += disk.figures(folder, crawled, zipped=zipped)
                found += disk.tables(folder, crawled.pages) if zipped else ()
                return crawled

            self.crawled(FEW, 2, zipped=zipped, then=look)
            yield from found


def slope(few: Crawled, many: Crawled) -> PerPage:
    """What one more page costs, from a short and a long crawl of the same pages."""
    more = many.pages - few.pages
    main = (many.main - few.main) / more
    return PerPage(
        wall=(many.wall - few.wall) / more,
        main=main,
        workers=(many.workers - few.workers) / more,
        server=(many.served.cpu_seconds - few.served.cpu_seconds) / more,
        start=few.main - main * few.pages,
        pages=more,
    )
