"""Which entries of a sitemap are dated in a period, and which sitemaps of an index may hold such entries. Pure.

Days count as they are written, whatever their time zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from crawler.discovery.scope import Discovered
from crawler.options import BackfillOptions
from storage.records import Kind, Link

FIRST_YEAR = 1990  # of the web
BACKFILL_PRIORITY = 2  # behind fresh news
_DAY = timedelta(days=1)
_LONGEST = 2_000  # characters of a URL that are looked at

Span: TypeAlias = "tuple[date, date]"  # a first day, and the one after the last

_WRITTEN = re.compile(r"\s*(\d{4})-(\d{2})(?:-(\d{2}))?(?!\d)")
_IN_URL = re.compile(
    r"(?<![0-9])(?P<year>(?:19|20)[0-9]{2})"
    r"(?:(?:[-_/.](?P<month>1[0-2]|0?[1-9])(?:[-_/.](?P<day>3[01]|[12][0-9]|0?[1-9])(?![0-9]))?"
    r"|(?P<month2>1[0-2]|0[1-9])(?P<day2>3[01]|[12][0-9]|0[1-9])?)(?![0-9]))?(?![0-9])"
)
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `since` on, up to the one before `until`."""

    since: date
    until: date

    def meets(self, span: Span) -> bool:
        """Whether they have a day in common."""
        return span[0] < self.until and self.since < span[1]


def period_of(asked: BackfillOptions) -> Period:
    """The period that a command asks for."""
    return Period(date.fromisoformat(asked.since), date.fromisoformat(asked.until))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a sitemap has for a period. `months` (YYYY-MM) are those of `links`; `skipped` are sitemaps, each with the reason."""

    links: tuple[Link, ...] = ()
    months: tuple[str, ...] = ()
    seeds: tuple[Link, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    undated: int = 0
    outside: int = 0
    problem: str | None = None


def chosen(found: Discovered, period: Period) -> Chosen:
    """The links dated in a period and the sitemaps that may have more of them."""
    spans = [(link, dated(link)) for link in found.links if link.kind is Kind.ARTICLE]
    inside = [(link, span) for link, span in spans if span and period.meets(span)]
    seeds = [link for link in found.seeds if link.kind is Kind.SITEMAP]
    reasons = _refusals(seeds, period)
    undated = sum(span is None for _, span in spans)
    return Chosen(
        links=tuple(replace(link, priority=BACKFILL_PRIORITY) for link, _ in inside),
        months=tuple(f"{max(span[0], period.since):%Y-%m}" for _, span in inside),
        seeds=tuple(link for link in seeds if link.url not in reasons),
        skipped=tuple(reasons.items()),
        undated=undated,
        outside=len(spans) - undated - len(inside),
        problem=None if found.links or found.seeds else found.problem,
    )


def dated(link: Link) -> Span | None:
    """When a story was published, as far as its entry tells: what is said so, else the date in its URL, else of its last change."""
    said = link.announced
    if published := written(said.published if said else None):
        return published
    in_url = span_in_url(link.url)
    changed = written(said.modified if said else None)
    if in_url is None or (changed and in_url[0] <= changed[0] < in_url[1]):
        return changed or in_url
    return in_url


def written(text: str | None) -> Span | None:
    """The day, or month, of a date as written: W3C (sitemaps) or RFC 5322 (RSS). None: of what is no date."""
    if not text:
        return None
    if (found := _WRITTEN.match(text)) is not None:
        return _span(found[1], found[2], found[3])
    try:
        day = parsedate_to_datetime(text[:100]).date()
    except (ValueError, OverflowError):
        return None
    return day, day + _DAY if day < date.max else day


def span_in_url(url: str) -> Span | None:
    """The day or month in an address: /2024/01/31/, 2024-01, 20240131. A year alone says too little."""
    spans = (_of(found) for found in _IN_URL.finditer(_path(url)) if found["month"] or found["month2"])
    return next(filter(None, spans), None)


def _refusals(seeds: Sequence[Link], period: Period) -> dict[str, str]:
    """Sitemaps of an index that cannot hold anything of a period, with the reason."""
    counting = _counting([link.url for link in seeds])
    refusals = {}
    for link in seeds:
        named = _span_of_name(link.url, counting)
        changed = written(link.announced.modified if link.announced else None)
        if named and not period.meets(named):
            refusals[link.url] = f"its name is of {named[0]} to {named[1] - _DAY}"
        elif not named and changed and changed[1] + _DAY <= period.since:
            refusals[link.url] = f"it was last changed on {changed[1] - _DAY}"
    return refusals


def _span_of_name(url: str, counting: frozenset[str]) -> Span | None:
    """What days the name of a sitemap is of: its date, or its year where that is no running number."""
    if (span := span_in_url(url)) is not None:
        return span
    found = next(_IN_URL.finditer(_path(url)), None)
    return None if found is None or _pattern(url) in counting else _of(found)


def _counting(urls: Iterable[str]) -> frozenset[str]:
    """Patterns of names whose numbers are no years: sitemap-1.xml, ..., sitemap-2024.xml."""
    return frozenset(
        _pattern(url) for url in urls if any(not FIRST_YEAR <= int(n[:9]) <= 2100 for n in _NUMBER.findall(_path(url))[-1:])
    )


def _pattern(url: str) -> str:
    return _NUMBER.sub("#", _path(url))


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"[:_LONGEST]


def _of(found: re.Match[str]) -> Span | None:
    return _span(found["year"], found["month"] or found["month2"], found["day"] or found["day2"])


def _span(year: str, month: str | None, day: str | None) -> Span | None:
    """A year, month or day; None when there is no such one."""
    if not FIRST_YEAR <= int(year) < 9999:
        return None
    try:
        first = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    if day:
        return first, first + _DAY
    if month:
        return first, (first + timedelta(days=31)).replace(day=1)
    return first, first.replace(year=first.year + 1)
