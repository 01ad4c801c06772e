"""Stylesheets: the URLs they import and show, however they are written, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stylesheets import MAX_CSS, text_of, urls_of

CASES = {
    "unquoted": ("a { background: url(b.png) }", ["b.png"]),
    "spaces": ("a { background: url(  b.png\n) }", ["b.png"]),
    "quoted": ("a { background: url( \"b c.png\" ) url('d.png') }", ["b c.png", "d.png"]),
    "capitals": ("a { BACKGROUND: URL(b.png) }", ["b.png"]),
    "import of a string": ('@import "b.css" screen and (width > 9px);', ["b.css"]),
    "import of a URL": ("@import url(b.css) layer(x) supports(display: grid);", ["b.css"]),
    "import of a quoted URL": ("@IMPORT url('b.css');", ["b.css"]),
    "import without white space": ("@import'b.css';", ["b.css"]),
    "conditions of an import are none": ('@import url(b.css) supports(content: "c.css");', ["b.css"]),
    "font": ('@font-face { src: local("x"), url(b.woff2) format("woff2") }', ["b.woff2"]),
    "image-set": ('a { background: image-set("b.png" 1x, url(c.png) 2x) }', ["b.png", "c.png"]),
    "types of an image-set": ('a { background: -webkit-image-set("b.avif" type("image/avif") 1x) }', ["b.avif"]),
    "escaped": (r"a { background: url(b\(1\).png) url('\63 .png') }", ["b(1).png", "c.png"]),
    "escaped line end": ('a { background: url("b\\\nc.png") }', ["bc.png"]),
    "escaped null": (r"a { background: url('\0 b.png') }", ["\ufffdb.png"]),
    "data": ("a { background: url(data:image/png;base64,AA==) }", ["data:image/png;base64,AA=="]),
    "comment": ("/* url(b.png) @import 'c.css'; */ a { background: url(d.png) }", ["d.png"]),
    "comment that looks like a URL": (
        "a { background: url(//b.test/c.png) /* ' */ url('d.png') }",
        ["//b.test/c.png", "d.png"],
    ),
    "text that looks like a URL": ('a::before { content: "url(b.png)" } c { d: url(e.png) }', ["e.png"]),
    "namespace": ('@namespace url(http://www.w3.org/2000/svg); @namespace x "http://x.test/";', []),
    "namespace, quoted": ('@namespace svg url("http://www.w3.org/2000/svg");', []),
    "charset": ('@charset "utf-8"; @import "b.css";', ["b.css"]),
    "other functions": ("a { b: myurl(c.png) -url(d.png) url-prefix(e.png) }", []),
    "torn string": ('a { content: "b\n} c { background: url(d.png) }', ["d.png"]),
    "torn import": ('@import "b.css\n; c { background: url(d.png) }', ["d.png"]),
    "bad URL": ('a { background: url(b"c.png) } d { background: url(e.png) }', ["e.png"]),
    "cut in a URL": ("a { background: url(b.png", ["b.png"]),
    "cut in a string": ('@import "b.css', ["b.css"]),
    "cut in a comment": ("a { background: url(b.png) } /* url(c.png)", ["b.png"]),
    "markup around": ("<!-- @import 'b.css'; -->", ["b.css"]),
    "custom property": ("a { --logo: url(b.png) }", ["b.png"]),
    "nested functions": (
        "a { background: linear-gradient(red, var(--x)), cross-fade(url(b.png), url(c.png)) }",
        ["b.png", "c.png"],
    ),
    "nothing": ("", []),
}


@pytest.mark.parametrize("name", CASES)
def test_urls_are_found_as_browsers_find_them(name: str) -> None:
    """Those of `url()`, `@import` and `image-set()`, their escapes resolved."""
    css, expected = CASES[name]
    assert list(urls_of(css)) == expected


@given(st.text(alphabet="url()\"'\\ \n/*@import;{}a.-", max_size=60))
def test_any_text_ends(css: str) -> None:
    """Whatever is written, scanning comes to an end and raises nothing."""
    list(urls_of(css))


@pytest.mark.parametrize(
    "piece", ["url(", '"\\', "/*", "(", "a\\", "@import ", "url( ", "url(\\", "url('", "-", "image-set("]
)
def test_a_hostile_text_is_read_once(piece: str) -> None:
    """A text of millions of openings costs no more than its length: a test without this property would not end."""
    assert len(list(urls_of(piece * (MAX_CSS // len(piece))))) <= MAX_CSS


def test_what_is_behind_the_limit_is_not_read() -> None:
    """Only so many characters are."""
    assert list(urls_of("a{b:url(c.png)}" + " " * MAX_CSS + "a{b:url(d.png)}")) == ["c.png"]


@pytest.mark.parametrize(
    ("body", "charset", "expected"),
    [
        (b"\xef\xbb\xbf\xc3\xbc", "latin-1", "ü"),
        (b"\xff\xfe\xfc\x00", None, "ü"),
        (b'@charset "iso-8859-1"; \xfc', None, '@charset "iso-8859-1"; ü'),
        (b"\xfc", "latin-1", "ü"),
        (b"\xc3\xbc", None, "ü"),
        (b"\xc3\xbc", "no-such-charset", "ü"),
        (b"\xfc", None, "\ufffd"),
    ],
)
def test_the_charset_is_declared_or_utf8(body: bytes, charset: str | None, expected: str) -> None:
    """Byte order mark, then HTTP, then `@charset`, then UTF-8; what is none of it becomes U+FFFD."""
    assert text_of(body, charset) == expected
