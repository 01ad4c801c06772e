"""What a page needs to look as it did: its pictures, stylesheets, fonts, scripts and icons, as URLs. Pure.

Read from the bytes of a page or stylesheet as a browser reads them, lazy-loading attributes and `<noscript>` included. What
plays (audio, video) and what is a page of its own (frames) is not among them; posters are, and linked PDFs where they are wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from lxml import etree
from w3lib.encoding import http_content_type_encoding

from pipelines import jsonld, stylesheets
from pipelines.decode import decode
from pipelines.tree import flatten, thinned
from storage.records import Page
from storage.urlkey import InvalidURL, absolute

MAX_REQUISITES = 1_000  # of one page or stylesheet
MAX_WRITTEN = 20_000  # URLs of a page that are looked at, repetitions included
MAX_ELEMENTS = 200_000
MAX_STYLE = 2_000_000  # characters of CSS within a page
_MAX_CANDIDATES = 100  # of one srcset
_MAX_JSON = 500_000  # characters
_MAX_NODES = 5_000

_LINKED = frozenset(
    "stylesheet icon apple-touch-icon apple-touch-icon-precomposed mask-icon fluid-icon manifest modulepreload image_src".split()
)
_PRELOADED = frozenset({"style", "script", "font", "image"})
_SHOWN_IN = frozenset(
    "og:image og:image:url og:image:secure_url twitter:image twitter:image:src thumbnail msapplication-tileimage image".split()
)
_LAZY = ("data-src", "data-lazy-src", "data-lazy", "data-original")
_LAZY_PERHAPS = tuple(  # names that sites also give to addresses of pages
    "data-img data-image data-image-src data-hi-res-src data-full-src data-lazyload data-delayed-url data-echo data-url".split()
)
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "data-sizes-srcset")
_LAZY_BACKGROUNDS = ("data-bg", "data-background", "data-background-image", "data-bg-src", "data-poster", "data-bgset")
_PLAYS = frozenset({"iframe", "frame", "audio", "video", "track", "embed", "object", "script", "a", "form", "input"})
_PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|svg|bmp|ico)(?:[?#]|$)", re.IGNORECASE)
_PDF = re.compile(r"\.pdf(?:[?#]|$)", re.IGNORECASE)
_CSS_FILE = re.compile(r"\.css(?:[?#]|$)", re.IGNORECASE)
_UNTYPED = frozenset({"", "text/plain", "application/octet-stream", "application/x-css", "binary/octet-stream"})
_TEMPLATE = re.compile(r"\{\{|\$\{|<%|%%")
_CANDIDATE = re.compile(r"[\s,]*+(\S++)")
_DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*+\)?)*+,?")
_KEPT = frozenset(  # of a page nested too deep
    "html head body link meta base script style img source picture video audio image use input template noscript a".split()
)


@dataclass(frozen=True, slots=True)
class Requisites:
    """Absolute URLs in the order they are met, each once. `overflow`: there were more than are taken."""

    urls: tuple[str, ...] = ()
    overflow: bool = False


NOTHING = Requisites()


def of_page(page: Page, *, pdfs: bool = False) -> Requisites:
    """The requisites of an HTML page; with `pdfs` the PDFs it links to as well. Never raises on any body."""
    root = _parsed(decode(page.body, page.content_type))
    if root is None:
        return NOTHING
    elements = islice(root.iter(etree.Element), MAX_ELEMENTS)
    written = chain.from_iterable(_written(element, pdfs=pdfs) for element in elements)
    return _resolved(chain(_styles(root), written), _base(root, page.url), page.url)


def of_stylesheet(page: Page) -> Requisites:
    """What a stylesheet imports and shows. Never raises on any body."""
    css = stylesheets.text_of(page.body, http_content_type_encoding(page.content_type))
    return _resolved(stylesheets.urls_of(css), page.url, page.url)


def is_stylesheet(url: str, content_type: str | None) -> bool:
    """Whether an answer is CSS: as it says itself, or as its URL says where it says nothing."""
    mime = (content_type or "").partition(";")[0].strip().lower()
    return mime == "text/css" or (mime in _UNTYPED and _CSS_FILE.search(url) is not None)


def whole(page: Page, stylesheet: Callable[[str], Page | None], *, pdfs: bool = False) -> list[str]:
    """The requisites of a page and of its stylesheets, and of theirs; `stylesheet` gives the page of a URL if it is one.

    Each URL once; one that leads to itself ends there.
    """
    found = dict.fromkeys(of_page(page, pdfs=pdfs).urls)
    waiting = list(found)
    while waiting:
        sheet = stylesheet(waiting.pop(0))
        if sheet is not None:
            new = [url for url in of_stylesheet(sheet).urls if url not in found]
            found.update(dict.fromkeys(new))
            waiting += new
    return list(found)


# ---- the page


def _parsed(text: str) -> etree._Element | None:
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    root = _tree(text, parser)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        root = _tree(flatten(text, kept=_KEPT), parser)  # nested too deep: libxml2 has lost all that follows
    return root


def _tree(text: str, parser: etree.HTMLParser) -> etree._Element | None:
    try:
        return etree.fromstring(thinned(text.encode("utf-8", "replace")), parser)
    except (etree.LxmlError, ValueError):
        return None


def _base(root: etree._Element, url: str) -> str:
    written = next((element.get("href") for element in root.iter("base") if element.get("href")), None)
    try:
        return absolute(written, url) if written else url
    except InvalidURL:
        return url


def _resolved(written: Iterable[str], base: str, own: str) -> Requisites:
    """Absolute URLs of what was written; what no request can be made of, and the page itself, left out."""
    itself = absolute(own).partition("://")[2]
    found: dict[str, None] = {}
    seen: set[str] = set()
    for text in islice(written, MAX_WRITTEN):
        if text in seen or not text.strip() or text.lstrip().startswith("#") or _TEMPLATE.search(text[:2_000]):
            continue
        seen.add(text)
        try:
            url = absolute(text, base)
        except InvalidURL:  # data:, blob:, javascript: and what is no URL
            continue
        if url in found or url.partition("://")[2] == itself:
            continue
        if len(found) == MAX_REQUISITES:
            return Requisites(tuple(found), overflow=True)
        found[url] = None
    return Requisites(tuple(found), overflow=next(iter(written), None) is not None)


def _styles(root: etree._Element) -> Iterator[str]:
    """What `<style>` elements and `style` attributes show; a bounded part of a page that is made of nothing else."""
    left = MAX_STYLE
    for element in islice(root.iter(etree.Element), MAX_ELEMENTS):
        css = element.text if element.tag == "style" else element.get("style")
        if not css or ("(" not in css and "@" not in css):
            continue
        yield from stylesheets.urls_of(css[:left])
        left -= len(css)
        if left <= 0:
            return


# ---- elements


def _written(element: etree._Element, *, pdfs: bool) -> Iterator[str]:
    """URLs of requisites as one element has them written."""
    tag = element.tag
    if pdfs and tag in {"a", "object", "embed"}:
        yield from _pdf(element)
    if not element.attrib and tag != "script":
        return
    reader = _READERS.get(tag)
    if reader is not None:
        yield from reader(element)
    if background := element.get("background"):
        yield background
    if tag not in _PLAYS and any(name.startswith("data-") for name in element.keys()):  # noqa: SIM118 - lxml's
        yield from _lazy(element)


def _link(element: etree._Element) -> Iterator[str]:
    rel = set((element.get("rel") or "").lower().split())
    if not (rel & _LINKED or ("preload" in rel and (element.get("as") or "").lower() in _PRELOADED)):
        return
    yield from _attributes(element, "href")
    yield from _candidates(element.get("imagesrcset"))


def _meta(element: etree._Element) -> Iterator[str]:
    names = (element.get("property"), element.get("name"), element.get("itemprop"))
    if any(name and name.strip().lower() in _SHOWN_IN for name in names):
        yield from _attributes(element, "content")


def _script(element: etree._Element) -> Iterator[str]:
    yield from _attributes(element, "src")
    kind = (element.get("type") or "").partition(";")[0].strip().lower()
    if kind == "application/ld+json" and element.text and len(element.text) <= _MAX_JSON and "image" in element.text:
        yield from _images_in(jsonld.loads(element.text))


def _image(element: etree._Element) -> Iterator[str]:
    yield from _attributes(element, "src", "lowsrc", "href", "xlink:href")
    yield from _candidates(element.get("srcset"))


def _source(element: etree._Element) -> Iterator[str]:
    """Of a `<picture>`: those of audio and video have `src`, and are none of ours."""
    yield from _candidates(element.get("srcset"))


def _poster(element: etree._Element) -> Iterator[str]:
    yield from _attributes(element, "poster", "data-poster")


def _button(element: etree._Element) -> Iterator[str]:
    if (element.get("type") or "").lower() == "image":
        yield from _attributes(element, "src")


def _embedded(element: etree._Element) -> Iterator[str]:
    if (element.get("type") or "").lower().startswith("image/"):
        yield from _attributes(element, "data", "src")


_READERS: dict[object, Callable[[etree._Element], Iterator[str]]] = {
    "link": _link,
    "meta": _meta,
    "script": _script,
    "img": _image,
    "amp-img": _image,
    "image": _image,
    "use": _image,
    "feimage": _image,
    "source": _source,
    "video": _poster,
    "audio": _poster,
    "amp-video": _poster,
    "input": _button,
    "object": _embedded,
    "embed": _embedded,
}


def _attributes(element: etree._Element, *names: str) -> Iterator[str]:
    return (value for name in names if (value := element.get(name)))


def _pdf(element: etree._Element) -> Iterator[str]:
    typed = (element.get("type") or "").strip().lower() == "application/pdf"
    return (url for url in _attributes(element, "href", "data", "src") if typed or _PDF.search(url))


def _lazy(element: etree._Element) -> Iterator[str]:
    """What a script would move to `src` or `srcset`; of an element that is no picture, only what looks like one."""
    is_picture = element.tag in {"img", "amp-img", "source"}
    playing = element.tag == "source" and element.getparent() is not None and element.getparent().tag != "picture"
    if not playing:
        if is_picture:
            yield from (url for url in _attributes(element, *_LAZY) if "/" in url or "." in url)
        names = _LAZY_PERHAPS if is_picture else (*_LAZY, *_LAZY_PERHAPS)
        yield from (url for url in _attributes(element, *names) if _PICTURE.search(url))
    for written in _attributes(element, *_LAZY_SETS):
        yield from _candidates(written)
    for written in _attributes(element, *_LAZY_BACKGROUNDS):
        yield from _background(written)


def _background(written: str) -> Iterator[str]:
    if "url(" in written:
        return stylesheets.urls_of(written[:MAX_STYLE])
    return (url for url in _candidates(written) if _PICTURE.search(url))


def _candidates(srcset: str | None) -> Iterator[str]:
    """The URLs of a srcset, as the HTML standard (4.8.4.2.1) splits it: a comma within one is part of it."""
    text, at = srcset or "", 0
    for _ in range(_MAX_CANDIDATES):
        found = _CANDIDATE.match(text, at)
        if found is None:
            return
        at = found.end()
        if not found[1].endswith(","):
            at = _DESCRIPTORS.match(text, at).end()  # type: ignore[union-attr]
        yield found[1].rstrip(",")


# ---- JSON-LD


def _images_in(values: list[Any]) -> Iterator[str]:
    """What schema.org nodes name as `image` or `thumbnailUrl`."""
    waiting = values
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value[:_MAX_NODES]
        elif isinstance(value, dict):
            for name, inner in value.items():
                if name in {"image", "thumbnailUrl"}:
                    yield from _addresses(inner)
                elif isinstance(inner, dict | list):
                    waiting.append(inner)


def _addresses(value: object) -> Iterator[str]:
    for each in (value if isinstance(value, list) else [value])[:_MAX_CANDIDATES]:
        address = (each.get("url") or each.get("contentUrl")) if isinstance(each, dict) else each
        if isinstance(address, str):
            yield address
