"""`status`: how each source does, and the whole collection."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crawler import collection as collections
from crawler import console
from crawler.actions.database import opened
from crawler.collection import Collection
from storage import query
from storage.query import SourceStatus

REASONS = 3  # of failures that are shown for a source
NEVER = "never"


def status(folder: Path, *, as_json: bool) -> None:
    """Print how the sources of a collection do."""
    collection = collections.find(folder)
    found = _asked(collection)
    if as_json:
        console.out_json(found | {"sources": [asdict(source) for source in found["sources"]]})
        return
    console.out_table(
        ("source", "articles", "pending", "failed", "last success", "trouble"), map(_row, found["sources"])
    )
    console.out("")
    for line in _summary(found):
        console.out(console.one_line(line))


def _asked(collection: Collection) -> dict[str, Any]:
    """Everything that is shown; before the first crawl, only the sources in newswarc.toml."""
    found: dict[str, Any] = {"collection": collection.config.collection.name, "folder": str(collection.folder)}
    rows: list[SourceStatus] = []
    found |= {"states": {}, "last_run": None}
    if not collection.is_new():
        with opened(collection) as conn:
            rows, found["states"] = query.status(conn), query.states(conn)
            found["last_run"] = next(iter(query.runs_of(conn, 1)), None)
    return found | {"sources": _complete(collection, rows)}


def _complete(collection: Collection, rows: list[SourceStatus]) -> list[SourceStatus]:
    """Sources that were crawled, and those in newswarc.toml that never were."""
    known = {row.source for row in rows}
    new = [SourceStatus(source.name, source.url) for source in collection.config.sources if source.name not in known]
    return [*rows, *new]


def _row(source: SourceStatus) -> tuple[object, ...]:
    worst = sorted(source.failures.items(), key=lambda failure: -failure[1])[:REASONS]
    trouble = ", ".join(f"{reason} ({count})" for reason, count in worst)
    pending, failed = (source.urls.get(state, 0) - source.requisites.get(state, 0) for state in ("pending", "failed"))
    return (source.source, source.articles, pending, failed, _minute(source.last_success), trouble)


def _minute(moment: str | None) -> str:
    """A moment to the minute: 2026-03-01 12:00Z."""
    return f"{moment[:10]} {moment[11:16]}Z" if moment else NEVER


def _summary(found: dict[str, Any]) -> list[str]:
    states: dict[str, int] = found["states"]
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    lines = [f"{sum(states.values())} URLs known" + (f": {counts}" if counts else "")]
    return [*lines, *_requisites(found["sources"]), _last_run(found["last_run"])]


def _requisites(sources: list[SourceStatus]) -> list[str]:
    """How many of the URLs are page requisites, which the table leaves out; nothing where there are none."""
    counts: Counter[str] = Counter()
    for source in sources:
        counts.update(source.requisites)
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return [f"of them page requisites: {told}"] if told else []


def _last_run(run: dict[str, Any] | None) -> str:
    if run is None:
        return "no run yet"
    if run["ended_at"] is None:
        return f"run {run['run_id']} began {_minute(run['started_at'])}, and is running or was killed"
    return (
        f"last run {run['run_id']}, {_minute(run['started_at'])}: exit code {run['exit_code']}, "
        f"{run['stored']} stored, {run['failed']} failed, {run['pending']} pending"
    )
