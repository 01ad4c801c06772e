"""Reading seeds in a worker process: raw bytes of an exchange -> links. Pure, importable by name."""

from __future__ import annotations

from crawler.discovery import discover
from crawler.scope import Discovered, Scope
from pipelines.page import RawPage, page_of
from storage.records import Kind


def read_seed(raw: RawPage, kind: Kind, scope: Scope, now: str) -> Discovered:
    """The links of a feed, sitemap, home or section page."""
    page = page_of(
        raw.raw,
        url=raw.url,
        frontier_url=raw.frontier_url,
        fetched_at=raw.fetched_at,
        limit=raw.limit,
        truncated=raw.truncated,
    )
    return discover(page, kind, scope, now)
