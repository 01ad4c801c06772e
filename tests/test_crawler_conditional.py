"""Asking only for what has changed, in whole runs against the newsroom."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request

from crawler.middlewares.conditional import UNCONDITIONAL, Conditional
from storage.archive.dedupe import MIN_PAYLOAD
from storage.records import Kind, Lease, Validators
from tests.desk import Desk
from tests.newsroom.server import Fault, Newsroom
from tests.newsroom.site import path_of


@pytest.fixture
def crawled(desk: Desk, newsroom: Newsroom) -> Desk:
    """A newsroom that was crawled once, its settings older than that; its log is of what comes after."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl")
    newsroom.clear_log()
    return desk


def statuses(newsroom: Newsroom) -> dict[str, bytes]:
    """The status of the last answer to each path that was asked for."""
    return {entry.target: entry.response.split(b" ", 2)[1] for entry in newsroom.log}


def test_seeds_that_have_not_changed_are_not_sent_again(crawled: Desk, newsroom: Newsroom) -> None:
    """They answer 304, which is archived as a revisit, settles them as polled, and proves to verify."""
    crawled.run("crawl", "--now")
    told = statuses(newsroom)
    assert told
    assert set(told.values()) == {b"304"}
    revisits = crawled.rows("SELECT url FROM v_captures WHERE record_type = 'revisit' AND http_status = 304")
    assert len(revisits) == len(told)
    assert crawled.one("SELECT polled FROM v_runs ORDER BY started_at DESC LIMIT 1") == len(told)
    crawled.run("verify")


def test_what_is_new_is_found_by_the_seeds_that_changed(crawled: Desk, newsroom: Newsroom) -> None:
    """A feed that has changed is sent whole, though it was asked for on condition."""
    newsroom.site.add()
    crawled.run("crawl", "--now")
    assert b"200" in statuses(newsroom).values()
    assert crawled.one("SELECT count(*) FROM v_articles") == len(newsroom.site.live)


def test_an_article_that_has_not_changed_is_seen(crawled: Desk, newsroom: Newsroom) -> None:
    """A 304 makes it unchanged, seen at that moment; one that was edited gets its version."""
    edited, same = newsroom.site.live[0], newsroom.site.live[1]
    newsroom.site.edit(edited)
    crawled.run("crawl", "--refetch")
    told = statuses(newsroom)
    assert told[path_of(newsroom.site.url(same))] == b"304"
    assert told[path_of(newsroom.site.url(edited))] == b"200"
    versions = dict(crawled.rows("SELECT url, version FROM v_articles"))
    assert (versions[newsroom.site.url(edited)], versions[newsroom.site.url(same)]) == (2, 1)
    seen = "SELECT http_status, first_seen_at < last_seen_at FROM v_articles WHERE url = ?"
    assert crawled.rows(seen, newsroom.site.url(same)) == [(304, 1)]
    crawled.run("verify")


def test_changed_settings_read_seeds_anew(crawled: Desk, newsroom: Newsroom) -> None:
    """What is wanted of a seed's links may be more than it was."""
    os.utime(crawled.folder / "newswarc.toml")
    crawled.run("crawl", "--now")
    assert set(statuses(newsroom).values()) == {b"200"}


def test_without_dedupe_everything_is_sent_and_kept_whole(desk: Desk, newsroom: Newsroom) -> None:
    """No request is conditional, and no record a revisit."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', crawl='dedupe = "off"')
    desk.run("crawl")
    desk.run("crawl", "--refetch", "--now")
    assert not any(b"if-none-match" in entry.request.lower() for entry in newsroom.log)
    assert desk.one("SELECT count(*) FROM v_captures WHERE record_type = 'revisit'") == 0


def test_a_single_page_is_sent_whole(crawled: Desk, newsroom: Newsroom) -> None:
    """`fetch` asks for the page, not whether there is a new one; its bytes are in the archive once."""
    url = newsroom.site.url(newsroom.site.live[0])
    crawled.run("fetch", url)
    assert statuses(newsroom)[path_of(url)] == b"200"
    assert crawled.rows("SELECT record_type FROM v_captures WHERE url = ? ORDER BY fetched_at", url)[-1] == ("revisit",)


FEEDS_AND_PAGES = "SELECT url FROM v_captures WHERE kind IN ('feed', 'sitemap', 'home', 'section')"


def ask_whole(desk: Desk) -> None:
    """Let the next run ask for seeds unconditionally: settings that are newer than what was read make it do so."""
    os.utime(desk.folder / "newswarc.toml")


def test_a_lying_etag_hides_news_until_the_page_itself_is_asked_for(crawled: Desk, newsroom: Newsroom) -> None:
    """A server whose entity tags never change answers 304 though there is news; one unconditional request finds it."""
    for url in {url for (url,) in crawled.rows(FEEDS_AND_PAGES)}:
        newsroom.fault(url, Fault.LYING_ETAG)
    newsroom.site.add()
    known = crawled.one("SELECT count(*) FROM v_articles")
    crawled.run("crawl", "--now")
    assert set(statuses(newsroom).values()) - {b"200"} == {b"304"}
    assert crawled.one("SELECT count(*) FROM v_articles") == known
    ask_whole(crawled)
    crawled.run("crawl", "--now")
    assert crawled.one("SELECT count(*) FROM v_articles") == known + 1
    crawled.run("verify")


def test_an_unconditional_answer_that_is_the_same_is_a_revisit(crawled: Desk, newsroom: Newsroom) -> None:
    """Its payload lies in the archive once; the seed counts as polled, with nothing new."""
    ask_whole(crawled)
    crawled.run("crawl", "--now")
    long = {entry.target for entry in newsroom.log if len(entry.response.partition(b"\r\n\r\n")[2]) >= MIN_PAYLOAD}
    assert long
    last = crawled.one("SELECT run_id FROM v_runs ORDER BY started_at DESC LIMIT 1")
    captures = crawled.rows("SELECT url, record_type FROM v_captures WHERE run_id = ?", last)
    records = {path_of(url): kind for url, kind in captures}
    assert {records[target] for target in long} == {"revisit"}
    assert crawled.rows("SELECT considered, polls_failed FROM v_runs ORDER BY started_at DESC LIMIT 1") == [(0, 0)]
    crawled.run("verify")


def test_a_server_that_says_304_to_everything_has_failed(crawled: Desk, newsroom: Newsroom) -> None:
    """A 304 that nobody asked for is no answer: the poll fails with its reason, and what is known stays."""
    newsroom.fault("/", Fault.NOT_MODIFIED)
    crawled.run("crawl", "--now")
    state = "SELECT state, reason FROM v_urls WHERE url = ?"
    assert crawled.rows(state, newsroom.url) == [("seed", None)]
    ask_whole(crawled)
    crawled.run("crawl", "--now", code=None)
    assert crawled.rows(state, newsroom.url) == [("seed", "http-304")]
    crawled.run("verify")


def conditions(**meta: Any) -> dict[bytes, list[bytes]]:
    """The headers of a request for a page that is known, as it is sent."""
    url = "https://paper.example/feed"
    known = Validators(url, "2026-03-01T12:00:00.000Z", etag='"a"', last_modified="Sun, 01 Mar 2026 12:00:00 GMT")
    lease = Lease(1, url, "paper.example", "paper", Kind.FEED, 0, 0, 0, None, None, None, known)
    run = SimpleNamespace(may_be_unmodified=lambda *_: True)
    middleware = Conditional(SimpleNamespace(spider=SimpleNamespace(run=run)))  # type: ignore[arg-type]
    request = Request(url, meta={"lease": lease, "kind": Kind.FEED, **meta})
    middleware.process_request(request)
    return dict(request.headers)


def test_a_probe_asks_for_the_page_itself() -> None:
    """A request that is marked as unconditional names no validators, although they are known."""
    assert set(conditions()) == {b"If-None-Match", b"If-Modified-Since"}
    assert conditions(**{UNCONDITIONAL: True}) == {}
