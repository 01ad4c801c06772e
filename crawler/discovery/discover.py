"""The one door to discovery: the bytes of a feed, sitemap, robots.txt, home or section page -> links. Pure.

What a body is, its content says, not the kind it was fetched as nor its MIME type: a sitemap may be a feed, a source's
address may be one. Nothing is fetched, and nothing vanishes: every link is returned, refused ones with the reason.
"""

from __future__ import annotations

from dataclasses import replace

from crawler.discovery import feeds, links, sitemaps
from crawler.discovery.markup import Document
from crawler.discovery.scope import Discovered, Scope
from crawler.discovery.sitemaps import sitemaps_in_robots
from pipelines.decode import decode
from storage.records import SEED_KINDS, Kind, Page

__all__ = ["Discovered", "Scope", "discover", "sitemaps_in_robots"]

_PAGES = frozenset({Kind.HOME, Kind.SECTION})


def discover(page: Page, kind: Kind, scope: Scope, now: str) -> Discovered:
    """The links on a page that was fetched as `kind`; `now` is ISO 8601 UTC. Never raises on any body."""
    if kind is Kind.ROBOTS:
        return _read_robots(page, scope)
    if kind not in SEED_KINDS:
        return Discovered()
    document = Document(page.body, page.content_type)
    found = _read_xml(document, page, scope, now) or _read_other(document, page, kind, scope, now)
    return replace(found, problem="cut") if page.cut and not found.problem else found


def _read_robots(page: Page, scope: Scope) -> Discovered:
    named = sitemaps_in_robots(page.body, page.url, scope)
    return Discovered(
        links=tuple(link for link in named if link.refused), seeds=tuple(link for link in named if not link.refused)
    )


def _read_xml(document: Document, page: Page, scope: Scope, now: str) -> Discovered | None:
    if document.problem == "entity-declarations":
        return Discovered(problem=document.problem)
    if document.root in feeds.ROOTS:
        return feeds.from_xml(document, page.url, scope, now)
    if document.root in sitemaps.ROOTS:
        return sitemaps.from_xml(document, page.url, scope, now)
    return None


def _read_other(document: Document, page: Page, kind: Kind, scope: Scope, now: str) -> Discovered:
    if kind in _PAGES:
        return _read_page(document, page, kind, scope, now)
    if document.root == "json":
        return feeds.from_json(document.text(), page.url, scope)
    if document.root == "text" and kind is Kind.SITEMAP:
        return _read_lines(document, page, scope)
    return Discovered(problem=_misfit(document.root, "sitemap" if kind is Kind.SITEMAP else "feed"))


def _read_lines(document: Document, page: Page, scope: Scope) -> Discovered:
    found = sitemaps.from_lines(document.lines(), page.url, scope)
    return found if found.links or found.unusable else Discovered(problem="not-a-sitemap: text")


def _read_page(document: Document, page: Page, kind: Kind, scope: Scope, now: str) -> Discovered:
    if document.root in {"empty", "binary", "json"}:
        return Discovered(problem=_misfit(document.root, "page"))
    return links.from_html(decode(page.body, page.content_type), page.url, scope, now, is_home=kind is Kind.HOME)


def _misfit(root: str, expected: str) -> str:
    return "empty" if root == "empty" else f"not-a-{expected}: {root}"
