"""newswarc.toml as frozen, typed settings. Every key, its type, its check and its default stand here once.

A fault is one line that names file, table, key and what would be right; all faults of a file are found at once.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from crawler.config import checks
from storage.errors import ConfigError, DiskError, NewswarcError

FILE_NAME = "newswarc.toml"
MAX_BYTES = 4_000_000  # some ten thousand sources


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class CollectionTable:
    """`[collection]`: whose crawl this is."""

    name: Annotated[str, checks.line] = "news"
    contact: Annotated[str | None, checks.contact] = None


@dataclass(frozen=True, slots=True)
class CrawlTable:
    """`[crawl]`: how pages are fetched. Times in seconds, sizes in bytes."""

    delay: Annotated[float, checks.seconds] = 1.0
    concurrency: Annotated[int, checks.whole("hosts", 1000)] = 32
    workers: Annotated[int | None, checks.whole("processes", 256)] = None
    allow_private_networks: Annotated[bool | tuple[str, ...], checks.private_networks] = False
    verify_tls: Annotated[bool, checks.yes_or_no] = True
    max_page_bytes: Annotated[int, checks.whole("bytes", 1_000_000_000)] = 10_000_000
    max_capture_bytes: Annotated[int, checks.whole("bytes", 100_000_000_000)] = 64_000_000
    max_warc_bytes: Annotated[int, checks.whole("bytes", 1_000_000_000_000, smallest=10_000)] = 1_000_000_000
    max_warc_idle: Annotated[float, checks.positive_seconds] = 600.0
    max_warc_age: Annotated[float, checks.positive_seconds] = 86_400.0
    dedupe: Annotated[str, checks.one_of("always", "year", "month", "day", "off")] = "always"
    max_requisite_bytes: Annotated[int, checks.whole("bytes", 1_000_000_000_000)] = 2_000_000_000
    max_pages_per_host: Annotated[int, checks.whole("pages", 1_000_000_000, smallest=0)] = 1000
    timeout: Annotated[float, checks.positive_seconds] = 60.0
    tdmrep: Annotated[bool, checks.yes_or_no] = True
    http_proxy: Annotated[str | None, checks.proxy] = None

    @property
    def worker_count(self) -> int:
        """Extraction processes: `workers`, or one for each core."""
        return self.workers or cores()


@dataclass(frozen=True, slots=True)
class DatabaseTable:
    """`[database]`: where the rows are."""

    url: Annotated[str, checks.database_url] = "sqlite:///news.db"
    max_log_bytes: Annotated[int, checks.whole("bytes", 1_000_000_000_000)] = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ReportTable:
    """`[report]`: who hears of a run."""

    metrics: Annotated[str | None, checks.file_name] = None
    ping: Annotated[str | None, checks.secret_address] = None


@dataclass(frozen=True, slots=True)
class AlarmTable:
    """`[alarm]`: when a source is called silent."""

    budget: Annotated[float, checks.budget] = 5.0


@dataclass(frozen=True, slots=True)
class ScheduleTable:
    """`[schedule]`: when what is fetched again. Times in seconds, ages in days."""

    min_poll: Annotated[float, checks.positive_seconds] = 300.0
    max_poll: Annotated[float, checks.positive_seconds] = 86_400.0
    polls_per_day: Annotated[int, checks.whole("polls", 1440)] = 48
    equal_share: Annotated[float, checks.share] = 0.94
    revisit: Annotated[bool, checks.yes_or_no] = True
    revisit_days: Annotated[int, checks.whole("days", 365)] = 30


@dataclass(frozen=True, slots=True)
class Source:
    """One `[[source]]`, a site. Feeds, sitemaps, sections: None, they are found by themselves; (), none is used."""

    name: Annotated[str, checks.source_name]
    url: Annotated[str, checks.web_address]
    feeds: Annotated[tuple[str, ...] | None, checks.list_of(checks.web_address)] = None
    sitemaps: Annotated[tuple[str, ...] | None, checks.list_of(checks.web_address)] = None
    sections: Annotated[tuple[str, ...] | None, checks.list_of(checks.web_address)] = None
    allow: Annotated[tuple[str, ...], checks.list_of(checks.pattern)] = ()
    deny: Annotated[tuple[str, ...], checks.list_of(checks.pattern)] = ()
    delay: Annotated[float | None, checks.seconds] = None
    max_pages_per_host: Annotated[int | None, checks.whole("pages", 1_000_000_000, smallest=0)] = None
    robots: Annotated[str, checks.one_of("obey", "ignore")] = "obey"
    robots_reason: Annotated[str | None, checks.line] = None
    verify_tls: Annotated[bool | None, checks.yes_or_no] = None
    requisites: Annotated[bool, checks.yes_or_no] = False
    pdfs: Annotated[bool, checks.yes_or_no] = False
    paused: Annotated[bool, checks.yes_or_no] = False
    revisit: Annotated[bool | None, checks.yes_or_no] = None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole newswarc.toml."""

    collection: CollectionTable = CollectionTable()
    crawl: CrawlTable = CrawlTable()
    database: DatabaseTable = DatabaseTable()
    report: ReportTable = ReportTable()
    alarm: AlarmTable = AlarmTable()
    schedule: ScheduleTable = ScheduleTable()
    sources: tuple[Source, ...] = ()

    def source(self, name: str) -> Source | None:
        """The source of that name."""
        return next((source for source in self.sources if source.name == name), None)

    def delay(self, source: Source) -> float:
        """Seconds between two requests to a host of this source."""
        return self.crawl.delay if source.delay is None else source.delay

    def max_pages(self, source: Source) -> int:
        """Pages that a run asks a host of this source for; 0: any number."""
        return self.crawl.max_pages_per_host if source.max_pages_per_host is None else source.max_pages_per_host

    def revisit_days(self, source: Source | None) -> int:
        """Until what age, in days, articles of this source are fetched again; 0: they are not."""
        wanted = self.schedule.revisit if source is None or source.revisit is None else source.revisit
        return self.schedule.revisit_days if wanted else 0

    def verify_tls(self, source: Source) -> bool:
        """Whether certificates of this source's hosts are checked."""
        return self.crawl.verify_tls if source.verify_tls is None else source.verify_tls


class FaultyConfig(ConfigError):
    """newswarc.toml cannot be used; `faults` has one line for each fault, `str()` is the first."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(faults[0])
        self.faults = faults


TABLES: Mapping[str, type[Any]] = {
    "collection": CollectionTable,
    "crawl": CrawlTable,
    "database": DatabaseTable,
    "report": ReportTable,
    "alarm": AlarmTable,
    "schedule": ScheduleTable,
    "source": Source,
}
Table = TypeVar("Table")


def _checks(table: type[Any]) -> Mapping[str, Callable[[object], Any]]:
    hints = get_type_hints(table, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(table)}


CHECKS: Mapping[type[Any], Mapping[str, Callable[[object], Any]]] = {table: _checks(table) for table in TABLES.values()}


def keys(table: type[Any]) -> Collection[str]:
    """The keys of a table."""
    return CHECKS[table].keys()


def required(table: type[Any]) -> frozenset[str]:
    """The keys that a table must have."""
    return frozenset(field.name for field in fields(table) if field.default is MISSING)


def load(path: Path) -> Config:
    """The settings in a file. Raises FaultyConfig (a ConfigError), and DiskError when it cannot be read."""
    return loads(_content(path), str(path))


def _content(path: Path) -> bytes:
    try:
        if stat.S_ISFIFO(path.stat().st_mode):
            raise ConfigError(f"{path}: is a pipe, not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if path.is_symlink():
            raise DiskError(f"{path}: is a link to what is not there; mount its disk or correct the link") from None
        raise ConfigError(f"{path}: there is no such file; `newswarc init` makes one") from None
    except OSError as error:
        raise DiskError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: is larger than {MAX_BYTES} bytes; is it a settings file at all?")
    return content


def remains(path: Path) -> Config:
    """Of a file that is faulty, what still says whose crawl it is and who is to hear of it. Never raises."""
    try:
        tables = document(_content(path), "")
    except NewswarcError:
        return Config()
    crawl = tables.get("crawl", {})
    proxy = {"http_proxy": crawl["http_proxy"]} if isinstance(crawl, Mapping) and "http_proxy" in crawl else {}
    return Config(
        collection=_one(CollectionTable, tables, "collection", "", []),
        crawl=_one(CrawlTable, {"crawl": proxy}, "crawl", "", []),
        report=_one(ReportTable, tables, "report", "", []),
    )


def loads(content: bytes, file: str) -> Config:
    """The settings in the bytes of a file; `file` is its name in messages."""
    return parse(document(content, file), file)


def document(content: bytes, file: str) -> dict[str, Any]:
    """The TOML document in the bytes of a file. Raises FaultyConfig with the line of the fault."""
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fault = f"is not UTF-8 text (at line {line})"
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        last = content.count(b"\n", 0, len(content.rstrip())) + 1
        fault = f"is not TOML: {error}".replace("(at end of document)", f"(at line {last}, the end of the file)")
    except RecursionError:
        fault = "is not TOML: nested too deeply"
    raise FaultyConfig((f"{file}: {fault}",))


def parse(tables: Mapping[str, object], file: str) -> Config:
    """The settings in a TOML document. Raises FaultyConfig with all faults. Pure."""
    faults = [f"{file}: {_stray(name)}" for name in tables if name not in TABLES]
    collection = _one(CollectionTable, tables, "collection", file, faults)
    crawl = _one(CrawlTable, tables, "crawl", file, faults)
    database = _one(DatabaseTable, tables, "database", file, faults)
    report = _one(ReportTable, tables, "report", file, faults)
    alarm = _one(AlarmTable, tables, "alarm", file, faults)
    schedule = _one(ScheduleTable, tables, "schedule", file, faults)
    sources = _sources(tables.get("source", []), file, faults)
    if faults:
        raise FaultyConfig(tuple(faults))
    return Config(collection, crawl, database, report, alarm, schedule, sources)


def _stray(name: str) -> str:
    """What is wrong with a name at the top level that is no table of ours."""
    homes = [f"[{title}]" for title, table in TABLES.items() if name in keys(table)]
    if homes:
        return f'key "{name}" stands outside of its table; move it below {" or ".join(homes)}'
    return f"unknown table or key {checks.shown(name)}; {checks.nearest(name, TABLES)}"


def _one(table: type[Table], tables: Mapping[str, object], name: str, file: str, faults: list[str]) -> Table:
    content = tables.get(name, {})
    if not isinstance(content, Mapping):
        faults.append(f"{file}: [{name}] must be a table, written once with single brackets")
        return table()
    return _read(table, content, f"{file}: [{name}]", faults) or table()


def _read(table: type[Table], content: Mapping[str, object], where: str, faults: list[str]) -> Table | None:
    """One table, or None after its faults were added to `faults`."""
    found = [*_unknown(table, content), *_missing(table, content)]
    values: dict[str, Any] = {}
    for key, check in CHECKS[table].items():
        if key in content:
            try:
                values[key] = check(content[key])
            except ValueError as fault:
                found.append(f"key {key}: {fault}")
    faults.extend(f"{where} {fault}" for fault in found)
    return None if found else table(**values)


def _unknown(table: type[Any], content: Mapping[str, object]) -> Iterator[str]:
    for key in content:
        if key not in keys(table):
            homes = [f"[{title}]" for title, other in TABLES.items() if key in keys(other)]
            hint = f"it belongs to {' or '.join(homes)}" if homes else checks.nearest(key, keys(table))
            yield f"unknown key {checks.shown(key)}; {hint}"


def _missing(table: type[Any], content: Mapping[str, object]) -> Iterator[str]:
    for key in sorted(required(table) - content.keys()):
        yield f"key {key}: is missing"


def _sources(content: object, file: str, faults: list[str]) -> tuple[Source, ...]:
    if not isinstance(content, list) or not all(isinstance(entry, Mapping) for entry in content):
        faults.append(f"{file}: [source] must be written with double brackets, [[source]], once for each source")
        return ()
    sources: list[Source] = []
    seen: dict[str, int] = {}
    for number, entry in enumerate(content, 1):
        where = f"{file}: {_title(entry, number)}"
        source = _read(Source, entry, where, faults)
        if source is None:
            continue
        if source.name in seen:
            faults.append(f"{where} key name: [[source]] {seen[source.name]} has this name already")
        if source.robots == "ignore" and source.robots_reason is None:
            faults.append(f'{where} key robots: "ignore" needs a robots_reason, which is written to the archive')
        if source.pdfs and not source.requisites:
            faults.append(f"{where} key pdfs: needs requisites = true")
        seen.setdefault(source.name, number)
        sources.append(source)
    return tuple(sources)


def _title(entry: Mapping[str, object], number: int) -> str:
    name = entry.get("name")
    short = isinstance(name, str) and len(name) <= checks.MAX_SHOWN and name.isprintable()
    return f"[[source]] {number} ({name})" if short else f"[[source]] {number}"
