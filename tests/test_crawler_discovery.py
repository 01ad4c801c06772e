"""The door to discovery: kinds, scope, and that no body whatever makes it raise."""

from __future__ import annotations

import gzip
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.discovery.charset import encoding_of
from crawler.discovery.discover import Discovered, Scope, discover
from storage.records import SEED_KINDS, Kind, Page
from storage.urlkey import InvalidURL, canonical

URL = "https://www.zeitung.example/x"
SCOPE = Scope.of("https://www.zeitung.example/", allow=["/a"], deny=["/d"])
NOW = "2026-03-03T12:00:00.000Z"


def page(body: bytes, cut: bool = False) -> Page:
    """A page with this body."""
    return Page(url=URL, frontier_url=URL, fetched_at=NOW, status=200, content_type="text/html", body=body, cut=cut)


def test_articles_lead_nowhere() -> None:
    """Only seeds are read for links."""
    body = page(b"<a href='/2026/03/03/x'>x</a>")
    assert discover(body, Kind.ARTICLE, SCOPE, NOW) == Discovered()
    assert discover(body, Kind.REQUISITE, SCOPE, NOW) == Discovered()


def test_a_cut_body_is_said_to_be_cut() -> None:
    """Links of a cut page are taken, and what is missing is named."""
    found = discover(page(b"<rss><channel><item><link>/a</link></item><item><li", cut=True), Kind.FEED, SCOPE, NOW)
    assert found.problem == "cut"
    assert len(found.links) == 1


def test_results_travel_between_processes() -> None:
    """Scope and results can be pickled."""
    found = discover(
        page(b"<rss><channel><item><link>/a</link><title>A</title></item></channel></rss>"), Kind.FEED, SCOPE, NOW
    )
    assert pickle.loads(pickle.dumps(found)) == found
    assert pickle.loads(pickle.dumps(SCOPE)) == SCOPE


def test_scope_of_a_source() -> None:
    """Its host with and without www, the hosts of declared seeds, hosts that an allow pattern names."""
    scope = Scope.of(
        "http://zeitung.example:8080/",
        ["https://feeds.zeitung.example/a"],
        [r"^https?://(?:blog|lab)\.anderswo\.example/", "/story/"],
        ["/intern"],
    )
    assert scope.refusal("http://www.zeitung.example:8080/story/1") is None
    assert scope.refusal("https://feeds.zeitung.example/story/1") is None
    assert scope.refusal("https://lab.anderswo.example/1") is None
    assert scope.refusal("http://zeitung.example:8080/1") == "not-allowed"
    assert scope.refusal("http://zeitung.example:8080/story/intern") == "denied"
    assert scope.refusal("http://zeitung.example/story/1") == "offsite"
    assert scope.refusal("https://anderswo.example/?u=https://blog.anderswo.example/") == "offsite"
    assert scope.refusal("https://sport.zeitung.example/story/1") == "offsite"
    assert scope.seed_refusal("https://sport.zeitung.example/feed") is None
    assert scope.seed_refusal("https://sport.zeitung.example/intern") == "denied"
    assert scope.seed_refusal("https://anderswo.example/feed") == "offsite"
    assert scope.includes("http://zeitung.example:8080/1")
    assert not scope.includes("http://zeitung.example:8080/intern")
    with pytest.raises(InvalidURL):
        Scope.of("zeitung.example")


def test_www_of_the_source_makes_no_difference() -> None:
    """A source given with www includes the host without it."""
    assert Scope.of("https://www.zeitung.example/").refusal("https://zeitung.example/a") is None


def test_a_query_does_not_bring_another_host_in() -> None:
    """A pattern with a host is matched from the start of the URL."""
    scope = Scope.of("https://zeitung.example/", allow=["https://blog.example/"])
    assert scope.refusal("https://evil.example/?https://blog.example/") == "offsite"


@pytest.mark.parametrize(
    ("head", "content_type", "codec"),
    [
        (b"", None, "utf-8"),
        (b"abc", "text/xml; charset=iso-8859-1", "cp1252"),
        (b"caf\xe9", None, "cp1252"),
        (b"caf\xe9", 'text/xml; charset="ISO-8859-2"', "iso8859-2"),
        (b'<?xml encoding="koi8-r"?>\xd4\xd2\xd5', "text/xml; charset=utf-8", "koi8-r"),
        (b'<?xml encoding="gb2312"?>\xd6\xd0', None, "gb18030"),
        (b'<?xml encoding="x-sjis"?>\x92\x86', None, "cp932"),
        (b'<?xml encoding="euc-kr"?>\xc7\xd1', None, "cp949"),
        (b'<?xml encoding="utf-7"?>\xff', None, "cp1252"),
        (b'<?xml encoding="rot13"?>\xff', None, "cp1252"),
        (b'<?xml encoding="windows-99999"?>\xff', None, "cp1252"),
        (b'<?xml encoding="iso-2022-jp"?>\x1b$B', None, "iso2022_jp"),
        ("<r>é".encode("utf-16-be"), None, "utf-16-be"),
        ("<r>é".encode() * 10 + b"\xff", None, "utf-8"),
        (b"<r>" + "é".encode() * 40_000 + b"\xc3", None, "utf-8"),
    ],
)
def test_encodings(head: bytes, content_type: str | None, codec: str) -> None:
    """Bytes first, then labels as browsers read them; codecs that are no charset are not used."""
    found = encoding_of(head, content_type)
    assert found == codec or (head.isascii() and found == "utf-8")


_TOKENS = [
    *(
        "<rss>",
        "<channel>",
        "<item>",
        "</item>",
        "<link>",
        "</link>",
        "<title>",
        "</title>",
        "<guid>",
        "</rss>",
        "<ttl>",
    ),
    *(
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        "<entry>",
        "</entry>",
        '<link href="/a"/>',
        'xml:base="//["',
        "<author>",
    ),
    *(
        "<urlset>",
        "<url>",
        "</url>",
        "<loc>",
        "</loc>",
        "<sitemapindex>",
        "<sitemap>",
        "<lastmod>",
        "2026-03-03",
        "</urlset>",
    ),
    *("<html>", "<nav>", "<a href='", "'>", "</a>", "<h2>", "<base href='", "<link rel=alternate type=text/xml href='"),
    *(
        '{"items": [',
        '{"url": "',
        '"}',
        "]}",
        '"authors": [{}]',
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?xml",
        "?>",
        "<!DOCTYPE x [",
    ),
    *("&nbsp;", "&#0;", "&#xD800;", "&#x110000;", "&amp;", "&", "\x00", "\x1b", "\ufffe", "\ud800", "é", "中"),
    *(
        "https://www.zeitung.example/a",
        "http://[",
        "//",
        "javascript:",
        "http://a:99999/",
        "Sitemap: ",
        "\n",
        "xmlns:x=",
        "x:y",
    ),
]
_texts = st.lists(st.one_of(st.sampled_from(_TOKENS), st.text(max_size=8)), max_size=40).map("".join)
_bodies = st.one_of(
    _texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
    _texts.map(lambda text: text.encode("utf-16", "surrogatepass")),
    _texts.map(lambda text: gzip.compress(text.encode("utf-8", "surrogatepass"))),
    st.binary(max_size=300),
    st.tuples(
        st.sampled_from([b"<rss>", b"<urlset>", b"\x1f\x8b", b"{", b"<html>", b"\xff\xfe"]), st.binary(max_size=200)
    ).map(b"".join),
)


@given(_bodies, st.sampled_from(sorted({*SEED_KINDS, Kind.ROBOTS})))
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_body_makes_it_raise(body: bytes, kind: Kind) -> None:
    """Any bytes give links or a problem; links are canonical, and what travels with them is clean."""
    found = discover(page(body), kind, SCOPE, NOW)
    for link in (*found.links, *found.seeds):
        assert canonical(link.url) == link.url
        said = link.announced
        texts = () if said is None else (said.title, said.published, said.description, *said.authors, *said.tags)
        assert all(text is None or (text.isprintable() or not set(text) & set("\x00\x1b\n")) for text in texts)
    assert all(link.refused is None for link in found.seeds)
    assert all(link.refused for link in found.unusable)
    assert len({link.url for link in found.links}) == len(found.links)


@given(_texts)
@settings(max_examples=200, deadline=None)
def test_a_whole_feed_keeps_its_story_whatever_stands_in_another(text: str) -> None:
    """Rubbish in one CDATA section does not lose the next story."""
    rubbish = text.replace("]]>", "").replace("\x00", "")
    body = (
        f"<rss><channel><item><title><![CDATA[{rubbish}]]></title><link>/a1</link></item>"
        "<item><link>/a2</link></item></channel></rss>"
    ).encode("utf-8", "replace")
    urls = [link.url for link in discover(page(body), Kind.FEED, SCOPE, NOW).links]
    assert urls == ["https://www.zeitung.example/a1", "https://www.zeitung.example/a2"]
