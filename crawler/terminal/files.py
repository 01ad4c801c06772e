"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from storage.errors import DiskError, UsageError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write; it takes the place (and keeps the mode) of `path` in one step when the block ends without error.

    The file that a symbolic link points to is replaced, devices and pipes are written to. Raises DiskError, UsageError
    for a folder; what the block itself raises passes.
    """
    with as_disk_error(path):
        target = path.resolve()
        if target.is_dir():
            raise UsageError(f"{path}: is a folder, not a file")
        is_device = target.exists() and not target.is_file()
    if is_device:
        with as_disk_error(path), target.open("wb") as device:
            yield device
        return
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with as_disk_error(path):
            with temporary.open("xb") as file:
                _copy_mode(target, file)
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            sync_folder(target.parent)
    finally:
        with suppress(OSError):  # what kept it from being made keeps it from being removed
            temporary.unlink(missing_ok=True)


@contextmanager
def appearing(path: Path, *, part: bool = False) -> Iterator[Path]:
    """The name of a file to make; it takes the place of `path` in one step when the block ends without error.

    For those who write to a name, not to a file. With `part` the name is `PATH.part`, so that what a kill leaves is seen for what
    it is, and overwritten by the next. Raises DiskError, UsageError for a folder or a device.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise UsageError(f"{path}: is no file")
    temporary = target.with_name(f"{target.name}.part" if part else f".{target.name}.{secrets.token_hex(4)}")
    try:
        with as_disk_error(path):
            temporary.touch(exist_ok=part)
        yield temporary
        with as_disk_error(path):
            _synced(temporary)
            temporary.replace(target)
            sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _synced(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write(path: Path, content: bytes) -> None:
    """Write a whole file in one step. Raises DiskError, UsageError for a folder."""
    with replacing(path) as file:
        file.write(content)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy_mode(target: Path, file: BinaryIO) -> None:
    if target.exists():
        os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))


@contextmanager
def as_disk_error(path: Path) -> Iterator[None]:
    """Turns an OSError into the DiskError that the operator reads."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DiskError(f"{path}: cannot be written: {error.strerror or error}") from None
