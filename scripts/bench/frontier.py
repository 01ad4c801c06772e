"""What the frontier costs a page, with few and with many URLs known."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text

from scripts.bench.figures import Figure
from storage.database.engine import Connection, Engine, open_database, transaction
from storage.frontier import leases
from storage.frontier import urls as frontier
from storage.frontier.leases import Want
from storage.frontier.urls import Origin, Settlement
from storage.records import Kind, Lease, Link, Outcome, State, Verdict
from storage.runs import rows as runs
from storage.times import later, now

FEW, MANY = 10_000, 3_000_000
HOSTS = 500
DUE_SHARE = 40  # one of so many known URLs waits to be fetched
LINKS, NEW = 30, 3  # on a page, and of them never seen before
BATCH = 25  # pages a transaction, as the scribe gathers them under load
LEASES = 128  # a claim
GOAL = 1.2
_FIRST = 10_000_000  # the number of the first URL, so that all have as many digits
_RUN = "20260301T120000Z-bench0"
_PAST = "2026-02-01T00:00:00.000Z"


@dataclass(slots=True)
class Cost:
    """Seconds, summed up: claiming, and discovering and settling."""

    pages: int = 0
    claim: float = 0.0
    rest: float = 0.0
    wall: float = 0.0

    @property
    def cpu(self) -> float:
        """CPU seconds a page."""
        return (self.claim + self.rest) / self.pages


def figures(pages: int, few: int = FEW, many: int = MANY) -> Iterator[Figure]:
    """The figure for SQLite, and for PostgreSQL where NEWSWARC_TEST_POSTGRES names a server."""
    with tempfile.TemporaryDirectory(prefix="newswarc-bench-") as scratch:
        urls = [f"sqlite:///{Path(scratch) / name}.db" for name in ("few", "many")]
        yield from _compared("SQLite", urls, pages, few, many)
    if server := os.environ.get("NEWSWARC_TEST_POSTGRES"):
        with _schema(server) as first, _schema(server) as second:
            yield from _compared("PostgreSQL", [first, second], pages, few, many)


def _compared(database: str, urls: Sequence[str], pages: int, few: int, many: int) -> Iterator[Figure]:
    fronts = [_Front(url, known) for url, known in zip(urls, (few, many), strict=True)]
    while min(front.cost.pages for front in fronts) < pages:
        for front in fronts:  # in turns, so that whatever else the machine does strikes both
            front.claim_and_settle(LEASES)
    small, large = (front.cost for front in fronts)
    for known, cost in ((few, small), (many, large)):
        yield Figure(
            f"{database}: a page with {known:,} known URLs",
            f"{cost.cpu * 1e3:.2f} ms CPU, {cost.wall / cost.pages * 1e3:.2f} ms wall",
            note=f"claim {cost.claim / cost.pages * 1e3:.2f} ms, {LINKS} links ({NEW} new) and settling"
            f" {cost.rest / cost.pages * 1e3:.2f} ms CPU; {cost.pages} pages",
        )
    ratio, of_wall = large.cpu / small.cpu, (large.wall / large.pages) / (small.wall / small.pages)
    yield Figure(f"{database}: CPU a page, many over few", f"{ratio:.2f} x", f"<= {GOAL} x", ratio <= GOAL)
    yield Figure(f"{database}: wall time a page, many over few", f"{of_wall:.2f} x", f"<= {GOAL} x", of_wall <= GOAL)
    for front in fronts:
        front.close()


class _Front:
    """A frontier of some size, and what pages have cost in it so far."""

    def __init__(self, url: str, known: int) -> None:
        self.cost = Cost()
        self._known = known
        self._new = _FIRST + known
        self._seen = 0
        self._engine: Engine = open_database(url)
        with transaction(self._engine) as conn:
            self._sources = _fill(conn, known)
        with transaction(self._engine) as conn:
            _count_rows(conn)
        self.claim_and_settle(LEASES)  # caches are warm from here on
        self.cost = Cost()

    def claim_and_settle(self, limit: int) -> None:
        """Claim as many leases, and do for each what its page asks for."""
        gc.collect()
        started, cpu = time.monotonic(), time.process_time()
        moment = now()
        want = Want(
            _RUN, moment, later(moment, 3600), limit=limit, source_ids=self._sources, since=moment, spider="news"
        )
        with transaction(self._engine) as conn:
            taken = leases.claim(conn, want)
        self.cost.claim += (claimed := time.process_time()) - cpu
        for start in range(0, len(taken), BATCH):
            with transaction(self._engine) as conn:
                for lease in taken[start : start + BATCH]:
                    self._settle(conn, lease, moment)
        self.cost.rest += time.process_time() - claimed
        self.cost.wall += time.monotonic() - started
        self.cost.pages += len(taken)

    def _settle(self, conn: Connection, lease: Lease, moment: str) -> None:
        with conn.begin_nested():
            origin = Origin(self._source_of(lease), _RUN, moment, via=lease.url, hops=1)
            frontier.discover(conn, self._links(lease.host), origin)
            frontier.settle(conn, lease.url_id, Settlement(State.REJECTED, "section", None, 0), moment)
            frontier.account(conn, _RUN, lease, Outcome(Verdict.REJECTED, "section"), None, moment)

    def _source_of(self, lease: Lease) -> int:
        return self._sources[int(lease.source.removeprefix("s"))]

    def _links(self, host: str) -> list[Link]:
        """What a page of a host links to: mostly its newest stories, some from all of its past, some never seen."""
        place = int(host.removeprefix("www.paper").partition(".")[0])
        mine = self._known // HOSTS
        newest = [mine - 1 - number for number in range(min(LINKS - NEW - 7, mine))]
        old = [(self._seen * 7919 + number * 104_729) % mine for number in range(7)]
        self._seen += 1
        numbers = [_FIRST + nth * HOSTS + place for nth in newest + old]
        numbers += [self._new + number for number in range(NEW)]
        self._new += NEW
        return [Link(_url(place, number), Kind.ARTICLE) for number in dict.fromkeys(numbers)]

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


def _url(place: int, number: int) -> str:
    return f"https://www.paper{place}.test/news/2026/a-story-that-has-the-number-{number}.html"


# The known URLs by one statement, for a row a number; the host of a number is its remainder.
_FILL = """
INSERT INTO urls (key, url, host, source_id, kind, state, priority, hops, discovered_at, discovered_from, attempts,
                  next_fetch_at, last_fetch_at, reason)
SELECT key, 'https://' || key, host, source, 'article', state, 1, 2, :past, 'https://' || host || '/feed.xml', 0,
       CASE WHEN state = 'pending' THEN :past END, CASE WHEN state = 'pending' THEN NULL ELSE :past END,
       CASE WHEN state = 'rejected' THEN 'section' END
FROM (SELECT 'www.paper' || (n % :hosts) || '.test/news/2026/a-story-that-has-the-number-' || (:first + n) || '.html' AS key,
             'www.paper' || (n % :hosts) || '.test' AS host, :source + (n % :hosts) AS source,
             CASE WHEN (n / :hosts) % :due = 0 THEN 'pending' WHEN (n / :hosts) % 5 = 1 THEN 'rejected' ELSE 'stored' END AS state
      FROM (WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :known)
            SELECT n FROM numbers) AS counted) AS made
"""
_ALIASES = "INSERT INTO aliases (key, article_id) SELECT key, :article FROM urls WHERE state = 'stored'"


def _fill(conn: Connection, known: int) -> list[int]:
    """Hosts, a source each, and `known` URLs, the newest last; their aliases too. Returns the ids of the sources."""
    runs.begin(conn, _RUN, "0.1.0", now())
    sources = [
        frontier.source_id(conn, f"s{place}", f"https://www.paper{place}.test/", now()) for place in range(HOSTS)
    ]
    numbers = {"past": _PAST, "hosts": HOSTS, "first": _FIRST, "source": sources[0], "due": DUE_SHARE, "known": known}
    conn.execute(text(_FILL), numbers)
    article = """INSERT INTO articles (uid, source_id, url, first_seen_at, last_seen_at, version, changed_seq)
                 VALUES ('a', :source, 'https://www.paper0.test/', :past, :past, 1, 1) RETURNING id"""
    article_id = conn.execute(text(article), {"source": sources[0], "past": _PAST}).scalar_one()
    conn.execute(text(_ALIASES), {"article": article_id})
    return sources


def _count_rows(conn: Connection) -> None:
    if conn.dialect.name == "postgresql":  # what its autovacuum does soon after
        conn.execute(text("ANALYZE"))


@contextmanager
def _schema(server: str) -> Iterator[str]:
    """The URL of an empty schema on a PostgreSQL server."""
    url = make_url(server).set(drivername="postgresql+psycopg")
    name = f"bench_{uuid4().hex[:12]}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE SCHEMA {name}"))
    try:
        own = url.update_query_dict({"options": f"-c search_path={name}"}).set(drivername="postgresql")
        yield own.render_as_string(hide_password=False)
    finally:
        with admin.connect() as conn:
            conn.execute(text(f"DROP SCHEMA {name} CASCADE"))
        admin.dispose()
