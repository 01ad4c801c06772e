"""Reading a page that is there already: no network, and no Scrapy to load."""

from __future__ import annotations

from crawler.config.keys import Config
from crawler.options import Trial
from pipelines.extract import extract
from pipelines.page import page_of
from storage.times import now


def try_bytes(config: Config, content: bytes, url: str) -> Trial:
    """Read one page from bytes."""
    raw = b"HTTP/1.1 200 OK\r\n\r\n" + content
    limit = config.crawl.max_page_bytes
    page = page_of(raw, url=url, frontier_url=url, fetched_at=now(), limit=limit, truncated=False)
    return Trial(url, None, extract(page, None))
