"""An article with all that a page can ask for, served by two newsrooms: one of them keeps the pictures for the other."""

from __future__ import annotations

import struct
import zlib

from tests.newsroom import Answer, Newsroom

TITLE = "The harbour wall is to be rebuilt"
PATH = "/city/2026/02/20/the-harbour-wall-is-to-be-rebuilt"

_TEXT = "".join(
    f"<p>{sentence} The engineer had measured it by hand, at low tide, with two helpers and a rope of forty metres.</p>"
    for sentence in (
        "The council of Eastmere voted on Tuesday for a new harbour wall, by eleven votes to four.",
        "“It will hold for a century”, said the engineer, who has looked after the old one since she was twenty.",
        "Work begins in May, when the herring boats are out, and is to end before the storms of the autumn.",
        "The cost is shared between the town, the county and the fishing company, which asked for a deeper quay.",
        "Until then the ferries land at the north pier, and passengers walk the rest of the way along the beach.",
    )
)
_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>
<link rel="stylesheet" href="/static/paper.css">
<script src="/static/lazy.js" defer></script></head>
<body><main><article><h1>{TITLE}</h1>{_TEXT}
<img id="srcset" src="CDN/wall-1.png" srcset="CDN/wall-1.png 1x, CDN/wall-2.png 2x" alt="The wall">
<img id="lazy" data-src="/pictures/tide.png" alt="The tide">
<div id="box"></div>
<p style="margin-top: 4000px"><img id="native" loading="lazy" src="//QUAY/quay.png?w=640&amp;h=2" alt="The quay"></p>
</article></main></body></html>
"""
_LAZY = """
for (const image of document.querySelectorAll("img[data-src]")) image.src = image.dataset.src;
document.documentElement.dataset.script = "ran";
"""
_PAPER = """@import "type.css";
#box { width: 50px; height: 50px; background-image: url(../pictures/net.png) }
"""
_TYPE = """@font-face { font-family: "Quay"; src: url("quay.woff2") format("woff2") }
h1 { font-family: "Quay", serif; color: rgb(1, 2, 3) }
"""


def png(width: int, colour: tuple[int, int, int]) -> bytes:
    """A picture of one line; its width tells which it is."""
    line = b"\0" + bytes(colour) * width
    header = struct.pack(">IIBBBBB", width, 1, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(line)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(said)) + kind + said + struct.pack(">I", zlib.crc32(kind + said)) for kind, said in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def illustrate(room: Newsroom, cdn: Newsroom) -> tuple[str, set[str]]:
    """Have the article served; its URL, and those of all that it needs. ReplayWeb.page (2.4.6) cannot undo `deflate`."""
    own = {
        "/static/paper.css": ("text/css", _PAPER.encode()),
        "/static/type.css": ("text/css", _TYPE.encode()),
        "/static/quay.woff2": ("font/woff2", b"wOF2, but for the letters"),
        "/static/lazy.js": ("text/javascript", _LAZY.encode()),
        "/pictures/net.png": ("image/png", png(10, (9, 9, 9))),
        "/pictures/tide.png": ("image/png", png(13, (0, 0, 200))),
    }
    theirs = {
        "/wall-1.png": ("image/png", png(11, (200, 0, 0))),
        "/wall-2.png": ("image/png", png(12, (0, 200, 0))),
        "/quay.png?w=640&h=2": ("image/png", png(14, (80, 80, 80))),
    }
    page = _PAGE.replace("CDN", cdn.site.base).replace("QUAY", cdn.host)
    room.replace(PATH, Answer(200, page.encode(), compress=False))
    for server, files in ((room, own), (cdn, theirs)):
        for path, (mime, body) in files.items():
            server.replace(path, Answer(200, body, mime, compress=False))
    return room.site.base + PATH, {room.site.base + path for path in own} | {cdn.site.base + path for path in theirs}
