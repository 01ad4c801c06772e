"""What eats the network's bytes, each as a function bytes -> None that asserts what must hold for any of them.

An input that makes one raise, or take seconds, is a finding. Arguments beside the bytes (a charset, a
base, a month order) are taken from the first line or byte of the input, so that a fuzzer can reach them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement
from protego import Protego
from scrapy import Request
from scrapy.utils.python import to_bytes
from twisted.web.client import URI

from crawler.discovery.discover import discover
from crawler.discovery.markup import Document
from crawler.discovery.scope import Discovered, Scope
from crawler.politeness.retry_after import Plea, patience
from crawler.politeness.robots import LONGEST_DELAY, Rules, robots_parser, robots_text
from crawler.schedule.hints import LONGEST, FeedSays, of_feed, of_headers
from crawler.terminal.console import neutral, one_line
from crawler.wire.netguard import check_url
from pipelines import authors, classify, dates, jsonld, metadata, titles
from pipelines.decode import decode
from pipelines.extract import read
from pipelines.gather import gather
from pipelines.normalize import clean_line, clean_text, fold, wording, words_in
from pipelines.requisites import MAX_REQUISITES, of_page, of_stylesheet
from pipelines.tree import parse, survey
from storage.query.export import cell
from storage.records import Candidate, Kind, Link, NoArticle, Page
from storage.urlkey import MAX_LENGTH, InvalidURL, absolute, canonical, host_key, key, same_site, site
from storage.warc.reservations import Said, as_json, of_header, of_robots
from tests.fuzz.archive import archived, http_message, marked, records, warc_fields, warc_file
from tests.fuzz.foreign import foreign_body_, foreign_file

Target = Callable[[bytes], None]

HOME = "https://www.gazette.test/"
STORY = "https://www.gazette.test/2026/03/01/low-mill-bridge"
NOW = "2026-03-01T12:00:00.000Z"
SCOPE = Scope.of(HOME)

_REASONS = {"scheme", "no-scheme", "host", "port", "userinfo", "too-long"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNCLEAN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SEEN_BY_TERMINALS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_CANONICAL = re.compile(r"https?://(?:\[[0-9a-f:]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?/[!-~]*")
_UTC = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d\.000Z)?")
_RUN_AS_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def text_of(data: bytes) -> str:
    r"""Any text there is, lone surrogates too: `\\udc80` to `\\udcff` stand for bytes that are no UTF-8."""
    return data.decode("utf-8", "surrogateescape")


def a_page(body: bytes, content_type: str | None = None, url: str = STORY) -> Page:
    """A page of the fictional site whose body came over the wire."""
    return Page(url=url, frontier_url=url, fetched_at=NOW, status=200, content_type=content_type, body=body)


# ---- discovery


def feed(data: bytes) -> None:
    """A body fetched as a feed: links are canonical, announced texts clean, bounded in number."""
    _discovered(discover(a_page(data), Kind.FEED, SCOPE, NOW))


def sitemap(data: bytes) -> None:
    """A body fetched as a sitemap."""
    _discovered(discover(a_page(data, "application/xml"), Kind.SITEMAP, SCOPE, NOW))


def home(data: bytes) -> None:
    """A body fetched as a home page."""
    _discovered(discover(a_page(data, "text/html"), Kind.HOME, SCOPE, NOW))


def robots(data: bytes) -> None:
    """A robots.txt: its sitemaps, its delay, and what it lets us fetch."""
    _discovered(discover(a_page(data, url=f"{HOME}robots.txt"), Kind.ROBOTS, SCOPE, NOW))
    text = robots_text(data)
    rules = Rules(robots_parser(text))
    if len(data) < 4_000:
        whole = Protego.parse(text)
        for url in (HOME, STORY, f"{HOME}private/x.pdf", f"{HOME}x", f"{HOME}{'a' * 300}?{'b=' * 300}"):
            assert rules.allow(url) == whole.can_fetch(url, "newswarc"), "other crawlers' groups change nothing for us"
        assert whole.crawl_delay("newswarc") == robots_parser(data).crawl_delay("newswarc")
    assert rules.allow(f"{HOME}robots.txt")
    assert rules.crawl_delay is None or 0 < rules.crawl_delay <= LONGEST_DELAY
    _are_statements({"robots.txt": tuple(of_robots(data))})


def _discovered(found: Discovered) -> None:
    assert len(found.links) + len(found.seeds) + len(found.unusable) <= 101_000
    for link in (*found.links, *found.seeds):
        _is_canonical(link.url)
        _is_announced_clean(link)
    assert len({link.url for link in found.links}) == len(found.links) or found.problem != "no-links"
    for link in found.unusable:
        assert (link.refused or "").startswith("invalid-url: ")
        assert len(link.url) <= 500
        _is_announced_clean(link)
    if found.title is not None:
        assert not _CONTROL.search(found.title)
    assert found.hint is None or found.hint >= 0


def _is_announced_clean(link: Link) -> None:
    for value in asdict(link.announced).values() if link.announced else ():
        for text in value if isinstance(value, tuple) else (value,):
            assert text is None or (isinstance(text, str) and text and len(text) <= MAX_LENGTH)
            assert not _CONTROL.search(text or "")


# ---- page requisites


def requisites(data: bytes) -> None:
    """A page and its stylesheets, as if it were both: URLs that can be asked for, each once, none of them the page."""
    whole = of_page(a_page(data, "text/html"), pdfs=True)
    _can_be_asked_for(whole.urls)
    assert set(of_page(a_page(data, "text/html")).urls) <= set(whole.urls) or whole.overflow


def stylesheet(data: bytes) -> None:
    """A stylesheet."""
    _can_be_asked_for(of_stylesheet(a_page(data, "text/css", f"{HOME}a.css")).urls)


def _can_be_asked_for(urls: tuple[str, ...]) -> None:
    assert len(urls) == len(set(urls)) <= MAX_REQUISITES
    for form in urls:
        _is_canonical(form)
        assert check_url(form, None) is None
        assert form != STORY


# ---- addresses


def url(data: bytes) -> None:
    """A URL, relative to the second line where there is one: no canonical form, or one that all readers agree on."""
    written, _, base = text_of(data).partition("\n")
    if _form(written, None):
        assert key(canonical(written)) == key(written)
    for form in filter(None, (_form(written, None), _form(written, HOME), _form(written, base or None))):
        _is_canonical(form)
        assert canonical(form) == form
        assert canonical(form, HOME) == form
        assert len(key(form)) <= 2_065
        assert host_key(form) == form.split("/", 3)[2]
        assert same_site(form, form)
        assert form.split("/", 3)[2].endswith(site(form).strip("[]")) or ":" in form.split("/", 3)[2]
    _dialled_as_judged(written)
    _is_absolute(written)


def _is_absolute(written: str) -> None:
    """What is asked for with all its parameters is of the same page as without some of them."""
    try:
        whole = absolute(written, HOME)
    except InvalidURL:
        return
    _is_canonical(whole)
    assert absolute(whole) == whole
    assert canonical(whole) == canonical(written, HOME)


def _form(written: str, base: str | None) -> str | None:
    try:
        return canonical(written, base)
    except InvalidURL as refused:
        reason = refused.reason
    assert reason in _REASONS
    return None


def _is_canonical(form: str) -> None:
    assert len(form) <= MAX_LENGTH
    assert _CANONICAL.fullmatch(form), form
    parts = urlsplit(form)
    assert parts.username is None
    assert parts.hostname is not None
    assert parts.netloc == form.split("/", 3)[2], "the standard library sees another host"
    assert check_url(form) is None, form


def _dialled_as_judged(written: str) -> None:
    """A redirect to a raw URL that passes the guards is dialled at the host it was judged by."""
    try:
        asked = Request(urljoin(HOME, written)).url
    except ValueError:
        return
    if check_url(asked) or not (judged := _form(asked, None)):
        return
    endpoint = URI.fromBytes(to_bytes(asked, encoding="ascii"))  # type: ignore[no-untyped-call]
    assert _form(f"{endpoint.scheme.decode()}://{endpoint.netloc.decode()}/", None) == _top(judged), asked
    assert _at(endpoint.host.decode().strip("[]")) == _at(urlsplit(judged).hostname or ""), asked


def _at(host: str) -> str | None:
    return _form(f"http://[{host}]/" if ":" in host else f"http://{host}/", None)


def _top(form: str) -> str:
    return "/".join(form.split("/", 3)[:3]) + "/"


def wait(data: bytes) -> None:
    """A Retry-After, a hint for the next visit, a reservation: nothing, or what is bounded and clean."""
    value = data.decode("latin-1")
    for plea in (Plea(value, ""), Plea(value, value), Plea("Sun, 01 Mar 2026 00:00:00 GMT", value)):
        seconds = patience(plea, datetime(2026, 3, 1, tzinfo=UTC))
        assert seconds is None or 0 < seconds <= 7 * 86_400
    for name in ("cache-control", "expires"):
        hint = of_headers(((name, value), ("age", value), ("date", value)), NOW)
        assert hint is None or 0 < hint <= LONGEST
    feed_hint = of_feed(FeedSays(value, value, value, value, tuple(value.split()[:48]), tuple(value.split()[:48])), NOW)
    assert feed_hint is None or 0 < feed_hint <= LONGEST
    names = ("x-robots-tag", "tdm-reservation", "tdm-policy", "content-signal", "content-usage")
    _are_statements({"header": tuple(of_header(tuple((name, value) for name in names), STORY))})


def _are_statements(said: Said) -> None:
    """Short, clean, and of what a row can hold."""
    written_ = as_json(said)
    assert written_ is None or not _CONTROL.search(written_)
    assert all(len(statement) <= 600 for statements in said.values() for statement in statements)


# ---- pages


def charset(data: bytes) -> None:
    """A body under the Content-Type on its first line."""
    declared, _, body = data.partition(b"\n")
    text = decode(body, f"text/html; charset={declared.decode('latin-1')}")
    assert isinstance(text, str)
    assert len(text) <= 4 * len(body) + 4
    document = Document(data, f"text/xml; charset={declared.decode('latin-1')}")
    assert isinstance(document.text(), str)


def tree(data: bytes) -> None:
    """An HTML text as a tree that holds no character XML cannot hold."""
    found = parse(text_of(data))
    if found is None:
        return
    text = "".join(found.itertext())
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", text)
    assert len(text) <= 4 * len(data) + 100
    survey(found)
    classify.shape(found)


def linked_data(data: bytes) -> None:
    """JSON-LD scripts, parted by NUL."""
    graph = jsonld.read(text_of(data).split("\0"))
    assert len(graph.nodes) <= jsonld.MAX_NODES
    node = jsonld.article(graph, frozenset({jsonld.address(STORY)}), frozenset({"low mill bridge"}))
    for found, _ in graph.nodes[:100]:
        jsonld.types_of(found)
        for name in ("author", "headline", "image", "@id"):
            assert len(jsonld.strings(graph.resolve(found.get(name)))) <= 50
    assert node is None or isinstance(node, dict)


def claims(data: bytes) -> None:
    """The claims of a page, and the fields chosen out of them."""
    found = parse(text_of(data))
    if isinstance(found, HtmlElement):
        gathered = gather(found, STORY, None, NOW)
        _is_clean(asdict(metadata.choose(gathered, STORY, NOW)), but=("published", "modified", "sources"))


def moment(data: bytes) -> None:
    """A date as publishers write it; the first byte says how months are ordered."""
    order = {b"m": True, b"?": None}.get(data[:1], False)
    found = dates.parse(text_of(data[1:]), order)
    believed = dates.believed(found, NOW)
    in_url = dates.in_url(text_of(data))
    for one in filter(None, (believed, dates.believed(in_url, NOW))):
        assert _UTC.fullmatch(one.utc())
        assert "1990" <= one.utc()[:4] <= "2026"
        assert dates.parse(one.local()) == one
        assert one.day in one.days()


def names(data: bytes) -> None:
    """Bylines, one a line, and the title on the last."""
    *lines, title = text_of(data).split("\n")
    found = authors.names(lines)
    assert len(found) <= authors.MAX_AUTHORS
    for name in found:
        assert 2 <= len(name) <= authors.MAX_NAME
        assert not _UNCLEAN.search(name)
        assert name == name.strip()
    authors.spoken(title)
    labels = titles.site_labels([title[:80], *lines[:20]], "www.gazette.test")
    title = clean_line(title, 500)
    assert titles.without_site(title, labels) in title
    assert titles.without_last_part(title) in title


def text(data: bytes) -> None:
    """Any text, cleaned: once is enough, and nothing unseen is left."""
    written = text_of(data)
    cleaned = clean_text(written)
    assert clean_text(cleaned) == cleaned
    assert not _UNCLEAN.search(cleaned)
    assert len(cleaned) <= 4 * len(written)
    line = clean_line(written, 100)
    assert len(line) <= 100
    assert "\n" not in line
    assert re.fullmatch("[0-9a-f]{64}", wording(cleaned[:50], cleaned))
    assert fold(fold(cleaned)) == fold(cleaned)
    assert words_in(cleaned) <= len(cleaned)


def article(data: bytes) -> None:
    """A page, read as an article: every field clean and bounded, the same the second time."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reading = read(a_page(data, "text/html; charset=utf-8"), None)
    found = reading.result
    _are_statements(reading.said)
    if isinstance(found, NoArticle):
        assert re.fullmatch(r"[a-z0-9-]+", found.reason)
        return
    assert isinstance(found, Candidate)
    _is_clean(asdict(found), but=("provenance",))
    assert len(found.text) <= 2_000_000
    assert found.url == STORY
    if found.canonical_url is not None:
        _is_canonical(found.canonical_url)
        assert same_site(found.canonical_url, STORY)


def _is_clean(fields: dict[str, Any], but: tuple[str, ...]) -> None:
    for name, value in fields.items():
        for said in value if isinstance(value, tuple) else (value,):
            if isinstance(said, str) and name not in but:
                assert not _UNCLEAN.search(said), (name, said[:100])
                assert "\n" not in said or name == "text", name


# ---- what a person or a spreadsheet gets


def terminal(data: bytes) -> None:
    """Text for a terminal: nothing in it is obeyed."""
    written = text_of(data)
    assert not _SEEN_BY_TERMINALS.search(neutral(written))
    assert neutral(neutral(written)) == neutral(written)
    assert not re.search(r"[\t\n\r]", one_line(written))


def spreadsheet(data: bytes) -> None:
    """A CSV cell that no spreadsheet runs, with all of the text in it."""
    written = text_of(data)
    shown = cell(written)
    assert isinstance(shown, str)
    assert not shown.startswith(_RUN_AS_FORMULA)
    assert shown.removeprefix("'") == written.removeprefix("'")


TARGETS: dict[str, Target] = {
    "archived": archived,
    "article": article,
    "charset": charset,
    "claims": claims,
    "feed": feed,
    "foreign_body": foreign_body_,
    "foreign_file": foreign_file,
    "home": home,
    "http_message": http_message,
    "linked_data": linked_data,
    "marked": marked,
    "moment": moment,
    "names": names,
    "records": records,
    "requisites": requisites,
    "robots": robots,
    "sitemap": sitemap,
    "spreadsheet": spreadsheet,
    "stylesheet": stylesheet,
    "terminal": terminal,
    "text": text,
    "tree": tree,
    "url": url,
    "wait": wait,
    "warc_fields": warc_fields,
    "warc_file": warc_file,
}
