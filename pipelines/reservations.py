"""What rights a publisher reserves in a page's HTML, and with its header, as statements (`storage.warc.reservations`). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lxml.html import HtmlElement

from pipelines.claims import Claims
from pipelines.jsonld import Node, types_of
from storage.records import Page
from storage.warc.reservations import Said, address, as_json, directives, is_agent, of_header, tdm

_MOST_ELEMENTS = 2_000  # meta and link elements that are looked at
_MOST_NODES = 200
_MOST_VALUES = 5
_LICENCES = (("license", "license"), ("usageInfo", "usage-info"))
_OF_PAGE = frozenset({"WebPage"})


def of_tree(tree: HtmlElement, claims: Claims, url: str) -> Said:
    """What robots, TDM and licence elements of a page at `url` say, and the JSON-LD of its article."""
    elements = list(islice(tree.iter("meta", "link"), _MOST_ELEMENTS))
    return {
        "meta": tuple(
            statement for element in elements if element.tag == "meta" for statement in _of_meta(element, url)
        ),
        "link": tuple(
            statement for element in elements if element.tag == "link" for statement in _of_link(element, url)
        ),
        "json-ld": tuple(statement for node in _nodes(claims) for statement in _of_node(node, url)),
    }


def written(page: Page, said: Said) -> str | None:
    """All that a page says, its header included, as the row of its capture has it; None where nothing is said."""
    return as_json(said | {"header": tuple(of_header(page.headers, page.url))})


def _of_meta(meta: HtmlElement, url: str) -> Iterator[str]:
    name, content = (meta.get("name") or "").strip().lower(), meta.get("content") or ""
    if name == "robots":
        yield from directives(content)
    elif is_agent(name):
        yield from (f"{name}: {directive}" for directive in directives(content))
    else:
        yield from tdm(name, content, url)


def _of_link(link: HtmlElement, url: str) -> Iterator[str]:
    if "license" in (link.get("rel") or "").lower().split():
        yield from address("license", link.get("href") or "", url)


def _nodes(claims: Claims) -> Iterator[Node]:
    """The article's, and those of the page itself: the licence of a picture is no licence of the text."""
    if claims.node is not None:
        yield claims.node
    for node, listed in claims.graph.nodes[:_MOST_NODES]:
        if not listed and node is not claims.node and types_of(node) & _OF_PAGE:
            yield node


def _of_node(node: Node, url: str) -> Iterator[str]:
    for field, name in _LICENCES:
        value = node.get(field)
        for one in (value if isinstance(value, list) else [value])[:_MOST_VALUES]:
            text = one.get("url") or one.get("@id") if isinstance(one, dict) else one
            if isinstance(text, str):
                yield from address(name, text, url)
