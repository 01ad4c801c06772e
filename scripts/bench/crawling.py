"""A real `newswarc crawl` of served sites, measured from outside."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.pages import Site
from scripts.bench.processes import cpu_of, on_cores
from scripts.bench.serve import Served, Server

COMMAND = (sys.executable, "-m", "crawler.cli")
LONGEST = 3600  # seconds
TWO_CORES = 2


@dataclass(frozen=True, slots=True)
class Crawled:
    """One crawl: what it fetched, and what it cost. Seconds; `main` and `workers` are CPU time."""

    pages: int
    articles: int
    wall: float
    main: float  # the process of `newswarc crawl`: reactor, scribe and all
    workers: float  # forker and workers, imports included
    served: Served


def crawl(
    folder: Path, sites: Sequence[Site], server: Server, workers: int, watch: Callable[[int], None] | None = None
) -> Crawled:
    """Crawl the sites into a new collection; `watch` is called with the process's id until it ends."""
    make_collection(folder, sites, workers)
    before = server.served
    started = time.monotonic()
    with on_cores(sorted(os.sched_getaffinity(0))[:TWO_CORES]):
        process = subprocess.Popen([*COMMAND, "crawl", "--quiet", "--collection", str(folder)])
    _wait(process.pid, watch)
    wall = time.monotonic() - started
    cpu = cpu_of(process.pid)  # of a process that has ended, its children included; gone once it is waited for
    if process.wait() != 0:
        raise SystemExit(f"newswarc crawl ended with {process.returncode}")
    after = server.served
    served = Served(
        after.pages - before.pages,
        after.requests - before.requests,
        after.sent - before.sent,
        after.cpu_seconds - before.cpu_seconds,
    )
    return Crawled(served.pages, articles_in(folder), wall, cpu.own, cpu.children, served)


def make_collection(folder: Path, sites: Sequence[Site], workers: int) -> None:
    """A collection with one source a site, no delay, and loopback allowed."""
    subprocess.run([*COMMAND, "--quiet", "init", str(folder), "--name", "bench"], check=True)
    settings = ["[collection]", 'name = "bench"', 'contact = "https://bench.newswarc.org/"']
    settings += ["[crawl]", "delay = 0", f"workers = {workers}", 'allow_private_networks = ["127.0.0.0/8"]']
    for number, site in enumerate(sites):
        settings += ["[[source]]", f'name = "s{number}"', f"url = {json.dumps(site.root + '/')}"]
    (folder / "newswarc.toml").write_text("\n".join(settings) + "\n", encoding="utf-8")


def _wait(pid: int, watch: Callable[[int], None] | None) -> None:
    """Until a process has ended, without taking it out of the kernel's table."""
    if watch is None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        watch(pid)
        time.sleep(0.5)


def articles_in(folder: Path) -> int:
    """How many articles a collection has."""
    with closing(sqlite3.connect(f"file:{folder / 'news.db'}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM v_articles").fetchone()[0])
