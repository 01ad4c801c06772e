"""What a person or a pipe gets to see: data on stdout, all else on stderr, no control characters on a terminal."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

# C0 without tab and newline, DEL, C1, and what overrides or hides text: bidirectional controls, zero width, line ends.
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_UNSAFE = re.compile(f"[{_CONTROLS}\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\r\x0b\x0c]+")


def neutral(text: str) -> str:
    r"""Text that a terminal only shows: control characters stand as \uXXXX (which also keeps JSON valid)."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(text: str) -> str:
    """Neutral text on one line."""
    return neutral(_BREAKS.sub(" ", text)).strip()


def indented(text: str) -> str:
    """Neutral text on one line, as far to the right as it was."""
    return text[: len(text) - len(text.lstrip(" "))] + one_line(text)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads this stream as it comes."""
    return stream is not None and not stream.closed and stream.isatty()


def prepare() -> None:
    """Pipes get UTF-8 whatever the locale; a terminal gets escapes for what it cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = stream.encoding if is_terminal(stream) else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def stdout() -> TextIO:
    """The stream for data. Raises OSError when it was closed before we began."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "stdout is closed")
    return sys.stdout


def out(text: str, end: str = "\n") -> None:
    """A line (or several) of data."""
    stream = stdout()
    stream.write((neutral(text) if is_terminal(stream) else text) + end)


class Style(StrEnum):
    """How a part of a line is told from the rest: by colour for a person, by marks for a pipe."""

    PLAIN = "plain"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a line."""

    text: str
    style: Style = Style.PLAIN


_MARKS = {Style.GONE: ("[-", "-]"), Style.NEW: ("{+", "+}")}
_COLOURS = {Style.GONE: ("\x1b[31;9m", "\x1b[0m"), Style.NEW: ("\x1b[32m", "\x1b[0m")}  # red and struck out, green


def out_parts(parts: Iterable[Part]) -> None:
    """A line of parts: coloured on a terminal (not with NO_COLOR, https://no-color.org), else marked."""
    terminal = is_terminal(stdout())
    around = _COLOURS if terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" else _MARKS
    shown = []
    for part in parts:
        begin, end = around.get(part.style, ("", ""))
        shown.append(begin + (neutral(part.text) if terminal else part.text) + end)
    stdout().write("".join(shown) + "\n")


def out_bytes(chunks: Iterable[bytes]) -> None:
    """Bytes as they are; on a terminal as neutral text."""
    stream = stdout()
    if is_terminal(stream):
        for text in codecs.iterdecode(chunks, "utf-8", "backslashreplace"):
            out(text, end="")
        return
    stream.flush()
    for chunk in chunks:
        stream.buffer.write(chunk)


def out_json(value: object) -> None:
    """One JSON document, indented for a person, else on one line."""
    out(json.dumps(value, ensure_ascii=False, indent=2 if is_terminal(stdout()) else None, default=str))


def out_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows below a header: aligned for a person, separated by tabs for a pipe."""
    cells = [[one_line("" if cell is None else str(cell)) for cell in row] for row in rows]
    lines = _aligned([list(header), *cells]) if is_terminal(stdout()) else ["\t".join(row) for row in [header, *cells]]
    for line in lines:
        out(line)


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def note(text: str, level: str = "info", **known: object) -> None:
    """A line for the person, beside the data; what is `known` of it, its source say, goes with it where lines are objects."""
    if (say := getattr(sys.stderr, "say", None)) is not None:  # jsonlog.JsonLines, of which nobody else needs to know
        say(level, text, **known)
    elif sys.stderr is not None:
        with contextlib.suppress(OSError):  # there is nobody left to tell that nobody can be told
            sys.stderr.write(one_line(text) + "\n")


def complain(text: str, **known: object) -> None:
    """The line that says what went wrong."""
    note(f"newswarc: error: {text}", "error", **known)


def speaks_objects() -> bool:
    """Whether stderr has objects for lines (--log-format json)."""
    return hasattr(sys.stderr, "say")


def of_run(run_id: str) -> None:
    """From here on lines are those of a run; only objects say so."""
    if speaks_objects():
        setattr(sys.stderr, "run", run_id)  # noqa: B010 - as above


def flush() -> None:
    """Hand out what is written; a full disk or a closed pipe shows here at the latest."""
    if sys.stdout is not None:
        sys.stdout.flush()


def abandon() -> None:
    """Write nothing more to stdout, so that the interpreter's last flush cannot fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
