"""Sitemaps: urlset and sitemapindex (sitemaps.org 0.9), Google News entries, plain lists of URLs, lines of robots.txt.

Elements are told by their local names: publishers leave the namespace out or misspell it. Read as a stream, at most
50,000 entries a file, as the protocol says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from crawler.discovery.feeds import MAX_ENTRIES
from crawler.discovery.markup import Document, local_name
from crawler.discovery.phrases import TITLE_LENGTH, address, mended_url, plain
from crawler.discovery.scope import Discovered, Scope
from crawler.discovery.shapes import listed_refusal
from crawler.discovery.traps import endless
from storage.records import OLD, Announced, Kind, Link
from storage.urlkey import InvalidURL, canonical

if TYPE_CHECKING:
    from lxml.etree import _Element

ROOTS = frozenset({"urlset", "sitemapindex"})
MAX_ROBOTS_BYTES = 512_000
FIRST_SEEDS = 100  # sitemaps that may come before articles; a site that names thousands would never get to a story

_FRESH_DAYS = 3
_NAMES_NEWS = re.compile(r"news|latest|recent|today|aktuell|noticias|actu", re.IGNORECASE)
_DAY = re.compile(r"\s*(\d{4})-(\d{2})-(\d{2})")
_ROBOTS_LINE = re.compile(r"^[ \t\ufeff]*sitemap[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


def from_xml(document: Document, url: str, scope: Scope, now: str) -> Discovered:
    """The pages of a urlset and the sitemaps of an index found at `url`; `now` (ISO 8601) tells what is fresh."""
    found = _gathered(_places(document, now), url, scope)
    return replace(found, problem=document.problem or found.problem)


def from_lines(lines: Iterable[str], url: str, scope: Scope) -> Discovered:
    """The pages of a plain text sitemap: one absolute URL a line."""
    addresses = (line.strip() for line in lines)
    links = (Link(address, priority=OLD) for address in addresses if address.lower().startswith(("http://", "https://")))
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


Fields: TypeAlias = "dict[str, _Element]"


def _places(document: Document, now: str) -> Iterator[Link]:
    """The pages and sitemaps listed: elements that hold a `loc` (a video extension has a `url` too)."""
    for name, element in islice(document.elements(frozenset({"url", "sitemap"})), 2 * MAX_ENTRIES):
        fields = _fields(element)
        if loc := _text(fields.get("loc")):
            yield _child(loc, fields, now) if name == "sitemap" else _page(loc, fields, now)


def _page(loc: str, fields: Fields, now: str) -> Link:
    lastmod = _field(fields, "lastmod")
    fresh = "news" in fields or is_fresh(lastmod, now)
    return Link(loc, announced=_announced(fields, lastmod), priority=1 if fresh else OLD)


def _announced(fields: Fields, lastmod: str | None) -> Announced | None:
    image_url = address(_field(_fields(fields["image"]), "loc")) if "image" in fields else None
    if "news" not in fields:
        return Announced(modified=lastmod, image_url=image_url) if lastmod or image_url else None
    news = _fields(fields["news"])
    keywords = (plain(word, TITLE_LENGTH) for word in (_field(news, "keywords") or "").split(","))
    return Announced(
        title=_field(news, "title"),
        published=_field(news, "publication_date"),
        modified=lastmod,
        tags=tuple(dict.fromkeys(filter(None, keywords))),
        language=_field(_fields(news["publication"]), "language") if "publication" in news else None,
        image_url=image_url,
    )


def _child(loc: str, fields: Fields, now: str) -> Link:
    """A sitemap of an index: fresh ones and those of news first, then undated ones, then the archive."""
    lastmod = _field(fields, "lastmod")
    fresh = is_fresh(lastmod, now) or _NAMES_NEWS.search(loc.rpartition("/")[2]) is not None
    announced = Announced(modified=lastmod) if lastmod else None
    return Link(loc, Kind.SITEMAP, announced, priority=0 if fresh else OLD if lastmod else 1)


def _fields(element: _Element) -> Fields:
    """The first child of each local name."""
    fields: Fields = {}
    for child in element:
        fields.setdefault(local_name(child), child)
    return fields


def _field(fields: Fields, name: str) -> str | None:
    return plain(_text(fields[name]), TITLE_LENGTH) if name in fields else None


def _text(element: _Element | None) -> str:
    return "" if element is None else "".join(map(str, element.itertext())).strip()


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
    seeds[FIRST_SEEDS:] = [replace(link, priority=max(link.priority, OLD)) for link in seeds[FIRST_SEEDS:]]
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
    is_sitemap = link.kind is Kind.SITEMAP
    refused = scope.seed_refusal(form) if is_sitemap else scope.refusal(form)
    refused = refused or endless(form) or (None if is_sitemap else listed_refusal(form))
    return replace(link, url=form, refused=refused)
