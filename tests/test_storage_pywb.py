"""What is written for pywb."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage.database.engine import reading
from storage.errors import DiskError
from storage.replay import pywb
from storage.warc import cdxj
from tests.archives import SITE, Archive


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    """Where it is written to."""
    return tmp_path / "replay"


def test_closed_files_are_used_where_they_lie(full: Archive, replay: Path) -> None:
    """Paths are relative, so that whatever stands in the collection's path is no template to pywb; nothing is copied."""
    assert pywb.write(full.engine, full.folder, replay) == pywb.Served((), (), 0)
    news = json.loads((replay / "config.yaml").read_text())["collections"]["news"]
    assert news["index_group"] == {"warc": "../warc", "more": "indexes"}
    assert news["archive_paths"] == ["../warc/", "paths.txt"]
    assert list((replay / "indexes").iterdir()) == []
    assert (replay / "paths.txt").read_bytes() == b""


def test_withdrawn_urls_are_hidden_at_all_times(full: Archive, replay: Path) -> None:
    """Those of captures and those of withdrawals, each once, in pywb's order: the last key first."""
    full.edit("UPDATE captures SET withdrawn_at = :now WHERE url LIKE '%/a_'", now=full.now)
    full.edit(
        "INSERT INTO withdrawals (key, url, reason, at) VALUES ('k', :url, 'a court said so', :now)",
        url=f"{SITE}/z%C3%A9?b=1",
        now=full.now,
    )
    assert pywb.write(full.engine, full.folder, replay).withdrawn == 4
    lines = (replay / "withdrawn.aclj").read_text().splitlines()
    assert lines == sorted(lines, reverse=True)
    assert lines[0] == 'test,gazette)/z%c3%a9?b=1### - {"access": "exclude", "url": "https://gazette.test/z%C3%A9?b=1"}'
    assert [line.split("###")[0] for line in lines[1:]] == [f"test,gazette)/a{number}" for number in (3, 2, 1)]


def test_a_file_that_is_being_written_is_shown_as_far_as_it_is(archive: Archive, replay: Path) -> None:
    """Its index is sorted on the side, and its path is told; once it is closed neither is there any more."""
    archive.begin("R1")
    archive.article("/z")
    archive.article("/a")
    name = archive.writer.current
    assert name is not None
    assert pywb.write(archive.engine, archive.folder, replay) == pywb.Served((), (), 0)
    index = replay / "indexes" / name.replace(".warc.gz", ".cdxj")
    lines = index.read_bytes().splitlines(keepends=True)
    assert lines == cdxj.sorted_lines(lines)
    assert len(lines) == 2
    assert (replay / "paths.txt").read_text() == f"{name}\t{archive.folder / name}.open\n"
    archive.end()
    pywb.write(archive.engine, archive.folder, replay)
    assert not index.exists()
    assert (replay / "paths.txt").read_bytes() == b""


def test_files_of_another_place_are_found(full: Archive, replay: Path, tmp_path: Path) -> None:
    """With their index, where that lies beside them."""
    attic = tmp_path / "attic"
    attic.mkdir()
    for path in [*full.folder.iterdir()]:
        path.rename(attic / path.name)
    full.edit("UPDATE warc_files SET place = :attic || name", attic=f"{attic}/")
    assert pywb.write(full.engine, full.folder, replay) == pywb.Served((), (), 0)
    names = sorted(path.name for path in attic.glob("*.warc.gz"))
    assert (replay / "paths.txt").read_text() == "".join(f"{name}\t{attic / name}\n" for name in names)
    assert len(list((replay / "indexes").iterdir())) == 2


def test_what_cannot_be_replayed_is_told(full: Archive, replay: Path) -> None:
    """Files that are elsewhere, and files whose index is lost."""
    first, second = (path.name for path in full.files())
    full.edit("UPDATE warc_files SET state = 'elsewhere', place = 's3://attic' WHERE name = :name", name=first)
    (full.folder / second.replace(".warc.gz", ".cdxj")).unlink()
    assert pywb.write(full.engine, full.folder, replay) == pywb.Served((first,), (second,), 0)


def test_what_has_not_changed_is_left_alone(full: Archive, replay: Path) -> None:
    """Pywb keeps what it read of a file while that stays the same."""
    pywb.write(full.engine, full.folder, replay)
    before = {path: path.stat().st_ino for path in replay.rglob("*")}
    pywb.write(full.engine, full.folder, replay)
    assert {path: path.stat().st_ino for path in replay.rglob("*")} == before


def test_a_folder_that_cannot_be_written_is_told(full: Archive, tmp_path: Path) -> None:
    """As any trouble with the disk."""
    (tmp_path / "replay").write_text("no folder")
    with pytest.raises(DiskError, match=r"cannot write .*/replay"):
        pywb.write(full.engine, full.folder, tmp_path / "replay")


def test_the_newest_articles_have_addresses(full: Archive) -> None:
    """Those that answered, that are here, and that are not withdrawn."""
    full.edit("UPDATE captures SET withdrawn_at = :now WHERE url LIKE '%/b3'", now=full.now)
    with reading(full.engine) as conn:
        pages = pywb.newest_pages(conn, 2)
    assert [url for url, _ in pages] == [f"{SITE}/b2", f"{SITE}/b1"]
    address = pywb.address(8080, "https://gazette.test/b2?x=1", "2026-03-01T12:00:05.123Z")
    assert address == "http://127.0.0.1:8080/news/20260301120005/https://gazette.test/b2?x=1"
