"""What a run logs, kept for its archive: INFO and above, one line a record, in UTC."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Self, cast

from crawler.config import checks
from crawler.terminal import console
from storage.times import iso, now
from storage.warc.file import disk
from storage.warc.format import run_uri
from storage.warc.write import WarcWriter

MOST = 16 << 20  # bytes that are kept
_IN_MEMORY = 1 << 20  # bytes; a longer log goes to a temporary file


class Journal(logging.Handler):
    """Hears every logger between `with` and its end. Of more than `most` bytes, or what a full disk refuses, it counts lines."""

    def __init__(self, folder: str | None, most: int = MOST) -> None:
        super().__init__(logging.INFO)
        self._file = SpooledTemporaryFile(_IN_MEMORY, dir=folder)  # noqa: SIM115 - closed with the handler
        self._room = most
        self._size = 0
        self._left_out = 0
        self._full = False
        self._sealed = False

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        self.acquire()
        self._sealed = True
        self._file.close()
        self.release()
        self.close()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line. Never raises."""
        if self._sealed:
            return
        try:
            self._keep(f"{line_of(record)}\n".encode("utf-8", "backslashreplace"))
        except Exception:  # noqa: BLE001 - whoever logs in a wrong way must not end the run
            self._left_out += 1

    def _keep(self, line: bytes) -> None:
        self._full = self._full or len(line) > self._room - self._size
        if self._full:
            self._left_out += 1
            return
        try:
            self._file.write(line)
        except OSError:
            self._full, self._left_out = True, self._left_out + 1
            return
        self._size += len(line)

    def write_to(self, writer: WarcWriter, run_id: str) -> None:
        """End it as a resource record. Raises DiskError."""
        self.acquire()  # whoever logs meanwhile waits, and is not heard any more
        try:
            if self._left_out:
                with disk("write the log in", writer.folder):
                    self._file.seek(self._size)
                    self._file.truncate()  # half a line, where the disk was full
                    self._file.write(f"{now()} {self._left_out} lines were left out\n".encode())
            self._sealed = True
            writer.write_resource(run_uri(run_id, "log"), "text/plain; charset=utf-8", cast("IO[bytes]", self._file))
        finally:
            self.release()


def line_of(record: logging.LogRecord) -> str:
    """`2026-03-01T12:00:00.000Z WARNING crawler.run.run what happened (ErrorType: why)`, on one line, without passwords."""
    moment = iso(datetime.fromtimestamp(record.created, UTC))
    error = record.exc_info[1] if record.exc_info else None
    why = f" ({type(error).__name__}: {error})" if error else ""
    return console.one_line(checks.without_password(f"{moment} {record.levelname} {record.name} {record.getMessage()}{why}"))
