"""What the pages of the newsroom need to look as they do: stylesheets, a font, a script, an icon, pictures."""

from __future__ import annotations

import re
import struct
import zlib

_PICTURE = re.compile(r"/images/([a-z0-9-]{1,40})\.(jpg|png)")

COURIER_CSS = """@charset "utf-8";
@import "print.css" print;
/* url("/static/not-this-one.png") */
@font-face { font-family: Courier; src: url(fonts/courier.woff2) format("woff2") }
body { font-family: Courier, serif; background: url('../images/paper.png') }
.masthead { background-image: url("data:image/gif;base64,R0lGODlhAQABAAAAACw=") }
"""
PRINT_CSS = """@import url("/static/courier.css");
.masthead { background: url(../images/stamp.png) }
"""

FILES = {
    "/static/courier.css": ("text/css", COURIER_CSS.encode()),
    "/static/print.css": ("text/css", PRINT_CSS.encode()),
    "/static/courier.js": ("text/javascript", b"document.documentElement.className = 'js';\n"),
    "/static/icon.svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>\n'),
    "/static/fonts/courier.woff2": ("font/woff2", b"wOF2" + bytes(range(256))),
}
SHARED = (*FILES, "/images/paper.png", "/images/stamp.png")
"""Paths that every page needs, by way of its stylesheet where not by itself."""


def file(path: str) -> tuple[str, bytes] | None:
    """Media type and body of a requisite, None where there is none at a path."""
    if path in FILES:
        return FILES[path]
    found = _PICTURE.fullmatch(path)
    return (f"image/{'jpeg' if found[2] == 'jpg' else 'png'}", picture(path)) if found else None


def picture(name: str) -> bytes:
    """A PNG of one pixel, another one for each name (whatever the name ends in: browsers look inside)."""
    pixel = zlib.compress(b"\0" + name.encode()[-3:].rjust(3), 9)
    text = b"Comment\0" + name.encode()
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)), (b"tEXt", text), (b"IDAT", pixel), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
