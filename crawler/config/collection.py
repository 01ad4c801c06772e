"""A collection is a folder: newswarc.toml, news.db (or a PostgreSQL database), warc/. Finding one, and making one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crawler.config import checks
from crawler.config import edit as config_edit
from crawler.config import keys as config
from crawler.config.keys import FILE_NAME, Config
from storage.errors import DiskError, UsageError

# What file systems and file managers leave in a folder that is empty to its owner.
_LEFTOVERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "lost+found", ".directory", ".localized"})

_TEMPLATE = """\
# The settings of a newswarc collection. Every key is described in docs/settings.md; what is not set has its default.

[collection]
name = {name}
{contact}

[crawl]
# delay = 1.0          # seconds between two requests to a host
# concurrency = 32     # hosts that are asked at once
# workers = 2          # extraction processes; default: one for each core

# A site each. `newswarc source add URL` writes them, or write them yourself:
#
# [[source]]
# name = "paper"
# url = "https://www.paper.org/"
"""
_NO_CONTACT = '# contact = ""   # an e-mail address or web page of yours: sites see it, and can reach you'


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection's folder (absolute) and settings."""

    folder: Path
    config: Config

    @property
    def file(self) -> Path:
        """Its newswarc.toml."""
        return self.folder / FILE_NAME

    @property
    def database_url(self) -> str:
        """The database's URL, with an absolute path where it is a file."""
        return database_url(self.folder, self.config.database.url)

    def is_new(self) -> bool:
        """Whether nothing was crawled yet, as far as the folder tells: its SQLite file is not there."""
        scheme, _, file = self.database_url.partition(":///")
        return scheme == "sqlite" and not os.path.lexists(file.partition("?")[0])

    def warc(self) -> Path:
        """The folder of its WARC files. Raises DiskError when it is not there."""
        folder = self.folder / "warc"
        if not folder.is_dir():
            raise DiskError(
                f"{folder}: the folder of the WARC files is not there; mount its disk, or make it if it is new"
            )
        return folder


def database_url(folder: Path, url: str) -> str:
    """A database URL with its SQLite file resolved against the collection's folder."""
    scheme, separator, rest = url.partition(":///")
    if scheme != "sqlite" or not separator:
        return url
    name, mark, query = rest.partition("?")
    return f"sqlite:///{folder / name}{mark}{query}"


def find(folder: Path) -> Collection:
    """The collection in a folder. Raises UsageError when there is none, ConfigError when its settings are faulty."""
    folder = _absolute(folder)
    if not exists(folder):
        _refuse_missing(folder)
        raise UsageError(f"{folder}: no collection here (no {FILE_NAME}); {_way_out(folder)}")
    _refuse_nesting(folder)
    return Collection(folder, config.load(folder / FILE_NAME))


def _absolute(folder: Path) -> Path:
    """A folder as the database's URL and messages need it."""
    try:
        return folder.absolute()
    except FileNotFoundError:  # of the current folder
        raise UsageError("the current folder is not there any more; change to another") from None


def exists(folder: Path) -> bool:
    """Whether a folder is a collection."""
    return os.path.lexists(folder / FILE_NAME)  # Path.exists raises where a folder may not be entered


def make(folder: Path, name: str | None = None, contact: str | None = None) -> Collection:
    """Make a collection in a folder, which is made when it is not there.

    Raises UsageError where one is already, or around or inside of another; ConfigError for a bad name or contact.
    """
    folder = _absolute(folder)
    _refuse_nesting(folder)
    _refuse_inner(folder)
    content = _settings(name or _name_of(folder), contact, str(folder / FILE_NAME))
    try:
        (folder / "warc").mkdir(parents=True, exist_ok=True)
        config_edit.create(folder / FILE_NAME, content)
    except FileExistsError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise DiskError(f"{folder}: the collection cannot be made: {error.strerror}") from None
    return find(folder)


def find_or_make(folder: Path) -> tuple[Collection, bool]:
    """The collection in a folder, or a new one when it is empty; and whether it is new. Else UsageError."""
    if exists(folder):
        return find(folder), False
    if folder.is_dir() and (other := _first_other(folder)):
        raise UsageError(
            f"{folder.absolute()}: holds other things ({checks.shown(other)}) and no collection; "
            "use an empty folder, or make one here with `newswarc init`"
        )
    return make(folder), True


def _first_other(folder: Path) -> str | None:
    return min((entry.name for entry in folder.iterdir() if entry.name not in _LEFTOVERS), default=None)


def _settings(name: str, contact: str | None, file: str) -> bytes:
    """The text of a new newswarc.toml; ConfigError when name or contact would make it faulty."""
    given = _NO_CONTACT if contact is None else f"contact = {_quoted(contact)}"
    content = _TEMPLATE.format(name=_quoted(name), contact=given).encode()
    config.loads(content, file)
    return content


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + '"'


def _name_of(folder: Path) -> str:
    """A collection's name from its folder's."""
    return re.sub(r"[^\w .-]+", "-", folder.name).strip(" -")[: checks.MAX_LINE] or "news"


def _refuse_missing(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DiskError(f"{folder}: you have no permission to read this folder")


def _around(folder: Path) -> Path | None:
    """The collection that a folder lies in."""
    return next((parent for parent in folder.resolve().parents if exists(parent)), None)


def _refuse_nesting(folder: Path) -> None:
    outer = _around(folder)
    if outer is not None:
        raise UsageError(f"{folder}: lies inside of the collection {outer}; collections cannot be nested")
    if "?" in str(folder):
        raise UsageError(f"{folder}: a collection's path must not hold a question mark")


def _refuse_inner(folder: Path) -> None:
    inner = next(_inner(folder), None)
    if inner is not None:
        raise UsageError(f"{folder}: holds the collection {inner.name}; collections cannot be nested")


def _inner(folder: Path) -> Iterator[Path]:
    """The collections right below a folder."""
    if folder.is_dir():
        yield from sorted(child for child in folder.iterdir() if child.is_dir() and exists(child))


def _way_out(folder: Path) -> str:
    near = _around(folder) or next(_inner(folder), None)
    if near is not None:
        return f"there is one in {near}: add --collection {near}"
    return "`newswarc init` makes one, --collection DIR uses another"
