"""`newswarc`: finds a command's door by its name, and turns every way it can end into an exit code and one line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any, NoReturn

import click

from crawler.commands.shared import Invocation, shared_options
from crawler.later import later
from crawler.terminal import console
from crawler.terminal.explained import EXIT_BUG, EXIT_DISK, EXIT_USAGE, explained
from storage.errors import LockedError, StoppedError

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
EXIT_BROKEN_PIPE = 128 + 13

_as_objects = later("crawler.terminal.jsonlog:as_objects")


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
            ctx.fail(f"No such command {name!r}; {later('crawler.config.checks:nearest')(name, self._paths)}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, paths=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@shared_options
def cli() -> None:
    """Crawl news sites into a database, and into an archive that holds every exchange byte for byte.

    Begin with `newswarc crawl https://www.your-paper.org/` in an empty folder.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: this process's) and return its exit code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    console.prepare()
    with _as_objects() if wants_objects(typed) else nullcontext():
        return _main(typed)


def wants_objects(typed: Sequence[str]) -> bool:
    """Whether a command line asks for --log-format json, be it right or wrong: its own errors are told so, too."""
    words = typed[: list(typed).index("--")] if "--" in typed else typed
    pairs = zip(words, [*words[1:], ""], strict=False)
    said = [word.partition("=")[2] or after for word, after in pairs if word.partition("=")[0] == "--log-format"]
    return said[-1:] == ["json"]


def _main(typed: list[str]) -> int:
    invocation = Invocation()
    try:
        code = _run(typed, invocation)
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
    if isinstance(error, LockedError) and invocation.if_locked == "skip":
        invocation.note(f"Skipped: {str(error).partition(';')[0]}")
        return 0
    code, lines = explained(error)
    _complain(error, code, lines, debug=invocation.debug)
    if code == EXIT_DISK:
        console.abandon()
    if isinstance(error, StoppedError):  # all is in order; while the interpreter takes itself apart a second signal would kill
        _leave(code)
    return code


def _complain(error: BaseException, code: int, lines: Sequence[str], *, debug: bool) -> None:
    known: dict[str, object] = {"exit_code": code}
    if not isinstance(error, click.ClickException):
        if console.speaks_objects() and (debug or code == EXIT_BUG):
            known["traceback"] = "".join(traceback.format_exception(error))
        elif debug:
            traceback.print_exception(error)
    for line in lines:
        console.complain(line, **known)


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


if __name__ == "__main__":
    sys.exit(main())
