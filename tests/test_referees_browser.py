"""A browser shows archived articles with all that belongs to them, and asks nobody but the archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from archives import Archive
from browser import Browser, browsing
from illustrated import REQUISITES, STORY, TITLE, archive_it
from judged import chromium, replaying

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


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A collection with an article and its requisites."""
    folder = tmp_path / "news"
    folder.mkdir()
    archive = Archive(folder, f"sqlite:///{folder / 'news.db'}")
    archive_it(archive)
    archive.close()
    (folder / "newswarc.toml").write_text("")
    return folder


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
    return re.sub(r"^//", "https://", re.sub(r"^.*?/news/\d*[a-z]{2}_/", "", url))


def test_pywb_shows_an_article_with_all_that_belongs_to_it(collection: Path, browser: Browser) -> None:
    """Pictures (srcset, lazy), stylesheets with what they import, font and script come from the archive, and nothing from elsewhere."""
    with replaying(collection) as address:
        browser.open(f"{address}/20260301120001/{STORY}")
        look_at(browser)
    requested = browser.requested()
    assert [url for url in requested if not url.startswith((address.removesuffix("news"), "data:", "blob:", "about:"))] == []
    assert {url: status for url, status in requested.items() if status not in (200, 302, 307)} == {}
    shown = {archived_url(url) for url, status in requested.items() if status == 200}
    assert shown >= {STORY, *REQUISITES} - {"https://pictures.gazette.test/wall-2.png"}
