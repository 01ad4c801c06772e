"""Memory of the main process and of its workers over a long crawl."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench import pages
from scripts.bench.crawling import crawl
from scripts.bench.figures import Figure
from scripts.bench.processes import descendants, resident_mb
from scripts.bench.serve import Server, free_port, serving

PER_SITE = 50
AT = (0.1, 0.25, 0.5, 0.75, 1.0)  # shares of all pages
FLAT = 0.5  # MB for 1,000 pages, in the second half


@dataclass(frozen=True, slots=True)
class Sample:
    """MB at a number of pages."""

    pages: int
    main: float
    worker: float  # of the largest one


@dataclass(slots=True)
class Watch:
    """Takes samples while a crawl runs."""

    server: Server
    samples: list[Sample] = field(default_factory=list)

    def __call__(self, pid: int) -> None:
        """Take one."""
        main, fetched = resident_mb(pid), self.server.served.pages
        if main and fetched:
            self.samples.append(Sample(fetched, main, max(map(resident_mb, descendants(pid)), default=0.0)))


def figures(count: int) -> Iterator[Figure]:
    """A real crawl of `count` generated pages."""
    sites = pages.spread(pages.generated(count), PER_SITE, free_port())
    with serving(sites) as server, tempfile.TemporaryDirectory(prefix="newswarc-bench-") as scratch:
        watch = Watch(server)
        crawled = crawl(Path(scratch) / "collection", sites, server, workers=2, watch=watch)
    yield Figure(
        "pages crawled",
        f"{crawled.pages:,}",
        note=f"{crawled.articles:,} articles on {len(sites)} hosts in {crawled.wall:.0f} s, 2 workers",
    )
    for share in AT:
        sample = near(watch.samples, share * count)
        yield Figure(
            f"memory after {sample.pages:,} pages",
            f"{sample.main:.1f} MB",
            note=f"largest worker {sample.worker:.1f} MB",
        )
    slope = growth([sample for sample in watch.samples if sample.pages >= count / 2])
    yield Figure("growth for 1,000 pages, in the second half", f"{slope:+.2f} MB", f"<= {FLAT} MB", slope <= FLAT)


def near(samples: Sequence[Sample], count: float) -> Sample:
    """The sample at about so many pages."""
    return min(samples, key=lambda sample: abs(sample.pages - count))


def growth(samples: Sequence[Sample]) -> float:
    """MB for 1,000 pages: the slope of the straight line through the samples (least squares)."""
    size = len(samples)
    mean_pages = sum(sample.pages for sample in samples) / size
    mean_main = sum(sample.main for sample in samples) / size
    spread = sum((sample.pages - mean_pages) ** 2 for sample in samples)
    both = sum((sample.pages - mean_pages) * (sample.main - mean_main) for sample in samples)
    return 1000 * both / spread if spread else 0.0
