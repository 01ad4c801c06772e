"""`newswarc diff`: what an edit changed, for people, pipes and programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from crawler import cli
from crawler.config import collection as collections
from crawler.terminal import console
from storage.database.engine import transaction
from storage.frontier.withdrawals import apply, named
from tests.databases import a_url, a_version, an_article
from tests.desk import Desk
from tests.newsroom.server import Newsroom

URL = "https://gazette.test/ferry"
FIRST = "The ferry sails on Monday.\nIt takes cars.\nTickets are sold on board."
SECOND = "The ferry sails no more.\nIt takes cars.\nTickets are sold on board."
THIRD = "The old ferry sails no more.\nTickets are sold on board.\nBuses run."

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(
    database: Engine, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Say:
    """Runs a command in a collection with a story of three versions; exit code, stdout, stderr."""
    made = collections.make(tmp_path / "paper")
    made.file.write_text(f'[database]\nurl = "{database_url}"\n[[source]]\nname = "gazette"\nurl = "https://gazette.test/"\n')
    with transaction(database) as conn:
        uid = an_article(conn, URL, title="Ferry to rest", text=FIRST)
        a_version(conn, uid, title="Ferry to rest", text=SECOND)
        a_version(conn, uid, title="Ferry at rest", text=THIRD)
        an_article(conn, f"{URL}/once")
        a_url(conn, f"{URL}/list", state="rejected", reason="section")
    monkeypatch.chdir(tmp_path / "paper")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        return code, *capsys.readouterr()

    return run


def test_the_last_edit_is_shown_word_by_word(say: Say) -> None:
    """Title, and the paragraphs in which something changed, with marks for a pipe."""
    code, out, err = say("diff", URL)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == [URL, "version 2", "version 3"]
    assert lines[3:] == [
        "4 words added, 4 removed",
        "",
        "title: Ferry [-to-]{+at+} rest",
        "",
        "The {+old+} ferry sails no more.",
        "[-It takes cars.-]",
        "...",
        "{+Buses run.+}",
    ]


@pytest.mark.parametrize(
    ("versions", "numbers", "line"),
    [
        ((), (2, 3), "The {+old+} ferry sails no more."),
        (("2",), (1, 2), "The ferry sails [-on Monday-]{+no more+}."),
        (("1", "3"), (1, 3), "6 words added, 6 removed"),
        (("3", "1"), (3, 1), "title: Ferry [-at-]{+to+} rest"),
    ],
)
def test_versions_are_chosen(say: Say, versions: tuple[str, ...], numbers: tuple[int, int], line: str) -> None:
    """The last two, one and the one before it, or any two, in either direction."""
    assert line in say("diff", URL, *versions)[1].splitlines()
    found = json.loads(say("diff", URL, *versions, "--json")[1])
    assert (found["before"]["version"], found["after"]["version"]) == numbers


def test_programs_get_every_stretch(say: Say) -> None:
    """Joined, the equal and inserted stretches are the later text; the counts are those of v_versions."""
    found = json.loads(say("diff", URL, "--json")[1])
    assert "".join(part["text"] for part in found["text"] if part["op"] != "delete") == THIRD
    assert "".join(part["text"] for part in found["title"] if part["op"] != "delete") == "Ferry at rest"
    assert {part["op"] for part in found["text"]} == {"equal", "insert", "delete"}
    assert (found["url"], found["words_added"], found["words_removed"]) == (URL, 4, 4)


def test_a_terminal_gets_colours(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """Red and green for a person, unless NO_COLOR asks for marks."""
    monkeypatch.setattr(console, "is_terminal", lambda _: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "The ferry sails \x1b[31;9mon Monday\x1b[0m\x1b[32mno more\x1b[0m." in say("diff", URL, "2")[1].splitlines()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "The ferry sails [-on Monday-]{+no more+}." in say("diff", URL, "2")[1].splitlines()


def test_a_terminal_obeys_no_text(say: Say, database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Escapes that a publisher wrote are shown, in changed words too."""
    with transaction(database) as conn:
        uid = an_article(conn, f"{URL}/odd", text="a")
        a_version(conn, uid, text="a \x1b[2J b")
    monkeypatch.setattr(console, "is_terminal", lambda _: True)
    monkeypatch.setenv("NO_COLOR", "1")
    out = say("diff", uid)[1]
    assert "\x1b" not in out
    assert "\\u001b[2J" in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((f"{URL}/never",), "is not known in"),
        (("nonsense",), "is not known in"),
        ((f"{URL}/list",), "is no article (rejected: section)"),
        ((f"{URL}/once",), "has one version only"),
        ((URL, "1"), "version 1 is the first"),
        ((URL, "4"), "has no version 4; the last is 3"),
        ((URL, "1", "9"), "has no version 9; the last is 3"),
        ((URL, "2", "2"), "are the same one"),
        ((URL, "1", "2", "3"), "two versions at most"),
    ],
)
def test_what_cannot_be_compared_is_one_line(say: Say, arguments: tuple[str, ...], line: str) -> None:
    """Exit code 2, nothing on stdout."""
    code, out, err = say("diff", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line in err


def test_a_withdrawn_article_is_not_compared(say: Say, database: Engine) -> None:
    """Under its URL and under its uid the line says since when it is withdrawn."""
    with transaction(database) as conn:
        withdrawal = named(conn, URL, "a court", "w1", "2026-03-03T12:00:00.000Z")
        assert withdrawal is not None
        apply(conn, withdrawal)
    for target in (URL, withdrawal.uid or ""):
        code, out, err = say("diff", target)
        assert (code, out) == (2, "")
        assert "was withdrawn at 2026-03-03T12:00:00.000Z" in err


def test_an_edit_that_a_crawl_met_is_told_as_it_is_stored(crawled: Desk, newsroom: Newsroom) -> None:
    """The real command, on a story that was edited between two crawls: the counts are those of the database."""
    newsroom.site.edit(newsroom.site.live[2])
    crawled.run("crawl", "--refetch", "-q")
    [(url, added, removed)] = crawled.rows("SELECT url, words_added, words_removed FROM v_versions WHERE version = 2")
    found = json.loads(crawled.run("diff", url, "--json").stdout)
    assert (found["words_added"], found["words_removed"]) == (added, removed)
    assert added + removed > 0
    assert "{+" in crawled.run("diff", url).stdout
