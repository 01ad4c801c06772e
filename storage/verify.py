"""Files -> records -> rows and back: whether archive and database agree, and what is damaged.

Every WARC file is read once, beside its rows in the order of their offsets; then every version and article is seen.
Each query is short, so that a crawl can go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, RowMapping, and_, func, not_, select

from storage import captures as capture_rows
from storage.database import reading
from storage.errors import DamageError
from storage.records import FileState, State
from storage.schema import aliases, articles, captures, extractions, metadata, urls, versions, warc_files
from storage.urlkey import InvalidURL, key
from storage.verify_files import Entered, FileCheck, Finding, Row, What, writer_lives
from storage.warc_file import OPEN, disk, open_path
from storage.warc_format import one_line
from storage.warc_read import Damage, scan

__all__ = ["Checked", "Fault", "What", "verify"]

_PAGE = 500  # rows a query
_NAMED = 20  # articles that a fault names; of more it gives the number
_LONGEST = 400  # characters of a detail


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `str()` is one line. `file` is None when it lies in the database alone."""

    what: What
    file: str | None
    offset: int | None
    detail: str
    url: str | None = None  # of the exchange or article concerned
    articles: tuple[str, ...] = ()  # uids of the first articles with a version there
    articles_touched: int = 0  # how many there are

    def __str__(self) -> str:
        place = self.file or "database"
        if self.offset is not None:
            place += f" at offset {self.offset}"
        named = ", ".join(self.articles[:3]) + (", ..." if self.articles_touched > 3 else "")
        touched = f"{self.articles_touched} articles: {named}" if self.articles_touched > 1 else f"article {named}"
        about = ", ".join(part for part in (self.url, touched if self.articles else None) if part)
        return one_line(f"{place}: {self.what}: {self.detail}" + (f" ({about})" if about else ""))


@dataclass(slots=True)
class Checked:
    """What was looked at. `notes` are one line each: no damage, but worth knowing."""

    files: int = 0
    records: int = 0
    captures: int = 0
    versions: int = 0
    articles: int = 0
    faults: int = 0
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ("files", "records", "captures", "versions", "articles")
        return ", ".join(f"{getattr(self, name):,} {name}" for name in counts)


def verify(
    engine: Engine, folder: Path, checked: Checked | None = None, progress: Callable[[str], None] | None = None
) -> Iterator[Fault]:
    """Every fault of the archive in `folder` and of its database, as it is found.

    `checked` is counted up meanwhile; `progress` hears the name of each file before it is read. What a living crawl is
    writing, or a killed one left for the next to put right, is no fault. Raises DiskError and DatabaseError.
    """
    checked = Checked() if checked is None else checked
    survey = _Survey(engine, folder, checked, progress or (lambda _: None))
    for fault in survey.faults():
        checked.faults += 1
        yield fault


class _Survey:
    """One walk through a collection."""

    def __init__(self, engine: Engine, folder: Path, checked: Checked, progress: Callable[[str], None]) -> None:
        self._engine = engine
        self._folder = folder
        self._checked = checked
        self._progress = progress

    def faults(self) -> Iterator[Fault]:
        yield from self._files()
        yield from self._versions()
        yield from self._articles()
        yield from self._stray_urls()
        yield from self._references()
        self._note_pending()

    # --- files

    def _files(self) -> Iterator[Fault]:
        with disk("read", self._folder):
            there = {path.name for path in self._folder.iterdir() if ".warc.gz" in path.name or ".cdxj" in path.name}
        entered: set[str] = set()
        for row in self._pages(select(warc_files), warc_files.c.name):
            entered.add(row["name"])
            yield from self._entered_file(row)
        yield from self._unknown_files(there, entered)

    def _entered_file(self, row: RowMapping) -> Iterator[Fault]:
        if row["state"] == FileState.WITHDRAWN:
            return
        path, closed = self._folder / row["name"], row["closed_at"] is not None
        for candidate in (path, open_path(path), path):  # it may get its final name between two looks
            if candidate.exists():
                break
        else:
            yield self._missing(row)
            return
        if candidate != path and not writer_lives(candidate):
            self._note(path.name, "was left open by a run that was killed")
        elif candidate == path and not closed:
            self._note(path.name, "is closed, but not entered as closed")
        yield from self._file(path, row, closed=closed and candidate == path)

    def _note(self, name: str, what: str) -> None:
        self._checked.notes.append(f"{name} {what}; the next crawl puts that right")

    def _missing(self, row: RowMapping) -> Fault:
        of_file = captures.c.warc_file_id == row["id"]
        with reading(self._engine) as conn:
            count = conn.execute(select(func.count()).select_from(captures).where(of_file)).scalar_one()
            touching = (
                select(articles.c.uid)
                .join(versions, versions.c.article_id == articles.c.id)
                .join(captures, captures.c.id == versions.c.capture_id)
                .where(of_file)
                .distinct()
                .order_by(articles.c.uid)
            )
            uids = conn.execute(touching).scalars().all()
        detail = f"the file is not there, {count} captures point into it"
        return Fault(What.MISSING_FILE, row["name"], None, detail, None, tuple(uids[:_NAMED]), len(uids))

    def _file(self, path: Path, row: RowMapping, *, closed: bool) -> Iterator[Fault]:
        self._progress(path.name)
        # Rows of a file that is being written: those that are there now, whose records were there before them.
        until = None if closed else self._last_offset(row["id"])
        entered = Entered(closed, row["size"] if closed else None, row["sha256"] if closed else None)
        check = FileCheck(path, self._rows(row["id"], until), entered)
        try:
            for finding in check.findings():
                yield self._fault(finding)
        except DamageError:  # it was there a moment ago
            yield self._missing(row)
        self._checked.files += 1
        self._checked.records += check.tally.records
        self._checked.captures += check.tally.rows

    def _last_offset(self, file_id: int) -> int:
        with reading(self._engine) as conn:
            last = select(func.max(captures.c.warc_offset)).where(captures.c.warc_file_id == file_id)
            return int(conn.execute(last).scalar_one() or 0)

    def _rows(self, file_id: int, until: int | None) -> Iterator[Row]:
        """The rows of a file in the order of their offsets, some hundred a query."""
        query = (
            select(captures, warc_files.c.name.label("file"))
            .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
            .where(captures.c.warc_file_id == file_id)
            .order_by(captures.c.warc_offset, captures.c.id)
            .limit(_PAGE)
        )
        if until is not None:
            query = query.where(captures.c.warc_offset <= until)
        offset, last_id = -(2**62), 0
        while True:
            behind = and_(
                captures.c.warc_offset >= offset, not_(and_(captures.c.warc_offset == offset, captures.c.id <= last_id))
            )
            with reading(self._engine) as conn:
                page = conn.execute(query.where(behind)).mappings().all()
            for row in page:
                offset, last_id = row["warc_offset"], row["id"]
                yield Row(last_id, capture_rows.capture_of(row))
            if len(page) < _PAGE:
                return

    def _unknown_files(self, there: set[str], entered: set[str]) -> Iterator[Fault]:
        for name in sorted(there):
            final = name.removesuffix(OPEN)
            if final.endswith(".warc.gz") and final not in entered and not self._is_entered(final):
                yield from self._unknown_warc(name)
            elif final.endswith(".cdxj"):
                warc = final.removesuffix(".cdxj") + ".warc.gz"
                if not {warc, warc + OPEN} & (there | entered):
                    yield Fault(What.UNKNOWN_FILE, name, None, "an index without its WARC file")

    def _is_entered(self, name: str) -> bool:
        with reading(self._engine) as conn:
            return conn.execute(select(warc_files.c.id).where(warc_files.c.name == name)).first() is not None

    def _unknown_warc(self, name: str) -> Iterator[Fault]:
        path = self._folder / name
        if name.endswith(OPEN):
            if path.exists() and not writer_lives(path):
                self._note(name.removesuffix(OPEN), "was left open by a run that was killed")
        elif _holds_exchanges(path):
            yield Fault(What.UNKNOWN_FILE, name, None, "no row knows of this file")
        else:
            self._note(name, "holds no exchange and is not entered")

    def _fault(self, finding: Finding) -> Fault:
        uids = self._articles_of(finding.captures)
        if not uids and finding.url is not None and finding.what is What.RECORD_WITHOUT_ROW:
            uids = self._articles_at(finding.url)
        detail = finding.detail if len(finding.detail) <= _LONGEST else f"{finding.detail[:_LONGEST]}..."
        return Fault(
            finding.what, finding.file, finding.offset, detail, finding.url, tuple(uids[:_NAMED]), len(uids)
        )

    def _articles_of(self, capture_ids: Sequence[int]) -> list[str]:
        """Articles with a version that one of these captures showed first."""
        uids: dict[str, None] = {}
        for start in range(0, len(capture_ids), _PAGE):
            chosen = versions.c.capture_id.in_(capture_ids[start : start + _PAGE])
            query = select(articles.c.uid).join(versions, versions.c.article_id == articles.c.id).where(chosen)
            with reading(self._engine) as conn:
                uids |= dict.fromkeys(conn.execute(query.order_by(versions.c.id)).scalars())
        return list(uids)

    def _articles_at(self, url: str) -> list[str]:
        query = select(articles.c.uid).join(aliases, aliases.c.article_id == articles.c.id)
        with reading(self._engine) as conn:
            return list(conn.execute(query.where(aliases.c.key == _key(url))).scalars())

    # --- versions and articles

    def _versions(self) -> Iterator[Fault]:
        query = (
            select(
                versions.c.id,
                versions.c.number,
                versions.c.article_id,
                versions.c.capture_id,
                articles.c.uid,
                captures.c.url,
                captures.c.http_status,
                captures.c.record_type,
                captures.c.warc_offset,
                warc_files.c.name.label("file"),
                extractions.c.capture_id.label("read_from"),
                urls.c.key,
                urls.c.article_id.label("owner"),
            )
            .outerjoin(articles, articles.c.id == versions.c.article_id)
            .outerjoin(captures, captures.c.id == versions.c.capture_id)
            .outerjoin(warc_files, warc_files.c.id == captures.c.warc_file_id)
            .outerjoin(extractions, extractions.c.id == versions.c.extraction_id)
            .outerjoin(urls, urls.c.id == captures.c.url_id)
        )
        for page in self._paged(query, versions.c.id):
            owners = self._owners({*(_key(row["url"]) for row in page if row["url"]), *(row["key"] for row in page)})
            for row in page:
                self._checked.versions += 1
                if (wrong := _wrong_version(row, owners)) is not None:
                    detail = f"version {row['number']}: {wrong}"
                    uids = (row["uid"],) if row["uid"] else ()
                    yield Fault(What.VERSION, row["file"], row["warc_offset"], detail, row["url"], uids, len(uids))

    def _owners(self, keys: Iterable[str | None]) -> dict[str | None, int]:
        """URL key -> the article that it belongs to."""
        wanted = aliases.c.key.in_([one for one in keys if one is not None])
        with reading(self._engine) as conn:
            rows = conn.execute(select(aliases).where(wanted)).all()
        return {row.key: row.article_id for row in rows}

    def _articles(self) -> Iterator[Fault]:
        count, latest = func.count(versions.c.id), func.max(versions.c.number)
        query = (
            select(articles, count.label("n"), latest.label("latest"))
            .outerjoin(versions, versions.c.article_id == articles.c.id)
            .group_by(articles.c.id)
        )
        for row in self._pages(query, articles.c.id):
            self._checked.articles += 1
            if row["latest"] != row["version"]:
                detail = f"its latest version is {row['version']}, but of its {row['n']} the last is {row['latest']}"
                yield Fault(What.ARTICLE, None, None, detail, row["url"], (row["uid"],), 1)

    def _stray_urls(self) -> Iterator[Fault]:
        """URLs whose state promises an article."""
        promised = urls.c.state.in_([str(State.STORED), str(State.GONE)])
        query = select(urls.c.id, urls.c.url, urls.c.state).where(promised, urls.c.article_id.is_(None))
        for row in self._pages(query, urls.c.id):
            yield Fault(What.ARTICLE, None, None, f"a URL is {row['state']}, but has no article", row["url"])

    def _references(self) -> Iterator[Fault]:
        """Rows that point to rows: a database whose foreign keys were off may have lost some."""
        for table in metadata.sorted_tables:
            for constraint in table.foreign_keys:
                child, parent, own = constraint.parent, constraint.column, next(iter(table.primary_key))
                found = select(parent).where(parent == child).exists()
                lost = select(own, child).where(child.is_not(None), not_(found)).order_by(own).limit(_NAMED)
                with reading(self._engine) as conn:
                    rows = conn.execute(lost).all()
                for name, target in rows:
                    where = f"{table.name} {name}: {child.name} {target} is not in {parent.table.name}"
                    yield Fault(What.REFERENCE, None, None, where)

    def _note_pending(self) -> None:
        with reading(self._engine) as conn:
            count = conn.execute(select(func.count()).select_from(captures).where(captures.c.pending)).scalar_one()
        if count:
            self._checked.notes.append(f"{count} archived pages are still to be read; the next crawl does that")

    # --- reading

    def _pages(self, query: Any, order: Any) -> Iterator[RowMapping]:
        for page in self._paged(query, order):
            yield from page

    def _paged(self, query: Any, order: Any) -> Iterator[Sequence[RowMapping]]:
        """Rows by a unique column, some hundred a query: a long one would keep the database's log from shrinking."""
        query = query.order_by(order).limit(_PAGE)
        last: Any = None
        while True:
            behind = query if last is None else query.where(order > last)
            with reading(self._engine) as conn:
                page = conn.execute(behind).mappings().all()
            if page:
                yield page
                last = page[-1][order]
            if len(page) < _PAGE:
                return


def _wrong_version(row: RowMapping, owners: Mapping[str | None, int]) -> str | None:
    """What keeps a version from pointing to a page of its article; that its record is whole was seen before."""
    if row["uid"] is None:
        return f"its article {row['article_id']} is not there"
    if row["url"] is None:
        return f"its capture {row['capture_id']} is not there"
    if row["read_from"] != row["capture_id"]:
        return "its fields were not read from its capture"
    if row["record_type"] not in {"response", "revisit"} or not 200 <= (row["http_status"] or 0) < 300:
        return f"its capture is no page: a {row['record_type']} with status {row['http_status']}"
    # A URL may have become another article's since: then the one that led to it still is this one's.
    if row["article_id"] not in {owners.get(_key(row["url"])), owners.get(row["key"]), row["owner"]}:
        return "its capture is of none of the article's URLs"
    return None


def _key(url: str) -> str:
    try:
        return key(url)
    except InvalidURL:
        return url


def _holds_exchanges(path: Path) -> bool:
    """Whether there is anything in a WARC file that rows should point to; what is damaged may be."""
    for record in scan(path):
        if isinstance(record, Damage):
            return True
        with record:
            if record.head.type not in {"warcinfo", "resource"}:
                return True
    return False
