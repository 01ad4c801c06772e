"""The frontier: one row of `urls` is dedupe, queue, lease, next fetch time and state of a URL.

Functions take a connection inside a transaction; `now` is an argument. When to fetch what is decided elsewhere and arrives
as `next_fetch_at`; this file only keeps it and hands out what is due.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, RowMapping, and_, bindparam, select, update

from storage.database.dialects import insert_ignore
from storage.database.schema import aliases, articles, outcomes, sources, urls
from storage.frontier.withdrawals import WITHDRAWN, among
from storage.records import SEED_KINDS, Announced, Kind, Lease, Link, Outcome, State, Validators, Verdict
from storage.urlkey import InvalidURL, host_key, key

CHUNK = 500  # rows a statement, below every database's limit of parameters

# Statements that every page runs are made once: to make one costs more than to run it.
_KNOWN = select(urls).where(urls.c.key.in_(bindparam("keys", expanding=True)))
_READ = (
    select(aliases.c.key, aliases.c.article_id, articles.c.url)
    .join(articles, articles.c.id == aliases.c.article_id)
    .where(aliases.c.key.in_(bindparam("keys", expanding=True)))
)
_SETTLE = update(urls).where(urls.c.id == bindparam("url_id"))  # parameters named as columns are what it sets
_ENTER = urls.insert().returning(urls.c.id)
_ACCOUNT = outcomes.insert()
_HOLDS = select(urls.c.article_id).where(urls.c.id == bindparam("url_id"))
_SHELVE = (
    update(urls)
    .where(
        urls.c.key.in_(bindparam("keys", expanding=True)),
        urls.c.id != bindparam("own_id"),
        urls.c.lease_run.is_(None),
        urls.c.state == str(State.PENDING),
    )
    .values(
        state=str(State.DUPLICATE),
        reason="alias",
        next_fetch_at=None,
        article_id=bindparam("owner"),
        considered_run=bindparam("run"),
    )
    .returning(urls.c.id, urls.c.kind)
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where links were found: what every new row of them shares."""

    source_id: int
    run_id: str
    now: str
    via: str | None = None
    hops: int = 0


def announced_json(announced: Announced | None) -> str | None:
    """Announced as stored: only what was said."""
    if announced is None:
        return None
    said = {name: value for name, value in asdict(announced).items() if value}
    return json.dumps(said, ensure_ascii=False, sort_keys=True) if said else None


def announced_from(text_: str | None) -> Announced | None:
    """The inverse of `announced_json`."""
    if not text_:
        return None
    said = json.loads(text_)
    for name in ("authors", "tags"):
        said[name] = tuple(said.get(name, ()))
    return Announced(**said)


def source_id(conn: Connection, name: str, url: str, now: str) -> int:
    """The id of a source, made when it is new."""
    row = conn.execute(select(sources.c.id, sources.c.url).where(sources.c.name == name)).one_or_none()
    if row is None:
        return int(
            conn.execute(
                sources.insert().values(name=name, url=url, created_at=now).returning(sources.c.id)
            ).scalar_one()
        )
    if row.url != url:
        conn.execute(update(sources).where(sources.c.id == row.id).values(url=url))
    return int(row.id)


@dataclass(frozen=True, slots=True)
class Found:
    """What noting links gave. Of links to articles: `new` ones to fetch, `known` ones, and what was announced of the new."""

    due: int = 0  # URLs of any kind that are to be fetched now
    new: int = 0
    known: int = 0
    announced: tuple[Announced, ...] = ()

    def __add__(self, other: Found) -> Found:
        return Found(
            self.due + other.due, self.new + other.new, self.known + other.known, self.announced + other.announced
        )


NOTHING = Found()


TRAP_SHAPE = "trap-shape"  # the reason of a URL whose like became no article

Doubt = Callable[[Connection, Sequence[Link]], Container[str]]  # the URLs of new links that are refused as TRAP_SHAPE


def discover(conn: Connection, links: Iterable[Link], origin: Origin, doubt: Doubt | None = None) -> Found:
    """Note links: new ones get a row and one state, known ones learn what was announced. `doubt` judges the new ones."""
    found: dict[str, Link] = {}
    for link in links:
        try:
            k = key(link.url)
        except InvalidURL:  # mailto: and the like, from a spider of somebody's own: no URL that could be known
            continue
        if k not in found or (found[k].refused and not link.refused):
            found[k] = link
    total = NOTHING
    keys = list(found)
    for start in range(0, len(keys), CHUNK):
        total += _discover_chunk(conn, {k: found[k] for k in keys[start : start + CHUNK]}, origin, doubt)
    return total


def enter(conn: Connection, link: Link, origin: Origin) -> int:
    """A row for a URL that was never discovered, but is in the archive; it is not to be fetched. Raises InvalidURL."""
    return int(conn.execute(_ENTER, _row(key(link.url), link, origin, None) | _NOT_ASKED).scalar_one())


_NOT_ASKED = {"next_fetch_at": None, "considered_run": None}


def _discover_chunk(conn: Connection, found: dict[str, Link], origin: Origin, doubt: Doubt | None) -> Found:
    known = {
        row["key"]: row
        for row in conn.execute(_KNOWN, {"keys": list(found)}).mappings()
    }
    unknown = [k for k in found if k not in known]
    if doubt is not None:
        refused = doubt(conn, [link for k, link in found.items() if k not in known or known[k]["reason"] == TRAP_SHAPE])
        found = {k: replace(link, refused=TRAP_SHAPE) if link.url in refused else link for k, link in found.items()}
    read, hidden = _read_already(conn, unknown), among(conn, unknown)
    fresh = [_row(k, _unless(hidden, k, found[k]), origin, read.get(k)) for k in unknown]
    if fresh:
        conn.execute(insert_ignore(conn, urls, ["key"]), fresh)
        _account(conn, [row for row in fresh if row["state"] in _SETTLED], origin)
    wanted = [k for k, row in zip(unknown, fresh, strict=True) if row["next_fetch_at"] is not None]
    better = sum(_meet_again(conn, row, found[k], origin) for k, row in known.items())
    stories = [found[k] for k in wanted if found[k].kind is Kind.ARTICLE]
    return Found(
        due=len(wanted) + better,
        new=len(stories),
        known=sum(found[k].kind is Kind.ARTICLE and not found[k].refused for k in known),
        announced=tuple(link.announced for link in stories if link.announced),
    )


def _unless(hidden: set[str], k: str, link: Link) -> Link:
    return replace(link, refused=WITHDRAWN) if k in hidden else link


def _read_already(conn: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Key -> article, of pages that were read under that very URL, at the end of a redirect.

    What only a rel=canonical said is not believed before the page itself was read.
    """
    rows = conn.execute(_READ, {"keys": keys}) if keys else ()
    return {row.key: row.article_id for row in rows if key(row.url) == row.key}


_SETTLED = {str(State.FILTERED), str(State.DUPLICATE)}


def _row(k: str, link: Link, origin: Origin, article_id: int | None) -> dict[str, object]:
    state: State = State.PENDING
    reason: str | None = None
    due: str | None = origin.now
    if link.refused:
        state, reason, due = State.FILTERED, link.refused, None
    elif article_id is not None:
        state, reason, due = State.DUPLICATE, "alias", None
    elif link.kind in SEED_KINDS:
        state = State.SEED
    return {
        "key": k,
        "url": link.url,
        "host": host_key(link.url),
        "source_id": origin.source_id,
        "kind": str(link.kind),
        "state": str(state),
        "reason": reason,
        "priority": link.priority,
        "hops": origin.hops,
        "discovered_at": origin.now,
        "discovered_from": origin.via,
        "announced": announced_json(link.announced),
        "payload": link.payload,
        "spider": link.spider,
        "next_fetch_at": due,
        "article_id": article_id,
        "considered_run": origin.run_id,
    }


def _account(conn: Connection, rows: Sequence[dict[str, object]], origin: Origin) -> None:
    """Enter URLs into the run's ledger that were settled by being seen."""
    if not rows:
        return
    verdicts = {str(State.FILTERED): Verdict.FILTERED, str(State.DUPLICATE): Verdict.DUPLICATE}
    ids = dict(conn.execute(select(urls.c.key, urls.c.id).where(urls.c.key.in_([row["key"] for row in rows]))).all())
    conn.execute(
        outcomes.insert(),
        [
            {
                "run_id": origin.run_id,
                "url_id": ids[row["key"]],
                "kind": row["kind"],
                "verdict": str(verdicts[str(row["state"])]),
                "reason": row["reason"],
                "at": origin.now,
            }
            for row in rows
        ],
    )


def _meet_again(conn: Connection, row: RowMapping, link: Link, origin: Origin) -> int:
    """A known URL was found once more: 1 when that makes it worth fetching, else 0."""
    if link.refused:
        return 0
    if _is_better(row, link):
        values = _row(row["key"], link, origin, None)
        kept = {"key", "url", "host", "discovered_at", "article_id"}
        better = {name: value for name, value in values.items() if name not in kept}
        conn.execute(update(urls).where(urls.c.id == row["id"]).values(better | UNVALIDATED))  # to be read as another kind
        _forget_refusal(conn, row["id"], origin.run_id)
        return 1
    if row["state"] == State.SEED and origin.via is None and row["source_id"] != origin.source_id:
        conn.execute(update(urls).where(urls.c.id == row["id"]).values(source_id=origin.source_id))  # its owner says so
    if row["state"] == State.PENDING:
        _learn(conn, row, link)
    return 0


def _is_better(row: RowMapping, link: Link) -> bool:
    """Whether a link says more of its URL than what was known: a seed is one, and a refusal by its looks can be undone.

    A page is more than a requisite of one, whatever it was taken for first. What robots.txt refused was considered, and stays
    as it is.
    """
    if link.kind in SEED_KINDS and row["kind"] not in [str(kind) for kind in SEED_KINDS]:
        return row["state"] in (State.PENDING, State.FILTERED, State.REJECTED, State.FAILED, State.KEPT)
    if link.kind is Kind.ARTICLE and row["kind"] == str(Kind.REQUISITE):
        return row["state"] in (State.PENDING, State.KEPT) and row["lease_run"] is None
    return row["state"] == State.FILTERED and row["last_fetch_at"] is None and row["reason"] != WITHDRAWN


def _forget_refusal(conn: Connection, url_id: int, run_id: str) -> None:
    """A URL has one outcome a run: the refusal of a moment ago is none."""
    refusal = and_(outcomes.c.url_id == url_id, outcomes.c.run_id == run_id, outcomes.c.verdict == str(Verdict.FILTERED))
    conn.execute(outcomes.delete().where(refusal))


def _learn(conn: Connection, row: RowMapping, link: Link) -> None:
    """A waiting row takes over what was announced, and the better priority."""
    values: dict[str, object] = {}
    if link.announced and not row["announced"]:
        values["announced"] = announced_json(link.announced)
    if link.priority < row["priority"]:
        values["priority"] = link.priority
    if values:
        conn.execute(update(urls).where(urls.c.id == row["id"]).values(**values))


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a fetched row becomes. `state` None keeps the one it has."""

    state: State | None
    reason: str | None
    next_fetch_at: str | None
    attempts: int
    article_id: int | None = None
    validators: Validators | None = None  # None keeps those that are known
    rhythm: str | None = None  # None keeps the one that is known
    priority: int | None = None  # likewise
    run_id: str | None = None  # the run that settles it, which may have found the page in the archive; None: who considered it


# Of a row that is to be fetched whole.
UNVALIDATED: dict[str, None] = dict.fromkeys(("etag", "last_modified", "validated_url", "validated_at"))


def settle(conn: Connection, url_id: int, settlement: Settlement, now: str) -> None:
    """Give the row its new state and end its lease."""
    values = {
        "reason": settlement.reason,
        "next_fetch_at": settlement.next_fetch_at,
        "attempts": settlement.attempts,
        "last_fetch_at": now,
        "lease_run": None,
        "lease_until": None,
    }
    if (told := settlement.validators) is not None:
        values |= {"etag": told.etag, "last_modified": told.last_modified}
        values |= {"validated_url": told.url, "validated_at": told.date}
    if settlement.rhythm is not None:
        values["rhythm"] = settlement.rhythm
    if settlement.run_id is not None:
        values["considered_run"] = settlement.run_id
    if settlement.priority is not None:
        values["priority"] = settlement.priority
    if settlement.state is not None:
        values["state"] = str(settlement.state)
    if settlement.article_id is not None:
        values["article_id"] = settlement.article_id
    conn.execute(_SETTLE, {"url_id": url_id} | values)


def account(
    conn: Connection, run_id: str, lease: Lease, outcome: Outcome, capture_id: int | None, now: str
) -> None:
    """Enter what became of a leased URL into the run's ledger."""
    row = {
        "run_id": run_id,
        "url_id": lease.url_id,
        "kind": str(lease.kind),
        "verdict": str(outcome.verdict),
        "reason": outcome.reason,
        "capture_id": capture_id,
        "article_id": outcome.article_id,
        "at": now,
    }
    conn.execute(_ACCOUNT, row)


def shelve_aliases(conn: Connection, keys: Sequence[str], article_id: int, own_id: int, run_id: str, now: str) -> None:
    """Rows of other URLs of an article that still wait need no fetch of their own any more."""
    rows = conn.execute(_SHELVE, {"keys": keys, "own_id": own_id, "owner": article_id, "run": run_id}).all()
    if rows:
        entry = {"run_id": run_id, "verdict": str(Verdict.DUPLICATE), "reason": "alias", "at": now}
        conn.execute(outcomes.insert(), [{"url_id": row.id, "kind": row.kind} | entry for row in rows])


def holds_article(conn: Connection, url_id: int) -> bool:
    """Whether a row is the URL of a stored article, or of a duplicate of one."""
    return conn.execute(_HOLDS, {"url_id": url_id}).scalar_one() is not None


def make_due(conn: Connection, now: str, states: Collection[State], source_ids: Sequence[int] | None = None) -> int:
    """Let every row in these states be fetched in this run. Returns how many rows that are."""
    chosen = update(urls).where(urls.c.state.in_([str(state) for state in states]))
    if source_ids is not None:
        chosen = chosen.where(urls.c.source_id.in_(source_ids))
    return conn.execute(chosen.values(next_fetch_at=now)).rowcount


def make_due_rows(conn: Connection, ids: Sequence[int], run_id: str, now: str) -> None:
    """Let a run fetch exactly these rows as articles, whatever their state."""
    for start in range(0, len(ids), CHUNK):
        chosen = urls.c.id.in_(ids[start : start + CHUNK])
        conn.execute(update(urls).where(chosen).values(next_fetch_at=now, considered_run=run_id))
        conn.execute(update(urls).where(chosen, urls.c.kind == str(Kind.ARTICLE)).values(priority=1))
        idle = and_(chosen, urls.c.state.in_([str(State.FILTERED), str(State.REJECTED), str(State.FAILED)]))
        conn.execute(update(urls).where(idle).values(state=str(State.PENDING), kind=str(Kind.ARTICLE), priority=1))


def known_among(conn: Connection, found: Sequence[str]) -> set[str]:
    """Those of some canonical URLs that have a row."""
    keys = {url: key(url) for url in found}
    known = ids_of(conn, list(keys.values()))
    return {url for url, k in keys.items() if k in known}


def ids_of(conn: Connection, keys: Sequence[str]) -> dict[str, int]:
    """URL key -> row id, of those that are known."""
    found: dict[str, int] = {}
    for start in range(0, len(keys), CHUNK):
        rows = conn.execute(select(urls.c.key, urls.c.id).where(urls.c.key.in_(keys[start : start + CHUNK])))
        found.update({row.key: row.id for row in rows})
    return found


def sources_of(conn: Connection, ids: Sequence[int]) -> list[tuple[int, str, str]]:
    """(id, name, URL) of the sources that some rows belong to."""
    found: dict[int, tuple[int, str, str]] = {}
    for start in range(0, len(ids), CHUNK):
        mine = select(urls.c.source_id).where(urls.c.id.in_(ids[start : start + CHUNK]))
        for row in conn.execute(select(sources.c.id, sources.c.name, sources.c.url).where(sources.c.id.in_(mine))):
            found[row.id] = (row.id, row.name, row.url)
    return list(found.values())
