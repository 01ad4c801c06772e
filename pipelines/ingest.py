"""Foreign files become rows: every capture that passes the sieve is entered, and those that may be articles wait to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.sift import SAMPLE, Seen, Sieve, is_page, kind_of
from storage import foreign_fields as fields
from storage import ingest_rows
from storage.database import Connection, Engine, batch
from storage.errors import StoppedError
from storage.foreign_copy import Stopped
from storage.foreign_units import Met, capture_of, date_of, mets
from storage.ingest_rows import FileRow
from storage.records import Capture, FetchContext, Kind
from storage.urlkey import InvalidURL, canonical

_AT_ONCE = 100  # captures entered in one transaction
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
    stated: dict[str, str] = field(default_factory=dict)  # digest as a record states it -> its id, where it is not what it has

    @property
    def takes_all(self) -> bool:
        """Whether a file that was read has nothing more to give."""
        return self.sieve.takes_all and self.left is None


def enter(engine: Engine, path: Path, row: FileRow, rules: Rules, tally: Tally, stopped: Stopped) -> None:
    """Enter the captures of a file, from where an earlier run was stopped. Raises StoppedError when everything before is kept."""
    batch_ = _Batch(engine, row, rules, tally)
    start = row.read_until or 0
    for met in mets(path, start):
        with met.record:
            batch_.take(met)
        if rules.left == 0:
            batch_.write(row.read_until or 0)
            return
        signum = stopped()
        if len(batch_.waiting) >= _AT_ONCE or signum is not None:
            batch_.write(met.until if rules.takes_all else row.read_until or 0)
        if signum is not None:
            raise StoppedError(signum)
    batch_.write(None)


class _Batch:
    """Captures that are entered together."""

    def __init__(self, engine: Engine, row: FileRow, rules: Rules, tally: Tally) -> None:
        self._engine = engine
        self._row = row
        self._rules = rules
        self._tally = tally
        self.waiting: list[tuple[Capture, bool]] = []

    def take(self, met: Met) -> None:
        """Put a capture among those that wait, unless there is a reason not to."""
        url, date = fields.uri(met.record.head), date_of(met)
        if date is None or not url.lower().startswith(("http://", "https://")):
            self._tally.others += 1
            return
        if met.type == "request" and met.context is None:
            return
        seen = seen_of(met, url, date)
        if not self._rules.sieve.passes(seen):
            self._tally.filtered += 1
            return
        context = met.context or self._context(seen)
        capture = capture_of(met, self._row.name, date, context)
        self._remember(met, capture)
        is_awaited = context.kind is Kind.ARTICLE and is_page(seen) if met.context is None else _is_own_page(capture, seen)
        if self._rules.left is not None and is_awaited:
            self._rules.left -= 1
        self.waiting.append((capture, is_awaited))

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
        if met.type != "revisit" and stated not in {None, capture.payload_digest} and len(self._rules.stated) < _DIGESTS:
            self._rules.stated.setdefault(str(stated), capture.place.record_id)

    def write(self, until: int | None) -> None:
        """Enter those that wait; the file was then read up to there."""
        found, self.waiting = self.waiting, []
        with batch(self._engine) as conn:
            new = self._add(conn, found)
            ingest_rows.note_read(conn, self._row.id, until)
        self._tally.captures += new
        self._tally.known += len(found) - new

    @staticmethod
    def _add(conn: Connection, found: list[tuple[Capture, bool]]) -> int:
        awaited = {(one.place.offset): pending for one, pending in found}
        new = ingest_rows.new_among(conn, [one for one, _ in found])
        for capture in new:
            ingest_rows.add(conn, capture, pending=awaited[capture.place.offset])
        return len(new)


def _is_own_page(capture: Capture, seen: Seen) -> bool:
    """Whether a page that newswarc fetched for an article is to be read."""
    return capture.context.kind is Kind.ARTICLE and capture.record_type in {"response", "revisit"} and is_page(seen)


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
