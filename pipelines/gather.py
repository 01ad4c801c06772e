"""What a page, and the feed or sitemap that announced it, claim about a story: one flat list. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from lxml.html import HtmlElement

from pipelines import access, dates, jsonld, nearby, organizations, titles, words
from pipelines import headline as headlines
from pipelines.claims import MAX_TITLE, Claim, Claims
from pipelines.headline import Headline
from pipelines.jsonld import Graph, Node
from pipelines.nearby import Nearby
from pipelines.normalize import fold
from pipelines.tree import Survey, survey, text_of
from pipelines.visible import author_links, visible
from storage.records import Announced

MAX_AUTHORS = 50
GENERATED = 36  # the weight of a date that may be the moment the page was put together

_LISTED_META = frozenset({"author", "tag"})
_MICRODATA = {
    "headline": ("title", 76),
    "datepublished": ("published", 72),
    "datemodified": ("modified", 72),
    "articlesection": ("section", 60),
    "isaccessibleforfree": ("free", 72),
    "author": ("author", 62),
    "creator": ("author", 52),
}
_MAX_NAMED = 500  # nodes that are looked at for names of organisations
_ORGANIZATIONS = ("Organization", "Corporation", "Newspaper")
_OF_WEB_PAGE = (
    ("published", "datePublished"), ("modified", "dateModified"), ("language", "inLanguage"),
    ("free", "isAccessibleForFree"),
)  # fmt: skip
_VISIBLE_PROPS = frozenset(_MICRODATA)


def gather(tree: HtmlElement, url: str, announced: Announced | None, fetched_at: str) -> Claims:
    """Every claim about the page at `url`, fetched at `fetched_at` (ISO 8601 UTC)."""
    seen = survey(tree)
    headline = headlines.find(tree, seen, url)
    graph = jsonld.read(seen.scripts)
    node = _article_node(graph, [url, *seen.canonical, *seen.metas.get("og:url", [])], seen.metas, headline)
    found = [
        *_of_graph(graph, node),
        *_of_metas(seen.metas),
        *_of_microdata(seen, headline),
        *_of_announced(announced),
        *headlines.claims(headline, seen),
        *visible(tree, seen, headline),
        *(Claim("canonical", href, "link", 90) for href in seen.canonical[:3] if href.strip()),
    ]
    declared = Claims(tuple(claim for claim in found if claim.value.strip()), graph, node)
    declared = replace(declared, labels=titles.labels_of(declared, url), organizations=_organizations(graph))
    return replace(declared, all=(*declared.all, *_searched(declared, tree, headline, url, fetched_at)))


def _searched(declared: Claims, tree: HtmlElement, headline: Headline, url: str, fetched_at: str) -> Iterator[Claim]:
    """What is looked for only because nothing declares it: persons and the day of publication."""
    near = Nearby(tree, headline)
    if not organizations.names_person(declared):
        yield from author_links(tree, headline)
        yield from [*nearby.bylines(near)] or nearby.labelled_author(near)
    known = [
        moment
        for claim in declared.of("published")
        if claim.weight > GENERATED and (moment := dates.believed(dates.parse(claim.value), fetched_at))
    ]
    if not known:
        yield from nearby.published(near, url, tree, fetched_at)
    elif known[0].offset == 0 and not any(moment.offset or moment.naive for moment in known):
        yield from nearby.clocks(near)


def _article_node(graph: Graph, urls: list[str], found: dict[str, list[str]], headline: Headline) -> Node | None:
    shown = [text for heading in headline.headings for text in (heading.text, heading.bare)]
    hints = frozenset(fold(text)[:200] for text in [*shown, *found.get("og:title", [])] if text)
    return jsonld.article(graph, frozenset(jsonld.address(url) for url in urls if url), hints)


def _of_graph(graph: Graph, node: Node | None) -> Iterator[Claim]:
    if node is not None:
        yield from _of_article(graph, node)
    for name, value in graph.scraped:
        field = {
            "headline": "title",
            "datePublished": "published",
            "dateModified": "modified",
            "articleSection": "section",
        }.get(name)
        if field:
            yield Claim(field, value, "json-ld-repaired", 78)
    for other, listed in graph.nodes:
        if other is not node and not listed:
            yield from _of_other(other)


def _of_article(graph: Graph, node: Node) -> Iterator[Claim]:
    simple = (
        ("title", "headline", 86), ("title", "name", 60),
        ("published", "datePublished", 90),
        ("published", "dateCreated", 50), ("published", "uploadDate", 60),
        ("modified", "dateModified", 90), ("section", "articleSection", 82),
        ("tag", "keywords", 75),
        ("description", "description", 70), ("language", "inLanguage", 65),
        ("canonical", "url", 50), ("free", "isAccessibleForFree", 90),
    )  # fmt: skip
    for field, name, weight in simple:
        for value in jsonld.strings(node.get(name)):
            yield Claim(field, value, "json-ld", weight)
    for name, weight in (("author", 90), ("creator", 74)):
        yield from _of_people(graph, node.get(name), weight)
    if access.closed_part(node):
        yield Claim("free", "false", "json-ld", 85)
    publisher = graph.resolve(node.get("publisher"))
    for value in jsonld.strings(publisher)[:1] if isinstance(publisher, dict) else []:
        yield Claim("site_name", value, "json-ld", 70)
    for value in jsonld.strings(node.get("image"), "url")[:1]:
        yield Claim("image", value, "json-ld", 70)


def _organizations(graph: Graph) -> frozenset[str]:
    """The folded names of all nodes that are declared to be organisations."""
    names = (
        name
        for node, _ in graph.nodes[:_MAX_NAMED]
        for part in (node, *(node.get(role) for role in ("author", "creator", "publisher")))
        for each in (part if isinstance(part, list) else [part])[:MAX_AUTHORS]
        if isinstance(each, dict) and _is_organization(jsonld.types_of(each))
        for name in jsonld.strings(each.get("name"))[:1]
    )
    return frozenset(fold(name[:200]) for name in names)


def _is_organization(types: set[str]) -> bool:
    return "Person" not in types and any(kind.endswith(_ORGANIZATIONS) for kind in types)


def _of_people(graph: Graph, value: object, weight: int) -> Iterator[Claim]:
    for part in (value if isinstance(value, list) else [value])[:MAX_AUTHORS]:
        person = graph.resolve(part)
        for name in jsonld.strings(person):
            yield Claim("author", name, "json-ld" if weight > 80 else "json-ld-creator", weight)


def _of_other(node: Node) -> Iterator[Claim]:
    names = jsonld.types_of(node)
    if names & {"WebSite", "NewsMediaOrganization", "Organization"}:
        for value in jsonld.strings(node.get("name"))[:1]:
            yield Claim("site_name", value, "json-ld", 66 if "WebSite" in names else 40)
    if any(name.endswith("WebPage") for name in names):
        for field, key in _OF_WEB_PAGE:
            for value in jsonld.strings(node.get(key))[:1]:
                yield Claim(field, value, "json-ld-webpage", 66)
    if "BreadcrumbList" in names and isinstance(node.get("itemListElement"), list):
        crumbs = [name for entry in node["itemListElement"][:10] for name in _crumb(entry)]
        if len(crumbs) > 1:
            yield Claim("section", crumbs[1 if len(crumbs) > 2 else 0], "json-ld-breadcrumb", 40)


def _crumb(entry: object) -> list[str]:
    if not isinstance(entry, dict):
        return []
    return jsonld.strings(entry.get("name")) or jsonld.strings(entry.get("item"))


def _of_metas(found: dict[str, list[str]]) -> Iterator[Claim]:
    for field, name, weight in _meta_names():
        values = found.get(name, ())
        source = name if name.startswith("og:") else f"meta:{name}"
        for value in values[:MAX_AUTHORS] if field in _LISTED_META else values[:1]:
            yield Claim(field.partition("_or_")[0], value, source, weight)


@cache
def _meta_names() -> tuple[tuple[str, str, int], ...]:
    """(field, name, weight) of every <meta> name that is read."""
    found: list[tuple[str, str, int]] = []
    for line in words.lines("meta_names"):
        field, weight, names = _meta_line(line)
        found.extend((field, name, int(weight) - rank // 2) for rank, name in enumerate(names.split()))
    return tuple(found)


def _meta_line(line: str) -> tuple[str, str, str]:
    head, names = line.split(": ", 1)
    field, weight = head.split()
    return field, weight, names


def _of_microdata(seen: Survey, headline: Headline) -> Iterator[Claim]:
    scope: dict[str, object] = {}
    for element in seen.itemprops:
        for name in (element.get("itemprop") or "").lower().split():
            if name in _VISIBLE_PROPS and not headline.apart(element):
                field, weight = _MICRODATA[name]
                if field != "author" and scope.setdefault(name, element) is not element:
                    continue
                value = _prop_value(element, name)
                if value and len(value) <= MAX_TITLE:
                    yield Claim(field, value, "microdata", weight)


def _prop_value(element: HtmlElement, name: str) -> str:
    declared = element.get("content") or element.get("datetime")
    if declared:
        return str(declared)
    if name in ("author", "creator"):
        inner = next(
            (
                child
                for child in element.iter()
                if child is not element and "name" in (child.get("itemprop") or "").split()
            ),
            None,
        )
        if inner is not None:
            return inner.get("content") or text_of(inner, 1_000)
    return text_of(element, 1_000)


def _of_announced(announced: Announced | None) -> Iterator[Claim]:
    if announced is None:
        return
    simple = (
        ("title", announced.title, 72), ("published", announced.published, 78), ("modified", announced.modified, 40),
        ("description", announced.description, 60), ("language", announced.language, 55),
        ("image", announced.image_url, 50),
    )  # fmt: skip
    yield from (Claim(field, value, "announced", weight) for field, value, weight in simple if value)
    yield from (Claim("author", name, "announced", 64) for name in announced.authors[:MAX_AUTHORS])
    yield from (Claim("tag", tag, "announced", 50) for tag in announced.tags[:MAX_AUTHORS])
