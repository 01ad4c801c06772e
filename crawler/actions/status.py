"""`status`: how each source does, those in trouble first, and the whole collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crawler.actions.database import opened
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.monitoring import silence
from crawler.monitoring.troubles import History, Trouble, why_silent
from crawler.terminal import console
from storage.database.engine import Connection
from storage.query import known as query
from storage.query import status as stored
from storage.query.known import SourceStatus
from storage.query.status import DAY, Lately
from storage.times import now, parse

REASONS = 3  # of failures that are shown for a source
NEVER = "never"
_HEADER = ("source", "articles", "new 24 h", "new 7 d", "pending", "failed", "last success", "last new", "trouble")


@dataclass(frozen=True, slots=True)
class Shown:
    """A source as it is shown. Expected counts are of its own history, by these hours of the week; None: too little is known."""

    status: SourceStatus
    place: str | None = None  # paused, removed: why it is not crawled
    trouble: str | None = None
    trouble_since: str | None = None
    told_at: str | None = None
    why: str | None = None  # what stands behind a silence
    last_new: str | None = None
    new_day: int = 0
    new_week: int = 0
    expected_day: float | None = None
    expected_week: float | None = None

    @property
    def rank(self) -> tuple[int, str]:
        """Trouble first, then sources with failures, then the others, by name; those that are not crawled last."""
        if self.place:
            return 3, self.status.source
        return 0 if self.trouble else 1 if self.status.failures else 2, self.status.source

    def as_json(self) -> dict[str, Any]:
        """All that is known of it."""
        told = asdict(self)
        return {**told.pop("status"), **told}


def status(folder: Path, *, as_json: bool) -> None:
    """Print how the sources of a collection do."""
    collection = collections.find(folder)
    found = _asked(collection)
    if as_json:
        console.out_json(found | {"sources": [shown.as_json() for shown in found["sources"]]})
        return
    console.out_table(_HEADER, map(_row, found["sources"]))
    console.out("")
    for line in _summary(found):
        console.out(console.one_line(line))


def _asked(collection: Collection) -> dict[str, Any]:
    """Everything that is shown; before the first crawl, only the sources in newswarc.toml."""
    found: dict[str, Any] = {"collection": collection.config.collection.name, "folder": str(collection.folder)}
    rows: list[Shown] = []
    found |= {"states": {}, "last_run": None}
    if not collection.is_new():
        with opened(collection) as conn:
            rows, found["states"] = _shown(conn, collection, now()), query.states(conn)
            found["last_run"] = next(iter(query.runs_of(conn, 1)), None)
    known = {row.status.source for row in rows}
    new = [source for source in collection.config.sources if source.name not in known]
    rows += [Shown(SourceStatus(source.name, source.url)) for source in new]
    return found | {"sources": sorted(rows, key=lambda row: row.rank)}


def _shown(conn: Connection, collection: Collection, moment: str) -> list[Shown]:
    """The sources that have a row."""
    lately = stored.lately(conn, moment)
    why = _silences(conn, [one for one in lately.values() if one.remembered.trouble == Trouble.SILENT])
    return [_one(collection, row, lately[row.source], why.get(row.source), moment) for row in query.status(conn)]


def _one(collection: Collection, row: SourceStatus, lately: Lately, why: str | None, moment: str) -> Shown:
    remembered, pulse = lately.remembered, History.from_json(lately.remembered.history).pulse
    source = collection.config.source(row.source)
    place = "removed from newswarc.toml" if source is None else "paused" if source.paused else None
    end = parse(moment).timestamp()
    return Shown(
        status=row,
        place=place,
        trouble=remembered.trouble,
        trouble_since=remembered.trouble_since,
        told_at=remembered.told_at,
        why=why,
        last_new=remembered.last_new_at,
        new_day=lately.day,
        new_week=lately.week,
        expected_day=silence.expected_articles(pulse, end - DAY, end),
        expected_week=silence.expected_articles(pulse, end - 7 * DAY, end),
    )


def _silences(conn: Connection, silent: Sequence[Lately]) -> dict[str, str]:
    """Name -> what stands behind its silence."""
    rows = [one.remembered for one in silent]
    polls = stored.last_polls(conn, [row.source_id for row in rows])
    return {
        row.name: why_silent(
            polls.get(row.source_id, []), stored.filtered_since(conn, row.source_id, row.last_new_at or "")
        )
        for row in rows
    }


# ---- for a person


def _row(shown: Shown) -> tuple[object, ...]:
    source = shown.status
    pending, failed = (source.urls.get(state, 0) - source.requisites.get(state, 0) for state in ("pending", "failed"))
    return (
        source.source,
        source.articles,
        _against(shown.new_day, shown.expected_day),
        _against(shown.new_week, shown.expected_week),
        pending,
        failed,
        _minute(source.last_success),
        _minute(shown.last_new),
        "; ".join(filter(None, (shown.place, _trouble(shown), _failures(source)))),
    )


def _against(count: int, expected: float | None) -> str:
    """`3 of 5.2`, `12 of 30`: what came, of what its own history expects."""
    if expected is None:
        return str(count)
    return f"{count} of {expected:.0f}" if expected >= 10 else f"{count} of {expected:.1f}"


def _trouble(shown: Shown) -> str:
    if shown.trouble is None:
        return ""
    why = f" ({shown.why})" if shown.why else ""
    return f"{shown.trouble} since {_minute(shown.trouble_since)}{why}"


def _failures(source: SourceStatus) -> str:
    worst = sorted(source.failures.items(), key=lambda failure: -failure[1])[:REASONS]
    return ", ".join(f"{reason} ({count})" for reason, count in worst)


def _minute(moment: str | None) -> str:
    """A moment to the minute: 2026-03-01 12:00Z."""
    return f"{moment[:10]} {moment[11:16]}Z" if moment else NEVER


def _summary(found: dict[str, Any]) -> list[str]:
    states: dict[str, int] = found["states"]
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    lines = [f"{sum(states.values())} URLs known" + (f": {counts}" if counts else "")]
    return [*lines, *_requisites(found["sources"]), *_needing(found["sources"]), _last_run(found["last_run"])]


def _requisites(sources: list[Shown]) -> list[str]:
    """How many of the URLs are page requisites, which the table leaves out; nothing where there are none."""
    counts: Counter[str] = Counter()
    for source in sources:
        counts.update(source.status.requisites)
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return [f"of them page requisites: {told}"] if told else []


def _needing(sources: list[Shown]) -> list[str]:
    """How many of the sources that are crawled need a person; nothing where none does."""
    counts = Counter(source.trouble for source in sources if source.trouble and not source.place)
    told = ", ".join(f"{count} {trouble}" for trouble, count in sorted(counts.items()))
    return [f"sources that need a person: {told}"] if told else []


def _last_run(run: dict[str, Any] | None) -> str:
    if run is None:
        return "no run yet"
    if run["ended_at"] is None:
        return f"run {run['run_id']} began {_minute(run['started_at'])}, and is running or was killed"
    return (
        f"last run {run['run_id']}, {_minute(run['started_at'])}: exit code {run['exit_code']}, "
        f"{run['stored']} stored, {run['failed']} failed, {run['pending']} pending"
    )
