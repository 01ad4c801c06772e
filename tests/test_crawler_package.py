"""`newswarc package` and `newswarc show --at`, as they are typed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.archives import SITE, Archive, candidate, changed, page
from tests.desk import Desk
from tests.newsroom.server import Newsroom

pytestmark = pytest.mark.unbalanced("archives are made by hand, a URL twice in a run")

LONG = "The harbour wall is to be rebuilt. " * 60


def test_a_package_of_a_crawl(crawled: Desk) -> None:
    """What it holds is told; it is there when it is complete, and nothing beside it."""
    articles = crawled.one("SELECT count(*) FROM v_articles")
    done = crawled.run("package", "--output", "all.wacz")
    assert done.stdout == ""
    assert done.stderr.startswith("Wrote all.wacz (")
    assert f"MB): {articles} articles in {articles} versions, " in done.stderr
    assert [path.name for path in crawled.folder.glob("all.wacz*")] == ["all.wacz"]
    with zipfile.ZipFile(crawled.folder / "all.wacz") as package:
        about = json.loads(package.read("datapackage.json"))
        pages = package.read("pages/pages.jsonl").splitlines()
    assert about["title"] == "desk"
    assert len(pages) == 1 + articles


def test_a_selection_names_itself(crawled: Desk) -> None:
    """In the words in which it was asked for; -q says nothing."""
    url = crawled.one("SELECT min(url) FROM v_articles")
    title = crawled.one("SELECT title FROM v_articles WHERE url = ?", url)
    words = "".join(char.upper() if char.isascii() else char for char in title)
    done = crawled.run("package", "-q", "--output", "one.wacz", "--query", words, "--source", "room", "--title", "One")
    assert done.stderr == ""
    with zipfile.ZipFile(crawled.folder / "one.wacz") as package:
        about = json.loads(package.read("datapackage.json"))
        pages = [json.loads(line)["url"] for line in package.read("pages/pages.jsonl").splitlines()[1:]]
    assert about["description"] == f"source: room, query: {words}"
    assert (about["title"], pages) == ("One", [url])


def test_nothing_is_overwritten_unless_it_is_said(crawled: Desk) -> None:
    """--force takes what is there away, once the new one is complete; what a kill left is overwritten."""
    path = crawled.folder / "all.wacz"
    path.write_text("precious")
    (crawled.folder / "all.wacz.part").write_text("left")
    crawled.run("package", "--output", "all.wacz", code=2)
    assert path.read_text() == "precious"
    crawled.run("package", "--output", "all.wacz", "--force", "--query", "no such words anywhere", code=2)
    assert path.read_text() == "precious"
    crawled.run("package", "--output", "all.wacz", "--force")
    assert zipfile.is_zipfile(path)
    assert not (crawled.folder / "all.wacz.part").exists()


# ---- show --at


@pytest.fixture
def dated(archive: Archive, database_url: str, tmp_path: Path) -> Desk:
    """An article that is captured on five days: new, edited, as on the first day, not modified, gone."""
    (tmp_path / "newswarc.toml").write_text(f"[database]\nurl = {json.dumps(database_url)}\n")
    archive.begin("R1")
    story = f"{SITE}/story"
    for day, (answer, found) in enumerate(
        (
            (page(LONG), candidate(story, "First")),
            (page("Second"), changed(story, "Second")),
            (page(LONG), candidate(story, "First")),
        ),
        start=1,
    ):
        archive.now = f"2026-03-0{day}T12:00:00.000Z"
        lease = archive.lease(story)
        archive.settle(lease, archive.fetch(lease, answer), found)
    archive.now = "2026-03-04T12:00:00.000Z"
    lease = archive.lease(story)
    archive.fetch(lease, b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n')
    archive.now = "2026-03-05T12:00:00.000Z"
    gone = archive.fetch(lease, b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")
    archive.settle(lease, gone, None, status=410)
    archive.end()
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-03-01", LONG),
        ("2026-03-02T12:00:00Z", LONG),
        ("2026-03-02T12:00:01Z", "Second"),
        ("20260302120001", "Second"),
        ("2026-03-02", "Second"),
        ("2026-03-03", LONG),
        ("2026-03-04", LONG),
    ],
)
def test_the_bytes_of_a_time(dated: Desk, at: str, shown: str) -> None:
    """The newest answer up to it, a revisit with its payload; a 304 says that the one before it still holds."""
    done = dated.run("show", f"{SITE}/story", "--at", at, "--raw")
    assert done.stdout == page(shown).decode().replace("\r\n", "\n")


def test_the_end_of_a_page_is_an_answer_too(dated: Desk) -> None:
    """What is gone is shown as gone."""
    assert dated.run("show", f"{SITE}/story", "--at", "2026-03-05", "--raw").stdout.startswith("HTTP/1.1 410 ")


def test_the_version_of_a_time(dated: Desk) -> None:
    """The capture, and the version that was the newest then."""
    found = json.loads(dated.run("show", f"{SITE}/story", "--at", "2026-03-02", "--json").stdout)
    assert found["capture"]["fetched_at"] == "2026-03-02T12:00:01.000Z"
    assert (found["version"]["version"], found["version"]["title"]) == (2, "Second")
    out = dated.run("show", f"{SITE}/story", "--at", "2026-03-02").stdout.splitlines()
    assert f"{'fetched_at:':17}2026-03-02T12:00:01.000Z" in out
    assert any(line.startswith("version 2  2026-03-02T12:00:01.000Z  Second  (+") for line in out)
    assert out[-2:] == ["", "Second"]


def test_before_the_first_capture(dated: Desk) -> None:
    """There is nothing, and when there first was is told."""
    done = dated.run("show", f"{SITE}/story", "--at", "2026-02-28", code=2)
    assert "has no capture up to 2026-02-28; the oldest is of 2026-03-01T12:00:01.000Z" in done.stderr


def test_the_newest_bytes_of_a_revisit(dated: Desk) -> None:
    """`show --raw` joins a revisit with its payload as well."""
    assert dated.run("show", f"{SITE}/story", "--raw").stdout == page(LONG).decode().replace("\r\n", "\n")


def test_only_codings_are_asked_for_that_replay_undoes(crawled: Desk, newsroom: Newsroom) -> None:
    """Gzip and br: pywb cannot read a page in zstd, nor ReplayWeb.page one in deflate."""
    assert {served.header("Accept-Encoding") for served in newsroom.log} == {"gzip, br"}
