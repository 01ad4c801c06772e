"""What an answer says of rights: in its header, and as a robots.txt; and what of it is not believed."""

from __future__ import annotations

import io
import json

import pytest

from storage.warc.http_message import split_head
from storage.warc.reservations import MOST, as_json, for_path, of_header, of_response, of_robots, of_tdmrep, with_tdmrep

URL = "https://paper.example/a"
ROBOTS = "https://paper.example/robots.txt"
TDMREP_URL = "https://paper.example/.well-known/tdmrep.json"


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


# ---- tdmrep.json

TDM_RULES = [
    {"location": "/news/*", "tdm-reservation": 1, "tdm-policy": "/tdm.json"},
    {"location": "/news/free/*", "tdm-reservation": "0"},
    {"location": "/*.pdf$", "tdm-reservation": 1},
    {"location": "/plain", "tdm-reservation": 1},
]


@pytest.mark.parametrize(
    ("path", "statements"),
    [
        ("/news/a", ["tdm-reservation: 1", "tdm-policy: https://paper.example/tdm.json"]),
        ("/news/free/a", ["tdm-reservation: 0"]),
        ("/news", []),
        ("/a/b.pdf", ["tdm-reservation: 1"]),
        ("/a/b.pdf?x", []),
        ("/plain/and/more", ["tdm-reservation: 1"]),
        ("/a/plain", []),
        ("/", []),
    ],
)
def test_the_longest_pattern_of_a_tdmrep_that_matches_counts(path: str, statements: list[str]) -> None:
    """`*` is anything, `$` the end; a path that none is about has nothing reserved by it."""
    assert for_path(of_tdmrep(json.dumps(TDM_RULES).encode(), TDMREP_URL), path) == statements


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[", b"[" * 100_000, b"null", b"7", b'"x"', b"[[]]", b"[1, null]", b'[{"location": 7, "tdm-reservation": 1}]',
        b'[{"location": "news", "tdm-reservation": 1}]', b'[{"location": "/a b", "tdm-reservation": 1}]',
        b'[{"location": "/a", "tdm-reservation": true}]', b'[{"location": "/a", "tdm-reservation": 2}]',
        b'[{"location": "/a", "tdm-reservation": ' + b"9" * 10_000 + b"}]", b'[{"location": "/a", "tdm-policy": "mailto:x"}]',
        b"\xff\xfe[", b"<!doctype html>",
    ],
)  # fmt: skip
def test_a_tdmrep_that_cannot_be_read_says_nothing(body: bytes) -> None:
    """Whatever stands there, nothing is raised and nothing invented."""
    assert list(of_tdmrep(body, TDMREP_URL)) == []


def test_a_hostile_pattern_is_matched_in_one_go() -> None:
    """A hundred stars are as many searches, each begun where the last one ended."""
    rule = "/" + "*a" * 49 + "$: tdm-reservation: 1"
    assert for_path([rule], "/" + "ab" * 100_000) == []
    assert for_path([rule], "/" + "ab" * 100_000 + "a") == ["tdm-reservation: 1"]


def test_a_tdmrep_says_what_it_says_at_its_place_alone() -> None:
    """The same file elsewhere, or with an error, is a file like any other."""
    body = json.dumps(TDM_RULES[3:]).encode()
    for url, status, said in ((TDMREP_URL, 200, True), (TDMREP_URL, 404, False), ("https://paper.example/tdmrep.json", 200, False)):
        raw = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        found = as_json(of_response(url, split_head(raw), io.BytesIO(raw), len(raw)))
        assert found == ('{"tdmrep.json": ["/plain: tdm-reservation: 1"]}' if said else None)


def test_what_a_page_says_stays_beside_what_its_host_says() -> None:
    """Each at its place; where no rule is about the page, its own statements are as they were."""
    rules = as_json({"tdmrep.json": ("/a: tdm-reservation: 1",)})
    assert with_tdmrep('{"meta": ["noai"]}', rules, URL) == '{"meta": ["noai"], "tdmrep.json": ["tdm-reservation: 1"]}'
    assert with_tdmrep('{"meta": ["noai"]}', rules, "https://paper.example/b") == '{"meta": ["noai"]}'
    assert with_tdmrep(None, None, URL) is None
