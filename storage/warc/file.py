"""A WARC file being written and its CDXJ, as files on a disk: created, locked, appended to, cut back, renamed."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import DiskError
from storage.warc import cdxj
from storage.warc.format import new_record_id

OPEN = ".open"  # suffix of a file that is still being written
UNSEEN = ".new"  # added to it until the file is locked
_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has none
_ADVICE = {
    errno.ENOSPC: "make room, then run again",
    errno.EDQUOT: "make room, then run again",
    errno.EFBIG: "allow larger files, then run again",
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EROFS: "the disk is mounted read-only",
    errno.ENOENT: "is the disk with the archive there?",
    errno.EMFILE: "allow more open files (ulimit -n)",
}


@dataclass(frozen=True, slots=True)
class ClosedFile:
    """A WARC file under its final name: it will not change any more."""

    name: str
    size: int
    sha256: str  # hex


@contextmanager
def disk(doing: str, path: Path) -> Iterator[None]:
    """Turns an OSError into the DiskError that the operator reads."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = _ADVICE.get(error.errno or 0, "check the disk")
        raise DiskError(f"cannot {doing} {path}: {reason}; {advice}") from error


def open_path(final: Path) -> Path:
    """`NAME.open` of `NAME`."""
    return final.with_name(final.name + OPEN)


def cdxj_path(warc: Path) -> Path:
    """`NAME.cdxj` of `NAME.warc.gz`."""
    return warc.with_name(warc.name.removesuffix(".warc.gz") + ".cdxj")


def sync_folder(folder: Path) -> None:
    """Makes new and renamed files of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_cdxj(final: Path, lines: Iterable[bytes]) -> None:
    """The sorted CDXJ beside the WARC `final`, whole or not at all."""
    path = cdxj_path(final)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.writelines(cdxj.sorted_lines(lines))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def lock(file: io.FileIO) -> bool:
    """Takes the lock that the writer of a file holds for life; false when another has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def still_at(file: io.FileIO, path: Path) -> bool:
    """Whether an open file is what this path names now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a pair of files stood."""

    size: int
    cdxj_size: int
    sha256: Any  # the running hash


class FilePair:
    """`NAME.warc.gz.open` and `NAME.cdxj.open`, new. Raises OSError; locked, so that recovery leaves them alone."""

    def __init__(self, final: Path) -> None:
        if final.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        self.final = final
        self.path = open_path(final)
        self.warcinfo_id = new_record_id()
        self.size = 0
        self.broken = False
        self._cdxj_path = open_path(cdxj_path(final))
        self._cdxj_size = 0
        self._sha256 = hashlib.sha256()
        self._warc = _create_locked(self.path)
        try:
            self._cdxj = _create(self._cdxj_path)
        except OSError:
            self._warc.close()
            self.path.unlink()
            raise

    def append(self, data: bytes) -> None:
        """Bytes at the end of the WARC."""
        _write_all(self._warc, data)
        self._sha256.update(data)
        self.size += len(data)

    def index(self, line: str) -> None:
        """A line at the end of the CDXJ."""
        data = f"{line}\n".encode()
        _write_all(self._cdxj, data)
        self._cdxj_size += len(data)

    def mark(self) -> Mark:
        """The place to come back to."""
        return Mark(self.size, self._cdxj_size, self._sha256.copy())

    def cut_back(self, mark: Mark) -> None:
        """Undoes what was written since `mark`; files that cannot even be cut are broken."""
        self.size, self._cdxj_size, self._sha256 = mark.size, mark.cdxj_size, mark.sha256
        try:
            self._warc.truncate(mark.size)
            self._cdxj.truncate(mark.cdxj_size)
        except OSError:
            self.broken = True

    def sync(self) -> None:
        """Both files on disk. When that fails nobody knows what is: they are broken."""
        try:
            _fdatasync(self._warc.fileno())
            _fdatasync(self._cdxj.fileno())
        except OSError:
            self.broken = True
            raise

    def finish(self) -> ClosedFile:
        """Final names for both, durably. When that fails they are broken: recovery will do it."""
        self.sync()
        try:
            write_cdxj(self.final, self._cdxj_path.read_bytes().splitlines(keepends=True))
            self.path.rename(self.final)
            self._cdxj_path.unlink(missing_ok=True)
            sync_folder(self.final.parent)
        except OSError:
            self.broken = True
            raise
        self.release()
        return ClosedFile(self.final.name, self.size, self._sha256.hexdigest())

    def discard(self) -> None:
        """Neither is of any use."""
        self.release()
        self.path.unlink(missing_ok=True)
        self._cdxj_path.unlink(missing_ok=True)

    def release(self) -> None:
        """Lets go of both as they are."""
        self._warc.close()
        self._cdxj.close()


def _create(path: Path) -> io.FileIO:
    """A new file to append to, unbuffered."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    return io.FileIO(os.open(path, flags, 0o644), "r+")


def _create_locked(path: Path) -> io.FileIO:
    """A new file that no one ever sees without its lock: recovery takes an `.open` file without lock for a left one."""
    unseen = path.with_name(path.name + UNSEEN)
    while True:
        file = _create(unseen)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if still_at(file, unseen):
                unseen.rename(path)
                return file
        except OSError:
            file.close()
            unseen.unlink(missing_ok=True)
            raise
        file.close()  # recovery was faster, took it for a left one, and removed it


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]
