"""schema.org JSON-LD of a page: lenient reading with bounds, and the node that describes the article. Pure."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from pipelines.normalize import fold

Node = dict[str, Any]

MAX_SCRIPT = 2_000_000  # characters
MAX_NODES = 5_000
MAX_DEPTH = 12
MAX_SCRIPTS = 60
_WRAPPED = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)|(?:-->|//\s*+\]\]>|/\*\s*+\]\]>\s*+\*/|\]\]>)\s*+;?\s*+$"
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MISSING_COMMA = re.compile(r'("|\d|true|false|null|[}\]])(\s++)(?=")')
_LONE_BACKSLASH = re.compile(r'\\(?!["\\/bfnrtu])')
_FIELD = re.compile(
    r'"(headline|datePublished|dateModified|articleSection|description|inLanguage)"\s*:\s*"((?:[^"\\\n]|\\.){1,600})"'
)
_ARTICLE_TYPES = frozenset(
    "Article BlogPosting LiveBlogPosting Report Recipe Review SocialMediaPosting TechArticle HowTo CreativeWork "
    "DiscussionForumPosting QAPage FAQPage VideoObject AudioObject Episode PodcastEpisode".split()
)
_STRONG_TYPES = re.compile(r"Article$|^(?:BlogPosting|LiveBlogPosting|Report|Review)$|^AnalysisNews|News|Opinion")
LISTING_TYPES = frozenset({"CollectionPage", "ItemList", "SearchResultsPage"})
_INSIDE = ("@graph", "mainEntity", "mainEntityOfPage", "itemListElement", "item", "hasPart", "subjectOf", "about")
_LISTED = frozenset({"itemListElement", "hasPart", "about"})


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of all scripts of a page: (node, listed), by identifier, and fields read out of broken JSON."""

    nodes: tuple[tuple[Node, bool], ...] = ()
    by_id: dict[str, Node] = field(default_factory=dict)
    scraped: tuple[tuple[str, str], ...] = ()

    def types(self) -> set[str]:
        """All type names used on nodes that are not list entries."""
        return {name for node, listed in self.nodes if not listed for name in types_of(node)}

    def resolve(self, value: object) -> object:
        """The node a bare {"@id": ...} reference points to; anything else unchanged."""
        if isinstance(value, dict) and "@id" in value and "name" not in value:
            return self.by_id.get(str(value["@id"]), value)
        return value


def read(scripts: list[str]) -> Graph:
    """The JSON-LD graph of a page; scripts that are too long are ignored, broken ones repaired where possible."""
    nodes: list[tuple[Node, bool]] = []
    scraped: list[tuple[str, str]] = []
    for text in [script for script in scripts if len(script) <= MAX_SCRIPT][:MAX_SCRIPTS]:
        values = loads(text)
        if not values:
            scraped.extend((name, unescape(value)) for name, value in _FIELD.findall(text)[:50])
        for value in values:
            nodes.extend(_walk(value))
    nodes = nodes[:MAX_NODES]
    by_id = {str(node["@id"]): node for node, _ in reversed(nodes) if "@id" in node and len(node) > 1}
    return Graph(tuple(nodes), by_id, tuple(scraped))


def loads(text: str) -> list[Any]:
    """The JSON values in a script, after repairs in growing order of violence; [] when none helps."""
    text = _WRAPPED.sub("", text.strip()).strip().rstrip(";")
    for repaired in _repairs(text):
        try:
            return [json.loads(repaired, strict=False)]
        except RecursionError:
            return []
        except ValueError:
            continue
    return _several(text)


def _repairs(text: str) -> Iterator[str]:
    yield text
    if len(text) > 500_000:
        return
    comma = _TRAILING_COMMA.sub(r"\1", text)
    yield comma
    if '"' not in text and "&quot;" in text:
        yield unescape(text)
    yield _MISSING_COMMA.sub(_parted, _LONE_BACKSLASH.sub(r"\\\\", comma))


def _parted(gap: re.Match[str]) -> str:
    """A comma between two values that stand on two lines."""
    return f"{gap[1]},{gap[2]}" if "\n" in gap[2] else gap[0]


def _several(text: str) -> list[Any]:
    """Values written one after the other, and those before the first fault."""
    decoder, values, at = json.JSONDecoder(strict=False), list[Any](), 0
    while at < len(text) and len(values) < 20:
        start = min((found for found in (text.find("{", at), text.find("[", at)) if found >= 0), default=-1)
        if start < 0 or (at == 0 and start > 0):
            break
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        values.append(value)
    return values


def _walk(value: object) -> Iterator[tuple[Node, bool]]:
    queue: deque[tuple[object, int, bool]] = deque([(value, 0, False)])
    seen = 0
    while queue and seen < MAX_NODES:
        value, depth, listed = queue.popleft()
        seen += 1
        if isinstance(value, dict):
            yield value, listed
        if depth < MAX_DEPTH:
            queue.extend((child, depth + 1, listed or below) for child, below in _children(value))


def _children(value: object) -> Iterator[tuple[object, bool]]:
    if isinstance(value, list):
        yield from ((child, False) for child in value[:500])
    elif isinstance(value, dict):
        listing = bool(types_of(value) & LISTING_TYPES)
        for name in _INSIDE:
            if isinstance(value.get(name), dict | list):
                yield value[name], name in _LISTED or (listing and name == "item")


def types_of(node: Node) -> set[str]:
    """The schema.org type names of a node, without prefixes."""
    value = node.get("@type")
    names = value[:10] if isinstance(value, list) else [value]
    return {re.split(r"[/#:]", name)[-1] for name in names if isinstance(name, str)}


def article(graph: Graph, urls: frozenset[str], title_hints: frozenset[str]) -> Node | None:
    """The node of the page's article: by type, then by its own URL or headline, else the first."""
    ranked = [
        (score, -index, node)
        for index, (node, listed) in enumerate(graph.nodes)
        if (score := _rank(node, listed, urls, title_hints)) > 0
    ]
    return max(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _rank(node: Node, listed: bool, urls: frozenset[str], title_hints: frozenset[str]) -> float:
    names = types_of(node)
    strong = any(_STRONG_TYPES.search(name) for name in names)
    if not strong and not names & _ARTICLE_TYPES:
        return 0
    mine = not urls.isdisjoint(_addresses(node))
    named = fold(str(node.get("headline") or node.get("name") or ""))[:200] in title_hints
    rank = (4 if strong else 1) + 4 * mine + 3 * named + ("datePublished" in node) - 6 * listed
    return rank if mine or named or not listed else 0


def _addresses(node: Node) -> Iterator[str]:
    for name in ("url", "mainEntityOfPage", "@id"):
        value = node.get(name)
        value = value.get("@id") or value.get("url") if isinstance(value, dict) else value
        if isinstance(value, str):
            yield address(value)


def address(url: str) -> str:
    """A URL without scheme, www, query, fragment and trailing slash: enough to tell whether two name one page."""
    return (
        re.sub(r"^https?://(?:www\.|m\.|amp\.)?", "", url.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0].strip())
        .rstrip("/")
        .lower()
    )


def strings(value: object, key: str = "name") -> list[str]:
    """The strings of a value that may be a string, a node with `key`, or a list of those; at most 50."""
    found: list[str] = []
    for part in value[:50] if isinstance(value, list) else [value]:
        text = part.get(key) if isinstance(part, dict) else part
        text = text[0] if isinstance(text, list) and text else text
        if isinstance(text, str | int) and str(text).strip():
            found.append(unescape(unescape(str(text)[:20_000])))
    return found
