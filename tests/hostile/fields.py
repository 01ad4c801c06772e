"""Real stories whose fields are poisoned. They are stored, and what is stored is clean."""

# ruff: noqa: E501 - a fault a line reads best as a table

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from tests.hostile.faults import ANYTHING, STORED, Fault, Story
from tests.hostile.pages import served
from tests.hostile.server import Answer
from tests.hostile.transport import FORGED

ESCAPES = "\x1b[31mRed\x1b[0m \x1b]0;owned\x07 \x9b2J bell \x07 back\x08space"
TURNED = "\u202eesrever \u2066isolated\u2069 \u200fmark \u061c"
HIDDEN = "hid\u200bden \u2060 \ufeff \U000e0041\U000e0042 \u00ad soft"


def node(**fields: Any) -> str:
    """A JSON-LD article; `</` is written so that it does not end the script."""
    whole = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Poisoned", **fields}
    return '<script type="application/ld+json">' + json.dumps(whole).replace("</", "<\\/") + "</script>"


def meta(**tags: str) -> str:
    """Open Graph tags; `_` stands for a colon."""
    return "".join(f'<meta property="{name.replace("_", ":")}" content="{value}">' for name, value in tags.items())


def faults(numbers: Iterator[int], other: str) -> list[Fault]:
    """All of them. `other` is the base of another paper."""

    def page(**parts: str) -> Answer:
        return served(Story(next(numbers), "fields").page(**parts))

    def titled(title: str) -> Answer:
        return page(title=escape(title), ld=node(headline=title), head=meta(og_title=escape(title)))

    everywhere = {"headline": ESCAPES, "description": ESCAPES, "articleSection": ESCAPES, "keywords": [ESCAPES, TURNED]}
    deep = '<script type="application/ld+json">' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "</script>"
    lists = '<script type="application/ld+json">' + "[" * 100_000 + "</script>"
    graph = node(
        **{
            "@graph": [
                {"@type": "NewsArticle", "headline": f"H {n}", "author": {"@id": f"#{n}"}} for n in range(20_000)
            ]
        }
    )
    cycle = node(
        author={"@id": "#a"},
        **{"@graph": [{"@id": "#a", "author": {"@id": "#b"}}, {"@id": "#b", "author": {"@id": "#a"}}]},
    )
    return [
        Fault("title-of-a-megabyte", titled("T" * 1_000_000), STORED),
        Fault("title-of-a-million-words", titled("word " * 200_000), STORED),
        Fault("title-escapes", titled(f"Escapes {ESCAPES} end"), STORED),
        Fault("title-references", page(title="A &#27;[31mred&#x9b;31m &#0;&#xD800;&#x202e; &amp;#27; title"), STORED),
        Fault("title-turned", titled(f"Turned {TURNED} end"), STORED),
        Fault("title-hidden", titled(f"Hidden {HIDDEN} end"), STORED),
        Fault("title-lines", titled(f"Line\n{FORGED}\r\n\x85\u2028{FORGED}"), STORED),
        Fault("title-formula", titled("=cmd|' /C calc'!A0 and the rest of a headline"), STORED),
        Fault("title-formula-plus", titled("+1+cmd|' /C calc'!A0 and the rest of a headline"), STORED),
        Fault("title-formula-at", titled("@SUM(1+1)*cmd|' /C calc'!A0 and the rest"), STORED),
        Fault("title-formula-tab", titled('\t=HYPERLINK("http://127.0.0.1") and the rest'), STORED),
        Fault("title-sql", titled("Robert'); DROP TABLE articles;-- \" % _ \\ \x00"), STORED),
        Fault("title-format", titled("{0} %s %(name)s ${jndi:ldap://127.0.0.1/x} {{7*7}} \\u001b"), STORED),
        Fault("title-markup", titled("<script>alert(1)</script> &lt;b&gt; ]]> <!-- a headline"), STORED),
        Fault("title-zalgo", titled("Z" + "\u0335\u0321\u0489" * 3000 + "algo comes to the town council"), STORED),
        Fault("title-empty", page(title="", ld=""), ANYTHING),
        Fault("fields-escapes", page(ld=node(**everywhere, author={"name": ESCAPES}), head=meta(
            og_site_name=ESCAPES, og_description=TURNED, article_section=TURNED, article_tag=ESCAPES)), STORED),
        Fault("fields-turned", page(ld=node(author=[{"name": f"Ada {TURNED} Marsh"}], articleSection=TURNED)), STORED),
        Fault("fields-long", page(ld=node(description="d" * 900_000, articleSection="s" * 300_000, keywords="k" * 300_000,
                                          inLanguage="e" * 300_000, publisher={"name": "p" * 300_000}, author="a" * 300_000)), STORED),
        Fault("fields-types", page(ld=node(headline={"a": [1]}, author=[[["x"]], 5, None, True], datePublished=[1e308], keywords={"a": 1})), STORED),
        Fault("fields-addresses", page(ld=node(image=["javascript:alert(1)", "file:///etc/passwd", "data:image/png;base64,AAAA"],
                                               url="javascript:1"), head=meta(og_image="http://[::1", og_url="file:///etc/passwd")), STORED),
        Fault("fields-language", served(Story(next(numbers), "fields").page().replace(b'lang="en"', b'lang="\x1b[31m' + b"x" * 99_999 + b'"')), STORED),
        Fault("authors-200k", page(ld=node(author=[{"name": f"Person No{n}"} for n in range(200_000)])), STORED),
        Fault("authors-in-one", page(ld=node(author=", ".join(f"Person Surname{chr(65 + n % 26) * 3}{n}" for n in range(60_000)))), STORED),
        Fault("authors-turned", page(ld=node(author=[{"name": f"{TURNED}{ESCAPES} Name Surname"}])), STORED),
        Fault("authors-formula", page(ld=node(author=[{"name": "=1+1"}, {"name": "@mentions"}, {"name": "-Dash Person"}])), STORED),
        Fault("tags-100k", page(ld=node(keywords=[f"tag number {n}" for n in range(100_000)])), STORED),
        Fault("json-ld-deep", page(ld=deep), STORED),
        Fault("json-ld-brackets", page(ld=lists), STORED),
        Fault("json-ld-graph", page(ld=graph), STORED),
        Fault("json-ld-cycle", page(ld=cycle), STORED),
        Fault("json-ld-digits", page(ld='<script type="application/ld+json">{"a":' + "9" * 500_000 + "}</script>"), STORED),
        Fault("json-ld-broken", page(ld='<script type="application/ld+json">{"headline": "x", /* \x00 */ NaN, </script>'), STORED),
        Fault("json-ld-by-the-thousand", page(ld=node(headline="One of many") * 5000), STORED),
        Fault("json-ld-body-bomb", page(ld=node(articleBody="<p>" * 500_000)), ANYTHING),
        Fault("dates-absurd", page(ld=node(datePublished="99999-12-31T25:61:61+99:99", dateModified="-0001-00-00")), STORED),
        Fault("dates-digits", page(ld=node(datePublished="9" * 100_000, dateModified=10**400)), STORED),
        Fault("dates-zone", page(ld=node(datePublished="0001-01-01T00:00:00+23:59", dateModified="9999-12-31T23:59:59-23:59")), STORED),
        Fault("canonical-elsewhere", page(head=f'<link rel="canonical" href="{other}/news/2026/11/19/theirs">'), STORED),
        Fault("canonical-home", page(head='<link rel="canonical" href="/">'), STORED),
        Fault("canonical-script", page(head='<link rel="canonical" href="javascript:alert(1)"><link rel="canonical" href="http://[">'), STORED),
        Fault("canonical-long", page(head=f'<link rel="canonical" href="/{"a" * 500_000}">'), STORED),
        Fault("canonical-private", page(head='<link rel="canonical" href="http://127.0.0.1/x"><link rel="amphtml" href="http://127.0.0.1/y">'), STORED),
    ]  # fmt: skip
