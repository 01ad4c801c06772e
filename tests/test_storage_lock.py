"""One run at a time: real locks between real processes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from storage.errors import DiskError, LockedError, NewswarcError, UsageError
from storage.runs.lock import HOLDER_NAME, LOCK_NAME, hold, holder

NOBODY = 65534
HOLD = """
import sys
import threading
from pathlib import Path
from storage.runs.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_run(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder until its input ends."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HOLD, str(folder)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **streams) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def line_of(error: pytest.ExceptionInfo[NewswarcError]) -> str:
    """The one printable line of an error."""
    line = str(error.value)
    assert line.isprintable()
    return line


def test_held_once(tmp_path: Path) -> None:
    """The second run is told who holds the collection, and since when."""
    with another_run(tmp_path) as other:
        with pytest.raises(LockedError) as caught, hold(tmp_path):
            pass
        assert f"another run (pid {other.pid}, since 2" in line_of(caught)
        assert str(tmp_path) in line_of(caught)


def test_held_once_in_one_process(tmp_path: Path) -> None:
    """Nor can one process hold a collection twice."""
    with hold(tmp_path), pytest.raises(LockedError, match=f"pid {os.getpid()}"), hold(tmp_path):
        pass


def test_free_again(tmp_path: Path) -> None:
    """After a run, failed or not, the next one starts, and nobody is named as holder."""
    with pytest.raises(ZeroDivisionError), hold(tmp_path):
        raise ZeroDivisionError
    with hold(tmp_path):
        assert (tmp_path / HOLDER_NAME).exists()
    assert [entry.name for entry in tmp_path.iterdir()] == [LOCK_NAME]


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    """After kill -9 of the holder the next run starts at once, whatever files it left."""
    with another_run(tmp_path) as other:
        other.kill()
        other.wait()
        assert (tmp_path / HOLDER_NAME).exists()
        with hold(tmp_path):
            pass


@pytest.mark.parametrize("left", ["", "12\n", "x\ny\nz\n", "4194304\nthen\nnewswarc crawl\n", "9" * 30 + "\ny\nz\n"])
def test_a_useless_holder_file_is_not_shown(tmp_path: Path, left: str) -> None:
    """What a killed run or an editor left in the holder's file is never shown as the holder."""
    with another_run(tmp_path):
        (tmp_path / HOLDER_NAME).write_text(left)
        with pytest.raises(LockedError, match="another run holds"), hold(tmp_path):
            pass


def test_the_command_is_printable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder's command is one line without terminal escapes, also when its arguments are not."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/newswarc", "crawl", "a\nb\x1b[1m" + "x" * 999])
    with hold(tmp_path), pytest.raises(LockedError, match="newswarc crawl ") as caught, hold(tmp_path):
        pass
    assert len(line_of(caught)) < 500


@pytest.mark.parametrize("name", ["missing", "file"])
def test_no_folder(tmp_path: Path, name: str) -> None:
    """Where there is no folder there is no collection."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=name) as caught, hold(tmp_path / name):
        pass
    assert "newswarc init" in line_of(caught)


@contextmanager
def not_root() -> Iterator[None]:
    """File permissions hold in here, for root too."""
    user = os.geteuid()
    os.seteuid(user or NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_no_place_for_a_lock(tmp_path: Path) -> None:
    """What cannot be a lock file is a disk error that says why."""
    (tmp_path / LOCK_NAME).mkdir()
    with pytest.raises(DiskError, match=f"cannot lock .*/{LOCK_NAME}: Is a directory") as caught, hold(tmp_path):
        pass
    assert line_of(caught)


def test_a_file_system_without_files_of_ours() -> None:
    """A folder that takes no files is a disk error, not a lock that somebody holds."""
    with pytest.raises(DiskError, match=f"/proc/{LOCK_NAME}"), hold(Path("/proc")):
        pass


@pytest.mark.parametrize(("mode", "expected"), [(0o555, "cannot lock"), (0o000, "cannot read|cannot lock")])
def test_a_folder_without_permission(mode: int, expected: str) -> None:
    """A folder, or one above it, without permission is a disk error that says so."""
    with TemporaryDirectory() as top:
        folder = Path(top) / "news"
        folder.mkdir()
        Path(top).chmod(0o755 if mode else 0)
        folder.chmod(mode)
        with pytest.raises(DiskError, match=f"({expected}) .*: Permission denied") as caught, not_root(), hold(folder):
            pass
        assert line_of(caught)
        Path(top).chmod(0o755)
        folder.chmod(0o755)


def test_shared_by_those_who_say_so(tmp_path: Path) -> None:
    """The first is alone until it has opened the collection, the next is not; one who wants it alone is refused."""
    with hold(tmp_path, shared=True) as first:
        assert first.alone
        first.opened()
        with hold(tmp_path, shared=True) as second:
            assert not second.alone
            second.opened()
            with pytest.raises(LockedError), hold(tmp_path):
                pass
    with hold(tmp_path) as alone:
        assert alone.alone


def test_who_shares_waits_for_the_one_who_opens(tmp_path: Path) -> None:
    """What a dead run left is put right by one alone; the other comes in when that is done."""
    came_in = threading.Event()

    def join() -> None:
        with hold(tmp_path, shared=True):
            came_in.set()

    with hold(tmp_path, shared=True) as first:
        thread = threading.Thread(target=join)
        thread.start()
        assert not came_in.wait(0.5)
        first.opened()
        assert came_in.wait(10)
        thread.join()


def test_who_shares_does_not_wait_for_one_who_does_not(tmp_path: Path) -> None:
    """A run that holds the collection alone may take hours."""
    with hold(tmp_path), pytest.raises(LockedError, match="another run"), hold(tmp_path, shared=True):
        pass


def test_who_holds_a_collection_can_be_asked_without_taking_it(tmp_path: Path) -> None:
    """Nobody, a run alone, one of several that share it; a holder's file that a killed run left names nobody."""
    assert holder(tmp_path) is None
    with another_run(tmp_path) as process:
        assert f"pid {process.pid}" in (holder(tmp_path) or "")
        left = (tmp_path / HOLDER_NAME).read_bytes()
    (tmp_path / HOLDER_NAME).write_bytes(left)
    assert holder(tmp_path) is None
    with hold(tmp_path, shared=True) as held:
        held.opened()
        assert f"pid {os.getpid()}" in (holder(tmp_path) or "")
    with hold(tmp_path):
        pass


def test_who_is_patient_waits_until_it_is_free(tmp_path: Path) -> None:
    """However the holder ends: by itself, or killed."""
    for end in (lambda run: run.communicate(""), lambda run: run.kill()):
        with another_run(tmp_path) as other, ThreadPoolExecutor(1) as thread:
            came_in = thread.submit(_come_in, tmp_path)
            assert not wait([came_in], 0.3).done
            end(other)
            assert came_in.result(10)


def _come_in(folder: Path) -> bool:
    with hold(folder, patience=math.inf) as held:
        return held.alone


def test_patience_has_an_end(tmp_path: Path) -> None:
    """After its time whoever waits is told who holds the collection."""
    with another_run(tmp_path) as other, pytest.raises(LockedError, match=f"pid {other.pid}"):
        hold(tmp_path, patience=0.2).__enter__()


def test_a_process_that_has_the_number_of_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    """Numbers of processes come again: what counts is the lock, never the file that names its holder."""
    with another_run(tmp_path) as other:
        left = (tmp_path / HOLDER_NAME).read_text()
    (tmp_path / HOLDER_NAME).write_text(left.replace(str(other.pid), str(os.getpid()), 1))
    with hold(tmp_path) as held:
        assert held.alone
