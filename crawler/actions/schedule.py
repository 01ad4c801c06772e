"""`schedule`: the units or the crontab line of a collection, for whoever installs them."""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.process.timer import ENDING, Plan, crontab, fault_of, fits, service, timer
from crawler.terminal import console
from storage.errors import UsageError

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?", re.ASCII)  # as useradd(8) wants them


def schedule(
    folder: Path, every: float, max_runtime: float, user: str | None, part: str | None, note: Callable[[str], None]
) -> None:
    """Print what was asked for: both units, one of them, or a crontab line. Raises UsageError."""
    plan = _plan(collections.find(folder), every, max_runtime, user)
    if part == "cron":
        console.out(crontab(plan, with_user=user is not None), end="")
        note(_advice_cron(plan, user))
        return
    for kind, text in (("service", service(plan)), ("timer", timer(plan))):
        if part in (None, kind):
            console.out(f"# /etc/systemd/system/{plan.name}.{kind}\n{text}", end="" if part else "\n")
    note(f"Write them there, then `systemctl daemon-reload` and `systemctl enable --now {plan.name}.timer`")


def _plan(collection: Collection, every: float, max_runtime: float, user: str | None) -> Plan:
    if not fits(every):
        raise UsageError("--every must divide an hour (1m, 5m, 10m, 15m, 20m, 30m) or a day (1h, 2h, 3h, 4h, 6h, 8h, 12h, 1d)")
    command, writable = _command(), tuple(dict.fromkeys(map(str, _written(collection))))
    if (bad := fault_of([*command, *writable])) is not None:
        raise UsageError(f"{checks.shown(bad)} cannot stand in a unit or a crontab: it has a control character in it")
    return Plan(
        name=f"newswarc-{_word(collection.config.collection.name)}",
        command=command,
        collection=str(collection.folder),
        writable=writable,
        user=_user(collection.folder, user),
        every=int(every),
        max_runtime=int(max_runtime),
        local_database=_is_local(collection.database_url),
    )


def _command() -> tuple[str, ...]:
    """This very program, by absolute paths, so that neither PATH nor a shell's settings matter."""
    script = Path(sys.executable).parent / "newswarc"
    if script.is_file():
        return (sys.executable, str(script))
    return (sys.executable, "-P", "-m", "crawler.cli")


def _written(collection: Collection) -> Iterator[Path]:
    """The folders that a run writes to: the collection's, and where links in it, or its settings, lead."""
    yield collection.folder
    places = [collection.folder / "warc"]
    scheme, _, file = collection.database_url.partition(":///")
    if scheme == "sqlite":
        places.append(Path(file.partition("?")[0]).parent)
    if (metrics := collection.config.report.metrics) is not None:
        places.append((collection.folder / metrics).parent)
    for place in places:
        if not (real := Path(os.path.realpath(place))).is_relative_to(collection.folder):
            yield real


def _is_local(url: str) -> bool:
    """Whether a database is a PostgreSQL server on this machine."""
    return url.startswith("postgres") and urlsplit(url).hostname in (None, "localhost", "127.0.0.1", "::1")


def _user(folder: Path, user: str | None) -> str:
    if user is not None:
        if not _USER.fullmatch(user):
            raise UsageError(f"--user {checks.shown(user)} is no name of a user")
        return user
    owner = folder.stat().st_uid
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return str(owner)


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:60] or "news"


def _advice_cron(plan: Plan, user: str | None) -> str:
    where = f"/etc/cron.d/{plan.name.replace('.', '-')}" if user else "`crontab -e`"
    return f"Write it into {where}; a run ends {plan.max_runtime + ENDING} s after its start at the latest"
