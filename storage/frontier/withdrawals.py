"""What was withdrawn: hidden from views, export, packages and replay, never fetched again, and still known as withdrawn.

The archive keeps each withdrawal as a resource record, so that a database made from it hides the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update

from storage.database.dialects import insert_ignore
from storage.database.engine import next_seq
from storage.database.schema import aliases, articles, captures, urls, withdrawals
from storage.records import State
from storage.urlkey import InvalidURL, canonical, key

WITHDRAWN = "withdrawn"  # the reason of a URL that is not fetched any more
_URI = "urn:newswarc:withdrawal:"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An article with all its URLs, or a single URL that is none. `files` are those that a purge wrote anew."""

    id: str
    at: str
    reason: str
    uid: str | None
    urls: tuple[str, ...]  # as they were fetched
    keys: tuple[str, ...]  # of all URLs, also those that only a page named
    purged_at: str | None = None
    files: tuple[dict[str, str], ...] = ()  # old and new name and sha256

    @property
    def uri(self) -> str:
        """Of its resource record."""
        return f"{_URI}{self.id}"

    def content(self) -> bytes:
        """Of its resource record: JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")


def withdrawal_in(uri: str, content: bytes) -> Withdrawal | None:
    """The withdrawal in a resource record; None when it holds something else. Raises ValueError when it is none of ours."""
    if not uri.startswith(_URI):
        return None
    try:
        said: dict[str, Any] = json.loads(content)
        lists = {name: tuple(said[name]) for name in ("urls", "keys", "files")}
        return Withdrawal(**said | lists)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{uri} is no withdrawal: {error!r}") from None


def named(conn: Connection, target: str, reason: str, id_: str, now: str) -> Withdrawal | None:
    """What is to be withdrawn under a URL or uid; None when nothing is known of it."""
    article = _article(conn, target)
    if article is not None:
        keys = set(conn.execute(select(aliases.c.key).where(aliases.c.article_id == article.id)).scalars())
        rows = conn.execute(select(urls.c.key, urls.c.url).where(urls.c.article_id == article.id)).all()
        found = {article.url, *(row.url for row in rows)}
        return Withdrawal(id_, now, reason, article.uid, tuple(sorted(found)), tuple(sorted(keys | {row.key for row in rows})))
    wanted = _key(target)
    row = conn.execute(select(urls.c.key, urls.c.url).where(urls.c.key == wanted)).one_or_none() if wanted else None
    if row is not None:
        return Withdrawal(id_, now, reason, None, (row.url,), (row.key,))
    captured = conn.execute(select(captures.c.id).where(captures.c.url == target).limit(1)).first()
    return Withdrawal(id_, now, reason, None, (target,), (wanted,)) if captured and wanted else None


def _article(conn: Connection, target: str) -> Any:
    by_uid = conn.execute(select(articles.c.id, articles.c.uid, articles.c.url).where(articles.c.uid == target)).one_or_none()
    wanted = None if by_uid else _key(target)
    if wanted is None:
        return by_uid
    owner = select(aliases.c.article_id).where(aliases.c.key == wanted)
    return conn.execute(select(articles.c.id, articles.c.uid, articles.c.url).where(articles.c.id.in_(owner))).one_or_none()


def _key(url: str) -> str | None:
    try:
        return key(url)
    except InvalidURL:
        return None


def apply(conn: Connection, withdrawal: Withdrawal) -> int:
    """Hide it. Returns how many captures that are; applied again it hides what was archived since."""
    tombstone = {name: getattr(withdrawal, name) for name in ("reason", "at", "uid", "purged_at")}
    by_key = {_key(url): url for url in withdrawal.urls}
    rows = [tombstone | {"key": k, "url": by_key.get(k, withdrawal.urls[0])} for k in withdrawal.keys]
    conn.execute(insert_ignore(conn, withdrawals, ["key"]), rows)
    if withdrawal.purged_at:
        chosen = withdrawals.c.key.in_(withdrawal.keys)
        conn.execute(update(withdrawals).where(chosen).values(purged_at=withdrawal.purged_at))
    _hide_urls(conn, withdrawal.keys)
    _hide_article(conn, withdrawal)
    return len(hidden := captures_of(conn, withdrawal.keys, withdrawal.urls)) and _hide(conn, hidden, withdrawal.at)


def _hide(conn: Connection, ids: Sequence[int], at: str) -> int:
    count = 0
    for start in range(0, len(ids), _CHUNK):
        chosen = captures.c.id.in_(ids[start : start + _CHUNK]) & captures.c.withdrawn_at.is_(None)
        count += conn.execute(update(captures).where(chosen).values(withdrawn_at=at, pending=False)).rowcount
    return count


def captures_of(conn: Connection, keys: Sequence[str], addresses: Iterable[str]) -> list[int]:
    """The ids of all captures that were made for these URLs, or of them."""
    rows = select(urls.c.id).where(urls.c.key.in_(keys))
    spelled = {*addresses, *conn.execute(select(urls.c.url).where(urls.c.key.in_(keys))).scalars()}
    spelled |= {canonical(url) for url in spelled if _key(url)}
    found = select(captures.c.id).where(or_(captures.c.url_id.in_(rows), captures.c.url.in_(spelled)))
    return list(conn.execute(found.order_by(captures.c.id)).scalars())


def _hide_urls(conn: Connection, keys: Sequence[str]) -> None:
    never = {"state": str(State.FILTERED), "reason": WITHDRAWN, "next_fetch_at": None, "lease_run": None, "lease_until": None}
    conn.execute(update(urls).where(urls.c.key.in_(keys)).values(**never))


def _hide_article(conn: Connection, withdrawal: Withdrawal) -> None:
    if withdrawal.uid is None:
        return
    own = (articles.c.uid == withdrawal.uid) & articles.c.withdrawn_at.is_(None)
    conn.execute(update(articles).where(own).values(withdrawn_at=withdrawal.at, changed_seq=next_seq(conn)))


def among(conn: Connection, keys: Sequence[str]) -> set[str]:
    """Which of these URL keys are withdrawn."""
    return set(conn.execute(select(withdrawals.c.key).where(withdrawals.c.key.in_(keys))).scalars()) if keys else set()


def withdrawn_at(conn: Connection, url: str) -> str | None:
    """Since when a URL is withdrawn."""
    return conn.execute(_SINCE, {"wanted": _key(url)}).scalar_one_or_none()


_SINCE = select(withdrawals.c.at).where(withdrawals.c.key == bindparam("wanted"))


def article_withdrawn_at(conn: Connection, url_or_uid: str) -> str | None:
    """Since when the article of this uid, or a URL, is withdrawn."""
    by_uid = select(func.min(withdrawals.c.at)).where(withdrawals.c.uid == url_or_uid)
    return conn.execute(by_uid).scalar_one() or withdrawn_at(conn, url_or_uid)


def hide_new(conn: Connection) -> int:
    """Hide what came into the archive since by another way, under URLs that are withdrawn. Returns how many captures."""
    count = 0
    for row in conn.execute(select(withdrawals)).mappings().all():
        _hide_urls(conn, [row["key"]])
        count += _hide(conn, captures_of(conn, [row["key"]], [row["url"]]), row["at"])
        if row["uid"]:
            _hide_article(conn, Withdrawal("", row["at"], row["reason"], row["uid"], (), ()))
    return count
