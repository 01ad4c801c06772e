"""`newswarc files`: listing, moving away and bringing back, as an operator does it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from crawler import cli
from storage.recovery.recover import recover
from tests.archives import SITE, T0, Archive, page

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(
    full: Archive,
    database_url: str,
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Say:
    """Type a command line in a collection of two files: exit code, stdout, stderr."""
    (tmp_path / "newswarc.toml").write_text(f"[database]\nurl = {json.dumps(database_url)}\n")
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return typed


def _names(archive: Archive) -> list[str]:
    return [path.name for path in archive.files()]


def _states(archive: Archive) -> list[tuple[str, str | None]]:
    return archive.rows("SELECT state, place FROM warc_files ORDER BY name")


def test_files_are_listed(full: Archive, say: Say) -> None:
    """With and without `list`; the whole digest is in the JSON."""
    code, out, err = say("files")
    assert (code, err) == (0, "")
    header, *rows = (line.split("\t") for line in out.splitlines())
    assert header == ["name", "run", "opened", "closed", "size", "sha256", "state", "captures", "place"]
    assert [row[0] for row in rows] == _names(full)
    assert say("files", "list")[1] == out
    told = json.loads(say("files", "list", "--json")[1])
    assert [(file["name"], file["captures"], file["state"]) for file in told] == [(name, 7, "here") for name in _names(full)]
    assert [file["sha256"][:12] for file in told] == [row[5] for row in rows]


def test_a_file_is_moved_away_and_brought_back(full: Archive, say: Say, tmp_path: Path) -> None:
    """Marked while it is here, removed, told by `show --raw`, then read from another folder and at last in its own."""
    name = _names(full)[0]
    path, cold = full.folder / name, tmp_path / "cold"
    line = f"{name} is in s3://cold/{name}; {path} may be removed\n"
    assert say("files", "elsewhere", name, "--place", "s3://cold/") == (0, "", line)
    cold.mkdir()
    path.rename(cold / name)
    code, out, err = say("show", "--raw", f"{SITE}/a1")
    bring = "bring it back, then say `newswarc files here`"
    assert (code, out, err) == (8, "", f"newswarc: error: {name} is in s3://cold/{name}; {bring}\n")
    assert say("files", "here", name, "--place", "cold")[0] == 0
    assert _states(full)[0] == ("here", str(cold / name))
    assert say("show", "--raw", f"{SITE}/a1")[1].encode() == page("The story of /a1")
    (cold / name).rename(path)
    assert say("files", "here", "*") == (0, "", "".join(f"{each} is here\n" for each in _names(full)))
    assert _states(full) == [("here", None), ("here", None)]


def test_what_is_not_as_it_was_closed_is_not_moved(full: Archive, say: Say) -> None:
    """A copy of a damaged file would be taken for the archive; who knows better says --unchecked."""
    name = _names(full)[0]
    path = full.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    code, _, err = say("files", "elsewhere", "*", "--place", "tape 7")
    assert (code, re.sub(r"\d+", "N", err.removeprefix(f"newswarc: error: {path} "))) == (
        9,
        "has N bytes, and had N when it was closed; it is another, or cut\n",
    )
    assert _states(full)[0] == ("here", None)
    assert say("files", "elsewhere", name, "--place", "tape 7", "--unchecked")[0] == 0
    assert _states(full)[0] == ("elsewhere", "tape 7")
    assert say("files", "here", name)[0] == 9
    path.unlink()
    assert say("files", "here", name)[0] == 8
    assert _states(full)[0] == ("elsewhere", "tape 7")


def test_a_file_that_is_away_already_can_be_marked(full: Archive, say: Say) -> None:
    """There is nothing to compare; its place can be changed afterwards."""
    name = _names(full)[0]
    (full.folder / name).unlink()
    assert say("files", "elsewhere", name, "--place", "a/") == (0, "", f"{name} is in a/{name}\n")
    assert say("files", "elsewhere", name, "--place", "b/") == (0, "", f"{name} is in b/{name}\n")


def test_a_place_is_text_on_one_line(full: Archive, say: Say) -> None:
    """It is repeated in messages and stored in the database."""
    name = _names(full)[0]
    for place in ("", " ", "a\nb", "\x1b[31m", "\udcff"):
        code, _, err = say("files", "elsewhere", name, "--place", place)
        assert (code, err.count("\n")) == (2, 1)
        assert err.startswith("newswarc: error: --place must be a path or an address on one line, not ")
    assert _states(full) == [("here", None)] * 2


def test_what_was_moved_away_is_no_damage_to_the_next_run(full: Archive, say: Say) -> None:
    """Recovery neither misses a file that is elsewhere nor takes one that is still here for a left one."""
    first, second = _names(full)
    say("files", "elsewhere", "*", "--place", "s3://cold/")
    (full.folder / first).unlink()
    done = recover(full.engine, full.folder, T0)
    assert not done
    assert _states(full) == [("elsewhere", f"s3://cold/{first}"), ("elsewhere", f"s3://cold/{second}")]


def test_a_file_can_be_marked_while_a_run_writes(full: Archive, say: Say) -> None:
    """The run's own file is passed over, and what it stores afterwards is stored."""
    full.begin("R3")
    full.article("/c1")
    code, _, err = say("files", "elsewhere", "*", "--place", "s3://cold/")
    assert (code, err.count("may be removed")) == (0, 2)
    full.article("/c2")
    full.end()
    assert [state for state, _ in _states(full)] == ["elsewhere", "elsewhere", "here"]


def test_dedupe_is_told(say: Say) -> None:
    """As lines, and as one JSON object."""
    code, out, err = say("files", "dedupe")
    assert (code, err, out.splitlines()[0]) == (0, "", "14 captures")
    assert json.loads(say("files", "dedupe", "--json")[1])["identical"] == 0
