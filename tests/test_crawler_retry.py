"""`retry`: what failed is due again, and nothing else is touched; rows in a run's hand least of all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from crawler import cli
from storage.database.engine import open_database, reading, transaction
from storage.database.schema import runs, urls
from tests.databases import a_source, a_url, an_outcome

pytestmark = pytest.mark.unbalanced("rows are made up here")

SITE = "https://gazette.test"
FUTURE = "2099-01-01T00:00:00.000Z"
SETTINGS = """\
[collection]
name = "desk"
[[source]]
name = "gazette"
url = "https://gazette.test/"
deny = ["/denied/"]
[[source]]
name = "post"
url = "https://post.test/"
"""


def rows_of(conn: Connection) -> None:
    """A row of each kind that matters."""
    a_source(conn, "post")
    failed = {"state": "failed", "attempts": 5, "next_fetch_at": None}
    a_url(conn, f"{SITE}/failed", **failed | {"reason": "http-500"})
    a_url(conn, f"{SITE}/later", **failed | {"reason": "timeout", "next_fetch_at": FUTURE, "attempts": 1})
    a_url(conn, f"{SITE}/in-hand", **failed | {"reason": "http-500", "lease_run": "R"})
    a_url(conn, "https://post.test/failed", source="post", **failed | {"reason": "http-503: bot-challenge"})
    a_url(conn, f"{SITE}/feed", kind="feed", state="seed", attempts=3, reason="dns", next_fetch_at=FUTURE, priority=0)
    a_url(conn, f"{SITE}/stored-once", state="stored", attempts=2, reason="http-403")
    a_url(conn, f"{SITE}/stored", state="stored", next_fetch_at=FUTURE)
    a_url(conn, f"{SITE}/wall", state="rejected", reason="consent-wall")
    a_url(conn, f"{SITE}/list", state="rejected", reason="section")
    a_url(conn, f"{SITE}/menu", state="filtered", reason="not-article-like: menu")
    a_url(conn, f"{SITE}/denied/story", state="filtered", reason="not-allowed")
    a_url(conn, "https://elsewhere.test/x", state="filtered", reason="offsite")
    a_url(conn, f"{SITE}/withdrawn", state="filtered", reason="withdrawn")


@pytest.fixture
def collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The database of a collection in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "newswarc.toml").write_text(SETTINGS)
    (tmp_path / "warc").mkdir()
    engine = open_database(f"sqlite:///{tmp_path / 'news.db'}")
    with transaction(engine) as conn:
        rows_of(conn)
    yield engine
    engine.dispose()


def retry(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What `retry --json` says."""
    assert cli.main(["retry", "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def due(engine: Engine) -> set[str]:
    """The paths of rows that are due now."""
    with reading(engine) as conn:
        rows = conn.execute(select(urls.c.url).where(urls.c.next_fetch_at.is_not(None), urls.c.next_fetch_at < FUTURE))
        return {url.removeprefix(SITE) for url in rows.scalars()}


FAILED = {"/failed", "/later", "/feed", "/stored-once"}


def test_all_that_failed_is_due_again(collection: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Failed pages, failing seeds, stored articles whose last fetches failed; with their attempts forgotten."""
    found = retry(capsys)
    assert due(collection) == {*FAILED, "https://post.test/failed"}
    assert found["due"] == 5
    assert found["reasons"]["failed: http-500"] == 1
    with reading(collection) as conn:
        rows = conn.execute(select(urls.c.state, urls.c.attempts).where(urls.c.next_fetch_at < FUTURE)).all()
    assert sorted(rows) == sorted([("pending", 0)] * 3 + [("seed", 0), ("stored", 0)])


def test_what_a_run_has_in_hand_is_left(collection: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Its lease, its attempts and its moment stay as they are."""
    retry(capsys, "--failed", "--rejected", "--filtered")
    with reading(collection) as conn:
        row = conn.execute(select(urls).where(urls.c.lease_run == "R")).one()
    assert (row.state, row.attempts, row.next_fetch_at) == ("failed", 5, None)


def test_a_source_a_url_and_a_reason_narrow_it(collection: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Each alone, and together."""
    assert retry(capsys, "post", "--dry-run")["due"] == 1
    assert retry(capsys, "gazette", "--reason", "http-", "--dry-run")["due"] == 2
    assert retry(capsys, "--reason", "http-5", "--dry-run")["due"] == 2
    assert retry(capsys, "--reason", "%", "--dry-run")["due"] == 0
    assert retry(capsys, f"{SITE}/later", f"{SITE}/stored", "--dry-run")["due"] == 1
    retry(capsys, "http://gazette.test/later?utm_source=x")
    assert due(collection) == {"/later"}


def test_rejected_and_filtered_ones_only_when_asked(collection: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """What the source's rules still refuse, and what is withdrawn, is never made due."""
    assert retry(capsys, "--rejected", "--reason", "consent")["due"] == 1
    assert due(collection) == {"/wall"}
    found = retry(capsys, "--filtered")
    assert due(collection) == {"/wall", "/menu"}
    assert found["left"] == {"denied": 1, "offsite": 1}


def test_what_was_refused_by_a_run_that_is_not_over_is_left(collection: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """That run would take it up, and account for it twice; once its account is written the page can be had."""
    with transaction(collection) as conn:
        an_outcome(conn, f"{SITE}/menu", "filtered", run_id="R")
    assert retry(capsys, "--filtered")["due"] == 0
    with transaction(collection) as conn:
        conn.execute(runs.update().values(archived_at=FUTURE))
    assert retry(capsys, "--filtered")["due"] == 1


def test_a_dry_run_changes_nothing(collection: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what would be due."""
    assert retry(capsys, "--dry-run", "--rejected", "--filtered")["due"] == 3
    assert due(collection) == set()


def test_it_is_told_to_a_person_by_reason(collection: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """How many in all, then a line for each state and reason."""
    assert cli.main(["retry", "post", "--dry-run"]) == 0
    assert capsys.readouterr().out == "1 URLs would be due again\n  1 failed: http-503: bot-challenge\n"


def test_nothing_that_matches_is_said(collection: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 0: nothing had to be done."""
    assert cli.main(["retry", "--reason", "moon-phase"]) == 0
    assert capsys.readouterr().out == "nothing matches: no URL is made due\n"


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("gazete", 'did you mean "gazette"?'),
        (f"{SITE}/unknown", "is not known in this collection; `newswarc fetch`"),
        ("http://:0/", "is no URL that can be fetched"),
    ],
)
def test_what_is_not_known_is_one_line(
    collection: Engine, capsys: pytest.CaptureFixture[str], target: str, line: str
) -> None:
    """Exit code 2, and no row is touched."""
    assert cli.main(["retry", target]) == 2
    assert line in capsys.readouterr().err
    assert due(collection) == set()
