"""`newswarc withdraw`: hidden everywhere, never fetched again, and with --purge out of the archive."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from rebuilt import assert_rebuilt
from replayed import replayed

from tests.desk import Desk
from tests.newsroom.server import Newsroom
from tests.newsroom.site import path_of

URLS_OF = "SELECT u.url FROM urls u JOIN articles a ON a.id = u.article_id WHERE a.uid = ?"


@pytest.fixture
def url(crawled: Desk, newsroom: Newsroom) -> str:
    """The URL of a stored story that has two versions."""
    newsroom.site.edit(newsroom.site.live[3])
    crawled.run("crawl", "--refetch")
    return newsroom.site.url(newsroom.site.live[3])


def words_of(desk: Desk, url: str) -> bytes:
    """Some words that only this story has."""
    text = desk.one("SELECT text FROM v_articles WHERE url = ?", url)
    return max(text.split("\n"), key=len)[:40].encode()


def archived(desk: Desk) -> set[str]:
    """The URLs of which the archive has a response."""
    return {record.get("WARC-Target-URI") for record in replayed((desk.folder / "warc").glob("*.warc.gz"))}


def test_a_withdrawn_article_is_hidden(crawled: Desk, url: str) -> None:
    """From the views, export and show; verify finds nothing wrong, and the tombstone says why."""
    others = crawled.one("SELECT count(*) FROM v_articles") - 1
    uid = crawled.one("SELECT uid FROM v_articles WHERE url = ?", url)
    done = crawled.run("withdraw", url, "--reason", "court order 7/26")
    assert f"Withdrew article {uid}" in done.stderr
    assert crawled.one("SELECT count(*) FROM v_articles") == others
    assert crawled.rows("SELECT 1 FROM v_versions WHERE uid = ?", uid) == []
    assert crawled.rows("SELECT 1 FROM v_captures WHERE url = ?", url) == []
    assert url not in crawled.run("export").stdout
    assert crawled.rows("SELECT reason, uid FROM withdrawals WHERE url = ?", url)[0] == ("court order 7/26", uid)
    assert url in archived(crawled)
    crawled.run("verify")


def test_a_withdrawn_url_is_not_fetched_again(crawled: Desk, newsroom: Newsroom, url: str) -> None:
    """Neither by a crawl that fetches all again, nor by name, which is refused with one line."""
    crawled.run("withdraw", url, "--reason", "asked for")
    newsroom.clear_log()
    newsroom.site.edit(newsroom.site.live[3])
    crawled.run("crawl", "--refetch", "--now")
    assert newsroom.served(url) == []
    assert "is withdrawn" in crawled.run("fetch", url, code=2).stderr
    assert crawled.rows("SELECT DISTINCT state, reason FROM urls WHERE url = ?", url) == [("filtered", "withdrawn")]


def test_a_rebuild_respects_what_was_withdrawn(crawled: Desk, url: str, tmp_path: Path) -> None:
    """The archive alone tells of it."""
    crawled.run("withdraw", url, "--reason", "asked for")
    assert assert_rebuilt(crawled, tmp_path / "again.db")["withdrawals"] > 0
    with closing(sqlite3.connect(tmp_path / "again.db")) as conn:
        assert conn.execute("SELECT count(*) FROM articles WHERE withdrawn_at IS NOT NULL").fetchone() == (1,)


def test_a_purge_takes_the_bytes_away(crawled: Desk, url: str, tmp_path: Path) -> None:
    """No file holds them, the rows are gone, everything else is where its rows say; old and new checksums are recorded."""
    words = words_of(crawled, url)
    before, uid = archived(crawled), crawled.one("SELECT uid FROM v_articles WHERE url = ?", url)
    aliases = {path_of(one) for (one,) in crawled.rows(URLS_OF, uid)}
    crawled.run("withdraw", url, "--reason", "asked for", "--purge")
    gone = before - archived(crawled)
    assert url in gone
    assert {path_of(one) for one in gone} <= {path_of(url), *aliases}
    files = sorted((crawled.folder / "warc").glob("*.warc.gz"))
    for file in files:
        assert words not in subprocess.run(["zcat", file], capture_output=True, check=True).stdout
    assert crawled.rows("SELECT 1 FROM extractions WHERE text LIKE ?", f"%{words.decode()}%") == []
    assert crawled.one("SELECT count(*) FROM withdrawals WHERE purged_at IS NOT NULL") > 0
    replaced = dict(crawled.rows("SELECT name, replaced_by FROM warc_files WHERE state = 'withdrawn'"))
    assert replaced
    assert not any((crawled.folder / "warc" / name).exists() for name in replaced)
    told = [json.loads(line) for line in withdrawals_in(files)]
    assert {(file["old"], file["new"]) for file in told[0]["files"]} == set(replaced.items())
    subprocess.run(["gzip", "-t", *files], check=True)
    crawled.run("verify")
    assert_rebuilt(crawled, tmp_path / "again.db")


def withdrawals_in(files: list[Path]) -> list[bytes]:
    """The resource records about withdrawals."""
    found = []
    for file in files:
        content = subprocess.run(["zcat", file], capture_output=True, check=True).stdout
        for record in content.split(b"WARC/1.1\r\n"):
            head, _, block = record.partition(b"\r\n\r\n")
            if b"urn:newswarc:withdrawal:" in head:
                found.append(block.strip())
    return found


def test_nothing_known_is_refused(crawled: Desk) -> None:
    """One line and exit code 2."""
    done = crawled.run("withdraw", "https://elsewhere.test/x", "--reason", "asked for", code=2)
    assert "is not known" in done.stderr


def test_a_reason_is_needed(crawled: Desk, url: str) -> None:
    """Somebody will ask for it in twenty years."""
    crawled.run("withdraw", url, code=2)
    crawled.run("withdraw", url, "--reason", " ", code=2)
