"""What kind of article a page is, out of what it declares, its address and its headline. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import unquote, urlsplit

from pipelines import jsonld, words
from pipelines.claims import Claims
from pipelines.normalize import fold

Pair = tuple[str, str]  # a page type, and the source that says so

_BY_SCHEMA = {  # schema.org types, https://schema.org/CreativeWork and below
    "LiveBlogPosting": "live-blog",
    "OpinionNewsArticle": "opinion",
    "ImageGallery": "gallery",
    "MediaGallery": "gallery",
    "VideoGallery": "video",
    "VideoObject": "video",
    "Clip": "video",
    "AudioObject": "audio",
    "PodcastEpisode": "audio",
    "RadioEpisode": "audio",
}
_BY_GRAPH = {"video": "video", "music": "audio", "audio": "audio", "gallery": "gallery", "opinion": "opinion"}
_YES = frozenset({"true", "1", "yes"})
_KICKER = re.compile(r"^([^:|：｜]{2,30}?)\s*[:|：｜]")
_MAX_SEGMENTS = 12


def choose(claims: Claims, url: str, title: str | None) -> Pair | None:
    """The page's type and its source: the first that says something special; else `article` where one is declared."""
    special = next(_special(claims, url, title), None)
    if special:
        return special
    node = claims.node
    if node is not None and any(name.endswith(("Article", "Posting", "Report")) for name in jsonld.types_of(node)):
        return "article", "json-ld"
    if any(fold(value) in ("article", "news", "newsarticle", "blog") for value in claims.values("type")):
        return "article", "og:type"
    return None


def _special(claims: Claims, url: str, title: str | None) -> Iterator[Pair]:
    yield from ((_BY_SCHEMA[name], "json-ld") for name in _BY_SCHEMA if name in _own_types(claims))
    for claim in claims.of("type") if claims.node is None else ():
        if found := _BY_GRAPH.get(re.split(r"[.:\s]", claim.value.strip().lower(), maxsplit=1)[0]):
            yield found, claim.source
    if any(fold(value) in _YES for value in claims.values("opinion")):
        yield "opinion", "meta:article:opinion"
    if found := _in_address(url):
        yield found, "url"
    for claim in claims.of("section")[:3]:
        if found := _labels().get(fold(claim.value)):
            yield found, claim.source
    if (match := _KICKER.match(title or "")) and (found := _labels().get(fold(match[1]))):
        yield found, "title"


def _own_types(claims: Claims) -> set[str]:
    """The types of the article's node; without one, those of all nodes that are no entries of a list."""
    if claims.node is not None:
        return jsonld.types_of(claims.node)
    return claims.graph.types()


def _in_address(url: str) -> str | None:
    """What a folder of the address says, or the first or last words of its name."""
    path = unquote(urlsplit(url).path).lower() if "://" in url else ""
    *folders, name = path.strip("/").split("/")[-_MAX_SEGMENTS:]
    for folder in folders:
        if found := _folders().get(folder):
            return found
    return next((kind for word, kind in _names() if name.startswith(f"{word}-") or name.endswith(f"-{word}")), None)


@cache
def _folders() -> dict[str, str]:
    return dict(_listed("page_type_folders"))


@cache
def _names() -> tuple[tuple[str, str], ...]:
    """Words that say it in the name of a page too, where words of other meanings stand beside them."""
    return tuple(_listed("page_type_names"))


@cache
def _labels() -> dict[str, str]:
    return {fold(label): kind for label, kind in _listed("page_type_labels")}


def _listed(name: str) -> Iterator[tuple[str, str]]:
    """(entry, page type) of a list with lines `TYPE: entry, entry`."""
    for line in words.lines(name):
        kind, _, entries = line.partition(": ")
        yield from ((entry.strip(), kind) for entry in entries.split(","))
