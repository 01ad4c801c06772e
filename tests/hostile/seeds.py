"""Hostile sitemaps and feeds. Real stories among their entries are in `Stage`, not here."""

# ruff: noqa: E501 - a fault a line reads best as a table

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator

from tests.hostile.faults import Fault
from tests.hostile.redirects import private_forms, to
from tests.hostile.server import Answer, Line
from tests.hostile.transport import drip, gzip_bomb, raw, zstd_bomb

POLLED = r"seed:"
BAD = r"seed:\S"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
ENTITIES = "<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))


def xml(body: str | bytes, kind: str = "application/xml") -> Answer:
    """A plain answer."""
    whole = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return lambda line: line.reply(whole, kind=kind)


def streamed(head: str, pieces: Iterator[bytes] | None = None, *, make: object = None) -> Answer:
    """A body that is made while it is sent."""

    def answer(line: Line) -> None:
        line.head("Connection: close", kind="application/xml")
        line.send(head.encode())
        line.flood(pieces if pieces is not None else make())  # type: ignore[operator]

    return answer


def _entries(total: int, form: str) -> Iterator[bytes]:
    for start in range(0, total, 1000):
        yield "".join(form % n for n in range(start, start + 1000)).encode()


def _bomb(line: Line) -> None:
    line.head("Connection: close", kind="application/gzip")
    line.flood(gzip_bomb())


def _packed_bomb(line: Line) -> None:
    line.head("Connection: close", "Content-Encoding: zstd", kind="application/xml")
    line.flood(zstd_bomb())


def _index_for_ever(line: Line) -> None:
    """Every sitemap of it is an index of twenty more."""
    name = line.path.removesuffix(".xml")
    children = "".join(f"<sitemap><loc>{name}-{n}.xml</loc></sitemap>" for n in range(20))
    xml(f"{_XML}<sitemapindex {_NS}>{children}</sitemapindex>")(line)


def _index(*locations: str) -> Answer:
    children = "".join(f"<sitemap><loc>{location}</loc></sitemap>" for location in locations)
    return xml(f"{_XML}<sitemapindex {_NS}>{children}</sitemapindex>")


def _urls(*locations: str) -> str:
    return (
        f"{_XML}<urlset {_NS}>" + "".join(f"<url><loc>{location}</loc></url>" for location in locations) + "</urlset>"
    )


def _external(private: str, root: str, entry: str) -> str:
    return (
        f'<!DOCTYPE {root} SYSTEM "{private}/evil.dtd" [<!ENTITY file SYSTEM "file:///etc/passwd">'
        f'<!ENTITY web SYSTEM "{private}/entity"><!ENTITY % par SYSTEM "{private}/par.dtd"> %par;]>{entry}'
    )


def sitemaps(port: int, private: str) -> list[Fault]:
    """Bad sitemaps; `port` is where private listeners are, `private` the base of one."""

    def fault(name: str, answer: Answer, ends: str = POLLED) -> Fault:
        return Fault(name, answer, ends, kind="sitemap")

    pictures = "<url><loc>/pictures/%d.jpg</loc></url>\n"
    same = "<url><loc>/pictures/one.jpg</loc></url>%.0s\n"
    inside = _urls(*private_forms(port).values(), "file:///etc/passwd", "javascript:x", "data:,x", f"{private}/a?b=<c>")
    return [
        fault("bomb-gzip", _bomb, BAD),
        fault("bomb-zstd", _packed_bomb, BAD),
        fault("ten-million", streamed(f"{_XML}<urlset {_NS}>", make=lambda: _entries(10_000_000, pictures))),
        fault("ten-million-alike", streamed(f"{_XML}<urlset {_NS}>", make=lambda: _entries(10_000_000, same))),
        fault("ten-million-lines", streamed("", make=lambda: _entries(10_000_000, "http://127.0.70.1/p/%d.jpg\n"))),
        fault("ten-million-indexes", streamed(f"{_XML}<sitemapindex {_NS}>", make=lambda: _entries(
            10_000_000, "<sitemap><loc>http://elsewhere.test/%d.xml</loc></sitemap>"))),
        fault("index-of-itself", _index("/sitemaps/index-of-itself.xml")),
        fault("index-ping", _index("/sitemaps/index-pong.xml")),
        fault("index-pong", _index("/sitemaps/index-ping.xml", "/sitemaps/index-pong.xml?again=1")),
        fault("index-private", _index(*private_forms(port).values(), "file:///etc/passwd")),
        fault("entities", xml(f"<!DOCTYPE urlset [{ENTITIES}]>" + _urls("/news/&a11;")), BAD),
        fault("entities-quadratic", xml(f"<!DOCTYPE urlset [<!ENTITY x '{'A' * 50_000}'>]>" + _urls("&x;" * 50_000)), BAD),
        fault("external", xml(_external(private, "urlset", _urls("/news/&file;", "/news/&web;"))), BAD),
        fault("xinclude", xml(f'<urlset {_NS} xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></urlset>')),
        fault("stylesheet", xml(f'<?xml-stylesheet type="text/xsl" href="{private}/x.xsl"?>' + _urls("/pictures/a.jpg"))),
        fault("html", xml("<!doctype html><title>Our site map</title><p>Soon.</p>", "text/html"), BAD),
        fault("binary", xml(bytes(range(256)) * 4000), BAD),
        fault("empty", xml(""), BAD),
        fault("no-entries", xml(_urls()), BAD),
        fault("unclosed", xml(f"{_XML}<urlset {_NS}>" + "<url><loc>/pictures/1.jpg" * 20_000)),
        fault("deep", xml(f"{_XML}<urlset {_NS}>" + "<url>" * 100_000)),
        fault("one-line", xml(f"{_XML}<urlset {_NS}><url><loc>/" + "a" * 3_000_000 + "</loc></url></urlset>")),
        fault("attributes", xml("<urlset " + " ".join(f'a{n}="{n}"' for n in range(100_000)) + "></urlset>")),
        fault("namespaces", xml("<urlset " + " ".join(f'xmlns:n{n}="u{n}"' for n in range(20_000)) + "></urlset>")),
        fault("keywords", xml(
            f'<urlset {_NS} xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>/pictures/k.jpg</loc>'
            f"<news:news><news:keywords>{','.join(f'word {n}' for n in range(200_000))}</news:keywords></news:news></url></urlset>")),
        fault("controls", xml(f"{_XML}<urlset {_NS}><url><loc>/pictures/\x00\x1b[31m\x9b\u202e.jpg</loc></url></urlset>")),
        fault("utf-16", xml(_urls("/pictures/wide.jpg").encode("utf-16"))),
        fault("utf-16-bare", xml(_urls("/pictures/wide2.jpg").encode("utf-16-be"))),
        fault("wrong-charset", xml(b'<?xml version="1.0" encoding="klingon"?><urlset><url><loc>/pictures/\xff.jpg</loc></url></urlset>')),
        fault("private", xml(inside)),
        fault("dates", xml(f"<urlset {_NS}>" + "".join(
            f"<url><loc>/pictures/d{n}.jpg</loc><lastmod>{when}</lastmod></url>"
            for n, when in enumerate(("99999-99-99", "0000-00-00", "-1", "9" * 9000, "2026-02-30", "\u0661\u0669\u0667\u0660-01-01"))) + "</urlset>")),
        fault("gzip-cut", xml(gzip.compress(_urls("/pictures/z.jpg").encode() * 900)[:300], "application/gzip")),
        fault("drip", drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<urlset>", b"<url>"), BAD),
        fault("stall", raw(b"HTTP/1.1 200 OK\r\n", then="stall"), BAD),
        fault("to-private", to(f"{private}/s.xml"), BAD),
        fault("to-itself", lambda line: to(line.path)(line), BAD),
        fault("json", xml('{"urlset": []}', "application/json"), BAD),
    ]  # fmt: skip


def _rss(items: str, head: str = "") -> str:
    return f'{_XML}{head}<rss version="2.0"><channel><title>Paper</title>{items}</channel></rss>'


def _item(link: str = "/pictures/x.jpg", more: str = "", title: str = "A picture") -> str:
    return f"<item><title>{title}</title><link>{link}</link>{more}</item>"


def _json_feed(items: object) -> Answer:
    return xml(
        json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": items}),
        "application/feed+json",
    )


def feeds(port: int, private: str) -> list[Fault]:
    """Bad feeds."""

    def fault(name: str, answer: Answer, ends: str = POLLED) -> Fault:
        return Fault(name, answer, ends, kind="feed")

    deep = '{"version":"https://jsonfeed.org/version/1.1","items":' + "[" * 100_000 + "]" * 100_000 + "}"
    digits = (
        '{"version":"https://jsonfeed.org/version/1.1","items":[{"url":"/pictures/1.jpg","id":' + "9" * 100_000 + "}]}"
    )
    people = [{"name": f"Person Number{n}"} for n in range(100_000)]
    return [
        fault("entities", xml(_rss(_item(title="&a11;"), f"<!DOCTYPE rss [{ENTITIES}]>")), BAD),
        fault("external", xml(_external(private, "rss", _rss(_item(title="&file;")).removeprefix(_XML))), BAD),
        fault("ten-million", streamed('<rss version="2.0"><channel>', make=lambda: _entries(
            10_000_000, "<item><title>No %d</title><link>/pictures/f.jpg</link></item>"))),
        fault("one-title", xml(_rss(_item(title="T" * 3_000_000)))),
        fault("categories", xml(_rss(_item(more="".join(f"<category>c{n}</category>" for n in range(60_000)))))),
        fault("authors", xml(_rss(_item(more="".join(f"<author>a{n}@b.test (P{n})</author>" for n in range(40_000)))))),
        fault("controls", xml(_rss(_item(title="\x1b[31m\x00\x07 &#27;[2J &#0; &#xD800; \u202e\u2066")))),
        fault("deep", xml(_rss("<a>" * 100_000))),
        fault("html", xml("<!doctype html><title>Gone</title><p>This feed has moved.</p>", "text/html"), BAD),
        fault("empty", xml(b""), BAD),
        fault("image", xml(b"\x89PNG\r\n\x1a\n" + bytes(9000), "application/rss+xml"), BAD),
        fault("ttl", xml(_rss("<ttl>1e400</ttl><skipHours><hour>-1</hour></skipHours>" + _item()))),
        fault("ttl-digits", xml(_rss(f"<ttl>{'9' * 5000}</ttl>" + _item()))),
        fault("dates", xml(_rss("".join(_item(f"/pictures/{n}.jpg", f"<pubDate>{when}</pubDate>") for n, when in enumerate(
            ("Fri, 99 Foo 99999 99:99:99 +9999", "-1", "9" * 5000, "0", "\u202e2026", "Thu, 01 Jan 1970 00:00:00 -2400")))))),
        fault("private", xml(_rss("".join(map(_item, private_forms(port).values())) + _item("file:///etc/passwd")))),
        fault("base", xml(f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{private}/"><entry><link href="x"/></entry></feed>')),
        fault("charset", xml(b'<?xml version="1.0" encoding="utf-16"?><rss version="2.0"><channel><item><title>\xff\xfe</title>')),
        fault("utf-7", xml('<?xml version="1.0" encoding="utf-7"?>+ADw-rss+AD4-', "application/rss+xml; charset=utf-7")),
        fault("json-deep", xml(deep, "application/feed+json"), BAD),
        fault("json-digits", xml(digits, "application/feed+json")),
        fault("json-numbers", xml('{"version":"https://jsonfeed.org/version/1.1","items":[{"url":1e999,"title":NaN}]}', "application/json")),
        fault("json-types", _json_feed({"0": []})),
        fault("json-odd-items", _json_feed([1, None, "x", [], {"url": ["/a"], "tags": 5, "authors": "me", "date_published": {}}])),
        fault("json-authors", _json_feed([{"url": "/pictures/j.jpg", "authors": people, "tags": ["t"] * 100_000}])),
        fault("json-surrogates", xml('{"version":"https://jsonfeed.org/version/1.1","items":[{"url":"/pictures/s.jpg","title":"\\ud800\\u0000"}]}')),
        fault("doctype-forever", streamed("<!DOCTYPE rss [", make=lambda: itertools.repeat(b"<!-- x -->" * 5000)), BAD),
        fault("comment-forever", streamed("<!--", make=lambda: itertools.repeat(b"x" * 50_000)), BAD),
        fault("to-private", to(f"{private}/f.xml"), BAD),
        fault("stall", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n<rss>", then="stall"), BAD),
        fault("gone", lambda line: line.reply(b"gone", status="410 Gone"), BAD),
    ]  # fmt: skip


def growing() -> Fault:
    """An index whose sitemaps are indexes, for ever: only a budget ends it."""
    return Fault("index-for-ever", _index_for_ever, POLLED, kind="sitemap")
