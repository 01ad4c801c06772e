"""One run at a time in a collection. The lock is the operating system's: it ends with its process, however that ends.

`newswarc.lock` is the lock and stays; `newswarc.lock.holder` says who holds it, for people only.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from storage.errors import DiskError, LockedError, UsageError
from storage.times import now

LOCK_NAME: Final = "newswarc.lock"
HOLDER_NAME: Final = "newswarc.lock.holder"
_MAX_COMMAND: Final = 200  # characters shown


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the collection in `folder`.

    Raises LockedError (another run holds it), UsageError (no such folder) or DiskError (no lock can be made there).
    """
    _need_folder(folder)
    lock = FileLock(folder / LOCK_NAME, thread_local=False, fallback_to_soft=False)
    _acquire(lock, folder)
    holder = folder / HOLDER_NAME
    try:
        with suppress(OSError):  # a courtesy: a full disk is for those to report who need it
            holder.write_text(f"{os.getpid()}\n{now()}\n{_command()}\n", "utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


def _need_folder(folder: Path) -> None:
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    except OSError as error:
        raise DiskError(f"cannot read {folder}: {error.strerror}; a collection must be writable") from error
    if not is_folder:
        raise UsageError(f"{folder} is not a folder; `newswarc init {shlex.quote(str(folder))}` makes a collection")


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        if not (folder / LOCK_NAME).exists():  # file systems that know no files of ours
            raise DiskError(f"cannot make {folder / LOCK_NAME}; a collection must be writable") from None
        raise LockedError(f"{_who(folder)} holds {folder}; wait for it to end, or stop it") from None
    except (OSError, NotImplementedError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DiskError(f"cannot lock {folder / LOCK_NAME}: {why}; a collection must be writable") from error


def _who(folder: Path) -> str:
    try:
        pid, since, command = (folder / HOLDER_NAME).read_text("utf-8").splitlines()
        os.kill(int(pid), 0)
    except (OSError, OverflowError, ValueError):  # not written yet, or left by one that was killed
        return "another run"
    return f"another run (pid {int(pid)}, since {since}, {command})"


def _command() -> str:
    text = " ".join(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:_MAX_COMMAND].split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
