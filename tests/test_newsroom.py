"""The newsroom itself: what it promises to the tests that use it."""

from __future__ import annotations

import gzip
import html
import http.client
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.newsroom import CHANNELS, LONG_GONE, Answer, Fault, Newsroom, stories


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    """A newsroom with all hand-written stories."""
    with Newsroom() as running:
        yield running


def fetch(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and decoded body of one GET that follows no redirects."""
    host, _, target = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", f"/{target}", headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    names = {name.lower(): value for name, value in response.getheaders()}
    return response.status, names, body


def test_stories_are_distinct_and_many_languages() -> None:
    """Four hundred and fifty stories differ in text and path, and nine languages are among the hand-written ones."""
    written = stories(450)
    assert len({story.text for story in written}) == 450
    assert len({story.path for story in written}) == 450
    assert len({story.language for story in written[:26]}) == 9
    assert all(len(story.text.split()) >= 120 for story in written if story.language != "ja")
    assert written == stories(450)


def test_every_story_is_announced_somewhere(newsroom: Newsroom) -> None:
    """Each story stands in one channel at least, and a third of them in two."""
    places = {story.number: 0 for story in newsroom.site.live}
    for channel in CHANNELS:
        for _, story in newsroom.site.announced(channel):
            places[story.number] += 1
    assert min(places.values()) == 1
    assert max(places.values()) == 2


def test_every_announced_url_leads_to_its_story(newsroom: Newsroom) -> None:
    """Redirects, chains and tracking parameters all end at the page with the story's title."""
    for channel in CHANNELS:
        for url, story in newsroom.site.announced(channel):
            with urllib.request.urlopen(url, timeout=10) as response:
                page = html.unescape(response.read().decode(story.charset))
                assert response.url.partition("?")[0] == newsroom.url_of(story)
            assert f"<h1>{story.title}</h1>" in page
            assert all(paragraph in page for paragraph in story.paragraphs)


@pytest.mark.parametrize("path", ["feeds/rss.xml", "feeds/atom.xml", "sitemap_index.xml", "sitemaps/pages.xml"])
def test_xml_is_well_formed(newsroom: Newsroom, path: str) -> None:
    """Feeds and sitemaps parse, and hold entries."""
    _, _, body = fetch(newsroom.url + path)
    assert len(ET.fromstring(body)) > 0


def test_json_feed_and_packed_sitemap_can_be_read(newsroom: Newsroom) -> None:
    """The JSON Feed is JSON and the older news sitemap is gzip, whatever the client accepts."""
    assert json.loads(fetch(newsroom.url + "feeds/feed.json")[2])["items"]
    packed = fetch(newsroom.url + "sitemaps/news-older.xml.gz")[2]
    assert b"<news:title>" in gzip.decompress(packed)


def test_json_ld_of_articles_can_be_read(newsroom: Newsroom) -> None:
    """Two of three article styles carry a NewsArticle in JSON-LD, flat or in a graph."""
    kinds = []
    for story in newsroom.site.live:
        page = fetch(newsroom.url_of(story))[2].decode(story.charset)
        found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
        kinds.append("none" if not found else "graph" if "@graph" in json.loads(found[1]) else "flat")
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"none": 9, "flat": 9, "graph": 8}


def test_every_way_of_framing_a_body_is_met(newsroom: Newsroom) -> None:
    """Plain, gzip, deflate, chunked and gzip in chunks all occur among the stories."""
    ways = set()
    for story in newsroom.site.live:
        _, headers, _ = fetch(newsroom.url_of(story), accept_encoding="gzip, deflate")
        ways.add((headers.get("content-encoding"), headers.get("transfer-encoding")))
    assert ways == {(None, None), ("gzip", None), ("deflate", None), (None, "chunked"), ("gzip", "chunked")}


def test_odd_pages_answer_as_they_should(newsroom: Newsroom) -> None:
    """The pages that are no articles answer with their status, gone ones with 404 and 410."""
    statuses = {why: fetch(url)[0] for url, why in newsroom.site.rejects.items() if why != "bot-challenge"}
    assert set(statuses.values()) == {200}
    assert {fetch(url)[0] for url, why in newsroom.site.rejects.items() if why == "bot-challenge"} == {200, 403}
    assert {path: fetch(newsroom.url + path[1:])[0] for path in LONG_GONE} == LONG_GONE


def test_conditional_requests_get_304_until_the_story_changes(newsroom: Newsroom) -> None:
    """ETag and Last-Modified are honoured, and an edit changes both."""
    story = newsroom.site.live[3]
    _, headers, before = fetch(newsroom.url_of(story))
    assert fetch(newsroom.url_of(story), if_none_match=headers["etag"])[0] == 304
    assert fetch(newsroom.url_of(story), if_modified_since=headers["last-modified"])[0] == 304
    newsroom.edit(story)
    status, _, after = fetch(
        newsroom.url_of(story), if_none_match=headers["etag"], if_modified_since=headers["last-modified"]
    )
    assert status == 200
    assert before != after


def test_an_edit_leaves_all_other_articles_alone(newsroom: Newsroom) -> None:
    """Only the edited story's bytes change."""
    before = {story.number: newsroom.site.answer(story.path).body for story in newsroom.site.live}
    edited = newsroom.edit(newsroom.site.live[5], title="Another title")
    after = {story.number: newsroom.site.answer(story.path).body for story in newsroom.site.live}
    assert [number for number in before if before[number] != after[number]] == [edited.number]


def test_remove_restore_and_add(newsroom: Newsroom) -> None:
    """A removed story is gone and unannounced until restored; a new one is in RSS and on the front page."""
    story = newsroom.site.live[7]
    newsroom.remove(story)
    assert fetch(newsroom.url_of(story))[0] == 410
    assert newsroom.url_of(story) not in str(newsroom.site.announced(CHANNELS[0]))
    newsroom.restore(story)
    assert fetch(newsroom.url_of(story))[0] == 200
    new = newsroom.add()
    assert new.title in html.unescape(fetch(newsroom.url)[2].decode())
    assert new in [story for _, story in newsroom.site.announced("rss")]
    assert fetch(newsroom.url_of(new))[0] == 200


def test_log_holds_the_bytes_of_every_exchange(newsroom: Newsroom) -> None:
    """On one kept-alive connection, the log has the request and response bytes in order."""
    connection = http.client.HTTPConnection(newsroom.host, timeout=10)
    for path in ("/", "/robots.txt"):
        connection.request("GET", path, headers={"X-Case": "Kept"})
        connection.getresponse().read()
    connection.close()
    assert [(entry.method, entry.path, entry.status) for entry in newsroom.log] == [
        ("GET", "/", 200),
        ("GET", "/robots.txt", 200),
    ]
    assert {entry.connection for entry in newsroom.log} == {1}
    assert newsroom.log[0].header("x-case") == "Kept"
    assert newsroom.log[1].request.startswith(b"GET /robots.txt HTTP/1.1\r\n")
    assert newsroom.log[1].response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Disallow: /private/" in newsroom.log[1].response
    assert newsroom.served("/robots.txt") == [newsroom.log[1]]


def test_another_host_name_is_redirected_to_the_own_one(newsroom: Newsroom) -> None:
    """A request for localhost is sent to the address that the paper calls its own."""
    status, headers, _ = fetch(f"http://localhost:{newsroom.port}/about")
    assert (status, headers["location"]) == (301, newsroom.url + "about")


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.CUT, Fault.GARBAGE])
def test_broken_exchanges_raise_in_the_client(newsroom: Newsroom, fault: Fault) -> None:
    """Connection faults reach the client once, then the page is well again."""
    newsroom.fault("/about", fault, times=1)
    with pytest.raises((http.client.HTTPException, ConnectionError, ValueError)):
        assert len(fetch(newsroom.url + "about")[2]) < 0
    assert fetch(newsroom.url + "about")[0] == 200


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault.SERVER_ERROR, 500), (Fault.UNAVAILABLE, 503), (Fault.TOO_MANY, 429), (Fault.EMPTY, 200)],
)
def test_faulty_answers_last_until_mended(newsroom: Newsroom, fault: Fault, status: int) -> None:
    """A fault without a count stays, and is taken away by mend."""
    newsroom.fault("/about", fault)
    assert [fetch(newsroom.url + "about")[0] for _ in range(2)] == [status, status]
    newsroom.mend("/about")
    assert b"About us" in fetch(newsroom.url + "about")[2]


def test_a_stalled_answer_ends_when_mended(newsroom: Newsroom) -> None:
    """A stalled connection holds half of the body, and is closed by mend."""
    newsroom.fault("/about", Fault.STALL, times=1)
    connection = http.client.HTTPConnection(newsroom.host, timeout=10)
    connection.request("GET", "/about")
    response = connection.getresponse()
    newsroom.mend()
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


def test_a_path_can_be_replaced(newsroom: Newsroom) -> None:
    """Tests can put any answer at any path."""
    newsroom.replace("/robots.txt", Answer(200, b"User-agent: *\nCrawl-delay: 2\n", "text/plain"))
    assert b"Crawl-delay" in fetch(newsroom.url + "robots.txt")[2]


def test_the_newsroom_runs_as_a_command() -> None:
    """`python -m tests.newsroom` prints its URL and serves until it is ended."""
    command = [sys.executable, "-m", "tests.newsroom", "--stories", "3"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert fetch(url)[0] == 200
        process.terminate()


def test_links_in_feeds_stay_when_the_paper_changes(newsroom: Newsroom) -> None:
    """A story is announced by the same URL before and after another was added and a third removed."""
    before = {story.number: url for url, story in newsroom.site.announced("rss")}
    newsroom.add()
    newsroom.remove(newsroom.site.live[1])
    after = {story.number: url for url, story in newsroom.site.announced("rss")}
    assert {number: after[number] for number in before} == before
