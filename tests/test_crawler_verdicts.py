"""What a look comes to: pure rules on what was seen, and which entries become sources."""

from __future__ import annotations

import pytest

from crawler.config.keys import Config, Source
from crawler.options import Probe, Seed, Trial
from crawler.sources import admission, verdicts
from crawler.sources.admission import Admission
from crawler.sources.lists import Entry
from crawler.sources.verdicts import Word, home_of, judge
from storage.records import NoArticle

HOME = "https://post.net/"
RSS = "https://post.net/rss"


@pytest.mark.parametrize(("probe", "word"), [
    (Probe(HOME, feeds=(RSS,)), Word.FOUND),
    (Probe(HOME, sitemaps=("https://post.net/map",)), Word.FOUND),
    (Probe(HOME, sections=("https://post.net/city/",)), Word.FOUND),
    (Probe(HOME, feeds=(RSS,), read=(Seed(RSS, fault="http-404"),)), Word.NO_WAY_IN),
    (Probe(HOME, samples=(Trial(HOME, 200, NoArticle("section")),)), Word.FOUND),
    (Probe(HOME, samples=(Trial(HOME, 200, NoArticle("section")),), obstacle="needs-javascript"), Word.JAVASCRIPT),
    (Probe(HOME, feeds=(RSS,), obstacle="needs-javascript"), Word.FOUND),
    (Probe(HOME, obstacle="consent-wall"), Word.NO_WAY_IN),
    (Probe(HOME, failure="http-403", sitemaps=("https://post.net/map",)), Word.BOT_WALL),
    (Probe(HOME, failure="http-403", sitemaps=(HOME,), read=(Seed(HOME, HOME),)), Word.FOUND),
    (Probe(HOME, failure="http-403", given=(RSS,), read=(Seed(RSS, RSS),)), Word.FOUND),
    (Probe(HOME, failure="http-503", obstacle="bot-challenge"), Word.BOT_WALL),
    (Probe(HOME, failure="robots"), Word.ROBOTS),
    (Probe(HOME, failure="robots-unreachable: dns"), Word.DEAD),
    (Probe(HOME, failure="tls: certificate verify failed"), Word.DEAD),
    (Probe(HOME, failure="http-404", sitemaps=("https://post.net/map",)), Word.DEAD),
])  # fmt: skip
def test_verdict_rests_on_what_was_seen(probe: Probe, word: Word) -> None:
    """A way in first, then what stands before it, then why there is no home page."""
    assert judge(probe)[0] is word


@pytest.mark.parametrize(("asked", "led_to", "kept"), [
    ("https://post.net", "https://post.net/de/start?s=1", "https://post.net"),
    ("https://post.net/", "https://www.post.net/", "https://post.net/"),
    ("http://post.net/", "https://post.net/", "https://post.net/"),
    ("https://post.net/", "https://gazette.net/", "https://gazette.net/"),
    ("https://post.net/", "https://news.post.net/", "https://news.post.net/"),
])  # fmt: skip
def test_home_page_is_kept_as_it_was_given(asked: str, led_to: str, kept: str) -> None:
    """Unless it leads to another host, or to the same address by https."""
    assert home_of(Probe(led_to), asked) == kept
    assert home_of(Probe(led_to, obstacle="consent-wall"), asked) == asked


def test_feed_behind_a_redirect_to_one_that_is_found_is_found() -> None:
    """An old address of a feed that the home page names is not pinned."""
    old = "https://feeds.net/post"
    assert verdicts.unfound(Probe(HOME, feeds=(RSS,), given=(old,), read=(Seed(old, RSS),))) == ()
    assert verdicts.unfound(Probe(HOME, feeds=(RSS,), given=(old,), read=(Seed(old, old),))) == (old,)


def test_entries_of_one_home_page_are_one() -> None:
    """The first one's name, the feeds of all; faults and tables of one's own stay apart."""
    entries = [
        Entry(1, "https://www.post.net", "Post", ("https://a.net/1",)),
        Entry(2, "http://post.net/", "Other", ("https://a.net/2", "https://a.net/1")),
        Entry(3, feeds=("https://a.net/3",)),
        Entry(4, feeds=("http://a.net/3",)),
        Entry(5, "x", fault="is no URL"),
        Entry(6, "x", fault="is no URL"),
    ]
    merged = admission.merged(entries)
    assert [(one.line, one.feeds) for one in merged] == [
        (1, ("https://a.net/1", "https://a.net/2")), (3, ("https://a.net/3", "http://a.net/3")), (5, ()), (6, ())
    ]  # fmt: skip


def test_names_are_words_and_differ() -> None:
    """A title becomes a word, where that is taken or none the host is the name; the order is the list's."""
    admitted = Admission(Config(sources=(Source("Post", "https://old.net/"),)))
    titles = ["Post", "The Post, Ltd.", "", "Post", "💥"]
    entries = [Entry(0, f"https://{n}.net/", title, number=n) for n, title in enumerate(titles)]
    for one in reversed(entries):
        assert admitted.unseen(one).added
    assert [source.name for source in admitted.sources] == ["0.net", "The-Post-Ltd", "2.net", "3.net", "4.net"]


def test_site_of_the_settings_is_known() -> None:
    """By its home page, where another address leads to it, and by a feed that it was given."""
    admitted = Admission(Config(sources=(Source("post", HOME, feeds=(RSS,)),)))
    assert admitted.at_once(Entry(1, "http://www.post.net")) is not None
    assert admitted.at_once(Entry(1, feeds=(RSS,))) is not None
    assert admitted.at_once(Entry(1, "https://gazette.net/")) is None
    verdict = admitted.seen(Entry(1, "https://gazette.net/"), "https://gazette.net/", Probe(HOME, feeds=(RSS,)))
    assert (verdict.word, verdict.name, verdict.is_well) == (Word.KNOWN, "post", True)
    assert admitted.sources == []
