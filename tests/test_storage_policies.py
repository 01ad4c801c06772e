"""Which tdmrep.json holds for a URL at a moment, and when one is asked for again, from captures alone."""

from __future__ import annotations

from sqlalchemy import Engine

from storage.archive.policies import is_wanted, tdmrep_at
from storage.database.engine import transaction
from storage.times import later
from tests.databases import T0, a_capture

ORIGIN = "https://gazette.test"
FILE = f"{ORIGIN}/.well-known/tdmrep.json"
STORY = f"{ORIGIN}/news/a"


def test_the_newest_file_before_a_moment_holds_but_for_errors_of_the_server(database: Engine) -> None:
    """What came later, of another origin or with 5xx says nothing; a 404 ends it; a revisit says what its original says."""
    with transaction(database) as conn:
        assert tdmrep_at(conn, STORY, T0) is None
        a_capture(conn, FILE, at=later(T0, 10), signals="first", warc_record_id="urn:first")
        a_capture(conn, FILE, at=later(T0, 20), signals="second")
        a_capture(conn, FILE, at=later(T0, 30), http_status=503, signals="error")
        a_capture(conn, FILE, at=later(T0, 40), http_status=None)
        a_capture(conn, FILE, at=later(T0, 50), signals="header", revisit_of="urn:first")
        a_capture(conn, FILE, at=later(T0, 60), http_status=404)
        a_capture(conn, "https://other.test/.well-known/tdmrep.json", at=later(T0, 70), signals="other")
        said = [tdmrep_at(conn, STORY, later(T0, seconds)) for seconds in (5, 10, 25, 35, 45, 55, 65, 75)]
    assert said == [None, "first", "second", "second", "second", "first", None, None]


def test_a_file_is_asked_for_of_origins_that_are_known_and_not_lately(database: Engine) -> None:
    """Not in the run that met the origin, not twice in a run however old, not within the time for which it is believed."""
    with transaction(database) as conn:
        a_capture(conn, f"{ORIGIN}/robots.txt", run_id="run-1")
        wanted = [is_wanted(conn, ORIGIN, run, T0) for run in ("run-1", "run-2")]
        assert wanted == [False, True]
        a_capture(conn, FILE, at=T0, run_id="run-2")
        assert not is_wanted(conn, ORIGIN, "run-3", T0)
        assert is_wanted(conn, ORIGIN, "run-3", later(T0, 1))
        assert not is_wanted(conn, ORIGIN, "run-2", later(T0, 1))
