"""Page requisites: what a page or stylesheet needs, from any bytes."""

from __future__ import annotations

import pytest

from pipelines.requisites import MAX_REQUISITES, Requisites, is_stylesheet, of_page, of_stylesheet, whole
from storage.records import Page

URL = "https://paper.test/city/story.html"
BASE = "https://paper.test/city/"


def page(body: str | bytes, url: str = URL, content_type: str = "text/html; charset=utf-8") -> Page:
    raw = body.encode() if isinstance(body, str) else body
    return Page(url, url, "2026-03-01T12:00:00.000Z", 200, content_type, raw)


def needed(body: str | bytes, *, pdfs: bool = False, content_type: str = "text/html; charset=utf-8") -> list[str]:
    """Requisites of a page, relative to its folder where they lie in it."""
    return [url.removeprefix(BASE) for url in of_page(page(body, content_type=content_type), pdfs=pdfs).urls]


CASES = {
    "picture": ("<img src=a.jpg alt=x>", ["a.jpg"]),
    "quoted anyhow": ("<img src='a b.jpg'><IMG SRC = \"c.jpg\">", ["a%20b.jpg", "c.jpg"]),
    "white space": ("<img src=' \n a\n.jpg '>", ["a.jpg"]),
    "entities": ("<img src='a.jpg?x=1&amp;y=2'><img src='b.jpg?x=1&y=2'>", ["a.jpg?x=1&y=2", "b.jpg?x=1&y=2"]),
    "numeric entities": ("<img src='&#97;&#x2e;jpg'>", ["a.jpg"]),
    "signed": (
        "<img src='a.jpg?w=1&s=184f01f078d7acb00872e7596ebd5983b16fd612&amp;utm_source=x'>",
        ["a.jpg?w=1&s=184f01f078d7acb00872e7596ebd5983b16fd612&utm_source=x"],
    ),
    "unicode": ("<img src='ü/ñ.jpg'>", ["%C3%BC/%C3%B1.jpg"]),
    "host of other letters": ("<img src='//bücher.test/a.jpg'>", ["https://xn--bcher-kva.test/a.jpg"]),
    "protocol-relative": ("<img src='//cdn.test/a.jpg'>", ["https://cdn.test/a.jpg"]),
    "from the root": ("<img src=/a.jpg>", ["https://paper.test/a.jpg"]),
    "up": ("<img src=../a.jpg>", ["https://paper.test/a.jpg"]),
    "with a fragment": (
        "<svg><use href='icons.svg#bell'/><use xlink:href='more.svg#x'/></svg>",
        ["icons.svg", "more.svg"],
    ),
    "fragments of the page": ("<svg><use href='#bell'/></svg><img src='#'>", []),
    "the page itself": (f"<img src=''><img src='story.html'><img src='{URL}#x'><img src='?'>", []),
    "base": ("<base href='/x/'><img src=a.jpg>", ["https://paper.test/x/a.jpg"]),
    "base elsewhere": ("<base href='//cdn.test/x/'><img src=a.jpg>", ["https://cdn.test/x/a.jpg"]),
    "no base": ("<base target=_blank><base href='javascript:x'><img src=a.jpg>", ["a.jpg"]),
    "each once": ("<img src=a.jpg><img src=a.jpg#x><img src=./a.jpg>", ["a.jpg"]),
    "none of ours": (
        "<img src='javascript:x()'><img src='data:image/gif;base64,R0'><img src='blob:https://x/1'><img src='about:blank'>",
        [],
    ),
    "with a password": ("<img src='https://me:secret@paper.test/a.jpg'>", []),
    "templates": ("<img src='{{ image }}'><img src='${url}/a.jpg'><img data-src='<%= x %>'>", []),
    "srcset": ("<img srcset='a.jpg 1x, b.jpg 2x'>", ["a.jpg", "b.jpg"]),
    "srcset of widths": ("<img srcset='a.jpg 320w,\n\tb.jpg 640w'>", ["a.jpg", "b.jpg"]),
    "srcset with commas in it": (
        "<img srcset='i/w_10,h_20/a.jpg 1x, i/w_20,h_40/a.jpg 2x'>",
        ["i/w_10,h_20/a.jpg", "i/w_20,h_40/a.jpg"],
    ),
    "srcset without descriptors": ("<img srcset='a.jpg, b.jpg'>", ["a.jpg", "b.jpg"]),
    "srcset of one": ("<img srcset='a.jpg'>", ["a.jpg"]),
    "srcset with data": ("<img srcset='data:image/png;base64,AA,BB 1x, b.jpg 2x'>", ["b.jpg"]),
    "srcset with brackets": ("<img srcset='a.jpg 1x(,), b.jpg 2x'>", ["a.jpg", "b.jpg"]),
    "srcset of commas": ("<img srcset=',, ,a.jpg 1x,,'>", ["a.jpg"]),
    "picture element": ("<picture><source srcset='a.webp 1x'><img src=b.jpg></picture>", ["a.webp", "b.jpg"]),
    "lazy": ("<img data-src=a.jpg><img data-lazy-src=b.jpg><img data-original=c.jpg>", ["a.jpg", "b.jpg", "c.jpg"]),
    "lazy sets": (
        "<img data-srcset='a.jpg 1x, b.jpg 2x'><source data-lazy-srcset='c.jpg 1x'>",
        ["a.jpg", "b.jpg", "c.jpg"],
    ),
    "lazy backgrounds": ("<div data-bg='a.jpg'></div><p data-background-image=\"url('b.jpg')\">", ["a.jpg", "b.jpg"]),
    "lazy elsewhere": ("<div data-src='a.jpg?w=1'></div><div data-src='/story'></div><i data-src=12>", ["a.jpg?w=1"]),
    "lazy, and no picture": ("<img data-url='/next-story'><img data-src=true>", []),
    "for those without script": ("<noscript><img src=a.jpg></noscript>", ["a.jpg"]),
    "stylesheet": ("<link rel=stylesheet href=a.css><link href=b.css rel='Alternate STYLESHEET'>", ["a.css", "b.css"]),
    "icons": (
        "<link rel='shortcut icon' href=a.ico><link rel=apple-touch-icon href=b.png><link rel=mask-icon href=c.svg>",
        ["a.ico", "b.png", "c.svg"],
    ),
    "manifest": ("<link rel=manifest href=a.webmanifest>", ["a.webmanifest"]),
    "preloaded": (
        "<link rel=preload as=font href=a.woff2><link rel=preload as=fetch href=b.json><link rel=modulepreload href=c.js>",
        ["a.woff2", "c.js"],
    ),
    "preloaded picture": ("<link rel=preload as=image href=a.jpg imagesrcset='b.jpg 2x'>", ["a.jpg", "b.jpg"]),
    "links that are none": (
        "<link rel=canonical href=/a><link rel=alternate href=/rss><link rel=next href=/b><link rel=dns-prefetch href=//c.test>",
        [],
    ),
    "script": (
        "<script src=a.js></script><script type=module src=b.mjs></script><script>var x = 'c.js'</script>",
        ["a.js", "b.mjs"],
    ),
    "style": ("<style>@import 'a.css'; p { background: url(b.png) }</style>", ["a.css", "b.png"]),
    "style attribute": ("<p style=\"background: url('a.png')\">", ["a.png"]),
    "style attribute with entities": ("<p style='background: url(&quot;a.png&quot;)'>", ["a.png"]),
    "backgrounds of old": ("<body background=a.gif><table background=b.gif>", ["a.gif", "b.gif"]),
    "image of a form": ("<input type=image src=a.png><input type=text src=b.png>", ["a.png"]),
    "poster": (
        "<video poster=a.jpg src=b.mp4><source src=c.mp4><track src=d.vtt></video><audio src=e.mp3></audio>",
        ["a.jpg"],
    ),
    "frames": ("<iframe src=/a data-src=b.jpg></iframe><frameset><frame src=/c></frameset>", []),
    "svg": ("<svg><image href=a.png /><image xlink:href=b.png /></svg>", ["a.png", "b.png"]),
    "amp": ("<amp-img src=a.jpg srcset='b.jpg 2x'></amp-img>", ["a.jpg", "b.jpg"]),
    "og:image": ("<meta property=og:image content=//cdn.test/a.jpg>", ["https://cdn.test/a.jpg"]),
    "twitter:image": (
        "<meta name=twitter:image content=/a.jpg><meta name=description content=b.jpg>",
        ["https://paper.test/a.jpg"],
    ),
    "schema.org": (
        '<script type="application/ld+json">{"@graph": [{"image": ["/a.jpg", {"url": "/b.jpg"}], "url": "/c"}]}</script>',
        ["https://paper.test/a.jpg", "https://paper.test/b.jpg"],
    ),
    "broken JSON": ('<script type="application/ld+json">{"image": </script><img src=a.jpg>', ["a.jpg"]),
    "broken HTML": ("<p><img src=a.jpg<b><img src='b.jpg'</div></p>", ["a.jpg%3Cb", "b.jpg"]),
    "cut in a tag": ("<img src=a.jpg><img src=b.jpg", ["a.jpg"]),
    "comments": ("<!-- <img src=a.jpg> --><img src=b.jpg>", ["b.jpg"]),
    "links are no requisites": ("<a href=a.pdf>x</a><a href=b.jpg>y</a>", []),
    "nothing": ("", []),
    "no HTML": ("\x00\x01\x02", []),
}


@pytest.mark.parametrize("name", CASES)
def test_requisites_are_found_as_browsers_find_them(name: str) -> None:
    """Whatever a browser would fetch to show a page, and nothing that is a page or plays."""
    html, expected = CASES[name]
    assert sorted(needed(html)) == sorted(expected)


def test_pdfs_are_among_them_where_they_are_wanted() -> None:
    """Those that a page links to, by name or by declared type, or shows."""
    html = "<a href=a.PDF>x</a><a href='b?id=1' type=application/pdf>y</a><object data=c.pdf></object><a href=/d>z</a>"
    assert needed(html, pdfs=True) == ["a.PDF", "b?id=1", "c.pdf"]


def test_the_charset_of_the_page_counts() -> None:
    """A page in another charset than UTF-8 names the same picture."""
    assert needed("<img src='ü.jpg'>".encode("latin-1"), content_type="text/html; charset=iso-8859-1") == ["%C3%BC.jpg"]


def test_a_stylesheet_is_read_from_where_it_lies() -> None:
    """Its URLs are relative to it, and it does not need itself."""
    sheet = page("@import 'b.css'; @import 'a.css'; p { src: url(../f.woff2) }", f"{BASE}css/a.css", "text/css")
    assert [url.removeprefix(BASE) for url in of_stylesheet(sheet).urls] == ["css/b.css", "f.woff2"]


@pytest.mark.parametrize(
    ("url", "content_type", "expected"),
    [
        ("https://a.test/a", "text/css; charset=utf-8", True),
        ("https://a.test/a.css", "TEXT/CSS", True),
        ("https://a.test/a.css?v=1", None, True),
        ("https://a.test/a.css", "text/plain", True),
        ("https://a.test/a.css", "text/html", False),
        ("https://a.test/a.png", None, False),
    ],
)
def test_what_is_read_as_a_stylesheet(url: str, content_type: str | None, expected: bool) -> None:
    """What says so, and what says nothing and is named so."""
    assert is_stylesheet(url, content_type) is expected


HOSTILE = {
    "the same picture": "<img src=a.png>" * 300_000,
    "many pictures": "".join(f"<img src=/{n}.png>" for n in range(200_000)),
    "nested": "<div>" * 300_000 + "<img src=a.png>",
    "one srcset": '<img srcset="' + "a.png 1x," * 400_000 + '">',
    "an open bracket": '<img srcset="' + "a.png (" * 300_000 + '">',
    "styles": "<p style='a:url(b)'>" * 150_000,
    "brackets in a style": "<style>" + "(" * 3_000_000,
    "an open attribute": '<img src="' * 300_000,
    "attributes": "<img " + " ".join(f"data-{n}=a.png" for n in range(100_000)) + ">",
    "JSON": '<script type="application/ld+json">' + '{"image":[' * 50_000 + "</script>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_costs_its_length(name: str) -> None:
    """No more than a bounded number of requisites are taken, of a page of megabytes too."""
    assert len(of_page(page(HOSTILE[name])).urls) <= MAX_REQUISITES


def test_too_many_are_told() -> None:
    """What is more than is taken is said, what is not more is not."""
    just_enough = "".join(f"<img src=/{n}.png>" for n in range(MAX_REQUISITES))
    assert (len(of_page(page(just_enough)).urls), of_page(page(just_enough)).overflow) == (MAX_REQUISITES, False)
    assert of_page(page(just_enough + "<img src=/one-more.png>")).overflow


def test_a_page_and_its_stylesheets_are_followed_once() -> None:
    """Stylesheets that import each other end; one that is not in the archive leads nowhere."""
    sheets = {
        f"{BASE}a.css": page("@import 'b.css'; p { src: url(p.png) }", f"{BASE}a.css", "text/css"),
        f"{BASE}b.css": page("@import 'a.css'; @import 'gone.css'; p { src: url(q.png) }", f"{BASE}b.css", "text/css"),
    }
    found = whole(page("<link rel=stylesheet href=a.css><img src=i.jpg>"), sheets.get)
    assert [url.removeprefix(BASE) for url in found] == ["a.css", "i.jpg", "b.css", "p.png", "gone.css", "q.png"]


def test_nothing_is_needed_by_an_empty_page() -> None:
    """Of no bytes, nothing."""
    assert of_page(page("")) == Requisites() == of_stylesheet(page("", content_type="text/css"))
