"""The ledger: what a run considered is what it accounts for, and says so when it is not."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from storage.database.engine import Connection, reading, transaction
from storage.runs import balance
from storage.runs.balance import Reach
from storage.times import later
from tests.databases import T0, a_capture, a_run, a_source, a_url, an_outcome

RUN = "run-1"
SITE = "https://gazette.test"


@pytest.fixture
def conn(database: Engine):
    """A transaction with a source and a run, and the run before it."""
    with transaction(database) as connection:
        a_source(connection)
        a_run(connection, "run-0", started_at=later(T0, -3600))
        a_run(connection, RUN, started_at=T0)
        yield connection


def known(conn: Connection, path: str, **more: object) -> str:
    """A URL that was found before the run."""
    a_url(conn, SITE + path, **{"discovered_at": later(T0, -3600), "considered_run": RUN} | more)
    return SITE + path


def test_what_was_considered_is_told_by_how_it_came_to_be(conn: Connection) -> None:
    """New, due again and carried over add up to the outcomes and to what is left."""
    an_outcome(conn, known(conn, "/due"), "failed", run_id="run-0")
    an_outcome(conn, SITE + "/due", "added")
    an_outcome(conn, known(conn, "/carried"), "rejected")
    known(conn, "/new", discovered_at=later(T0, 5), next_fetch_at=T0)
    told = balance.ledger(conn, RUN)
    assert told.considered == {"new": 1, "due": 1, "carried": 1}
    assert (told.articles, told.pending, told.faults) == ({"added": 1, "rejected": 1}, 1, ())


def test_what_was_due_and_not_reached_is_pending(conn: Connection) -> None:
    """A URL that no run took up is pending as long as its source takes part; a requisite, as long as it is wanted."""
    source = a_source(conn, "other")
    for path, kind in (("/a", "article"), ("/b.png", "requisite"), ("/feed", "feed")):
        known(conn, path, kind=kind, considered_run=None, next_fetch_at=T0)
    mine = conn.execute(text("SELECT id FROM sources WHERE name = 'gazette'")).scalar_one()
    assert balance.ledger(conn, RUN, Reach(T0, T0, [source], [source])).pending == 0
    told = balance.ledger(conn, RUN, Reach(T0, T0, [mine], []))
    assert (told.pending, told.others) == (1, {"feed/pending": 1})
    assert balance.ledger(conn, RUN, Reach(T0, T0, [mine], [mine])).others == {"feed/pending": 1, "requisite/pending": 1}


def test_two_outcomes_of_one_url_are_a_fault(conn: Connection) -> None:
    """A URL is accounted for once."""
    url = known(conn, "/a")
    an_outcome(conn, url, "added")
    an_outcome(conn, url, "unchanged")
    assert balance.ledger(conn, RUN).faults == (f"1 article URLs have more than one outcome in run {RUN}",)


def test_a_url_that_vanished_is_a_fault(conn: Connection) -> None:
    """What was considered has an outcome, or is still to be fetched."""
    known(conn, "/a", next_fetch_at=None)
    [fault] = balance.ledger(conn, RUN).faults
    assert "1 article URLs were considered by run run-1 and have neither" in fault


def test_states_that_are_none_are_a_fault(conn: Connection) -> None:
    """The states of all URLs are states, and add up to the URLs known."""
    known(conn, "/a", state="pending")
    counted = balance.states(conn)
    assert (counted, balance.faults_of_states(conn, counted)) == ({"pending": 1}, [])
    assert balance.faults_of_states(conn, {}) == ["the states add up to 0 URLs, and 1 are known"]
    known(conn, "/b", state="lost")
    assert balance.faults_of_states(conn, balance.states(conn)) == ["1 URLs are in the state 'lost', which is none"]


@pytest.mark.parametrize("state", ["stored", "rejected", "seed", "odd"])
def test_a_row_that_contradicts_its_state_is_found(conn: Connection, state: str) -> None:
    """A stored URL has an article, a rejected one a reason, a seed a next visit."""
    known(conn, "/a", state=state)
    assert [stray[:2] for stray in balance.strays(conn)] == [(SITE + "/a", state)]


def test_an_idle_run_costs_nothing_and_has_no_states(database: Engine) -> None:
    """A run that considered nothing has an empty account."""
    with transaction(database) as conn:
        a_run(conn, RUN)
    with reading(database) as conn:
        told = balance.ledger(conn, RUN, Reach(T0, T0, [], []))
    assert (told.articles, told.others, told.pending, told.considered) == ({}, {}, 0, {})


def test_of_what_lost_runs_had_fetched_the_last_outcome_counts(conn: Connection) -> None:
    """A run that settles several captures of one URL, which it found in the archive, has considered one URL."""
    url = known(conn, "/a")
    for number, verdict in enumerate(("added", "changed")):
        capture = a_capture(conn, url, at=later(T0, number), run_id="run-0")
        an_outcome(conn, url, verdict, capture_id=capture)
    told = balance.ledger(conn, RUN)
    assert (told.articles, sum(told.considered.values()), told.faults) == ({"changed": 1}, 1, ())
