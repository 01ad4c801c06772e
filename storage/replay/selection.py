"""Which captures a package holds: of which articles, with what they need to be replayed.

An article is chosen by what its captures or versions say; all that was captured of it then goes along: its pages, the
redirects that led to them, their requisites, and the originals of revisits. What is withdrawn never does.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, or_, select, union

from storage.archive.captures import capture_of
from storage.database.engine import reading
from storage.database.schema import articles, captures, extractions, runs, sources, urls, versions, warc_files
from storage.errors import UsageError
from storage.query.export import refuse_unknown_source
from storage.query.moments import end_of, moment
from storage.records import Capture, Kind

T = TypeVar("T")

_ROWS = 500  # a query
_LEVELS = 4  # of requisites: a stylesheet, one that it imports, a font that this one names
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which articles. Moments are dates or ISO 8601 moments; every part that is not None must hold."""

    source: str | None = None
    since: str | None = None  # captured then or later
    until: str | None = None  # captured then or before; a date means that whole day
    query: str | None = None  # words in the title or text of one of its versions
    run: str | None = None  # captured by this run


@dataclass(frozen=True, slots=True)
class Selection:
    """The captures of a package, by row id, in the order they lie in the archive; and the versions that are its pages."""

    articles: int
    captures: Sequence[int]
    versions: Sequence[int]  # newest first
    orphans: int  # revisits left out, because the payload that they refer to is withdrawn or not known


Whole = Callable[[Capture], Iterable[Capture]]


def choose(engine: Engine, wanted: Wanted, whole: Whole | None = None) -> Selection:
    """The selection. Raises UsageError for an unknown source, run or moment.

    `whole` gives the captures of what a page needs, whichever page asked for it first; pages are read for that, in no
    transaction. Without it only what a page was the first to ask for is known.
    """
    with reading(engine) as conn:
        chosen = _articles(conn, wanted)
        ids = _captures_of(conn, chosen)
        pages = _in_order(conn, _pages(conn, ids)) if whole and _has_requisites(conn) else ()
        count = conn.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
        shown = _versions(conn, chosen)
    needed = {one.place.record_id for page in captures_in(engine, pages) for one in whole(page)} if whole else set()
    with reading(engine) as conn:
        ids |= set(_values(conn, select(captures.c.id).where(_open()), captures.c.warc_record_id, needed))
        ids |= set() if whole else _requisites(conn, ids)
        ids |= _originals(conn, ids)
        orphans = _orphans(conn, ids)
        return Selection(count, _in_order(conn, ids - orphans), shown, len(orphans))


def captures_in(engine: Engine, ids: Sequence[int]) -> Iterator[Capture]:
    """The captures with these row ids, in their order; each query is short, so that a crawl can go on meanwhile."""
    query = select(captures, warc_files.c.name.label("file")).join(
        warc_files, warc_files.c.id == captures.c.warc_file_id
    )
    for some in _batches(ids):
        with reading(engine) as conn:
            rows = {row["id"]: row for row in conn.execute(query.where(captures.c.id.in_(some))).mappings()}
        yield from (capture_of(rows[one]) for one in some if one in rows)


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A version as a page that can be opened: the capture that first showed it, and what was read there."""

    uid: str
    version: int
    url: str
    fetched_at: str
    title: str | None
    text: str


def pages_in(engine: Engine, ids: Sequence[int]) -> Iterator[VersionPage]:
    """The pages of versions with these row ids, in their order."""
    query = (
        select(
            versions.c.id,
            articles.c.uid,
            versions.c.number,
            captures.c.url,
            captures.c.fetched_at,
            extractions.c.title,
            extractions.c.text,
        )
        .join(articles, articles.c.id == versions.c.article_id)
        .join(captures, captures.c.id == versions.c.capture_id)
        .join(extractions, extractions.c.id == versions.c.extraction_id)
    )
    for some in _batches(ids):
        with reading(engine) as conn:
            rows = {row[0]: row[1:] for row in conn.execute(query.where(versions.c.id.in_(some)))}
        yield from (VersionPage(*rows[one]) for one in some if one in rows)


# --- which articles


def _articles(conn: Connection, wanted: Wanted) -> Select[Any]:
    """The ids of the articles that are wanted."""
    query = select(articles.c.id).where(articles.c.withdrawn_at.is_(None))
    if wanted.source is not None:
        refuse_unknown_source(conn, wanted.source)
        named = select(sources.c.id).where(sources.c.name == wanted.source)
        query = query.where(articles.c.source_id == named.scalar_subquery())
    if wanted.run is not None:
        _refuse_unknown_run(conn, wanted.run)
    if captured := list(_captured(wanted)):
        seen = select(urls.c.article_id).join(captures, captures.c.url_id == urls.c.id).where(_open(), *captured)
        query = query.where(articles.c.id.in_(seen))
    if wanted.query is not None:
        query = query.where(articles.c.id.in_(_saying(wanted.query)))
    return query


def _captured(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """What must hold of one capture of an article."""
    if wanted.since is not None:
        yield captures.c.fetched_at >= moment(wanted.since)
    if wanted.until is not None:
        yield captures.c.fetched_at < end_of(wanted.until)
    if wanted.run is not None:
        yield captures.c.run_id == wanted.run


def _saying(words: str) -> Select[Any]:
    """The articles of which a version has these words in its title or text, in any case of ASCII letters at least."""
    said = or_(*(column.icontains(words, autoescape=True) for column in (extractions.c.title, extractions.c.text)))
    return select(versions.c.article_id).join(extractions, extractions.c.id == versions.c.extraction_id).where(said)


def _refuse_unknown_run(conn: Connection, run: str) -> None:
    if conn.execute(select(runs.c.id).where(runs.c.id == run)).first() is None:
        raise UsageError(f"no run {run!r} in the database; the view v_runs names them")


# --- what was captured of them


def _open() -> ColumnElement[bool]:
    """Captures that a package may hold."""
    return captures.c.withdrawn_at.is_(None) & (captures.c.kind != str(Kind.ROBOTS))


def _captures_of(conn: Connection, chosen: Select[Any]) -> set[int]:
    """Whatever was fetched for a URL of theirs, redirects and errors too, and what their versions were read from."""
    fetched = (
        select(captures.c.id).join(urls, urls.c.id == captures.c.url_id).where(urls.c.article_id.in_(chosen), _open())
    )
    read = (
        select(captures.c.id)
        .join(versions, versions.c.capture_id == captures.c.id)
        .where(versions.c.article_id.in_(chosen), _open())
    )
    return set(conn.execute(union(fetched, read)).scalars())


def _has_requisites(conn: Connection) -> bool:
    return conn.execute(select(captures.c.id).where(captures.c.kind == str(Kind.REQUISITE)).limit(1)).first() is not None


def _pages(conn: Connection, ids: set[int]) -> set[int]:
    """The captures among these that are pages of articles."""
    answered = captures.c.http_status.between(200, 299)
    query = select(captures.c.id).where(captures.c.kind == str(Kind.ARTICLE), answered)
    return set(_values(conn, query, captures.c.id, ids))


def _requisites(conn: Connection, ids: set[int]) -> set[int]:
    """What was fetched because a page among these captures, or a stylesheet of it, asked for it."""
    pages = set(_values(conn, select(captures.c.url), captures.c.id, ids))
    found: dict[int, str] = {}
    wanting = pages
    for _ in range(_LEVELS):
        new = {url_id: url for url_id, url in _wanted_by(conn, wanting) if url_id not in found}
        if not new:
            break
        found |= new
        wanting = set(new.values())
    return set(_values(conn, select(captures.c.id).where(_open()), captures.c.url_id, found))


def _wanted_by(conn: Connection, pages: set[str]) -> Iterator[tuple[int, str]]:
    """The requisites that these pages were the first to ask for."""
    query = select(urls.c.id, urls.c.url, urls.c.discovered_from).where(urls.c.kind == str(Kind.REQUISITE))
    with conn.execute(query, execution_options={"yield_per": _ROWS}) as rows:
        yield from ((row.id, row.url) for row in rows if row.discovered_from in pages)


def _originals(conn: Connection, ids: set[int]) -> set[int]:
    """The captures that hold the payload of revisits among these."""
    refers = select(captures.c.revisit_of).where(captures.c.revisit_of.is_not(None))
    records = set(_values(conn, refers, captures.c.id, ids))
    return set(_values(conn, select(captures.c.id).where(_open()), captures.c.warc_record_id, records))


def _orphans(conn: Connection, ids: set[int]) -> set[int]:
    """Revisits whose payload is not among these; a 304 has none to miss."""
    query = select(captures.c.id, captures.c.revisit_of, captures.c.http_status).where(
        captures.c.record_type == "revisit"
    )
    revisits = {one: of for one, of, status in _rows(conn, query, captures.c.id, ids) if status != _NOT_MODIFIED}
    known = select(captures.c.warc_record_id, captures.c.id)
    there = {
        record
        for record, one in _rows(conn, known, captures.c.warc_record_id, set(revisits.values()) - {None})
        if one in ids
    }
    return {one for one, record in revisits.items() if record not in there}


def _in_order(conn: Connection, ids: set[int]) -> Sequence[int]:
    """By file, then by offset: as they are read fastest."""
    query = select(warc_files.c.name, captures.c.warc_offset, captures.c.id).join(
        warc_files, warc_files.c.id == captures.c.warc_file_id
    )
    return array("q", (one for _, _, one in sorted(tuple(row) for row in _rows(conn, query, captures.c.id, ids))))


def _versions(conn: Connection, chosen: Select[Any]) -> Sequence[int]:
    query = (
        select(versions.c.id)
        .join(captures, captures.c.id == versions.c.capture_id)
        .where(versions.c.article_id.in_(chosen), _open())
        .order_by(captures.c.fetched_at.desc(), captures.c.warc_record_id.desc(), versions.c.number.desc())
    )
    return array("q", conn.execute(query).scalars())


# --- some hundred values a query


def _rows(conn: Connection, query: Select[Any], column: ColumnElement[Any], values: Iterable[Any]) -> Iterator[Any]:
    for some in _batches(values):
        yield from conn.execute(query.where(column.in_(some)))


def _values(conn: Connection, query: Select[Any], column: ColumnElement[Any], values: Iterable[Any]) -> Iterator[Any]:
    return (row[0] for row in _rows(conn, query, column, values))


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    values = iter(values)
    while some := list(islice(values, _ROWS)):
        yield some
