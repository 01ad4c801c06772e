"""The fields of an article, chosen out of all claims about it: one list of claims a field, one pure chooser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar
from urllib.parse import urlsplit

from pipelines import access, authors, dates, organizations, page_types, titles
from pipelines.claims import MAX_TITLE, Claim, Claims
from pipelines.dates import Moment
from pipelines.normalize import fold
from pipelines.phrases import phrase, site_name
from storage import urlkey

Value = TypeVar("Value")

MAX_TAGS = 50
_MAX_BYLINES = 200  # that a user name is compared with
_SITE, _ORGANIZATION, _SIGNED, _PERSON = 1, 2, 3, 4
UNMARKED = 44  # the weight of dates that only stand on the page
_GENERATED = frozenset(
    {"meta:date", "meta:dc.date", "meta:dcterms.date", "meta:dcterms.created", "meta:dc.date.created"}
)
AGREEMENT = 10  # what each further kind of source with the same value adds to a claim's weight
_LANGUAGE = re.compile(r"^([a-zA-Z]{2,3})(?:[-_][a-zA-Z0-9_.-]*)?$")
_TAG_SPLIT = re.compile(r"\s*[,;、，]\s*")


@dataclass(frozen=True, slots=True)
class Fields:
    """The chosen fields, named as in records.Candidate; `sources` says where each came from."""

    title: str | None = None
    authors: tuple[str, ...] = ()
    published: Moment | None = None
    modified: Moment | None = None
    canonical_url: str | None = None
    site_name: str | None = None
    section: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    image_url: str | None = None
    language: str | None = None
    organizations: tuple[str, ...] = ()  # those of the authors
    is_accessible_for_free: bool | None = None
    page_type: str | None = None
    og_type: str | None = None  # as Open Graph calls the page
    sources: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class _Context:
    claims: Claims
    url: str
    fetched_at: str


def choose(claims: Claims, url: str, fetched_at: str) -> Fields:
    """The fields of the page at `url`, fetched at `fetched_at` (ISO 8601 UTC), out of all claims about it."""
    site = best(claims.of("site_name"), site_name)
    context = _Context(claims, url, fetched_at)
    title = _title(context)
    names = _authors(context)
    chosen: dict[str, tuple[object, str] | None] = {
        "site_name": site,
        "title": title,
        "authors": names,
        "organizations": _organizations(names, claims),
        "published": _date(context, "published"),
        "modified": _date(context, "modified"),
        "canonical_url": best(claims.of("canonical"), lambda value: _canonical(value, url)),
        "section": best(claims.of("section"), lambda value: phrase(value, 120)),
        "tags": _tags(claims),
        "description": best(claims.of("description"), lambda value: phrase(value, 2_000)),
        "image_url": best(claims.of("image"), lambda value: _absolute(value, url)),
        "language": best(claims.of("language"), _language),
        "is_accessible_for_free": access.choose(claims),
        "page_type": page_types.choose(claims, url, title[0] if title else None),
        "og_type": best(claims.of("type"), lambda value: phrase(value, 60)),
    }
    found = {name: pair for name, pair in chosen.items() if pair is not None}
    sources = tuple((name, pair[1]) for name, pair in found.items() if name != "og_type")
    return Fields(**{name: pair[0] for name, pair in found.items()}, sources=sources)  # type: ignore[arg-type]


def best(claims: Iterable[Claim], clean: Callable[[str], Value | None]) -> tuple[Value, str] | None:
    """The weightiest claim's value after cleaning, and its source; agreeing sources add weight."""
    cleaned = [(claim, value) for claim in claims if (value := clean(claim.value)) is not None]
    if not cleaned:
        return None
    keys = [_folded(value) for _, value in cleaned]
    agreeing: dict[object, set[str]] = {}
    for key, (claim, _) in zip(keys, cleaned, strict=True):
        agreeing.setdefault(key, set()).add(_family(claim.source))
    weights = [claim.weight + AGREEMENT * len(agreeing[key]) for key, (claim, _) in zip(keys, cleaned, strict=True)]
    claim, value = cleaned[weights.index(max(weights))]
    return value, claim.source


def _family(source: str) -> str:
    """The kind of a source: for readers, for search engines, for sharing, in a feed. One kind repeats itself."""
    if source in ("h1", "h2", "microdata", "byline", "time"):
        return "page"
    return "json-ld" if source.startswith("json-ld") else "announced" if source == "announced" else "head"


def _folded(value: object) -> object:
    return fold(value) if isinstance(value, str) else value


def _title(context: _Context) -> tuple[str, str] | None:
    claims = context.claims.of("title")
    if all(claim.source == "title" for claim in claims):
        return best(claims, lambda value: _lone_title(value, context))
    return best(claims, lambda value: _clean_title(value, context.claims.labels)) or best(
        claims, lambda value: phrase(value, MAX_TITLE)
    )


def _lone_title(value: str, context: _Context) -> str | None:
    title = _clean_title(value, context.claims.labels)
    return title and (titles.in_address(title, context.url) or titles.without_last_part(title))


def _clean_title(value: str, labels: frozenset[str]) -> str | None:
    title = phrase(value, MAX_TITLE)
    if not title:
        return None
    bare = titles.without_site(title, labels)
    return None if titles.names_site(bare, labels) and len(fold(bare).split()) < 5 else bare


def _authors(context: _Context) -> tuple[tuple[str, ...], str] | None:
    """The names of the weightiest source; the site, and an organisation in a meta tag, yield to a source that names a person."""
    ranked = context.claims.of("author")
    fallback: tuple[tuple[str, ...], str] | None = None
    rated = 0
    for source in dict.fromkeys(claim.source for claim in ranked):
        found = _names_of([claim.value for claim in ranked if claim.source == source], source, context.claims.labels)
        rating = max((_rating(name, context.claims) for name in found), default=0)
        if rating > rated and (fallback is None or rating == _PERSON):
            fallback, rated = (found, source), rating
        if rated >= (_SIGNED if source.startswith("meta:") else _ORGANIZATION):
            break
    return (_spelled_out(*fallback, ranked)) if fallback else None


def _spelled_out(names: tuple[str, ...], source: str, ranked: list[Claim]) -> tuple[tuple[str, ...], str]:
    if not any(map(authors.is_user_name, names)):
        return names, source
    others = [name for claim in ranked[:_MAX_BYLINES] for name in authors.names([claim.value])]
    return tuple(authors.spelled_out(name, others) for name in names), source


def _organizations(names: tuple[tuple[str, ...], str] | None, claims: Claims) -> tuple[tuple[str, ...], str] | None:
    found = tuple(name for name in names[0] if organizations.is_organization(name, claims)) if names else ()
    return (found, names[1]) if names and found else None


def _rating(name: str, claims: Claims) -> int:
    """How far a name is a person's: 1 the site, 2 another organisation, 3 some name, 4 a full one."""
    if organizations.is_organization(name, claims):
        return _SITE if organizations.is_site(name, claims) else _ORGANIZATION
    return _PERSON if authors.likely_person(name) else _SIGNED


def _names_of(values: list[str], source: str, labels: frozenset[str]) -> tuple[str, ...]:
    """A list of authors is one value or many; of bylines on the screen the first counts that says "by" or names a person."""
    if source != "byline":
        return authors.names(values, labels)
    named = [(value, found) for value in values if (found := authors.names([value], labels))]
    sure = (found for value, found in named if authors.is_spoken(value) or any(map(authors.likely_person, found)))
    return next(sure, named[0][1] if named else ())


def _date(context: _Context, name: str) -> tuple[Moment, str] | None:
    """The weightiest believable moment; what it lacks in time or zone is completed by others that agree with it."""
    first = _month_first(context.claims)
    known = [
        (claim, moment)
        for claim in context.claims.of(name)
        if (moment := dates.believed(dates.parse(claim.value, first), context.fetched_at))
    ]
    in_url = dates.believed(dates.in_url(context.url), context.fetched_at) if name == "published" else None
    if not known or (in_url and known[0][0].source == "htmldate"):
        return (in_url, "url") if in_url else None
    claim, moment = _generated_before(known) or known[0]
    return (_localised(moment, known), claim.source) if moment.known else _completed(moment, claim.source, known)


def _generated_before(known: list[tuple[Claim, Moment]]) -> tuple[Claim, Moment] | None:
    """The date of the page itself where it is earlier than a date that only stands on it: that one is of something else."""
    claim, moment = known[0]
    if claim.weight > UNMARKED:
        return None
    return next((pair for pair in known if pair[0].source in _GENERATED and pair[1].day < moment.day), None)


def _month_first(claims: Claims) -> bool | None:
    """How 4/5/2026 is to be read here: English alone does not say."""
    tags = [value.replace("_", "-").lower() for value in claims.values("language")]
    if not any(tag.startswith("en") for tag in tags[:1]):
        return False
    regions = {tag.partition("-")[2] for tag in tags} - {""}
    return True if regions == {"us"} else None if not regions or "us" in regions else False


def _localised(moment: Moment, known: list[tuple[Claim, Moment]]) -> Moment:
    """A moment declared in UTC, in the publisher's own zone where another source shows the same moment in it."""
    if moment.offset != 0:
        return moment
    for _, other in known:
        if other.known and other.offset and other.same_minute(moment):
            return other
    shown = (
        moment.with_wall_clock_of(other)
        for claim, other in known
        if claim.source in ("time", "visible", "microdata", "beside-heading")
    )
    return next((local for local in shown if local is not None and local.offset), moment)


def _completed(moment: Moment, source: str, known: list[tuple[Claim, Moment]]) -> tuple[Moment, str]:
    """A day or a wall clock without zone, made a full moment by a source that can only mean the same."""
    for claim, other in known:
        if not other.known:
            continue
        if moment.clock is None and moment.day in other.days():
            return other, claim.source
        if moment.clock is not None and (full := other.with_wall_clock_of(moment)):
            return full, source
    return moment, source


def _tags(claims: Claims) -> tuple[tuple[str, ...], str] | None:
    for source, group in groupby(claims.of("tag"), key=lambda claim: claim.source):
        values = [part for claim in group for part in _TAG_SPLIT.split(claim.value[:5_000])]
        found = {fold(tag): tag for value in values if (tag := phrase(value, 80)) and fold(tag)}
        if found:
            return tuple(found.values())[:MAX_TAGS], source
    return None


def _language(value: str) -> str | None:
    match = _LANGUAGE.match(value.strip())
    return match.group(1).lower() if match else None


def _absolute(value: str, url: str) -> str | None:
    try:
        return urlkey.canonical(value.strip(), url)
    except ValueError:
        return None


def _canonical(value: str, url: str) -> str | None:
    """The canonical URL when it is on the page's own site and is not its home page."""
    try:
        found = urlkey.canonical(value.strip(), url)
        foreign = not urlkey.same_site(found, url)
    except ValueError:
        return None
    home = urlsplit(found).path in ("", "/") and not urlsplit(found).query
    return None if foreign or (home and urlsplit(url).path not in ("", "/")) else found
