"""What commands ask of the database: read only, on any connection (see `database.reading`)."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, or_, select

from storage.database import views
from storage.database.schema import aliases, articles, captures, outcomes, runs, sources, urls
from storage.records import Kind, State, Verdict
from storage.urlkey import InvalidURL, canonical, key

Row = dict[str, Any]

LISTS = ("authors", "tags", "organizations")  # JSON lists, given as lists

_v_articles = views.relation(views.V_ARTICLES)
_v_versions = views.relation(views.V_VERSIONS)
_v_captures = views.relation(views.V_CAPTURES)
_v_runs = views.relation(views.V_RUNS)


def with_lists(row: RowMapping) -> Row:
    """A row of v_articles or v_versions with its JSON lists as lists."""
    return {name: json.loads(value) if name in LISTS else value for name, value in row.items()}


# ---- one article, one URL


def article_by(conn: Connection, url_or_uid: str) -> Row | None:
    """The row of v_articles with this uid, or behind this URL: its own, its canonical one, or a duplicate's."""
    row = conn.execute(select(_v_articles).where(_v_articles.c.uid == url_or_uid)).mappings().one_or_none()
    if row is None and (uid := _uid_behind(conn, url_or_uid)) is not None:
        row = conn.execute(select(_v_articles).where(_v_articles.c.uid == uid)).mappings().one_or_none()
    return None if row is None else with_lists(row)


def versions_of(conn: Connection, uid: str) -> list[Row]:
    """The rows of v_versions of an article, oldest first."""
    query = select(_v_versions).where(_v_versions.c.uid == uid).order_by(_v_versions.c.version)
    return [with_lists(row) for row in conn.execute(query).mappings()]


def version_of(conn: Connection, uid: str, number: int) -> Row | None:
    """The row of v_versions of one version."""
    query = select(_v_versions).where(_v_versions.c.uid == uid, _v_versions.c.version == number)
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else with_lists(row)


def captures_of(conn: Connection, url: str) -> list[Row]:
    """The rows of v_captures for a URL, newest first: exchanges with it, and those that its redirects led to."""
    same = or_(captures.c.url.in_({url, _canonical(url)}), captures.c.url_id == _url_id(url).scalar_subquery())
    ids = select(captures.c.warc_record_id).where(same)
    query = select(_v_captures).where(_v_captures.c.warc_record_id.in_(ids))
    newest_first = query.order_by(_v_captures.c.fetched_at.desc(), _v_captures.c.warc_record_id.desc())
    return [dict(row) for row in conn.execute(newest_first).mappings()]


def url_row(conn: Connection, url: str) -> Row | None:
    """What is known of a URL: the columns of v_urls, and kind, priority, last_fetch_at, leased, its article's uid."""
    query = (
        select(
            urls.c.url,
            sources.c.name.label("source"),
            urls.c.state,
            urls.c.reason,
            urls.c.discovered_at,
            urls.c.discovered_from,
            urls.c.next_fetch_at,
            urls.c.attempts,
            urls.c.kind,
            urls.c.priority,
            urls.c.last_fetch_at,
            urls.c.lease_run.is_not(None).label("leased"),
            articles.c.uid,
        )
        .join(sources, sources.c.id == urls.c.source_id)
        .outerjoin(articles, articles.c.id == urls.c.article_id)
        .where(urls.c.key == _key(url))
    )
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def _uid_behind(conn: Connection, url: str) -> str | None:
    by_alias = select(aliases.c.article_id).where(aliases.c.key == _key(url))
    by_row = select(urls.c.article_id).where(urls.c.key == _key(url))
    wanted = func.coalesce(by_alias.scalar_subquery(), by_row.scalar_subquery())
    return conn.execute(select(articles.c.uid).where(articles.c.id == wanted)).scalar_one_or_none()


def _url_id(url: str) -> Select[Any]:
    return select(urls.c.id).where(urls.c.key == _key(url))


def _key(url: str) -> str | None:
    """The URL's key; None, which equals nothing, where it has none."""
    try:
        return key(url)
    except InvalidURL:
        return None


def _canonical(url: str) -> str:
    try:
        return canonical(url)
    except InvalidURL:
        return url


# ---- the collection


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one source does. `failures` counts reasons of failed URLs and of seeds whose last polls failed, requisites aside."""

    source: str
    url: str
    urls: dict[str, int] = field(default_factory=dict)  # by state
    requisites: dict[str, int] = field(default_factory=dict)  # those of them that are page requisites: kept, pending, failed
    articles: int = 0
    last_success: str | None = None  # newest poll of a seed that worked, or newest sighting of an article
    last_run: str | None = None  # id of the run that last had to do with one of its seeds
    last_run_at: str | None = None
    failures: dict[str, int] = field(default_factory=dict)


def status(conn: Connection) -> list[SourceStatus]:
    """Every source that has a row, by name."""
    states, reasons = _states_by_source(conn), _failures_by_source(conn)
    seen, polled, runs_ = _articles_by_source(conn), _last_polls(conn), _last_runs(conn)
    needed = _requisites_by_source(conn)
    rows = conn.execute(select(sources.c.id, sources.c.name, sources.c.url).order_by(sources.c.name))
    return [
        SourceStatus(
            source=row.name,
            url=row.url,
            urls=states[row.id],
            requisites=needed[row.id],
            articles=seen[row.id][0] if row.id in seen else 0,
            last_success=max(
                filter(None, (polled.get(row.id), seen[row.id][1] if row.id in seen else None)), default=None
            ),
            last_run=runs_.get(row.id, (None, None))[1],
            last_run_at=runs_.get(row.id, (None, None))[0],
            failures=reasons[row.id],
        )
        for row in rows
    ]


def states(conn: Connection) -> dict[str, int]:
    """URLs known, by state; the counts add up to all of them."""
    return dict(conn.execute(select(urls.c.state, func.count()).group_by(urls.c.state)).all())


def _states_by_source(conn: Connection) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = defaultdict(dict)
    grouped = select(urls.c.source_id, urls.c.state, func.count()).group_by(urls.c.source_id, urls.c.state)
    for source_id, state, count in conn.execute(grouped):
        found[source_id][state] = count
    return found


def _requisites_by_source(conn: Connection) -> dict[int, dict[str, int]]:
    """Found in ix_urls_source_state; refused ones are not counted apart, they lie among all links that were refused."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    states_ = [str(State.KEPT), str(State.PENDING), str(State.FAILED)]
    query = select(urls.c.source_id, urls.c.state, func.count()).where(
        urls.c.source_id.in_(select(sources.c.id)), urls.c.state.in_(states_), urls.c.kind == str(Kind.REQUISITE)
    )
    for source_id, state, count in conn.execute(query.group_by(urls.c.source_id, urls.c.state)):
        found[source_id][state] = count
    return found


def _failures_by_source(conn: Connection) -> dict[int, dict[str, int]]:
    """Two questions, so that each finds its index."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    reason = func.coalesce(urls.c.reason, "unknown")
    for failing in ((State.FAILED, urls.c.state == str(State.FAILED)), (State.SEED, urls.c.attempts > 0)):
        query = select(urls.c.source_id, reason, func.count()).where(
            urls.c.source_id.in_(select(sources.c.id)),
            urls.c.state == str(failing[0]),
            failing[1],
            urls.c.kind != str(Kind.REQUISITE),
        )
        for source_id, why, count in conn.execute(query.group_by(urls.c.source_id, reason)):
            found[source_id][why] = found[source_id].get(why, 0) + count
    return found


def _articles_by_source(conn: Connection) -> dict[int, tuple[int, str]]:
    grouped = select(articles.c.source_id, func.count(), func.max(articles.c.last_seen_at)).group_by(
        articles.c.source_id
    )
    return {source_id: (count, newest) for source_id, count, newest in conn.execute(grouped)}


def _seeds() -> Any:
    """Seed rows, found source by source in ix_urls_source_state."""
    by_source = urls.c.source_id.in_(select(sources.c.id))
    return select(urls.c.id, urls.c.source_id).where(by_source, urls.c.state == str(State.SEED)).subquery()


def _last_polls(conn: Connection) -> dict[int, str]:
    seeds = _seeds()
    newest = (
        select(outcomes.c.at)
        .where(outcomes.c.url_id == seeds.c.id, outcomes.c.verdict == str(Verdict.POLLED))
        .order_by(outcomes.c.at.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = conn.execute(select(seeds.c.source_id, newest.label("at")))
    return {source_id: at for at, source_id in sorted((at, source_id) for source_id, at in rows if at is not None)}


def _last_runs(conn: Connection) -> dict[int, tuple[str, str]]:
    """Source id -> when the newest run began that had to do with one of its seeds, and its id."""
    seeds = _seeds()
    newest = (
        select(outcomes.c.run_id)
        .where(outcomes.c.url_id == seeds.c.id)
        .order_by(outcomes.c.at.desc())
        .limit(1)
        .scalar_subquery()
    )
    per_seed = select(seeds.c.source_id, newest.label("run_id")).subquery()
    rows = conn.execute(
        select(per_seed.c.source_id, runs.c.started_at, runs.c.id).join(runs, runs.c.id == per_seed.c.run_id).distinct()
    )
    found: dict[int, tuple[str, str]] = {}
    for source_id, started_at, run_id in rows:
        found[source_id] = max(found.get(source_id, ("", "")), (started_at, run_id))
    return found


# ---- runs


def runs_of(conn: Connection, limit: int = 20) -> list[Row]:
    """The rows of v_runs, newest first."""
    query = select(_v_runs).order_by(_v_runs.c.started_at.desc(), _v_runs.c.run_id.desc()).limit(limit)
    return [dict(row) for row in conn.execute(query).mappings()]
