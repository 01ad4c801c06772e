"""What is remembered of sources from run to run, and what a run met at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select, update

from storage.database.schema import articles, extractions, outcomes, sources, urls, versions
from storage.records import SEED_KINDS, Kind, State, Verdict

CHUNK = 500  # sources a statement
_SEEDS = [str(kind) for kind in SEED_KINDS]
_REMEMBER = (
    update(sources)
    .where(sources.c.id == bindparam("source"))
    .values(
        rhythm=bindparam("kept"),
        last_new_at=bindparam("newest"),
        trouble=bindparam("wrong"),
        trouble_since=bindparam("since"),
        told_at=bindparam("told"),
    )
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the row of a source remembers. Moments are text."""

    source_id: int
    name: str
    history: str | None = None  # JSON
    last_new_at: str | None = None
    trouble: str | None = None
    trouble_since: str | None = None
    told_at: str | None = None


@dataclass(frozen=True, slots=True)
class SeedPoll:
    """What came of one seed: why it could not be had, None where it could, and how many fetches of it failed in a row."""

    reason: str | None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class NewArticle:
    """When an article was first seen, and when it says that it was published, where it says the time of day."""

    first_seen_at: str
    published_at: str | None


def remembered(conn: Connection, ids: Collection[int]) -> list[Remembered]:
    """What is remembered of some sources."""
    columns = (sources.c.id, sources.c.name, sources.c.rhythm, sources.c.last_new_at)
    query = select(*columns, sources.c.trouble, sources.c.trouble_since, sources.c.told_at)
    return [Remembered(*row) for part in parts(ids) for row in conn.execute(query.where(sources.c.id.in_(part)))]


def polls(conn: Connection, run_id: str) -> dict[int, list[SeedPoll]]:
    """Source id -> what came of each seed of it that a run asked for."""
    found: dict[int, list[SeedPoll]] = defaultdict(list)
    query = (
        select(urls.c.source_id, outcomes.c.verdict, outcomes.c.reason, urls.c.attempts)
        .join(urls, urls.c.id == outcomes.c.url_id)
        .where(outcomes.c.run_id == run_id, outcomes.c.kind.in_(_SEEDS))
    )
    for source_id, verdict, reason, attempts in conn.execute(query):
        good = verdict == str(Verdict.POLLED)
        found[source_id].append(SeedPoll(None if good else reason or "unknown", attempts))
    return found


def new_articles(conn: Connection, ids: Collection[int], since: str) -> dict[int, list[NewArticle]]:
    """Source id -> its articles that were first seen after its newest one that is remembered, and after `since`."""
    found: dict[int, list[NewArticle]] = defaultdict(list)
    after = func.coalesce(sources.c.last_new_at, since)
    query = (
        select(articles.c.source_id, articles.c.first_seen_at, extractions.c.published_at, extractions.c.published_precision)
        .select_from(sources)
        .join(articles, articles.c.source_id == sources.c.id)
        .outerjoin(versions, (versions.c.article_id == articles.c.id) & (versions.c.number == 1))
        .outerjoin(extractions, extractions.c.id == versions.c.extraction_id)
        .where(articles.c.last_seen_at > after, articles.c.first_seen_at > after)
    )
    for part in parts(ids):
        for source_id, seen, published, precision in conn.execute(query.where(sources.c.id.in_(part))):
            found[source_id].append(NewArticle(seen, published if precision in ("second", "minute") else None))
    return found


def barren(conn: Connection, run_id: str) -> Iterator[tuple[int, str, str, int]]:
    """(source id, verdict, reason, how many) of the pages of a run that became no article."""
    query = (
        select(urls.c.source_id, outcomes.c.verdict, func.coalesce(outcomes.c.reason, ""), func.count())
        .join(urls, urls.c.id == outcomes.c.url_id)
        .where(
            outcomes.c.run_id == run_id,
            outcomes.c.kind == str(Kind.ARTICLE),
            outcomes.c.verdict.in_([str(Verdict.REJECTED), str(Verdict.FAILED)]),
        )
        .group_by(urls.c.source_id, outcomes.c.verdict, outcomes.c.reason)
    )
    return ((row[0], row[1], row[2], row[3]) for row in conn.execute(query))


def waiting(conn: Connection, ids: Collection[int], now: str) -> set[int]:
    """Those of some sources that have pages which are due."""
    due = (urls.c.state == str(State.PENDING)) & (urls.c.kind == str(Kind.ARTICLE)) & (urls.c.next_fetch_at <= now)
    one = select(urls.c.id).where(urls.c.source_id == sources.c.id, due).exists()
    return {
        source_id
        for part in parts(ids)
        for source_id in conn.execute(select(sources.c.id).where(sources.c.id.in_(part), one)).scalars()
    }


def with_articles(conn: Connection, ids: Collection[int]) -> set[int]:
    """Those of some sources that have an article."""
    one = select(articles.c.id).where(articles.c.source_id == sources.c.id).exists()
    return {
        source_id
        for part in parts(ids)
        for source_id in conn.execute(select(sources.c.id).where(sources.c.id.in_(part), one)).scalars()
    }


def remember(conn: Connection, rows: Sequence[Remembered]) -> None:
    """Keep what is remembered of some sources."""
    told = [
        {
            "source": row.source_id,
            "kept": row.history,
            "newest": row.last_new_at,
            "wrong": row.trouble,
            "since": row.trouble_since,
            "told": row.told_at,
        }
        for row in rows
    ]
    if told:
        conn.execute(_REMEMBER, told)


def troubled(conn: Connection, names: Collection[str]) -> list[Remembered]:
    """Those of some sources, by name, that need a person."""
    columns = (sources.c.id, sources.c.name, sources.c.rhythm, sources.c.last_new_at)
    query = select(*columns, sources.c.trouble, sources.c.trouble_since, sources.c.told_at)
    rows = conn.execute(query.where(sources.c.trouble.is_not(None)).order_by(sources.c.name))
    return [Remembered(*row) for row in rows if row.name in names]


def parts(ids: Iterable[int]) -> Iterator[list[int]]:
    """Ids in order, at most CHUNK at a time: a statement has room for so many."""
    wanted = sorted(ids)
    return (wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK))
