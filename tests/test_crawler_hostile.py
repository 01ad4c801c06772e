"""One crawl of the worst of the web, by the real command, and what must be true of it afterwards."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.desk import COMMAND, Desk
from tests.hostile.clean import DIRT, LONGEST
from tests.hostile.stage import NETWORK, Paper, Stage, flooded_stage, whole_stage
from tests.hostile.watch import Watch
from tests.runner import environment

pytestmark = pytest.mark.timeout(500)

MEGABYTE = 1 << 20
MAIN_BYTES, WORKER_BYTES = 512 * MEGABYTE, 768 * MEGABYTE
BUDGET = 300  # seconds for all of it, on two slow cores; alone it takes about a third of it
TIMEOUT = 12
CAPTURE_BYTES = 10_000_000
FLOOD_SECONDS = 15
GRACE = 3 * TIMEOUT + 15  # a robots.txt, a page and a retry in hand, and the closing of the run

SETTINGS = f"""
[collection]
name = "hostile"
contact = "desk@newswarc.test"

[crawl]
delay = 0
timeout = {TIMEOUT}
concurrency = 64
max_page_bytes = 8000000
max_capture_bytes = {CAPTURE_BYTES}
allow_private_networks = ["{NETWORK}.0/24"]
"""


@dataclass(frozen=True)
class Crawled:
    """A stage after its crawl."""

    desk: Desk
    stage: Stage
    exit_code: int
    seconds: float
    log: str
    main_bytes: int
    worker_bytes: int

    def states(self) -> dict[str, str]:
        """`state:reason` of each URL."""
        rows = self.desk.rows("SELECT url, state, reason FROM v_urls")
        return {url: f"{state}:{reason or ''}" for url, state, reason in rows}

    def articles(self) -> list[dict[str, Any]]:
        """All rows of v_articles."""
        names = [name for _, name, *_ in self.desk.rows("PRAGMA table_info(v_articles)")]
        return [dict(zip(names, row, strict=True)) for row in self.desk.rows("SELECT * FROM v_articles")]


def crawl(folder: Path, stage: Stage, *options: str) -> Crawled:
    """Crawl a stage with the real command, watched."""
    (folder / "warc").mkdir(parents=True)
    (folder / "newswarc.toml").write_text(SETTINGS + stage.sources())
    started = time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*COMMAND, "crawl", "-v", *options], cwd=folder, env=environment(), stderr=log)
        watch = Watch(process.pid)
        try:
            code = process.wait(BUDGET + 60)
        finally:
            process.kill()
            process.wait()
            watch.stop()
    seconds = time.monotonic() - started
    log_text = (folder / "log").read_bytes().decode("utf-8", "surrogateescape")
    return Crawled(Desk(folder), stage, code, seconds, log_text, watch.main, watch.largest_worker)


def staged(make: Callable[[], Stage], folder: Path, *options: str) -> Iterator[Crawled]:
    """A stage, crawled once for all tests of a module."""
    stage = make()
    try:
        done = crawl(folder, stage, *options)
        print(f"{sum(1 for _ in stage.faults)} faults, {done.seconds:.0f} s, main {done.main_bytes // MEGABYTE} MB, "
              f"worker {done.worker_bytes // MEGABYTE} MB")  # fmt: skip
        yield done
    finally:
        stage.stop()


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """The whole catalogue, after one crawl."""
    yield from staged(whole_stage, tmp_path_factory.mktemp("hostile") / "news", "--max-runtime", str(BUDGET))


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """Papers without end, after one crawl that was given some seconds."""
    folder = tmp_path_factory.mktemp("flood") / "news"
    yield from staged(flooded_stage, folder, "--max-runtime", str(FLOOD_SECONDS))


def missing(crawled: Crawled) -> list[str]:
    """Healthy articles that are not stored."""
    states = crawled.states()
    urls = [
        f"{paper.server.url}{story.path}" for paper in crawled.stage.papers if paper.healthy for story in paper.stories
    ]
    return [f"{url} is {states.get(url)}" for url in urls if states.get(url) != "stored:"]


def test_the_catalogue_is_large_enough(crawled: Crawled) -> None:
    """At least 60 faults of pages, feeds and sitemaps, and those of robots.txt beside them."""
    kinds = {kind: sum(fault.kind == kind for _, fault in crawled.stage.faults) for kind in ("page", "feed", "sitemap")}
    assert all(count >= 20 for count in kinds.values()), kinds
    assert len({fault.name for _, fault in crawled.stage.faults}) > 200


def test_the_run_ends_by_itself(crawled: Crawled) -> None:
    """Nobody stopped it, some sources failed (exit code 4), and nothing waits but for hosts that asked for patience."""
    assert crawled.exit_code == 4
    assert crawled.seconds < BUDGET
    slow = tuple(f"{paper.server.url}/" for paper in crawled.stage.papers if not paper.healthy)
    waiting = [url for url, state in crawled.states().items() if state.startswith("pending")]
    assert [url for url in waiting if not url.startswith(slow)] == []


def test_every_healthy_article_is_stored(crawled: Crawled) -> None:
    """Faults beside it, before it and after it, on its own host and on others, cost no story."""
    assert missing(crawled) == []


def test_every_fault_ends_as_it_should(crawled: Crawled) -> None:
    """State and reason of each faulty URL, and the mark of what was cut."""
    states = crawled.states()
    cuts = dict(crawled.desk.rows("SELECT url, coalesce(truncated, '') FROM v_captures ORDER BY fetched_at"))
    wrong = [
        f"{fault.kind} {fault.name}: {states.get(url)} {cuts.get(url)!r}, not {fault.ends} {fault.cut!r}"
        for url, fault in crawled.stage.faults
        if (fault.listed or url in states)
        and not (re.match(fault.ends, states.get(url, "")) and re.fullmatch(fault.cut or ".*", cuts.get(url, "")))
    ]
    assert wrong == []


def test_every_robots_fault_ends_as_it_should(crawled: Crawled) -> None:
    """What cannot be read closes the site for now, and its home page says why; what is nonsense closes nothing."""
    states = crawled.states()

    def home(paper: Paper) -> str:
        return states.get(f"{paper.server.url}/", "")

    wrong = [f"{paper.name}: {home(paper)}" for paper in crawled.stage.papers if not re.match(paper.home, home(paper))]
    assert wrong == []


def test_nothing_but_stories_is_stored(crawled: Crawled) -> None:
    """Each stored article is a healthy story, or a fault that holds a real one."""
    stories = {f"{paper.server.url}{story.path}" for paper in crawled.stage.papers for story in paper.stories}
    stories |= {url for url, fault in crawled.stage.faults if re.match(fault.ends, "stored:")}
    bases = {f"{paper.server.url}/news/2026/11/20/fifty-addresses-of-one-story" for paper in crawled.stage.papers}
    urls = {article["url"] for article in crawled.articles()}
    assert [url for url in urls - stories if url.partition("?")[0] not in bases] == []


def test_memory_stays_within_its_bounds(crawled: Crawled) -> None:
    """The main process needs at most 512 MB, and each worker 768."""
    assert crawled.main_bytes <= MAIN_BYTES, crawled.main_bytes // MEGABYTE
    assert crawled.worker_bytes <= WORKER_BYTES, crawled.worker_bytes // MEGABYTE


def test_nobody_private_is_ever_contacted(crawled: Crawled) -> None:
    """Not by a link, a redirect, a robots.txt, an entity, a feed or a sitemap, in any of thirty spellings."""
    assert [(server.host, server.accepted, server.asked) for server in crawled.stage.private if server.accepted] == []


def test_fields_are_clean(crawled: Crawled) -> None:
    """No control characters, escapes, overrides or hidden text in any field, none beyond its length."""
    dirty, long = [], []
    for article in crawled.articles():
        for name, value in article.items():
            text = value if isinstance(value, str) else ""
            whole = "".join(json.loads(text)) if name in {"authors", "organizations", "tags"} and text else text
            if (
                found := DIRT.search(whole.replace("\n", "") if name == "text" else whole)
            ) is not None or "[31m" in whole:
                dirty.append(f"{article['url']} {name}: {found and ascii(found[0])}")
            if len(text) > LONGEST.get(name, 300):
                long.append(f"{article['url']} {name}: {len(text)}")
    assert (dirty, long) == ([], [])


def test_authors_are_people_and_few(crawled: Crawled) -> None:
    """Two hundred thousand authors are cut to a list that a person could have made; tags too."""
    rows = crawled.desk.rows("SELECT json_array_length(authors), json_array_length(tags) FROM v_articles")
    assert max(authors for authors, _ in rows) <= 100
    assert max(tags for _, tags in rows) <= 100


def test_reasons_are_one_clean_line(crawled: Crawled) -> None:
    """What a server sent is quoted in a reason without its control characters, and cut."""
    reasons = [reason for (reason,) in crawled.desk.rows("SELECT reason FROM v_urls WHERE reason IS NOT NULL")]
    assert [ascii(reason) for reason in reasons if DIRT.search(reason) or "\n" in reason or len(reason) > 300] == []


def test_no_log_line_is_forged(crawled: Crawled) -> None:
    """A server cannot write a line of the log, move the cursor in it, or bring a traceback into it."""
    lines = crawled.log.split("\n")
    assert [
        ascii(line) for line in lines if line.startswith("2001-01-01") or DIRT.search(line.replace("\t", " "))
    ] == []
    assert "Traceback" not in crawled.log
    assert "Unhandled" not in crawled.log


def test_a_smuggled_answer_is_nobodys(crawled: Crawled) -> None:
    """What follows an answer on its connection becomes no part of any article."""
    assert (
        crawled.desk.one("SELECT count(*) FROM v_articles WHERE text LIKE '%Smuggled%' OR title LIKE '%Smuggled%'") == 0
    )


def test_no_capture_is_longer_than_its_limit(crawled: Crawled) -> None:
    """Floods are cut at max_capture_bytes, and say so."""
    longest = crawled.desk.one("SELECT max(warc_length) FROM v_captures")
    assert longest <= CAPTURE_BYTES + MEGABYTE
    assert crawled.desk.one("SELECT count(*) FROM v_captures WHERE truncated = 'length'") >= 8


def test_the_archive_is_valid(crawled: Crawled) -> None:
    """`gzip -t`, `warcio check` and `newswarc verify` find nothing."""
    files = sorted((crawled.desk.folder / "warc").glob("*.warc.gz"))
    assert files
    assert not list((crawled.desk.folder / "warc").glob("*.open"))
    # warcio 1.8 cannot open a brotli body where the brotli package is installed; without it, it leaves them alone.
    check = "import sys; sys.modules['brotli'] = None; from warcio.cli import main; main(['check', *sys.argv[1:]])"
    for command in (["gzip", "-t"], [sys.executable, "-c", check]):
        done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    crawled.desk.run("verify")


def test_no_record_is_forged(crawled: Crawled) -> None:
    """Header bytes that look like a WARC record make none: every target is a URL that was asked for."""
    lines = [line for path in (crawled.desk.folder / "warc").glob("*.cdxj") for line in path.read_text().splitlines()]
    assert [line for line in lines if "/forged" in line] == []


def test_a_spreadsheet_runs_nothing(crawled: Crawled) -> None:
    """No cell of a CSV export begins as a formula does."""
    usual = csv.field_size_limit(10 * MEGABYTE)
    try:
        rows = list(csv.reader(io.StringIO(crawled.desk.run("export", "--format", "csv").stdout)))
    finally:
        csv.field_size_limit(usual)
    assert [cell[:40] for row in rows for cell in row if cell[:1] in set("=+-@\t\r")] == []


def test_status_and_export_of_it_work(crawled: Crawled) -> None:
    """The other commands read what is left, as JSON that is JSON."""
    json.loads(crawled.desk.run("status", "--json").stdout)
    lines = crawled.desk.run("export").stdout.splitlines()
    assert (
        len(lines) == len([json.loads(line) for line in lines]) == crawled.desk.one("SELECT count(*) FROM v_articles")
    )


def test_redirects_of_pages_asked_for_by_name_stay_outside(crawled: Crawled) -> None:
    """`fetch` follows a redirect to any site, but to no private address."""
    urls = [url for url, fault in crawled.stage.faults if fault.name.startswith("private-") and ".11:" in url]
    crawled.desk.run("fetch", "-q", "-", code=None, stdin="\n".join(urls))
    assert [server.host for server in crawled.stage.private if server.accepted] == []


def test_endless_papers_end_with_the_budget(flooded: Crawled) -> None:
    """An index of indexes, ten million stories and a calendar without end: the run stops in time."""
    assert flooded.seconds < FLOOD_SECONDS + GRACE
    assert (flooded.main_bytes <= MAIN_BYTES, flooded.worker_bytes <= WORKER_BYTES) == (True, True)
    assert "Traceback" not in flooded.log


def test_endless_papers_do_not_starve_the_healthy_stories(flooded: Crawled) -> None:
    """What is fresh comes before ten million stories of an archive."""
    assert missing(flooded) == []
    flooded.desk.run("verify")
