"""What the doors share: how a command was called, the options that go before or after any command, kinds of values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from crawler import VERSION
from crawler.terminal import console

_DURATION = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s?)?", re.ASCII)
_UNITS = (86_400, 3_600, 60, 1)  # seconds of the groups above

Door = TypeVar("Door", bound=Callable[..., Any])


@dataclass(slots=True)
class Invocation:
    """What stands beside a command: where it works, and how much it says."""

    collection: Path = Path()
    quiet: bool = False
    verbose: int = 0
    debug: bool = False
    if_locked: str = "fail"
    log_format: str = "text"

    @property
    def patience(self) -> float:
        """Seconds that a command waits for the collection, perhaps inf."""
        return math.inf if self.if_locked == "wait" else 0.0

    def note(self, text: str) -> None:
        """A line for the person, unless -q."""
        if not self.quiet:
            console.note(text)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        setattr(context.ensure_object(Invocation), str(parameter.name), value)


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        console.out(f"newswarc {VERSION}")
        context.exit()


def shared_options(door: Door) -> Door:
    """Add the options that may stand before or after any command; their values go to the Invocation."""
    for option in reversed(_SHARED):
        door = option(door)
    return door


def lock_option(door: Door) -> Door:
    """Add --if-locked, for commands that want a collection for themselves; its value goes to the Invocation."""
    return click.option(
        "--if-locked",
        type=click.Choice(["fail", "skip", "wait"]),
        expose_value=False,
        callback=_remember,
        help="While another run holds the collection: end with exit code 6, with 0, or wait.  [default: fail]",
    )(door)


_SHARED = (
    click.option(
        "--collection",
        metavar="DIR",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_remember,
        help="Folder of the collection.  [default: the current folder]",
    ),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Say nothing unless something is wrong.",
    ),
    click.option(
        "-v", "--verbose", count=True, expose_value=False, callback=_remember, help="Say more; -vv even more."
    ),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        expose_value=False,
        callback=_remember,
        help="How lines on stderr are written.  [default: text]",
    ),
    click.option("--debug", is_flag=True, expose_value=False, callback=_remember, help="Show tracebacks of errors."),
    click.option(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_version,
        help="Show the version and exit.",
    ),
)


def duration(text: str) -> float:
    """Seconds, from 90, 90s, 15m, 2h, 1d or 1h30m."""
    match = _DURATION.fullmatch(text.strip().lower())
    numbers = match.groups(default="0") if match else ()
    total = sum(int(number) * unit for number, unit in zip(numbers, _UNITS, strict=False))
    if total <= 0:
        raise click.BadParameter(f"{text!r} is no duration; write 90, 90s, 15m, 2h or 1h30m")
    return float(total)
