"""What one page, feed or sitemap tells somebody who looks at a site; read in a worker, with nothing in it that is long. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from crawler.discovery import feeds
from crawler.discovery.markup import Document
from crawler.discovery.reading import OBSTACLES, read_seed
from crawler.discovery.scope import Discovered, Scope
from pipelines.page import RawPage, read_article, read_page
from storage.records import Kind, NoArticle
from storage.urlkey import InvalidURL, canonical

MOST = 200  # links and seeds that are handed on
_LOOKED_AT = 50  # links that a feed may have before its own


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen: seeds and links in scope, whether it is a feed and of which home page, what stands in the way."""

    found: Discovered
    is_feed: bool = False
    home: str | None = None  # of a feed
    obstacle: str | None = None

    @property
    def fault(self) -> str | None:
        """Why it is no feed, sitemap or page that leads anywhere; an empty feed is one."""
        return None if self.found.links or self.found.seeds or self.found.problem == "no-entries" else self.found.problem


def glance(raw: RawPage, kind: Kind, scope: Scope, now: str) -> Glance:
    """What a body is and leads to."""
    found = _short(read_seed(raw, kind, scope, now))
    home = _home_of_feed(raw)
    if kind is Kind.HOME and home is None:
        result = read_article(raw).result
        reason = result.reason if isinstance(result, NoArticle) and result.reason in OBSTACLES else None
        return Glance(found, obstacle=reason)
    return Glance(found, is_feed=home is not None, home=home or None)


def _short(found: Discovered) -> Discovered:
    links = tuple(link for link in found.links if not link.refused)
    return replace(found, links=links[:MOST], seeds=found.seeds[:MOST], unusable=())


def _home_of_feed(raw: RawPage) -> str | None:
    """The home page that a feed names, "" when it names none, None when this is no feed."""
    page = read_page(raw)
    document = Document(page.body, page.content_type)
    if document.root in feeds.ROOTS:
        return _full(_link_of(document), page.url)
    if document.root != "json":
        return None
    try:
        feed = json.loads(document.text())
    except (ValueError, RecursionError):
        return None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        return None
    return _full(feed.get("home_page_url"), page.url)


def _link_of(document: Document) -> str | None:
    """The `link` of an RSS channel, or the alternate one of an Atom feed, before its entries."""
    for number, (name, element) in enumerate(document.elements(frozenset({"link", "item", "entry"}))):
        if name != "link" or number > _LOOKED_AT:
            return None
        if element.get("rel", "alternate") == "alternate" and (written := element.get("href") or element.text):
            return str(written).strip()
    return None


def _full(written: object, base: str) -> str:
    try:
        return canonical(written, base) if isinstance(written, str) and written else ""
    except InvalidURL:
        return ""
