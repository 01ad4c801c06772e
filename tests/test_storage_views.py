"""The views: their columns, their counts, the indexes they use, and the document made from them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, inspect, select, text, update

from storage.database import schema, views
from storage.database.dialects import of
from storage.database.engine import reading, transaction
from storage.records import State, Verdict
from tests.databases import T0, a_capture, a_run, a_source, a_url, a_version, an_article, an_outcome

ROOT = Path(__file__).parent.parent
A = "https://gazette.test/a"
LATER = "2026-03-02T12:00:00.000Z"

ARTICLE = (
    "uid source url canonical_url site_name title authors published_at modified_at published_local published_precision "
    "language section tags description image_url text word_count version first_seen_at last_seen_at gone_at "
    "http_status warc_file warc_offset warc_length warc_record_id payload_digest extractor changed_seq truncated"
)
MORE = "organizations modified_local modified_precision is_accessible_for_free page_type reservations"
SINCE = "redirected_at paywalled_at"
STABLE = {
    "v_articles": f"{ARTICLE} {MORE} {SINCE}",
    "v_versions": f"{ARTICLE} observed_at {MORE} words_added words_removed {SINCE}",
    "v_provenance": "uid version field source",
    "v_article_authors": "uid position author",
    "v_article_tags": "uid position tag",
    "v_captures": (
        "url fetched_at http_status kind mime record_type warc_file warc_offset warc_length warc_record_id "
        "payload_digest block_digest body_sha256 truncated revisit_of run_id reservations"
    ),
    "v_urls": "url source state reason discovered_at discovered_from next_fetch_at attempts",
    "v_runs": (
        "run_id started_at ended_at exit_code version considered new due carried_over stored added changed "
        "unchanged duplicate rejected "
        "filtered failed gone pending polled polls_failed kept"
    ),
}


def rows(conn: Connection, query: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    return [dict(row) for row in conn.execute(text(query), values).mappings()]


def one(conn: Connection, query: str, **values: Any) -> dict[str, Any]:
    """The only row of a query."""
    (row,) = rows(conn, query, **values)
    return row


def test_columns_are_the_promised_ones(database: Engine) -> None:
    """Names and order of columns are a contract."""
    found = {view.name: [column["name"] for column in inspect(database).get_columns(view.name)] for view in views.VIEWS}
    assert found == {name: columns.split() for name, columns in STABLE.items()}


def test_columns_have_the_documented_types(database: Engine) -> None:
    """PostgreSQL, which has types for views, agrees with the document."""
    if database.dialect.name != "postgresql":
        pytest.skip("SQLite has no types for the columns of views")
    for view in views.VIEWS:
        kinds = {column["name"]: str(column["type"]).lower() for column in inspect(database).get_columns(view.name)}
        found = {name: "text" if kind.startswith("text") else "integer" for name, kind in kinds.items()}
        assert set(kinds.values()) <= {"text", 'text collate "c"', "integer", "bigint"}
        assert found == {column.name: column.type for column in view.columns}


def test_postgresql_shows_the_descriptions(database: Engine) -> None:
    """What docs/schema.md says of a column, psql says too."""
    if database.dialect.name != "postgresql":
        pytest.skip("SQLite keeps no comments")
    found = {column["name"]: column["comment"] for column in inspect(database).get_columns("v_articles")}
    assert found == {column.name: column.description for column in views.V_ARTICLES.columns}


def test_an_article_shows_its_latest_version(database: Engine) -> None:
    """v_articles has one row, of the newest version; v_versions has them all."""
    with transaction(database) as conn:
        uid = an_article(conn, A, title="Old", language="en")
        a_version(conn, uid, at=LATER, title="New", published_at="2026-02-28")
        article = one(conn, "SELECT * FROM v_articles")
        versions = rows(conn, "SELECT * FROM v_versions ORDER BY version")
    assert (article["title"], article["version"], article["published_at"]) == ("New", 2, "2026-02-28")
    assert (article["source"], article["url"], article["warc_file"]) == ("gazette", A, "run-1.warc.gz")
    assert [(v["title"], v["version"], v["observed_at"], v["changed_seq"]) for v in versions] == [
        ("Old", 1, T0, 1),
        ("New", 2, LATER, 2),
    ]
    assert {name: versions[1][name] for name in article if name != "canonical_url"} == {
        name: value for name, value in article.items() if name != "canonical_url"
    }


def test_an_article_points_to_the_record_of_its_version(database: Engine) -> None:
    """A later capture with the same wording does not move the proof."""
    with transaction(database) as conn:
        an_article(conn, A)
        proof = one(conn, "SELECT warc_record_id FROM v_articles")
        a_capture(conn, A, at=LATER, url_id=a_url(conn, A))
        assert one(conn, "SELECT warc_record_id FROM v_articles") == proof
        assert len(rows(conn, "SELECT * FROM v_captures WHERE url = :url", url=A)) == 2


def test_authors_and_tags_keep_their_order(database: Engine) -> None:
    """One row each, counted from 1, of the latest version; an article without has none."""
    with transaction(database) as conn:
        uid = an_article(conn, A, authors=["Old Name"])
        a_version(conn, uid, authors=["Zoe Ash", "Bo \u00c5s", 'Quo "Te"'], tags=["b", "a", "b"])
        an_article(conn, f"{A}/2")
        authors = conn.execute(text("SELECT * FROM v_article_authors ORDER BY uid, position")).all()
        tags = conn.execute(text("SELECT * FROM v_article_tags ORDER BY uid, position")).all()
        article = one(conn, "SELECT authors FROM v_articles WHERE uid = :uid", uid=uid)
    assert authors == [(uid, 1, "Zoe Ash"), (uid, 2, "Bo \u00c5s"), (uid, 3, 'Quo "Te"')]
    assert tags == [(uid, 1, "b"), (uid, 2, "a"), (uid, 3, "b")]
    assert json.loads(article["authors"]) == ["Zoe Ash", "Bo \u00c5s", 'Quo "Te"']


def test_authors_with_escaped_rubbish_can_be_taken_apart(database: Engine) -> None:
    """A NUL or lone surrogate that JSON would hide as an escape does not break the view for everybody."""
    with transaction(database) as conn:
        an_article(conn, A, authors=["NUL \0", "half \ud83d", "\\u0000 spelled out", "whole \U0001f600"])
        authors = conn.execute(text("SELECT author FROM v_article_authors ORDER BY position")).scalars().all()
    assert authors == ["NUL \ufffd", "half \ufffd", "\\u0000 spelled out", "whole \U0001f600"]


def test_every_field_says_where_it_was_found(database: Engine) -> None:
    """v_provenance has a row for each known field of each version, under the name of its column."""
    with transaction(database) as conn:
        uid = an_article(conn, A, provenance='{"title": "h1", "published": "json-ld"}')
        a_version(conn, uid, provenance='{"title": "og:title"}')
        an_article(conn, f"{A}/2")
        found = conn.execute(text("SELECT * FROM v_provenance ORDER BY version, field")).all()
    assert found == [(uid, 1, "published_at", "json-ld"), (uid, 1, "title", "h1"), (uid, 2, "title", "og:title")]


def test_what_everybody_may_read_is_told_from_what_nobody_says(database: Engine) -> None:
    """The views show 1 and 0 for an article with and without a paywall, and NULL for one of which nothing is known."""
    with transaction(database) as conn:
        for number, free in enumerate((True, False, None)):
            an_article(conn, f"{A}/{number}", is_accessible_for_free=free)
        found = conn.execute(text("SELECT is_accessible_for_free FROM v_articles ORDER BY url")).scalars().all()
    assert found == [1, 0, None]


def test_the_states_of_urls_add_up(database: Engine) -> None:
    """Every URL is counted in exactly one state."""
    with transaction(database) as conn:
        for state in State:
            a_url(conn, f"https://gazette.test/{state}", state=str(state), reason=f"why {state}")
        a_url(conn, "https://gazette.test/leased", lease_run="run-1")
        counts = dict(conn.execute(text("SELECT state, count(*) FROM v_urls GROUP BY state")).all())
        gone = one(conn, "SELECT * FROM v_urls WHERE state = 'gone'")
    assert counts == {str(state): 1 for state in State} | {"pending": 2}
    assert gone == {
        "url": "https://gazette.test/gone",
        "source": "gazette",
        "state": "gone",
        "reason": "why gone",
        "discovered_at": T0,
        "discovered_from": None,
        "next_fetch_at": None,
        "attempts": 0,
    }


VERDICTS = {
    "added": 3,
    "changed": 1,
    "unchanged": 2,
    "duplicate": 1,
    "rejected": 2,
    "filtered": 4,
    "failed": 1,
    "gone": 1,
}


def test_a_run_that_has_not_ended_is_counted_from_its_outcomes(database: Engine) -> None:
    """Also a killed run has its account; URLs in its hands are pending."""
    with transaction(database) as conn:
        _outcomes(conn)
        a_url(conn, "https://gazette.test/in-hand", lease_run="run-1")
        an_outcome(conn, "https://gazette.test/", "added", run_id="run-2")
        run = one(conn, "SELECT * FROM v_runs WHERE run_id = 'run-1'")
    assert {name: run[name] for name in VERDICTS} == VERDICTS
    assert (run["stored"], run["pending"], run["considered"]) == (4, 1, 16)
    assert (run["polled"], run["polls_failed"], run["ended_at"]) == (1, 1, None)


def test_a_run_that_has_ended_shows_its_ledger(database: Engine) -> None:
    """The stored account counts, whatever happens to the outcomes later."""
    ledger = {
        "articles": VERDICTS,
        "others": {"feed/polled": 2, "home/polled": 1, "feed/failed": 1, "robots/fetched": 1},
    }
    with transaction(database) as conn:
        a_run(conn, ended_at=LATER, exit_code=4, ledger=ledger | {"pending": 7, "considered": {"new": 20, "carried": 2}})
        a_run(conn, "run-0", ended_at=LATER, exit_code=0, ledger={"articles": {}, "others": {}, "pending": 0})
        run = one(conn, "SELECT * FROM v_runs WHERE run_id = 'run-1'")
        quiet = one(conn, "SELECT * FROM v_runs WHERE run_id = 'run-0'")
    assert {name: run[name] for name in VERDICTS} == VERDICTS
    assert (run["stored"], run["pending"], run["considered"], run["exit_code"]) == (4, 7, 22, 4)
    assert (run["new"], run["due"], run["carried_over"]) == (20, None, 2)
    assert (run["polled"], run["polls_failed"]) == (3, 1)
    assert {quiet[name] for name in (*VERDICTS, "considered", "stored", "pending", "polled")} == {0}


def _outcomes(conn: Connection) -> None:
    for verdict, count in VERDICTS.items():
        for number in range(count):
            an_outcome(conn, f"https://gazette.test/{verdict}/{number}", verdict)
    for verdict in ("polled", "failed"):
        an_outcome(conn, f"https://gazette.test/feed/{verdict}", verdict, kind="feed")


def test_every_verdict_has_its_column(database: Engine) -> None:
    """A new verdict cannot be forgotten in v_runs."""
    assert {str(verdict) for verdict in Verdict} <= {column.name for column in views.V_RUNS.columns}


# ---- indexes

FAST = {
    "SELECT * FROM v_articles WHERE uid = 'x'": "uq_articles_uid|sqlite_autoindex_articles",
    "SELECT * FROM v_articles WHERE url = 'x'": "ix_articles_url",
    "SELECT * FROM v_articles WHERE source = 'x'": "ix_articles_source",
    "SELECT * FROM v_articles WHERE changed_seq > 5 ORDER BY changed_seq LIMIT 10": "ix_articles_changed_seq",
    "SELECT * FROM v_articles ORDER BY changed_seq": "ix_articles_changed_seq",
    "SELECT * FROM v_versions WHERE uid = 'x' ORDER BY version": "uq_versions_article_number",
    "SELECT * FROM v_article_authors WHERE uid = 'x'": "uq_articles_uid|sqlite_autoindex_articles",
    "SELECT * FROM v_provenance WHERE uid = 'x' AND version = 1": "uq_versions_article_number",
    "SELECT * FROM v_captures WHERE url = 'x'": "ix_captures_target",
    "SELECT * FROM v_captures WHERE warc_record_id = 'x'": "uq_captures_warc_record_id|sqlite_autoindex_captures",
    "SELECT * FROM v_captures WHERE warc_file = 'x' ORDER BY warc_offset": "ix_captures_file",
    "SELECT state, count(*) FROM v_urls WHERE source = 'x' GROUP BY state": "ix_urls_source_state",
    "SELECT * FROM v_urls WHERE source = 'x' AND state = 'failed'": "ix_urls_source_state",
    "SELECT * FROM v_runs WHERE run_id = 'x'": "ix_outcomes_run",
    "SELECT run_id FROM v_runs ORDER BY started_at DESC LIMIT 1": "ix_runs_started_at",
}


@pytest.mark.parametrize("query", FAST)
def test_common_questions_find_their_index(database: Engine, query: str) -> None:
    """No table is read from end to end, and nothing is sorted that an index has in order."""
    with transaction(database) as conn:
        plan = _plan(conn, query)
    assert re.search(FAST[query], plan), plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan
    assert not re.search(r"SCAN [a-z](?! USING| VIRTUAL)", plan), plan


def test_what_waits_for_extraction_is_found_by_its_index(database: Engine) -> None:
    """The flag in the query and the flag in the index are spelled alike."""
    query = select(schema.captures.c.id).where(schema.captures.c.pending).order_by(schema.captures.c.id)
    with transaction(database) as conn:
        plan = _plan(conn, str(query.compile(database, compile_kwargs={"literal_binds": True})))
    assert "ix_captures_pending" in plan


def _plan(conn: Connection, query: str) -> str:
    if conn.dialect.name == "sqlite":
        return "\n".join(row.detail for row in conn.execute(text(f"EXPLAIN QUERY PLAN {query}")))
    for unwanted in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "sort"):
        conn.execute(text(f"SET LOCAL enable_{unwanted} = off"))
    return "\n".join(conn.execute(text(f"EXPLAIN {query}")).scalars())


# ---- the document


def test_the_document_is_current() -> None:
    """docs/schema.md says what the schema is."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / "schema_doc.py"), "--check"], check=True)


@pytest.mark.parametrize("view", views.VIEWS, ids=lambda view: view.name)
def test_every_example_runs(database: Engine, view: views.View) -> None:
    """The example of each view works on both databases, and asks that view."""
    with transaction(database) as conn:
        an_article(conn, A, published_at="2026-03-01", authors=["Ada Roe"], tags=["x"], provenance='{"published": "url"}')
        a_version(conn, conn.execute(text("SELECT uid FROM v_articles")).scalar_one())
        assert conn.execute(text(view.example)).all() or view.name in (
            "v_article_authors",
            "v_article_tags",
            "v_articles",
        )
    assert view.name in view.example


def test_every_column_is_described() -> None:
    """No column goes without a sentence."""
    for view in views.VIEWS:
        for column in view.columns:
            assert re.fullmatch(r"[A-Z].*\.", column.description), (view.name, column.name)


def test_the_fingerprint_tells_views_apart(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any change of a definition shows."""
    before = views.fingerprint(of(database))
    assert views.fingerprint(of(database)) == before
    monkeypatch.setattr(views, "VIEWS", views.VIEWS[:-1])
    assert views.fingerprint(of(database)) != before


def test_readers_of_views_need_no_tables(database: Engine) -> None:
    """Everything in the views can be read in one consistent state."""
    with transaction(database) as conn:
        an_article(conn, A)
        conn.execute(update(schema.articles).values(gone_at=LATER))
        conn.execute(insert(schema.hosts).values(host="gazette.test"))
        a_source(conn, "another")
    with reading(database) as conn:
        assert one(conn, "SELECT gone_at FROM v_articles") == {"gone_at": LATER}
