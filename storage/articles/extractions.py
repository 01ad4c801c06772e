"""Extractions of captures by another extractor, and which of them are current.

A version is a publisher's edit: what an extractor reads from one capture against what the same one read from the capture
before. Another extractor adds extractions; to make it current, versions are computed anew from its extractions alone,
and from those of the former one to take that back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, and_, delete, func, or_, select, update

from storage.archive.captures import capture_of
from storage.articles.rows import PAYWALLED
from storage.articles.sizes import measure
from storage.database.engine import next_seq, reading
from storage.database.schema import articles, captures, extractions, outcomes, sources, versions, warc_files
from storage.query.export import refuse_unknown_source
from storage.query.moments import end_of, moment
from storage.records import Capture, Verdict

SEEN = sorted(map(str, (Verdict.ADDED, Verdict.CHANGED, Verdict.UNCHANGED)))
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which captures: of a source, fetched from a moment on, up to a moment. None: all."""

    source: str | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A capture that showed an article. `extraction_id` is the current one where it began a version, else None."""

    article_id: int
    uid: str
    capture_id: int
    capture: Capture
    extraction_id: int | None
    extractors: frozenset[str]  # that have read it


def seen(engine: Engine, wanted: Wanted) -> Iterator[Seen]:
    """Whatever showed an article, article by article, in the order of dates. Raises UsageError for what is no moment."""
    query = _chosen(engine, wanted)
    last = 0
    while True:
        with reading(engine) as conn:
            ids = conn.execute(select(articles.c.id).where(articles.c.id > last).order_by(articles.c.id).limit(_PAGE))
            chunk = list(ids.scalars())
            rows = conn.execute(query.where(outcomes.c.article_id.in_(chunk))).mappings().all() if chunk else ()
            read_by = _read_by(conn, [row["id"] for row in rows])
        yield from (_seen(row, read_by.get(row["id"], set())) for row in rows)
        if not chunk:
            return
        last = chunk[-1]


def _chosen(engine: Engine, wanted: Wanted):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a Select of many columns
    query = (
        select(
            captures,
            warc_files.c.name.label("file"),
            outcomes.c.article_id,
            articles.c.uid,
            versions.c.extraction_id,
        )
        .join(captures, captures.c.id == outcomes.c.capture_id)
        .join(warc_files, warc_files.c.id == captures.c.warc_file_id)
        .join(articles, articles.c.id == outcomes.c.article_id)
        .outerjoin(versions, and_(versions.c.capture_id == captures.c.id, versions.c.article_id == articles.c.id))
        .where(
            outcomes.c.verdict.in_(SEEN),
            captures.c.http_status.between(200, 299),
            captures.c.withdrawn_at.is_(None),
            articles.c.withdrawn_at.is_(None),
        )
        .order_by(outcomes.c.article_id, captures.c.fetched_at, captures.c.warc_record_id)
    )
    if wanted.source is not None:
        with reading(engine) as conn:
            refuse_unknown_source(conn, wanted.source)
        named = select(sources.c.id).where(sources.c.name == wanted.source)
        query = query.where(articles.c.source_id == named.scalar_subquery())
    if wanted.since is not None:
        query = query.where(captures.c.fetched_at >= moment(wanted.since))
    if wanted.until is not None:
        query = query.where(captures.c.fetched_at < end_of(wanted.until))
    return query


def _read_by(conn: Connection, ids: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for start in range(0, len(ids), 500):
        chosen = extractions.c.capture_id.in_(ids[start : start + 500])
        for row in conn.execute(select(extractions.c.capture_id, extractions.c.extractor).where(chosen)):
            found.setdefault(row.capture_id, set()).add(row.extractor)
    return found


def _seen(row: RowMapping, extractors: set[str]) -> Seen:
    return Seen(
        row["article_id"], row["uid"], row["id"], capture_of(row), row["extraction_id"], frozenset(extractors)
    )


def fields_of(conn: Connection, extraction_id: int) -> RowMapping:
    """An extraction as it is stored."""
    return conn.execute(select(extractions).where(extractions.c.id == extraction_id)).mappings().one()


# --- which are current ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Promoted:
    """What became of articles when an extractor was made current."""

    articles: int = 0
    changed: int = 0  # have other versions, or other fields, than before
    left: int = 0  # keep what they had: their first version was not read by it
    versions_before: int = 0
    versions_after: int = 0


def extractors(conn: Connection) -> dict[str, int]:
    """Extractor -> how many extractions there are by it."""
    return dict(conn.execute(select(extractions.c.extractor, func.count()).group_by(extractions.c.extractor)).all())


def article_ids(engine: Engine) -> Iterator[int]:
    """All articles that are shown."""
    last = 0
    while True:
        query = select(articles.c.id).where(articles.c.id > last, articles.c.withdrawn_at.is_(None))
        with reading(engine) as conn:
            ids = list(conn.execute(query.order_by(articles.c.id).limit(_PAGE)).scalars())
        yield from ids
        if not ids:
            return
        last = ids[-1]


def promote(conn: Connection, article_id: int, extractor: str, done: Promoted) -> None:
    """Compute the versions of an article anew, from what one extractor read."""
    done.articles += 1
    current = conn.execute(_CURRENT.where(versions.c.article_id == article_id)).all()
    wanted = _versions_by(conn, article_id, extractor)
    done.versions_before += len(current)
    if not wanted or not current or wanted[0]["capture_id"] != current[0].capture_id:
        done.left += 1
        done.versions_after += len(current)
        return
    done.versions_after += len(wanted)
    if [(row.capture_id, row.extraction_id) for row in current] != [(row["capture_id"], row["id"]) for row in wanted]:
        done.changed += 1
        _replace(conn, article_id, wanted)


_CURRENT = select(versions.c.capture_id, versions.c.extraction_id).order_by(versions.c.number)


def _versions_by(conn: Connection, article_id: int, extractor: str) -> list[RowMapping]:
    """The extractions with which a wording began, in the order of captures; one of a page that was cut begins none,
    and no teaser before a paywall does.
    """
    rows = conn.execute(
        select(
            extractions.c.id,
            extractions.c.capture_id,
            extractions.c.text_sha256,
            extractions.c.truncated,
            extractions.c.canonical_url,
            captures.c.fetched_at,
        )
        .join(captures, captures.c.id == extractions.c.capture_id)
        .join(outcomes, outcomes.c.capture_id == captures.c.id)
        .where(
            outcomes.c.article_id == article_id, outcomes.c.verdict.in_(SEEN), extractions.c.extractor == extractor,
            or_(outcomes.c.reason.is_(None), outcomes.c.reason != PAYWALLED),
        )
        .order_by(captures.c.fetched_at, captures.c.warc_record_id)
    ).mappings()
    found: list[RowMapping] = []
    for row in rows:
        if not found or (row["text_sha256"] != found[-1]["text_sha256"] and not row["truncated"]):
            found.append(row)
    return found


def _replace(conn: Connection, article_id: int, wanted: Sequence[RowMapping]) -> None:
    seq = next_seq(conn)
    conn.execute(delete(versions).where(versions.c.article_id == article_id))
    conn.execute(
        versions.insert(),
        [
            {
                "article_id": article_id,
                "number": number,
                "capture_id": row["capture_id"],
                "extraction_id": row["id"],
                "observed_at": row["fetched_at"],
                "changed_seq": seq,
            }
            for number, row in enumerate(wanted, 1)
        ],
    )
    measure(conn, article_id)
    latest = {"version": len(wanted), "canonical_url": wanted[-1]["canonical_url"], "changed_seq": seq}
    conn.execute(update(articles).where(articles.c.id == article_id).values(**latest))
