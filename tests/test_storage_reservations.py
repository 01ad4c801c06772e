"""What an answer says of rights: in its header, and as a robots.txt; and what of it is not believed."""

from __future__ import annotations

import io
import json

import pytest

from storage.http_message import split_head
from storage.reservations import MOST, as_json, of_header, of_response, of_robots

URL = "https://paper.example/a"
ROBOTS = "https://paper.example/robots.txt"


@pytest.mark.parametrize(
    ("field", "statements"),
    [
        (("x-robots-tag", "noai, noimageai"), ["noai", "noimageai"]),
        (("x-robots-tag", "NOARCHIVE,nosnippet , noindex"), ["noarchive", "nosnippet", "noindex"]),
        (("x-robots-tag", "all, index, follow"), []),
        (
            ("x-robots-tag", "googlebot: noarchive, nofollow, nosnippet"),
            ["googlebot: noarchive", "googlebot: nosnippet"],
        ),
        (("x-robots-tag", "GPTBot: noindex, CCBot: noarchive"), ["gptbot: noindex", "ccbot: noarchive"]),
        (("x-robots-tag", "robots: noai"), ["noai"]),
        (("x-robots-tag", "shopbot: noindex, noai"), []),
        (("x-robots-tag", "max-snippet:0, max-snippet: 40, max-snippet:-1"), ["max-snippet: 0", "max-snippet: 40"]),
        (("x-robots-tag", "gptbot: max-snippet: 0"), ["gptbot: max-snippet: 0"]),
        (("x-robots-tag", "max-image-preview:none, max-image-preview:large"), ["max-image-preview: none"]),
        (("x-robots-tag", "unavailable_after: Sat, 25 Jun 2026 15:00:00 GMT, noarchive"), ["noarchive"]),
        (("x-robots-tag", "noai" + ", " * 10_000 + "noarchive"), ["noai"]),
        (("x-robots-tag", "no\x1bai, <b>noai</b>, n\xf6ai, noai;"), []),
        (("tdm-reservation", "1"), ["tdm-reservation: 1"]),
        (("tdm-reservation", " 0 "), ["tdm-reservation: 0"]),
        (("tdm-reservation", "yes"), []),
        (("tdm-policy", "https://paper.example/tdm.json"), ["tdm-policy: https://paper.example/tdm.json"]),
        (("tdm-policy", "/tdm.json"), ["tdm-policy: https://paper.example/tdm.json"]),
        (("tdm-policy", "javascript:alert(1)"), []),
        (("tdm-policy", "https://paper.example/" + "x" * 10_000), []),
        (("tdm-other", "1"), []),
        (
            ("content-signal", "search=yes, ai-train = no, ai-train=maybe"),
            ["content-signal: search=yes", "content-signal: ai-train=no"],
        ),
        (("content-usage", "train-ai=n"), ["content-usage: train-ai=n"]),
        (("x-robots", "noai"), []),
    ],
)
def test_what_a_header_says(field: tuple[str, str], statements: list[str]) -> None:
    """Directives that reserve something, with the agent that they are for; anything else says nothing."""
    assert list(of_header((field,), URL)) == statements


RULES = """
User-agent: *
Content-Signal: search=yes, ai-train=no
Disallow: /private/

User-Agent: GPTBot
user-agent: CCBot   # both
User-agent: Shopbot
Disallow: /

User-agent: Google-Extended
Allow: /news/
Disallow: /archive/
Disallow: /premium/
Disallow: /archive/
Disallow: /photos/
Disallow: /films/

User-agent: ClaudeBot
Disallow: /a/
Disallow: /
User-agent: PerplexityBot
Disallow:
User-agent: Bytespider
Content-Usage: train-ai=n
"""


def test_what_a_robots_txt_says_to_agents_of_language_models() -> None:
    """By name: what is closed to them, the whole site or its first paths; content signals for all; not what `*` is told."""
    assert list(of_robots(RULES.encode())) == [
        "content-signal: search=yes",
        "content-signal: ai-train=no",
        "bytespider: content-usage: train-ai=n",
        "ccbot: disallow /",
        "claudebot: disallow /",
        "google-extended: disallow /archive/",
        "google-extended: disallow /premium/",
        "google-extended: disallow /photos/",
        "gptbot: disallow /",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"User-agent: GPTBot",
        b"Disallow: /",
        b"<html>not found: disallow</html>",
        bytes(range(256)) * 100,
        b"User-agent: GPTBot\nDisallow: \x1b[31m/\nDisallow: no path",
        b"User-agent: Shopbot\nDisallow: /",
    ],
)
def test_a_robots_txt_that_says_nothing_of_it(body: bytes) -> None:
    """Missing, empty, broken, or about others."""
    assert list(of_robots(body)) == []


def test_a_robots_txt_without_end_is_bounded() -> None:
    """However many agents and rules there are, few statements of each agent are kept."""
    agents = "".join(f"User-agent: GPTBot\nUser-agent: bot{number}\n" for number in range(20_000))
    rules = "".join(f"Disallow: /{number}/\n" for number in range(40_000))
    found = list(of_robots((agents[:200_000] + "\n" + rules).encode()))
    assert found == ["gptbot: disallow /0/", "gptbot: disallow /1/", "gptbot: disallow /2/"]


def response(url: str, raw: bytes) -> str | None:
    """What an archived response says."""
    return as_json(of_response(url, split_head(raw), io.BytesIO(raw), len(raw)))


def test_an_answer_is_read_as_robots_txt_at_its_place_alone() -> None:
    """A robots.txt that was found, and no other page with the same text; its header counts like any other."""
    ok, missing = b"HTTP/1.1 200 OK\r\nX-Robots-Tag: noai\r\n\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n"
    rules = b"User-agent: GPTBot\nDisallow: /\n"
    assert json.loads(response(ROBOTS, ok + rules) or "") == {"header": ["noai"], "robots.txt": ["gptbot: disallow /"]}
    assert json.loads(response(URL, ok + rules) or "") == {"header": ["noai"]}
    assert response(ROBOTS, missing + rules) is None


def test_each_statement_is_kept_once() -> None:
    """Of one place at most MOST of them; of a place that says nothing no word."""
    many = tuple(f"x{number}" for number in range(500))
    assert as_json({"header": ("noai", "noai"), "meta": ()}) == '{"header": ["noai"]}'
    assert len(json.loads(as_json({"meta": many}) or "")["meta"]) == MOST
