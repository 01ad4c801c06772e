"""Home and section pages: links that look like articles, and the feeds and sections that a home page leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from lxml import etree

from crawler.discovery import shapes, traps
from crawler.discovery.phrases import TITLE_LENGTH, plain
from crawler.discovery.scope import Discovered, Scope
from crawler.discovery.shapes import Anchor
from pipelines.tree import flatten, thinned
from storage.records import Kind, Link
from storage.urlkey import InvalidURL, canonical, key

MAX_LINKS = 10_000
MAX_SECTIONS = 40
MAX_FEEDS = 40

_MAX_TEXT = 300
_MAX_INNER = 40  # elements of an anchor that are looked at
_SILENT = frozenset({"style", "script", "title", "template", "svg", "noscript"})
_KEPT = frozenset({"a", "h1", "h2", "h3", "h4", "h5", "h6", "html", "head", "body"})  # of a page nested too deep
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BOXES = frozenset({"div", "ul", "ol", "section", "aside", "table", "td", "li", "p", "span", "center", "menu"})
_MENU_CLASS = re.compile(
    r"(?:^|\s)(?!(?:no|has|with|hide|show|is|open)[-_])[\w-]*?"
    r"(?:(?<![a-z])(?:nav|navi|rubriken|ressorts)|menue?|navigation|navbar|breadcrumbs?|(?<=[a-z])(?:Nav|Menu))(?=\s|$)"
)
_MENU_ROLES = frozenset({"navigation", "menu", "menubar", "menuitem", "banner", "contentinfo"})
_FEED_TYPES = frozenset(
    "application/rss+xml application/atom+xml application/feed+json application/rdf+xml "
    "application/xml text/xml".split()
)
_FEED_PATH = re.compile(
    r"(?:\.(?:rss|atom|rdf)|/(?:rss|feed|atom|index)\.(?:xml|rdf|json)|/feed/?|/rss/?)$", re.IGNORECASE
)
_FEED_FILE = re.compile(r"(?:\.(?:rss|atom|rdf)|/(?:rss|feed|atom)\.(?:xml|json)|/feed/?)$", re.IGNORECASE)
_COMMENT_FEED = re.compile(
    r"/comments(?:[/.?]|$)|feed=(?:rss2-)?comments|comments?[ -]?feed|comments on |kommentare?[ -]feed"
    r"|(?:feed|flux|rss)\b.{0,12}\b(?:comentarios|coment[aá]rios|commentaires|commenti|reacties)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a page an element stands."""

    menu: bool = False  # navigation, or the header of the page
    footer: bool = False
    story: bool = False  # an <article>
    heading: bool = False


@dataclass(slots=True)
class _Linked:
    """One URL of a page and all its anchors."""

    url: str
    text: str = ""
    prominent: bool = False
    menu: bool = False
    elsewhere: bool = False  # also outside menus and footers
    rel: set[str] = field(default_factory=set)

    def anchor(self) -> Anchor:
        return Anchor(self.text, self.prominent, not self.elsewhere, frozenset(self.rel))


def from_html(text: str, url: str, scope: Scope, now: str, *, is_home: bool) -> Discovered:
    """The links of a page found at `url` at `now` (ISO 8601); only a home page gives seeds."""
    root = _parsed(text)
    if root is None:
        return Discovered(problem="empty")
    base = _base(root, url)
    linked, unusable, overflow = _collected(root, base, url)
    seeds = _seeds(root, base, scope, linked) if is_home else {}
    links = [*_refused_seeds(root, base, scope)] if is_home else []
    doubles = traps.doubles(linked)
    judged = (_judged(page, scope, now) for form, page in linked.items() if form not in seeds)
    links += [replace(link, refused=link.refused or "trap-session") if link.url in doubles else link for link in judged]
    return Discovered(
        links=tuple(links),
        seeds=tuple(seeds.values()),
        unusable=tuple(unusable),
        problem=overflow or (None if links or seeds else "no-links"),
        title=plain(root.findtext(".//title"), TITLE_LENGTH),
    )


def _parsed(text: str) -> etree._Element | None:
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    root = _tree(text, parser)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        root = _tree(flatten(text, kept=_KEPT), parser)  # nested too deep: libxml2 has lost all that follows
    return root


def _tree(text: str, parser: etree.HTMLParser) -> etree._Element | None:
    try:
        return etree.fromstring(thinned(text.encode("utf-8", "replace")), parser)
    except etree.LxmlError:
        return None


def _base(root: etree._Element, url: str) -> str:
    written = next((element.get("href") for element in root.iter("base") if element.get("href")), None)
    try:
        return canonical(written, url) if written else url
    except InvalidURL:
        return url


# ---- anchors


def _collected(root: etree._Element, base: str, url: str) -> tuple[dict[str, _Linked], list[Link], str | None]:
    """Every page that is linked, by URL; what has no canonical form; and whether there was too much."""
    places = _Places()
    linked: dict[str, _Linked] = {}
    unusable: dict[str, Link] = {}
    anchors = islice(root.iter("a", "area"), MAX_LINKS + 1)
    for count, element in enumerate(anchors):
        if count == MAX_LINKS:
            return linked, list(unusable.values()), f"too-many-links: {MAX_LINKS} read"
        href = (element.get("href") or "").strip()
        try:
            form = canonical(href, base) if href and not href.startswith("#") else ""
            if form:
                _merge(linked.setdefault(form, _Linked(form)), element, places.of(element))
        except InvalidURL as error:
            unusable.setdefault(href, Link(href[:500], refused=f"invalid-url: {error.reason}"))
    own = key(url)
    for form in [form for form in linked if form.partition("://")[2] == own]:
        del linked[form]
    return linked, list(unusable.values()), None


def _merge(page: _Linked, element: etree._Element, place: _Place) -> None:
    text = _text(element)
    page.text = text if len(text) > len(page.text) else page.text
    page.prominent = page.prominent or place.heading or next(element.iter(*_HEADINGS), None) is not None
    page.menu = page.menu or (place.menu and not place.story)
    page.elsewhere = page.elsewhere or not (place.menu or place.footer)
    page.rel.update((element.get("rel") or "").lower().split())


def _text(element: etree._Element) -> str:
    pieces = [element.text]
    for inner in islice(element.iterdescendants(), _MAX_INNER):
        pieces += [None if inner.tag in _SILENT else inner.text, inner.tail]
    text = " ".join("".join(filter(None, pieces)).split()) or element.get("aria-label") or element.get("title") or ""
    return text[:_MAX_TEXT]


class _Places:
    """Where elements stand, each ancestor looked at once however deep the page is nested."""

    def __init__(self) -> None:
        self._known: dict[etree._Element, _Place] = {}

    def of(self, element: etree._Element) -> _Place:
        unknown: list[etree._Element] = []
        node: etree._Element | None = element.getparent()
        while node is not None and node not in self._known:
            unknown.append(node)
            node = node.getparent()
        place = self._known[node] if node is not None else _Place()
        for node in reversed(unknown):
            place = self._known[node] = _within(place, node)
        return place


def _within(place: _Place, element: etree._Element) -> _Place:
    tag = element.tag
    if tag in _HEADINGS:
        return _Place(place.menu, place.footer, place.story, heading=True)
    if tag in {"article", "main"}:
        return _Place(story=place.story or tag == "article")
    if tag == "footer" and not place.story:
        return _Place(place.menu, footer=True)
    is_menu = tag == "nav" or (not place.story and (tag == "header" or (tag in _BOXES and _is_menu(element))))
    return _Place(menu=True, footer=place.footer) if is_menu else place


def _is_menu(element: etree._Element) -> bool:
    if element.get("role") in _MENU_ROLES:
        return True
    return any(_MENU_CLASS.search(name[:500]) for name in (element.get("class"), element.get("id")) if name)


def _judged(page: _Linked, scope: Scope, now: str) -> Link:
    expected = bool(scope.allow)
    refused = scope.refusal(page.url) or (traps.endless(page.url) if expected else traps.refusal(page.url, now))
    return Link(page.url, refused=refused or shapes.refusal(page.url, page.anchor(), expected=expected))


# ---- seeds


def _seeds(root: etree._Element, base: str, scope: Scope, linked: dict[str, _Linked]) -> dict[str, Link]:
    """Feeds that the head declares, feeds and sections that are linked; by URL."""
    feeds = {link.url: link for link in _declared(root, base, scope) if link.refused is None}
    for form in linked:
        if _FEED_FILE.search(form.partition("?")[0]) and not _COMMENT_FEED.search(form) and scope.includes(form):
            feeds.setdefault(form, Link(form, Kind.FEED, priority=0))
    sections = {
        form: Link(form, Kind.SECTION, priority=0)
        for form, page in linked.items()
        if page.menu and form not in feeds and shapes.is_section(form, page.anchor()) and scope.includes(form)
    }
    return dict(islice(feeds.items(), MAX_FEEDS)) | dict(islice(sections.items(), MAX_SECTIONS))


def _refused_seeds(root: etree._Element, base: str, scope: Scope) -> Iterable[Link]:
    return (link for link in _declared(root, base, scope) if link.refused)


def _declared(root: etree._Element, base: str, scope: Scope) -> Iterator[Link]:
    """What `<link>` elements name: feeds (but not of comments) and sitemaps."""
    for element in islice(root.iter("link"), MAX_LINKS):
        kind = _declared_kind(element)
        try:
            form = canonical(element.get("href") or "", base) if kind else ""
        except InvalidURL:
            continue
        if kind and not _COMMENT_FEED.search(f"{form} {element.get('title') or ''}"):
            yield Link(form, kind, refused=scope.seed_refusal(form), priority=0)


def _declared_kind(element: etree._Element) -> Kind | None:
    rel = (element.get("rel") or "").lower().split()
    mime = (element.get("type") or "").partition(";")[0].strip().lower()
    if "sitemap" in rel:
        return Kind.SITEMAP
    if "feed" in rel or ("alternate" in rel and mime in _FEED_TYPES):
        return Kind.FEED
    names_a_feed = _FEED_PATH.search((element.get("href") or "").partition("?")[0]) is not None
    return Kind.FEED if "alternate" in rel and mime == "application/json" and names_a_feed else None
