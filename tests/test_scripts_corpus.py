"""The corpus crawl: pages of a small invented corpus are served, announced and found at their own addresses."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.corpus_crawl import SKIPPED
from scripts.corpus_serve import Host, addresses, answer, hosts_of, load
from tests.newsroom import Site

ROOT = Path(__file__).resolve().parent.parent
URLS = (
    "https://www.harbour-post.test/city/lock-opens-again?utm_source=rss#top",
    "https://www.harbour-post.test/index.php?story=17",
    "http://serrin-ledger.test/2026/03/strike-in-brackwell-ends.html;jsessionid=0A1B2C3D4E5F60718293A4B5C6D7E8F9",
    "https://zeitung-für-oberau.test/ski/überraschung-am-lift",
    "hard::a-page-without-address.html",
    "",
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of six pages of the newsroom."""
    folder = tmp_path / "corpus" / "invented"
    (folder / "html").mkdir(parents=True)
    site = Site("https://courier.test", 6)
    with (folder / "truth.jsonl").open("w") as truth:
        for number, (url, story) in enumerate(zip(URLS, site.live, strict=True)):
            truth.write(json.dumps({"id": f"page_{number}", "url": url, "title": story.title}) + "\n")
            page = site.answer(story.path).body.replace(b'rel="canonical"', b'rel="self"')
            (folder / "html" / f"page_{number}.html.gz").write_bytes(gzip.compress(page))
    return folder.parent


def body(hosts: dict[str, Host], host: str, target: str) -> bytes:
    """The body that a host answers with, which must be there."""
    status, _, content = answer(hosts[host], target)
    assert status == 200
    return content


def test_every_page_has_an_address_of_its_own(corpus: Path) -> None:
    """Pages without an address get an invented host; addresses are stripped of fragments."""
    urls = [page.url for page in load(corpus)]
    assert urls[0] == "https://www.harbour-post.test/city/lock-opens-again?utm_source=rss"
    assert urls[4:] == [
        "https://page-4.corpus.test/news/story-page-4.html",
        "https://page-5.corpus.test/news/story-page-5.html",
    ]
    assert len(set(addresses(hosts_of(load(corpus))).values())) == 5


@pytest.mark.parametrize(
    ("host", "target", "number"),
    [
        ("www.harbour-post.test", "/city/lock-opens-again", 0),
        ("www.harbour-post.test", "/index.php?story=17", 1),
        ("serrin-ledger.test", "/2026/03/strike-in-brackwell-ends.html", 2),
        ("xn--zeitung-fr-oberau-b3b.test", "/ski/%C3%BCberraschung-am-lift", 3),
    ],
)
def test_canonical_addresses_are_answered_with_the_page(corpus: Path, host: str, target: str, number: int) -> None:
    """Without tracking parameters and session ids, percent-encoded and in punycode, the page's bytes are served."""
    pages = load(corpus)
    assert body(hosts_of(pages), host, target) == gzip.decompress(pages[number].file.read_bytes())


def test_announcements_tell_addresses_and_no_titles(corpus: Path) -> None:
    """What a host announces holds the URLs of its pages, and nothing of the truth."""
    hosts = hosts_of(load(corpus))
    paths = {"feed": "/corpus-feed.xml", "sitemap": "/corpus-sitemap.xml", "section": "/all-news/"}
    titles = [story.title for story in Site("https://courier.test", 6).live]
    for name, host in hosts.items():
        told = body(hosts, name, paths[host.way]).decode()
        assert all(page.url.replace("&", "&amp;") in told for page in host.pages.values())
        assert not any(title in told for title in titles)


def test_the_corpus_is_crawled_in_a_namespace_of_its_own(corpus: Path) -> None:
    """All pages end as articles of https and http hosts with certificates that are checked, and verify is content."""
    command = [sys.executable, "-m", "scripts.corpus_crawl", str(corpus)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    if done.returncode == SKIPPED:
        pytest.skip("needs root and namespaces")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "100.00% of 6 pages ended as an article" in done.stdout
