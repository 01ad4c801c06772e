"""`replay`: pywb, which is installed apart, serves the archive where it lies."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.process.waiting import Heard, signals_held
from crawler.terminal import console
from pipelines.worker_main import die_with_parent
from storage.database.engine import Engine, open_readonly, reading
from storage.errors import UsageError
from storage.replay import pywb

Note = Callable[[str], None]

FOLDER = "replay"  # in the collection: pywb's settings, made anew by every replay
SHOWN = 5  # addresses
REFRESH_SECONDS = 5.0  # what is withdrawn, or archived by a crawl, shows after that
START_SECONDS = 60.0
END_SECONDS = 5.0
_LAST_WORDS = 4_096  # bytes

_ADVICE = (
    "pywb's `wayback` is not on PATH; install it apart, `python3 -m venv ~/pywb && ~/pywb/bin/pip install pywb 'setuptools<81'`, "
    "then say `newswarc replay --wayback ~/pywb/bin/wayback`"
)


def replay(folder: Path, note: Note, *, port: int, wayback: Path | None, config_only: bool) -> int:
    """Write pywb's settings, run it, and stay until a signal ends both; the exit code. Raises UsageError when it cannot be run."""
    collection = collections.find(folder)
    program = None if config_only else _program(wayback)
    if program is not None:
        _refuse_taken(port)
    engine = open_readonly(collection.database_url)
    try:
        _tell(_refreshed(engine, collection), note)
        if program is None:
            note(f"Wrote {collection.folder / FOLDER}; `wayback -d {FOLDER} -b 127.0.0.1 -p {port}` serves it")
            return 0
        return _serve(program, port, engine, collection, note)
    finally:
        engine.dispose()


def _program(wayback: Path | None) -> str:
    """The program to run."""
    if wayback is None:
        found = shutil.which("wayback")
        if found is None:
            raise UsageError(_ADVICE)
        return found
    if not os.access(wayback, os.X_OK) or wayback.is_dir():
        raise UsageError(f"--wayback {checks.shown(str(wayback))} is no program that can be run")
    return str(wayback.absolute())


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"port {port} cannot be used: {error.strerror}; --port N takes another") from None


def _refreshed(engine: Engine, collection: Collection) -> pywb.Served:
    return pywb.write(engine, collection.warc(), collection.folder / FOLDER)


def _tell(served: pywb.Served, note: Note) -> None:
    for names, why in ((served.elsewhere, "are elsewhere"), (served.without_index, "have no index beside them")):
        if names:
            note(f"Not replayed: {len(names)} files {why} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})")


def _serve(program: str, port: int, engine: Engine, collection: Collection, note: Note) -> int:
    command = [program, "-b", "127.0.0.1", "-p", str(port), "-d", str(collection.folder / FOLDER)]
    with tempfile.TemporaryFile() as said, signals_held() as heard:
        child = _started(command, said)
        try:
            signum = _await_start(child, program, port, said, heard)
            if signum is None:
                _show_addresses(engine, port, note)
            while signum is None:
                signum = heard(REFRESH_SECONDS)
                _refuse_ended(child, program, said)
                _refreshed(engine, collection)
        finally:
            _end(child)
    return 128 + signum


def _started(command: list[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    own = os.getpid()

    def before_it_runs() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        die_with_parent(own)

    try:
        return subprocess.Popen(  # noqa: S603 - the program that the user named
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C is ours to hear
            preexec_fn=before_it_runs,  # noqa: PLW1509 - there are no other threads
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"{command[0]}: cannot be run: {error}") from None


def _await_start(child: subprocess.Popen[bytes], program: str, port: int, said: IO[bytes], heard: Heard) -> int | None:
    """Until the port answers; the signal that came before it did. Raises UsageError when the program ends, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _refuse_ended(child, program, said)
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return None
        if (signum := heard(0.1)) is not None:
            return signum
    raise UsageError(f"{program} does not answer on port {port}; its last words: {_last_line(said)}")


def _refuse_ended(child: subprocess.Popen[bytes], program: str, said: IO[bytes]) -> None:
    if (code := child.poll()) is not None:
        raise UsageError(f"{program} ended with exit code {code}; its last words: {_last_line(said)}")


def _last_line(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _LAST_WORDS))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return console.one_line(lines[-1]) if lines else "none"


def _show_addresses(engine: Engine, port: int, note: Note) -> None:
    with reading(engine) as conn:
        pages = pywb.newest_pages(conn, SHOWN)
    for url, fetched_at in pages:
        console.out(pywb.address(port, url, fetched_at))
    console.flush()
    note(f"The archive is at http://127.0.0.1:{port}/{pywb.COLLECTION}/ until this command is interrupted (Ctrl-C)")


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
