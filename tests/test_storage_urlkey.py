"""The one form of a URL: what browsers do with it, what is dropped, and the properties that must always hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from w3lib.url import safe_url_string

from storage import urlkey
from storage.urlkey import InvalidURL, absolute, canonical, host_key, key, same_site, site

BASE = "https://news.example/a/b/c;p?q=1#f"

_PIECES = [
    *("http://", "https://", "HTTP:\\\\", "//", "/", "\\", "?", "#", "&", "=", ";", ":", "@", ".", "..", "/./", "%2e"),
    *("news.example", "EXAMPLE", "xn--", "xn--bcher-kva", "b\u00fccher", "\u4f8b\u3048", "\u3002", "\u00df", "_"),
    *("%41", "%c3%a9", "%zz", "%", "%25", "%00", "\u00e9", "\U0001f600", "\ud800", "\u200d"),
    *("\u0301", "\u00ad", "\u0661"),
    *("0x7f", "017", "256", "1", "[::1]", "[", "]", "::", ":80", ":443", ":8080", ":99999", "\t", "\n", " ", "\x00"),
    "/(S(lit3py55t21z5v55vlm25s55))/",
    *("utm_source=x", "amp;utm_medium=y", "a=1", "b", "b=2", "sid=0123456789abcdef0123456789abcdef", ";jsessionid=A1"),
    *("'", '"', "<", ">", "|", "^", "{", "+", "~", "!", "*", "(", ","),
]
_urls = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(_PIECES), max_size=12).map("".join),
    st.lists(st.sampled_from(_PIECES), max_size=12).map(lambda parts: "https://news.example/" + "".join(parts)),
    st.lists(st.sampled_from(_PIECES), max_size=6).map(lambda parts: "http://" + "".join(parts)),
)


def _canonical_or_none(url: str, base: str | None = None) -> str | None:
    try:
        return canonical(url, base)
    except InvalidURL:
        return None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://news.example", "https://news.example/"),
        (" \n https://news.example/a\tb\r\n ", "https://news.example/ab"),
        ("HTTPS:\\\\News.Example\\a\\b?c\\d", "https://news.example/a/b?c%5Cd"),
        ("https:news.example/a", "https://news.example/a"),
        ("http:////news.example/a", "http://news.example/a"),
        ("http://news.example.:80/", "http://news.example/"),
        ("https://news.example:443/", "https://news.example/"),
        ("https://news.example:0080/", "https://news.example:80/"),
        ("https://news.example:/", "https://news.example/"),
        ("https://news.example?x#y", "https://news.example/?x"),
        ("https://news.example/#!/story/1", "https://news.example/"),
        ("https://b\u00fccher.example/", "https://xn--bcher-kva.example/"),
        ("https://B%C3%BCCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://stra\u00dfe.example/", "https://xn--strae-oqa.example/"),
        ("https://\u4f8b\u3048\u3002\u30c6\u30b9\u30c8/", "https://xn--r8jz45g.xn--zckzah/"),
        ("https://my_paper.b\u00fccher.example/", "https://my_paper.xn--bcher-kva.example/"),
        ("https://\U0001f600.example/", "https://xn--e28h.example/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0177.0.0.01/", "http://127.0.0.1/"),
        ("http://\uff11.2.3/", "http://1.2.0.3/"),
        ("http://[2001:DB8:0:0:0:0:0:1]/", "http://[2001:db8::1]/"),
        ("http://[::ffff:192.0.2.1]:8080/", "http://[::ffff:c000:201]:8080/"),
        ("http://[1:0:0:2::]/", "http://[1:0:0:2::]/"),
        ("https://news.example/a/../b/./c/%2e%2E/d/..", "https://news.example/b/"),
        ("https://news.example/../../x", "https://news.example/x"),
        ("https://news.example//a//b/", "https://news.example//a//b/"),
        ("https://news.example/%7eana/%e9t%C3%a9/%zz/100%", "https://news.example/~ana/%E9t%C3%A9/%25zz/100%25"),
        ("https://news.example/\u00fcber uns", "https://news.example/%C3%BCber%20uns"),
        ('https://news.example/a"b<c>|d', "https://news.example/a%22b%3Cc%3E%7Cd"),
        ("https://news.example/?q=it's&r=[1]", "https://news.example/?q=it%27s&r=%5B1%5D"),
        ("https://news.example/?b=2&&a=1&", "https://news.example/?b=2&a=1"),
        ("https://news.example/?utm_source=x&id=7&UTM_Campaign=y&fbclid=z", "https://news.example/?id=7"),
        ("https://news.example/?id=7&amp;utm_medium=rss", "https://news.example/?id=7"),
        ("https://news.example/?ref=rss&ref=chapter-2", "https://news.example/?ref=chapter-2"),
        ("https://news.example/?%75tm_source=x", "https://news.example/"),
        ("https://news.example/a;jsessionid=9F00A.node1?x=1", "https://news.example/a?x=1"),
        ("https://news.example/(S(lit3py55t21z5v55vlm25s55))/a.aspx", "https://news.example/a.aspx"),
        ("https://news.example/b/(X(1)S(lit3py55t21z5v55vlm25s55)F(q-_9))/a.aspx", "https://news.example/b/a.aspx"),
        ("https://news.example/(S(lit3py55t21z5v55vlm25s55));jsessionid=1/a.aspx", "https://news.example/a.aspx"),
        ("https://news.example/(S(short))/a.aspx", "https://news.example/(S(short))/a.aspx"),
        ("https://news.example/?PHPSESSID=abc&sid=0123456789abcdef0123456789abcdef", "https://news.example/"),
        (
            "https://news.example/?sid=412&s=weather&session=spring",
            "https://news.example/?sid=412&s=weather&session=spring",
        ),
        ("https://news.example/\ud800", "https://news.example/%EF%BF%BD"),
    ],
)
def test_canonical_form(url: str, expected: str) -> None:
    """Each way of writing a URL leads to the one form."""
    assert canonical(url) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("g", "https://news.example/a/b/g"),
        ("./g/", "https://news.example/a/b/g/"),
        ("../../../g", "https://news.example/g"),
        ("", "https://news.example/a/b/c;p?q=1"),
        ("#s", "https://news.example/a/b/c;p?q=1"),
        ("?y", "https://news.example/a/b/c;p?y"),
        ("/g", "https://news.example/g"),
        ("\\g", "https://news.example/g"),
        ("//other.example/g", "https://other.example/g"),
        ("/\\other.example/g", "https://other.example/g"),
        ("https:g", "https://news.example/a/b/g"),
        ("http:other.example", "http://other.example/"),
        ("g?y/../z", "https://news.example/a/b/g?y/../z"),
    ],
)
def test_relative_references(reference: str, expected: str) -> None:
    """A relative link is resolved as browsers resolve it."""
    assert canonical(reference, BASE) == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mailto:desk@news.example", "scheme"),
        ("javascript:void(0)", "scheme"),
        ("ftp://news.example/", "scheme"),
        ("news.example:8080/x", "scheme"),
        ("news.example/x", "no-scheme"),
        ("//news.example/x", "no-scheme"),
        ("", "no-scheme"),
        ("https://", "host"),
        ("https:///", "host"),
        ("https://a..b/", "host"),
        ("https://a b/", "host"),
        ("https://a%20b/", "host"),
        ("https://%ff/", "host"),
        ("https://a%2fb/", "host"),
        ("https://1.2.3.256/", "host"),
        ("https://1.2.3.4.5/", "host"),
        ("https://09/", "host"),
        ("https://[::1/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://xn--a/", "host"),
        ("https://xn--ls8h=/", "host"),
        (f"https://{'a' * 64}.example/", "host"),
        (f"https://{'a.' * 140}example/", "host"),
        ("https://\u0301a.example/", "host"),
        ("https://\u200d.example/", "host"),
        ("https://%00\u200c.example/", "host"),
        ("https://news.example:65536/", "port"),
        ("https://news.example:8a/", "port"),
        (f"https://news.example:{'9' * 5000}/", "port"),
        ("https://ana@news.example/", "userinfo"),
        ("https://ana:secret@news.example/", "userinfo"),
        ("https://news.example\\@evil.example/", None),
        (f"https://news.example/{'a' * 8000}", "too-long"),
        ("a" * 40_000, "too-long"),
    ],
)
def test_what_has_no_canonical_form(url: str, reason: str | None) -> None:
    """A URL that cannot be fetched safely is refused with a short reason; the path may hold any sign."""
    if reason is None:
        assert canonical(url) == "https://news.example/@evil.example/"
        return
    with pytest.raises(InvalidURL) as caught:
        canonical(url)
    assert caught.value.reason == reason


def test_a_long_tracking_parameter_does_not_count() -> None:
    """The limit holds for what is left after tracking parameters are dropped."""
    assert canonical(f"https://news.example/?id=1&utm_content={'x' * 9000}") == "https://news.example/?id=1"


def test_base_is_not_asked_for_absolute_urls() -> None:
    """A broken base does no harm to an absolute URL, and names its own fault for a relative one."""
    assert canonical("https://news.example/a", "mailto:x") == "https://news.example/a"
    with pytest.raises(InvalidURL, match="scheme"):
        canonical("a", "mailto:x")


def test_key_is_the_identity_of_a_page() -> None:
    """Scheme, default port, order of parameters and percent case make no other page; the path does."""
    same = [
        "http://news.example/%c3%a4?b=2&a=1",
        "https://news.example:443/%C3%A4?a=1&b=2#top",
        "https://NEWS.example./\u00e4?a=1&utm_source=rss&b=2",
    ]
    assert {key(url) for url in same} == {"news.example/%C3%A4?a=1&b=2"}
    assert key("https://news.example/a") != key("https://news.example/a/")
    assert key("https://news.example/A") != key("https://news.example/a")


def test_host_key_has_the_port_only_where_it_matters() -> None:
    """The default port of the scheme is left out, any other is kept."""
    assert host_key("https://News.example:443/a") == "news.example"
    assert host_key("http://news.example:443/a") == "news.example:443"
    assert host_key("http://[::1]:8080/") == "[::1]:8080"


@pytest.mark.parametrize(
    ("url_or_host", "expected"),
    [
        ("https://www.news.example.co.uk/a", "example.co.uk"),
        ("sport.zeitung.de", "zeitung.de"),
        ("ana.blogspot.com", "ana.blogspot.com"),
        ("https://www.b\u00fccher.de/", "xn--bcher-kva.de"),
        ("localhost", "localhost"),
        ("maps.news.example", "news.example"),
        ("news.example", "news.example"),
        ("http://127.0.0.1:8080/", "127.0.0.1"),
        ("[::1]:80", "[::1]"),
        ("co.uk", "co.uk"),
    ],
)
def test_site_is_the_registrable_domain(url_or_host: str, expected: str) -> None:
    """Public and private suffixes are known without network; what has no suffix is its own site."""
    assert site(url_or_host) == expected


def test_same_site() -> None:
    """Subdomains of one domain are one site, neighbours under a suffix are not."""
    assert same_site("https://www.zeitung.de/a", "https://sport.zeitung.de/b")
    assert not same_site("https://a.co.uk/", "https://b.co.uk/")
    with pytest.raises(InvalidURL):
        same_site("https://zeitung.de/", "mailto:x@zeitung.de")


def test_the_rules_file_is_well_formed() -> None:
    """Every rule is one lower-case word of one of the four shapes."""
    rules = urlkey._tracking()
    assert "fbclid" in rules.names
    assert "utm_" in rules.prefixes
    assert all(rules.prefixes)
    for word in rules.names | rules.values | rules.sessions | set(rules.prefixes):
        assert word == word.lower()
        assert not set(word) & set(" *{}")


@given(_urls)
@settings(max_examples=500, deadline=None)
def test_canonical_twice_is_canonical_once(url: str) -> None:
    """The canonical form is its own canonical form, and nothing but InvalidURL is ever raised."""
    for base in (None, BASE):
        once = _canonical_or_none(url, base)
        if once is not None:
            assert canonical(once) == once
            assert once.isascii()
            assert not set(once) & set(' "<>\\^`{|}\x00\t\n\r#@[]') - set("@[]")


@given(_urls)
@settings(max_examples=300, deadline=None)
def test_key_of_canonical_is_key(url: str) -> None:
    """A key does not depend on whether the URL was canonical already, nor on the scheme."""
    form = _canonical_or_none(url)
    if form is not None:
        assert key(form) == key(url)
        assert host_key(form) == host_key(url)
        other = form.replace("https:", "http:", 1) if form.startswith("https:") else form.replace("http:", "https:", 1)
        if ":" not in host_key(form).rpartition("]")[2]:
            assert key(other) == key(form)


@given(_urls)
@settings(max_examples=300, deadline=None)
def test_percent_case_makes_no_difference(url: str) -> None:
    """Upper-case and lower-case escapes are one URL."""
    form = _canonical_or_none(url)
    if form is not None:
        lowered = "%".join([part if i == 0 else part[:2].lower() + part[2:] for i, part in enumerate(form.split("%"))])
        assert canonical(lowered) == form


@given(st.permutations(["a=1", "b=2", "b=1", "c", "d=%C3%A4"]))
def test_order_of_parameters_makes_no_difference_to_the_key(parameters: list[str]) -> None:
    """Pages that differ only by the order of their parameters have one key."""
    assert key("https://news.example/?" + "&".join(parameters)) == "news.example/?a=1&b=1&b=2&c&d=%C3%A4"


@given(_urls)
@settings(max_examples=300, deadline=None)
def test_scrapy_leaves_the_canonical_form_alone(url: str) -> None:
    """What Scrapy puts on the wire is the form the frontier knows."""
    form = _canonical_or_none(url)
    if form is not None:
        assert safe_url_string(form) == form


@given(_urls, _urls)
@settings(max_examples=200, deadline=None)
def test_nothing_but_invalid_url_is_raised(url: str, other: str) -> None:
    """Any text gives an answer or InvalidURL, from every function."""
    reasons = []
    for call in (key, host_key, site, lambda text: same_site(text, other), lambda text: canonical(text, other)):
        try:
            call(url)
        except InvalidURL as error:
            reasons.append(error.reason)
    assert set(reasons) <= {"scheme", "no-scheme", "host", "port", "userinfo", "too-long"}


def test_a_very_long_url_has_a_bounded_key() -> None:
    """Keys fit any database's index, and two long URLs that differ at their end stay two."""
    one, two = (urlkey.key(f"https://gazette.test/{'a' * 5000}{end}") for end in "12")
    assert one != two
    assert max(len(one), len(two)) <= 2_065


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a.jpg?w=1&s=184f01f078d7acb00872e7596ebd5983b16fd612", "https://a.test/b/a.jpg?w=1&s=184f01f078d7acb00872e7596ebd5983b16fd612"),
        ("a.jpg?utm_source=x&&y#z", "https://a.test/b/a.jpg?utm_source=x&&y"),
        ("/a;jsessionid=1/b.css", "https://a.test/a;jsessionid=1/b.css"),
        ("../c d.png", "https://a.test/c%20d.png"),
        ("//CDN.test:443/x", "https://cdn.test/x"),
    ],
)
def test_an_absolute_url_keeps_every_parameter(written: str, expected: str) -> None:
    """What a browser would ask for, spelt as everything else; its key is that of the page."""
    assert absolute(written, "https://a.test/b/c") == expected
    assert key(expected) == key(canonical(expected))
