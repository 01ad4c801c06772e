"""`source check` looks at sources again and changes nothing; `source export` writes them so that they can be taken in again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from crawler.config import keys as config
from tests.desk import Desk
from tests.newsroom import Answer, Newsroom


def checked(desk: Desk, *arguments: str, code: int) -> dict[str, dict[str, object]]:
    """What `source check --json` says of each source."""
    done = desk.run("source", "check", "--json", *arguments, code=code)
    return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}


def state(desk: Desk) -> tuple[bytes, list[tuple[object, ...]]]:
    """What a check must not change."""
    return (desk.folder / "newswarc.toml").read_bytes(), desk.rows("SELECT key, state, next_fetch_at, attempts FROM urls")


def test_check_tells_feeds_that_do_not_answer_any_more_or_moved(desk: Desk, newsroom: Newsroom) -> None:
    """A feed that a crawl read and that is gone needs a person; one that leads elsewhere does where it is given."""
    with Newsroom(stories=2) as well:
        desk.configure(("room", newsroom.url), ("well", well.url), allow="true")
        desk.run("crawl", "-q", "--max-pages", "1")
        before = state(desk)
        assert not any(found["needs_a_person"] for found in checked(desk, code=0).values())
        newsroom.replace("/feeds/atom.xml", Answer(410))
        newsroom.replace("/feeds/feed.json", Answer(301, location=f"{newsroom.url}feeds/rss.xml"))
        found = checked(desk, code=4)
        assert not found["well"]["needs_a_person"]
        assert found["room"]["verdict"] == "found"
        assert found["room"]["lost"] == [f"{newsroom.url}feeds/atom.xml"]
        assert found["room"]["moved"] == {f"{newsroom.url}feeds/feed.json": f"{newsroom.url}feeds/rss.xml"}
        assert state(desk) == before


def test_a_host_that_asked_for_patience_is_not_looked_at_and_a_look_that_is_asked_tells_crawls(
    desk: Desk, newsroom: Newsroom
) -> None:
    """Who asked a crawl is asked nothing by a check; who asks a check is asked nothing by the next crawl."""
    with Newsroom(stories=2) as other:
        desk.configure(("room", newsroom.url), ("other", other.url), allow="true")
        newsroom.replace("/", Answer(429, headers=(("Retry-After", "3600"),)))
        desk.run("crawl", "-q", "room", code=None)
        desk.run("crawl", "-q", "other")
        asked = len(newsroom.log)
        other.replace("/", Answer(503, headers=(("Retry-After", "3600"),)))
        found = checked(desk, code=4)
        assert found["room"]["verdict"] == "bot wall"
        assert "it asked to be left alone" in str(found["room"])
        assert len(newsroom.log) == asked
        asked = len(other.log)
        desk.run("crawl", "-q", "--now", code=None)
        assert len(other.log) == asked


@pytest.mark.unbalanced("there is no database that could be counted")
def test_sites_are_looked_at_while_the_database_cannot_be_read(desk: Desk, newsroom: Newsroom) -> None:
    """What it remembers of hosts is no condition of a look."""
    desk.configure(allow="true")
    (desk.folder / "news.db").write_bytes(b"no database" * 100)
    newsroom.replace("/feeds/atom.xml", Answer(429, headers=(("Retry-After", "3600"),)))
    assert "found" in desk.run("source", "import", "-", stdin=newsroom.url).stdout


def test_check_before_the_first_crawl_of_given_feeds_and_a_home_page_that_moved(desk: Desk, newsroom: Newsroom) -> None:
    """There need not be a database; a paused source is checked when it is named."""
    with Newsroom(stories=2) as old:
        old.replace("/", Answer(301, location=newsroom.url))
        newsroom.replace("/moved.xml", Answer(301, location=f"{newsroom.url}feeds/rss.xml"))
        desk.configure(("room", newsroom.url), allow="true", more=f'feeds = ["{newsroom.url}moved.xml"]')
        with (desk.folder / "newswarc.toml").open("a") as file:
            file.write(f'[[source]]\nname = "old"\nurl = "{old.url}"\npaused = true\n')
        found = checked(desk, code=4)
        assert set(found) == {"room"}
        assert found["room"]["moved"] == {f"{newsroom.url}moved.xml": f"{newsroom.url}feeds/rss.xml"}
        done = desk.run("source", "check", "old", code=4)
        assert f"the home page moved to {newsroom.url}" in done.stdout
        assert done.stderr == "1 of 1 sources need a person\n"
        assert not (desk.folder / "news.db").exists()


TABLES = """
[[source]]
name = "post"
url = "https://www.post.test/"

[[source]]
name = "Gazette_2"
url = "http://gazette.test/de/?a=1&b=2"
feeds = [
    "https://gazette.test/rss?x=1&y=2",
    "https://feeds.test/gazette",
]
"""
MORE = """
[[source]]
name = "own"
url = "https://own.test/"
feeds = []
deny = ['/x"\\d']
delay = 7.0
paused = true
"""


@pytest.mark.parametrize(("form", "tables"), [("opml", TABLES), ("toml", TABLES + MORE)])
def test_export_and_import_give_the_same_sources(desk: Desk, tmp_path: Path, form: str, tables: str) -> None:
    """Names, home pages and given feeds through OPML, every setting through TOML."""
    desk.configure(allow="true")
    path = desk.folder / "newswarc.toml"
    path.write_text(path.read_text() + tables)
    desk.run("source", "export", "--format", form, "--output", "list")
    other = Desk(tmp_path / "other")
    other.folder.mkdir()
    other.configure(allow="true")
    other.run("source", "import", "--no-probe", str(desk.folder / "list"))
    assert config.load(other.folder / "newswarc.toml").sources == config.load(path).sources
    assert desk.run("source", "export", "--format", form).stdout == (desk.folder / "list").read_text()


def test_export_tells_feeds_that_were_found_and_import_does_not_pin_them(crawled: Desk, newsroom: Newsroom, tmp_path: Path) -> None:
    """Feed readers get the feeds that a crawl read; newswarc finds them anew."""
    text = crawled.run("source", "export").stdout
    for name in ("rss.xml", "atom.xml", "feed.json"):
        assert f'xmlUrl="{newsroom.url}feeds/{name}" htmlUrl="{newsroom.url}" newswarc:found="yes"' in text
    other = Desk(tmp_path / "other")
    other.folder.mkdir()
    other.configure(allow="true")
    other.run("source", "import", "-", "--no-probe", stdin=text)
    assert config.load(other.folder / "newswarc.toml").sources == config.load(crawled.folder / "newswarc.toml").sources


def test_exported_opml_is_what_the_specification_asks_for(desk: Desk) -> None:
    """OPML 2.0: head and body; every outline has text; rss outlines have xmlUrl; other attributes have a namespace."""
    desk.configure(("room", "https://room.test/"), allow="true", more='feeds = ["https://room.test/a", "https://room.test/b"]')
    text = desk.run("source", "export").stdout
    read = [(str(element.tag), *map(str, element.attrib)) for element in etree.fromstring(text.encode()).iter()]
    row = ("outline", "text", "title", "type", "xmlUrl", "htmlUrl")
    assert read == [("opml", "version"), ("head",), ("title",), ("body",), row, row]
