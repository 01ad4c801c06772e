"""All that is known of one URL, for `why`: read only, newest rows first and bounded where they may be many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, func, select

from storage.database import views
from storage.database.schema import (
    aliases,
    articles,
    captures,
    host_blocks,
    hosts,
    outcomes,
    robots,
    sources,
    urls,
    warc_files,
    withdrawals,
)
from storage.query.known import Row

_v_provenance = views.relation(views.V_PROVENANCE)
_NEAR = 3  # known URLs on either side of one that is not known


@dataclass(frozen=True, slots=True)
class History:
    """What the tables say of a URL. Rows are dicts of columns; lists are in time order, the newest `limit` of them."""

    url: Row | None  # of urls, with its source's name and URL, and uid and URL of its article
    article: Row | None  # the article that it is a URL of: uid, url, title, version, gone_at, ...
    withdrawal: Row | None
    outcomes: list[Row] = field(default_factory=list)
    captures: list[Row] = field(default_factory=list)
    older: int = 0  # outcomes and captures that are left out
    other_urls: list[Row] = field(default_factory=list)  # rows of the same article


def of(conn: Connection, key: str, limit: int) -> History:
    """The history of the URL with this key. Whether it is known at all tell `url`, `article` and `withdrawal`."""
    url = _one(conn, _URL.where(urls.c.key == key))
    article = _one(conn, _ARTICLE.where(articles.c.id == _article_id(conn, key, url)))
    hidden = _one(conn, select(withdrawals).where(withdrawals.c.key == key))
    if url is None:
        return History(None, article, hidden)
    told, older_told = _newest(conn, _OUTCOME.where(outcomes.c.url_id == url["id"]), outcomes.c.at, outcomes.c.id, limit)
    kept, older_kept = _newest(
        conn, _CAPTURE.where(captures.c.url_id == url["id"]), captures.c.fetched_at, captures.c.id, limit
    )
    return History(url, article, hidden, told, kept, older_told + older_kept, _siblings(conn, url, limit))


_URL = (
    select(urls, sources.c.name.label("source"), sources.c.url.label("source_url"))
    .join(sources, sources.c.id == urls.c.source_id)
)
_ARTICLE = select(articles).where(articles.c.withdrawn_at.is_(None))
_OUTCOME = select(outcomes.c.run_id, outcomes.c.kind, outcomes.c.verdict, outcomes.c.reason, outcomes.c.capture_id, outcomes.c.at)
_CAPTURE = (
    select(
        captures.c.id,
        captures.c.run_id,
        captures.c.url,
        captures.c.fetched_at,
        captures.c.http_status,
        captures.c.kind,
        captures.c.record_type,
        captures.c.truncated,
        captures.c.error,
        captures.c.revisit_of,
        captures.c.pending,
        captures.c.signals,
        captures.c.warc_offset,
        warc_files.c.name.label("warc_file"),
    )
    .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
    .where(captures.c.withdrawn_at.is_(None))
)


def _one(conn: Connection, query: Select[Any]) -> Row | None:
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def _article_id(conn: Connection, key: str, url: Row | None) -> int | None:
    if url is not None and url["article_id"] is not None:
        return int(url["article_id"])
    found: int | None = conn.execute(select(aliases.c.article_id).where(aliases.c.key == key)).scalar_one_or_none()
    return found


def _newest(conn: Connection, query: Select[Any], at: Any, id_: Any, limit: int) -> tuple[list[Row], int]:
    """The newest rows in time order, and how many are older."""
    rows = conn.execute(query.order_by(at.desc(), id_.desc()).limit(limit)).mappings().all()
    older = 0
    if len(rows) == limit:
        older = conn.execute(select(func.count()).select_from(query.subquery())).scalar_one() - limit
    return [dict(row) for row in reversed(rows)], older


def _siblings(conn: Connection, url: Row, limit: int) -> list[Row]:
    if url["article_id"] is None:
        return []
    same = select(urls.c.url, urls.c.state, urls.c.reason).where(
        urls.c.article_id == url["article_id"], urls.c.id != url["id"]
    )
    return [dict(row) for row in conn.execute(same.order_by(urls.c.id).limit(limit)).mappings()]


def provenance(conn: Connection, uid: str, version: int) -> dict[str, str]:
    """Field -> where the extractor found its value, of one version of an article."""
    query = select(_v_provenance.c.field, _v_provenance.c.source)
    return dict(conn.execute(query.where(_v_provenance.c.uid == uid, _v_provenance.c.version == version)).all())


def near(conn: Connection, key: str, host: str) -> list[Row]:
    """Known URLs of a host whose keys lie next to this one in their order: those that begin alike."""
    columns = select(urls.c.url, urls.c.state, urls.c.reason, urls.c.host)
    before = conn.execute(columns.where(urls.c.key < key).order_by(urls.c.key.desc()).limit(_NEAR)).mappings().all()
    after = conn.execute(columns.where(urls.c.key > key).order_by(urls.c.key).limit(_NEAR)).mappings().all()
    rows = [*reversed(before), *after]
    return [{name: row[name] for name in ("url", "state", "reason")} for row in rows if row["host"] == host]


def seen(conn: Connection, url: str) -> bool:
    """Whether a URL was met on the way to others: at the end of a redirect, or as somebody's robots.txt."""
    return conn.execute(select(captures.c.id).where(captures.c.url == url).limit(1)).first() is not None


def host(conn: Connection, host: str, limit: int = 5) -> tuple[Row | None, list[Row]]:
    """What is remembered of a host, and its newest blocks in time order."""
    blocks = select(host_blocks.c.since, host_blocks.c.until, host_blocks.c.reason).where(host_blocks.c.host == host)
    rows = conn.execute(blocks.order_by(host_blocks.c.since.desc()).limit(limit)).mappings().all()
    return _one(conn, select(hosts).where(hosts.c.host == host)), [dict(row) for row in reversed(rows)]


def robots_of(conn: Connection, origin: str) -> Row | None:
    """The robots.txt of an origin (`https://paper.org`), as it is remembered."""
    return _one(conn, select(robots).where(robots.c.origin == origin))
