"""`newswarc`: finds a command's door by its name, and turns every way it can end into an exit code and one line."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

from crawler import console
from crawler.commands.shared import Invocation, shared_options
from crawler.later import later
from storage.errors import NewswarcError, StoppedError

COMMANDS: Mapping[str, str] = {
    "init": "crawler.commands.init:command",
    "try": "crawler.commands.try_:command",
    "extract": "crawler.commands.extract:command",
    "source": "crawler.commands.source:command",
    "crawl": "crawler.commands.crawl:command",
    "fetch": "crawler.commands.fetch:command",
    "plan": "crawler.commands.plan:command",
    "retry": "crawler.commands.retry:command",
    "status": "crawler.commands.status:command",
    "politeness": "crawler.commands.politeness:command",
    "show": "crawler.commands.show:command",
    "why": "crawler.commands.why:command",
    "diff": "crawler.commands.diff:command",
    "schedule": "crawler.commands.schedule:command",
    "doctor": "crawler.commands.doctor:command",
    "export": "crawler.commands.export:command",
    "snapshot": "crawler.commands.snapshot:command",
    "package": "crawler.commands.package:command",
    "replay": "crawler.commands.replay:command",
    "files": "crawler.commands.files:command",
    "verify": "crawler.commands.verify:command",
    "withdraw": "crawler.commands.withdraw:command",
    "reprocess": "crawler.commands.reprocess:command",
    "ingest": "crawler.commands.ingest:command",
}
EXIT_BUG, EXIT_USAGE, EXIT_DISK, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 1, 2, 8, 128 + 2, 128 + 13

# What the machine refuses is no bug: no space, quota, read-only, permission, input/output, handles, closed stdout.
_DISK = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.EBADF,
    }
)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are named; the list of all of them imports every door."""

    def __init__(self, *args: Any, paths: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._paths = paths

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of use."""
        return list(self._paths)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The door of that name."""
        path = self._paths.get(cmd_name)
        if path is None:
            return None
        command = later(path).function()
        if not isinstance(command, click.Command):
            raise TypeError(f"{path} is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was named; of a name that is none, the nearest is told."""
        name = click.utils.make_str(args[0])
        if name not in self._paths and not name.startswith("-"):
            ctx.fail(f"No such command {name!r}; {later('crawler.checks:nearest')(name, self._paths)}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, paths=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@shared_options
def cli() -> None:
    """Crawl news sites into a database, and into an archive that holds every exchange byte for byte.

    Begin with `newswarc crawl https://www.your-paper.org/` in an empty folder.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: this process's) and return its exit code."""
    invocation = Invocation()
    console.prepare()
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments), invocation)
        console.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where every error ends as a line
        return _ended(error, invocation)
    return code


def _run(arguments: list[str], invocation: Invocation) -> int:
    with cli.make_context("newswarc", arguments, obj=invocation) as context:
        result = cli.invoke(context)
    return result if isinstance(result, int) else 0


def _ended(error: BaseException, invocation: Invocation) -> int:
    """The exit code of an error, after its line was written."""
    if isinstance(error, click.exceptions.Exit):
        return _flushed(error.exit_code, invocation)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return EXIT_USAGE
    if isinstance(error, BrokenPipeError):
        console.abandon()
        return EXIT_BROKEN_PIPE
    code, lines = _explained(error)
    if invocation.debug and not isinstance(error, click.ClickException):
        traceback.print_exception(error)
    for line in lines:
        console.complain(line)
    if code == EXIT_DISK:
        console.abandon()
    if isinstance(error, StoppedError):  # all is in order; while the interpreter takes itself apart a second signal would kill
        _leave(code)
    return code


def _leave(code: int) -> NoReturn:
    with suppress(OSError, ValueError):
        console.flush()
    os._exit(code)


def _flushed(code: int, invocation: Invocation) -> int:
    """The code, when --help or --version could be written out."""
    try:
        console.flush()
    except OSError as error:
        return _ended(error, invocation)
    return code


def _explained(error: BaseException) -> tuple[int, tuple[str, ...]]:
    """Exit code and lines of an error."""
    match error:
        case KeyboardInterrupt() | click.Abort():
            return EXIT_INTERRUPTED, ("interrupted",)
        case click.UsageError(ctx=context) if context is not None:
            said = error.format_message()
            end = "" if said.endswith((".", "?")) else "."
            return EXIT_USAGE, (f"{said}{end} See `{context.command_path} --help`.",)
        case click.ClickException():
            return EXIT_USAGE, (error.format_message(),)
        case NewswarcError():
            return error.exit_code, getattr(error, "faults", (str(error),))
        case OSError(errno=number) if number in _DISK:
            where = f"{error.filename}: " if error.filename else ""
            return EXIT_DISK, (f"{where}{error.strerror}",)
        case _:
            name = type(error).__name__
            return EXIT_BUG, (f"a bug, please report it ({name}: {error}); --debug shows the traceback",)


if __name__ == "__main__":
    sys.exit(main())
