"""Articles, their versions and extractions: what is known of one, and how an outcome becomes rows."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, bindparam, select, update

from storage.articles.sizes import measure
from storage.database.dialects import insert_ignore
from storage.database.engine import next_seq
from storage.database.schema import aliases, articles, extractions, urls, versions
from storage.records import Candidate, Known, Outcome, State, Verdict

REDIRECTED = "redirected-home"  # the reason of an article whose URL leads to the home page now
PAYWALLED = "paywalled"  # the reason of a page that shows no more than a teaser of what is stored
TWIN_WORDS = 30  # shorter texts are equal too often ("This page is being updated")

# Statements that every page runs are made once: to make one costs more than to run it.
_URL = select(urls.c.article_id, urls.c.state).where(urls.c.id == bindparam("url_id"))
_ALIASES = select(aliases.c.key, aliases.c.article_id).where(aliases.c.key.in_(bindparam("keys", expanding=True)))
_LATEST = (
    select(
        versions.c.number,
        extractions.c.title,
        extractions.c.text,
        extractions.c.text_sha256,
        extractions.c.word_count,
        extractions.c.is_accessible_for_free,
        extractions.c.extractor,
    )
    .join(extractions, extractions.c.id == versions.c.extraction_id)
    .where(versions.c.article_id == bindparam("article_id"))
    .order_by(versions.c.number.desc())
    .limit(1)
)
_TWIN = (
    select(articles.c.id)
    .join(versions, (versions.c.article_id == articles.c.id) & (versions.c.number == articles.c.version))
    .join(extractions, extractions.c.id == versions.c.extraction_id)
    .where(
        extractions.c.text_sha256 == bindparam("text_sha256"),
        articles.c.source_id == bindparam("source_id"),
        articles.c.gone_at.is_(None),
        articles.c.redirected_at.is_(None),
    )
    .order_by(articles.c.id)
    .limit(1)
)
_ARTICLE = select(articles).where(articles.c.id == bindparam("article_id"))
_FORGET_ALIAS = aliases.delete().where(aliases.c.key == bindparam("alias"))
_ADD_ARTICLE = articles.insert().returning(articles.c.id)
_ADD_EXTRACTION = extractions.insert().returning(extractions.c.id)
_ADD_VERSION = versions.insert()


def uid_of(key: str) -> str:
    """The lasting name of an article: 16 lower-case base32 characters of the sha256 of the URL key first stored."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest()[:10]).decode().lower()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A page of an article as it was met: by which URL, of which source, when, in which capture.

    `own_keys` are the URL keys that led to the page: of the final hop, then the frontier's; the first names a new article.
    `canonical_key` is what the page itself says, "" for nothing new.
    """

    source_id: int
    url_id: int
    own_keys: Sequence[str]
    canonical_key: str
    url: str
    fetched_at: str
    http_status: int | None
    capture_id: int

    @property
    def keys(self) -> list[str]:
        """All of them."""
        return [*self.own_keys, self.canonical_key] if self.canonical_key else list(self.own_keys)


def known(conn: Connection, sighting: Sighting, candidate: Candidate | None) -> Known:
    """What the database knows of the article behind these URLs, and of one with the same wording."""
    row = conn.execute(_URL, {"url_id": sighting.url_id}).one()
    owner = row.article_id if row.state in (State.STORED, State.GONE) and len(sighting.own_keys) == 1 else None
    article_id = owner or _article_behind(conn, sighting, candidate)
    if article_id is None:
        return Known(twin_article_id=_twin(conn, sighting.source_id, candidate))
    latest = _latest(conn, article_id)
    return Known(
        article_id=article_id,
        own_url=_is_own(conn, row, article_id),
        version=latest["number"],
        text_sha256=latest["text_sha256"],
        extractor=latest["extractor"],
        text=latest["text"],
        word_count=latest["word_count"],
        is_accessible_for_free=latest["is_accessible_for_free"],
    )


def _is_own(conn: Connection, row: Row[Any, Any], article_id: int) -> bool:
    """Whether the frontier row speaks for the article: it is its URL, or no other row is any more."""
    if row.article_id == article_id and row.state != State.DUPLICATE:
        return True
    others = select(urls.c.id).where(urls.c.article_id == article_id, urls.c.state.in_(("stored", "gone")))
    return conn.execute(others.limit(1)).first() is None


def _article_behind(conn: Connection, sighting: Sighting, candidate: Candidate | None) -> int | None:
    """The article of one of the page's URLs.

    A page read for the first time under a URL that only a rel=canonical gave to an article must look like that article:
    sites name a section, or the newest story, as the canonical URL of all.
    """
    found = dict(conn.execute(_ALIASES, {"keys": sighting.keys}).all())
    for key in sighting.keys:
        if key in found and (candidate is None or _is_same(conn, found[key], sighting, candidate)):
            return int(found[key])
    return None


def _is_same(conn: Connection, article_id: int, sighting: Sighting, candidate: Candidate) -> bool:
    if conn.execute(select(articles.c.url).where(articles.c.id == article_id)).scalar_one() == sighting.url:
        return True
    owned = select(urls.c.id).where(urls.c.article_id == article_id, urls.c.key.in_(sighting.own_keys))
    if conn.execute(owned.limit(1)).first() is not None:
        return True
    latest = _latest(conn, article_id)
    return candidate.text_sha256 == latest["text_sha256"] or _folded(candidate.title) == _folded(latest["title"])


def _folded(title: str | None) -> str:
    return "".join(filter(str.isalnum, (title or "").casefold()))


def _latest(conn: Connection, article_id: int) -> RowMapping:
    return conn.execute(_LATEST, {"article_id": article_id}).mappings().one()


def _twin(conn: Connection, source_id: int, candidate: Candidate | None) -> int | None:
    if candidate is None or candidate.word_count < TWIN_WORDS:
        return None
    wanted = {"text_sha256": candidate.text_sha256, "source_id": source_id}
    return conn.execute(_TWIN, wanted).scalar_one_or_none()


def apply(conn: Connection, outcome: Outcome, sighting: Sighting) -> int | None:
    """Store an outcome's article, version, extraction and aliases. Returns the article's id, None where there is none."""
    article_id = outcome.article_id
    match outcome.verdict:
        case Verdict.ADDED:
            article_id = _add(conn, _candidate(outcome), sighting)
            conn.execute(_FORGET_ALIAS, {"alias": sighting.own_keys[0]})  # not what a canonical said it was
        case Verdict.CHANGED:
            _new_version(conn, outcome, sighting)
        case Verdict.UNCHANGED:
            _touch(conn, _article(outcome), **_there(conn, outcome, sighting))
        case Verdict.GONE:
            _gone(conn, _article(outcome), outcome.reason, sighting)
        case Verdict.REJECTED | Verdict.FAILED if article_id is not None and sighting.http_status:
            _touch(conn, article_id, http_status=sighting.http_status)
    if article_id is not None and outcome.verdict in _NAMING:
        name(conn, article_id, sighting)
    return article_id


def name(conn: Connection, article_id: int, sighting: Sighting) -> None:
    """The URLs of a sighting belong to this article, unless they are another's."""
    rows = [{"key": key, "article_id": article_id} for key in sighting.keys]
    conn.execute(insert_ignore(conn, aliases, ["key"]), rows)


_NAMING = {Verdict.ADDED, Verdict.CHANGED, Verdict.UNCHANGED, Verdict.DUPLICATE}


def _candidate(outcome: Outcome) -> Candidate:
    assert outcome.candidate is not None, "the verdict promises a candidate"
    return outcome.candidate


def _article(outcome: Outcome) -> int:
    assert outcome.article_id is not None, "the verdict promises a known article"
    return outcome.article_id


def _add(conn: Connection, candidate: Candidate, sighting: Sighting) -> int:
    seq = next_seq(conn)
    row = {
        "uid": uid_of(sighting.own_keys[0]),
        "source_id": sighting.source_id,
        "url": sighting.url,
        "canonical_url": candidate.canonical_url,
        "first_seen_at": sighting.fetched_at,
        "last_seen_at": sighting.fetched_at,
        "http_status": sighting.http_status,
        "version": 1,
        "changed_seq": seq,
    }
    article_id = int(conn.execute(_ADD_ARTICLE, row).scalar_one())
    _insert_version(conn, article_id, 1, candidate, sighting, seq)
    return article_id


def _new_version(conn: Connection, outcome: Outcome, sighting: Sighting) -> None:
    article_id, candidate, seq = _article(outcome), _candidate(outcome), next_seq(conn)
    number = int(_latest(conn, article_id)["number"]) + 1
    _insert_version(conn, article_id, number, candidate, sighting, seq)
    measure(conn, article_id, number)
    values = _there(conn, outcome, sighting)
    values |= {"version": number, "changed_seq": seq, "canonical_url": candidate.canonical_url}
    conn.execute(update(articles).where(articles.c.id == article_id).values(**values))


def _there(conn: Connection, outcome: Outcome, sighting: Sighting) -> dict[str, object]:
    """What the row of an article says once its page was seen (again)."""
    values: dict[str, object] = {"last_seen_at": sighting.fetched_at, "http_status": sighting.http_status}
    values |= dict.fromkeys(("gone_at", "redirected_at"))
    if outcome.paywalled is not None:
        since = _since(conn, _article(outcome), "paywalled_at", sighting) if outcome.paywalled else None
        values["paywalled_at"] = since
    return values


def _since(conn: Connection, article_id: int, column: str, sighting: Sighting) -> str:
    """When a state of an article began: now, unless it did before."""
    before: str | None = conn.execute(_ARTICLE, {"article_id": article_id}).mappings().one()[column]
    return before or sighting.fetched_at


def _touch(conn: Connection, article_id: int, **values: object) -> None:
    """Change visible columns; whoever follows `changed_seq` hears of it, but for what is no change of the article."""
    row = conn.execute(_ARTICLE, {"article_id": article_id}).mappings().one()
    changed = {name: value for name, value in values.items() if row[name] != value}
    if any(_is_news(name, row[name], value) for name, value in changed.items()):
        changed["changed_seq"] = next_seq(conn)
    if changed:
        conn.execute(update(articles).where(articles.c.id == article_id).values(**changed))


def _is_news(name: str, before: object, after: object) -> bool:
    """That an article was seen once more, as it was, is none: neither the moment nor whether a 200 or a 304 told so."""
    if name == "http_status":
        return not (before in _STANDING and after in _STANDING)
    return name != "last_seen_at"


_STANDING = {*range(200, 300), 304}  # statuses with which an article is there


def seen(conn: Connection, article_id: int, moment: str) -> None:
    """An article was there at this moment, its page unchanged."""
    row = conn.execute(_ARTICLE, {"article_id": article_id}).mappings().one()
    if moment > row["last_seen_at"]:
        later = {name: row[name] for name in ("gone_at", "redirected_at") if row[name] and row[name] > moment}
        _touch(conn, article_id, **{"last_seen_at": moment, "gone_at": None, "redirected_at": None} | later)


def _gone(conn: Connection, article_id: int, reason: str | None, sighting: Sighting) -> None:
    column = gone_column(reason)
    values = {column: _since(conn, article_id, column, sighting), "http_status": sighting.http_status}
    _touch(conn, article_id, **values)


def gone_column(reason: str | None) -> str:
    """Which date an outcome `gone` sets, by its reason."""
    return "redirected_at" if reason == REDIRECTED else "gone_at"


def _insert_version(
    conn: Connection, article_id: int, number: int, candidate: Candidate, sighting: Sighting, seq: int
) -> None:
    extraction_id = insert_extraction(conn, candidate, sighting.capture_id)
    row = {
        "article_id": article_id,
        "number": number,
        "capture_id": sighting.capture_id,
        "extraction_id": extraction_id,
        "observed_at": sighting.fetched_at,
        "changed_seq": seq,
    }
    conn.execute(_ADD_VERSION, row)


def insert_extraction(conn: Connection, candidate: Candidate, capture_id: int) -> int:
    """The fields that one extractor read from one capture. Returns the row's id."""
    row = {
        "capture_id": capture_id,
        "extractor": candidate.extractor,
        "title": candidate.title,
        "text": candidate.text,
        "text_sha256": candidate.text_sha256,
        "word_count": candidate.word_count,
        "canonical_url": candidate.canonical_url,
        "site_name": candidate.site_name,
        "authors": json.dumps(candidate.authors, ensure_ascii=False),
        "tags": json.dumps(candidate.tags, ensure_ascii=False),
        "published_at": candidate.published_at,
        "published_local": candidate.published_local,
        "published_precision": candidate.published_precision,
        "modified_at": candidate.modified_at,
        "section": candidate.section,
        "description": candidate.description,
        "image_url": candidate.image_url,
        "language": candidate.language,
        "truncated": candidate.truncated,
        "provenance": json.dumps(dict(candidate.provenance), ensure_ascii=False),
        "organizations": json.dumps(candidate.organizations, ensure_ascii=False),
        "modified_local": candidate.modified_local,
        "modified_precision": candidate.modified_precision,
        "is_accessible_for_free": candidate.is_accessible_for_free,
        "page_type": candidate.page_type,
    }
    return int(conn.execute(_ADD_EXTRACTION, row).scalar_one())


def state_after(verdict: Verdict) -> State | None:
    """The state of a URL that is no seed after an outcome; None keeps the one it has."""
    return {
        Verdict.ADDED: State.STORED,
        Verdict.CHANGED: State.STORED,
        Verdict.UNCHANGED: State.STORED,
        Verdict.DUPLICATE: State.DUPLICATE,
        Verdict.REJECTED: State.REJECTED,
        Verdict.FILTERED: State.FILTERED,
        Verdict.FAILED: State.FAILED,
        Verdict.GONE: State.GONE,
        Verdict.KEPT: State.KEPT,
    }.get(verdict)
