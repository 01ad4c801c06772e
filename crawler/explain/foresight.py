"""What would become of a URL by its looks alone, and how it came by its canonical form. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from crawler.config.keys import Source
from crawler.discovery import shapes
from crawler.politeness.robots import PRODUCT, robots_parser
from crawler.sources.active import scope_of


@dataclass(frozen=True, slots=True)
class Prospect:
    """A source that a URL may belong to, and the rule of it that keeps the URL from being fetched."""

    source: str
    refused: str | None  # offsite, denied, not-allowed; None: it is in the scope
    unlikely: str | None  # a reason by its shape, which a link of a page must pass; feeds and sitemaps need not


def prospects(sources: Iterable[Source], url: str) -> list[Prospect]:
    """The sources on whose hosts a canonical URL lies."""
    judged = ((source, scope_of(source)) for source in sources)
    found = [(source, scope.refusal(url), bool(scope.allow)) for source, scope in judged]
    return [
        Prospect(source.name, refused, shapes.refusal(url, expected=expected))
        for source, refused, expected in found
        if refused != "offsite"
    ]


def prospect_of(source: Source, url: str) -> Prospect:
    """What the rules of one source say of a canonical URL."""
    scope = scope_of(source)
    return Prospect(source.name, scope.refusal(url), shapes.refusal(url, expected=bool(scope.allow)))


def robots_allow(body: str | None, url: str) -> bool:
    """Whether a robots.txt, as it is remembered, allows us a URL; without a text it allows all."""
    return body is None or bool(robots_parser(body).can_fetch(url, PRODUCT))


def changes(typed: str, canonical: str) -> list[str]:
    """What the canonical form changed, a part each: `query: a=1&utm_source=x -> a=1`."""
    try:
        before = urlsplit(typed.strip())
    except ValueError:
        return []
    return [*_parts(before, urlsplit(canonical))]


def _parts(before: SplitResult, after: SplitResult) -> Iterable[str]:
    for name in ("scheme", "netloc", "path", "query", "fragment"):
        was, became = getattr(before, name), getattr(after, name)
        if was != became:
            yield f"{_NAMES.get(name, name)}: {was or 'nothing'} -> {became or 'nothing'}"


_NAMES = {"netloc": "host"}
