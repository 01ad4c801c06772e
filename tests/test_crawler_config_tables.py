"""Sources in newswarc.toml are paused, resumed and removed; every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.config import edit as config_edit
from crawler.config import keys as config
from crawler.config import tables as config_tables
from storage.errors import ConfigError

FILE = "newswarc.toml"
TEXT = """\
# Ours.
[collection]
name = "desk"   # short

# The post. Ask Ada.
[[source]]
name = "post"
url = "https://post.net/"
feeds = [
  "https://post.net/a", # city
  "https://post.net/b",
]
# delay = 3

# Two lines
# about it.
[[ "source" ]]  # the second
url = "https://gazette.net/"
name = 'gazette'
paused = true  # since May
[[source]]
name = "last"
url = "https://last.net/"

[crawl]
delay = 2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The settings above as a file."""
    path = tmp_path / FILE
    path.write_text(TEXT)
    return path


def test_paused_key_is_added_below_the_last_line_of_its_table(path: Path) -> None:
    """Comments, lists and other tables stay as they were."""
    config_edit.pause_sources(path, ["post", "last"], yes=True)
    assert path.read_text() == TEXT.replace('b",\n]\n', 'b",\n]\npaused = true\n').replace(
        'last.net/"\n', 'last.net/"\npaused = true\n'
    )


def test_paused_and_resumed_is_the_same_file(path: Path) -> None:
    """Resuming takes away what pausing added, and nothing else."""
    config_edit.pause_sources(path, ["post", "last"], yes=True)
    config_edit.pause_sources(path, ["post", "last"], yes=False)
    assert path.read_text() == TEXT


def test_resuming_takes_the_key_away_that_was_written_by_hand(path: Path) -> None:
    """Wherever it stands in its table."""
    after = config_edit.pause_sources(path, ["gazette"], yes=False)
    assert path.read_text() == TEXT.replace("paused = true  # since May\n", "")
    assert after == config.load(path)


def test_removed_source_takes_the_comments_above_it_along(path: Path) -> None:
    """And those right below its last line; a comment about the next source stays."""
    config_edit.remove_sources(path, ["post"])
    assert path.read_text() == TEXT[: TEXT.index("# The post")] + TEXT[TEXT.index("# Two lines") :]
    config_edit.remove_sources(path, ["gazette"])
    assert "# about it" not in path.read_text()
    config_edit.remove_sources(path, ["last"])
    assert path.read_text() == '# Ours.\n[collection]\nname = "desk"   # short\n\n[crawl]\ndelay = 2\n'


def test_comment_between_two_tables_belongs_to_the_second(tmp_path: Path) -> None:
    """Where no blank line tells, what stands right above a table is about it."""
    path = tmp_path / FILE
    second = '# about b\n[[source]]\nname = "b"\nurl = "https://b.net/"\n'
    path.write_text('[[source]]\nname = "a"\nurl = "https://a.net/"\n' + second)
    config_edit.remove_sources(path, ["a"])
    assert path.read_text() == second


def test_removed_last_source_leaves_no_blank_lines_at_the_end(tmp_path: Path) -> None:
    """What adding a source wrote, removing it takes away."""
    path = tmp_path / FILE
    path.write_text("[crawl]\ndelay = 2\n")
    config_edit.add_source(path, config.Source("a", "https://a.net/"))
    config_edit.remove_sources(path, ["a"])
    assert path.read_text() == "[crawl]\ndelay = 2\n"


@pytest.mark.parametrize("text", [
    'source = [{name = "post", url = "https://post.net/"}]\n',
    '[[source]]\nname = "post"\nurl = "https://post.net/"\nrobots_reason = """\n[[source]] """\n[[source]]\nname = "b"\nurl = "https://b.net/"\n',
])  # fmt: skip
def test_tables_that_cannot_be_told_are_left_to_the_person(tmp_path: Path, text: str) -> None:
    """Nothing is written when the outcome would not be what was wanted."""
    path = tmp_path / FILE
    path.write_text(text)
    for change in (config_edit.remove_sources, lambda path, names: config_edit.pause_sources(path, names, yes=True)):
        with pytest.raises(ConfigError, match="by hand"):
            change(path, ["post"])
    assert path.read_text() == text


def test_windows_line_ends_and_a_last_line_without_end_are_kept(tmp_path: Path) -> None:
    """The new line ends as the others do."""
    path = tmp_path / FILE
    path.write_bytes(b'[[source]]\r\nname = "a"\r\nurl = "https://a.net/"')
    config_edit.pause_sources(path, ["a"], yes=True)
    assert path.read_bytes() == b'[[source]]\r\nname = "a"\r\nurl = "https://a.net/"\r\npaused = true\r\n'


@given(st.binary(max_size=200), st.sets(st.integers(0, 3)))
def test_any_bytes_are_cut_without_error(content: bytes, numbers: set[int]) -> None:
    """What is no settings file has no tables, or some; nothing is raised."""
    text = content + b"\n[[source]]\nname = 1\n" + content
    assert len(config_tables.without(text, numbers)) <= len(text)
    assert config_tables.paused(text, set(), yes=True) == text
