"""Hostile bodies, whole and well sent: markup, charsets, things that are no article."""

# ruff: noqa: E501 - a fault a line reads best as a table

from __future__ import annotations

import gzip
import json
import random
import zipfile
from collections.abc import Iterator
from io import BytesIO

from tests.hostile.faults import ANYTHING, NEVER, STORED, Fault, Story
from tests.hostile.server import Answer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def served(body: str | bytes, *lines: str, kind: str = "text/html; charset=utf-8", status: str = "200 OK") -> Answer:
    """A plain answer."""
    whole = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return lambda line: line.reply(whole, *lines, kind=kind, status=status)


def _framed(title: str, content: str) -> str:
    return f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body>{content}</body></html>'


def _zip() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.html", "<article><p>" + "words and words " * 500)
    return buffer.getvalue()


def no_articles() -> list[Fault]:
    """Pages that are none, however they look."""
    teasers = "".join(
        f'<article><h2><a href="/news/2026/11/01/a-story-about-number-{n}">A long headline about number {n}</a></h2>'
        f"<p>Two lines of a teaser for the story about number {n}, no more.</p></article>"
        for n in range(40)
    )
    wall = (
        "<h1>We value your privacy</h1><p>We and our 842 partners store and access information on a device, such as "
        "cookies, and process personal data for personalised ads and content measurement. You may accept or refuse.</p>"
        "<button>Accept all cookies</button><button>Reject all</button><button>Manage preferences</button>"
    )
    return [
        Fault("image-as-html", served(PNG)),
        Fault("pdf-as-html", served(b"%PDF-1.7\n" + b"1 0 obj <</Title (A long article about the bridge)>> endobj\n" * 200)),
        Fault("zip-as-html", served(_zip())),
        Fault("gzip-file-as-html", served(gzip.compress(b"<p>words</p>" * 5000))),
        Fault("noise-as-html", served(random.Random(3).randbytes(300_000))),
        Fault("wasm-as-html", served(b"\x00asm\x01\x00\x00\x00" + bytes(9000))),
        Fault("json-as-html", served(json.dumps({"articleBody": "The council met and spoke. " * 200}))),
        Fault("script-as-html", served("var article = 'The council met on Thursday and spoke for long';\n" * 300)),
        Fault("style-as-html", served(".headline { font-family: council; color: #123456 }\n" * 300)),
        Fault("feed-as-html", served("<rss version='2.0'><channel>" + "<item><description>Words of the council here.</description></item>" * 60)),
        Fault("svg-as-html", served("<svg xmlns='http://www.w3.org/2000/svg'>" + "<text>Words of the council in here</text>" * 90 + "</svg>")),
        Fault("empty", served(b"")),
        Fault("white-space", served(b" \r\n\t" * 100_000)),
        Fault("zeros", served(bytes(100_000))),
        Fault("only-comment", served("<!-- " + "the council met on Thursday " * 9000)),
        Fault("only-script", served(_framed("App", '<div id="root"></div><script>' + "render('the council');" * 900 + "</script>"))),
        Fault("frameset", served("<frameset cols=50%,50%><frame src=http://127.0.0.1/a><frame src=file:///etc/passwd></frameset>")),
        Fault("one-word", served(_framed("Hello", "<article><h1>Hello</h1><p>World</p></article>"))),
        Fault("soft-404", served(_framed("Page not found", "<h1>404</h1><p>Sorry, the page you are looking for does not exist.</p>")), "rejected:soft-404"),
        Fault("soft-404-french", served(_framed("Page introuvable", "<h1>Page introuvable</h1><p>La page que vous cherchez n'existe pas.</p>")), "rejected:"),
        Fault("consent-wall", served(_framed("Your privacy", wall)), "rejected:consent-wall"),
        Fault("bot-challenge", served(_framed("Just a moment...", "<h1>Checking your browser</h1><p>Enable JavaScript and cookies to continue.</p>"
                                              "<script src='/cdn-cgi/challenge-platform/x.js'></script>")), "rejected:bot-challenge"),
        Fault("bot-challenge-403", served(_framed("Attention Required!", "<p>Please verify you are a human.</p>"), status="403 Forbidden"), "failed:http-403"),
        Fault("login", served(_framed("Sign in", "<h1>Sign in to continue</h1><form><input type=email><input type=password></form>")), "rejected:login"),
        Fault("paywall", served(_framed("A story", "<h1>A story</h1><p>Subscribe to continue reading this article.</p>"))),
        Fault("listing", served(_framed("All stories", teasers)), "rejected:section"),
        Fault("apache-index", served(_framed("Index of /news", "<h1>Index of /news</h1><pre>" + "<a href='a'>a</a>  2026-11-20 12:00  1K\n" * 300 + "</pre>"))),
        Fault("maintenance", served(_framed("Maintenance", "<h1>We will be back soon</h1><p>The site is being serviced.</p>"))),
        Fault("database-error", served(_framed("Error", "<h1>Error establishing a database connection</h1>"))),
        Fault("javascript-needed", served(_framed("Paper", "<div id=app></div><noscript>You need to enable JavaScript to run this app.</noscript>"))),
    ]  # fmt: skip


def markup(number: Iterator[int]) -> list[Fault]:
    """Bodies that parsers choke on. Some hold a real story, which may or may not come out; nothing else may."""

    def page(head: str = "", body: str = "", **more: str) -> Answer:
        return served(Story(next(number), "markup").page(head, body, **more))

    def story() -> str:
        return Story(next(number), "markup").html()

    opened, closed = "<div>" * 100_000, "</div>" * 100_000
    return [
        Fault("nested-100k", served(_framed("Deep", opened + story() + closed)), ANYTHING),
        Fault("nested-inline", served(_framed("Deep", "<b><i>" * 50_000 + story())), ANYTHING),
        Fault("nested-tables", served(_framed("Deep", "<table><tr><td>" * 30_000 + story())), ANYTHING),
        Fault("nested-lists", page(body="<ul><li>" * 30_000), ANYTHING),
        Fault("nested-fonts-unclosed", page(body="<font color=red><p>" * 60_000), ANYTHING),
        Fault("line-of-megabytes", page(body="<p>" + "x" * 2_500_000 + "</p>"), ANYTHING),
        Fault("words-of-megabytes", page(body="<p>" + "word " * 500_000 + "</p>"), ANYTHING),
        Fault("paragraphs-200k", page(body="<p>a</p>" * 200_000), ANYTHING),
        Fault("links-100k", page(body="".join(f"<a href=/l{n}>l</a>" for n in range(100_000))), ANYTHING),
        Fault("cells-100k", page(body="<table>" + "<tr><td>1<td>2</tr>" * 50_000 + "</table>"), ANYTHING),
        Fault("attributes-100k", page(body="<p " + " ".join(f"a{n}=1" for n in range(100_000)) + ">x</p>"), ANYTHING),
        Fault("attribute-of-megabytes", page(body=f'<p class="{"c" * 2_500_000}">x</p>'), ANYTHING),
        Fault("tag-of-megabytes", page(body=f"<{'t' * 2_500_000}>x"), ANYTHING),
        Fault("entities-500k", page(body="&amp;" * 500_000), ANYTHING),
        Fault("entities-unknown", page(body="&xyzzy" * 300_000), ANYTHING),
        Fault("less-thans", page(body="<" * 1_000_000), ANYTHING),
        Fault("comments-unclosed", page(body="<!--" * 300_000), ANYTHING),
        Fault("metas-50k", page(head="".join(f'<meta name="author" content="P {n}">' for n in range(50_000))), ANYTHING),
        Fault("spaces-of-megabytes", page(body="<p>By" + " " * 2_000_000 + "</p>", title="A story" + " " * 900_000 + "| x"), ANYTHING),
        Fault("dashes-of-megabytes", page(body="<p>" + " - " * 500_000 + "</p>", title="A - " * 200_000), ANYTHING),
        Fault("by-by-by", page(body="<p class=byline>" + "By " * 300_000 + "</p>"), ANYTHING),
        Fault("dates-by-the-thousand", page(body="".join(f"<time>{n}/{n}/{n}</time>" for n in range(30_000))), ANYTHING),
        Fault("digits-of-megabytes", page(body="<time datetime='" + "1" * 1_000_000 + "'>" + "2026-" * 200_000 + "</time>"), ANYTHING),
        Fault("brackets-of-megabytes", page(body="<p>" + "(" * 500_000 + "[" * 500_000, title="(" * 100_000), ANYTHING),
        Fault("plaintext", served(_framed("Plain", "<plaintext>" + story())), ANYTHING),
        Fault("scripts-unclosed", served(_framed("Script", "<script>" + story().replace("</script>", ""))), NEVER),
        Fault("billion-laughs", served("<!DOCTYPE html [<!ENTITY a 'ha'>" + "".join(
            f"<!ENTITY {'abcdefghij'[n]} '{f'&{chr(96 + n)};' * 10}'>" for n in range(1, 10)) + "]>" + story()), ANYTHING),
        Fault("external-entity", served('<?xml version="1.0"?><!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body>'
                                        "<article><p>&x;</p></article></body></html>", kind="application/xhtml+xml")),
        Fault("base-elsewhere", page(head="<base href='http://127.0.0.1/'><link rel=stylesheet href=x.css>"), STORED),
    ]  # fmt: skip


def charsets(number: Iterator[int]) -> list[Fault]:
    """Wrong and odd character sets, and bytes that are no characters."""

    def text() -> str:
        return Story(next(number), "charset").html()

    plain = 'text/html; charset="{}"'.format
    return [
        Fault("nul-bytes", served(text().replace(" ", " \x00")), ANYTHING),
        Fault("control-bytes", served(text().replace("council", "coun\x01\x02\x07\x08\x1b[31m\x7fcil")), STORED),
        Fault("c1-bytes", served(text().replace("river", "riv\x85\x9b31m\u2028er").encode()), STORED),
        Fault("utf-8-said-latin-1", served(text().replace("river", "Flüsschen"), kind=plain("iso-8859-1")), ANYTHING),
        Fault("latin-1-said-utf-8", served(text().replace('charset="utf-8"', "").replace("river", "Fl\xfcsschen").encode("latin-1")), ANYTHING),
        Fault("utf-8-said-utf-16", served(text(), kind=plain("utf-16")), ANYTHING),
        Fault("utf-16-bare-le", served(text().encode("utf-16-le"), kind="text/html"), ANYTHING),
        Fault("utf-16-bare-be", served(text().encode("utf-16-be"), kind="text/html"), ANYTHING),
        Fault("utf-16-odd-length", served(text().encode("utf-16")[:-1], kind="text/html"), ANYTHING),
        Fault("utf-32", served(text().encode("utf-32"), kind=plain("utf-32")), ANYTHING),
        Fault("utf-7", served(text().encode("utf-7"), kind=plain("utf-7")), ANYTHING),
        Fault("charset-unknown", served(text(), kind=plain("klingon")), ANYTHING),
        Fault("charset-of-python", served(text(), kind=plain("rot_13")), ANYTHING),
        Fault("charset-hex", served(text(), kind=plain("hex")), ANYTHING),
        Fault("charset-idna", served(text(), kind=plain("idna")), ANYTHING),
        Fault("charset-unicode-escape", served(text() + "\\ud800\\x1b", kind=plain("unicode_escape")), ANYTHING),
        Fault("charset-long", served(text(), kind=plain("x" * 9000)), ANYTHING),
        Fault("charset-nul", served(text().replace("utf-8", "utf\x00-8")), ANYTHING),
        Fault("ebcdic", served(text().encode("cp500"), kind=plain("cp500")), ANYTHING),
        Fault("surrogates", served(text().replace("river", "riv\ud800\udfffer")), ANYTHING),
        Fault("overlong-utf-8", served(text().encode().replace(b"river", b"\xc0\xaf\xe0\x80\xaf\xf5\xff")), ANYTHING),
        Fault("boms", served("\ufeff" * 5000 + text()), ANYTHING),
        Fault("combining-marks", served(text().replace("river", "r" + "\u0301" * 50_000)), ANYTHING),
    ]  # fmt: skip
