"""From bytes to an article: charsets, and pages made to hurt."""

import json
import re
import time
import unicodedata

import pytest

from pipelines.extract import extract
from pipelines.extractor import EXTRACTOR
from storage.records import Candidate, NoArticle, Page

URL = "https://www.harbour-herald.test/news/ferry-4711"
PROSE = "<p>" + "The harbour council voted on Tuesday to bring back the night ferry to the islands. " * 5 + "</p>"
UNWANTED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def page(body, content_type="text/html; charset=utf-8", *, cut=False):
    """A page of the fictional paper."""
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return Page(URL, URL, "2026-05-01T12:00:00.000Z", 200, content_type, raw, cut)


def document(head="", body=PROSE):
    """A story with a headline."""
    return f"<html><head>{head}</head><body><article><h1>Ferry sails again</h1>{body}</article></body></html>"


def ld(text):
    """A JSON-LD script."""
    return f'<script type="application/ld+json">{text}</script>'


@pytest.mark.parametrize(
    ("charset", "declared_http", "declared_meta", "word"),
    [
        ("utf-8", "utf-8", None, "Fähre"),
        ("utf-8", None, None, "Fähre"),
        ("utf-8", "iso-8859-1", None, "Fähre"),
        ("utf-8", None, "windows-1252", "Fähre"),
        ("cp1252", "iso-8859-1", None, "Fähre – “los”"),
        ("cp1252", "utf-8", None, "Fähre überfährt Flußmündung"),
        ("cp1252", None, None, "Fähre überfährt Flußmündung"),
        ("cp1251", "windows-1251", None, "Паром вернётся"),
        ("cp1251", None, "windows-1251", "Паром вернётся"),
        ("cp1251", "iso-8859-1", None, "Паром возвращается на линию к островам после долгого спора портового совета"),
        ("koi8-r", None, "koi8-r", "Паром вернётся"),
        ("shift_jis", None, "shift_jis", "渡し船が再開"),
        ("euc-jp", "euc-jp", None, "渡し船が再開"),
        ("iso2022_jp", None, "iso-2022-jp", "渡し船が再開"),
        ("gb18030", None, "gb2312", "夜间渡轮恢复"),
        ("big5", "big5", None, "夜間渡輪恢復"),
        ("euc-kr", None, "euc-kr", "야간 여객선 재개"),
        ("utf-16", None, None, "Fähre"),
        ("utf-16-le", None, None, "Fähre"),
        ("utf-16-be", None, None, "夜间渡轮恢复"),
        ("utf-8-sig", "iso-8859-1", None, "Fähre"),
    ],
)
def test_no_mojibake(charset, declared_http, declared_meta, word):
    """Right, missing and wrong declarations all give the words that were written."""
    meta = f'<meta charset="{declared_meta}">' if declared_meta else ""
    said = f"<p>{word}, as the paper calls it, and so does everybody else who lives there.</p>"
    text = f"<html><head>{meta}<title>{word}</title></head><body><h1>{word}</h1>{PROSE}{said}{PROSE}</body></html>"
    content_type = f"text/html; charset={declared_http}" if declared_http else "text/html"
    got = extract(page(text.encode(charset), content_type), None)
    assert isinstance(got, Candidate)
    assert got.title == word
    assert word in got.text


def test_one_bad_byte_does_not_change_the_charset():
    """A torn end or one broken widget in a UTF-8 page."""
    body = document(body=f"<p>Fähre über Flüsse äöü ßß {'ä' * 30}</p>{PROSE}").encode()
    got = extract(page(body[:-20] + b"\xff\xc3", cut=True), None)
    assert isinstance(got, Candidate)
    assert "Fähre über Flüsse" in got.text
    assert got.truncated


def test_extraction_is_a_function_of_its_arguments():
    """The same page twice gives the same candidate, signed with the extractor's name."""
    one, other = (extract(page(document()), None) for _ in range(2))
    assert one == other
    assert one.extractor == EXTRACTOR
    assert re.fullmatch(r"newswarc-2/trafilatura-\d+\.\d+\.\d+", EXTRACTOR)


DIRTY = "\x1b[31mFerry\x1b[0m \u202esails\u202c a\u00adgain\u200b&#27;[2J&#8238; \ufeffnow&#0;&#x9b;"


def test_fields_come_out_clean():
    """No control character, escape, direction override or invisible character in any field, however it was written."""
    head = f'<title>{DIRTY}</title><meta property="og:site_name" content="{DIRTY} Herald">'
    head += f'<meta name="author" content="Jane {DIRTY}">'
    head += f'<meta name="keywords" content="{DIRTY},b"><meta name="description" content="{DIRTY}">'
    head += ld(
        json.dumps(
            {
                "@type": "NewsArticle",
                "headline": DIRTY,
                "articleSection": "a\ud800\u202eb\x00",
                "author": "Jo\x1b[1m Doe",
            }
        )
    )
    got = extract(page(document(head, f"<p>{DIRTY} and more words for the body of it.</p>{PROSE}")), None)
    assert isinstance(got, Candidate)
    texts = [got.title, got.text, got.site_name, got.section, got.description, *got.authors, *got.tags]
    for text in filter(None, texts):
        assert not UNWANTED.search(text)
        assert unicodedata.is_normalized("NFC", text)
        assert all(line == " ".join(line.split()) for line in text.split("\n"))


HOSTILE = {
    "100,000 nested tags": document(body=PROSE + "<div>" * 100_000 + PROSE + "</div>" * 100_000),
    "nested before the text": document(body="<b>" * 100_000 + PROSE),
    "nested lists and tables": document(body=PROSE + "<ul><li><table><tr><td>" * 20_000),
    "a line of 10 MB": document(body="<p>" + "word another " * 800_000 + "</p>"),
    "50,000 paragraphs": document(body="<p>hello there reader</p>" * 50_000),
    "50,000 links": document(body=PROSE + '<a href="/x">hello there</a>' * 50_000),
    "200,000 attributes": document(body=PROSE + "<p " + " ".join(f"a{n}=1" for n in range(200_000)) + ">x</p>"),
    "JSON-LD 10,000 deep": document(ld('{"a":' * 10_000 + "1" + "}" * 10_000)),
    "JSON-LD lists 10,000 deep": document(ld("[" * 10_000 + "]" * 10_000)),
    "JSON-LD of many megabytes": document(
        ld(json.dumps({"@type": "Article", "author": [{"name": "Jane Doe"}] * 200_000}))
    ),
    "JSON-LD of wrong types": document(
        ld(
            '{"@type":["NewsArticle",null,{}],"headline":{"a":1},"author":{"name":{"x":[]}},"datePublished":[null,5],"image":[[["x"]]]}'
        )
    ),
    "10,000 JSON-LD scripts": document(ld('{"@type":"NewsArticle"}') * 10_000),
    "a title of 1 MB": document(
        "<title>" + "Ferry | " * 130_000 + '</title><meta property="og:title" content="' + "a - b " * 170_000 + '">'
    ),
    "a title without spaces": document("<title>" + "F" * 1_000_000 + "</title>"),
    "bylines of spaces and commas": document(
        f'<meta name="author" content="by{" " * 900_000}x"><meta name="author" content="{"a, " * 300_000}">'
    ),
    "100,000 meta tags": document('<meta property="article:tag" content="a,b">' * 100_000),
    "a cell 100,000,000 wide": document(
        body=PROSE + '<table><tr><td colspan="100000000" rowspan="10000000">x</td></tr></table>'
    ),
    "only angle brackets": "<" * 1_000_000,
    "only NUL": "\x00" * 1_000,
    "broken addresses": document(
        '<link rel="canonical" href="http://[::1"><meta property="og:image" content="http://[bad">'
    ),
    "a lone h1": "<h1>x</h1>",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_page_ends_fast(case):
    """Within seconds of CPU, without an exception, with bounded fields."""
    started = time.process_time()
    got = extract(page(HOSTILE[case]), None)
    assert time.process_time() - started < 10
    assert isinstance(got, Candidate | NoArticle)
    if isinstance(got, Candidate):
        assert len(got.title or "") <= 500
        assert len(got.authors) <= 50
        assert all(len(name) <= 80 for name in got.authors)


def test_a_json_ld_with_200_authors_keeps_fifty():
    """A bound, not a crash."""
    people = [{"@type": "Person", "name": f"Jane {chr(65 + n // 26 % 26)}{chr(97 + n % 26)}oe"} for n in range(200)]
    got = extract(page(document(ld(json.dumps({"@type": "NewsArticle", "author": people})))), None)
    assert isinstance(got, Candidate)
    assert len(got.authors) == 50


def test_a_body_that_only_json_ld_has_is_taken_from_there():
    """Some pages show nothing without scripts but declare their text."""
    text = "The harbour council voted on Tuesday to bring back the night ferry. " * 8
    got = extract(
        page(
            document(
                ld(json.dumps({"@type": "NewsArticle", "headline": "Ferry sails again", "articleBody": text})),
                "<div></div>",
            )
        ),
        None,
    )
    assert isinstance(got, Candidate)
    assert got.text.startswith("The harbour council")


@pytest.mark.parametrize(
    "body",
    [
        "".join(f"<p>Line {n}: {'the night ferry sails again. ' * 200}</p>" for n in range(400)),
        "".join(f"<p>Update {n}: the night ferry sails again to islands.</p>" for n in range(31_000)),
    ],
)
def test_a_text_that_is_cut_says_so(body):
    """More text than is kept, in whatever way it was read: the article is marked as truncated."""
    got = extract(page(document(body=PROSE + body)), None)
    assert isinstance(got, Candidate)
    assert got.truncated


def test_the_headline_is_not_repeated_in_the_text():
    """The text begins with the story."""
    got = extract(page(document(body=f"<p>Ferry sails again</p>{PROSE}")), None)
    assert isinstance(got, Candidate)
    assert got.text.startswith("The harbour council")
