import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from scripts.bench import pages, processes
from scripts.bench.cost import slope
from scripts.bench.crawling import Crawled, crawl
from scripts.bench.disk import sizes
from scripts.bench.memory import Sample, growth
from scripts.bench.serve import Served, free_port, serving


def crawled(count, main, wall):
    return Crawled(count, count, wall, main, 2 * main, Served(count, count, 1000 * count, main / 10))


def test_what_every_run_costs_is_no_cost_of_a_page():
    """The cost of a page is the difference of two crawls; start-up is what is left."""
    page = slope(crawled(100, main=1.5, wall=4.0), crawled(300, main=2.5, wall=8.0))
    assert (round(page.main, 6), round(page.wall, 6), round(page.start, 6), page.pages) == (0.005, 0.02, 1.0, 200)


def test_growth_is_the_slope_of_the_samples():
    """Memory that grows by 2 MB for 1,000 pages is told so, whatever it began with."""
    assert round(growth([Sample(count, 100 + count / 500, 0.0) for count in range(1000, 3000, 100)]), 6) == 2.0


def test_further_copies_of_pages_lie_on_sites_of_their_own():
    """Every copy of the pages is complete, and no two sites share an address."""
    chosen = pages.generated(7)
    sites = pages.spread(chosen, 3, port=8000, copies=2)
    assert [len(site.pages) for site in sites] == [3, 3, 1, 3, 3, 1]
    assert len({site.address for site in sites}) == 6


def test_generated_pages_differ_and_heavy_ones_are_as_large_as_real_ones():
    """No two pages are alike, and those that stand for a corpus have more than 100 KB."""
    assert len({page.html for page in pages.generated(20)}) == 20
    assert all(len(page.html) > 100_000 for page in pages.generated(3, heavy=True))


def test_the_server_counts_the_bytes_that_it_sends():
    """What is told of pages, requests and bytes is what a client got, compressed where it was asked to."""
    sites = pages.spread(pages.generated(2), 2, free_port())
    target = next(iter(sites[0].pages))
    with serving(sites) as server:
        with urlopen(Request(sites[0].root + target)) as answer:
            body, coding = answer.read(), answer.headers["Content-Encoding"]
        served = server.served
    assert coding == "gzip"
    assert (served.pages, served.requests) == (1, 1)
    assert len(body) < served.sent < len(body) + 500


def test_cpu_time_of_a_process_that_has_ended_is_still_known():
    """Its own and that of the children it waited for are told apart."""
    child = [sys.executable, "-c", "sum(range(6_000_000))"]
    code = f"import subprocess; subprocess.run({child!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    cpu = processes.cpu_of(process.pid)
    process.wait()
    assert cpu.children > cpu.own > 0


def test_a_crawl_of_the_benchmark_stores_every_page(tmp_path: Path):
    """The crawl that is measured is a whole one: each page is fetched once and becomes an article."""
    sites = pages.spread(pages.generated(12), 4, free_port())
    folder = tmp_path / "collection"
    with serving(sites) as server:
        done = crawl(folder, sites, server, workers=1)
    assert (done.pages, done.articles, done.served.requests) == (12, 12, 12 + 3 * 3)
    assert done.main > 0
    assert done.workers > 0
    assert all(sizes(folder).values())


def test_a_figure_can_be_asked_for_alone():
    """`python -m scripts.bench frontier` measures at the sizes it is given, and prints the goal beside the figure."""
    command = [sys.executable, "-m", "scripts.bench", "frontier", "--few", "500", "--many", "1000"]
    done = subprocess.run([*command, "--frontier-pages", "20"], capture_output=True, text=True, check=True)
    assert "SQLite: CPU a page, many over few" in done.stdout
    assert "<= 1.2 x" in done.stdout
    assert json.loads(done.stdout.split("claim ")[1].split(" ms")[0]) > 0


def test_the_archive_that_is_verified_is_a_whole_one():
    """`python -m scripts.bench verify` makes an archive without a fault, in several files, and prints both speeds."""
    command = [sys.executable, "-m", "scripts.bench", "verify", "--verify-mb", "1", "--pages", "20", "--corpus", ""]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "verify with 2 workers over warcio check" in done.stdout
    assert "1 MB in 4 files" in done.stdout or "1 MB in 5 files" in done.stdout
