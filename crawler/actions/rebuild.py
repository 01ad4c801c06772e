"""`reprocess --into`: a database rebuilt from the archive."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.schedule.refetch import next_visit
from crawler.sources.active import limits_of
from crawler.terminal import console
from pipelines.archived import Settling, in_order
from pipelines.workers import Workers
from storage.archive.shelf import Shelf
from storage.archive.unhashed import hash_revisits
from storage.database.engine import Engine, open_database, transaction
from storage.errors import UsageError
from storage.frontier import urls as frontier
from storage.records import Outcome
from storage.recovery import rebuild
from storage.recovery.recover import is_ours
from storage.times import now
from storage.warc.file import disk

Note = Callable[[str], None]

BATCH = 50  # pages settled in one transaction


@dataclass(slots=True)
class Done:
    """What came of a rebuild. `other` counts pages that became something else than they were then."""

    files: int = 0
    captures: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    other: int = 0
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(self.verdicts.items()))
        return f"{self.files:,} files, {self.captures:,} captures; pages: {told or 'none'}"


def rebuild_into(folder: Path, target: str, note: Note, progress: Note | None, *, as_json: bool) -> None:
    """Make a database from the WARC files of a collection. Raises UsageError for its own, DatabaseError where rows are."""
    collection = collections.find(folder)
    warc = collection.warc()
    if _url(target) == collection.database_url:
        raise UsageError(f"{target}: is the collection's own database; name a new one")
    engine = open_database(_url(target))
    try:
        rebuild.need_empty(engine)
        done = asyncio.run(_Rebuild(collection, warc, engine, progress or (lambda _: None)).run())
    finally:
        engine.dispose()
    for line in done.notes:
        note(line)
    if as_json:
        console.out_json(
            {"files": done.files, "captures": done.captures, "pages": dict(done.verdicts), "otherwise": done.other}
        )
    else:
        console.out(f"Rebuilt from {done}")
    if done.other:
        note(f"{done.other} pages became something else than they were then: another extractor, or other limits")


def _url(target: str) -> str:
    return target if "://" in target else f"sqlite:///{Path(target).absolute()}"


class _Rebuild:
    """One rebuild: files first, then pages in the order in which they were settled, then what was withdrawn."""

    def __init__(self, collection: Collection, warc: Path, engine: Engine, progress: Note) -> None:
        self._config = collection.config
        self._warc = warc
        self._engine = engine
        self._shelf = Shelf(warc, engine)
        self._progress = progress
        self._done = Done()

    async def run(self) -> Done:
        entered = self._enter()
        workers = Workers(self._config.crawl.worker_count, preload=("pipelines.page:warm",))
        try:
            await self._settle(entered, workers)
        finally:
            workers.close()
        rebuild.nothing_waits(self._engine)
        hash_revisits(self._engine, self._shelf)
        rebuild.hide(self._engine, entered)
        self._done.files, self._done.captures, self._done.notes = entered.files, entered.captures, entered.notes
        return self._done

    def _enter(self) -> rebuild.Entered:
        entered, moment = rebuild.Entered(), now()
        with transaction(self._engine) as conn:
            for source in self._config.sources:
                frontier.source_id(conn, source.name, source.url, moment)
        with disk("read", self._warc):
            names = sorted(path.name for path in self._warc.iterdir())
        for name in names:
            if name.endswith(".warc.gz.open"):
                entered.notes.append(f"{name} is still being written, or was left by a run that was killed: crawl first")
            elif name.endswith(".warc.gz") and not is_ours(self._warc / name):
                entered.notes.append(f"{name} was not written by newswarc: ingest its original into the new database")
            elif name.endswith(".warc.gz"):
                self._progress(name)
                rebuild.enter_file(self._engine, self._warc / name, entered, moment)
        rebuild.enter_runs(self._engine, entered.accounts, moment)
        return entered

    async def _settle(self, entered: rebuild.Entered, workers: Workers) -> None:
        batch: list[Settling] = []
        tasks = rebuild.tasks(self._engine, entered.accounts)
        limits = limits_of(self._config)
        async for settling in in_order(tasks, self._shelf, workers, limits, 4 * self._config.crawl.worker_count):
            batch.append(settling)
            if len(batch) >= BATCH:
                await asyncio.to_thread(self._store, batch, entered)
                batch = []
        self._store(batch, entered)

    def _store(self, batch: list[Settling], entered: rebuild.Entered) -> None:
        with transaction(self._engine) as conn:
            for settling in batch:
                outcome: Outcome = settling.job(next_visit)(conn)
                self._done.verdicts[str(outcome.verdict)] += 1
                then = settling.task.settled
                self._done.other += then is not None and then.verdict is not outcome.verdict
        entered.notes += [settling.problem for settling in batch if settling.problem]
