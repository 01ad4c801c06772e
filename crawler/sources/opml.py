"""OPML (1.0, 2.0), the lists that feed readers exchange: read from any program, written as 2.0. Pure.

http://opml.org/spec2.opml. Documents that declare entities are refused, so that there is nothing to expand;
lone ampersands, the most usual fault, are mended.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from crawler.discovery.markup import local_name

NAMESPACE = "urn:newswarc:opml"
_FOUND = f"{{{NAMESPACE}}}found"
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,500}\?>")
_LONE = re.compile(r"&(?!(?:[A-Za-z][A-Za-z0-9]{0,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});)")


class BadOpml(ValueError):
    """No OPML; `line` is where."""

    def __init__(self, line: int, fault: str) -> None:
        super().__init__(fault)
        self.line = line


@dataclass(frozen=True, slots=True)
class Outline:
    """One outline with an address. `found`: newswarc wrote that this feed was found, not given."""

    line: int
    name: str
    home: str  # "": not said
    feed: str  # "": none
    found: bool = False


def read(text: str) -> Iterator[Outline]:
    """The outlines with an address, however deep they lie, in their order. Raises BadOpml."""
    if "<!ENTITY" in text:
        raise BadOpml(text.count("\n", 0, text.index("<!ENTITY")) + 1, "declares entities, which no list of feeds needs")
    mended = _LONE.sub("&amp;", _DECLARATION.sub(_line_ends, text, count=1))
    context = etree.iterparse(
        io.BytesIO(mended.encode("utf-8", "replace")),
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        yield from _outlines(context)
    except etree.XMLSyntaxError as error:
        fault = re.sub(r", line \d+, column \d+$", "", " ".join((error.msg or "there is nothing in it").split()))
        raise BadOpml(error.lineno or 1, f"is not XML: {fault}") from None


def _outlines(context: etree.iterparse) -> Iterator[Outline]:
    root = None
    for event, element in context:
        name = local_name(element)
        if root is None:
            root = name
            if name != "opml":
                raise BadOpml(element.sourceline or 1, f"is no OPML: its root element is <{name[:40]}>")
        if event == "end":
            _forget(element)
        elif name == "outline" and (found := _outline(element)):
            yield found


def _forget(element: etree._Element) -> None:
    """Keep neither what is in an element that was read nor those before it: memory stays constant."""
    element.clear()
    above = element.getparent()
    while above is not None and element.getprevious() is not None:
        del above[0]


def _outline(element: etree._Element) -> Outline | None:
    said = {str(name).lower(): str(value).strip() for name, value in element.attrib.items()}
    home, feed = said.get("htmlurl", ""), said.get("xmlurl", "")
    if not feed and not home:
        home = said.get("url", "")
    if not feed and not home:
        return None
    return Outline(element.sourceline or 0, said.get("text") or said.get("title") or "", home, feed, _FOUND in said)


def _line_ends(declaration: re.Match[str]) -> str:
    return "\n" * declaration[0].count("\n")


def written(title: str, outlines: Iterable[Outline]) -> bytes:
    """An OPML 2.0 document."""
    root = etree.Element("opml", {"version": "2.0"}, nsmap={"newswarc": NAMESPACE})
    etree.SubElement(etree.SubElement(root, "head"), "title").text = title
    body = etree.SubElement(root, "body")
    for outline in outlines:
        etree.SubElement(body, "outline", _attributes(outline))
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _attributes(outline: Outline) -> dict[str, str]:
    named = {"text": outline.name, "title": outline.name}
    if not outline.feed:
        return named | {"type": "link", "url": outline.home, "htmlUrl": outline.home}
    return named | {"type": "rss", "xmlUrl": outline.feed, "htmlUrl": outline.home} | ({_FOUND: "yes"} if outline.found else {})
