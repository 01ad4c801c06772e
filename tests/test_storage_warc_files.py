"""WARC files as rows: which there are, which may be moved, and what a file that comes back is compared with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from storage.archive.files import WarcFile, check, listed, movable, move, place_of
from storage.archive.shelf import Shelf
from storage.database.engine import reading
from storage.errors import DamageError, DiskError, UsageError
from storage.records import FileState
from tests.archives import SITE, Archive, page

ELSEWHERE, HERE = FileState.ELSEWHERE, FileState.HERE


def _files(archive: Archive) -> list[WarcFile]:
    with reading(archive.engine) as conn:
        return listed(conn)


def test_files_are_listed_with_what_was_entered_when_they_were_closed(full: Archive) -> None:
    """Each file of both runs, the one that is written too, with its captures."""
    full.begin("R3")
    full.fetch(full.lease(f"{SITE}/c1"), page("unread"))
    first, second, written = _files(full)
    assert [first.run_id, second.run_id, written.run_id] == ["R1", "R2", "R3"]
    for file in (first, second):
        check(file, full.folder / file.name)
        assert (file.captures, file.unread, file.state, file.place) == (7, 0, "here", None)
    assert (written.closed_at, written.size, written.sha256) == (None, None, None)
    assert (written.captures, written.unread) == (1, 1)


def test_names_globs_and_paths_mean_files(full: Archive) -> None:
    """Each once; of a path, as a shell makes it of a glob, the last part counts."""
    first, second = _files(full)
    assert movable([first, second], [first.name], ELSEWHERE) == [first]
    assert movable([first, second], ["*-R2-*", f"warc/{second.name}"], ELSEWHERE) == [second]
    assert movable([first, second], ["*"], HERE) == [first, second]
    with pytest.raises(UsageError, match=r'no WARC file "x\*" in the database'):
        movable([first, second], ["*", "x*"], ELSEWHERE)


def test_what_is_not_closed_or_not_read_or_gone_is_not_moved(full: Archive) -> None:
    """A glob passes over it, its name says why."""
    first, second = _files(full)
    opened = replace(first, name="o", closed_at=None)
    unread = replace(first, name="u", unread=2)
    gone = replace(first, name="w", state="withdrawn", replaced_by="n")
    files = [first, second, opened, unread, gone]
    assert movable(files, ["*"], ELSEWHERE) == [first, second]
    for name, why in (("o", "is not closed"), ("u", "holds 2 pages that are not read"), ("w", "was withdrawn; n stands")):
        with pytest.raises(UsageError, match=f"^{name} {why}"):
            movable(files, [name], ELSEWHERE)
    assert movable(files, ["u"], HERE) == [unread]


def test_a_file_is_compared_with_its_row(full: Archive) -> None:
    """Cut, changed by one byte, or not there: three different lines, two exit codes."""
    file, _ = _files(full)
    path = full.folder / file.name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(DamageError, match=f"has {len(whole) - 1} bytes, and had {len(whole)}"):
        check(file, path)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DamageError, match=r"its SHA-256 is not"):
        check(file, path)
    path.unlink()
    with pytest.raises(DiskError, match=r"cannot read .* is the disk with the archive there"):
        check(file, path)


def test_readers_hear_where_a_file_is(full: Archive, tmp_path: Path) -> None:
    """Moved to other storage its place is told; back under another path it is read there."""
    file, _ = _files(full)
    move(full.engine, file, ELSEWHERE, f"tape 7/{file.name}")
    with pytest.raises(DiskError, match=rf"^{file.name} is in tape 7/{file.name}; bring it back"):
        Shelf(full.folder, full.engine).path(file.name)
    other = tmp_path / "other.gz"
    (full.folder / file.name).rename(other)
    move(full.engine, _files(full)[0], HERE, str(other))
    moved = _files(full)[0]
    assert (moved.state, moved.path(full.folder)) == ("here", other)
    assert Shelf(full.folder, full.engine).path(file.name) == other
    move(full.engine, moved, HERE, None)
    assert _files(full)[0].path(full.folder) == full.folder / file.name


def test_two_commands_cannot_move_one_file(full: Archive) -> None:
    """The second one is told, and changes nothing."""
    file, _ = _files(full)
    move(full.engine, file, ELSEWHERE, "a")
    with pytest.raises(UsageError, match="by another command meanwhile"):
        move(full.engine, file, ELSEWHERE, "b")
    assert _files(full)[0].place == "a"


def test_a_place_with_a_slash_at_its_end_holds_files() -> None:
    """Any other is the place of the file itself."""
    assert place_of("s3://cold/", "a.warc.gz") == "s3://cold/a.warc.gz"
    assert place_of("tape 7", "a.warc.gz") == "tape 7"
