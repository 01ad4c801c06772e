"""What a page costs when it comes from a WARC file that others wrote, beside bare trafilatura on the same pages in the same run."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from scripts.bench import pages
from scripts.bench.crawling import TWO_CORES, articles_in
from scripts.bench.extraction import bare as bare_extraction
from scripts.bench.figures import Figure
from scripts.bench.pages import Page, Site
from scripts.bench.processes import cpu_of, on_cores

COMMAND = (sys.executable, "-m", "crawler.cli")
FEW, MANY = 1, 3  # copies of the pages, each on hosts of its own
PER_SITE = 27
WANTED = 0.85


@dataclass(frozen=True, slots=True)
class Ingested:
    """One ingestion: what it stored, and what it cost. Seconds; `workers` are forker and workers."""

    pages: int
    articles: int
    wall: float
    main: float
    workers: float


def figures(chosen: Sequence[Page]) -> Iterator[Figure]:
    """The same pages from records with plain bodies, as most crawlers write them, and with compressed ones."""
    for zipped in (False, True):
        yield from _figures(chosen, zipped=zipped)


def _figures(chosen: Sequence[Page], *, zipped: bool) -> Iterator[Figure]:
    """Articles a CPU second, of ingestion and of bare trafilatura."""
    before = bare_extraction(chosen)
    few, many = (_ingest(chosen, copies, zipped=zipped) for copies in (FEW, MANY))
    bare = (before + bare_extraction(chosen)) / 2
    more, stored = many.pages - few.pages, many.articles - few.articles
    main, workers = (many.main - few.main) / more, (many.workers - few.workers) / more
    kind = "bodies gzip" if zipped else "bodies plain"
    yield Figure(f"main process, {kind}", f"{main * 1e3:.2f} ms", note=f"{stored} articles of {more} pages")
    yield Figure("worker, extraction and all", f"{workers * 1e3:.2f} ms")
    yield Figure("bare trafilatura", f"{bare * 1e3:.2f} ms")
    share = stored / more * bare / (main + workers)
    yield Figure("articles a CPU second, bare trafilatura", f"{1 / bare:.1f}")
    yield Figure("articles a CPU second, ingest", f"{stored / more / (main + workers):.1f}")
    yield Figure("the one over the other", f"{share:.2f}", f">= {WANTED}", share >= WANTED)


def _ingest(chosen: Sequence[Page], copies: int, *, zipped: bool) -> Ingested:
    sites = pages.spread(chosen, PER_SITE, 80, copies)
    with tempfile.TemporaryDirectory(prefix="newswarc-bench-") as scratch:
        file, folder = Path(scratch) / "other.warc.gz", Path(scratch) / "collection"
        count = write(file, sites, zipped=zipped)
        subprocess.run([*COMMAND, "--quiet", "init", str(folder), "--name", "bench"], check=True)
        (folder / "newswarc.toml").write_text('[collection]\nname = "bench"\n[crawl]\nworkers = 1\n', encoding="utf-8")
        started = time.monotonic()
        with on_cores(sorted(os.sched_getaffinity(0))[:TWO_CORES]):
            process = subprocess.Popen([*COMMAND, "ingest", "--quiet", str(file), "--collection", str(folder)])
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall = time.monotonic() - started
        cpu = cpu_of(process.pid)
        if process.wait() != 0:
            raise SystemExit(f"newswarc ingest ended with {process.returncode}")
        return Ingested(count, articles_in(folder), wall, cpu.own, cpu.children)


def write(file: Path, sites: Sequence[Site], *, zipped: bool) -> int:
    """A WARC file of all pages, one gzip member a record; how many pages that are."""
    count = 0
    with file.open("wb") as out:
        for site in sites:
            for page in site.pages.values():
                date = f"2026-03-01T{count // 3600:02d}:{count // 60 % 60:02d}:{count % 60:02d}Z"
                out.write(gzip.compress(_record(f"http://{site.address}{page.path}", date, page.html, zipped=zipped), 6, mtime=0))
                count += 1
    return count


def _record(uri: str, date: str, html: bytes, *, zipped: bool) -> bytes:
    body = gzip.compress(html, 6, mtime=0) if zipped else html
    coding = "Content-Encoding: gzip\r\n" if zipped else ""
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{coding}Content-Length: {len(body)}\r\n\r\n".encode() + body
    fields = (
        "WARC/1.0",
        "WARC-Type: response",
        f"WARC-Record-ID: <urn:uuid:{uuid4()}>",
        f"WARC-Date: {date}",
        f"WARC-Target-URI: {uri}",
        "Content-Type: application/http; msgtype=response",
        f"Content-Length: {len(block)}",
    )
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"
