"""One ingestion: files are shelved, their captures entered, and their pages read and settled in the order of WARC-Date.

The captures of all files come first, so that the order holds across them; what is cut short is carried on by the next one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from crawler import PRODUCT_VERSION, VERSION
from crawler.config.collection import Collection
from crawler.ingest.options import Ingested, IngestOptions, Input
from crawler.ingest.pages import Pages
from crawler.ingest.sources import Sources
from crawler.options import new_run_id
from crawler.process.heeding import heard_at_once, heeded
from crawler.run.ledger import write_ledger
from crawler.terminal import console
from pipelines.archive import WarcKeeping
from pipelines.ingest import Entering, Rules, Tally
from pipelines.revive import Reviver
from pipelines.sift import Sieve
from pipelines.workers import Workers
from storage.archive.shelf import Shelf
from storage.database.engine import SHORT_TIMEOUT, Connection, batch, open_database, patiently
from storage.errors import DamageError, StoppedError, UsageError
from storage.foreign import rows as ingest_rows
from storage.foreign.copying import (
    Shelved,
    checksum,
    copied,
    discard,
    extracted,
    left_in_place,
    looked_through,
    name_of,
    prefix_of,
)
from storage.foreign.kinds import entries, is_wacz
from storage.foreign.rows import FileRow
from storage.runs import balance
from storage.runs import rows as runs
from storage.runs.lock import hold
from storage.runs.scribe import Scribe
from storage.times import now
from storage.warc.write import WarcWriter

log = logging.getLogger(__name__)
T = TypeVar("T")

GRACE_SECONDS = 3.0  # for pages in hand; after that they are left to the next run
PAGES_A_WORKER = 4  # in memory: read ahead, or waiting for those before them
_SCRATCH = ".ingest-"  # folder for files out of a WACZ


class Ingestion:
    """One run of `ingest` on a collection."""

    def __init__(self, collection: Collection, options: IngestOptions) -> None:
        self.run_id = new_run_id()
        console.of_run(self.run_id)
        self._collection = collection
        self._options = options
        self._warc = collection.warc()
        self._signum: int | None = None
        self._result = Ingested(self.run_id)
        self._rows: dict[int, Tally] = {}  # by id of the file's row
        self._accounted = False  # the archive has the run's account

    def run(self, inputs: Sequence[Input]) -> Ingested:
        """Ingest these files. Raises StoppedError, when a signal came, and what the database and the disk do."""
        with ExitStack() as opening, heard_at_once():
            opening.enter_context(hold(self._collection.folder, patience=self._options.patience))
            self._open(opening)
            closing = opening.pop_all()
        with closing:
            asyncio.run(self._main(inputs))
        return self._result

    def _open(self, opening: ExitStack) -> None:
        for left in self._warc.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)
        self._engine = patiently(partial(open_database, self._collection.database_url, timeout=SHORT_TIMEOUT))
        opening.callback(self._engine.dispose)
        options, config = self._options, self._collection.config
        sieve = Sieve(options.hosts, options.since, options.until, options.languages, options.mimes)
        self._rules = Rules(self.run_id, sieve, Sources(config, options.source).name_of, left=options.limit)
        moment = now()
        self._do(lambda conn: runs.begin(conn, self.run_id, VERSION, moment, "ingest"))
        fields = {"isPartOf": config.collection.name, "run": self.run_id}
        self._writer = WarcWriter(self._warc, self.run_id, PRODUCT_VERSION, fields)
        self._scribe = Scribe(self._engine, WarcKeeping(self._writer), self.run_id)
        opening.callback(self._scribe.close)
        self._workers = Workers(config.crawl.worker_count, preload=("pipelines.page:warm",))
        opening.callback(self._workers.close)

    def _do(self, job: Callable[[Connection], T]) -> T:
        """A transaction of its own, tried again as long as the database is locked."""

        def attempt() -> T:
            with batch(self._engine) as conn:
                return job(conn)

        return patiently(attempt)

    def _stopped(self) -> int | None:
        return self._signum

    def _heard(self, signum: int, loop: asyncio.AbstractEventLoop) -> None:
        if self._signum is not None:
            os._exit(128 + signum)
        self._signum = signum
        log.warning("%s: finishing what is in hand; once more ends at once", signal.Signals(signum).name)
        loop.call_later(GRACE_SECONDS, loop.run_in_executor, None, self._workers.close)

    async def _main(self, inputs: Sequence[Input]) -> None:
        loop = asyncio.get_running_loop()
        for signum in heeded():
            loop.add_signal_handler(signum, self._heard, signum, loop)
        with suppress(StoppedError):  # what was done so far is brought in order first
            await asyncio.to_thread(self._enter_all, inputs)
            shelf = Shelf(self._warc, self._engine)
            limit = self._collection.config.crawl.max_page_bytes
            reviver = Reviver(self._engine, shelf, self._rules.stated, limit)
            ahead = PAGES_A_WORKER * self._collection.config.crawl.worker_count
            pages = Pages(self.run_id, self._engine, reviver, self._workers, self._scribe, ahead)
            await pages.settle_all(self._rows, self._stopped)
        await asyncio.wrap_future(self._scribe.submit(self._end))
        if self._signum is not None:
            raise StoppedError(self._signum)

    def _end(self, conn: Connection) -> None:
        """The run is over: its account goes into the archive, with what it has ingested, and how."""
        # Of captures: a URL may have many, so that there are no sides to compare.
        self._result.ledger = ledger = replace(balance.ledger(conn, self.run_id), considered={}, faults=())
        if not self._accounted and self._has_news():  # a transaction that is tried again finds it written
            write_ledger(conn, self._writer, self.run_id, ledger, str(self._warc))
            uri = f"urn:newswarc:run:{self.run_id}:ingested"
            self._writer.write_resource(uri, "application/json", json.dumps(self._account(), ensure_ascii=False).encode())
            self._writer.close()
            self._accounted = True
        runs.end(conn, self.run_id, self.exit_code, ledger, now())

    def _has_news(self) -> bool:
        return any(tally.captures or tally.outcomes for tally in self._rows.values())

    def _account(self) -> dict[str, object]:
        files = [{"name": tally.name, "file": tally.file, "in_place": tally.in_place} for tally in self._rows.values()]
        options = asdict(self._options)
        asked = {name: options[name] for name in ("source", "hosts", "since", "until", "languages", "mimes", "limit")}
        return {"run": self.run_id, "files": files} | {name: value for name, value in asked.items() if value}

    @property
    def exit_code(self) -> int:
        """0, 9 when something could not be read, 128 + n after a signal."""
        if self._signum is not None:
            return 128 + self._signum
        return DamageError.exit_code if any(tally.malformed_count for tally in self._result.tallies) else 0

    # --- files

    def _enter_all(self, inputs: Sequence[Input]) -> None:
        for given in inputs:
            try:
                self._enter_given(given)
            except (DamageError, UsageError) as error:  # of a WACZ, or in one
                self._result.tallies.append(Tally(given.shown, malformed=[str(error)], malformed_count=1))
            if self._rules.left == 0:
                return

    def _enter_given(self, given: Input) -> None:
        with self._warcs(given) as files:
            for path, shown in files:
                self._enter(path, shown, inside=given.wacz)
                if self._rules.left == 0:
                    return

    @contextmanager
    def _warcs(self, given: Input) -> Iterator[Iterator[tuple[Path, str]]]:
        """The WARC files in what was given, each there until the next one is asked for."""
        if not given.wacz:
            yield iter([(given.path, given.shown)])
            return
        scratch = Path(mkdtemp(prefix=_SCRATCH, dir=self._warc))
        try:
            yield self._entries(given.path, given.shown, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _entries(self, wacz: Path, shown: str, scratch: Path) -> Iterator[tuple[Path, str]]:
        for name, file in entries(wacz):
            path = scratch / f"{len(shown)}-{name.rpartition('/')[2]}"
            extracted(file, path, self._stopped)
            inner = f"{shown}!{name}"
            if is_wacz(path):
                yield from self._entries(path, inner, scratch)
            else:
                yield path, inner
            path.unlink()

    def _enter(self, path: Path, shown: str, *, inside: bool) -> None:
        tally = Tally(shown)
        self._result.tallies.append(tally)
        sha256 = checksum(path, self._stopped)
        row = self._do(lambda conn: ingest_rows.file_row(conn, prefix_of(sha256)))
        known = row is not None
        name = row.name if row is not None else name_of(shown, sha256)
        shelved, entering = self._again(path, row, name) if row is not None else self._shelve(path, name, sha256, inside=inside)
        tally.records, tally.rewritten = shelved.records, shelved.rewritten
        tally.malformed_count = shelved.malformed_count
        tally.malformed = [f"{shown} at offset {one.offset}: {one.reason}" for one in shelved.malformed]
        if not shelved.records:
            return
        moment = now()
        row = self._do(
            lambda conn: ingest_rows.file_row(conn, prefix_of(sha256))
            or ingest_rows.enter_file(conn, shelved, self.run_id, moment)
        )
        tally.name, tally.in_place = row.name, row.place is not None
        self._rows[row.id] = tally
        entering.enter(self._engine, Path(row.place) if row.place else self._warc / name, row, tally, self._stopped)
        log.info("%s: %d records, %d captures entered", shown, tally.records, tally.captures)
        if not known:
            self._forget_unused(row)

    def _again(self, path: Path, row: FileRow, name: str) -> tuple[Shelved, Entering]:
        """A file that was ingested before, or begun; it may have moved since."""
        if row.place and not Path(row.place).exists():
            self._do(lambda conn: ingest_rows.moved(conn, row.id, str(path.resolve())))
        place = Path(row.place) if row.place else None
        return looked_through(path, Shelved(name, place, row.size, row.sha256), self._stopped), Entering(name, self._rules)

    def _shelve(self, path: Path, name: str, sha256: str, *, inside: bool) -> tuple[Shelved, Entering]:
        """A new file, where its records will be read, and its captures."""
        if self._options.in_place and not inside:
            entering = Entering(name, self._rules)
            shelved = left_in_place(path, name, sha256, entering.take, self._stopped)
            if shelved is not None:
                return shelved, entering
            entering.drop()
        entering = Entering(name, self._rules)
        shelved = copied(path, self._warc, name, entering.take, self._stopped)
        if not shelved.records:
            discard(self._warc, name)
        return shelved, entering

    def _forget_unused(self, row: FileRow) -> None:
        """A copy from which nothing was taken is not kept."""
        if self._do(lambda conn: ingest_rows.forget_file(conn, row.id)):
            del self._rows[row.id]
            if row.place is None:
                discard(self._warc, row.name)
