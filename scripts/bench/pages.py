"""The pages that are crawled: those of NEWSWARC_CORPUS, or generated ones; and the sites that they are spread over.

A site is one loopback address with a robots.txt, a home page and a feed that names its pages: what a newspaper has at the
least. Nothing but the URLs is told by the feed.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from scripts.corpus_serve import CorpusPage, load
from storage.urlkey import InvalidURL, canonical
from tests.newsroom.pages import article
from tests.newsroom.stories import Story, templated

FOLDER_OF_MANY = 250  # addresses 127.1.x.1 to 127.1.x.250
RELATED = 8  # links beside a generated story
TEASERS = 100  # below one that is heavy
LONGER = 6  # stories whose text a heavy one takes over


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the path it is served at, and its decoded HTML."""

    path: str
    html: bytes


@dataclass(slots=True)
class Site:
    """One host: its address and port, its pages by path, and what names them."""

    address: str
    port: int
    pages: dict[str, Page] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """Its URL without a path."""
        return f"http://{self.address}:{self.port}"

    def bodies(self) -> Iterator[tuple[str, str, bytes]]:
        """Path, content type and body of all that is there."""
        yield "/robots.txt", "text/plain", b"User-agent: *\nDisallow: /never/\n"
        yield "/", "text/html; charset=utf-8", self._home().encode()
        yield "/feed.xml", "application/rss+xml", self._feed().encode()
        for page in self.pages.values():
            yield page.path, "text/html", page.html

    def _home(self) -> str:
        feed = '<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
        return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{self.address}</title>{feed}</head>
<body><nav><a href="/">Home</a></nav><main><h1>{self.address}</h1><p>Welcome.</p></main></body></html>"""

    def _feed(self) -> str:
        links = "".join(f"<item><link>{self.root}{escape(path)}</link></item>\n" for path in self.pages)
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>{self.address}</title><link>{self.root}/</link><description>All</description>
{links}</channel></rss>
"""


def corpus(folder: Path, count: int) -> list[Page]:
    """`count` pages of a corpus, taken evenly from all of it; each at its own path below the name of its own host."""
    found = load(folder)
    step = max(1.0, len(found) / count)
    chosen = [found[int(number * step)] for number in range(min(count, len(found)))]
    return list({page.path: page for page in map(_of_corpus, chosen)}.values())


def _of_corpus(page: CorpusPage) -> Page:
    url, file = page.url, page.file
    parts = urlsplit(url)
    target = f"/{parts.hostname}{parts.path}" + (f"?{parts.query}" if parts.query else "")
    try:
        target = canonical(f"http://127.0.0.1{target}").removeprefix("http://127.0.0.1")
    except InvalidURL:
        target = f"/news/{file.name.partition('.')[0]}.html"
    return Page(target, gzip.decompress(file.read_bytes()))


def generated(count: int, *, heavy: bool = False) -> list[Page]:
    """Stories by number, each unlike any other; the same for the same numbers.

    Bare ones have some 6 KB. Heavy ones have what comes with a story on most real sites too, some 170 KB: a longer text,
    scripts and styles, menus, and teasers of a hundred others.
    """
    stories = [templated(number) for number in range(count + TEASERS)]
    if not heavy:
        return [_light(story, stories[place + 1 : place + 1 + RELATED]) for place, story in enumerate(stories[:count])]
    return [_heavy(story, stories[place + 1 : place + 1 + TEASERS]) for place, story in enumerate(stories[:count])]


def _light(story: Story, others: Sequence[Story]) -> Page:
    return Page(story.path, article(story, "", others).encode())


def _heavy(story: Story, others: Sequence[Story]) -> Page:
    longer = replace(
        story, paragraphs=tuple(paragraph for one in (story, *others[:LONGER]) for paragraph in one.paragraphs)
    )
    head, _, body = article(longer, "", others[:RELATED]).partition("</head>")
    before, _, after = body.partition("<footer>")
    sheet = "".join(
        f".block-{n:x} .part-{n * 7919:x}{{margin:{n % 17}px;color:#{n * 40503 % 4096:03x}}}\n" for n in range(900)
    )
    state = json.dumps([{"id": other.number, "t": other.title, "d": other.description} for other in others] * 2)
    menu = "".join(f'<li class="menu-{n}"><a href="/topic/{n}/">Topic {n}</a></li>\n' for n in range(150))
    teasers = "\n".join(_teaser(other) for other in others)
    html = (
        f"{head}<style>{sheet}</style></head>{before}<nav><ul>{menu}</ul></nav><section>{teasers}</section>"
        f"<script>window.state = {state};</script><footer>{after}"
    )
    return Page(story.path, html.encode())


def _teaser(story: Story) -> str:
    return f"""<div class="card"><div class="card-image"><a href="{story.path}"><img src="/images/{story.number}.jpg" alt=""></a>
</div><div class="card-body"><span class="card-tag">{story.section}</span>
<h3 class="card-title"><a href="{story.path}">{escape(story.title)}</a></h3>
<p class="card-text">{escape(story.description)}</p><span class="card-time">{story.published:%d.%m.%Y}</span></div></div>"""


def spread(pages: Sequence[Page], per_site: int, port: int, copies: int = 1) -> list[Site]:
    """The pages on as many sites as it takes; further copies of all of them on further sites."""
    sites: list[Site] = []
    for _ in range(copies):
        for start in range(0, len(pages), per_site):
            number = len(sites)
            address = f"127.1.{number // FOLDER_OF_MANY}.{1 + number % FOLDER_OF_MANY}"
            own = {page.path: page for page in pages[start : start + per_site]}
            sites.append(Site(address, port, own))
    return sites
