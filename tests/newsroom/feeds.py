"""What announces the stories: RSS, Atom, JSON Feed, sitemaps and robots.txt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

from .pages import PAPER
from .stories import SECTIONS, Story

Announcements = Sequence[tuple[str, Story]]
"""Pairs of the URL by which a story is announced (not always its own) and the story."""

_NEWS = "http://www.google.com/schemas/sitemap-news/0.9"
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"


def robots(base: str) -> str:
    """robots.txt: one disallowed folder, and the way to the sitemaps."""
    return f"""# {PAPER}
User-agent: *
Disallow: /private/
Disallow: /search
Disallow: /newsletter

Sitemap: {base}/sitemap_index.xml
"""


def rss(entries: Announcements, base: str) -> str:
    """RSS 2.0 with Dublin Core authors, categories and RFC 822 dates."""
    stories = "\n".join(
        f"""<item><title>{escape(story.title)}</title><link>{escape(url)}</link>
<guid isPermaLink="false">courier-{story.number}</guid>
<pubDate>{format_datetime(story.moment)}</pubDate>
{"".join(f"<dc:creator>{escape(name)}</dc:creator>" for name in story.authors)}
{"".join(f"<category>{escape(tag)}</category>" for tag in (SECTIONS[story.section], *story.tags))}
<description>{escape(story.description)}</description></item>"""
        for url, story in entries
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>{PAPER}</title><link>{base}/</link><description>News from the valley</description>
<language>en</language>
<atom:link href="{base}/feeds/rss.xml" rel="self" type="application/rss+xml"/>
{stories}
</channel></rss>
"""


def atom(entries: Announcements, base: str) -> str:
    """Atom 1.0 with time zones kept as the author wrote them."""
    stories = "\n".join(
        f"""<entry><title>{escape(story.title)}</title><link rel="alternate" href="{escape(url)}"/>
<id>tag:courier.example,2026:{story.number}</id>
<published>{_stamp(story.moment)}</published><updated>{_stamp(story.modified or story.moment)}</updated>
{"".join(f"<author><name>{escape(name)}</name></author>" for name in story.authors)}
{"".join(f'<category term="{escape(tag)}"/>' for tag in story.tags)}
<summary>{escape(story.description)}</summary></entry>"""
        for url, story in entries
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>{PAPER}: long reads</title><id>tag:courier.example,2026:long</id>
<link href="{base}/"/><link rel="self" href="{base}/feeds/atom.xml"/><updated>2026-03-03T09:00:00Z</updated>
{stories}
</feed>
"""


def json_feed(entries: Announcements, base: str) -> str:
    """JSON Feed 1.1."""
    stories: list[dict[str, Any]] = [
        {
            "id": f"courier-{story.number}",
            "url": url,
            "title": story.title,
            "summary": story.description,
            "date_published": _stamp(story.moment),
            "authors": [{"name": name} for name in story.authors],
            "tags": list(story.tags),
            "language": story.language,
        }
        for url, story in entries
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": f"{PAPER}: picks",
        "home_page_url": f"{base}/",
        "feed_url": f"{base}/feeds/feed.json",
        "items": stories,
    }
    return json.dumps(feed, ensure_ascii=False, indent=1)


def sitemap_index(base: str, names: Iterable[str]) -> str:
    """A sitemap index over /sitemaps/<name>."""
    parts = "".join(f"<sitemap><loc>{base}/sitemaps/{name}</loc></sitemap>\n" for name in names)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<sitemapindex xmlns="{_SITEMAP}">\n{parts}</sitemapindex>\n'


def news_sitemap(entries: Announcements) -> str:
    """A Google News sitemap: publication, language, date and title of every story."""
    urls = "\n".join(
        f"""<url><loc>{escape(url)}</loc><news:news><news:publication><news:name>{PAPER}</news:name>
<news:language>{story.language}</news:language></news:publication>
<news:publication_date>{_stamp(story.published)}</news:publication_date>
<news:title>{escape(story.title)}</news:title>
<news:keywords>{escape(", ".join(story.tags))}</news:keywords></news:news></url>"""
        for url, story in entries
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="{_SITEMAP}" xmlns:news="{_NEWS}">
{urls}
</urlset>
"""


def sitemap(entries: Iterable[tuple[str, datetime | None]]) -> str:
    """An ordinary sitemap of URLs with the time of their last change."""
    urls = "".join(
        f"<url><loc>{escape(url)}</loc>{f'<lastmod>{_stamp(changed)}</lastmod>' if changed else ''}</url>\n"
        for url, changed in entries
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{_SITEMAP}">\n{urls}</urlset>\n'


def _stamp(moment: datetime | date) -> str:
    return moment.isoformat().replace("+00:00", "Z")
