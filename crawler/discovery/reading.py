"""Reading seeds in a worker process: raw bytes of an exchange -> links. Pure, importable by name."""

from __future__ import annotations

from dataclasses import replace

from crawler.discovery.discover import discover
from crawler.discovery.periods import Chosen, Period, chosen
from crawler.discovery.scope import Discovered, Scope
from crawler.schedule.hints import longest, of_headers
from pipelines.page import RawPage, read_article, read_page
from storage.records import Kind, NoArticle

OBSTACLES = frozenset({"bot-challenge", "consent-wall", "login", "needs-javascript", "paywall"})


def read_seed(raw: RawPage, kind: Kind, scope: Scope, now: str) -> Discovered:
    """The links of a feed, sitemap, home or section page, and for how long it asks to be left alone."""
    page = read_page(raw)
    found = discover(page, kind, scope, now)
    found = replace(found, hint=longest(found.hint, of_headers(page.headers, now)))
    if kind in (Kind.HOME, Kind.SECTION) and not found.links and not found.seeds:
        return replace(found, problem=obstacle(raw) or found.problem)
    return found


def read_period(raw: RawPage, scope: Scope, now: str, period: Period) -> Chosen:
    """What a sitemap has for a period."""
    return chosen(discover(read_page(raw), Kind.SITEMAP, scope, now), period)


def obstacle(raw: RawPage) -> str | None:
    """What stands in place of the page, whatever its status: bot-challenge, consent-wall, login, needs-javascript."""
    _, blank, rest = raw.raw.partition(b"\n")
    result = read_article(replace(raw, raw=b"HTTP/1.1 200 OK\r" + blank + rest)).result
    return result.reason if isinstance(result, NoArticle) and result.reason in OBSTACLES else None
