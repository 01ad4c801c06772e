"""`retry`: what failed, or was turned down, is due again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.config.naming import is_url
from crawler.sources.active import scope_of
from crawler.terminal import console
from storage.database.engine import Connection, open_database, open_readonly, reading, transaction
from storage.errors import UsageError
from storage.frontier.urls import ids_of
from storage.query import due
from storage.query.due import Again
from storage.records import State
from storage.times import now
from storage.urlkey import InvalidURL, key

Row = dict[str, Any]
SHOWN = 20  # reasons


def retry(
    folder: Path, targets: Sequence[str], states: Sequence[str], reason: str, *, dry_run: bool, as_json: bool
) -> None:
    """Make rows due, and print how many of which reason. Raises UsageError for a source or URL that is not known."""
    collection = collections.find(folder)
    if not checks.is_text(reason) or not all(map(checks.is_text, targets)):
        raise UsageError("sources, URLs and --reason must be text")
    url = collection.database_url
    engine = open_readonly(url) if dry_run else open_database(url, create=False)
    try:
        with reading(engine) if dry_run else transaction(engine) as conn:
            chosen, left = _chosen(collection, conn, _wanted(collection, conn, targets, states, reason))
            count = len(chosen) if dry_run else due.make_due_again(conn, chosen, now())
    finally:
        engine.dispose()
    _print(count, chosen, left, dry_run=dry_run, as_json=as_json)


def _wanted(
    collection: Collection, conn: Connection, targets: Sequence[str], states: Sequence[str], reason: str
) -> Again:
    addresses = [target for target in targets if is_url(target)]
    names = [target for target in targets if not is_url(target)]
    for name in names:
        if collection.config.source(name) is None:
            known = [source.name for source in collection.config.sources]
            raise UsageError(f"no source {checks.shown(name)} in {collection.file}; {checks.nearest(name, known)}")
    if addresses and names:
        raise UsageError("name sources or URLs, not both")
    ids = _ids(conn, addresses) if addresses else None
    return Again([State(state) for state in states], ids, names or None, reason)


def _ids(conn: Connection, addresses: Sequence[str]) -> list[int]:
    keys = {_key(address): address for address in addresses}
    found = ids_of(conn, list(keys))
    if missing := keys.keys() - found.keys():
        shown = checks.shown(keys[min(missing)])
        raise UsageError(f"{shown} is not known in this collection; `newswarc fetch` fetches a page, known or not")
    return list(found.values())


def _key(address: str) -> str:
    try:
        return key(address)
    except InvalidURL as error:
        raise UsageError(f"{checks.shown(address)} is no URL that can be fetched ({error.reason})") from None


def _chosen(collection: Collection, conn: Connection, wanted: Again) -> tuple[list[Row], list[Row]]:
    """The rows to be made due, and those that the rules of their source, as they are now, still refuse."""
    scopes = {source.name: scope_of(source) for source in collection.config.sources}
    chosen: list[Row] = []
    left: list[Row] = []
    for row in due.candidates(conn, wanted):
        scope = scopes.get(row["source"])
        refused = scope.refusal(row["url"]) if scope and row["state"] == State.FILTERED else None
        if refused or scope is None:
            left.append(row | {"refused": refused or "no source in newswarc.toml"})
        else:
            chosen.append(row)
    return chosen, left


def _print(count: int, chosen: Sequence[Row], left: Sequence[Row], *, dry_run: bool, as_json: bool) -> None:
    reasons = Counter(f"{row['state']}: {row['reason']}" if row["reason"] else row["state"] for row in chosen)
    refused = Counter(row["refused"] for row in left)
    if as_json:
        console.out_json({"dry_run": dry_run, "due": count, "reasons": dict(reasons), "left": dict(refused)})
        return
    told = "would be due" if dry_run else "are due"
    console.out(f"{count} URLs {told} again" if count else "nothing matches: no URL is made due")
    for reason, number in reasons.most_common(SHOWN):
        console.out(console.indented(f"  {number} {reason}"))
    if len(reasons) > SHOWN:
        console.out(f"  and {len(reasons) - SHOWN} more reasons")
    for reason, number in refused.most_common():
        console.out(console.indented(f"  {number} left: still refused ({reason})"))
