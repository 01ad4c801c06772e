"""The one door to discovery: the bytes of a feed, sitemap, robots.txt, home or section page -> links. Pure.

What a body is, its content says, not the kind it was fetched as nor its MIME type: a sitemap may be a feed, a source's
address may be one. Nothing is fetched, and nothing vanishes: every link is returned, refused ones with the reason.
"""

from __future__ import annotations

from crawler import feeds, links, sitemaps
from crawler.markup import Document
from crawler.scope import Discovered, Scope
from crawler.sitemaps import sitemaps_in_robots
from pipelines.decode import decode
from storage.records import Kind, Page

__all__ = ["Discovered", "Scope", "discover", "sitemaps_in_robots"]

_PAGES = frozenset({Kind.HOME, Kind.SECTION})


def discover(page: Page, kind: Kind, scope: Scope, now: str) -> Discovered:
    """The links on a page that was fetched as `kind`; `now` is ISO 8601 UTC. Never raises on any body."""
    if kind is Kind.ROBOTS:
        return Discovered(seeds=tuple(link for link in sitemaps_in_robots(page.body, page.url, scope) if not link.refused))
    if kind not in _PAGES and kind not in {Kind.FEED, Kind.SITEMAP}:
        return Discovered()
    found = _read(page, kind, scope, now)
    return found if found.problem or not page.cut else _marked(found, "cut")


def _read(page: Page, kind: Kind, scope: Scope, now: str) -> Discovered:
    document = Document(page.body, page.content_type)
    if document.problem == "entity-declarations":
        return Discovered(problem=document.problem)
    if document.root in feeds.ROOTS:
        return feeds.from_xml(document, page.url, scope)
    if document.root in sitemaps.ROOTS:
        return sitemaps.from_xml(document, page.url, scope, now)
    if kind in _PAGES:
        return _read_page(document, page, kind, scope)
    if document.root == "json":
        return feeds.from_json(document.text(), page.url, scope)
    if document.root == "text" and kind is Kind.SITEMAP:
        found = sitemaps.from_lines(document.lines(), page.url, scope)
        return found if found.links else Discovered(problem="not-a-sitemap: text")
    return Discovered(problem=_misfit(document.root, "sitemap" if kind is Kind.SITEMAP else "feed"))


def _read_page(document: Document, page: Page, kind: Kind, scope: Scope) -> Discovered:
    if document.root in {"empty", "binary", "json"}:
        return Discovered(problem=_misfit(document.root, "page"))
    return links.from_html(decode(page.body, page.content_type), page.url, scope, is_home=kind is Kind.HOME)


def _misfit(root: str, expected: str) -> str:
    return "empty" if root == "empty" else f"not-a-{expected}: {root}"


def _marked(found: Discovered, problem: str) -> Discovered:
    return Discovered(found.links, found.seeds, found.unusable, problem, found.ttl_seconds, found.title)
