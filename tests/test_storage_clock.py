"""A clock that was set back: what waits for a time to come is due, once told."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, insert, select

from storage.database.engine import transaction
from storage.database.schema import hosts, urls
from storage.frontier import clock
from storage.times import later
from tests.databases import a_run, a_url

NOW = "2026-03-01T12:00:00.000Z"
YEARS = "2031-03-01T12:00:00.000Z"
SOON = later(NOW, 600)
BEFORE = later(NOW, -600)


def row(conn: Connection, url_id: int) -> tuple[str | None, str | None]:
    """When a URL is due, and when it was fetched."""
    found = conn.execute(select(urls.c.next_fetch_at, urls.c.last_fetch_at).where(urls.c.id == url_id)).one()
    return found.next_fetch_at, found.last_fetch_at


def test_what_was_fetched_or_found_in_the_time_to_come_is_due_now(database: Engine) -> None:
    """And counts as fetched before now, so that this run may take it; what was planned in the past keeps its plan."""
    with transaction(database) as conn:
        a_run(conn, "run-9", started_at=YEARS, ended_at=YEARS)
        fetched = a_url(conn, "https://gazette.test/a", next_fetch_at=later(YEARS, 900), last_fetch_at=YEARS)
        found = a_url(conn, "https://gazette.test/b", next_fetch_at=YEARS)
        planned = a_url(conn, "https://gazette.test/c", next_fetch_at=SOON, last_fetch_at=BEFORE)
        stored = a_url(conn, "https://gazette.test/d", last_fetch_at=YEARS)
        assert clock.settle(conn, NOW) is not None
        assert row(conn, fetched) == (NOW, later(NOW, -1))
        assert row(conn, found) == (NOW, None)
        assert row(conn, planned) == (SOON, BEFORE)
        assert row(conn, stored) == (None, later(NOW, -1))


def test_no_host_is_left_alone_for_years(database: Engine) -> None:
    """A block beyond the longest that a host may ask for is lifted; others stay."""
    with transaction(database) as conn:
        a_run(conn, "run-9", started_at=YEARS)
        conn.execute(insert(hosts), [{"host": "a.test", "blocked_until": YEARS}, {"host": "b.test", "blocked_until": SOON}])
        clock.settle(conn, NOW)
        assert dict(conn.execute(select(hosts.c.host, hosts.c.blocked_until)).all()) == {"a.test": None, "b.test": SOON}


def test_it_is_told_once_for_each_time(database: Engine) -> None:
    """The run of the time to come stays in the books for years; nobody wants to hear of it every time."""
    with transaction(database) as conn:
        a_run(conn, "run-8", started_at=BEFORE, ended_at=YEARS)
        assert clock.settle(conn, NOW) is not None
        assert clock.settle(conn, SOON) is None
        a_run(conn, "run-9", started_at=later(YEARS, 1))
        assert clock.settle(conn, SOON) is not None


@pytest.mark.parametrize("newest", [BEFORE, NOW, later(NOW, 60)])
def test_clocks_may_differ_a_little(database: Engine, newest: str) -> None:
    """Two machines on one collection are no clock set back; nothing is changed."""
    with transaction(database) as conn:
        a_run(conn, "run-9", started_at=newest)
        waiting = a_url(conn, "https://gazette.test/b", next_fetch_at=YEARS)
        assert clock.settle(conn, NOW) is None
        assert row(conn, waiting) == (YEARS, None)


def test_an_empty_collection_has_no_newest_run(database: Engine) -> None:
    """The first run has nothing to compare with."""
    with transaction(database) as conn:
        assert clock.settle(conn, NOW) is None


@pytest.mark.parametrize(("newest", "span"), [(later(NOW, 5400), "1.5 hours"), (YEARS, "1826 days")])
def test_the_line_says_how_far(database: Engine, newest: str, span: str) -> None:
    """In hours or days."""
    with transaction(database) as conn:
        a_run(conn, "run-9", started_at=newest)
        assert f"the clock is {span} behind the newest run ({newest})" in str(clock.settle(conn, NOW))
