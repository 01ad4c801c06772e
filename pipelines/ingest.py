"""Foreign files become rows: every capture that passes the sieve is entered, and those that may be articles wait to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.sift import SAMPLE, Seen, Sieve, is_page, kind_of
from storage.archive.captures import is_awaited
from storage.database.engine import Engine, batch, patiently
from storage.errors import StoppedError
from storage.foreign import fields
from storage.foreign import rows as ingest_rows
from storage.foreign.copying import Stopped
from storage.foreign.rows import FileRow
from storage.foreign.units import Meeting, Met, capture_of, date_of, mets
from storage.records import Capture, FetchContext, Kind
from storage.urlkey import InvalidURL, canonical
from storage.warc.read import Record

_AT_ONCE = 200  # captures entered in one transaction
_IN_MEMORY = 20_000  # captures of a file that is being copied; of more, the rest is read from the copy
_DIGESTS = 1_000_000  # remembered


@dataclass(slots=True)
class Tally:
    """What came of one file."""

    file: str
    name: str = ""
    in_place: bool = False
    records: int = 0
    rewritten: int = 0
    captures: int = 0  # entered
    known: int = 0  # had a row
    filtered: int = 0  # by the sieve: no row
    others: int = 0  # of something that is not on the web (dns:, urn:), or without a usable date
    unresolved: int = 0  # revisits whose original is not known
    outcomes: Counter[str] = field(default_factory=Counter)  # verdict, or verdict: reason
    malformed: list[str] = field(default_factory=list)  # the first of them, with file and offset
    malformed_count: int = 0


@dataclass(slots=True)
class Rules:
    """How captures are entered. `left` is how many pages may still be taken; None: all."""

    run_id: str
    sieve: Sieve
    source_of: Callable[[str], str]  # of a canonical URL
    left: int | None = None
    stated: dict[str, str] = field(
        default_factory=dict
    )  # digest as a record states it -> its id, where it is not what it has

    @property
    def takes_all(self) -> bool:
        """Whether a file that was read has nothing more to give."""
        return self.sieve.takes_all and self.left is None


class Entering:
    """The captures of one file, taken as its records come, and entered once the file is where they are read from."""

    def __init__(self, name: str, rules: Rules) -> None:
        self._name = name
        self._rules = rules
        self._left = rules.left
        self._meeting = Meeting()
        self._taken: list[tuple[Capture, bool]] = []
        self._met_until: int | None = 0  # what begins behind this was not kept in memory; None: all was
        self._full = False
        self.stated: dict[str, str] = {}
        self.filtered = 0
        self.others = 0

    def take(self, record: Record) -> None:
        """A record, as it will be read."""
        if self._full or self._left == 0:
            record.close()
        elif (met := self._meeting.take(record)) is not None:
            self._meet(met)

    def _meet(self, met: Met) -> None:
        with met.record:
            self._judge(met)
        self._met_until = met.until
        self._full = len(self._taken) >= _IN_MEMORY

    def enter(self, engine: Engine, path: Path, row: FileRow, tally: Tally, stopped: Stopped) -> None:
        """Enter what was taken, and whatever of the file was not. Raises StoppedError when everything before is kept."""
        if not self._full and self._left != 0 and (met := self._meeting.last()) is not None:
            self._meet(met)
        self.drop()
        if self._met_until and not self._full:
            self._met_until = None
        for start in range(0, len(self._taken), _AT_ONCE):
            _write(engine, row, self._taken[start : start + _AT_ONCE], row.read_until, tally)
            _heed(stopped)
        self._taken.clear()
        if self._met_until is not None and self._left != 0:
            self._read(engine, path, row, tally, stopped)
        elif self._left != 0:
            _write(engine, row, [], None, tally)
        tally.filtered += self.filtered
        tally.others += self.others
        self._rules.left = self._left
        self._rules.stated.update(self.stated)

    def drop(self) -> None:
        """Nothing more will be taken from records as they come."""
        if (met := self._meeting.last()) is not None:
            met.record.close()

    def _read(self, engine: Engine, path: Path, row: FileRow, tally: Tally, stopped: Stopped) -> None:
        """Enter what begins behind a place of the file."""
        whole = self._rules.takes_all
        for met in mets(path, max(self._met_until or 0, row.read_until or 0)):
            with met.record:
                self._judge(met)
            if len(self._taken) >= _AT_ONCE or self._left == 0 or stopped() is not None:
                _write(engine, row, self._taken, met.until if whole else row.read_until, tally)
                self._taken = []
                _heed(stopped)
            if self._left == 0:
                return
        _write(engine, row, self._taken, None, tally)

    def _judge(self, met: Met) -> None:
        """Put a capture among those that are taken, unless there is a reason not to."""
        url, date = fields.uri(met.record.head), date_of(met)
        if date is None or not url.lower().startswith(("http://", "https://")):
            self.others += 1
            return
        if met.type == "request" and met.context is None:
            return
        seen = seen_of(met, url, date)
        if not self._rules.sieve.passes(seen):
            self.filtered += 1
            return
        context = met.context or self._context(seen)
        capture = capture_of(met, self._name, date, context)
        self._remember(met, capture)
        pending = is_page(seen) if met.context is None else _is_own_page(capture)
        if self._left is not None and pending:
            self._left -= 1
        self._taken.append((capture, pending))

    def _context(self, seen: Seen) -> FetchContext:
        """What can be said of an exchange that others made."""
        try:
            url = canonical(seen.url)
        except InvalidURL:
            url = seen.url
        via = seen.said.get("via", "")
        return FetchContext(
            run_id=self._rules.run_id,
            source=self._rules.source_of(url),
            kind=kind_of(seen),
            frontier_url=url,
            via=via if via.startswith(("http://", "https://")) else None,
        )

    def _remember(self, met: Met, capture: Capture) -> None:
        stated = fields.digest(met.record.head.get("WARC-Payload-Digest"))
        if (
            met.type != "revisit"
            and stated not in {None, capture.payload_digest}
            and len(self._rules.stated) < _DIGESTS
        ):
            self.stated.setdefault(str(stated), capture.place.record_id)


def _write(engine: Engine, row: FileRow, found: list[tuple[Capture, bool]], until: int | None, tally: Tally) -> None:
    """Enter captures; the file was then read up to there."""
    awaited = {one.place.offset: pending for one, pending in found}

    def write() -> int:
        with batch(engine) as conn:
            new = ingest_rows.new_among(conn, [one for one, _ in found])
            ingest_rows.add(conn, row.id, [(one, awaited[one.place.offset]) for one in new])
            ingest_rows.note_read(conn, row.id, until)
        return len(new)

    entered = patiently(write)
    tally.captures += entered
    tally.known += len(found) - entered


def _heed(stopped: Stopped) -> None:
    signum = stopped()
    if signum is not None:
        raise StoppedError(signum)


def _is_own_page(capture: Capture) -> bool:
    """Whether what newswarc fetched for an article is to be read, or tells what became of it."""
    return is_awaited(capture) or (capture.context.kind is Kind.ARTICLE and capture.http_status in {304, 404, 410})


def seen_of(met: Met, url: str, date: str) -> Seen:
    """What the sieve sees of a capture."""
    record = met.record
    record.block.seek(0)
    sample = record.block.read(SAMPLE)
    head = met.head()
    bare = met.type in {"resource", "conversion"}
    declared = (record.head.get("Content-Type") or "").partition(";")[0].strip().lower()
    mime = declared if bare or (head.status is None and "http" not in declared) else _mime(head.headers)
    return Seen(
        type=met.type,
        url=url,
        date=date,
        status=None if bare else head.status,
        mime=mime or None,
        headers=() if bare else head.headers,
        said=_said(met),
        sample=sample,
        content_type=(record.head.get("Content-Type") or "") if bare else None,
    )


def _mime(headers: tuple[tuple[str, str], ...]) -> str | None:
    return next((value.partition(";")[0].strip().lower() for name, value in headers if name == "content-type"), None)


def _said(met: Met) -> Mapping[str, str]:
    identified = met.record.head.get("WARC-Identified-Content-Language") or ""
    announced = met.context.announced.language if met.context and met.context.announced else None
    language = identified.split(",")[0] or announced or met.said.get("language", "")
    return {**met.said, "language": language}
