"""An article with all that a page can ask for, archived with its requisites, for tests that replay it.

Its exchanges are written as a crawl would; `archive_it` is the one place to change when one does.
"""

from __future__ import annotations

import struct
import zlib

from archives import SITE, Archive, candidate

from storage.records import Kind

STORY = f"{SITE}/2026/harbour"
CDN = "https://pictures.gazette.test"
TITLE = "The harbour wall is to be rebuilt"

_PAGE = f"""<!doctype html>
<html><head><meta charset="utf-8"><title>{TITLE}</title>
<link rel="stylesheet" href="/static/paper.css">
<script src="/static/lazy.js" defer></script></head>
<body><main><h1>{TITLE}</h1>
<p>The council of Eastmere voted for it on Tuesday. “It will hold for a century”, said the engineer.</p>
<img id="srcset" src="{CDN}/wall-1.png" srcset="{CDN}/wall-1.png 1x, {CDN}/wall-2.png 2x" alt="The wall">
<img id="lazy" data-src="/pictures/tide.png" alt="The tide">
<div id="box"></div>
<p style="margin-top: 4000px">
<img id="native" loading="lazy" src="//pictures.gazette.test/quay.png?w=640&amp;h=2" alt="The quay"></p>
</main></body></html>
"""
_LAZY = """
for (const image of document.querySelectorAll("img[data-src]")) image.src = image.dataset.src;
document.documentElement.dataset.script = "ran";
"""


def png(width: int, colour: tuple[int, int, int]) -> bytes:
    """A picture of one line."""
    line = b"\0" + bytes(colour) * width
    header = struct.pack(">IIBBBBB", width, 1, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(line)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(said)) + kind + said + struct.pack(">I", zlib.crc32(kind + said)) for kind, said in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


# URL -> (what asks for it, media type, body); a picture's width tells which it is.
REQUISITES: dict[str, tuple[str, str, bytes]] = {
    f"{SITE}/static/paper.css": (
        STORY,
        "text/css",
        b'@import "type.css";\n#box { width: 50px; height: 50px; background-image: url(../pictures/net.png) }',
    ),
    f"{SITE}/static/type.css": (
        f"{SITE}/static/paper.css",
        "text/css",
        (
            b'@font-face { font-family: "Quay"; src: url("quay.woff2") format("woff2") }\n'
            b'h1 { font-family: "Quay", serif; color: rgb(1, 2, 3) }'
        ),
    ),
    f"{SITE}/static/quay.woff2": (f"{SITE}/static/type.css", "font/woff2", b"wOF2, but for the letters"),
    f"{SITE}/static/lazy.js": (STORY, "text/javascript", _LAZY.encode()),
    f"{SITE}/pictures/net.png": (f"{SITE}/static/paper.css", "image/png", png(10, (9, 9, 9))),
    f"{CDN}/wall-1.png": (STORY, "image/png", png(11, (200, 0, 0))),
    f"{CDN}/wall-2.png": (STORY, "image/png", png(12, (0, 200, 0))),
    f"{SITE}/pictures/tide.png": (STORY, "image/png", png(13, (0, 0, 200))),
    f"{CDN}/quay.png?w=640&h=2": (STORY, "image/png", png(14, (80, 80, 80))),
}


def archive_it(archive: Archive) -> None:
    """A run that fetches the article and its requisites."""
    archive.begin("R1")
    lease = archive.lease(STORY)
    text = "The council of Eastmere voted for it on Tuesday."
    archive.settle(
        lease,
        archive.fetch(lease, answer("text/html; charset=utf-8", _PAGE.encode())),
        candidate(STORY, TITLE, text=text),
    )
    for url, (via, mime, body) in REQUISITES.items():
        lease = archive.lease(url, Kind.REQUISITE)
        archive.edit("UPDATE urls SET discovered_from = :via WHERE url = :url", via=via, url=lease.url)
        archive.fetch(lease, answer(mime, body), url=url)
    archive.end()


def answer(mime: str, body: bytes) -> bytes:
    """A response."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
