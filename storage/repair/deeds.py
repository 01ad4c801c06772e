"""What a repair works with, and what it has done."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from storage.warc.file import sync_folder

log = logging.getLogger(__name__)

_CUT = ".cut-"  # with the offset, suffix of what was cut off a file


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was mended; `str()` is one line."""

    file: str | None
    offset: int | None
    what: str

    def __str__(self) -> str:
        place = self.file or "archive"
        return f"{place}: {self.what}" if self.offset is None else f"{place} at offset {self.offset}: {self.what}"


@dataclass(slots=True)
class Means:
    """The database, the folder of the archive, the present moment, and the account of what was done."""

    engine: Engine
    folder: Path
    now: str
    deeds: list[Deed] = field(default_factory=list)

    def did(self, file: str | None, offset: int | None, what: str) -> None:
        """Note it."""
        deed = Deed(file, offset, what)
        log.info("%s", deed)
        self.deeds.append(deed)

    def save(self, path: Path, offset: int) -> None:
        """Keep what lies behind an offset of a file in a file of its own: it is about to be cut."""
        name, number = f"{path.name}{_CUT}{offset}", 1
        while (path.parent / name).exists():
            number += 1
            name = f"{path.name}{_CUT}{offset}-{number}"
        with path.open("rb") as source, (path.parent / name).open("xb") as target:
            source.seek(offset)
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
            size = target.tell()
        sync_folder(path.parent)
        self.did(path.name, offset, f"{size} bytes cut off; they are kept in {name}")
