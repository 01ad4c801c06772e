"""Writes newswarc.toml: sources are added below what stands there, paused and taken out; all else stays, byte for byte.

The file is replaced in one step, under a lock on its folder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import tomlkit
from tomlkit.items import Array, Table

from crawler.config import keys as config
from crawler.config import tables as config_tables
from crawler.config.keys import Config, Source
from crawler.terminal import files
from storage.errors import ConfigError, DiskError
from storage.urlkey import InvalidURL, key


def add_source(path: Path, source: Source) -> Config:
    """Add a source to a file and return its new settings.

    Raises ConfigError when its name or site is there already or is not valid, DiskError when it cannot be written.
    """
    return add_sources(path, [source])


def add_sources(path: Path, sources: Sequence[Source]) -> Config:
    """Add sources to a file in one step; all of them or, when one is there already or is not valid, none. As `add_source`."""

    def added(content: bytes, before: Config) -> bytes:
        _refuse_duplicates(before.sources, sources, path)
        tables = [_newlines(content, rendered(source)).encode() for source in sources]
        return content + _separator(content) + _ending(content).join(tables)

    return _edited(path, added, lambda before: (*before.sources, *sources), "added at its end, add it")


def pause_sources(path: Path, names: Collection[str], *, yes: bool) -> Config:
    """Set or take away `paused = true` of some sources. Raises ConfigError where their tables cannot be told, DiskError."""

    def changed(content: bytes, before: Config) -> bytes:
        return config_tables.paused(content, _numbers(before, names), yes=yes)

    def expected(before: Config) -> tuple[Source, ...]:
        return tuple(replace(source, paused=yes) if source.name in names else source for source in before.sources)

    return _edited(path, changed, expected, "changed by itself, change it")


def remove_sources(path: Path, names: Collection[str]) -> Config:
    """Take the tables of some sources out, with the comments right above them. Raises as `pause_sources`."""

    def changed(content: bytes, before: Config) -> bytes:
        return config_tables.without(content, _numbers(before, names))

    def expected(before: Config) -> tuple[Source, ...]:
        return tuple(source for source in before.sources if source.name not in names)

    return _edited(path, changed, expected, "taken out by itself, take it out")


def _numbers(config: Config, names: Collection[str]) -> set[int]:
    return {number for number, source in enumerate(config.sources) if source.name in names}


def _edited(
    path: Path,
    change: Callable[[bytes, Config], bytes],
    expected: Callable[[Config], tuple[Source, ...]],
    what: str,
) -> Config:
    """Change a file in one step, if it then says what it said and holds the sources expected."""
    target = path.resolve()  # of a symbolic link, the file it points to is edited
    with _locked(target.parent):
        before = config.load(target)
        content = target.read_bytes()
        after = change(content, before)
        wanted = replace(before, sources=expected(before))
        _check(after, wanted, path, what)
        if after != content:
            files.write(target, after)
    return wanted


def same_page(a: str, b: str) -> bool:
    """Whether two URLs are one page."""
    return page_key(a) == page_key(b)


def page_key(url: str) -> str:
    """What two URLs of one page have in common."""
    try:
        return key(url)
    except InvalidURL:
        return url


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


def _refuse_duplicates(known: Iterable[Source], new: Iterable[Source], path: Path) -> None:
    names: set[str] = set()
    sites: dict[str, str] = {}
    for source in known:
        names.add(source.name)
        sites.setdefault(page_key(source.url), source.name)
    for source in new:
        if source.name in names:
            raise ConfigError(f'{path}: there is a source "{source.name}" already; choose another --name')
        if (other := sites.get(page_key(source.url))) is not None:
            raise ConfigError(f'{path}: {source.url} is there already, as source "{other}"')
        names.add(source.name)
        sites[page_key(source.url)] = source.name


def _ending(content: bytes) -> bytes:
    return b"\r\n" if b"\r\n" in content else b"\n"


def _separator(content: bytes) -> bytes:
    """What stands between the end of a file and a new table: its line is ended, one line stays empty."""
    if not content.strip():
        return b""
    return _ending(content) if content.endswith(b"\n") else _ending(content) * 2


def _newlines(content: bytes, text: str) -> str:
    return text.replace("\n", "\r\n") if b"\r\n" in content else text


def _check(content: bytes, wanted: Config, path: Path, what: str) -> None:
    """The file will say what is wanted, and nothing else."""
    fault = f"{path}: the source cannot be {what} by hand"
    if len(content) > config.MAX_BYTES:
        raise ConfigError(f"{path}: would be larger than {config.MAX_BYTES} bytes")
    try:
        found = config.loads(content, str(path))
    except ConfigError as error:
        raise ConfigError(f"{fault} ({error})") from None
    if found != wanted:
        raise ConfigError(fault)


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
