"""What reading pages costs by itself: bare trafilatura, and the parts of newswarc's own, each in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import gzip
import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeVar

from crawler.discovery.reading import read_seed
from crawler.discovery.scope import Scope
from pipelines.decode import decode
from pipelines.page import RawPage, ReadArticle, read_article, read_page, warm
from pipelines.workers import Workers
from scripts.bench.pages import Page, Site
from scripts.bench.processes import descendants, run_seconds
from storage.records import Kind
from storage.times import now

T = TypeVar("T")

_LIMIT = 10_000_000  # bytes of a body, as the default settings have it
_SEEDS = ("/", "/feed.xml")
_MOST_JOBS = 400  # fewer than a worker does before it is replaced


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds a page."""

    bare: float  # trafilatura.bare_extraction
    job: float  # all that a worker does for an article: pipelines.page.read_article
    unpacking: float  # of it: head, chunks, gzip, digest of the body
    transport: float  # beside it, in worker and forker: the page's way there and the result's way back
    seeds: float  # reading the site's home page and feed, shared out to its pages

    @property
    def extraction(self) -> float:
        """The extraction itself: from the decoded body to the article."""
        return self.job - self.unpacking


def measured(pages: Sequence[Page], sites: Sequence[Site]) -> Reading:
    """All of it, with nothing else of ours running."""
    return Reading(
        bare=bare(pages),
        job=_apart(lambda: _jobs(pages)),
        unpacking=_apart(lambda: _unpack(pages)),
        transport=_apart(lambda: asyncio.run(_transport(pages))),
        seeds=_apart(lambda: _seeds(sites)) / len(pages),
    )


def bare(pages: Sequence[Page]) -> float:
    """CPU seconds a page of `trafilatura.bare_extraction(html, with_metadata=True)` on decoded HTML."""
    return _apart(lambda: _bare(pages))


def _bare(pages: Sequence[Page]) -> float:
    from trafilatura import bare_extraction

    texts = [decode(page.html, "text/html") for page in pages]
    bare_extraction(texts[0], with_metadata=True)  # what is loaded at first use
    before = time.process_time()
    for text in texts:
        bare_extraction(text, with_metadata=True)
    return (time.process_time() - before) / len(pages)


def _jobs(pages: Sequence[Page]) -> float:
    # Not by the workers' own count: the kernel reads a process's clock in steps while a job's limit of CPU time is set.
    warm()
    raws = list(map(_raw, pages))
    before = time.process_time()
    for raw in raws:
        read_article(raw)
    return (time.process_time() - before) / len(pages)


def _unpack(pages: Sequence[Page]) -> float:
    raws = list(map(_raw, pages))
    before = time.process_time()
    for raw in raws:
        hashlib.sha256(read_page(raw).body).hexdigest()
    return (time.process_time() - before) / len(pages)


async def _transport(pages: Sequence[Page]) -> float:
    """Jobs that get a page and give a result of an article's size back without having read it."""
    few = pages[:_MOST_JOBS]
    results = [read_article(_raw(page)) for page in few]
    workers = Workers(1, preload=("pipelines.page:warm", "scripts.bench.extraction"))
    await workers.run(_known, _raw(few[0]), results[0])
    below = descendants(os.getpid())
    before = sum(map(run_seconds, below))
    for page, result in zip(few, results, strict=True):
        await workers.run(_known, _raw(page), result)
    spent = sum(map(run_seconds, below)) - before
    workers.close()
    return spent / len(few)


def _known(_: RawPage, result: ReadArticle) -> ReadArticle:
    """A job that has nothing to do."""
    return result


def _seeds(sites: Sequence[Site]) -> float:
    bodies = [(site, kind, body) for site in sites for path, kind, body in site.bodies() if path in _SEEDS]
    before = time.process_time()
    for site, kind, body in bodies:
        home = f"{site.root}/"
        raw = _response(home, kind, body)
        read_seed(raw, Kind.FEED if "rss" in kind else Kind.HOME, Scope.of(home), now())
    return time.process_time() - before


def _raw(page: Page) -> RawPage:
    return _response(f"http://127.1.0.1{page.path}", "text/html", page.html)


def _response(url: str, kind: str, body: bytes) -> RawPage:
    zipped = gzip.compress(body, 6, mtime=0)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\nContent-Length: {len(zipped)}\r\n\r\n"
    return RawPage(url, url, now(), head.encode() + zipped, truncated=False, limit=_LIMIT)


def _apart(measure: Callable[[], T]) -> T:
    """What a measurement in a process of its own gives back."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_send, args=(measure, theirs))
    process.start()
    theirs.close()
    result: T = ours.recv()
    process.join()
    return result


def _send(measure: Callable[[], T], theirs: Connection) -> None:
    gc.freeze()  # what the benchmark itself holds is no part of the measurement
    theirs.send(measure())
