"""A site with a way in for each mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.hostile.faults import Story
from tests.hostile.server import Line, Server

STORY = Story(1, "harbour")
SEEDS = {
    "html": b"<!doctype html><title>News</title><p>Our feed has moved.</p>",
    "empty": b"",
    "no-urls": b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"></urlset>',
    "no-items": b'<rss version="2.0"><channel><title>x</title></channel></rss>',
}


def _reply(body: bytes, *lines: str, status: str = "200 OK"):
    return lambda line: line.reply(body, *lines, status=status)


@contextmanager
def site() -> Iterator[str]:
    """The site's URL while it is served."""
    server = Server("127.0.0.1")
    server.answers |= {f"/{name}.xml": _reply(body) for name, body in SEEDS.items()}
    server.answers |= {
        "/good/": _reply(f'<h2><a href="{STORY.path}">{STORY.title}</a></h2>'.encode()),
        STORY.path: lambda line: line.reply(STORY.page()),
        "/500/": _reply(b"<p>Oops</p>", status="500 Oops"),
        "/403/": _reply(b"<p>No</p>", status="403 No"),
        "/loop/": _reply(b"", "Location: /loop/", status="302 Found"),
        "/away/": _reply(b"", "Location: http://elsewhere.invalid/", status="302 Found"),
        "/bare/": _reply(b"<title>Bare</title><p>Nothing here.</p>"),
        "/nothing/": _reply(b""),
        "/mute/": Line.stall,
        "/robots.txt": _reply(b"User-agent: *\nDisallow: /closed/\n"),
    }
    try:
        yield server.url
    finally:
        server.stop()
