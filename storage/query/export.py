"""Articles as JSON lines or CSV, streamed in the order of changed_seq.

A spreadsheet runs a cell that begins with = + - @ (or their full-width forms), tab or line end as a formula. In
CSV such text gets an apostrophe in front; JSON lines are exact.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from storage.database import views
from storage.database.schema import sources
from storage.errors import UsageError
from storage.query.known import with_lists
from storage.query.moments import moment

FORMATS = ("jsonl", "csv")
ROWS_AT_ONCE = 50

_CRLF = "\r\n"  # makes the writer quote cells with either; the lines themselves end with \n

_v_articles = views.relation(views.V_ARTICLES)
_NAMES = [column.name for column in views.V_ARTICLES.columns]
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_ODD = re.compile("[\x7f-\x9f\u2028\u2029]")  # terminal controls and line ends that JSON leaves as they are


def export(
    conn: Connection,
    *,
    since_seq: int | None = None,
    source: str | None = None,
    since: str | None = None,
    fmt: str = "jsonl",
) -> Iterator[str]:
    """Lines of text, each with its line end; the state of one moment when `conn` comes from `database.reading`.

    `since_seq`: rows with a greater changed_seq. `since`: articles first seen at or after this date or moment.
    Raises UsageError for an unknown source, format or moment, before the first line.
    """
    if fmt not in FORMATS:
        raise UsageError(f"export: no format {fmt!r}; possible: {', '.join(FORMATS)}")
    query = _chosen(conn, since_seq, source, since).order_by(_v_articles.c.changed_seq)
    rows = _streamed(conn, query)
    return _csv(rows) if fmt == "csv" else _jsonl(rows)


def _chosen(conn: Connection, since_seq: int | None, source: str | None, since: str | None) -> Select[Any]:
    query = select(_v_articles)
    if since_seq is not None:
        query = query.where(_v_articles.c.changed_seq > since_seq)
    if source is not None:
        refuse_unknown_source(conn, source)
        query = query.where(_v_articles.c.source == source)
    if since is not None:
        query = query.where(_v_articles.c.first_seen_at >= moment(since))
    return query


def refuse_unknown_source(conn: Connection, source: str) -> None:
    """Raises UsageError, naming the nearest, when no source has this name."""
    names = conn.execute(select(sources.c.name).order_by(sources.c.name)).scalars().all()
    if source not in names:
        near = difflib.get_close_matches(source, names, n=1) or list(names[:5])
        raise UsageError(
            f"no source {source!r} in the database; {'did you mean ' + ', '.join(near) if near else 'it has none yet'}"
        )


def _streamed(conn: Connection, query: Select[Any]) -> Iterator[RowMapping]:
    """A few rows at a time: from a server-side cursor, or as SQLite finds them."""
    with conn.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}) as result:
        yield from result.mappings()


def _jsonl(rows: Iterable[RowMapping]) -> Iterator[str]:
    for row in rows:
        line = json.dumps(with_lists(row), ensure_ascii=False, separators=(",", ":"))
        yield _ODD.sub(lambda odd: f"\\u{ord(odd[0]):04x}", line) + "\n"


def _csv(rows: Iterable[RowMapping]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=_CRLF)
    writer.writerow(_NAMES)
    yield _taken(buffer)
    for row in rows:
        writer.writerow([cell(row[name]) for name in _NAMES])
        yield _taken(buffer)


def cell(value: object) -> object:
    """A value as a CSV cell that no spreadsheet runs."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue().removesuffix(_CRLF) + "\n"
    buffer.seek(0)
    buffer.truncate()
    return text
