"""Lists of sources as others write them: OPML, CSV, lines of URLs, and newswarc's own TOML -> entries. Pure.

What a list is, its content says. Bounded: 8 MB and 20,000 entries. A fault is one UsageError, `FILE:LINE: what`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from crawler.config import checks
from crawler.config import keys as config
from crawler.config.keys import Source
from crawler.discovery.charset import encoding_of
from crawler.sources import opml
from storage.errors import ConfigError, UsageError

MAX_BYTES = 8_000_000
MAX_ENTRIES = 20_000
FORMATS = ("opml", "csv", "list", "toml")

_SAMPLE = 50  # rows that tell what the columns are
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d)", re.IGNORECASE)
_TOML = re.compile(r"^[ \t]*\[\[[ \t]*source[ \t]*\]\]", re.MULTILINE)
_COMMENT = re.compile(r"\s#.*")
_HEADERS: Mapping[str, frozenset[str]] = {
    "home": frozenset(
        "url home homepage home_page home-page home_url site site_url website web_site link html_url htmlurl domain host"
        " address".split()
    )
    | {"home page", "web site"},
    "name": frozenset("name title text source outlet publication paper newspaper media medium publisher".split()),
    "feeds": frozenset(
        "feed feeds rss atom rss_url feed_url feedurl rssurl rss_feed xmlurl xml_url".split()
    ) | {"rss url", "feed url", "rss feed"},
}  # fmt: skip


class _BadCsv(ValueError):
    """`str()` is the line of the error."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One source of a list. `home` and `feeds` are full URLs, as far as `fault` does not say what is wrong with them."""

    line: int  # 0: not known
    home: str = ""  # "": only feeds are known
    name: str = ""  # "": none was given
    feeds: tuple[str, ...] = ()
    source: Source | None = None  # of newswarc's own list, with all its settings
    fault: str | None = None
    number: int = 0  # its place in the list

    @property
    def address(self) -> str:
        """The URL that it is told by."""
        return self.home or next(iter(self.feeds), "")


def read(content: bytes, file: str, form: str | None = None) -> list[Entry]:
    """The entries of a list, in its order. Raises UsageError when it is none."""
    text = content.decode(encoding_of(content[:65_536]), "replace").removeprefix("\ufeff")
    if "\x00" in text:
        raise UsageError(f"{file}: is no text")
    form = form or form_of(text)
    try:
        found = islice(_READERS[form](text, file), MAX_ENTRIES + 1)
        entries = [replace(one, number=number) for number, one in enumerate(found, 1)]
    except opml.BadOpml as fault:
        raise UsageError(f"{file}:{fault.line}: {fault}") from None
    except (_BadCsv, ConfigError) as fault:
        raise UsageError(str(fault)) from None
    if not entries:
        raise UsageError(f"{file}: there is no URL in it (read as {form}; --format reads it as something else)")
    if len(entries) > MAX_ENTRIES:
        raise UsageError(f"{file}: holds more than {MAX_ENTRIES} entries; split it")
    return entries


def form_of(text: str) -> str:
    """What a list is by its looks: one of FORMATS."""
    if text.lstrip()[:1] == "<":
        return "opml"
    if _TOML.search(text):
        return "toml"
    first = next((line for line in _lines(text) if line.strip() and not line.lstrip().startswith("#")), "")
    cells = first.split(_separator(first))
    return "csv" if len(cells) > 1 or _field_of(cells[0]) else "list"


def full_url(text: str) -> str:
    """A URL as it was meant: https:// where no scheme stands, and feed:// undone. Raises ValueError with the reason."""
    written = re.sub(r"^feed:(?://)?(?=https?:)", "", text.strip(), flags=re.IGNORECASE)
    written = re.sub(r"^feed://", "http://", written, flags=re.IGNORECASE)
    if not _SCHEME.match(written):
        bare = written.removeprefix("//")
        host = re.split(r"[/?#]", bare, maxsplit=1)[0]
        if "." not in host.strip(".") and ":" not in host:
            raise ValueError(f"{checks.shown(text)} is no URL")
        written = f"https://{bare}"
    return checks.web_address(written)


def entry(line: int, home: str, name: str = "", feeds: Iterable[str] = ()) -> Entry:
    """An entry of what was written; never raises."""
    found = Entry(line, name=" ".join(name.split())[: checks.MAX_LINE])
    try:
        return replace(found, home=full_url(home) if home.strip() else "", feeds=tuple(map(full_url, feeds)))
    except ValueError as fault:
        return replace(found, home=home.strip(), fault=str(fault))


def _of_opml(text: str, _: str) -> Iterator[Entry]:
    for outline in opml.read(text):
        feeds = [outline.feed] if outline.feed and not (outline.found and outline.home) else []
        yield entry(outline.line, outline.home, outline.name, feeds)


def _of_lines(text: str, _: str) -> Iterator[Entry]:
    for number, line in enumerate(_lines(text), 1):
        written = "" if line.lstrip().startswith("#") else _COMMENT.sub("", line, count=1).strip()
        if written:
            yield entry(number, written)


def _of_toml(text: str, file: str) -> Iterator[Entry]:
    tables = config.document(text.encode(), file).get("source", [])
    for source in config.parse({"source": tables}, file).sources:
        yield Entry(0, source.url, source.name, source=source)


def _of_csv(text: str, file: str) -> Iterator[Entry]:
    rows = _csv_rows(text, file)
    sample = list(islice(rows, _SAMPLE))
    columns, has_header = _columns([row for _, row in sample])
    for line, row in chain(sample[1:] if has_header else sample, rows):
        yield _of_row(line, row, columns)


def _csv_rows(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with their lines."""
    lines = ["" if line.startswith("#") else line for line in _lines(text)]
    reader = csv.reader(lines, delimiter=_separator(next((line for line in lines if line.strip()), "")))
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise _BadCsv(f"{file}:{reader.line_num}: is no CSV: {error}") from None


def _of_row(line: int, row: Sequence[str], columns: Mapping[int, str]) -> Entry:
    cells: dict[str, list[str]] = {"home": [], "name": [], "feeds": []}
    for number, cell in enumerate(row):
        if cell.strip() and number in columns:
            cells[columns[number]].append(cell)
    found = entry(line, next(iter(cells["home"]), ""), next(iter(cells["name"]), ""), cells["feeds"])
    return found if found.address or found.fault else replace(found, fault="there is no URL in this row")


def _columns(rows: Sequence[Sequence[str]]) -> tuple[dict[int, str], bool]:
    """What each column holds, and whether the first row only says so."""
    header = {number: field for number, cell in enumerate(rows[0] if rows else ()) if (field := _field_of(cell))}
    if {"home", "feeds"} & set(header.values()):
        return header, True
    columns = [[row[number] for row in rows if number < len(row)] for number in range(max(map(len, rows), default=0))]
    urls = [sum(map(_is_url, cells)) for cells in columns]
    place = next((number for number, count in enumerate(urls) if count and 2 * count >= len(rows) - 1), 0)
    words = (number for number, cells in enumerate(columns) if not urls[number] and _is_wording(cells))
    name = next((number for number in words if number != place), None)
    has_header = bool(rows) and not (place < len(rows[0]) and _is_url(rows[0][place])) and len(rows) > 1
    return {place: "home"} | ({name: "name"} if name is not None else {}), has_header


def _is_wording(cells: Sequence[str]) -> bool:
    """Whether a column may hold names: most of its cells have a letter."""
    return 2 * sum(any(map(str.isalpha, cell)) for cell in cells) > len(cells)


def _field_of(cell: str) -> str | None:
    word = cell.strip().strip('"').lower()
    return next((field for field, words in _HEADERS.items() if word in words), None)


def _is_url(text: str) -> bool:
    try:
        return bool(full_url(text))
    except ValueError:
        return False


def _lines(text: str) -> Iterator[str]:
    return io.StringIO(text, newline=None)


def _separator(line: str) -> str:
    """What separates the cells of a line: tabs, semicolons or commas."""
    return "\t" if "\t" in line else ";" if line.count(";") > line.count(",") else ","


_READERS: Mapping[str, Callable[[str, str], Iterator[Entry]]] = {
    "opml": _of_opml,
    "csv": _of_csv,
    "list": _of_lines,
    "toml": _of_toml,
}
