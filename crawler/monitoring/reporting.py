"""Who hears of a crawl beside the person that started it: the ping of a monitor, and metrics in a file.

A report is made of every run that ends, by whatever error; but of one that was skipped there is nothing to tell. What cannot
be reported is one line, and never an error of the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.config.collection import Collection
from crawler.config.keys import FILE_NAME, Config, remains
from crawler.later import later
from crawler.options import CrawlOptions
from crawler.terminal import console
from crawler.terminal.explained import explained
from crawler.terminal.masking import masked
from storage.errors import LockedError, NewswarcError
from storage.records import Ledger
from storage.times import now, parse

if TYPE_CHECKING:
    from crawler.monitoring.metrics import Ended, write
    from crawler.monitoring.ping import Pinger
    from storage.database.engine import open_readonly, reading
    from storage.query.measures import Measured, measure
else:  # most runs report to nobody
    Ended, write = later("crawler.monitoring.metrics:Ended"), later("crawler.monitoring.metrics:write")
    Pinger = later("crawler.monitoring.ping:Pinger")
    open_readonly, reading = later("storage.database.engine:open_readonly"), later("storage.database.engine:reading")
    measure = later("storage.query.measures:measure")

PATIENCE = 5.0  # seconds that a locked database is waited for


class Report:
    """What is told of one run."""

    def __init__(self, folder: Path, options: CrawlOptions, metrics: Path | None) -> None:
        self._folder = folder
        self._options = options
        self._metrics = metrics
        self._collection: Collection | None = None
        self._pinger: Pinger | None = None

    def of(self, collection: Collection) -> None:
        """The collection is found."""
        self._collection = collection

    def begun(self) -> None:
        """The run holds its collection."""
        if (pinger := self._monitor(self._config())) is not None:
            pinger.start()

    def ended(self, exit_code: int, said: str | None) -> None:
        """The run is over; `said` is the line of the error that ended it. Never raises an Exception."""
        try:
            self._tell(exit_code, said)
        except Exception as error:  # noqa: BLE001 - the run is over, and no error of ours may change how
            console.note(f"The run cannot be reported ({type(error).__name__}: {error})")

    def _tell(self, exit_code: int, said: str | None) -> None:
        config = self._config()
        path = self._file(config)
        if path is None and config.report.ping is None:
            return
        measured = self._measured()
        if path is not None:
            self._write(path, config, exit_code, measured)
        if (pinger := self._monitor(config)) is not None:
            problem = pinger.end(exit_code, masked(said or _line(measured)))
            if problem and not self._options.quiet:
                console.note(f"The ping was not delivered ({problem})")

    def _config(self) -> Config:
        return self._collection.config if self._collection else remains(self._folder / FILE_NAME)

    def _monitor(self, config: Config) -> Pinger | None:
        if self._pinger is None and config.report.ping is not None:
            self._pinger = Pinger(config.report.ping, config.crawl.http_proxy)
        return self._pinger

    def _file(self, config: Config) -> Path | None:
        if self._metrics is not None:
            return self._metrics
        return None if config.report.metrics is None else self._folder.absolute() / config.report.metrics

    def _measured(self) -> Measured | None:
        if self._collection is None or self._collection.is_new():
            return None
        try:
            engine = open_readonly(self._collection.database_url, timeout=PATIENCE)
        except NewswarcError:
            return None
        try:
            with reading(engine) as conn:
                return measure(conn, self._options.run_id)
        except NewswarcError:
            return None
        finally:
            engine.dispose()

    def _write(self, path: Path, config: Config, exit_code: int, measured: Measured | None) -> None:
        names = frozenset(source.name for source in config.sources) if self._collection else None
        duration = time.monotonic() - self._options.began
        try:
            write(path, config.collection.name, Ended(parse(now()).timestamp(), duration, exit_code, measured, names))
        except OSError as error:
            console.note(f"The metrics cannot be written to {path}: {error.strerror}")


def _line(measured: Measured | None) -> str:
    """A run in one line."""
    ledger = measured.ledger if measured else Ledger()
    counts = [f"{count} {verdict}" for verdict, count in sorted(ledger.articles.items()) if count]
    return f"Articles: {', '.join([*counts, f'{ledger.pending} pending'])}"


@contextmanager
def reported(folder: Path, options: CrawlOptions, metrics: Path | None = None) -> Iterator[Report]:
    """Report the run that is made within, however it ends: by an exit code that it is told of, or by an error."""
    report = Report(folder, options, metrics)
    try:
        yield report
    except BaseException as error:
        if not (isinstance(error, LockedError) and options.if_locked == "skip"):
            code, lines = explained(error)
            report.ended(code, lines[0])
        raise
