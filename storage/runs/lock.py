"""Who works in a collection. The lock is the operating system's: it ends with its process, however that ends.

One run holds a collection alone; or several runs that say so share it. `newswarc.lock` is the lock and stays;
`newswarc.lock.holder` says who holds it, for people only.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from storage.errors import DiskError, LockedError, UsageError
from storage.times import now

LOCK_NAME: Final = "newswarc.lock"
HOLDER_NAME: Final = "newswarc.lock.holder"
_MAX_COMMAND: Final = 200  # characters shown
_SHARED: Final = "shared"
_OPENING_SECONDS: Final = 120.0  # that one of several runs may need to put right what a killed one left
_PAUSE: Final = 0.1  # s between two looks


class Hold:
    """A collection in hand. `alone`: nobody else is in it, so that what dead runs left may be put right."""

    def __init__(self, descriptor: int, *, alone: bool, shared: bool) -> None:
        self.alone = alone
        self._descriptor = descriptor
        self._shared = shared

    def opened(self) -> None:
        """What had to be done alone is done: others who share the collection may come in."""
        if self._shared and self.alone and not _lock(self._descriptor, fcntl.LOCK_SH):
            raise LockedError("another run took the collection in this very moment; try again")


@contextmanager
def hold(folder: Path, *, shared: bool = False, patience: float = 0.0) -> Iterator[Hold]:
    """Hold the collection in `folder`, alone or beside others that share it; waits `patience` seconds (perhaps inf) for it.

    The first of those that share is alone until it says `opened`; the others wait for that. Raises LockedError (another
    run holds it), UsageError (no such folder) or DiskError (no lock can be made there).
    """
    _need_folder(folder)
    descriptor = _open(folder / LOCK_NAME)
    try:
        alone = _acquire(descriptor, folder, shared=shared, patience=patience)
        with _named(folder / HOLDER_NAME, shared=shared):
            yield Hold(descriptor, alone=alone, shared=shared)
    finally:
        os.close(descriptor)


def holder(folder: Path) -> str | None:
    """Who holds the collection in `folder`, in words; None when nobody does, or it cannot be told. Takes nothing."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return None if _lock(descriptor, fcntl.LOCK_SH) and not _is_named_shared(folder) else _who(folder)
    except OSError:
        return None
    finally:
        os.close(descriptor)  # and with it the lock, if this got it


@contextmanager
def _named(holder: Path, *, shared: bool) -> Iterator[None]:
    """A courtesy: a full disk is for those to report who need it."""
    mine = f"{os.getpid()}\n{now()}\n{_command()}\n" + (f"{_SHARED}\n" if shared else "")
    with suppress(OSError):
        holder.write_text(mine, "utf-8")
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            if holder.read_text("utf-8") == mine:
                holder.unlink()


def _need_folder(folder: Path) -> None:
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    except OSError as error:
        raise DiskError(f"cannot read {folder}: {error.strerror}; a collection must be writable") from error
    if not is_folder:
        raise UsageError(f"{folder} is not a folder; `newswarc init {shlex.quote(str(folder))}` makes a collection")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise _no_lock(path, error) from error


def _no_lock(path: Path, error: OSError) -> DiskError:
    return DiskError(f"cannot lock {path}: {error.strerror}; a collection must be writable")


def _acquire(descriptor: int, folder: Path, *, shared: bool, patience: float) -> bool:
    """Take the lock; whether nobody else has it."""
    began = time.monotonic()
    try:
        while not _lock(descriptor, fcntl.LOCK_EX):
            if shared and _lock(descriptor, fcntl.LOCK_SH):
                return False
            opening = _OPENING_SECONDS if shared and _is_shared(folder) else 0.0
            if time.monotonic() - began >= max(patience, opening):
                raise LockedError(f"{_who(folder)} holds {folder}; wait for it to end, or stop it")
            time.sleep(_PAUSE)
    except OSError as error:
        raise _no_lock(folder / LOCK_NAME, error) from error
    return True


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_shared(folder: Path) -> bool:
    """Whether the one who holds it is opening it for others, as far as can be known."""
    try:
        lines = (folder / HOLDER_NAME).read_text("utf-8").splitlines()
    except (OSError, ValueError):  # not written yet
        return True
    return len(lines) < 3 or lines[3:] == [_SHARED]


def _is_named_shared(folder: Path) -> bool:
    """Whether runs that share the collection are in it: their lock lets others in."""
    try:
        pid, *_, last = (folder / HOLDER_NAME).read_text("utf-8").splitlines()
        os.kill(int(pid), 0)
    except (OSError, OverflowError, ValueError):
        return False
    return last == _SHARED


def _who(folder: Path) -> str:
    try:
        pid, since, command, *_ = (folder / HOLDER_NAME).read_text("utf-8").splitlines()
        os.kill(int(pid), 0)
    except (OSError, OverflowError, ValueError):  # not written yet, or left by one that was killed
        return "another run"
    return f"another run (pid {int(pid)}, since {since}, {command})"


def _command() -> str:
    text = " ".join(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:_MAX_COMMAND].split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
