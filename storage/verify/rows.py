"""Whether versions, articles and URLs fit together; and which articles lie on given captures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, RowMapping, func, not_, select

from storage.database.engine import reading
from storage.database.schema import aliases, articles, captures, extractions, metadata, urls, versions, warc_files
from storage.records import FileOrigin, State
from storage.urlkey import InvalidURL, key
from storage.verify.faults import NAMED, Checked, Fault, Finding, What

PAGE = 500  # rows a query


@dataclass(frozen=True, slots=True)
class RowsJob:
    """The part of a check that reads no file. `since`: only versions observed, and articles seen, at or after this moment."""

    since: str | None = None

    def run(self, engine: Engine, checked: Checked) -> Iterator[Fault]:
        """Every fault; `checked` counts what was looked at."""
        yield from _RowsCheck(engine, checked, self.since).faults()


class _RowsCheck:
    def __init__(self, engine: Engine, checked: Checked, since: str | None) -> None:
        self._engine = engine
        self._checked = checked
        self._since = since

    def faults(self) -> Iterator[Fault]:
        yield from self._versions()
        yield from self._articles()
        yield from self._stray_urls()
        yield from self._references()
        self._note_pending()

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
                warc_files.c.origin,
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
        if self._since is not None:
            query = query.where(versions.c.observed_at >= self._since)
        for page in pages(self._engine, query, versions.c.id):
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
        if self._since is not None:
            query = query.where(articles.c.last_seen_at >= self._since)
        for row in rows(self._engine, query, articles.c.id):
            self._checked.articles += 1
            if row["latest"] != row["version"]:
                detail = f"its latest version is {row['version']}, but of its {row['n']} the last is {row['latest']}"
                yield Fault(What.ARTICLE, None, None, detail, row["url"], (row["uid"],), 1)

    def _stray_urls(self) -> Iterator[Fault]:
        """URLs whose state promises an article."""
        promised = urls.c.state.in_([str(State.STORED), str(State.GONE)])
        query = select(urls.c.id, urls.c.url, urls.c.state).where(promised, urls.c.article_id.is_(None))
        for row in rows(self._engine, query, urls.c.id):
            yield Fault(What.ARTICLE, None, None, f"a URL is {row['state']}, but has no article", row["url"])

    def _references(self) -> Iterator[Fault]:
        """Rows that point to rows: a database whose foreign keys were off may have lost some."""
        for table in metadata.sorted_tables:
            for constraint in table.foreign_keys:
                child, parent, own = constraint.parent, constraint.column, next(iter(table.primary_key))
                found = select(parent).where(parent == child).exists()
                lost = select(own, child).where(child.is_not(None), not_(found)).order_by(own).limit(NAMED)
                with reading(self._engine) as conn:
                    rows = conn.execute(lost).all()
                for name, target in rows:
                    where = f"{table.name} {name}: {child.name} {target} is not in {parent.table.name}"
                    yield Fault(What.REFERENCE, None, None, where)

    def _note_pending(self) -> None:
        with reading(self._engine) as conn:
            count = conn.execute(select(func.count()).select_from(captures).where(captures.c.pending)).scalar_one()
        if count:
            whose = "the next crawl does that, or the same `ingest` again"
            self._checked.notes.append(f"{count} archived pages are still to be read; {whose}")


# --- reading ----------------------------------------------------------------------------------------------------------


def rows(engine: Engine, query: Any, order: Any) -> Iterator[RowMapping]:
    """Rows by a unique column."""
    for page in pages(engine, query, order):
        yield from page


def pages(engine: Engine, query: Any, order: Any) -> Iterator[Sequence[RowMapping]]:
    """Rows by a unique column, some hundred a query: a long one would keep the database's log from shrinking."""
    query = query.order_by(order).limit(PAGE)
    last: Any = None
    while True:
        behind = query if last is None else query.where(order > last)
        with reading(engine) as conn:
            page = conn.execute(behind).mappings().all()
        if page:
            yield page
            last = page[-1][order]
        if len(page) < PAGE:
            return


def _wrong_version(row: RowMapping, owners: Mapping[str | None, int]) -> str | None:
    """What keeps a version from pointing to a page of its article; that its record is whole was seen before."""
    if row["uid"] is None:
        return f"its article {row['article_id']} is not there"
    if row["url"] is None:
        return f"its capture {row['capture_id']} is not there"
    if row["read_from"] != row["capture_id"]:
        return "its fields were not read from its capture"
    if not _is_page(row):
        return f"its capture is no page: a {row['record_type']} with status {row['http_status']}"
    # A URL may have become another article's since: then the one that led to it still is this one's.
    if row["article_id"] not in {owners.get(_key(row["url"])), owners.get(row["key"]), row["owner"]}:
        return "its capture is of none of the article's URLs"
    return None


def _is_page(row: RowMapping) -> bool:
    """Whether a capture can be a page; others keep some without an HTTP header."""
    if row["http_status"] is None and row["origin"] == FileOrigin.INGESTED:
        return row["record_type"] in _WITHOUT_HEADER
    return row["record_type"] in {"response", "revisit"} and 200 <= (row["http_status"] or 0) < 300


_WITHOUT_HEADER = frozenset({"response", "revisit", "resource", "conversion"})


@lru_cache(maxsize=2 * PAGE)
def _key(url: str) -> str:
    try:
        return key(url)
    except InvalidURL:
        return url


# --- what a finding touches -------------------------------------------------------------------------------------------


def fault_of(engine: Engine, finding: Finding) -> Fault:
    """A finding with the articles that it touches."""
    uids = _articles_of(engine, finding.captures)
    if not uids and finding.url is not None and finding.what is What.RECORD_WITHOUT_ROW:
        uids = _articles_at(engine, finding.url)
    return Fault(
        finding.what, finding.file, finding.offset, finding.detail, finding.url, tuple(uids[:NAMED]), len(uids)
    )


def _articles_of(engine: Engine, capture_ids: Sequence[int]) -> list[str]:
    """Articles with a version that one of these captures showed first."""
    uids: dict[str, None] = {}
    for start in range(0, len(capture_ids), PAGE):
        chosen = versions.c.capture_id.in_(capture_ids[start : start + PAGE])
        query = select(articles.c.uid).join(versions, versions.c.article_id == articles.c.id).where(chosen)
        with reading(engine) as conn:
            uids |= dict.fromkeys(conn.execute(query.order_by(versions.c.id)).scalars())
    return list(uids)


def _articles_at(engine: Engine, url: str) -> list[str]:
    query = select(articles.c.uid).join(aliases, aliases.c.article_id == articles.c.id)
    with reading(engine) as conn:
        return list(conn.execute(query.where(aliases.c.key == _key(url))).scalars())


def articles_in(engine: Engine, file_id: int) -> list[str]:
    """Articles with a version in a file."""
    query = (
        select(articles.c.uid)
        .join(versions, versions.c.article_id == articles.c.id)
        .join(captures, captures.c.id == versions.c.capture_id)
        .where(captures.c.warc_file_id == file_id)
        .distinct()
        .order_by(articles.c.uid)
    )
    with reading(engine) as conn:
        return list(conn.execute(query).scalars())
