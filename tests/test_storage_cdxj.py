"""CDXJ lines and keys. The expected keys are what the Internet Archive's own tools answer for these URLs."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from exchanges import HARD, exchange
from hypothesis import given
from hypothesis import strategies as st

from storage.records import RecordPlace
from storage.warc.cdxj import line, sorted_lines, surt
from storage.warc.write import WarcWriter

PLACE = RecordPlace("a.warc.gz", 120, 300, "urn:uuid:1")
SID = "0123456789abcdef0123456789ABCDEF"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://www.example.com/path", "com,example)/path"),
        ("https://WWW.Example.COM:443/Path/File.HTML?B=2&a=1&A=0", "com,example)/path/file.html?a=0&a=1&b=2"),
        ("http://example.com", "com,example)/"),
        ("http://example.com:8080/", "com,example:8080)/"),
        ("https://example.com:80/x", "com,example:80)/x"),
        ("http://example.com:080/x", "com,example)/x"),
        ("http://example.com:/x", "com,example)/x"),
        ("http://www2.example.com/x", "com,example)/x"),
        ("http://www.www.example.com/x", "com,example,www)/x"),
        ("http://wwwx.example.com/", "com,example,wwwx)/"),
        ("http://www.com/x", "com)/x"),
        ("http://www./x", "www)/x"),
        ("http://example.com./a", "com,example)/a"),
        ("http://a..b.com/x", "com,b,a)/x"),
        ("http://user:pw@example.com/a", "com,example)/a"),
        ("http://xn--mnchen-3ya.de/x", "de,xn--mnchen-3ya)/x"),
        ("http://m\u00fcnchen.de/x", "de,xn--mnchen-3ya)/x"),
        ("http://127.0.0.1:8000/a/b?c=d", "1,0,0,127:8000)/a/b?c=d"),
        ("http://[2001:db8::1]/x", "2001:db8::1)/x"),
        ("http://[::1]:8080/x", "::1:8080)/x"),
        ("http://localhost:9000/a/?", "localhost:9000)/a"),
        ("http://example.com/a/", "com,example)/a"),
        ("http://example.com//a//", "com,example)/a"),
        ("http://example.com/a/../b/./c//d", "com,example)/b/c/d"),
        ("http://example.com/../x", "com,example)/../x"),
        ("http://example.com/a/..", "com,example)/"),
        ("http://example.com/%2f..%2fx", "com,example)/x"),
        ("http://example.com/a/%252e%252e/x", "com,example)/x"),
        ("http://example.com/%C3%A4%41%7e/~u", "com,example)/%c3%a4a~/~u"),
        ("http://example.com/a%2Fb%20c+d", "com,example)/a/b%20c+d"),
        ("http://example.com/%23a%3Fb", "com,example)/%23a?b"),
        ("http://example.com/%zz%4", "com,example)/%25zz%254"),
        ("http://example.com/a%00b", "com,example)/a%00b"),
        ("http://example.com/a?", "com,example)/a"),
        ("http://example.com/a?&", "com,example)/a?&"),
        ("http://example.com/a?x=1&&y=2", "com,example)/a?&x=1&y=2"),
        ("http://example.com/a?b=&c&d=1&c=0", "com,example)/a?b=&c&c=0&d=1"),
        ("http://example.com/a?a=10&a-b=3&ab=1&a", "com,example)/a?a&a=10&a-b=3&ab=1"),
        ("http://example.com/a?a=b=c&a=b", "com,example)/a?a=b&a=b=c"),
        ("http://example.com/a?x=%26&y=%3D&z=%23", "com,example)/a?&x=&y==&z=%23"),
        ("http://example.com/a?b=%2541", "com,example)/a?b=a"),
        ("http://example.com/a?q=http://www.other.com/x?y=1", "com,example)/a?q=http://www.other.com/x?y=1"),
        ("http://example.com/x?y#z?w", "com,example)/x?y"),
        ("http://example.com#x", "com,example)/"),
        (f"http://example.com/index.php?sid={SID}", "com,example)/index.php"),
        (f"http://example.com/a?PHPSESSID={SID}&x=1", "com,example)/a?x=1"),
        (f"http://example.com/a?x=1&jsessionid={SID}", "com,example)/a?&x=1"),
        (f"http://example.com/a?sid={SID}&x=y&sid={SID}", f"com,example)/a?&sid={SID.lower()}&x=y"),
        ("http://example.com/a?CFID=12&CFTOKEN=123&x=1", "com,example)/a?x=1"),
        ("http://example.com/(S(4hqa0555fwsecu455xqckv45))/mileg.aspx", "com,example)/mileg.aspx"),
        ("http://example.com/(4hqa0555fwsecu455xqckv45)/m.htm", "com,example)/(4hqa0555fwsecu455xqckv45)/m.htm"),
        ("urn:newswarc:run:2026/x?y=B&A=1", "urn:newswarc:run:2026/x?a=1&y=b"),
    ],
)
def test_surt(url, expected):
    """All spellings of a URL have one key, which sorts by host from its end."""
    assert surt(url) == expected


@given(st.text(max_size=40), st.sampled_from(["", "http://a.example/", "http://", "https://a.example/?"]))
def test_surt_of_anything(text, start):
    """A key never raises, and of what becomes a target URI it never splits the line."""
    assert "\n" not in surt(start + text.replace("\n", ""))


def test_surt_is_quick_on_nested_encoding():
    """Percent-encoding on top of itself a thousand times is not undone a thousand times."""
    assert surt("http://example.com/" + "%25" * 3_000).startswith("com,example)/%25")


def test_line():
    """A line is key, 14 digits and JSON; fields without value are left out."""
    text = line("http://example.com/B", "2026-03-01T12:34:56.789Z", PLACE, {"mime": "text/html", "status": None})
    key, timestamp, fields = text.split(" ", 2)
    assert (key, timestamp) == ("com,example)/b", "20260301123456")
    assert json.loads(fields) == {
        "url": "http://example.com/B",
        "mime": "text/html",
        "length": "300",
        "offset": "120",
        "filename": "a.warc.gz",
    }


def test_sorted_lines():
    """Lines are in byte order, each once, and a torn one is dropped."""
    assert sorted_lines([b"b 2\n", b"a 1\n", b"b 2\n", b"B 1\n", b"b 10"]) == [b"B 1\n", b"a 1\n", b"b 2\n"]


def _written(folder):
    writer = WarcWriter(folder, "R1", "newswarc/test")
    for number, (name, response) in enumerate(HARD.items()):
        writer.write_exchange(exchange(response, url=f"https://www.example.com/{number}/{name}?b&a"))
    writer.write_exchange(exchange(b"", url="https://example.com/nothing"))
    writer.write_resource("urn:newswarc:R1:log", "text/plain; charset=utf-8", b"log")
    return folder / writer.close()[0].name


def test_one_line_a_response(tmp_path):
    """The CDXJ beside a closed file has a sorted line for each response and resource, none for requests."""
    warc = _written(tmp_path)
    lines = (tmp_path / warc.name.replace(".warc.gz", ".cdxj")).read_bytes().splitlines()
    assert len(lines) == len(HARD) + 1
    assert lines == sorted(lines)


INDEXER = os.environ.get("NEWSWARC_CDXJ_INDEXER", "")


@pytest.mark.skipif(not INDEXER, reason="NEWSWARC_CDXJ_INDEXER does not name a cdxj-indexer of another environment")
def test_cdxj_indexer_agrees(tmp_path):
    """Our CDXJ is what cdxj-indexer makes of the same file."""
    warc = _written(tmp_path)
    theirs = subprocess.run([INDEXER, "-s", warc], capture_output=True, text=True, check=True).stdout
    ours = (tmp_path / warc.name.replace(".warc.gz", ".cdxj")).read_text()
    assert ours.splitlines() == theirs.splitlines()
