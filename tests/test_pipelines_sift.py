from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.sift import Seen, Sieve, is_page, kind_of, short
from storage.records import Kind

HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html><html lang='de-AT'><p>Guten Tag"
PAGE = Seen("response", "https://www.paper.test/a", "2026-03-02T12:00:00.000Z", 200, "text/html", (), {}, HTML)


@pytest.mark.parametrize(
    ("sieve", "passes"),
    [
        (Sieve(), True),
        (Sieve(hosts=("paper.test",)), True),
        (Sieve(hosts=("WWW.Paper.test",)), True),
        (Sieve(hosts=("aper.test",)), False),
        (Sieve(hosts=("a.test", ".test")), True),
        (Sieve(hosts=("www.paper.test.evil",)), False),
        (Sieve(since="2026-03-02T12:00:00.000Z"), True),
        (Sieve(since="2026-03-02T12:00:00.001Z"), False),
        (Sieve(until="2026-03-02T12:00:00.000Z"), False),
        (Sieve(until="2026-03-03T00:00:00.000Z"), True),
        (Sieve(mimes=("text/html",)), True),
        (Sieve(mimes=("image/*", "text/*")), True),
        (Sieve(mimes=("text/plain",)), False),
        (Sieve(languages=("de",)), True),
        (Sieve(languages=("deu",)), True),
        (Sieve(languages=("en", "ger")), True),
        (Sieve(languages=("en",)), False),
        (Sieve(hosts=("paper.test",), languages=("en",)), False),
    ],
)
def test_a_capture_passes_all_filters_or_none(sieve: Sieve, passes: bool) -> None:
    """Hosts match at their dots, moments are half open, and one value of each filter is enough."""
    assert sieve.passes(PAGE) is passes


@pytest.mark.parametrize(
    ("changed", "languages"),
    [
        ({}, {"de"}),
        ({"headers": (("content-language", "fr, en-GB"),)}, {"de", "fr", "en"}),
        ({"said": {"language": "spa"}}, {"de", "es"}),
        ({"said": {"languages-cld2": '{"languages": [{"code": "it"}, {"code": "la"}]}'}}, {"de", "it"}),
        ({"said": {"languages-cld2": "{"}}, {"de"}),
        ({"said": {"languages-cld2": '{"languages": 7}'}}, {"de"}),
        ({"sample": HTML.replace(b" lang='de-AT'", b"")}, set()),
        ({"sample": HTML.replace(b" lang='de-AT'", b" class=x xml:lang=pt_BR")}, {"pt"}),
        ({"mime": "application/json"}, set()),
    ],
)
def test_the_languages_that_a_capture_says_it_is_in(changed: dict[str, Any], languages: set[str]) -> None:
    """Content-Language, the html element and metadata records are looked at; nothing is guessed."""
    assert Sieve.languages_of(replace(PAGE, **changed)) == languages


def test_language_tags() -> None:
    """Regions and scripts are left out, three letters become two where there are two."""
    assert [short(tag) for tag in ("de-AT", "deu", "ger", "zh_Hans", "EN", "tlh", "")] == ["de", "de", "de", "zh", "en", "tlh", ""]


@pytest.mark.parametrize(
    ("changed", "kind", "page"),
    [
        ({}, Kind.ARTICLE, True),
        ({"mime": "application/xhtml+xml"}, Kind.ARTICLE, True),
        ({"mime": None}, Kind.ARTICLE, True),
        ({"mime": "text/plain"}, Kind.ARTICLE, True),
        ({"mime": "text/plain", "sample": b"HTTP/1.1 200 OK\r\n\r\nplain"}, Kind.REQUISITE, False),
        ({"mime": "image/png"}, Kind.REQUISITE, False),
        ({"mime": "application/rss+xml"}, Kind.FEED, False),
        ({"url": "https://paper.test/robots.txt", "mime": "text/plain"}, Kind.ROBOTS, False),
        ({"status": 301}, Kind.ARTICLE, False),
        ({"status": 500}, Kind.ARTICLE, False),
        ({"status": 404, "mime": "application/json"}, Kind.ARTICLE, True),
        ({"status": 304, "mime": None}, Kind.ARTICLE, True),
        ({"status": None}, Kind.ARTICLE, True),
        ({"type": "request"}, Kind.ARTICLE, False),
        ({"type": "revisit", "status": None, "mime": None, "sample": b""}, Kind.ARTICLE, True),
    ],
)
def test_what_is_looked_at_as_a_page(changed: dict[str, Any], kind: Kind, page: bool) -> None:
    """HTML with an answer, what looks like it, and what may have happened to an article; a bare revisit may be of one."""
    seen = replace(PAGE, **changed)
    assert (kind_of(seen), is_page(seen)) == (kind, page)
