"""Versions that come to be known late: a capture from before what is known of its article already."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, or_, select, update

from storage.articles.rows import Sighting, insert_extraction
from storage.articles.sizes import measure
from storage.database.engine import next_seq
from storage.database.schema import articles, captures, extractions, outcomes, urls, versions
from storage.records import Candidate, Outcome, Verdict

_SHOWN = [str(verdict) for verdict in (Verdict.ADDED, Verdict.CHANGED, Verdict.UNCHANGED)]


@dataclass(frozen=True, slots=True)
class _Between:
    """The versions around a moment, and the number that a new one there would have."""

    before: RowMapping | None
    after: RowMapping | None
    number: int


def is_past(conn: Connection, article_id: int, fetched_at: str) -> bool:
    """Whether something newer than this moment is known of an article."""
    dates = select(articles.c.last_seen_at, articles.c.gone_at, articles.c.redirected_at)
    row = conn.execute(dates.where(articles.c.id == article_id)).one()
    return bool(fetched_at < max(row.last_seen_at, row.gone_at or "", row.redirected_at or ""))


def settle_past(conn: Connection, article_id: int, candidate: Candidate, sighting: Sighting) -> Outcome:
    """Put what a capture from the past shows in its place among the versions of its article."""
    place = _place(conn, article_id, sighting.fetched_at)
    if place.before is not None and place.before["text_sha256"] == candidate.text_sha256:
        return Outcome(Verdict.UNCHANGED, "earlier", candidate, article_id)
    again = _seen_again(conn, article_id, place, sighting.fetched_at)
    is_earlier = place.after is not None and place.after["text_sha256"] == candidate.text_sha256
    neighbour = place.before or place.after
    if is_earlier and again is None and place.after is not None:
        _show_earlier(conn, place.after["id"], candidate, sighting)
        measure(conn, article_id, place.number, place.number + 1)
        _note(conn, article_id, sighting, first=place.number == 1)
        return Outcome(Verdict.UNCHANGED, "earlier", candidate, article_id)
    if neighbour is not None and neighbour["extractor"] != candidate.extractor:
        return Outcome(Verdict.UNCHANGED, "other-extractor", candidate, article_id)
    if candidate.truncated:
        return Outcome(Verdict.UNCHANGED, "truncated", candidate, article_id)
    extraction_id = insert_extraction(conn, candidate, sighting.capture_id)
    _insert(conn, article_id, place.number, sighting.capture_id, extraction_id, sighting.fetched_at)
    if again is not None and place.before is not None:  # the edit was undone: the version before it came back
        copy_id = _copied(conn, place.before["extraction_id"], again["id"])
        _insert(conn, article_id, place.number + 1, again["id"], copy_id, again["fetched_at"])
    more = 1 if again is None else 2
    measure(conn, article_id, place.number, place.number + more)  # the one behind them follows another now
    _note(conn, article_id, sighting, first=place.number == 1, more=more)
    return Outcome(Verdict.CHANGED, None, candidate, article_id)


def _place(conn: Connection, article_id: int, moment: str) -> _Between:
    query = (
        select(versions, extractions.c.text_sha256, extractions.c.extractor)
        .join(extractions, extractions.c.id == versions.c.extraction_id)
        .where(versions.c.article_id == article_id)
        .order_by(versions.c.number)
    )
    rows = conn.execute(query).mappings().all()
    before = [row for row in rows if row["observed_at"] <= moment]
    after = rows[len(before) :]
    return _Between(before[-1] if before else None, after[0] if after else None, len(before) + 1)


def _seen_again(conn: Connection, article_id: int, place: _Between, moment: str) -> RowMapping | None:
    """The first capture behind a moment that showed the version before it once more, ahead of the version after it."""
    if place.before is None:
        return None
    query = (
        select(captures.c.id, captures.c.fetched_at)
        .join(outcomes, outcomes.c.capture_id == captures.c.id)
        .join(urls, urls.c.id == outcomes.c.url_id)
        .where(
            urls.c.article_id == article_id,
            outcomes.c.verdict.in_(_SHOWN),
            or_(outcomes.c.reason.is_(None), outcomes.c.reason == "earlier"),
            captures.c.fetched_at > moment,
            captures.c.http_status != 304,
        )
        .order_by(captures.c.fetched_at, captures.c.warc_record_id)
        .limit(1)
    )
    if place.after is not None:
        query = query.where(captures.c.fetched_at < place.after["observed_at"])
    return conn.execute(query).mappings().one_or_none()


def _copied(conn: Connection, extraction_id: int, capture_id: int) -> int:
    """An extraction that another capture gives just so."""
    row = dict(conn.execute(select(extractions).where(extractions.c.id == extraction_id)).mappings().one())
    own = (extractions.c.capture_id == capture_id) & (extractions.c.extractor == row["extractor"])
    if (known := conn.execute(select(extractions.c.id).where(own)).scalar_one_or_none()) is not None:
        return int(known)
    values = {name: value for name, value in row.items() if name != "id"} | {"capture_id": capture_id}
    return int(conn.execute(extractions.insert().values(values).returning(extractions.c.id)).scalar_one())


def _show_earlier(conn: Connection, version_id: int, candidate: Candidate, sighting: Sighting) -> None:
    """A version was first shown by this capture."""
    extraction_id = insert_extraction(conn, candidate, sighting.capture_id)
    values = {"capture_id": sighting.capture_id, "extraction_id": extraction_id, "observed_at": sighting.fetched_at}
    conn.execute(update(versions).where(versions.c.id == version_id).values(**values, changed_seq=next_seq(conn)))


def _insert(conn: Connection, article_id: int, number: int, capture_id: int, extraction_id: int, moment: str) -> None:
    """A version among the others; those behind it move up."""
    later = select(versions.c.id).where(versions.c.article_id == article_id, versions.c.number >= number)
    for version_id in conn.execute(later.order_by(versions.c.number.desc())).scalars().all():
        moved = update(versions).where(versions.c.id == version_id)
        conn.execute(moved.values(number=versions.c.number + 1, changed_seq=next_seq(conn)))
    row = {
        "article_id": article_id,
        "number": number,
        "capture_id": capture_id,
        "extraction_id": extraction_id,
        "observed_at": moment,
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
