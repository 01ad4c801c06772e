"""Sitemaps: urlset and sitemapindex (sitemaps.org 0.9), Google News entries, plain lists of URLs, lines of robots.txt.

Elements are told by their local names: publishers leave the namespace out or misspell it. Read as a stream, at most
50,000 entries a file, as the protocol says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

from lxml import etree

from crawler.feeds import MAX_ENTRIES, mended_url, plain
from crawler.markup import Document, local_name
from crawler.scope import Discovered, Scope
from crawler.shapes import listed_refusal
from storage.records import Announced, Kind, Link
from storage.urlkey import InvalidURL, canonical

ROOTS = frozenset({"urlset", "sitemapindex"})
MAX_ROBOTS_BYTES = 512_000

_FRESH_DAYS = 3
_LENGTH = 1_000
_NAMES_NEWS = re.compile(r"news|latest|recent|today|aktuell|noticias|actu", re.IGNORECASE)
_DAY = re.compile(r"\s*(\d{4})-(\d{2})-(\d{2})")
_ROBOTS_LINE = re.compile(r"^[ \t\ufeff]*sitemap[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


def from_xml(document: Document, url: str, scope: Scope, now: str) -> Discovered:
    """The pages of a urlset and the sitemaps of an index found at `url`; `now` (ISO 8601) tells what is fresh."""
    links = (_child(el, now) if name == "sitemap" else _page(el, now) for name, el in _places(document))
    found = _gathered(links, url, scope)
    return found if document.problem is None else _with_problem(found, document.problem)


def from_lines(lines: Iterable[str], url: str, scope: Scope) -> Discovered:
    """The pages of a plain text sitemap: one absolute URL a line."""
    addresses = (line.strip() for line in lines)
    links = (Link(address, priority=2) for address in addresses if address.lower().startswith(("http://", "https://")))
    return _gathered(links, url, scope)


def sitemaps_in_robots(body: str | bytes, base_url: str, scope: Scope) -> tuple[Link, ...]:
    """The `Sitemap:` lines of a robots.txt, as seeds; those out of scope are refused, others are left out."""
    text = body if isinstance(body, str) else body[:MAX_ROBOTS_BYTES].decode("utf-8", "replace")
    lines = (Link(match[1], Kind.SITEMAP, priority=0) for match in _ROBOTS_LINE.finditer(text[:MAX_ROBOTS_BYTES]))
    found = _gathered(lines, base_url, scope)
    return found.seeds + found.links


def is_fresh(written: str | None, now: str) -> bool:
    """Whether a date as written (W3C) is at most three days old; future ones are."""
    match = _DAY.match(written or "")
    if match is None:
        return False
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return False
    return (date.fromisoformat(now[:10]) - day).days <= _FRESH_DAYS


# ---- elements


def _places(document: Document) -> Iterator[tuple[str, etree._Element]]:
    """The `url` and `sitemap` elements: those that hold a `loc` (a video extension has a `url` too)."""
    for name, element in document.elements(frozenset({"url", "sitemap"})):
        if _loc(element):
            yield name, element


def _page(element: etree._Element, now: str) -> Link:
    news = _child_named(element, "news")
    lastmod = _field(element, "lastmod")
    fresh = news is not None or is_fresh(lastmod, now)
    return Link(_loc(element), announced=_announced(element, news, lastmod), priority=1 if fresh else 2)


def _announced(element: etree._Element, news: etree._Element | None, lastmod: str | None) -> Announced | None:
    image = _child_named(element, "image")
    image_url = _address(_field(image, "loc"))
    if news is None:
        return Announced(modified=lastmod, image_url=image_url) if lastmod or image_url else None
    keywords = (plain(word, _LENGTH) for word in (_field(news, "keywords") or "").split(","))
    return Announced(
        title=_field(news, "title"),
        published=_field(news, "publication_date"),
        modified=lastmod,
        tags=tuple(dict.fromkeys(filter(None, keywords))),
        language=_field(_child_named(news, "publication"), "language"),
        image_url=image_url,
    )


def _child(element: etree._Element, now: str) -> Link:
    """A sitemap of an index: fresh ones and those of news first, then undated ones, then the archive."""
    loc, lastmod = _loc(element), _field(element, "lastmod")
    fresh = is_fresh(lastmod, now) or _NAMES_NEWS.search(loc.rpartition("/")[2]) is not None
    announced = Announced(modified=lastmod) if lastmod else None
    return Link(loc, Kind.SITEMAP, announced, priority=0 if fresh else 2 if lastmod else 1)


def _loc(element: etree._Element) -> str:
    loc = _child_named(element, "loc")
    return "" if loc is None else "".join(map(str, loc.itertext())).strip()


def _field(element: etree._Element | None, name: str) -> str | None:
    child = None if element is None else _child_named(element, name)
    return None if child is None else plain("".join(map(str, child.itertext())), _LENGTH)


def _child_named(element: etree._Element, name: str) -> etree._Element | None:
    return next((child for child in element if local_name(child) == name), None)


def _address(written: str | None) -> str | None:
    try:
        return canonical(mended_url(written)) if written else None
    except InvalidURL:
        return None


# ---- judging


def _gathered(links: Iterable[Link], url: str, scope: Scope) -> Discovered:
    """Each page once, in order; child sitemaps by priority, then newest first."""
    seen: dict[str, Link] = {}
    unusable: list[Link] = []
    overflow = None
    for count, link in enumerate(links):
        if count == MAX_ENTRIES:
            overflow = f"too-many-entries: {MAX_ENTRIES} read"
            break
        judged = _judged(link, url, scope)
        if judged.refused and judged.refused.startswith("invalid-url"):
            unusable.append(judged)
        else:
            seen.setdefault(judged.url, judged)
    seeds = [link for link in seen.values() if link.kind is Kind.SITEMAP and not link.refused]
    seeds.sort(key=_modified, reverse=True)
    seeds.sort(key=lambda link: link.priority)
    return Discovered(
        links=tuple(link for link in seen.values() if link.kind is not Kind.SITEMAP or link.refused),
        seeds=tuple(seeds),
        unusable=tuple(unusable),
        problem=overflow or (None if seen or unusable else "no-entries"),
    )


def _modified(link: Link) -> str:
    return (link.announced.modified if link.announced else None) or ""


def _judged(link: Link, url: str, scope: Scope) -> Link:
    try:
        form = canonical(mended_url(link.url), url)
    except InvalidURL as error:
        return Link(link.url[:500], link.kind, refused=f"invalid-url: {error.reason}")
    if link.kind is Kind.SITEMAP:
        refused = scope.seed_refusal(form)
    else:
        refused = scope.refusal(form) or listed_refusal(form)
    return Link(form, link.kind, link.announced, refused, link.priority)


def _with_problem(found: Discovered, problem: str) -> Discovered:
    return Discovered(found.links, found.seeds, found.unusable, problem)
