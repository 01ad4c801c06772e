"""What the HTML of a page says of rights."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.page import RawPage, read_article
from storage.records import Candidate, NoArticle

URL = "https://paper.example/region/the-bridge"
STORY = (
    "<h1>The bridge is open</h1>"
    + "<p>The bridge at Low Mill was opened on Monday, after two years of work on it.</p>" * 12
)


def said(head: str, body: str = STORY, header: str = "") -> dict[str, Any] | None:
    """What a page says, as the row of its capture has it."""
    answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{header}\r\n"
    page = f"{answer}<html><head>{head}</head><body><article>{body}</article></body></html>"
    raw = RawPage(URL, URL, "2026-03-03T12:00:00.000Z", page.encode(), truncated=False, limit=1_000_000)
    signals = read_article(raw).signals
    return json.loads(signals) if signals else None


def linked(node: object) -> str:
    """JSON-LD with one node."""
    return f'<script type="application/ld+json">{json.dumps(node)}</script>'


LICENCE = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", None),
        ('<meta name="robots" content="index, follow, max-snippet:-1, max-image-preview:large">', None),
        ('<meta name="ROBOTS" content="NOARCHIVE, noai">', {"meta": ["noarchive", "noai"]}),
        ('<meta name="robots" content="max-snippet:0">', {"meta": ["max-snippet: 0"]}),
        (
            "<meta name=googlebot content=nosnippet><meta name=gptbot content=noindex>",
            {"meta": ["googlebot: nosnippet", "gptbot: noindex"]},
        ),
        ('<meta name="newswarc" content="noarchive">', {"meta": ["newswarc: noarchive"]}),
        ('<meta name="shopbot" content="noindex">', None),
        ('<!-- <meta name="robots" content="noai"> -->', None),
        ("<script>'<meta name=robots content=noai>'</script>", None),
        (
            '<meta name="tdm-reservation" content="1"><meta name="tdm-policy" content="/tdm">',
            {"meta": ["tdm-reservation: 1", "tdm-policy: https://paper.example/tdm"]},
        ),
        (f'<link rel="license" href="{LICENCE}">', {"link": [f"license: {LICENCE}"]}),
        ('<link rel="license" href="javascript:x"><link rel=license>', None),
        (linked({"@type": "NewsArticle", "license": LICENCE}), {"json-ld": [f"license: {LICENCE}"]}),
        (
            linked({"@type": "NewsArticle", "license": [{"@id": LICENCE}], "usageInfo": "/terms"}),
            {"json-ld": [f"license: {LICENCE}", "usage-info: https://paper.example/terms"]},
        ),
        (linked({"@type": "WebPage", "usageInfo": "/terms"}), {"json-ld": ["usage-info: https://paper.example/terms"]}),
        (linked({"@type": "ImageObject", "license": LICENCE}), None),
        (linked({"@type": "NewsArticle", "license": {"a": [LICENCE]}, "usageInfo": 7}), None),
        ('<meta name="robots" content="noai">' * 5000, {"meta": ["noai"]}),
    ],
)
def test_what_a_page_says(head: str, expected: dict[str, Any] | None) -> None:
    """Robots directives, the TDM Reservation Protocol, the licence of the article; comments and pictures say nothing of it."""
    assert said(head) == expected


def test_header_and_page_are_kept_by_their_places() -> None:
    """The same statement in two places stands in both."""
    found = said('<meta name="robots" content="noai">', header="X-Robots-Tag: noai\r\nTDM-Reservation: 1\r\n")
    assert found == {"header": ["noai", "tdm-reservation: 1"], "meta": ["noai"]}


def test_a_page_that_is_no_article_says_it_too() -> None:
    """What is turned down was fetched, and its capture knows its reservations."""
    head = '<meta name="robots" content="noarchive">'
    assert said(head, "<p>Nothing here.</p>") == {"meta": ["noarchive"]}
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><p>Nothing here.</p></html>"
    raw = RawPage(URL, URL, "2026-03-03T12:00:00.000Z", page, truncated=False, limit=1_000_000)
    assert isinstance(read_article(raw).result, NoArticle)
    assert not isinstance(read_article(raw).result, Candidate)
