"""Articles, their versions and extractions: what is known of one, and how an outcome becomes rows."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select, update

from storage.database import next_seq
from storage.dialects import insert_ignore
from storage.records import Candidate, Known, Outcome, State, Verdict
from storage.schema import aliases, articles, extractions, urls, versions

TWIN_WORDS = 30  # shorter texts are equal too often ("This page is being updated")


def uid_of(key: str) -> str:
    """The lasting name of an article: 16 lower-case base32 characters of the sha256 of the URL key first stored."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest()[:10]).decode().lower()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A page of an article as it was met: by which URL, of which source, when, in which capture.

    `keys` are the URL keys of the page: of the final hop, the frontier's, the canonical one; the first names a new article.
    """

    source_id: int
    url_id: int
    keys: Sequence[str]
    url: str
    fetched_at: str
    http_status: int | None
    capture_id: int


def known(conn: Connection, sighting: Sighting, candidate: Candidate | None) -> Known:
    """What the database knows of the article behind these URLs, and of one with the same wording."""
    article_id = _article_behind(conn, sighting.keys)
    if article_id is None:
        return Known(twin_article_id=_twin(conn, sighting.source_id, candidate))
    row = _latest(conn, article_id)
    own = conn.execute(select(urls.c.article_id, urls.c.state).where(urls.c.id == sighting.url_id)).one()
    return Known(
        article_id=article_id,
        own_url=own.article_id == article_id and own.state != State.DUPLICATE,
        version=row["number"],
        text_sha256=row["text_sha256"],
        extractor=row["extractor"],
    )


def _article_behind(conn: Connection, keys: Sequence[str]) -> int | None:
    found = dict(conn.execute(select(aliases.c.key, aliases.c.article_id).where(aliases.c.key.in_(keys))).all())
    return next((found[key] for key in keys if key in found), None)


def _latest(conn: Connection, article_id: int) -> RowMapping:
    return (
        conn.execute(
            select(versions.c.number, extractions.c.text_sha256, extractions.c.extractor)
            .join(extractions, extractions.c.id == versions.c.extraction_id)
            .where(versions.c.article_id == article_id)
            .order_by(versions.c.number.desc())
            .limit(1)
        )
        .mappings()
        .one()
    )


def _twin(conn: Connection, source_id: int, candidate: Candidate | None) -> int | None:
    if candidate is None or candidate.word_count < TWIN_WORDS:
        return None
    return conn.execute(
        select(articles.c.id)
        .join(versions, (versions.c.article_id == articles.c.id) & (versions.c.number == articles.c.version))
        .join(extractions, extractions.c.id == versions.c.extraction_id)
        .where(extractions.c.text_sha256 == candidate.text_sha256, articles.c.source_id == source_id)
        .order_by(articles.c.id)
        .limit(1)
    ).scalar_one_or_none()


def apply(conn: Connection, outcome: Outcome, sighting: Sighting) -> int | None:
    """Store an outcome's article, version, extraction and aliases. Returns the article's id, None where there is none."""
    article_id = outcome.article_id
    match outcome.verdict:
        case Verdict.ADDED:
            article_id = _add(conn, _candidate(outcome), sighting)
        case Verdict.CHANGED:
            _new_version(conn, _article(outcome), _candidate(outcome), sighting)
        case Verdict.UNCHANGED:
            _touch(
                conn,
                _article(outcome),
                last_seen_at=sighting.fetched_at,
                gone_at=None,
                http_status=sighting.http_status,
            )
        case Verdict.GONE:
            _gone(conn, _article(outcome), sighting)
        case Verdict.REJECTED if article_id is not None:
            _touch(conn, article_id, http_status=sighting.http_status)
    if article_id is not None and outcome.verdict in _NAMING:
        conn.execute(
            insert_ignore(conn, aliases, ["key"]), [{"key": key, "article_id": article_id} for key in sighting.keys]
        )
    return article_id


_NAMING = {Verdict.ADDED, Verdict.CHANGED, Verdict.UNCHANGED, Verdict.DUPLICATE}


def _candidate(outcome: Outcome) -> Candidate:
    assert outcome.candidate is not None, "the verdict promises a candidate"
    return outcome.candidate


def _article(outcome: Outcome) -> int:
    assert outcome.article_id is not None, "the verdict promises a known article"
    return outcome.article_id


def _add(conn: Connection, candidate: Candidate, sighting: Sighting) -> int:
    seq = next_seq(conn)
    row = articles.insert().values(
        uid=uid_of(sighting.keys[0]),
        source_id=sighting.source_id,
        url=sighting.url,
        canonical_url=candidate.canonical_url,
        first_seen_at=sighting.fetched_at,
        last_seen_at=sighting.fetched_at,
        http_status=sighting.http_status,
        version=1,
        changed_seq=seq,
    )
    article_id = int(conn.execute(row.returning(articles.c.id)).scalar_one())
    _insert_version(conn, article_id, 1, candidate, sighting, seq)
    return article_id


def _new_version(conn: Connection, article_id: int, candidate: Candidate, sighting: Sighting) -> None:
    seq = next_seq(conn)
    number = int(_latest(conn, article_id)["number"]) + 1
    _insert_version(conn, article_id, number, candidate, sighting, seq)
    values = {"version": number, "changed_seq": seq, "last_seen_at": sighting.fetched_at, "gone_at": None}
    conn.execute(
        update(articles)
        .where(articles.c.id == article_id)
        .values(**values, http_status=sighting.http_status, canonical_url=candidate.canonical_url)
    )


def _touch(conn: Connection, article_id: int, **values: object) -> None:
    """Change visible columns; whoever follows `changed_seq` hears of it."""
    conn.execute(update(articles).where(articles.c.id == article_id).values(**values, changed_seq=next_seq(conn)))


def _gone(conn: Connection, article_id: int, sighting: Sighting) -> None:
    since = conn.execute(select(articles.c.gone_at).where(articles.c.id == article_id)).scalar_one()
    _touch(conn, article_id, gone_at=since or sighting.fetched_at, http_status=sighting.http_status)


def _insert_version(
    conn: Connection, article_id: int, number: int, candidate: Candidate, sighting: Sighting, seq: int
) -> None:
    extraction_id = insert_extraction(conn, candidate, sighting.capture_id)
    conn.execute(
        versions.insert().values(
            article_id=article_id,
            number=number,
            capture_id=sighting.capture_id,
            extraction_id=extraction_id,
            observed_at=sighting.fetched_at,
            changed_seq=seq,
        )
    )


def insert_extraction(conn: Connection, candidate: Candidate, capture_id: int) -> int:
    """The fields that one extractor read from one capture. Returns the row's id."""
    row = extractions.insert().values(
        capture_id=capture_id,
        extractor=candidate.extractor,
        title=candidate.title,
        text=candidate.text,
        text_sha256=candidate.text_sha256,
        word_count=candidate.word_count,
        canonical_url=candidate.canonical_url,
        site_name=candidate.site_name,
        authors=json.dumps(candidate.authors, ensure_ascii=False),
        tags=json.dumps(candidate.tags, ensure_ascii=False),
        published_at=candidate.published_at,
        published_local=candidate.published_local,
        published_precision=candidate.published_precision,
        modified_at=candidate.modified_at,
        section=candidate.section,
        description=candidate.description,
        image_url=candidate.image_url,
        language=candidate.language,
        truncated=candidate.truncated,
        provenance=json.dumps(dict(candidate.provenance), ensure_ascii=False),
    )
    return int(conn.execute(row.returning(extractions.c.id)).scalar_one())


def state_after(verdict: Verdict) -> State | None:
    """The state of an article URL after an outcome; None keeps the one it has."""
    return {
        Verdict.ADDED: State.STORED,
        Verdict.CHANGED: State.STORED,
        Verdict.UNCHANGED: State.STORED,
        Verdict.DUPLICATE: State.DUPLICATE,
        Verdict.REJECTED: State.REJECTED,
        Verdict.FILTERED: State.FILTERED,
        Verdict.FAILED: State.FAILED,
        Verdict.GONE: State.GONE,
    }.get(verdict)
