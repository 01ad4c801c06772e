"""Large shapes that have made parsers slow, by target. Time must grow with their size, not with its square.

Each is `front + repeated * n + behind`; where a number must differ from one repetition to the next it stands as %d.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Giant(NamedTuple):
    """One shape, of any size."""

    target: str
    name: str
    front: bytes
    repeated: bytes
    behind: bytes = b""

    def of(self, size: int) -> bytes:
        """About `size` bytes of it."""
        count = max(1, size // len(self.repeated))
        numbered = b"%d" in self.repeated
        middle = b"".join(self.repeated % at for at in range(count)) if numbered else self.repeated * count
        return self.front + middle + self.behind


_STORY = (
    b"<article><h1>The bridge</h1><p>"
    + b"The council said on Monday that the ford may be used. " * 10
    + b"</p></article>"
)
_LD = b'<script type="application/ld+json">'
_HTTP = b"HTTP/1.1 200 OK\r\n"
_RECORD = b"WARC/1.0\r\nWARC-Type: resource\r\nContent-Length: 1\r\n\r\nx\r\n\r\n"
_PAGES = (
    ("open tags", b"", b"<div>"),
    ("open tags, then an endless one", b"<div>" * 300 + b"<", b"a"),
    ("attributes", b"<p", b" a%d"),
    ("attributes parted by slashes", b"<p", b"/a%d"),
    ("attributes parted by angles", b"<p", b" <a%d"),
    ("attributes in tags of 2 KB", b"", b"<p " + b" ".join(b"a%03d" % at for at in range(400)) + b">"),
    ("quotes", b"<p ", b'a="'),
    ("angles", b"", b"<"),
    ("ampersands", b"", b"&"),
    ("references", b"", b"&#1"),
    ("comments", b"", b"<!---->"),
    ("open comments", b"", b"<!--"),
    ("doctypes", b"", b"<!DOCTYPE "),
    ("blanks", b"<p>", b" ", b"x"),
    ("line ends", b"<p>", b"\n", b"x"),
    ("NUL", b"<p>", b"\0", b"x"),
    ("escapes", b"<p>", b"\x1b]"),
    ("digits", b"<title>", b"1"),
    ("anchors in anchors", b"", b"<a href=/x><div>"),
    ("svg in anchors", b"", b"<a href=/x><svg>"),
    ("formatting, reopened", b"", b"<b><p>"),
    ("templates", b"", b"<template>"),
    ("selects", b"", b"<select><option>"),
    ("framesets", b"", b"<frameset>"),
)
_TEXTS = (
    ("digits", b"", b"1"),
    ("blanks", b"a", b" ", b"a"),
    ("dates", b"", b"2026-"),
    ("dots", b"", b"a."),
    ("bars", b"", b"a | "),
    ("brackets", b"", b"(["),
    ("angles", b"", b"<a "),
    ("at signs", b"", b"a@a."),
    ("marks", b"a", "\u0301\u0323".encode()),
    ("joiners", b"", "\u200d".encode()),
    ("escapes", b"", b"\x1b["),
)
_SHAPES: dict[str, tuple[tuple[Any, ...], ...]] = {
    "home": _PAGES,
    "article": (
        *((name, _STORY + front, *rest) for name, front, *rest in _PAGES),
        ("comments first", b"", b"<!-- a -->", _STORY),
        ("buttons and tails", _STORY, b"<button>x</button>tail"),
        ("inputs and tails", _STORY, b"<input>ab"),
        ("scripts and tails", _STORY, b"<script></script>ab"),
        ("a refresh", b'<meta http-equiv=refresh content="', b"1", b'">' + _STORY),
        ("navigation", _STORY, b"<nav><p>abc"),
        ("organisations", _STORY + _LD + b"[", b'{"@type":"Organization","name":"n%d | b"},', b"0]</script>"),
        ("authors", _STORY + _LD + b'{"@type":"NewsArticle","author":[', b'"a%d.b.c",', b"0]}</script>"),
        ("headlines", _STORY + _LD + b'{"@type":"NewsArticle","headline":[', b'"a%d | b | c | d",', b"0]}</script>"),
        ("bylines", _STORY, b"<span class=author>By Ann A.b.c</span>"),
        ("times", _STORY, b"<time>1 January 2026</time>"),
        ("metas", _STORY, b'<meta name=author content="a, b">'),
    ),
    "linked_data": (
        ("blanks behind a comment", b"a-->", b" ", b"x"),
        ("line ends behind a value", b"1", b"\n", b"x"),
        ("commas", b"{", b", "),
        ("brackets", b"", b"["),
        ("braces", b"", b'{"a":'),
        ("fields", b"", b'"headline":"a'),
        ("values", b"", b"{}"),
        ("nodes", b"[", b'{"@type":"Article","headline":"%d"},', b"0]"),
        ("backslashes", b'"', b"\\"),
        ("digits", b"", b"1"),
        ("closings", b"", b"]]>"),
    ),
    "feed": (
        ("creators", b"<rss><item><link>/a</link>", b"<dc:creator>a b</dc:creator>"),
        ("links", b"<rss><item>", b'<link href="/a b"/>'),
        ("open items", b"<rss>", b"<item><title>x</title>"),
        ("deep", b"<rss>" + b"<a>" * 200, b"<item><link/></item>"),
        ("attributes", b"<rss", b' a%d="1"', b"><item/>"),
        ("ampersands", b"<rss><item><title>", b"&"),
        ("angles", b"<rss>", b"<"),
        ("CDATA", b"<rss>", b"<![CDATA["),
        ("comments", b"", b"<!--", b"<rss>"),
        ("JSON", b'{"items":', b"["),
        ("JSON stories", b'{"items":[', b'{"url":"/%d","tags":["a","b"]},', b"{}]}"),
        ("gzip members", b"", bytes.fromhex("1f8b08000000000000030300000000000000000000")[:20]),
    ),
    "sitemap": (
        ("pages", b"<urlset>", b"<url><loc>/%d</loc></url>"),
        ("keywords", b"<urlset><url><loc>/a</loc><news><keywords>", b"a,"),
        ("open pages", b"<urlset>", b"<url><loc>/a"),
        ("lines", b"", b"http://www.gazette.test/%d\n"),
    ),
    "requisites": (
        *_PAGES,
        ("pictures", b"", b"<img src=/%d.png>"),
        ("one srcset", b'<img srcset="', b"a%d.png 1x,", b'">'),
        ("an open srcset", b'<img srcset="a ', b"("),
        ("commas in a srcset", b'<img srcset="', b",", b'">'),
        ("styles", b"", b"<p style='a:url(b%d)'>"),
        ("one style", b"<style>", b"a{b:url(c%d)}"),
        ("pictures in JSON", _LD + b'{"image":[', b'"/%d.png",', b"0]}</script>"),
        ("deep JSON", _LD, b'{"image":['),
        ("lazy", b"<img", b" data-a%d=b.png"),
    ),
    "stylesheet": (
        ("URLs", b"", b"a{b:url(%d.png)}"),
        ("open URLs", b"", b"url("),
        ("open quoted URLs", b"", b"url('"),
        ("blank URLs", b"url(", b" ", b"x y"),
        ("brackets", b"", b"("),
        ("open strings", b"", b'"\\'),
        ("torn strings", b"", b'"\n'),
        ("backslashes", b"url(", b"\\"),
        ("comments", b"", b"/*"),
        ("stars", b"/*", b"*"),
        ("imports", b"", b"@import "),
        ("sets", b"", b"image-set("),
        ("dashes", b"", b"-"),
        ("words", b"", b"a\\("),
    ),
    "robots": (
        ("agents, then rules", b"", b"User-agent: a%d\n", b"Disallow: /a*b\n" * 5_000),
        ("agents without colon", b"", b"user  agent a%d\n", b"Disallow: /a*b\n" * 5_000),
        ("rules", b"User-agent: *\n", b"Disallow: /*a*a%d$\n"),
        ("stars", b"User-agent: *\nDisallow: /", b"*a"),
        ("sitemaps", b"", b"Sitemap: /%d\n"),
        ("blanks", b"", b" \t"),
    ),
    "http_message": (
        ("interim answers", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("headers", _HTTP, b"a:\n"),
        ("folded", _HTTP + b"a:", b"\n b"),
        ("one line", b"", b"a"),
        ("codings", _HTTP + b"Content-Encoding: ", b"gzip,", b"\r\n\r\nx"),
        (
            "chunks",
            _HTTP + b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n2\r\n\x1f\x8b\r\n",
            b"1\r\n\x08\r\n",
        ),
        ("size lines", _HTTP + b"Transfer-Encoding: chunked\r\n\r\n", b"1;a"),
    ),
    "marked": (
        ("gzip members", b"\x01", bytes.fromhex("1f8b080000000000000303000000000000000000")),
        ("skippable frames", b"\x04", bytes.fromhex("502a4d1800000000")),
        ("gzip of nothing else", b"\x01\x1f\x8b\x08\0\0\0\0\0\0\x03", b"\0"),
        ("brotli of metadata", b"\x03", b"\x0c"),
        ("chunks", b"\x08", b"1\r\n\x1b\r\n"),
    ),
    "records": (
        ("digits", b"WARC/1.1\r\nContent-Length: ", b"9"),
        ("fields", b"WARC/1.1\r\n", b"a: b\r\n"),
        ("sessions", b"http://a/?", b"cfid=a"),
        ("percents", b"http://a/", b"%25"),
        ("dots", b"http://a/", b"../"),
    ),
    "warc_file": (("gzip heads", b"", bytes.fromhex("1f8b0800000000000003")), ("NUL", b"", b"\0")),
    "foreign_file": (
        ("gzip heads", b"", bytes.fromhex("1f8b0800000000000003")),
        ("gzip magic", _RECORD, b"\x1f\x8b\x08"),
        ("NUL", _RECORD, b"\0"),
        ("blank lines", _RECORD, b"\r\n"),
        ("short records", b"", _RECORD),
        ("short records of LF", b"", _RECORD.replace(b"\r", b"")),
        ("records without length", b"", b"WARC/1.0\r\nA: b\r\n\r\nx\r\n\r\n"),
        ("records without end", b"", b"WARC/1.0\r\nA: b\r\n"),
        ("lengths too long", b"", b"WARC/1.0\r\nContent-Length: 9999999\r\n\r\nx\r\n\r\n"),
        ("versions alone", _RECORD, b"WARC/1.0\r\n"),
        ("junk", _RECORD, b"junk\n"),
        ("fields", b"WARC/1.0\r\n", b"a: b\r\n"),
    ),
    "foreign_body": (
        ("chunks of one byte", _HTTP + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        ("chunks that are wrong", _HTTP + b"Transfer-Encoding: chunked\r\n\r\n", b"9\r\nx\r\n"),
        ("sizes", _HTTP + b"\r\n", b"1\r\n"),
        ("digits", _HTTP + b"\r\n", b"1"),
        ("extensions", _HTTP + b"\r\n1;", b"a;"),
        ("zeros", _HTTP + b"Transfer-Encoding: chunked\r\n\r\n5\r\nx", b"\n0"),
        ("tags", b"", b"< "),
    ),
    "text": _TEXTS,
    "names": _TEXTS,
    "moment": _TEXTS,
    "terminal": _TEXTS,
    "charset": (
        *(
            (f"{label.decode()}", label + b"\n\xff-", b"ab9")
            for label in (b"punycode", b"utf-7", b"hz", b"iso-2022-kr", b"idna")
        ),
        ("metas", b"x\n", b"<meta "),
        ("high bytes", b"x\n", b"\xfe"),
        ("accents", b"x\n", b"a\xe4"),
    ),
    "url": (
        ("slashes", b"http://gazette.test/", b"/"),
        ("dots", b"http://gazette.test/", b"../"),
        ("percents", b"http://gazette.test/", b"%"),
        ("labels", b"http://", b"a."),
        ("digits", b"http://gazette.test:", b"1"),
        ("at signs", b"http://", b"a@"),
        ("parameters", b"http://gazette.test/?", b"a&"),
        ("sessions", b"http://gazette.test/", b";jsessionid="),
    ),
}


def giants(target: str | None = None) -> Iterator[Giant]:
    """The shapes of one target, or of all."""
    for name, shapes in _SHAPES.items():
        if target in {None, name}:
            yield from (Giant(name, *shape) for shape in shapes)
