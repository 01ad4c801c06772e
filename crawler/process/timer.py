"""Runs at regular times: a systemd service with its timer, or a crontab line, as text. Pure.

systemd.unit(5) and systemd.service(5) say how values are quoted, crontab(5) what `%` means.
"""

from __future__ import annotations

import re
import shlex
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

MINUTE, HOUR, DAY = 60, 3_600, 86_400  # seconds
ENDING = 600  # seconds that a run needs at most to end: an exchange, a database that is waited for, the WARC
MOST_DELAY = 300  # seconds by which a start is moved at most, so that not all collections begin at once
STOPPED = 143  # the exit code of a run that systemd's SIGTERM ended in good order
OPEN_FILES = 8_192


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run when. Paths are absolute; `writable` are the folders that a run writes to, the collection's first."""

    name: str
    command: tuple[str, ...]  # without the options of the run
    collection: str
    writable: tuple[str, ...]
    user: str
    every: int  # seconds, see `fits`
    max_runtime: int  # seconds
    local_database: bool = False  # PostgreSQL on this machine


def fits(every: float) -> bool:
    """Whether a calendar can say so: whole minutes that divide an hour, or whole hours that divide a day."""
    if every != int(every) or every < MINUTE or every > DAY:
        return False
    return (every % MINUTE == 0 and HOUR % every == 0) or (every % HOUR == 0 and DAY % every == 0)


def arguments(plan: Plan) -> tuple[str, ...]:
    """The command line of a run: quiet, gone again when another run is at work, ended in time."""
    own = ("--collection", plan.collection, "crawl", "-q", "--if-locked", "skip", "--max-runtime", f"{plan.max_runtime}s")
    return plan.command + own


# ---- systemd


def service(plan: Plan) -> str:
    """NAME.service: one run."""
    lines = [
        "[Unit]",
        f"Description=A crawl of {_escaped(plan.collection)}",
        "Documentation=man:systemd.service(5)",
        "Wants=network-online.target",
        f"After=network-online.target{' postgresql.service' if plan.local_database else ''}",
        f"RequiresMountsFor={' '.join(map(_quoted, plan.writable))}",
        "# A unit of yours that tells somebody; -q and exit codes make sure that it is worth hearing:",
        "# OnFailure=",
        "",
        "[Service]",
        "Type=oneshot",
        f"User={plan.user}",
        f"WorkingDirectory={_escaped(plan.collection)}",
        f"ExecStart={' '.join(map(_argument, arguments(plan)))}",
        f"# --max-runtime, and {ENDING // MINUTE} minutes to end in: a run that is still there then is broken.",
        f"TimeoutStartSec={plan.max_runtime + ENDING}s",
        f"TimeoutStopSec={ENDING}s",
        "KillMode=mixed",
        f"SuccessExitStatus={STOPPED}",
        "Nice=10",
        "IOSchedulingClass=best-effort",
        "IOSchedulingPriority=7",
        f"LimitNOFILE={OPEN_FILES}",
        "UMask=0027",
        *_hardening(plan),
    ]
    return "\n".join(lines) + "\n"


def _hardening(plan: Plan) -> list[str]:
    """All is read-only but the collection. A private /tmp would hide a collection that lies there."""
    in_tmp = any(_is_below(path, tmp) for path in (*plan.writable, *plan.command) for tmp in ("/tmp", "/var/tmp"))  # noqa: S108
    return [
        "NoNewPrivileges=true",
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        f"ReadWritePaths={' '.join(map(_quoted, plan.writable))}",
        *([] if in_tmp else ["PrivateTmp=true"]),
        "PrivateDevices=true",
        "ProtectClock=true",
        "ProtectControlGroups=true",
        "ProtectHostname=true",
        "ProtectKernelLogs=true",
        "ProtectKernelModules=true",
        "ProtectKernelTunables=true",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "RestrictNamespaces=true",
        "RestrictRealtime=true",
        "RestrictSUIDSGID=true",
        "LockPersonality=true",
        "SystemCallArchitectures=native",
        "CapabilityBoundingSet=",
    ]


def timer(plan: Plan) -> str:
    """NAME.timer: when it is run; what was missed while the machine was off is made up for once."""
    lines = [
        "[Unit]",
        f"Description=Crawls of {_escaped(plan.collection)}",
        "",
        "[Timer]",
        f"OnCalendar={_calendar(plan.every)}",
        f"RandomizedDelaySec={min(plan.every // 4, MOST_DELAY)}s",
        "FixedRandomDelay=true",
        "AccuracySec=1s",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


def _calendar(every: int) -> str:
    """As systemd.time(7) writes it."""
    if every == DAY:
        return "*-*-* 00:00:00"
    if every >= HOUR:
        return f"*-*-* 00/{every // HOUR}:00:00"
    return f"*-*-* *:00/{every // MINUTE}:00"


def _escaped(text: str) -> str:
    """A value that is the rest of its line: only specifiers mean something in it."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """A word of a list of words."""
    escaped = _escaped(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if re.search(r"[\s\"'\\;]", text) else escaped


def _argument(text: str) -> str:
    """A word of a command line, in which `$` means a variable too."""
    return _quoted(text.replace("$", "$$"))


# ---- cron


def crontab(plan: Plan, *, with_user: bool) -> str:
    """A line of a crontab; `with_user`, one of /etc/crontab and /etc/cron.d, which name the user."""
    command = shlex.join(arguments(plan)).replace("%", "\\%")
    user = f"{plan.user} " if with_user else ""
    return f"{_times(plan)} {user}{command}\n"


def _times(plan: Plan) -> str:
    """The five fields; the first minute is the collection's own, so that not all begin at once."""
    if plan.every < HOUR:
        step = plan.every // MINUTE
        return f"{'*' if step == 1 else f'{_offset(plan, step)}-59/{step}'} * * * *"
    return f"{_offset(plan, 60)} {_hours(plan, plan.every // HOUR)} * * *"


def _hours(plan: Plan, step: int) -> str:
    if step == 1:
        return "*"
    return f"{_offset(plan, 24)}" if step == 24 else f"{_offset(plan, step)}-23/{step}"


def _offset(plan: Plan, below: int) -> int:
    return zlib.crc32(plan.collection.encode("utf-8", "surrogateescape")) % below


def fault_of(paths: Sequence[str]) -> str | None:
    """A path that cannot be written into a unit or a crontab: a line is a line there."""
    return next((path for path in paths if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", path)), None)


def _is_below(path: str, folder: str) -> bool:
    return PurePath(path).is_relative_to(folder)
