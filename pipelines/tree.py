"""An HTML text as one lxml tree, whatever is thrown at it, and small readings of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from lxml.etree import ElementDefaultClassLookup, LxmlError
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from pipelines.normalize import ESCAPES

MAX_DEPTH = 150  # of elements; libxml2 itself gives up at 256 and loses all that follows
_CONTROLS = bytes({*range(32)} - {*b"\t\n\r"})
_NO_CHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")  # U+FFFE, U+FFFF
_THEIR_FIRST = b"\xef"
_REFERENCE = re.compile(rb"&#(?:0*+([0-9]{1,3})(?![0-9])|[xX]0*+([0-9a-fA-F]{1,2})(?![0-9a-fA-F]));?")
_PASSES = 4  # of taking out what may put together a reference or an escape when it is gone
# A tag as parsers see it: it ends at the first > outside quotes, and a < within it is part of a name.
_OPEN_TAG = re.compile(rb"""<[a-zA-Z][^\s/>]*+[^>"'=]*+(?:(?:=\s*+(?:"[^"]*+"|'[^']*+')?|["'])[^>"'=]*+)*+>?""")
_TAG_NAME = re.compile(rb"<[^\s/>]++")
_LONG_TAG = 3_000  # bytes
_ATTRIBUTE = re.compile(rb"""[^\s"'>=/]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'>]++))?""")
_MANY_ATTRIBUTES = 1_000
_LONG_NAME = 100
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*+)([^<>]*+)>")
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_BYLINE = re.compile("byline|author|autor|auteur|contributor|writer|reporter")
_DATED_OR_BYLINE = re.compile(f"date|publi|time|fecha|datum|meta|{_BYLINE.pattern}")
_NO_TEXT = frozenset({"script", "style", "img", "svg", "input", "body", "iframe", "button", "form"})
MAX_FOUND = 3_000
MAX_WALK = 40_000  # elements looked at in one reading; the largest news pages have a third of that
_RAW_TEXT = frozenset({"script", "style", "textarea", "title", "template"})


def parse(text: str) -> HtmlElement | None:
    """The tree of an HTML text; None when there is nothing in it. Documents nested too deep are flattened."""
    usable = _usable(text)
    if not usable.strip():
        return None
    parser = _parser(huge=False)
    tree = _tree(usable, parser)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        tree = _tree(flatten(usable.decode()).encode(), _parser(huge=True))
    return tree


def _usable(text: str) -> bytes:
    """The text in UTF-8 without characters that no tree may hold, written out or as numeric references."""
    markup = text.encode("utf-8", "ignore")  # a surrogate is ignored
    for _ in range(_PASSES):
        before, markup = markup, _without_unusable(markup)
        if markup == before:
            return thinned(markup)
    return thinned(markup.replace(b"&#", b"&amp;#"))


def _without_unusable(markup: bytes) -> bytes:
    """One pass; references 128 to 159 mean Windows-1252, as in browsers."""
    markup = _REFERENCE.sub(_referenced, markup)
    if b"\x1b" in markup:
        markup = ESCAPES.sub("", markup.decode()).encode()
    markup = markup.translate(None, _CONTROLS)
    if _THEIR_FIRST in markup:  # one byte is looked for fastest, and most pages have none
        for character in _NO_CHARACTERS:
            markup = markup.replace(character, b"")
    return markup


def thinned(markup: bytes) -> bytes:
    """UTF-8 markup, tags without their attributes where these are so many that the parser would take minutes to compare them."""
    if len(markup) <= _LONG_TAG or max(map(len, _OPEN_TAG.findall(markup)), default=0) <= _LONG_TAG:
        return markup
    return _OPEN_TAG.sub(_few_attributes, markup)


def _has_many_attributes(tag: bytes) -> bool:
    if len(tag) <= _LONG_TAG:
        return False
    return next(islice(_ATTRIBUTE.finditer(tag, _name_end(tag)), _MANY_ATTRIBUTES, None), None) is not None


def _few_attributes(match: re.Match[bytes]) -> bytes:
    tag = match[0]
    return tag[: min(_name_end(tag), 1 + _LONG_NAME)] + b">" if _has_many_attributes(tag) else tag


def _name_end(tag: bytes) -> int:
    name = _TAG_NAME.match(tag)
    return name.end() if name else 0


def _referenced(match: re.Match[bytes]) -> bytes:
    code = int(match[1]) if match[1] else int(match[2], 16)
    if 0x80 <= code < 0xA0:
        return bytes([code]).decode("cp1252", "ignore").encode()
    if code == 0x1B:
        return b"\x1b"
    return match[0] if code in (9, 10, 13) or 32 <= code < 127 or code >= 0xA0 else b""


def _parser(*, huge: bool) -> HTMLParser:
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, huge_tree=huge)
    # lxml.html asks Python for the class of every element it hands out; here all have one: a tenth of the time.
    parser.set_element_class_lookup(ElementDefaultClassLookup(element=HtmlElement))
    return parser


def _tree(usable: bytes, parser: HTMLParser) -> HtmlElement | None:
    try:
        return document_fromstring(usable, parser=parser)
    except (LxmlError, ValueError, AssertionError):
        return None


def flatten(text: str, limit: int = MAX_DEPTH, kept: frozenset[str] = frozenset()) -> str:
    """The text without the tags that would nest deeper than `limit`; those of the elements `kept` stay, however deep."""
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        closing, name, selfclosed = match.group(1), match.group(2).lower(), match.group(3).endswith("/")
        if name in _VOID or selfclosed or name in _RAW_TEXT or name in kept:
            return match.group()
        if closing:
            depth = max(0, depth - 1)
            return match.group() if depth < limit else " "
        depth += 1
        return match.group() if depth <= limit else " "

    return _TAG.sub(keep, text)


def text_of(element: HtmlElement, limit: int = 100_000) -> str:
    """The text inside an element on one line, at most about `limit` characters of it."""
    if not len(element):  # most have no children, and asking for their texts one by one takes three times as long
        return " ".join((element.text or "")[:limit].split())
    parts: list[str] = []
    size = 0
    for part in element.itertext():
        parts.append(part[:limit])
        size += len(part)
        if size > limit:
            break
    return " ".join("".join(parts).split())


def parted_text(element: HtmlElement, limit: int = 1_000) -> str:
    """`text_of` with a bar where two pieces of text touch without white space: they are apart on the screen."""
    text = ""
    for part in element.itertext():
        if text and part and not text[-1].isspace() and not part[0].isspace():
            text += " | "
        text += part[:limit]
        if len(text) > limit:
            break
    return " ".join(text.split())


@dataclass(slots=True)
class Survey:
    """What one walk over a tree found of use for metadata."""

    metas: dict[str, list[str]] = field(default_factory=dict)  # by lower-case property, name or itemprop
    canonical: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)  # texts of JSON-LD
    titles: list[HtmlElement] = field(default_factory=list)
    headings: list[HtmlElement] = field(default_factory=list)  # h1
    times: list[HtmlElement] = field(default_factory=list)
    itemprops: list[HtmlElement] = field(default_factory=list)
    bylines: list[HtmlElement] = field(default_factory=list)
    dated: list[HtmlElement] = field(default_factory=list)


def survey(tree: HtmlElement) -> Survey:
    """The metadata-bearing elements of a tree, in document order, each list with a limit."""
    found = Survey()
    within_body = False
    for element in islice(tree.iter(), MAX_WALK):
        tag = element.tag
        if reader := _READERS.get(tag):
            reader(found, element)
        if within_body and (names := element.keys()):
            _read_attributes(found, element, names)
        elif tag == "body":
            within_body = True
    return found


def _read_attributes(found: Survey, element: HtmlElement, names: list[str]) -> None:
    if "itemprop" in names and len(found.itemprops) < MAX_FOUND:
        found.itemprops.append(element)
    if "rel" in names and element.get("rel") == "author":
        mark: str | None = "byline"
    elif "class" in names or "id" in names:
        mark = _marks(element.get("class"), element.get("id"))
    else:
        return
    if mark and element.tag not in _NO_TEXT:
        (found.bylines if mark == "byline" else found.dated).append(element)


@lru_cache(maxsize=10_000)
def _marks(classes: str | None, identifier: str | None) -> str | None:
    label = f"{classes or ''} {identifier or ''}".lower()
    if len(label) > 400 or not _DATED_OR_BYLINE.search(label):
        return None
    return "byline" if _BYLINE.search(label) else "dated"


def _read_meta(found: Survey, meta: HtmlElement) -> None:
    content = (meta.get("content") or meta.get("value") or "").strip()[:20_000]
    names = {(meta.get(attribute) or "").strip().lower() for attribute in ("property", "name", "itemprop")}
    for name in names - {""}:
        values = found.metas.setdefault(name, [])
        if content and len(values) < 200:
            values.append(content)


def _read_link(found: Survey, link: HtmlElement) -> None:
    if "canonical" in (link.get("rel") or "").lower().split() and (link.get("href") or "").strip():
        found.canonical.append(link.get("href", ""))


def _read_script(found: Survey, script: HtmlElement) -> None:
    if "ld+json" in (script.get("type") or "").lower() and script.text:
        found.scripts.append(script.text)


def _read_title(found: Survey, title: HtmlElement) -> None:
    if not any(ancestor.tag == "svg" for ancestor in title.iterancestors("svg")):
        found.titles.append(title)


def _read_heading(found: Survey, heading: HtmlElement) -> None:
    found.headings.append(heading)


def _read_time(found: Survey, element: HtmlElement) -> None:
    if len(found.times) < MAX_FOUND and (element.get("datetime") or element.text):
        found.times.append(element)


_READERS: dict[str, Callable[[Survey, HtmlElement], None]] = {
    "meta": _read_meta,
    "link": _read_link,
    "script": _read_script,
    "title": _read_title,
    "h1": _read_heading,
    "time": _read_time,
}
