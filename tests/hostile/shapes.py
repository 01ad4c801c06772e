"""Pages of many megabytes, each of one shape that is dear to read: what a crawl would hand to a worker, at its default limit."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from tests.hostile.faults import Story

STORY = Story(9, "shapes")
SCRIPT = '<script type="application/ld+json">{}</script>'.format
TAIL = '<p><strong>Also read:</strong> <a href="/n/{0}">The ferry that sailed without its captain, part {0}</a></p>'
UPDATE = '<div><time datetime="2026-11-19T08:00:00Z">08:00</time><h3>Update</h3><p>The river has risen by one more inch.</p></div>'
CARD = '<li><a href="/n"><img src="/i.jpg"><h4>A headline of another day</h4></a></li>'
ROW = "<tr><td>Low Quay</td><td>41</td><td>62</td></tr>"
PICTURE = base64.b64encode(bytes(range(256)) * 12_000).decode()
MARK = (
    "<p>The river waits at mark {0}, as it had always done, and the keeper of bridge {0} has no say in it.</p>".format
)
LIFE = '<meta property="article:{}" content="{}">'.format


def _ld(**fields: object) -> str:
    return SCRIPT(
        json.dumps({"@context": "https://schema.org", "@type": "NewsArticle", "headline": STORY.title, **fields})
    )


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY {"abcdefghij"[n]} "{f"&{chr(96 + n)};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE html [<!ENTITY a "ha">{entities}]>'.encode() + STORY.page(body="<p>&j;&j;&j;</p>")


SHAPES: dict[str, Callable[[], bytes]] = {
    "authors-200k": lambda: STORY.page(
        ld=_ld(author=[{"@type": "Person", "name": f"Ada Marsh{'abcdefghij'[n % 10]}"} for n in range(200_000)])
    ),
    "author-nodes-by-reference": lambda: STORY.page(
        ld=SCRIPT(
            json.dumps(
                {
                    "@graph": [
                        {"@type": "NewsArticle", "author": [{"@id": f"#{n}"} for n in range(60_000)]},
                        *({"@id": f"#{n}", "name": f"N {n}"} for n in range(60_000)),
                    ]
                }
            )
        )
    ),
    "title-10mb": lambda: STORY.page().replace(b"<title>", b"<title>" + b"The bridge " * 880_000),
    "title-10mb-no-space": lambda: STORY.page().replace(b"<title>", b"<title>" + b"b" * 9_800_000),
    "title-10mb-og": lambda: STORY.page(head=f'<meta property="og:title" content="{"The bridge " * 880_000}">'),
    "headline-5mb": lambda: STORY.page(title="The bridge " * 440_000),
    "headline-5mb-no-space": lambda: STORY.page(title="b" * 4_900_000),
    "divs-1m": lambda: b"<div>" * 1_000_000 + STORY.page(),
    "divs-closed-800k": lambda: STORY.page(body="<div>" * 400_000 + "<p>Deep.</p>" + "</div>" * 400_000),
    "paragraphs-100k": lambda: STORY.page(body="<p>The river waits, as it had always done.</p>" * 100_000),
    "paragraphs-long-3k": lambda: STORY.page(
        body=("<p>" + "The river waits, as it had always done. " * 75 + "</p>") * 3_000
    ),
    "links-100k": lambda: STORY.page(body='<a href="/n/1">A headline of another day</a> ' * 100_000),
    "rows-100k": lambda: STORY.page(body=f"<table>{ROW * 100_000}</table>"),
    "tables-30k": lambda: STORY.page(body=f"<table>{ROW}</table>" * 30_000),
    "paragraph-9mb": lambda: STORY.page(body="<p>" + "the river waits " * 580_000 + "</p>"),
    "breaks-1m": lambda: STORY.page(body="<div>" + "The river waits<br>" * 450_000 + "</div>"),
    "refreshes-100k": lambda: STORY.page(head='<meta http-equiv="refresh" content="0; url=/n/1">' * 100_000),
    "refresh-9mb": lambda: STORY.page(head=f'<meta http-equiv="refresh" content="{"0;" * 4_500_000}url=/x">'),
    "entities-2m": lambda: STORY.page(body="<p>" + "&amp;" * 1_900_000),
    "entities-nested": _laughs,
    "entities-of-control": lambda: STORY.page(
        title="&#0;&#1;&#27;[31m&#8238;The &#x202e;bridge&#xfeff;&#xd800;&#x110000;",
        body="<p>" + "&#27;[31m&#8238;&#0;" * 200_000,
    ),
    "bytes-of-no-charset": lambda: STORY.page(body="<p>" + "x" * 100) + bytes(range(128, 256)) * 40_000,
    "utf-8-torn": lambda: STORY.page(body="<p>" + "\u6e21\u3057\u8239" * 100_000)[:-7] + b"\xf0\x9f" * 200_000,
    "nul-2m": lambda: STORY.page(body="<p>" + "\x00a" * 1_000_000),
    "turned-authors": lambda: STORY.page(
        ld=_ld(author=[{"name": "\u202eada\u2066 Marsh\u2069\u202c\u200f"}, {"name": "\u061cTom\u200b \u2067Roe"}])
    ),
    "markup-in-titles": lambda: STORY.page(
        title="The &lt;b&gt;bridge&lt;/b&gt; waits",
        head='<meta property="og:title" content="The &lt;b&gt;bridge&lt;/b&gt; waits &lt;script&gt;alert(1)&lt;/script&gt;">',
        ld=_ld(
            headline="The <b>bridge</b> waits",
            description="A <i>river</i><br/>rises",
            author={"name": "<a href='/a'>Ada Marsh</a>"},
        ),
    ),
    "dates-of-year-99999": lambda: STORY.page(
        head=LIFE("published_time", "99999-01-01T00:00:00Z"),
        ld=_ld(datePublished="99999-12-31T23:59:59Z", dateModified="12026-11-19T08:00:00Z"),
    ),
    "dates-of-tomorrow": lambda: STORY.page(
        head=LIFE("published_time", "2031-01-01T00:00:00Z"),
        ld=_ld(datePublished="2099-12-31T23:59:59Z", dateModified="2030-11-19T08:00:00Z"),
    ),
    "dates-100k": lambda: STORY.page(head=LIFE("published_time", "2026-11-19T08:00:00Z") * 100_000),
    "times-100k": lambda: STORY.page(
        body='<time datetime="2026-11-19T08:00:00Z">19 November 2026</time>' * 100_000, ld=""
    ),
    "picture-4mb": lambda: STORY.page(
        head=f'<meta property="og:image" content="data:image/png;base64,{PICTURE}">',
        body=f'<img src="data:image/png;base64,{PICTURE}">',
    ),
    "pictures-60k": lambda: STORY.page(
        body='<figure><img src="/i.jpg"><figcaption>The river. Photo: A. Marsh</figcaption></figure>' * 60_000
    ),
    "tails-50k": lambda: STORY.page(body="".join(map(TAIL.format, range(50_000)))),
    "tail-of-100k-links": lambda: STORY.page(body="<p>Also read:</p><ul>" + CARD * 80_000 + "</ul>"),
    "updates-60k": lambda: STORY.page(body=UPDATE * 60_000),
    "updates-in-json-ld-60k": lambda: STORY.page(
        ld=_ld(
            liveBlogUpdate=[
                {"@type": "BlogPosting", "headline": "Update", "articleBody": "The river has risen."}
                for _ in range(60_000)
            ]
        )
    ),
    "body-in-json-ld-9mb": lambda: STORY.page(ld=_ld(articleBody="The river waits. " * 500_000)),
    "headings-100k": lambda: STORY.page(body="<h1>The river waits</h1><h2>As it had always done</h2>" * 90_000),
    "shouts-9mb": lambda: STORY.page(body="<p>" + "READ ALSO: " * 800_000 + "</p>"),
    "bylines-100k": lambda: STORY.page(body='<p class="byline">By Ada Marsh and Tom Roe</p>' * 100_000, ld=""),
    "classes-of-megabytes": lambda: STORY.page(
        body=f'<div class="{"related " * 1_000_000}"><p>The river waits.</p></div>'
    ),
    "siblings-inline-1m": lambda: STORY.page(body="<p>" + "a<b>b</b>" * 900_000 + "</p>"),
    "spans-each-a-word": lambda: STORY.page(body="<p>" + "<span>river</span> " * 400_000 + "</p>"),
    "lists-nested-in-lists": lambda: STORY.page(body="<ul><li>The river" * 200_000),
    "soft-hyphens-3m": lambda: STORY.page(body="<p>The ri" + "\u00ad\u200b" * 1_800_000 + "ver waits.</p>"),
    "sections-nested-each-with-prose": lambda: STORY.page(
        body="<section><p>The river waits, as it had always done, and nobody should hurry it.</p>" * 60_000
    ),
    "frames-nested-each-with-prose": lambda: STORY.page(
        body="<nav><aside><footer><p>The river waits, as it had always done.</p>" * 40_000
    ),
    "blocks-1m": lambda: STORY.page(body="<p>a" * 1_000_000),
    "lines-1m": lambda: STORY.page(body="<div>" + "a<br>" * 1_000_000),
    "boxes-each-in-another-100k": lambda: STORY.page(body="<div>a" * 100_000),
    "boxes-each-of-its-own-class-100k": lambda: STORY.page(
        body="".join(f'<div class="box{n} related-{n}" id="n{n}"><p>Mark {n}</p></div>' for n in range(100_000))
    ),
    "text-without-spaces-9mb": lambda: STORY.page(body="<p>" + "\u6e21\u3057\u8239" * 1_050_000),
    "invitations-30k": lambda: STORY.page(
        body="".join(f"<p>Subscribe to newsletter {n}, follow and share it</p>" for n in range(30_000))
    ),
    "headlines-below-a-long-story": lambda: STORY.page(
        body="".join(map(MARK, range(10_000))) + "".join(f"<h1>The headline of day {n}</h1>" for n in range(9_000))
    ),
    "quotes-10k-and-where-they-may-stand": lambda: STORY.page(
        body="".join(
            f"{MARK(n)}<p>On day {n} {'the river rose by one more inch, ' * 12}and fell.</p>" for n in range(9_500)
        )
    ),
    "labels-in-boxes-10k": lambda: STORY.page(
        body="".join(f"<div><p>Also read:</p>{MARK(n)}</div>" for n in range(9_000))
    ),
}
