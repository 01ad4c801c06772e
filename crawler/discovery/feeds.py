"""Feeds: RSS 0.9x to 2.0, RDF (RSS 1.0), Atom 0.3 and 1.0, JSON Feed -> links with what the feed says of each story.

Read with lxml here, because neither feed library keeps what news feeds have. fastfeedparser 0.6 rewrites dates to UTC
(the publisher's offset is lost), keeps one author, ignores xml:base and FeedBurner's origLink, takes any Atom link for
the story's, and cuts texts and URLs at undeclared entities and lone ampersands. feedparser 6.0 expands internal
entities, mangles `desk@paper.example (Desk)`, drops origLink, and needs seconds for a hostile file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from crawler.discovery.markup import Document, local_name
from crawler.discovery.phrases import (
    LABEL_LENGTH,
    TAG,
    TITLE_LENGTH,
    address,
    distinct,
    label,
    mended_url,
    person,
    plain,
)
from crawler.discovery.scope import Discovered, Scope
from crawler.discovery.shapes import media_refusal
from crawler.schedule.hints import FeedSays, of_feed
from storage.records import Announced, Link
from storage.urlkey import InvalidURL, canonical

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_ENTRIES = 50_000
ROOTS = frozenset({"rss", "rdf", "feed", "channel"})

_TEXT_LENGTH = 2_000
_MAX_PEOPLE = 100
_IDENTIFYING = frozenset({"link", "guid", "id"})
_MAX_CHILDREN = 1_000
_MAX_ABOVE = 16  # elements around one that are asked for its base and language
_ENTRIES = frozenset({"item", "entry"})
_HINTS = {"ttl": "ttl", "updateperiod": "period", "updatefrequency": "frequency", "updatebase": "base"}
_SKIPS = {"skiphours": "skip_hours", "skipdays": "skip_days"}
_ABOUT = frozenset({*_HINTS, *_SKIPS, "language", "title"})
_MAX_SKIPS = 48  # hours or days that are looked at
_XML = "{http://www.w3.org/XML/1998/namespace}"
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/elements/1.0/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://search.yahoo.com/mrss/": "media",
    "http://search.yahoo.com/mrss": "media",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://www.pheedo.com/namespace/pheedo": "feedburner",
    "http://www.w3.org/2005/atom": "atom",
    "http://purl.org/atom/ns#": "atom",
    "http://purl.org/rss/1.0/modules/content/": "content",
}
_IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|webp|gif|avif)(?:$|[?#])", re.IGNORECASE)


@dataclass(slots=True)
class _About:
    """What a feed says of itself."""

    title: str | None = None
    language: str | None = None
    says: FeedSays = field(default_factory=FeedSays)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry: candidate URLs, best first, each with the base it is relative to."""

    urls: tuple[tuple[str, str], ...]
    announced: Announced


def from_xml(document: Document, url: str, scope: Scope, now: str) -> Discovered:
    """The stories of an RSS, RDF or Atom document found at `url`; `now` (ISO 8601) is when it came."""
    about = _About()
    found = _discovered(_entries(document, url, about), scope, about, lambda: document.problem)
    return replace(found, hint=of_feed(about.says, now))


def from_json(text: str, url: str, scope: Scope) -> Discovered:
    """The stories of a JSON Feed (1.0, 1.1) found at `url`."""
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError):
        return Discovered(problem="not-a-feed: json")
    entries = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(entries, list):
        return Discovered(problem="not-a-feed: json")
    about = _About(title=plain(feed.get("title"), TITLE_LENGTH), language=label(feed.get("language")))
    stories = (_json_entry(entry, url, about.language) for entry in entries if isinstance(entry, dict))
    return _discovered(stories, scope, about, lambda: None)


def _discovered(
    entries: Iterable[_Entry], scope: Scope, about: _About, problem: Callable[[], str | None]
) -> Discovered:
    links: dict[str, Link] = {}
    unusable: list[Link] = []
    overflow = None
    for count, entry in enumerate(entries):
        if count == MAX_ENTRIES:
            overflow = f"too-many-entries: {MAX_ENTRIES} read"
            break
        link = _link(entry, scope)
        if link.refused and link.refused.startswith("invalid-url"):
            unusable.append(link)
        else:
            links.setdefault(link.url, link)
    nothing = None if links or unusable else "no-entries"
    return Discovered(
        links=tuple(links.values()),
        unusable=tuple(unusable),
        problem=problem() or overflow or nothing,
        title=about.title,
    )


def _link(entry: _Entry, scope: Scope) -> Link:
    reason, written = "no-link", ""
    for url, base in entry.urls:
        try:
            form = canonical(mended_url(url), base)
        except InvalidURL as error:
            reason, written = (reason, written) if written else (error.reason, url)
            continue
        return Link(form, announced=entry.announced, refused=scope.refusal(form) or media_refusal(form))
    return Link(written[:500], announced=entry.announced, refused=f"invalid-url: {reason}")


# ---- XML


def _entries(document: Document, url: str, about: _About) -> Iterator[_Entry]:
    for name, element in document.elements(_ENTRIES, also=_ABOUT):
        if name in _ENTRIES:
            yield _xml_entry(element, url, about)
        elif _is_of_the_feed(element):
            _note(about, name, element)


def _is_of_the_feed(element: _Element) -> bool:
    parent = element.getparent()
    return parent is not None and local_name(parent) in ROOTS


def _note(about: _About, name: str, element: _Element) -> None:
    """Keep what the feed says of itself; its first word counts."""
    if name in _SKIPS:
        named = tuple(_text(child)[:20] for child in islice(element, _MAX_SKIPS))
        setattr(about.says, _SKIPS[name], getattr(about.says, _SKIPS[name]) or named)
        return
    text = _text(element)
    if name in _HINTS:
        setattr(about.says, _HINTS[name], getattr(about.says, _HINTS[name]) or text[:40])
    elif name == "title":
        about.title = about.title or plain(text, TITLE_LENGTH)
    else:
        about.language = about.language or label(text)


Fields: TypeAlias = "dict[str, list[_Element]]"


def _xml_entry(entry: _Element, url: str, about: _About) -> _Entry:
    fields = _fields(entry)
    return _Entry(
        urls=tuple(_urls(entry, fields, url)),
        announced=Announced(
            title=_title(fields.get("title", ())),
            published=_first(fields, "pubdate", "published", "issued", "dc:date", "dcterms:issued", "created", "date"),
            modified=_first(fields, "updated", "modified", "atom:updated", "dcterms:modified"),
            authors=_authors(fields),
            tags=_tags(fields),
            description=_first(fields, "description", "summary", "dc:description", limit=_TEXT_LENGTH),
            language=label(_first(fields, "dc:language", "language")) or _xml_language(entry) or about.language,
            image_url=_image(entry, fields, url),
        ),
    )


def _fields(entry: _Element) -> Fields:
    """Children by name: bare in the entry's own namespace or none, `prefix:name` in one that feeds are known to use."""
    own = _namespace(entry)
    fields: Fields = {}
    whole = any(local_name(child) in _IDENTIFYING for child in entry)
    for child in entry if whole else islice(entry.iterdescendants(), _MAX_CHILDREN):  # else a tag was left open
        name = local_name(child)
        if not name:
            continue
        space = _namespace(child)
        prefix = "" if space in {own, ""} else _PREFIXES.get(space.lower(), space if space.isalpha() else "?")
        fields.setdefault(f"{prefix}:{name}" if prefix else name, []).append(child)
    return fields


def _namespace(element: _Element) -> str:
    """The namespace, or the bare prefix where it was never declared."""
    space, brace, name = str(element.tag).rpartition("}")
    return space[1:] if brace else name.rpartition(":")[0].lower()


def _urls(entry: _Element, fields: Fields, url: str) -> Iterator[tuple[str, str]]:
    base = _base(entry, url)
    texts = [_text(element) for element in fields.get("feedburner:origlink", ())]
    links = [*fields.get("link", ()), *fields.get("atom:link", ())]
    texts += [_text(element) for element in links]
    for text in texts:
        if text:
            yield text, base
    for link in sorted(links, key=_is_not_html):
        if link.get("rel", "alternate").lower() in {"alternate", ""} and link.get("href"):
            yield link.get("href", ""), _base(link, url)
    yield from _permalinks(entry, fields, base)


def _is_not_html(link: _Element) -> bool:
    return "html" not in link.get("type", "html")


def _permalinks(entry: _Element, fields: Fields, base: str) -> Iterator[tuple[str, str]]:
    """Identifiers that are URLs: a guid that says it is none is asked last."""
    guids = [*fields.get("guid", ()), *fields.get("id", ())]
    texts = [_text(guid) for guid in sorted(guids, key=lambda guid: guid.get("isPermaLink", "").lower() == "false")]
    texts += [value for name, value in entry.attrib.items() if str(name).endswith("}about")]
    for text in texts:
        if text.lower().startswith(("http://", "https://")):
            yield text, base


def _base(element: _Element, url: str) -> str:
    bases = [node.get(f"{_XML}base") for node in _upwards(element)]
    for written in reversed([base for base in bases if base]):
        try:
            url = canonical(written, url)
        except InvalidURL:
            continue
    return url


def _upwards(element: _Element) -> list[_Element]:
    return [element, *islice(element.iterancestors(), _MAX_ABOVE)]


def _xml_language(entry: _Element) -> str | None:
    languages = (label(node.get(f"{_XML}lang")) for node in _upwards(entry))
    return next(filter(None, languages), None)


def _text(element: _Element) -> str:
    return "".join(map(str, element.itertext())).strip()


def _title(elements: Iterable[_Element]) -> str | None:
    return next((title for element in elements if (title := plain(_text(element), TITLE_LENGTH))), None)


def _first(fields: Fields, *names: str, limit: int = LABEL_LENGTH) -> str | None:
    """The first of these fields that says anything."""
    texts = (plain(_text(element), limit, TAG) for name in names for element in fields.get(name, ()))
    return next((text for text in texts if text), None)


def _authors(fields: Fields) -> tuple[str, ...]:
    written = [_text(element) for name in ("dc:creator", "creator") for element in fields.get(name, ())]
    for name in ("author", "atom:author"):
        for element in fields.get(name, ()):
            names = [_text(child) for child in element if local_name(child) == "name"]
            written += names or [_text(element) if len(element) == 0 else ""]
    written += [_text(element) for element in fields.get("media:credit", ()) if element.get("role") == "author"]
    written += [] if any(written) else [_text(element) for element in fields.get("itunes:author", ())]
    return distinct(map(person, written))


def _tags(fields: Fields) -> tuple[str, ...]:
    categories = [*fields.get("category", ()), *fields.get("atom:category", ())]
    written = [element.get("label") or element.get("term") or _text(element) for element in categories]
    written += [_text(element) for element in fields.get("dc:subject", ())]
    keywords = [_text(element) for element in fields.get("media:keywords", ())]
    return distinct(label(text) for text in [*written, *(",".join(keywords)).split(",")])


def _image(entry: _Element, fields: Fields, url: str) -> str | None:
    media = [*fields.get("enclosure", ()), *(el for el in entry.iter() if local_name(el) in {"content", "thumbnail"})]
    sources = [element.get("url", "") for element in media if _is_image(element)]
    sources += [element.get("href", "") for element in fields.get("itunes:image", ())]
    attached = (element for element in fields.get("link", ()) if element.get("rel") == "enclosure")
    sources += [element.get("href", "") for element in attached if _is_image(element)]
    return address(next(filter(None, sources), None), _base(entry, url))


def _is_image(element: _Element) -> bool:
    kind = (element.get("medium") or element.get("type") or "").lower()
    if kind:
        return kind.startswith("image")
    return local_name(element) == "thumbnail" or _IMAGE_FILE.search(element.get("url", "")) is not None


# ---- JSON


def _json_entry(entry: dict[str, Any], url: str, language: str | None) -> _Entry:
    identifier = entry.get("id")
    last = identifier if isinstance(identifier, str) and identifier.startswith(("http://", "https://")) else None
    candidates = [entry.get("url"), entry.get("external_url"), last]
    return _Entry(
        urls=tuple((text, url) for text in candidates if isinstance(text, str) and text),
        announced=Announced(
            title=plain(entry.get("title"), TITLE_LENGTH),
            published=label(entry.get("date_published")),
            modified=label(entry.get("date_modified")),
            authors=distinct(map(person, _json_authors(entry))),
            tags=distinct(map(label, _list(entry.get("tags")))),
            description=plain(entry.get("summary"), _TEXT_LENGTH, TAG),
            language=label(entry.get("language")) or language,
            image_url=address(entry.get("image") or entry.get("banner_image"), url),
        ),
    )


def _json_authors(entry: dict[str, Any]) -> list[str | None]:
    people = [*_list(entry.get("authors")), entry.get("author")]
    return [person.get("name") if isinstance(person, dict) else None for person in people]


def _list(value: object) -> list[Any]:
    return value[:_MAX_PEOPLE] if isinstance(value, list) else []
