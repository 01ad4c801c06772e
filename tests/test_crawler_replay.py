"""`newswarc replay`, with a stand-in for pywb that listens as it does; pywb itself is in test_referees_pywb.py."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.desk import COMMAND, Desk, wait_until
from tests.judged import free_port
from tests.runner import environment

STAND_IN = """\
#!{python}
import json, os, signal, socket, sys, time
said = dict(zip(sys.argv[1::2], sys.argv[2::2]))
listener = socket.create_server((said["-b"], int(said["-p"])))
open("{said}.new", "w").write(json.dumps(said | {{"pid": os.getpid()}}))
os.rename("{said}.new", "{said}")
while True:
    listener.accept()[0].close()
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A program that listens where it is told to, and writes what it was told to `said`."""
    program = tmp_path / "wayback"
    program.write_text(STAND_IN.format(python=sys.executable, said=tmp_path / "said"))
    program.chmod(0o755)
    return program


@contextmanager
def running(desk: Desk, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """`newswarc replay`; killed at the end, where it is still there."""
    child = subprocess.Popen(
        [*COMMAND, "replay", *arguments],
        cwd=desk.folder,
        env=environment() | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def is_there(pid: int) -> bool:
    """Whether a process lives."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted(
    crawled: Desk, stand_in: Path, tmp_path: Path, signum: signal.Signals
) -> None:
    """The newest articles' addresses on stdout, the program on loopback in replay/, and both gone after a signal."""
    port = free_port()
    with running(crawled, "--port", str(port), NEWSWARC_WAYBACK=str(stand_in)) as child:
        assert child.stdout is not None
        addresses = [child.stdout.readline() for _ in range(5)]
        said = json.loads((tmp_path / "said").read_text())
        child.send_signal(signum)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 128 + signum
    assert all(one.startswith(f"http://127.0.0.1:{port}/news/20") for one in addresses)
    assert out == ""
    assert err == f"The archive is at http://127.0.0.1:{port}/news/ until this command is interrupted (Ctrl-C)\n"
    assert said | {"pid": 0} == {"-b": "127.0.0.1", "-p": str(port), "-d": str(crawled.folder / "replay"), "pid": 0}
    assert not is_there(said["pid"])


def test_the_program_dies_with_it(crawled: Desk, stand_in: Path, tmp_path: Path) -> None:
    """Also when it is killed."""
    with running(crawled, "--port", str(free_port()), "--wayback", str(stand_in)) as child:
        assert child.stdout is not None
        child.stdout.readline()
        pid = json.loads((tmp_path / "said").read_text())["pid"]
        assert is_there(pid)
    wait_until(lambda: not is_there(pid))


def test_a_withdrawal_is_heard_of(crawled: Desk, stand_in: Path) -> None:
    """What is withdrawn while it runs is hidden soon."""
    rules = crawled.folder / "replay" / "withdrawn.aclj"
    with running(crawled, "--port", str(free_port()), "--wayback", str(stand_in)) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert rules.read_text() == ""
        crawled.write(
            "UPDATE captures SET withdrawn_at = '2026-03-01T12:00:00.000Z' WHERE id = (SELECT max(id) FROM captures)"
        )
        wait_until(lambda: rules.read_text() != "")


def test_it_ends_with_the_program(crawled: Desk, tmp_path: Path) -> None:
    """With the last words of it."""
    program = tmp_path / "wayback"
    program.write_text("#!/bin/sh\necho first words; echo no module named pywb >&2; exit 3\n")
    program.chmod(0o755)
    done = crawled.run("replay", "--wayback", str(program), "--port", str(free_port()), code=2)
    assert done.stderr == f"newswarc: error: {program} ended with exit code 3; its last words: no module named pywb\n"


def test_what_is_no_program_is_told(crawled: Desk, tmp_path: Path) -> None:
    """A file that can be executed may still be none."""
    program = tmp_path / "wayback"
    program.write_bytes(b"\x7fELF and nothing more")
    program.chmod(0o755)
    done = crawled.run("replay", "--wayback", str(program), "--port", str(free_port()), code=2)
    assert done.stderr.startswith(f"newswarc: error: {program}: cannot be run: ")


def test_a_port_that_is_taken_is_told(crawled: Desk, stand_in: Path) -> None:
    """Before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = crawled.run("replay", "--wayback", str(stand_in), "--port", str(port), code=2)
    assert (
        done.stderr == f"newswarc: error: port {port} cannot be used: Address already in use; --port N takes another\n"
    )


def test_settings_alone(crawled: Desk) -> None:
    """Are written without any program, and how to go on is told."""
    done = crawled.run("replay", "--config-only", "--port", "9000")
    folder = crawled.folder / "replay"
    assert done.stderr == f"Wrote {folder}; `wayback -d replay -b 127.0.0.1 -p 9000` serves it\n"
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml", "indexes", "paths.txt", "withdrawn.aclj"]
