"""Seeds that the database knows: feeds that answered, sitemaps that were named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select

from storage.database.schema import outcomes, sources, urls
from storage.records import Kind, State, Verdict


def feeds_that_answered(conn: Connection) -> dict[str, list[str]]:
    """By name of the source, the URLs of its feeds that a poll read at some time, in the order of their discovery."""
    by_source = urls.c.source_id.in_(select(sources.c.id))  # so that ix_urls_source_state is used
    read = select(outcomes.c.url_id).where(outcomes.c.url_id == urls.c.id, outcomes.c.verdict == str(Verdict.POLLED))
    rows = conn.execute(
        select(sources.c.name, urls.c.url)
        .join(sources, sources.c.id == urls.c.source_id)
        .where(by_source, urls.c.state == str(State.SEED), urls.c.kind == str(Kind.FEED), read.exists())
        .order_by(urls.c.id)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for name, url in rows:
        found[name].append(url)
    return dict(found)


def root_sitemaps(conn: Connection, source_ids: Sequence[int]) -> list[str]:
    """The URLs of sitemaps that the settings or a robots.txt name."""
    named = select(urls.c.url).where(urls.c.source_id.in_(source_ids), urls.c.state == str(State.SEED))
    return list(conn.execute(named.where(urls.c.kind == str(Kind.SITEMAP), urls.c.hops <= 1)).scalars())
