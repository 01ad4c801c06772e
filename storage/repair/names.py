"""Files under wrong names get back the names that they were written under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import RowMapping

from storage.repair.deeds import Means
from storage.warc.file import cdxj_path, sync_folder
from storage.warc.read import Damage, scan
from storage.warc.recover import sha256_of

_MOVED = ".moved"  # suffix of a file on the way to its own name


def written_as(path: Path) -> str | None:
    """The name in a file's warcinfo record; None when it cannot be read."""
    first = next(scan(path), None)
    if first is None or isinstance(first, Damage):
        return None
    with first:
        return first.head.get("WARC-Filename") if first.head.type == "warcinfo" else None


def rename_back(means: Means, rows: Mapping[str, RowMapping]) -> None:
    """Give files in the archive's folder their own names, where these are free or will be.

    Only files that are, byte for byte, what was closed under that name: their checksum tells.
    """
    misnamed = {path: name for path, name in _misnamed(means.folder) if name in rows and rows[name]["place"] is None}
    moving = {
        path: name
        for path, name in misnamed.items()
        if (not (means.folder / name).exists() or means.folder / name in misnamed)
        and sha256_of(path) == rows[name]["sha256"]
    }
    while stuck := [path for path, name in moving.items() if _is_taken(means.folder / name, moving)]:
        for path in stuck:
            del moving[path]
    for path, name in moving.items():
        _move(path, means.folder / (name + _MOVED))
    for path, name in moving.items():
        _move(means.folder / (name + _MOVED), means.folder / name)
        _take_index(path, means.folder / name)
        means.did(name, None, f"had the name {path.name}, and got its own back")
    if moving:
        sync_folder(means.folder)


def _misnamed(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted((*folder.glob("*.warc.gz"), *folder.glob(f"*.warc.gz{_MOVED}"))):
        name = written_as(path)
        if name is not None and name != path.name and Path(name).name == name:
            yield path, name


def _is_taken(target: Path, moving: Mapping[Path, str]) -> bool:
    return target.exists() and target not in moving


def _move(source: Path, target: Path) -> None:
    if source != target:
        source.rename(target)


def _take_index(old: Path, new: Path) -> None:
    """The index of a file that was renamed with it; where two files were swapped, each index has its right name."""
    if not cdxj_path(new).exists() and cdxj_path(old).exists() and not old.exists():
        cdxj_path(old).rename(cdxj_path(new))
