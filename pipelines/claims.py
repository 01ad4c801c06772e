"""What a page, and the feed or sitemap that announced it, claim about a story: one flat list of (field, value, source, weight). Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from htmldate import find_date
from lxml.html import HtmlElement

from pipelines import authors, dates, jsonld
from pipelines.jsonld import Graph, Node
from pipelines.normalize import fold
from pipelines.tree import Survey, parted_text, survey, text_of
from storage.records import Announced

MAX_TITLE = 500  # characters
MAX_AUTHORS = 50
_YEAR = re.compile(r"(?:19|20)\d{2}")
_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "option"})
_PARTS = re.compile("comment|related|teaser|recommend|sidebar|footer|promo|widget|newsletter")

# <meta> names by field, best first; the number is the weight of the first, falling by one.
_META: dict[str, tuple[int, tuple[str, ...]]] = {
    "title": (
        68,
        ("headline", "og:title", "parsely-title", "sailthru.title", "cxenseparse:title", "dc.title", "dcterms.title", "twitter:title",
         "citation_title", "title"),
    ),
    "author": (
        70,
        ("parsely-author", "article:author_name", "cxenseparse:author", "sailthru.author", "author", "article:author", "byl", "authors",
         "citation_author", "dc.creator", "dcterms.creator", "dc:creator", "dcsext.author", "creator", "og:article:author",
         "shareaholic:article_author_name", "vr:author", "twitter:data1"),
    ),
    "published": (
        80,
        ("article:published_time", "og:article:published_time", "og:published_time", "parsely-pub-date", "cxenseparse:recs:publishtime", "cxenseparse:publishtime",
         "sailthru.date", "datepublished", "dcterms.issued", "dc.date.issued", "citation_publication_date",
         "citation_online_date", "pubdate", "publishdate", "publish-date", "publish_date", "published_at", "publication_date", "published-date", "date.published",
         "article.published", "displaydate", "iso-8601-publish-date", "originalpublicationdate", "article_date_original",
         "og:pubdate", "pdate", "shareaholic:article_published_time", "vr:published_time", "rnews:datepublished", "ptime"),
    ),
    "published_or_generated": (50, ("dcterms.created", "dc.date.created", "date", "dc.date", "dcterms.date", "created", "timestamp")),
    "modified": (
        80,
        ("article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "dc.date.modified", "last-modified",
         "lastmod", "revised", "article.updated", "bt:moddate", "iso-8601-modified-date"),
    ),
    "site_name": (80, ("og:site_name", "cxenseparse:site_name", "publisher", "dc.publisher", "application-name", "apple-mobile-web-app-title", "twitter:site:name")),
    "section": (80, ("article:section", "og:article:section", "parsely-section", "cxenseparse:section", "sailthru.section", "dc.subject", "section", "category")),
    "tag": (80, ("article:tag", "og:article:tag", "news_keywords", "parsely-tags", "sailthru.tags", "cxenseparse:tags", "keywords")),
    "description": (80, ("og:description", "description", "dc.description", "dcterms.description", "twitter:description", "sailthru.description")),
    "image": (80, ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src", "parsely-image-url", "sailthru.image.full", "thumbnail")),
    "language": (60, ("dc.language", "dcterms.language", "og:locale", "language", "content-language", "inlanguage")),
    "canonical": (60, ("og:url", "parsely-link", "cxenseparse:url", "twitter:url")),
    "type": (60, ("og:type", "parsely-type", "cxenseparse:pageclass")),
}  # fmt: skip
_LISTED_META = frozenset({"author", "tag"})
_MICRODATA = {
    "headline": ("title", 76),
    "datepublished": ("published", 72),
    "datemodified": ("modified", 72),
    "articlesection": ("section", 60),
    "author": ("author", 62),
    "creator": ("author", 52),
}
_VISIBLE_PROPS = frozenset(_MICRODATA)


@dataclass(frozen=True, slots=True)
class Claim:
    """One value of one field, where it was found, and how far that place is to be trusted (0 to 100)."""

    field: str
    value: str
    source: str
    weight: int


@dataclass(frozen=True, slots=True)
class Claims:
    """All claims about a page, and the JSON-LD graph they came from."""

    all: tuple[Claim, ...]
    graph: Graph
    node: Node | None  # the graph's node of this article

    def of(self, field: str) -> list[Claim]:
        """The claims of one field, most trusted first."""
        return sorted((claim for claim in self.all if claim.field == field), key=lambda claim: -claim.weight)

    def values(self, field: str) -> list[str]:
        """Their values alone."""
        return [claim.value for claim in self.of(field)]


def gather(tree: HtmlElement, url: str, announced: Announced | None, fetched_at: str) -> Claims:
    """Every claim about the page at `url`, fetched at `fetched_at` (ISO 8601 UTC)."""
    seen = survey(tree)
    found = seen.metas
    headings = list(islice(_headings(seen), 5))
    graph = jsonld.read(seen.scripts)
    node = _article_node(graph, [url, *seen.canonical, *found.get("og:url", [])], found, headings)
    claims = [
        *_of_graph(graph, node),
        *_of_metas(found),
        *_of_microdata(seen),
        *_of_announced(announced),
        *_visible(tree, seen, headings),
        *(Claim("canonical", href, "link", 90) for href in seen.canonical[:3] if href.strip()),
    ]
    claims = [claim for claim in claims if claim.value.strip()]
    return Claims((*claims, *_searched_date(tree, url, claims, fetched_at)), graph, node)


def _article_node(graph: Graph, urls: list[str], found: dict[str, list[str]], headings: list[str]) -> Node | None:
    hints = frozenset(fold(text)[:200] for text in [*headings, *found.get("og:title", [])] if text)
    return jsonld.article(graph, frozenset(jsonld.address(url) for url in urls if url), hints)


def _of_graph(graph: Graph, node: Node | None) -> Iterator[Claim]:
    if node is not None:
        yield from _of_article(graph, node)
    for name, value in graph.scraped:
        field = {"headline": "title", "datePublished": "published", "dateModified": "modified", "articleSection": "section"}.get(name)
        if field:
            yield Claim(field, value, "json-ld-repaired", 78)
    for other, listed in graph.nodes:
        if other is not node and not listed:
            yield from _of_other(other)


def _of_article(graph: Graph, node: Node) -> Iterator[Claim]:
    simple = (
        ("title", "headline", 86), ("title", "name", 60), ("published", "datePublished", 90), ("published", "dateCreated", 50),
        ("modified", "dateModified", 90), ("section", "articleSection", 82), ("tag", "keywords", 75), ("description", "description", 70),
        ("language", "inLanguage", 65), ("canonical", "url", 50), ("free", "isAccessibleForFree", 90),
    )  # fmt: skip
    for field, name, weight in simple:
        for value in jsonld.strings(node.get(name)):
            yield Claim(field, value, "json-ld", weight)
    for name, weight in (("author", 90), ("creator", 74)):
        yield from _of_people(graph, node.get(name), weight)
    publisher = graph.resolve(node.get("publisher"))
    for value in jsonld.strings(publisher)[:1] if isinstance(publisher, dict) else []:
        yield Claim("site_name", value, "json-ld", 70)
    for value in jsonld.strings(node.get("image"), "url")[:1]:
        yield Claim("image", value, "json-ld", 70)


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
        for field, key in (("published", "datePublished"), ("modified", "dateModified"), ("language", "inLanguage")):
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
    for field, (weight, names) in _META.items():
        for rank, name in enumerate(names):
            values = found.get(name, [])
            for value in values[:MAX_AUTHORS] if field in _LISTED_META else values[:1]:
                yield Claim(field.partition("_or_")[0], value, name if name.startswith("og:") else f"meta:{name}", weight - rank // 2)


def _of_microdata(seen: Survey) -> Iterator[Claim]:
    scope: dict[str, object] = {}
    for element in seen.itemprops:
        for name in (element.get("itemprop") or "").lower().split():
            if name in _VISIBLE_PROPS and not _elsewhere(element):
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
        inner = next((child for child in element.iter() if child is not element and "name" in (child.get("itemprop") or "").split()), None)
        if inner is not None:
            return inner.get("content") or text_of(inner, 1_000)
    return text_of(element, 1_000)


def _elsewhere(element: HtmlElement) -> bool:
    """Whether an element belongs to a comment, teaser, sidebar or another story rather than to the article."""
    for ancestor in islice(element.iterancestors(), 12):
        if ancestor.tag in ("aside", "footer", "nav"):
            return True
        label = f"{ancestor.get('class') or ''} {ancestor.get('id') or ''} {ancestor.get('itemtype') or ''}".lower()
        if len(label) > 2 and ancestor.tag not in ("body", "html", "main") and _PARTS.search(label):
            return True
    return False


def _of_announced(announced: Announced | None) -> Iterator[Claim]:
    if announced is None:
        return
    simple = (
        ("title", announced.title, 72), ("published", announced.published, 78), ("modified", announced.modified, 40),
        ("description", announced.description, 60), ("language", announced.language, 55), ("image", announced.image_url, 50),
    )  # fmt: skip
    yield from (Claim(field, value, "announced", weight) for field, value, weight in simple if value)
    yield from (Claim("author", name, "announced", 64) for name in announced.authors[:MAX_AUTHORS])
    yield from (Claim("tag", tag, "announced", 50) for tag in announced.tags[:MAX_AUTHORS])


def _visible(tree: HtmlElement, seen: Survey, headings: list[str]) -> Iterator[Claim]:
    title = next((text for element in seen.titles[:3] if (text := text_of(element, 4 * MAX_TITLE))), "")
    yield Claim("title", title, "title", 50)
    heads = [title, *seen.metas.get("og:title", [])[:1]]
    for rank, heading in enumerate(headings):
        yield Claim("title", heading, "h1", 60 - 3 * rank + round(24 * max(_overlap(heading, head) for head in heads)))
    yield from _times(seen)
    yield from _bylines(seen)
    yield from _spoken_bylines(tree)
    for language in (tree.get("lang"), tree.get("{http://www.w3.org/XML/1998/namespace}lang"), tree.get("xml:lang")):
        if language:
            yield Claim("language", language, "html", 70)


def _overlap(heading: str, head: str) -> float:
    """The share of a heading's words, or in scripts without spaces its characters, that <title> or og:title has too; 0 to 1."""
    words = fold(heading).split()
    if len(words) < 3 and not heading.isascii():
        words = list(fold(heading).replace(" ", ""))
    there = fold(head)
    return sum(word in there for word in words) / len(words) if words else 0.0


def _headings(seen: Survey) -> Iterator[str]:
    for element in seen.headings[:20]:
        text = text_of(element, 4 * MAX_TITLE)
        if text and not _elsewhere(element):
            yield text


def _times(seen: Survey) -> Iterator[Claim]:
    shown = [element for element in seen.times[:40] if not _elsewhere(element)]
    for rank, element in enumerate(shown[:6]):
        label = f"{element.get('class') or ''} {element.get('itemprop') or ''} {element.getparent().get('class') or ''}".lower()
        field = "modified" if re.search(r"modif|updat|aktual|edit", label) else "published"
        marked = element.get("pubdate") is not None or "publish" in label
        yield Claim(field, element.get("datetime") or text_of(element, 200), "time", (66 if marked else 58) - rank)
    for rank, element in enumerate([element for element in seen.dated[:60] if not _elsewhere(element)][:8]):
        text = text_of(element, 400)
        if 8 <= len(text) <= 120 and re.search(r"\d{4}", text):
            yield Claim("published", text, "visible", 44 - rank)


def _bylines(seen: Survey) -> Iterator[Claim]:
    count = 0
    for element in seen.bylines[:200]:
        text = parted_text(element, 400)
        if not 3 <= len(text) <= 150 or _elsewhere(element):
            continue
        label = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('rel') or ''}".lower()
        exact = "name" in label or element.get("rel") == "author"
        yield Claim("author", text, "byline", (48 if exact else 42) - min(count, 10))
        count += 1
        if count >= 12:
            return


def _spoken_bylines(tree: HtmlElement) -> Iterator[Claim]:
    """Short texts beside the headline that say "by" in so many words."""
    heading = next(tree.iter("h1"), None)
    if heading is None:
        return
    read = 0
    texts = [" ".join(text.split()) for text in islice(_following(heading), 400)]
    for text, following in zip(texts, [*texts[1:], ""], strict=True):
        read += len(text)
        if names := authors.spoken(text) or (authors.is_prefix(text) and following) or None:
            yield Claim("author", names, "beside-heading", 34)
            return
        if read > 1_500:
            return


def _searched_date(tree: HtmlElement, url: str, claims: list[Claim], fetched_at: str) -> Iterator[Claim]:
    """Dates that nothing marks as such, looked for only where none is declared: beside the headline, then anywhere."""
    if any(claim.field == "published" and dates.believed(dates.parse(claim.value), fetched_at) for claim in claims):
        return
    near = [text for text in _beside_heading(tree) if dates.believed(dates.parse(text, None), fetched_at)]
    yield from (Claim("published", text, "beside-heading", 36 - rank) for rank, text in enumerate(near[:3]))
    if not near and dates.in_url(url) is None:
        found = find_date(tree, url=url or None, original_date=True, extensive_search=False, max_date=fetched_at[:10], min_date=dates.EARLIEST.isoformat())
        if found:
            yield Claim("published", found, "htmldate", 10)


def _beside_heading(tree: HtmlElement) -> Iterator[str]:
    """Short texts with a year in them, from just before the first h1 to the first long paragraph after it."""
    heading = next(tree.iter("h1"), None)
    if heading is None:
        return
    before = deque(_dated_texts(islice(heading.itersiblings(preceding=True), 5)), maxlen=3)
    after = 0
    for event in islice(_following(heading), 400):
        text = " ".join((event or "").split())
        after += len(text)
        if 6 <= len(text) <= 120 and _YEAR.search(text):
            yield text
        if after > 1_500:
            break
    yield from before


def _following(heading: HtmlElement) -> Iterator[str]:
    """The texts that follow an element in the document."""
    for ancestor in (heading, *islice(heading.iterancestors(), 8)):
        if ancestor.tag in ("body", "html"):
            return
        for sibling in ancestor.itersiblings():
            for element in sibling.iter():
                if element.tag not in _SILENT and (text := (element.text or "").strip()):
                    yield text
                if tail := (element.tail or "").strip():
                    yield tail


def _dated_texts(elements: Iterable[HtmlElement]) -> Iterator[str]:
    for element in elements:
        text = text_of(element, 400) if element.tag not in _SILENT else ""
        if 6 <= len(text) <= 120 and _YEAR.search(text):
            yield text
