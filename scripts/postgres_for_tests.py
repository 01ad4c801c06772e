"""A throw-away PostgreSQL for tests, on a private socket: no TCP port, no password, no fsync, gone afterwards.

    postgres_for_tests.py run -- COMMAND...   start one, run COMMAND with NEWSWARC_TEST_POSTGRES set, stop it
    postgres_for_tests.py start [FOLDER]      start one and print its URL
    postgres_for_tests.py stop FOLDER         stop it and remove FOLDER

Needs the server's programs (Debian: apt-get install postgresql). As root, which PostgreSQL refuses, it runs as user
postgres.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

OWNER = "postgres"  # the system user when we are root, and the database's superuser always
SETTINGS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=50"


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs: the newest version's, or what PATH has."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise SystemExit(f"{name} not found; install PostgreSQL (Debian: apt-get install postgresql)")
    return path


def as_owner(folder: Path, *command: str) -> None:
    """Run a program of PostgreSQL as a user it accepts; its words go to FOLDER/commands.log."""
    user = OWNER if os.geteuid() == 0 else None
    with (folder / "commands.log").open("a") as log:
        ended = subprocess.run(command, user=user, cwd=folder, stdout=log, stderr=log, env=_environment(), check=False)
    if ended.returncode:
        raise SystemExit(f"{command[0]} failed:\n{_tail(folder / 'commands.log')}{_tail(folder / 'server.log')}")


def _environment() -> dict[str, str]:
    """No PG* variable of the caller may lead elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""


def start(folder: Path | None = None) -> tuple[Path, str]:
    """Start a server whose files and socket lie in `folder` (made when None). Returns folder and URL."""
    folder = folder or Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path may have 107 bytes at most
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        owner = pwd.getpwnam(OWNER)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    cluster = str(folder / "cluster")
    as_owner(folder, program("initdb"), "-D", cluster, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-k {folder} -c listen_addresses= {SETTINGS}"
    as_owner(folder, program("pg_ctl"), "-D", cluster, "-l", str(folder / "server.log"), "-w", "-o", options, "start")
    return folder, f"postgresql://{OWNER}@/postgres?host={folder}"


def restart(folder: Path) -> None:
    """Stop the server of `folder`, ending every connection, and start it again."""
    cluster = str(folder.absolute() / "cluster")
    as_owner(folder, program("pg_ctl"), "-D", cluster, "-l", str(folder / "server.log"), "-m", "fast", "-w", "restart")


def stop(folder: Path) -> None:
    """Stop the server of `folder` and remove it."""
    as_owner(folder, program("pg_ctl"), "-D", str(folder.absolute() / "cluster"), "-m", "immediate", "-w", "stop")
    shutil.rmtree(folder)


def run(command: Sequence[str]) -> int:
    """The exit code of `command`, run with a server of its own."""
    folder, url = start()
    try:
        return subprocess.run(command, env=os.environ | {"NEWSWARC_TEST_POSTGRES": url}, check=False).returncode
    finally:
        stop(folder)


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    match list(arguments):
        case ["run", "--", *command] if command:
            return run(command)
        case ["start"] | ["start", _]:
            print(start(Path(arguments[1]) if len(arguments) > 1 else None)[1])
            return 0
        case ["stop", folder]:
            stop(Path(folder))
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
