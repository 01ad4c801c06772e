"""`--log-format json`: stderr as one JSON object a line, whoever writes to it.

An object has `time` (UTC), `level` (debug, info, warning, error), `run`, `source`, `url`, `reason` and `message`, null where
not known; an error that ends a command has `exit_code` as well, and what has a traceback `traceback`. Secrets are masked.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from crawler.terminal import console
from crawler.terminal.masking import masked
from storage.times import iso, now

MOST_CHARACTERS = 4_000  # of a message: a page's text is nobody's log
MOST_OF_TRACEBACK = 16_000
_KNOWN = ("source", "url", "reason")


class JsonLines(io.TextIOBase):
    """A stream that makes an object of every line written to it: what is not ours, a library's warning say, too."""

    def __init__(self, stream: TextIO) -> None:
        self.run: str | None = None
        self._stream = stream
        self._rest = ""
        self._lock = threading.RLock()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Text of whoever knows nothing of objects."""
        with self._lock:
            *lines, rest = (self._rest + text).split("\n")
            self._rest = rest[:MOST_OF_TRACEBACK]
            for line in lines:
                if line.strip():
                    self.say("warning", line)
        return len(text)

    def say(self, level: str, message: str, *, at: datetime | None = None, **known: Any) -> None:
        """Write an object. Never raises: there is nobody left to tell."""
        told: dict[str, Any] = {"time": iso(at) if at else now(), "level": level, "run": known.pop("run", None) or self.run}
        told |= {name: _text(known.pop(name, None)) for name in _KNOWN}
        told["message"] = _text(message)
        if (trace := known.pop("traceback", None)) is not None:
            told["traceback"] = masked(trace)[-MOST_OF_TRACEBACK:]
        with suppress(OSError, ValueError), self._lock:
            self._stream.write(json.dumps(told | known, ensure_ascii=True, default=str) + "\n")
            self._stream.flush()

    def thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        """See threading.excepthook."""
        error = "".join(traceback.format_exception(failed.exc_type, failed.exc_value, failed.exc_traceback))
        self.say("error", f"a thread ended by {failed.exc_type.__name__}", traceback=error)

    def flush(self) -> None:
        """Every object is written at once."""


def _text(value: object) -> str | None:
    return None if value is None else masked(console.one_line(str(value)[:MOST_CHARACTERS]))


class JsonHandler(logging.Handler):
    """Log records as objects."""

    def __init__(self, lines: JsonLines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write one. Never raises."""
        try:
            self._tell(record)
        except Exception:  # noqa: BLE001 - whoever logs in a wrong way must not end the run
            self._lines.say("error", f"{record.name}: what was logged cannot be told", logger=record.name)

    def _tell(self, record: logging.LogRecord) -> None:
        known = known_of(record)
        if record.exc_info and record.exc_info[1] is not None:
            known["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        at = datetime.fromtimestamp(record.created, UTC)
        level = {"critical": "error"}.get(record.levelname.lower(), record.levelname.lower())
        self._lines.say(level, record.getMessage(), at=at, logger=record.name, **known)


def known_of(record: logging.LogRecord) -> dict[str, Any]:
    """Source, URL and reason of a record: what was said with it, or what the request tells that it is about."""
    known = {name: getattr(record, name) for name in _KNOWN if getattr(record, name, None)}
    arguments = record.args if isinstance(record.args, Mapping) else {}
    request = arguments.get("request")
    if request is not None and hasattr(request, "url"):
        lease = getattr(request, "meta", {}).get("lease")
        known.setdefault("url", request.url)
        known.setdefault("source", getattr(lease, "source", None))
    if arguments.get("reason"):
        known.setdefault("reason", arguments["reason"])
    return known


@contextmanager
def as_objects() -> Iterator[None]:
    """Make this process's stderr speak in objects, with warnings and the errors of threads, one each."""
    if sys.stderr is None:
        yield
        return
    lines = JsonLines(sys.stderr)
    before = sys.stderr, warnings.showwarning, threading.excepthook
    sys.stderr = lines
    warnings.showwarning = lambda message, category, *_, **__: lines.say("warning", f"{category.__name__}: {message}")
    threading.excepthook = lines.thread_failed
    try:
        yield
    finally:
        sys.stderr, warnings.showwarning, threading.excepthook = before


def speaker() -> logging.Handler:
    """The handler for this process's stderr: objects, or lines as people read them."""
    if isinstance(sys.stderr, JsonLines):
        return JsonHandler(sys.stderr)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    return handler
