"""`why`: every decision on a URL is told in the order in which it was taken, and what would become of one not known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk
from tests.newsroom.server import Fault, Newsroom


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    """One newsroom for all: a crawl is dear."""
    with Newsroom(stories=26) as room:
        yield room


@pytest.fixture(scope="module")
def sample(newsroom: Newsroom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection after a first crawl of it, to copy from."""
    desk = Desk(tmp_path_factory.mktemp("sample"))
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "-q")
    return desk.folder


@pytest.fixture
def crawled(sample: Path, tmp_path: Path) -> Desk:
    """That collection, to do with as one likes."""
    return Desk(Path(shutil.copytree(sample, tmp_path / "news")))


def why(desk: Desk, target: str) -> dict[str, Any]:
    """What `why --json` says."""
    found: dict[str, Any] = json.loads(desk.run("why", "--json", target).stdout)
    return found


def happened(found: dict[str, Any]) -> list[str]:
    """The events by their kind."""
    return [event["what"] for event in found["events"]]


def test_a_stored_article_is_told_from_its_discovery_to_its_versions(crawled: Desk, newsroom: Newsroom) -> None:
    """Found where and when, fetched with its place in the archive, judged, versions with dates, the next visit."""
    story = newsroom.site.live[0]
    url = newsroom.site.url(story)
    newsroom.site.edit(story)
    crawled.run("crawl", "-q", "--refetch")
    found = why(crawled, f"{url}?utm_source=letter#end")
    assert happened(found) == ["discovered", "fetched", "version", "added", "fetched", "version", "changed"]
    assert [event["at"] for event in found["events"]] == sorted(event["at"] for event in found["events"])
    discovered, fetched = found["events"][:2]
    assert newsroom.url.rstrip("/") in discovered["text"]
    [(file, offset)] = crawled.rows(
        "SELECT warc_file, warc_offset FROM v_captures WHERE url = ? ORDER BY fetched_at LIMIT 1", url
    )
    assert f"{file} at {offset}" in fetched["text"]
    assert found["state"] == "stored"
    assert found["article"]["uid"] == crawled.one("SELECT uid FROM v_articles WHERE url = ?", url)
    assert found["article"]["provenance"]
    assert found["changed"] == ["query: utm_source=letter -> nothing", "fragment: end -> nothing"]
    assert found["next_visit"]["why"]


def test_the_text_says_the_same_for_a_person(crawled: Desk, newsroom: Newsroom) -> None:
    """One line an event, with sentences in place of words, and no line that is empty of meaning."""
    url = newsroom.site.url(newsroom.site.live[0])
    said = crawled.run("why", url).stdout
    assert "discovered on" in said
    assert "stored as a new article" in said
    assert "next visit: " in said
    assert "in its scope" in said


def test_each_page_that_is_no_article_says_why(crawled: Desk, newsroom: Newsroom) -> None:
    """Rejected, filtered and failed pages are told with a sentence, never with the bare word."""
    for url in newsroom.site.rejects:
        found = why(crawled, url)
        judged = found["events"][-1]
        assert judged["what"] in {"rejected", "filtered", "failed"}, url
        assert f"[{judged['reason']}]" in judged["text"]
        assert f": {judged['reason']} [" not in judged["text"]
        assert found["next_visit"]["at"] is None or found["state"] == "failed"


def test_a_page_that_failed_says_when_it_is_tried_again(crawled: Desk, newsroom: Newsroom) -> None:
    """The status, that it failed, and the moment of the next try."""
    url = newsroom.site.url(newsroom.site.add())
    newsroom.fault(url, Fault.SERVER_ERROR)
    crawled.run("crawl", "-q", "--now")
    found = why(crawled, url)
    assert "status 500" in found["events"][-1]["text"]
    assert found["next_visit"]["at"] == crawled.one("SELECT next_fetch_at FROM v_urls WHERE url = ?", url)
    assert "tried again" in found["next_visit"]["why"]


def test_a_duplicate_names_its_article(crawled: Desk) -> None:
    """What a URL is a duplicate of can be followed."""
    url, uid = crawled.rows(
        "SELECT urls.url, uid FROM urls JOIN articles ON articles.id = article_id WHERE state = 'duplicate' LIMIT 1"
    )[0]
    found = why(crawled, url)
    assert found["article"]["uid"] == uid
    assert any(uid in event["text"] for event in found["events"])
    assert found["next_visit"]["at"] is None


def test_a_seed_tells_its_polls(crawled: Desk, newsroom: Newsroom) -> None:
    """A home page is polled for links, and again at a time to come."""
    found = why(crawled, newsroom.url)
    assert "polled" in happened(found)
    assert found["next_visit"] == {
        "at": crawled.one("SELECT next_fetch_at FROM urls WHERE kind = 'home'"),
        "why": "it is polled for new links",
    }


def test_a_withdrawn_page_says_so_and_is_never_fetched(crawled: Desk, newsroom: Newsroom) -> None:
    """The reason of a withdrawal is told; what was captured is not."""
    url = newsroom.site.url(newsroom.site.live[0])
    crawled.run("withdraw", url, "--reason", "a judge said so")
    found = why(crawled, url)
    assert "withdrawn: a judge said so" in found["events"][-1]["text"]
    assert found["next_visit"] == {"at": None, "why": "it is withdrawn"}
    assert (found["article"], "fetched" in happened(found)) == (None, False)


def test_robots_and_blocks_are_told_as_they_are_remembered(crawled: Desk, newsroom: Newsroom) -> None:
    """The cached robots.txt gives the verdict on any URL, and the host's block is told with its reason."""
    origin, host = newsroom.url.rstrip("/"), newsroom.host
    crawled.write("DELETE FROM robots")
    assert why(crawled, f"{origin}/new")["robots"]["verdict"] == "not known"
    later = "2099-01-01T00:00:00.000Z"
    crawled.write(
        "INSERT INTO robots(origin, fetched_at, expires_at, http_status, body) VALUES (?, '2026-03-01T12:00:00.000Z', ?, 200, ?)",
        origin,
        later,
        "User-agent: *\nDisallow: /no",
    )
    host = crawled.one("SELECT host FROM urls WHERE kind = 'home'")
    crawled.write("DELETE FROM hosts WHERE host = ?", host)
    crawled.write("INSERT INTO hosts(host, blocked_until, block_reason) VALUES (?, ?, 'http-429')", host, later)
    assert why(crawled, f"{origin}/new")["robots"]["verdict"] == "allowed"
    refused = why(crawled, f"{origin}/no/way")
    assert refused["robots"]["verdict"] == "not allowed"
    assert refused["host"]["blocked_until"] == later
    assert "it would not be fetched: the site's robots.txt" in crawled.run("why", f"{origin}/no/way").stdout
    assert why(crawled, origin)["next_visit"] == {"at": later, "why": "its host asked to be left alone until then"}


def test_a_url_that_is_not_known_is_told_what_would_become_of_it(crawled: Desk, newsroom: Newsroom) -> None:
    """Its source, the rule that would refuse it, known URLs nearby; the exit code is 0, and `known` is false."""
    known = newsroom.site.url(newsroom.site.live[0])
    found = why(crawled, f"{known}-2")
    assert (found["known"], [scope["source"] for scope in found["scopes"]]) == (False, ["room"])
    assert known in [row["url"] for row in found["near"]]
    [scope] = why(crawled, f"{newsroom.url}tag/bridges/")["scopes"]
    assert scope["unlikely"].startswith("not-article-like")
    assert "fetched once a feed or sitemap of room leads to it" in crawled.run("why", f"{newsroom.url}tag/bridges/").stdout
    assert "fetched once a page, feed or sitemap of room leads to it" in crawled.run("why", f"{known}-2").stdout
    elsewhere = why(crawled, "https://elsewhere.test/story")
    assert (elsewhere["scopes"], elsewhere["near"]) == ([], [])
    assert "in the scope of no source" in crawled.run("why", "https://elsewhere.test/story").stdout


def test_a_seed_is_not_judged_as_a_link(crawled: Desk, newsroom: Newsroom) -> None:
    """That no link of a page would lead to a home page says nothing of it: the settings do."""
    assert "in its scope\n" in crawled.run("why", newsroom.url).stdout


def test_settings_that_changed_since_are_told(crawled: Desk, newsroom: Newsroom) -> None:
    """A stored article that `deny` names by now says so; one whose source was removed is never fetched."""
    url = newsroom.site.url(newsroom.site.live[0])
    crawled.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', more='deny = ["."]')
    assert why(crawled, url)["scopes"][0]["refused"] == "denied"
    crawled.write("UPDATE urls SET next_fetch_at = '2026-03-01T12:00:00.000Z' WHERE url = ?", url)
    crawled.configure(allow=f'["{newsroom.host}"]')
    assert why(crawled, url)["next_visit"]["at"] is None


@pytest.mark.parametrize("target", ["mailto:a@b.test", "no url", "http://me:geheim@paper.test/"])
def test_what_is_no_url_is_one_line(crawled: Desk, target: str) -> None:
    """Exit code 2, and no password is repeated."""
    done = crawled.run("why", target, code=2)
    assert done.stderr.startswith("newswarc: error: ")
    assert len(done.stderr.splitlines()) == 1
    assert "geheim" not in done.stderr
