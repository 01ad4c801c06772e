"""A collection's folder: found, made, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.config import collection as collections
from crawler.config.collection import Collection, database_url
from crawler.config.keys import Config
from storage.errors import ConfigError, DiskError, UsageError


def test_made_collection_is_found(tmp_path: Path) -> None:
    """What make makes, find finds, with the same settings."""
    folder = tmp_path / "deep" / "harbour papers"
    made = collections.make(folder)
    assert made == collections.find(folder)
    assert made.config.collection.name == "harbour papers"
    assert made.config.collection.contact is None
    assert sorted(path.name for path in folder.iterdir()) == ["newswarc.toml", "warc"]
    assert made.warc() == folder / "warc"
    assert made.is_new()


def test_made_file_shows_where_the_contact_goes(tmp_path: Path) -> None:
    """The contact's line is there, commented out, since nobody can guess it."""
    text = collections.make(tmp_path / "a").file.read_text()
    assert '\n# contact = ""' in text
    assert "[[source]]" in text


def test_name_and_contact_are_written(tmp_path: Path) -> None:
    """Both may hold what TOML must escape."""
    made = collections.make(tmp_path, 'The "Post" \\ Zeitung', "desk@harbour-papers.net")
    assert made.config.collection.name == 'The "Post" \\ Zeitung'
    assert made.config.collection.contact == "desk@harbour-papers.net"


def test_placeholder_contact_makes_nothing(tmp_path: Path) -> None:
    """Arguments are checked before the first folder is made."""
    with pytest.raises(ConfigError, match="placeholder"):
        collections.make(tmp_path / "a", contact="you@example.com")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(("folder", "name"), [("?", "news"), ("a\nb", "a-b"), ("...", "..."), ("día", "día")])
def test_any_folder_gives_a_name(tmp_path: Path, folder: str, name: str) -> None:
    """A collection is called like its folder, as far as that can be said on one line."""
    assert collections._name_of(tmp_path / folder) == name


def test_existing_collection_is_not_overwritten(tmp_path: Path) -> None:
    """The second make says so and changes nothing."""
    before = collections.make(tmp_path).file.read_bytes()
    with pytest.raises(UsageError, match=r"newswarc\.toml: is there already"):
        collections.make(tmp_path, "other")
    assert (tmp_path / "newswarc.toml").read_bytes() == before


def test_no_collection_names_the_way_out(tmp_path: Path) -> None:
    """A person in the wrong folder learns which command helps."""
    with pytest.raises(UsageError, match=r"no collection here .*`newswarc init` makes one, --collection DIR"):
        collections.find(tmp_path)
    with pytest.raises(UsageError, match="there is no such folder"):
        collections.find(tmp_path / "nowhere")
    inner = collections.make(tmp_path / "inner").folder
    with pytest.raises(UsageError, match=f"there is one in {inner}: add --collection {inner}"):
        collections.find(tmp_path)
    with pytest.raises(UsageError, match=f"there is one in {inner}"):
        collections.find(inner / "warc")


def test_collections_are_not_nested(tmp_path: Path) -> None:
    """Neither inside nor around another one, neither made nor found."""
    collections.make(tmp_path / "outer")
    with pytest.raises(UsageError, match="lies inside of the collection"):
        collections.make(tmp_path / "outer" / "a" / "b")
    with pytest.raises(UsageError, match="holds the collection outer; collections cannot be nested"):
        collections.make(tmp_path)
    (tmp_path / "newswarc.toml").touch()
    with pytest.raises(UsageError, match="lies inside of the collection"):
        collections.find(tmp_path / "outer")


@pytest.mark.parametrize("leftovers", [[], [".DS_Store", "lost+found"]])
def test_empty_folder_becomes_a_collection(tmp_path: Path, leftovers: list[str]) -> None:
    """What a file system leaves behind does not count."""
    for name in leftovers:
        (tmp_path / name).mkdir()
    made, new = collections.find_or_make(tmp_path)
    again, new_again = collections.find_or_make(tmp_path)
    assert made == again
    assert (new, new_again) == (True, False)


def test_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    """A crawl started in the wrong place must not fill it."""
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UsageError, match=r'holds other things \("thesis.txt"\) and no collection'):
        collections.find_or_make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_file_in_place_of_folder_is_a_disk_error(tmp_path: Path) -> None:
    """Whatever the disk refuses is one line."""
    (tmp_path / "a").touch()
    with pytest.raises(DiskError, match="the collection cannot be made: Not a directory"):
        collections.make(tmp_path / "a" / "b")


def test_missing_warc_folder_is_a_disk_error(tmp_path: Path) -> None:
    """A disk that is not mounted must not be replaced by an empty folder."""
    made = collections.make(tmp_path)
    (tmp_path / "warc").rmdir()
    with pytest.raises(DiskError, match="warc: the folder of the WARC files is not there; mount its disk"):
        made.warc()
    (tmp_path / "warc").symlink_to(tmp_path / "gone")
    with pytest.raises(DiskError, match="mount its disk"):
        made.warc()


@pytest.mark.parametrize(("url", "resolved"), [
    ("sqlite:///news.db", "sqlite:////c/news.db"),
    ("sqlite:///db/news.db?timeout=5", "sqlite:////c/db/news.db?timeout=5"),
    ("sqlite:////elsewhere/x.db", "sqlite:////elsewhere/x.db"),
    ("postgresql://me@db/news", "postgresql://me@db/news"),
    ("postgresql:///news", "postgresql:///news"),
])  # fmt: skip
def test_database_lies_in_the_folder(url: str, resolved: str) -> None:
    """A relative SQLite file belongs to the collection wherever the command was started."""
    assert database_url(Path("/c"), url) == resolved


def test_relative_folder_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later change of folder does not move a collection."""
    monkeypatch.chdir(tmp_path)
    made = collections.make(Path("a"))
    assert made.folder == tmp_path / "a"
    assert made.database_url == f"sqlite:///{tmp_path}/a/news.db"


def test_question_mark_in_path_is_refused(tmp_path: Path) -> None:
    """A database URL would end there."""
    with pytest.raises(UsageError, match="must not hold a question mark"):
        collections.make(tmp_path / "what?")


def test_new_means_no_database_file(tmp_path: Path) -> None:
    """Only a SQLite file that is missing tells that nothing was crawled yet."""
    assert Collection(tmp_path, Config()).is_new()
    (tmp_path / "news.db").touch()
    assert not Collection(tmp_path, Config()).is_new()
