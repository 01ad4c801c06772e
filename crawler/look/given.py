"""The pages that are given as files: HTML (also compressed), WARC files, folders of both, or a manifest that lists them."""

from __future__ import annotations

import errno
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crawler.config import checks
from pipelines.page import RawPage
from pipelines.sift import SAMPLE, Seen, kind_of
from storage.errors import NewswarcError, UsageError
from storage.foreign import fields
from storage.foreign.kinds import SUFFIXES, is_wacz
from storage.foreign.read import Loose, Malformed, records
from storage.foreign.stream import BLANK, GZIP
from storage.foreign.units import Meeting, Met, date_of
from storage.records import Kind
from storage.warc.http_message import HEAD_LIMIT, media_type
from storage.warc.read import Record

STDIN = "-"
_PAGES = (".html", ".htm", ".xhtml", ".html.gz", ".htm.gz", ".xhtml.gz")
_OPEN = ".open"  # of a WARC file that a crawl writes
_ARCHIVES = (*SUFFIXES, *(f"{suffix}{_OPEN}" for suffix in (".warc", ".warc.gz")))
_LOOKED_AT = 4_096  # bytes that tell a WARC file
_LONGEST_LINE = 1 << 20  # bytes of a manifest's line


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for pages that do not say so themselves. `limit`: bytes of a page that are read."""

    fetched_at: str
    limit: int


@dataclass(frozen=True, slots=True)
class Given:
    """A page to be read. Where there is none, `problem` says why, in one line that names the file.

    `name` is what to call it when something turns out to be wrong with it, `id` what it is called in the output. `served`: it is
    what a server answered once; that may be empty or torn.
    """

    name: str
    id: object = None
    corpus: object = None
    url: str = ""
    raw: RawPage | None = None
    problem: str | None = None
    served: bool = False


def of_targets(targets: Sequence[str], url: str, terms: Terms) -> Iterator[Given]:
    """The pages in files and folders, in their order; `url` is the address of one that has none of its own."""
    for target in targets:
        path = Path(target)
        if target == STDIN:
            yield _page(Given("stdin", STDIN, url=url), STDIN, terms)
        elif path.is_dir():
            yield from _of_folder(path, terms)
        else:
            yield from _of_file(path, url, terms)


def _of_folder(folder: Path, terms: Terms) -> Iterator[Given]:
    found = sorted(one for one in folder.rglob("*") if one.name.lower().endswith((*_PAGES, *_ARCHIVES)) and one.is_file())
    if not found:
        yield Given(str(folder), problem=f"{folder}: no HTML or WARC file there")
    for path in found:
        yield from _of_file(path, "", terms)


def _of_file(path: Path, url: str, terms: Terms) -> Iterator[Given]:
    try:
        archive = _is_archive(path)
    except NewswarcError as error:
        yield Given(str(path), problem=str(error))
        return
    if archive:
        yield from _of_archive(path, terms)
    else:
        yield _page(Given(str(path), str(path), url=url), str(path), terms)


def _is_archive(path: Path) -> bool:
    """Whether a file is a WARC file. Raises NewswarcError for archives that are not read."""
    if path.name.lower().endswith(_ARCHIVES):
        if is_wacz(path):
            raise UsageError(f"{path}: is a WACZ; unpack it, and name the WARC files in it")
        return True
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:
        return False  # whoever reads it as a page says why it cannot be
    return _inflated(start).lstrip(BLANK).startswith(b"WARC/")


def _inflated(start: bytes) -> bytes:
    if not start.startswith(GZIP):
        return start
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _LOOKED_AT)
    except zlib.error:
        return b""


# --- HTML files -------------------------------------------------------------------------------------------------------


def _page(given: Given, file: str, terms: Terms, fetched_at: str | None = None) -> Given:
    """The page in a file."""
    try:
        with _opened(file) as stream:
            content = stream.read(terms.limit + 1)
    except OSError as error:
        return _without(given, error.strerror or str(error))
    except ValueError:  # a name with a NUL
        return _without(given, "No such file or directory")
    raw = RawPage(
        url=given.url,
        frontier_url=given.url,
        fetched_at=fetched_at or terms.fetched_at,
        raw=content,
        truncated=len(content) > terms.limit,
        limit=terms.limit,
        foreign=True,  # there is no header: whether it is compressed, its bytes say
        content_type="text/html",
    )
    return Given(given.name, given.id, given.corpus, given.url, raw)


def _opened(file: str) -> IO[bytes]:
    """A file, or stdin, apart from sys.stdin: its lock would be waited for when the program ends while a thread reads."""
    if file != STDIN:
        return open(file, "rb")
    if sys.stdin is None:
        raise OSError(errno.EBADF, "is closed")  # its number may be another file's now
    return open(0, "rb", closefd=False)


def _without(given: Given, why: str) -> Given:
    return Given(given.name, given.id, given.corpus, given.url, problem=f"{given.name}: {why}")


# --- manifests --------------------------------------------------------------------------------------------------------


def of_manifest(file: str, terms: Terms) -> Iterator[Given]:
    """The pages that a manifest lists: a JSON object a line, with `html` (a path), `id`, `corpus`, `url`, `fetched_at`."""
    name = "stdin" if file == STDIN else file
    try:
        with _opened(file) as stream:
            for number, line in enumerate(_lines(stream), 1):
                if line.strip():
                    yield _of_line(line, f"{name}, line {number}", terms)
    except OSError as error:
        yield Given(name, problem=f"{name}: {error.strerror or error}")


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(_LONGEST_LINE):
        yield line


def _of_line(line: bytes, where: str, terms: Terms) -> Given:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Given(where, problem=f"{where}: is no JSON")
    if not isinstance(row, dict) or not isinstance(html := row.get("html"), str):
        return Given(where, problem=f'{where}: is no JSON object with the path of a page as "html"')
    name = html if row.get("id") is None else row["id"]
    given = Given(f"{where}: {checks.shown(html)}", name, row.get("corpus"), _text(row, "url"))
    return _page(given, html, terms, fields.moment(_text(row, "fetched_at")))


def _text(row: dict[str, object], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


# --- WARC files -------------------------------------------------------------------------------------------------------


def _of_archive(path: Path, terms: Terms) -> Iterator[Given]:
    """The HTML responses with status 200 in a WARC file, and what of it cannot be read."""
    pages = 0
    try:
        for given in _of_records(path, terms):
            pages += 1
            yield given
    except NewswarcError as error:
        yield Given(str(path), problem=str(error))
        return
    if not pages:
        yield Given(str(path), problem=f"{path}: no page with status 200 in it")


def _of_records(path: Path, terms: Terms) -> Iterator[Given]:
    meeting = Meeting()
    for found in records(path):
        if isinstance(found, Malformed):
            yield Given(str(path), problem=f"{path} at offset {found.offset}: {found.reason}")
        elif (met := meeting.take(_record(found))) is not None:
            yield from _of_met(met, path, terms)
    if (met := meeting.last()) is not None:
        yield from _of_met(met, path, terms)


def _record(found: Record | Loose) -> Record:
    return found if isinstance(found, Record) else Record(found.file, found.offset, 0, found.head, found.block)


def _of_met(met: Met, path: Path, terms: Terms) -> Iterator[Given]:
    """The page of an exchange, if it is one. The response is closed after it."""
    with met.record as record:
        fetched_at = date_of(met) or terms.fetched_at
        if not _is_page(met, fetched_at):
            return
        limit = terms.limit + HEAD_LIMIT
        record.block.seek(0)
        raw = RawPage(
            url=(url := fields.uri(record.head)),
            frontier_url=met.context.frontier_url if met.context else url,
            fetched_at=fetched_at,
            raw=record.block.read(limit),
            truncated=record.head.get("WARC-Truncated") is not None or record.head.content_length > limit,
            limit=terms.limit,
            announced=met.context.announced if met.context else None,
            foreign=True,
        )
        name = f"{path} at offset {record.offset}"
        yield Given(name, fields.record_id(record.head) or name, None, url, raw, served=True)


def _is_page(met: Met, date: str) -> bool:
    if met.type != "response" or met.head().status != 200:
        return False
    met.record.block.seek(0)
    sample, headers = met.record.block.read(SAMPLE), met.head().headers
    seen = Seen("response", fields.uri(met.record.head), date, 200, media_type(headers), headers, {}, sample)
    return kind_of(seen) is Kind.ARTICLE
