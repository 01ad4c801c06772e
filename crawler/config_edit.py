"""Writes newswarc.toml: a source is added below what stands there, byte for byte, so comments and layout stay.

The file is replaced in one step, under a lock on its folder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import tomlkit
from tomlkit.items import Array, Table

from crawler import config, files
from crawler.config import Config, Source
from storage.errors import ConfigError, DiskError
from storage.urlkey import InvalidURL, key


def add_source(path: Path, source: Source) -> Config:
    """Add a source to a file and return its new settings.

    Raises ConfigError when its name or site is there already or is not valid, DiskError when it cannot be written.
    """
    target = path.resolve()  # of a symbolic link, the file it points to is edited
    with _locked(target.parent):
        before = config.load(target)
        _refuse_duplicate(before, source, path)
        content = target.read_bytes()
        after = content + _separator(content) + _newlines(content, rendered(source)).encode()
        _check(after, before, source, path)
        files.write(target, after)
    return config.loads(after, str(path))


def same_page(a: str, b: str) -> bool:
    """Whether two URLs are one page."""
    try:
        return key(a) == key(b)
    except InvalidURL:
        return a == b


def rendered(source: Source) -> str:
    """The `[[source]]` table of a source, as TOML; what is at its default is left out."""
    table = tomlkit.table()
    for field in fields(source):
        value = getattr(source, field.name)
        if value != field.default:
            table.add(field.name, _list(value) if isinstance(value, tuple) else value)
    return tomlkit.dumps(_document(table))


def _document(table: Table) -> tomlkit.TOMLDocument:
    sources = tomlkit.aot()
    sources.append(table)
    document = tomlkit.document()
    document.append("source", sources)
    return document


def _list(values: tuple[str, ...]) -> Array:
    array = tomlkit.array()
    array.extend(values)
    return array.multiline(len(values) > 1)


def _refuse_duplicate(known: Config, source: Source, path: Path) -> None:
    for other in known.sources:
        if other.name == source.name:
            raise ConfigError(f'{path}: there is a source "{source.name}" already; choose another --name')
        if same_page(other.url, source.url):
            raise ConfigError(f'{path}: {source.url} is there already, as source "{other.name}"')


def _separator(content: bytes) -> bytes:
    """What stands between the end of a file and a new table: its line is ended, one line stays empty."""
    ending = b"\r\n" if b"\r\n" in content else b"\n"
    if not content.strip():
        return b""
    return ending if content.endswith(b"\n") else ending * 2


def _newlines(content: bytes, text: str) -> str:
    return text.replace("\n", "\r\n") if b"\r\n" in content else text


def _check(content: bytes, before: Config, source: Source, path: Path) -> None:
    """The file will say what it said, and the new source."""
    try:
        sources = config.loads(content, str(path)).sources
    except ConfigError as error:
        raise ConfigError(f"{path}: the source cannot be added at its end, add it by hand ({error})") from None
    if sources != (*before.sources, source):
        raise ConfigError(f"{path}: the source cannot be added at its end, add it by hand")


def create(path: Path, content: bytes) -> None:
    """Write a file that must not be there. Raises FileExistsError when it is, DiskError when it cannot be written."""
    with _locked(path.parent):
        if os.path.lexists(path):
            raise FileExistsError(f"{path}: is there already")
        files.write(path, content)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two edits at once would lose one of them. The lock leaves no file behind and ends with the process."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DiskError(f"{folder}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
