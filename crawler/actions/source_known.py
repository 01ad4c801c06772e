"""The feeds that a collection's database knows."""

from __future__ import annotations

from crawler.actions.database import opened
from crawler.config.collection import Collection
from storage.frontier.seeds import feeds_that_answered


def known_feeds(collection: Collection) -> dict[str, list[str]]:
    """Feeds that answered at some time, by name of the source; none before the first crawl. Raises DatabaseError."""
    if collection.is_new():
        return {}
    with opened(collection) as conn:
        return feeds_that_answered(conn)
