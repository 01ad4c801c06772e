"""Rows made from the archive alone, and rows taken back whose records are gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from storage.archive import captures as capture_rows
from storage.articles.rows import gone_column
from storage.articles.sizes import measure
from storage.database.dialects import insert_ignore
from storage.database.engine import next_seq
from storage.database.schema import aliases, articles, captures, extractions, outcomes, runs, sources, urls, versions
from storage.frontier import urls as frontier
from storage.frontier.urls import Origin
from storage.records import LAST, SEED_KINDS, Capture, Kind, Link, State, Verdict
from storage.urlkey import InvalidURL, key

_CHUNK = 500  # rows a statement
_SEEDS = sorted(map(str, SEED_KINDS))
_SEEN = {Verdict.ADDED, Verdict.CHANGED, Verdict.UNCHANGED}
_ANSWERED = _SEEN | {Verdict.GONE, Verdict.REJECTED}

# --- captures without rows --------------------------------------------------------------------------------------------


def adopt(conn: Connection, found: Sequence[Capture]) -> int:
    """Enter the archived exchanges that have no row. Returns how many those are."""
    ids = [capture.place.record_id for capture in found]
    known = set(conn.execute(select(captures.c.warc_record_id).where(captures.c.warc_record_id.in_(ids))).scalars())
    new = [capture for capture in found if capture.place.record_id not in known]
    for capture in new:
        enter_run(conn, capture)
        capture_rows.insert(conn, capture, _url_id(conn, capture), pending=capture_rows.is_awaited(capture))
    return len(new)


def enter_run(conn: Connection, capture: Capture) -> None:
    """Its run has a row, but where the database was lost."""
    run = {"id": capture.context.run_id, "started_at": capture.fetched_at, "version": "unknown"}
    conn.execute(insert_ignore(conn, runs, ["id"]), [run])


def _url_id(conn: Connection, capture: Capture) -> int | None:
    """The frontier row that an exchange was made for, entered when it is not there. robots.txt has none."""
    context = capture.context
    if context.kind is Kind.ROBOTS:
        return None
    try:
        wanted = key(context.frontier_url)
    except InvalidURL:
        return None
    known = frontier.ids_of(conn, [wanted]).get(wanted)
    if known is not None:
        return known
    priority = 0 if context.kind in SEED_KINDS else LAST if context.kind is Kind.REQUISITE else 1
    link = Link(context.frontier_url, context.kind, announced=context.announced, priority=priority)
    source_id = source_id_of(conn, context.source, context.frontier_url, capture.fetched_at)
    origin = Origin(source_id, context.run_id, capture.fetched_at, via=context.via, hops=context.hops_from_seed)
    frontier.discover(conn, [link], origin)
    return frontier.ids_of(conn, [wanted])[wanted]


def source_id_of(conn: Connection, name: str, url: str, now: str) -> int:
    """The row of a source; the settings will correct the address of one that is new."""
    known = conn.execute(select(sources.c.id).where(sources.c.name == name)).scalar_one_or_none()
    if known is not None:
        return int(known)
    scheme, _, rest = url.partition("://")
    return frontier.source_id(conn, name, f"{scheme}://{rest.partition('/')[0]}/", now)


# --- rows without records ---------------------------------------------------------------------------------------------


def withdraw(conn: Connection, file_id: int, start: int, now: str) -> int:
    """Take back every capture of a file from the offset `start` on, and all that hangs on it. Returns how many.

    Articles are then as if those had never been seen; one that nothing else has seen is gone. Their URLs are due again.
    """
    return _take_back(
        conn, select(captures.c.id).where(captures.c.warc_file_id == file_id, captures.c.warc_offset >= start), now
    )


def withdraw_one(conn: Connection, capture_id: int, now: str) -> int:
    """The same for one capture."""
    return _take_back(conn, select(captures.c.id).where(captures.c.id == capture_id), now)


def _take_back(conn: Connection, lost: Any, now: str) -> int:
    url_ids = set(conn.execute(select(captures.c.url_id).where(captures.c.id.in_(lost)).distinct()).scalars()) - {None}
    article_ids = _articles_on(conn, lost)
    for table in (versions, extractions, outcomes):
        conn.execute(delete(table).where(table.c.capture_id.in_(lost)))
    count = conn.execute(delete(captures).where(captures.c.id.in_(lost))).rowcount
    for article_id in sorted(article_ids):
        url_ids |= _mend_article(conn, article_id)
    for start_ in range(0, len(url_ids), _CHUNK):
        _make_due(conn, sorted(url_ids)[start_ : start_ + _CHUNK], now)
    return count


def _articles_on(conn: Connection, lost: Any) -> set[int]:
    """Articles that have a version, or were seen in any other way, in one of these captures."""
    shown = select(versions.c.article_id).where(versions.c.capture_id.in_(lost))
    seen = (
        select(urls.c.article_id)
        .join(outcomes, outcomes.c.url_id == urls.c.id)
        .where(outcomes.c.capture_id.in_(lost), urls.c.article_id.is_not(None))
    )
    return {*conn.execute(shown).scalars(), *conn.execute(seen).scalars()}


def _mend_article(conn: Connection, article_id: int) -> set[int]:
    """Let an article say what its remaining captures say. Returns the URLs that have lost their article."""
    latest = conn.execute(
        select(versions.c.number, extractions.c.canonical_url)
        .join(extractions, extractions.c.id == versions.c.extraction_id)
        .where(versions.c.article_id == article_id)
        .order_by(versions.c.number.desc())
        .limit(1)
    ).one_or_none()
    if latest is None:
        return _remove_article(conn, article_id)
    measure(conn, article_id)
    values = {"version": latest.number, "canonical_url": latest.canonical_url, **_sightings(conn, article_id)}
    mended = update(articles).where(articles.c.id == article_id)
    conn.execute(mended.values(**values, changed_seq=next_seq(conn)))
    gone = any(values.get(name) is not None for name in ("gone_at", "redirected_at"))
    was, is_now = (State.STORED, State.GONE) if gone else (State.GONE, State.STORED)
    own = (urls.c.article_id == article_id) & (urls.c.state == str(was))
    conn.execute(update(urls).where(own).values(state=str(is_now)))
    return set()


def _remove_article(conn: Connection, article_id: int) -> set[int]:
    own = urls.c.article_id == article_id
    url_ids = set(conn.execute(select(urls.c.id).where(own)).scalars())
    conn.execute(update(urls).where(own).values(article_id=None))
    conn.execute(delete(aliases).where(aliases.c.article_id == article_id))
    conn.execute(delete(articles).where(articles.c.id == article_id))
    return url_ids


def _sightings(conn: Connection, article_id: int) -> dict[str, Any]:
    """What the outcomes of an article's URLs say of when it was seen, in the order of their captures."""
    rows = conn.execute(
        select(outcomes.c.verdict, outcomes.c.reason, captures.c.fetched_at, captures.c.http_status)
        .join(captures, captures.c.id == outcomes.c.capture_id)
        .join(urls, urls.c.id == outcomes.c.url_id)
        .where(urls.c.article_id == article_id)
        .order_by(captures.c.fetched_at, captures.c.warc_record_id)
    ).all()
    answered = [row for row in rows if row.verdict in _ANSWERED]
    seen = [row.fetched_at for row in answered if row.verdict in _SEEN]
    if not seen:
        return {}
    gone = [row for row in answered if row.verdict == Verdict.GONE and row.fetched_at > seen[-1]]
    began = {gone_column(row.reason): row.fetched_at for row in reversed(gone)}
    walled = select(articles.c.paywalled_at).where(articles.c.id == article_id, articles.c.paywalled_at.in_(seen))
    return {
        "last_seen_at": seen[-1],
        "gone_at": began.get("gone_at"),
        "redirected_at": began.get("redirected_at"),
        "paywalled_at": conn.execute(walled).scalar_one_or_none(),
        "http_status": answered[-1].http_status,
    }


def _make_due(conn: Connection, url_ids: Iterable[int], now: str) -> None:
    """Let URLs be fetched again, and unconditionally: what they were answered is not in the archive any more."""
    chosen = urls.c.id.in_(list(url_ids))
    read = (captures.c.url_id == urls.c.id) & ~captures.c.pending
    last = select(func.max(captures.c.fetched_at)).where(read).scalar_subquery()
    afresh = frontier.UNVALIDATED | {"lease_run": None, "lease_until": None}
    conn.execute(update(urls).where(chosen).values(**afresh, attempts=0, next_fetch_at=now, last_fetch_at=last))
    # A duplicate of an article that stays is one still: as the article's own URL its wording would make a version.
    settled = or_(urls.c.kind.in_(_SEEDS), urls.c.article_id.is_not(None))
    conn.execute(update(urls).where(chosen, ~settled).values(state=str(State.PENDING), reason=None))
