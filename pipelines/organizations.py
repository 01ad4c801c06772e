"""Which of the names that stand as authors are organisations: the site itself, an agency, a desk. Pure."""

from __future__ import annotations

import re
from functools import cache

from pipelines import authors, titles, words
from pipelines.claims import Claims
from pipelines.normalize import fold

_MAX_CLAIMS = 200


def is_organization(name: str, claims: Claims) -> bool:
    """Whether a name is an organisation's: declared as one, the site's own, an agency's, or one that says so itself."""
    key = fold(name)
    return (
        key in claims.organizations or is_site(name, claims) or key in _agencies() or _ending().search(key) is not None
    )


def is_site(name: str, claims: Claims) -> bool:
    """Whether a name is the site's own."""
    return titles.names_site(name, claims.labels)


@cache
def _agencies() -> frozenset[str]:
    return frozenset(map(fold, words.lines("agencies")))


@cache
def _ending() -> re.Pattern[str]:
    """Words that only organisations end with, and those that only they begin with."""
    last = "|".join(re.escape(fold(line)) for line in words.lines("organization_endings"))
    first = "|".join(re.escape(fold(line)) for line in words.lines("organization_beginnings"))
    return re.compile(rf"\b(?:{last})$|^(?:{first})\b")


def names_person(claims: Claims) -> bool:
    """Whether any claim about the author is sure to name a person."""
    return any(
        authors.likely_person(name) and not is_organization(name, claims)
        for claim in claims.of("author")[:_MAX_CLAIMS]
        for name in authors.names([claim.value], claims.labels)
    )
