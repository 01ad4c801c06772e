"""Versions that come to be known late: a capture from before what is known of its article already."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select, update

from storage.articles import Sighting, insert_extraction
from storage.database import next_seq
from storage.records import Candidate, Outcome, Verdict
from storage.schema import articles, extractions, versions


@dataclass(frozen=True, slots=True)
class _Between:
    """The versions around a moment, and the number that a new one there would have."""

    before: RowMapping | None
    after: RowMapping | None
    number: int


def is_past(conn: Connection, article_id: int, fetched_at: str) -> bool:
    """Whether something newer than this moment is known of an article."""
    row = conn.execute(select(articles.c.last_seen_at, articles.c.gone_at).where(articles.c.id == article_id)).one()
    return bool(fetched_at < max(row.last_seen_at, row.gone_at or ""))


def settle_past(conn: Connection, article_id: int, candidate: Candidate, sighting: Sighting) -> Outcome:
    """Put what a capture from the past shows in its place among the versions of its article."""
    place = _place(conn, article_id, sighting.fetched_at)
    if place.before is not None and place.before["text_sha256"] == candidate.text_sha256:
        return Outcome(Verdict.UNCHANGED, "earlier", candidate, article_id)
    neighbour = place.before or place.after
    if place.after is not None and place.after["text_sha256"] == candidate.text_sha256:
        _show_earlier(conn, place.after["id"], candidate, sighting)
        _note(conn, article_id, sighting, first=place.number == 1)
        return Outcome(Verdict.UNCHANGED, "earlier", candidate, article_id)
    if neighbour is not None and neighbour["extractor"] != candidate.extractor:
        return Outcome(Verdict.UNCHANGED, "other-extractor", candidate, article_id)
    if candidate.truncated:
        return Outcome(Verdict.UNCHANGED, "truncated", candidate, article_id)
    if place.after is None and _was_seen_since(conn, article_id, sighting.fetched_at):
        return Outcome(Verdict.UNCHANGED, "undone", candidate, article_id)  # the version before it was there again
    _insert(conn, article_id, place.number, candidate, sighting)
    _note(conn, article_id, sighting, first=place.number == 1, more=1)
    return Outcome(Verdict.CHANGED, None, candidate, article_id)


def _place(conn: Connection, article_id: int, moment: str) -> _Between:
    query = (
        select(versions.c.id, versions.c.number, versions.c.observed_at, extractions.c.text_sha256, extractions.c.extractor)
        .join(extractions, extractions.c.id == versions.c.extraction_id)
        .where(versions.c.article_id == article_id)
        .order_by(versions.c.number)
    )
    rows = conn.execute(query).mappings().all()
    before = [row for row in rows if row["observed_at"] <= moment]
    after = rows[len(before) :]
    return _Between(before[-1] if before else None, after[0] if after else None, len(before) + 1)


def _was_seen_since(conn: Connection, article_id: int, moment: str) -> bool:
    return bool(conn.execute(select(articles.c.last_seen_at).where(articles.c.id == article_id)).scalar_one() > moment)


def _show_earlier(conn: Connection, version_id: int, candidate: Candidate, sighting: Sighting) -> None:
    """A version was first shown by this capture."""
    extraction_id = insert_extraction(conn, candidate, sighting.capture_id)
    values = {"capture_id": sighting.capture_id, "extraction_id": extraction_id, "observed_at": sighting.fetched_at}
    conn.execute(update(versions).where(versions.c.id == version_id).values(**values, changed_seq=next_seq(conn)))


def _insert(conn: Connection, article_id: int, number: int, candidate: Candidate, sighting: Sighting) -> None:
    """A version among the others; those behind it move up."""
    later = select(versions.c.id).where(versions.c.article_id == article_id, versions.c.number >= number)
    for version_id in conn.execute(later.order_by(versions.c.number.desc())).scalars().all():
        moved = update(versions).where(versions.c.id == version_id)
        conn.execute(moved.values(number=versions.c.number + 1, changed_seq=next_seq(conn)))
    row = {
        "article_id": article_id,
        "number": number,
        "capture_id": sighting.capture_id,
        "extraction_id": insert_extraction(conn, candidate, sighting.capture_id),
        "observed_at": sighting.fetched_at,
        "changed_seq": next_seq(conn),
    }
    conn.execute(versions.insert().values(row))


def _note(conn: Connection, article_id: int, sighting: Sighting, *, first: bool, more: int = 0) -> None:
    """What the article's own row says of its versions and sightings."""
    row = conn.execute(select(articles).where(articles.c.id == article_id)).one()
    values: dict[str, object] = {"version": row.version + more, "changed_seq": next_seq(conn)}
    if first:
        values["first_seen_at"] = min(row.first_seen_at, sighting.fetched_at)
    if sighting.fetched_at > row.last_seen_at:
        values["last_seen_at"] = sighting.fetched_at
    conn.execute(update(articles).where(articles.c.id == article_id).values(**values))
