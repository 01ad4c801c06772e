"""A browser shows archived articles with all that belongs to them, and asks nobody but the archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import Browser, browsing
from illustrated import TITLE, illustrate
from ranged import serving_files

from tests.archives import SITE, Archive
from tests.desk import Desk
from tests.judged import chromium, referee, replaying
from tests.newsroom.server import Newsroom
from tests.newsroom.site import path_of

WIDTHS = "[...document.images].map((one) => one.naturalWidth)"
LOOKS = """({
  box: getComputedStyle(document.querySelector('#box')).backgroundImage.replace(/^.*\\/|"\\)$/g, ''),
  colour: getComputedStyle(document.querySelector('h1')).color,
  script: document.documentElement.dataset.script,
  title: document.querySelector('h1').textContent,
})"""
EXPECTED = {"box": "net.png", "colour": "rgb(1, 2, 3)", "script": "ran", "title": TITLE}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser with one page."""
    with browsing(chromium(), tmp_path / "profile") as running:
        yield running


@dataclass(frozen=True)
class Crawled:
    """A collection after a crawl of an article that asks for much; the servers are gone."""

    desk: Desk
    url: str
    timestamp: str
    requisites: set[str]


@pytest.fixture
def crawled_article(desk: Desk) -> Crawled:
    """The article, fetched with all it needs."""
    with Newsroom(stories=2) as room, Newsroom(stories=1) as cdn:
        url, requisites = illustrate(room, cdn)
        desk.configure(("room", room.url), ("cdn", cdn.url), allow='["127.0.0.0/8"]', more="requisites = true")
        desk.run("fetch", url)
    captured = {row[0] for row in desk.rows("SELECT url FROM captures WHERE kind = 'requisite' AND http_status = 200")}
    assert captured == requisites
    fetched_at = desk.one("SELECT fetched_at FROM captures WHERE url = ?", url)
    return Crawled(desk, url, re.sub(r"\D", "", fetched_at)[:14], requisites)


def look_at(browser: Browser) -> None:
    """Find the article in its frame, scroll to its end, and see that all of it has come."""
    frame = browser.frame_where("document.querySelector('#native') !== null && document.readyState === 'complete'")
    browser.evaluate("document.querySelector('#native').scrollIntoView()", frame)
    frame = browser.frame_where(f"document.querySelector('#native') !== null && {WIDTHS}.every((one) => one > 0)")
    browser.settle()
    assert browser.evaluate(WIDTHS, frame) == [11, 13, 14]
    assert browser.evaluate(LOOKS, frame) == EXPECTED


def archived_url(url: str) -> str:
    """The URL behind an address of the archive."""
    return re.sub(r"^//", "http://", re.sub(r"^.*?/\d{14}[a-z]{2}_/", "", url))


def check(browser: Browser, address: str, crawled: Crawled) -> None:
    """Nothing was asked of anybody but the archive, and it had all of it; but for the icon that browsers ask for."""
    requested = browser.requested()
    assert [url for url in requested if not url.startswith((address, "data:", "blob:", "about:"))] == []
    archived = {archived_url(url): status for url, status in requested.items() if re.search(r"/\d{14}[a-z]{2}_/", url)}
    assert {url: said for url, said in archived.items() if said not in (200, 302, 307) and "favicon" not in url} == {}
    shown = {url for url, status in archived.items() if status == 200}
    assert shown >= {crawled.url, *crawled.requisites} - {
        url for url in crawled.requisites if url.endswith("wall-2.png")
    }


def test_pywb_shows_an_article_with_all_that_belongs_to_it(crawled_article: Crawled, browser: Browser) -> None:
    """Pictures (srcset, lazy), stylesheets with what they import, font and script: all from the archive, nothing from elsewhere."""
    with replaying(crawled_article.desk.folder) as address:
        browser.open(f"{address}/{crawled_article.timestamp}/{crawled_article.url}")
        look_at(browser)
    check(browser, address.removesuffix("news"), crawled_article)


def test_pywb_shows_a_story_that_was_crawled_with_its_requisites(
    desk: Desk, newsroom: Newsroom, browser: Browser
) -> None:
    """Its picture, icon, script, and stylesheets with a background and a font come from the archive, and nothing is missing."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', more="requisites = true")
    desk.run("crawl")
    story = newsroom.site.url(newsroom.site.live[0])
    newsroom.clear_log()
    with replaying(desk.folder) as address:
        moment = re.sub(r"\D", "", desk.one("SELECT max(fetched_at) FROM v_captures WHERE url = ?", story))[:14]
        browser.open(f"{address}/{moment}/{story}")
        frame = browser.frame_where("document.documentElement.className === 'js' && document.readyState === 'complete'")
        browser.frame_where(f"{WIDTHS}.length > 0 && {WIDTHS}.every((one) => one > 0)")
        browser.settle()
        assert browser.evaluate("getComputedStyle(document.body).backgroundImage", frame).endswith(
            '/images/paper.png")'
        )
    requested = browser.requested()
    own = (address.removesuffix("news"), "data:", "blob:", "about:")
    assert [url for url in requested if not url.startswith(own)] == []
    assert {url: status for url, status in requested.items() if status not in (200, 302, 307)} == {}
    shown = {path_of(archived_url(url)) for url, status in requested.items() if status == 200}
    assert shown >= {"/static/courier.css", "/static/courier.js", "/images/paper.png"}
    assert newsroom.log == ()


def test_replaywebpage_shows_a_package(crawled_article: Crawled, browser: Browser, tmp_path: Path) -> None:
    """So does ReplayWeb.page, whose service worker reads the WACZ in ranges."""
    crawled_article.desk.run("package", "--output", str(tmp_path / "all.wacz"))
    with serving_files(referee("replaywebpage", needs="npm"), tmp_path) as address:
        page = f"url={crawled_article.url}&ts={crawled_article.timestamp}"
        browser.open(f"{address}/?source={address}/all.wacz#view=pages&{page}")
        look_at(browser)
    check(browser, address, crawled_article)


def test_replaywebpage_shows_a_revisit(tmp_path: Path, browser: Browser) -> None:
    """With the payload of the record that it refers to."""
    archive = Archive(tmp_path, f"sqlite:///{tmp_path / 'news.db'}")
    archive.begin("R1")
    words = "It was agreed to agree. " * 80
    for path in ("/first", "/second"):
        archive.article(path, words)
    archive.end()
    assert archive.one("SELECT record_type FROM captures WHERE url = :url", url=f"{SITE}/second") == "revisit"
    archive.close()
    (tmp_path / "newswarc.toml").write_text("")
    Desk(tmp_path).run("package", "--output", "all.wacz")
    with serving_files(referee("replaywebpage", needs="npm"), tmp_path) as address:
        browser.open(f"{address}/?source={address}/all.wacz#view=pages&url={SITE}/second&ts=20260301120003")
        frame = browser.frame_where("document.querySelector('article p') !== null")
        assert browser.evaluate("document.querySelector('article p').textContent", frame) == words
        assert browser.evaluate("location.href", frame).endswith(f"/{SITE}/second")
