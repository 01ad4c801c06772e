"""The HTML of the newsroom: articles in three styles, front and section pages, AMP and print variants."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from .stories import SECTIONS, Story

PAPER = "The Serrin Valley Courier"
_RIGHT_TO_LEFT = {"ar"}


def article(story: Story, base: str, related: Sequence[Story], correction: str | None = None) -> str:
    """A story's own page. Styles differ as those of real papers do: by number, so that every style is met."""
    head = (_linked_head, _tagged_head, _graph_head)[story.number % 3](story, base)
    return _page(
        title=f"{story.title} | {PAPER}",
        head=head + _variants(story, base),
        body=f"""<main id="content">
<nav class="breadcrumb" aria-label="Breadcrumb"><a href="/">Home</a> ›
<a href="/{story.section}/">{SECTIONS[story.section]}</a></nav>
<article class="story">
<header><h1>{escape(story.title)}</h1>
<p class="standfirst">{escape(story.description)}</p>
{_byline(story)}
</header>
<figure><img src="/images/{story.number}.jpg" width="960" height="540" alt="">
<figcaption>Photograph: Courier archive</figcaption></figure>
<div class="article-body">
{_paragraphs(story)}
{f'<p class="correction">{escape(correction)}</p>' if correction else ""}
</div>
<p class="tags">{" ".join(f'<a rel="tag" href="/search?q={escape(tag)}">{escape(tag)}</a>' for tag in story.tags)}</p>
</article>
<aside class="newsletter"><h2>The Courier by post</h2><form action="/newsletter" method="post">
<label>Your address <input type="email" name="email"></label><button>Subscribe</button></form>
<p>Six stories every morning. Leave whenever you like.</p></aside>
<aside class="related"><h2>Also in the Courier</h2><ul>
{_list(related)}
</ul></aside>
</main>""",
        language=story.language,
        charset=story.charset,
    )


def amp(story: Story, base: str) -> str:
    """The AMP variant: the same text, rel=canonical to the story."""
    canonical = f'<link rel="canonical" href="{base}{story.path}">'
    body = f"""<article><h1>{escape(story.title)}</h1>{_byline(story)}
{_paragraphs(story)}</article>"""
    return f"""<!doctype html>
<html amp lang="{story.language}"><head><meta charset="utf-8"><title>{escape(story.title)}</title>{canonical}
<meta name="viewport" content="width=device-width"><script async src="https://cdn.ampproject.example/v0.js"></script></head>
<body>{body}</body></html>
"""


def print_view(story: Story, base: str) -> str:
    """The print variant: the bare text, rel=canonical to the story."""
    return f"""<!doctype html>
<html lang="{story.language}"><head><meta charset="utf-8"><title>Print: {escape(story.title)}</title>
<link rel="canonical" href="{base}{story.path}"><meta name="robots" content="noindex"></head>
<body class="print"><h1>{escape(story.title)}</h1>{_byline(story)}
{_paragraphs(story)}
<p>Printed from {PAPER}, {base}{story.path}</p></body></html>
"""


def front(sections: Mapping[str, Sequence[Story]], odd: Iterable[tuple[str, str]]) -> str:
    """The home page: navigation, teasers by section, and the odd links that every front page has."""
    blocks = "\n".join(
        f'<section><h2><a href="/{name}/">{SECTIONS[name]}</a></h2>{_teasers(stories)}</section>'
        for name, stories in sections.items()
    )
    more = "\n".join(f'<li><a href="{path}">{escape(text)}</a></li>' for path, text in odd)
    return _page(
        title=f"{PAPER}: news from the valley and beyond",
        head="""<link rel="alternate" type="application/rss+xml" title="Latest" href="/feeds/rss.xml">
<link rel="alternate" type="application/atom+xml" title="Long reads" href="/feeds/atom.xml">
<link rel="alternate" type="application/feed+json" title="Picks" href="/feeds/feed.json">
<meta property="og:type" content="website">
""",
        body=f'<main id="content">\n{blocks}\n<aside><h2>More</h2><ul>\n{more}\n</ul></aside>\n</main>',
    )


def section(name: str, stories: Sequence[Story]) -> str:
    """A section page: a list of teasers, no article text."""
    return _page(
        title=f"{SECTIONS[name]} | {PAPER}",
        head='<meta property="og:type" content="website">\n',
        body=f'<main id="content">\n<h1>{SECTIONS[name]}</h1>\n{_teasers(stories)}\n</main>',
    )


def plain(title: str, content: str, head: str = "") -> str:
    """Any other page of the site in its usual frame. `content` is HTML."""
    return _page(title=f"{title} | {PAPER}", head=head, body=f'<main id="content">\n{content}\n</main>')


def _page(title: str, head: str, body: str, language: str = "en", charset: str = "utf-8") -> str:
    direction = ' dir="rtl"' if language in _RIGHT_TO_LEFT else ""
    links = "".join(f'<li><a href="/{name}/">{text}</a></li>' for name, text in SECTIONS.items())
    return f"""<!doctype html>
<html lang="{language}"{direction}>
<head>
<meta charset="{charset}">
<title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/courier.css">
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<script src="/static/courier.js" defer></script>
{head}</head>
<body>
<header class="masthead"><a class="logo" href="/">{PAPER}</a>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<p><a href="/account/login">Sign in</a></p></header>
{body}
<footer><ul><li><a href="/about">About us</a></li><li><a href="/legal/imprint">Imprint</a></li>
<li><a href="/legal/privacy">Privacy</a></li></ul><p>© 2026 {PAPER}. All towns are invented.</p></footer>
</body>
</html>
"""


def _teasers(stories: Sequence[Story]) -> str:
    return "\n".join(
        f"""<article class="teaser"><h3><a href="{story.path}">{escape(story.title)}</a></h3>
<p>{escape(story.description)}</p>
<time datetime="{story.published.isoformat()}">{story.published:%d.%m.%Y}</time></article>"""
        for story in stories
    )


def _list(stories: Sequence[Story]) -> str:
    return "\n".join(f'<li><a href="{story.path}">{escape(story.title)}</a></li>' for story in stories)


def _paragraphs(story: Story) -> str:
    return "\n".join(f"<p>{escape(paragraph, quote=False)}</p>" for paragraph in story.paragraphs)


def _byline(story: Story) -> str:
    names = ", ".join(
        f'<a rel="author" href="/authors/{number}">{escape(name)}</a>' for number, name in enumerate(story.authors)
    )
    written = story.published
    clock = f"{written:%d.%m.%Y, %H:%M}" if isinstance(written, datetime) else f"{written:%d.%m.%Y}"
    return f'<p class="byline">By {names} · <time datetime="{written.isoformat()}">{clock}</time></p>'


def _variants(story: Story, base: str) -> str:
    return f"""<link rel="canonical" href="{base}{story.path}">
<link rel="amphtml" href="{base}/amp{story.path}">
"""


def _social(story: Story, base: str) -> str:
    return f"""<meta name="description" content="{escape(story.description)}">
<meta property="og:type" content="article">
<meta property="og:site_name" content="{PAPER}">
<meta property="og:title" content="{escape(story.title)}">
<meta property="og:description" content="{escape(story.description)}">
<meta property="og:url" content="{base}{story.path}">
<meta property="og:image" content="{base}/images/{story.number}.jpg">
"""


def _linked_head(story: Story, base: str) -> str:
    return _social(story, base) + _json_ld({"@context": "https://schema.org"} | _news_article(story, base))


def _tagged_head(story: Story, base: str) -> str:
    lines = [
        _social(story, base),
        f'<meta property="article:published_time" content="{story.published.isoformat()}">\n',
        f'<meta property="article:section" content="{SECTIONS[story.section]}">\n',
        *(f'<meta name="author" content="{escape(name)}">\n' for name in story.authors),
        *(f'<meta property="article:tag" content="{escape(tag)}">\n' for tag in story.tags),
    ]
    if story.modified:
        lines.append(f'<meta property="article:modified_time" content="{story.modified.isoformat()}">\n')
    return "".join(lines)


def _graph_head(story: Story, base: str) -> str:
    graph = [
        {"@type": "WebSite", "@id": f"{base}/#site", "name": PAPER, "url": f"{base}/"},
        {"@type": "BreadcrumbList", "itemListElement": [{"@type": "ListItem", "position": 1, "name": "Home"}]},
        _news_article(story, base),
    ]
    return _social(story, base) + _json_ld({"@context": "https://schema.org", "@graph": graph})


def _news_article(story: Story, base: str) -> dict[str, Any]:
    return {
        "@type": "NewsArticle",
        "headline": story.title,
        "description": story.description,
        "inLanguage": story.language,
        "url": f"{base}{story.path}",
        "mainEntityOfPage": f"{base}{story.path}",
        "image": [f"{base}/images/{story.number}.jpg"],
        "articleSection": SECTIONS[story.section],
        "keywords": list(story.tags),
        "datePublished": story.published.isoformat(),
        "dateModified": (story.modified or story.published).isoformat(),
        "author": [{"@type": "Person", "name": name} for name in story.authors],
        "publisher": {"@type": "NewsMediaOrganization", "name": PAPER, "logo": f"{base}/static/logo.png"},
        "isAccessibleForFree": True,
    }


def _json_ld(value: dict[str, Any]) -> str:
    return f'<script type="application/ld+json">{json.dumps(value, ensure_ascii=False)}</script>\n'
