"""Feeds and sitemaps as a stream of XML elements, from whatever bytes came.

What is in front of the root element (junk, XML declaration, DOCTYPE) never reaches the parser, and a DOCTYPE that
declares entities is refused: so there is nothing to expand and nothing to load. Entities that HTML knows become their
characters, lone ampersands and control characters are mended. Memory stays constant: gzip is undone piece by piece and
elements are dropped once they are read.
"""

from __future__ import annotations

import codecs
import html
import re
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html.entities import html5
from itertools import chain, islice

from lxml import etree

from crawler.discovery.charset import encoding_of

MAX_TEXT_BYTES = 64 * 1024 * 1024  # after decompression; the sitemap protocol allows 50 MB
_PIECE = 1 << 16
_MAX_HELD = 1 << 20  # characters kept back because a CDATA section or tag is still open
_MAX_UNWANTED = 200_000  # elements in a row that are not wanted
_MAX_ABOVE = 16  # elements around a wanted one that may be wanted too
_MAX_MENDED = 2_000_000  # entities, ampersands and CDATA sections of one document
_GZIP = b"\x1f\x8b"

_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?(rss|rdf|feed|urlset|sitemapindex|channel)(?=[\s>/])", re.IGNORECASE)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_PAGE_TAG = re.compile(r"<(?:div|p|a|meta|script|table|span|h1)[\s>]", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[A-Za-z_]")
_ENTITY_DECLARATION = re.compile(r"<!ENTITY", re.IGNORECASE)
_MEND = re.compile(
    r"(?P<cdata><!\[CDATA\[.*?(?:\]\]>|\Z))"
    r"|(?P<number>&#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});)"
    r"|&(?!(?:amp|lt|gt|quot|apos);)(?:(?P<name>[A-Za-z][A-Za-z0-9]{1,31});)?",
    re.DOTALL,
)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Document:
    """The text of one body: `root` says what it is; `problem` is set while it is read, when something is wrong.

    `root` is the lower-case local name of the root element (rss, rdf, feed, urlset, sitemapindex, channel), or html,
    json, text, xml (any other), binary, empty.
    """

    def __init__(self, body: bytes, content_type: str | None = None) -> None:
        self.problem: str | None = None
        self._unwanted = 0
        pieces = self._unzipped(self._unzipped(_sliced(body)))
        head = b""
        for piece in pieces:
            head += piece
            if len(head) >= _PIECE:
                break
        self._text = _decoded(chain([head], pieces), encoding_of(head, content_type))
        self._head = next(self._text, "")
        self.root = self._sniffed(head)

    def text(self) -> str:
        """All of the text, as it came."""
        return self._head + "".join(self._text)

    def lines(self) -> Iterator[str]:
        """The text line by line."""
        rest = ""
        for piece in chain([self._head], self._text):
            *whole, rest = (rest + piece).replace("\r", "\n").split("\n")
            yield from whole
            rest = rest if len(rest) < _MAX_HELD else ""
        yield rest

    def elements(
        self, wanted: frozenset[str], also: frozenset[str] = frozenset()
    ) -> Iterator[tuple[str, etree._Element]]:
        """Elements by lower-case local name as they end, in order.

        A wanted one is emptied when the next is asked for, unless it lies in another; those in `also` stay.
        """
        parser = etree.XMLPullParser(
            events=("end",), recover=True, resolve_entities=False, load_dtd=False, no_network=True, encoding="utf-8"
        )
        try:
            for piece in _mended(chain([self._head], self._text)):
                parser.feed(piece.encode("utf-8"))
                yield from self._ended(parser, wanted, also)
            parser.close()
            yield from self._ended(parser, wanted, also)
        except (etree.LxmlError, _Hopeless):
            self.problem = self.problem or "damaged"

    def _ended(
        self, parser: etree.XMLPullParser, wanted: frozenset[str], also: frozenset[str]
    ) -> Iterator[tuple[str, etree._Element]]:
        for _, element in parser.read_events():
            name = local_name(element)
            if name in wanted:
                yield name, element
                if not any(local_name(above) in wanted for above in islice(element.iterancestors(), _MAX_ABOVE)):
                    _forget(element)
                self._unwanted = 0
                continue
            if name in also:
                yield name, element
            self._unwanted += 1
            if self._unwanted > _MAX_UNWANTED:
                raise _Hopeless

    def _sniffed(self, head: bytes) -> str:
        """Say what the text is, and cut off what is in front of the root element."""
        if not head.strip():
            return "empty"
        if _JSON.match(self._head):
            return "json"
        blank = _COMMENT.sub(lambda match: " " * len(match[0]), self._head)
        root, page = _ROOT.search(blank), _HTML.search(blank)
        if root is None or (page is not None and page.start() < root.start()):
            return "html" if page else _other(blank)
        if _ENTITY_DECLARATION.search(blank, 0, root.start()):
            self.problem = "entity-declarations"
        self._head = self._head[root.start() :]
        return root[1].lower()

    def _unzipped(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The pieces without one layer of gzip, if there is one; at most MAX_TEXT_BYTES of them."""
        first = next(pieces, b"")
        whole = chain([first], pieces)
        return self._limited(filter(None, self._gunzipped(whole) if first.startswith(_GZIP) else whole))

    def _gunzipped(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        member, ended = zlib.decompressobj(wbits=31), False
        try:
            for piece in pieces:
                rest = piece
                while rest:
                    yield member.decompress(rest, _PIECE)
                    rest = member.unconsumed_tail or member.unused_data
                    if member.eof:
                        member, ended = zlib.decompressobj(wbits=31), True
            yield member.flush()
        except zlib.error:
            pass
        if not ended:  # what follows a whole member is padding, not damage
            self.problem = self.problem or "damaged"

    def _limited(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        total = 0
        for piece in pieces:
            total += len(piece)
            if total > MAX_TEXT_BYTES:
                self.problem = "too-large"
                return
            yield piece


class _Hopeless(Exception):
    """More of something than any feed has: reading on would only cost time and memory."""


def local_name(element: etree._Element) -> str:
    """The lower-case name without namespace or prefix, `""` for comments."""
    return _local(element.tag) if isinstance(element.tag, str) else ""


@lru_cache(maxsize=1024)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2].lower()


def _forget(element: etree._Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and (before := element.getprevious()) is not None:
        parent.remove(before)


def _other(text: str) -> str:
    if len(_ILLEGAL.findall(text)) > len(text) // 20:
        return "binary"
    if _PAGE_TAG.search(text):
        return "html"
    return "xml" if text.lstrip().startswith("<") and _ANY_TAG.search(text) else "text"


def _sliced(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))


def _decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in pieces:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _mended(pieces: Iterable[str]) -> Iterator[str]:
    """Text that XML can be made of, cut only where no tag, entity or CDATA section is open."""
    held, mended = "", 0
    for piece in chain(pieces, [""]):
        text = held + piece
        cut = _safe_end(text) if piece and len(text) < _MAX_HELD else len(text)
        held = text[cut:]
        text, count = _MEND.subn(_mended_entity, _ILLEGAL.sub("", text[:cut]))
        yield text
        mended += count
        if mended > _MAX_MENDED:
            raise _Hopeless


def _safe_end(text: str) -> int:
    section = text.rfind("<![CDATA[")
    if section > text.rfind("]]>"):
        return section
    return text.rfind(">") + 1


def _mended_entity(match: re.Match[str]) -> str:
    if match["cdata"]:
        return match["cdata"]
    if match["number"]:  # as browsers read them: 128 to 159 are Windows-1252
        return html.escape(_ILLEGAL.sub("", html.unescape(match["number"])))
    if match["name"] and (known := html5.get(match["name"] + ";")):
        return html.escape(known)
    return "&amp;" + match[0][1:]
