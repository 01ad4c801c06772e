"""What an error means for the command line: its exit code, and the lines that say what is wrong."""

from __future__ import annotations

import errno

import click

from storage.errors import NewswarcError

EXIT_BUG, EXIT_USAGE, EXIT_DISK, EXIT_INTERRUPTED = 1, 2, 8, 128 + 2

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


def explained(error: BaseException) -> tuple[int, tuple[str, ...]]:
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
