"""A pytest plugin with fresh databases: SQLite and, where NEWSWARC_TEST_POSTGRES names a server, PostgreSQL.

scripts/postgres_for_tests.py starts such a server. The functions below put rows into a database, for tests of its
readers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, insert, make_url, select, text

from storage.articles.sizes import measure
from storage.database import schema
from storage.database.engine import next_seq, open_database
from storage.urlkey import host_key, key

SERVER = os.environ.get("NEWSWARC_TEST_POSTGRES")
KINDS = ["sqlite", *(["postgresql"] if SERVER else [])]
T0 = "2026-03-01T12:00:00.000Z"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'news.db'}"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """URL of an empty schema of the PostgreSQL server's database; the test is skipped without a server."""
    if SERVER is None:
        pytest.skip("no PostgreSQL server in NEWSWARC_TEST_POSTGRES")
    server = make_url(SERVER).set(drivername="postgresql+psycopg")
    name = f"test_{uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE SCHEMA {name}"))
    own = server.update_query_dict({"options": f"-c search_path={name}"}).set(drivername="postgresql")
    yield own.render_as_string(hide_password=False)
    with admin.connect() as conn:
        conn.execute(text(f"DROP SCHEMA {name} CASCADE"))
    admin.dispose()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh database of each kind, with all tables and views."""
    engine = open_database(database_url, timeout=5)
    yield engine
    engine.dispose()


# ---- rows


def a_source(conn: Connection, name: str = "gazette") -> int:
    """The id of a source, made when it is new."""
    known = conn.execute(select(schema.sources.c.id).where(schema.sources.c.name == name)).scalar_one_or_none()
    return known or _insert(conn, schema.sources, name=name, url=f"https://{name}.test/", created_at=T0)


def a_run(conn: Connection, run_id: str = "run-1", **more: Any) -> str:
    """The id of a run, made when it is new."""
    if conn.execute(select(schema.runs.c.id).where(schema.runs.c.id == run_id)).first() is None:
        conn.execute(insert(schema.runs).values(**{"id": run_id, "started_at": T0, "version": "0.1.0"} | more))
    return run_id


def a_url(conn: Connection, url: str, *, source: str = "gazette", **more: Any) -> int:
    """The id of a frontier row, made when it is new."""
    known = conn.execute(select(schema.urls.c.id).where(schema.urls.c.key == key(url))).scalar_one_or_none()
    if known is not None:
        return int(known)
    values = {"kind": "article", "state": "pending", "priority": 1, "discovered_at": T0} | more
    where = {"key": key(url), "url": url, "host": host_key(url), "source_id": a_source(conn, source)}
    return _insert(conn, schema.urls, **where, **values)


def a_capture(conn: Connection, url: str, *, at: str = T0, run_id: str = "run-1", **more: Any) -> int:
    """The id of a new capture of a URL, in a file of its run."""
    name = f"{run_id}.warc.gz"
    files = schema.warc_files
    a_run(conn, run_id)
    file_id = conn.execute(select(files.c.id).where(files.c.name == name)).scalar_one_or_none()
    file_id = file_id or _insert(conn, files, name=name, run_id=run_id, opened_at=T0)
    values = {
        "run_id": run_id,
        "url": url,
        "fetched_at": at,
        "http_status": 200,
        "kind": "article",
        "mime": "text/html",
        "record_type": "response",
        "warc_file_id": file_id,
        "warc_offset": 1000,
        "warc_length": 500,
        "warc_record_id": f"urn:uuid:{uuid4()}",
        "payload_digest": "sha1:PAYLOAD",
        "block_digest": "sha1:BLOCK",
        "context": "{}",
        "pending": False,
    }
    return _insert(conn, schema.captures, **values | more)


def an_article(conn: Connection, url: str, *, source: str = "gazette", at: str = T0, **fields: Any) -> str:
    """The uid of a new article with its URL, alias, capture, extraction and first version."""
    url_id = a_url(conn, url, source=source, state="stored")
    seq = next_seq(conn)
    values = {"first_seen_at": at, "last_seen_at": at, "http_status": 200, "version": 0, "changed_seq": seq}
    uid = uuid4().hex[:16]
    article_id = _insert(conn, schema.articles, uid=uid, source_id=a_source(conn, source), url=url, **values)
    conn.execute(insert(schema.aliases).values(key=key(url), article_id=article_id))
    conn.execute(schema.urls.update().where(schema.urls.c.id == url_id).values(article_id=article_id))
    a_version(conn, uid, at=at, seq=seq, **fields)
    return uid


def a_version(conn: Connection, uid: str, *, at: str = T0, seq: int | None = None, **fields: Any) -> None:
    """The next version of an article: a capture, its extraction, the version."""
    articles = schema.articles
    article = conn.execute(select(articles).where(articles.c.uid == uid)).one()
    seq = seq or next_seq(conn)
    lists = {name: json.dumps(fields.pop(name, [])) for name in ("authors", "tags")}
    words = {"title": "A title", "text": "A text", "text_sha256": uuid4().hex, "word_count": 2, "extractor": "test-1"}
    capture_id = a_capture(conn, article.url, at=at, url_id=a_url(conn, article.url))
    rest = {"capture_id": capture_id, "truncated": False, "provenance": "{}"}
    extraction_id = _insert(conn, schema.extractions, **words | lists | rest | fields)
    number = article.version + 1
    ids = {"article_id": article.id, "capture_id": capture_id, "extraction_id": extraction_id}
    _insert(conn, schema.versions, **ids, number=number, observed_at=at, changed_seq=seq)
    measure(conn, article.id, number)
    conn.execute(articles.update().where(articles.c.id == article.id).values(version=number, changed_seq=seq))


def an_outcome(conn: Connection, url: str, verdict: str, *, run_id: str = "run-1", at: str = T0, **more: Any) -> None:
    """What a run made of a URL."""
    a_run(conn, run_id)
    values = {"run_id": run_id, "url_id": a_url(conn, url), "kind": "article", "verdict": verdict, "at": at}
    conn.execute(insert(schema.outcomes).values(**values | more))


def _insert(conn: Connection, table: Any, **values: Any) -> int:
    return int(conn.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())
