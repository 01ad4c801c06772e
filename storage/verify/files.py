"""One WARC file against its rows, its CDXJ and its checksum. Knows no database: rows come in, findings go out."""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.records import Capture
from storage.verify.faults import Finding, What
from storage.verify.foreign import foreign_differences, foreign_digests
from storage.verify.index import Index, line_of
from storage.verify.records import Message, context_differences, differences, message_of, wrong_digests
from storage.verify.scan import Walk
from storage.warc import cdxj
from storage.warc.file import disk
from storage.warc.format import IDENTICAL_PAYLOAD
from storage.warc.read import Damage, Record


@dataclass(frozen=True, slots=True)
class Original:
    """The row of a record that a revisit refers to."""

    record_type: str
    payload_digest: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `captures` in this file."""

    id: int
    capture: Capture
    original: Original | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """What `warc_files` says of a file. One that is not `closed` may grow, end torn, and hold more than its rows.

    One that is not our `own` was written by other software, and has no index of ours.
    """

    closed: bool
    size: int | None = None
    sha256: str | None = None
    own: bool = True


@dataclass(frozen=True, slots=True)
class Bodies:
    """Which bodies are decoded, to compare them with their rows: the first of each file, and of all others a share by lot.

    To decode and hash a page costs more than all else that is checked of it. Its payload is compared in any case.
    """

    share: float = 1.0
    seed: str = ""
    first: int = 100

    def chosen(self, number: int, record_id: str) -> bool:
        """Whether to decode the body of the record with this number in its file."""
        if self.share >= 1 or number < self.first:
            return True
        return zlib.crc32(f"{self.seed} {record_id}".encode()) < self.share * 2**32


@dataclass(slots=True)
class Tally:
    """What was read of a file."""

    records: int = 0
    rows: int = 0
    bytes: int = 0
    bodies: int = 0  # with a digest in their row
    decoded: int = 0  # and compared with it


ALL_BODIES = Bodies()


def writer_lives(path: Path) -> bool:
    """Whether a process is writing this `.open` file: it holds the file's lock for life."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


class FileCheck:
    """One pass over a file, beside its rows in the order of their offsets. `tally` counts what was read."""

    def __init__(
        self, path: Path, name: str, rows: Iterable[Row], entered: Entered, bodies: Bodies = ALL_BODIES
    ) -> None:
        self.tally = Tally()
        self._path = path
        self._name = name
        self._rows = _Rows(rows, self.tally)
        self._entered = entered
        self._bodies = bodies
        self._index = Index(path) if entered.closed and entered.own else None
        self._exchange: _Exchange | None = None
        self._warcinfo_id: str | None = None
        self._cut = False
        self._doubts: list[tuple[int, str, str | None, tuple[int, ...]]] = []  # digests of others that do not fit
        self._explained = False  # a finding that a wrong checksum would only repeat

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong. Raises DiskError when the file cannot be read."""
        with disk("read", self._path):
            self._walk = Walk(self._path, self._name, strict=self._entered.own)
            for found in self._walk.records():
                if isinstance(found, Damage):
                    yield from self._damaged(found)
                    continue
                with found:
                    self.tally.records += 1
                    self.tally.bytes = found.offset + found.length
                    if not self._entered.own:
                        yield from self._foreign(found)
                        continue
                    if found.head.type == "warcinfo" and self._is_of_another(found):
                        yield self._swapped(found)
                        return
                    yield from self._whole(found)
            yield from self._ended()

    # --- records

    def _is_of_another(self, record: Record) -> bool:
        name = record.head.get("WARC-Filename")
        return record.offset == 0 and name is not None and name != self._name

    def _swapped(self, record: Record) -> Finding:
        rows = tuple(row.id for row in self._rows.rest())
        return self._found(What.SWAPPED, 0, f"it was written as {record.head.get('WARC-Filename')}", None, rows)

    def _whole(self, record: Record) -> Iterator[Finding]:
        match record.head.type:
            case "warcinfo":
                yield from self._warcinfo(record)
            case "resource":
                yield from self._digests(record, None)
                yield from self._of_this_file(record)
                if self._index is not None:
                    self._index.take(record.offset, cdxj.of_resource(record.head, record.place))
            case _ if record.head.get("WARC-Concurrent-To") is None:
                yield from self._main(record)
            case _:
                yield from self._beside(record)

    def _warcinfo(self, record: Record) -> Iterator[Finding]:
        yield from self._digests(record, None)
        if record.offset == 0:
            self._warcinfo_id = record.head.record_id
        else:
            yield self._content(What.ORPHAN, record.offset, "a warcinfo record within the file")

    def _main(self, record: Record) -> Iterator[Finding]:
        """The record that a row points to: a response; a request, or metadata, where nothing came back."""
        yield from self._unfinished()
        message = message_of(record)
        yield from self._before(record.offset)
        rows = self._rows.at(record.offset)
        self._exchange = _Exchange(record.head.record_id, record.offset, record.head.uri, tuple(row.id for row in rows))
        if not rows and self._entered.closed:
            yield self._without_row(record)
        yield from self._digests(record, message)
        yield from self._of_this_file(record)
        for row in rows:
            if wrong := differences(row.capture, record, message, body=self._takes(row)):
                yield self._found(What.ROW, record.offset, "; ".join(wrong), row.capture.url, (row.id,))
            if record.head.type == "revisit":
                yield from self._revisit(record, row)
        self._exchange.row = rows[0] if rows else None
        self._exchange.shaken = not rows
        if self._index is not None and message is not None:
            self._index.take(record.offset, line_of(record, message), record.head.uri, self._exchange.rows)
        if record.head.type == "metadata":
            yield from self._metadata(record, self._exchange)

    def _takes(self, row: Row) -> bool:
        """Whether to decode the body that a row is of."""
        if row.capture.body_sha256 is None:
            return False
        chosen = self._bodies.chosen(self.tally.bodies, row.capture.place.record_id)
        self.tally.bodies += 1
        self.tally.decoded += chosen
        return chosen

    def _without_row(self, record: Record) -> Finding:
        head = record.head
        return Finding(
            self._name, record.offset, What.RECORD_WITHOUT_ROW, f"{head.type} record", head.uri, (), head.record_id
        )

    def _revisit(self, record: Record, row: Row) -> Iterator[Finding]:
        """What a revisit refers to must be a response that has a row, and the payload that it says."""
        refers_to = (record.head.get("WARC-Refers-To") or "").strip("<>")
        identical = record.head.get("WARC-Profile") == IDENTICAL_PAYLOAD
        wrong = None
        if row.original is None:
            wrong = "has no row" if refers_to or identical else None
        elif row.original.record_type != "response":
            wrong = f"is a {row.original.record_type} record"
        elif identical and row.original.payload_digest != record.head.get("WARC-Payload-Digest"):
            wrong = f"has the payload {row.original.payload_digest}"
        if wrong:
            detail = f"the record that it refers to, {refers_to or 'not named'}, {wrong}"
            yield self._found(What.REVISIT, record.offset, detail, row.capture.url, (row.id,))

    def _foreign(self, record: Record) -> Iterator[Finding]:
        """A record that other software wrote: only what every WARC file must keep to, and what its row says."""
        yield from self._before(record.offset)
        rows = self._rows.at(record.offset)
        ids = tuple(row.id for row in rows)
        self._doubts += [(record.offset, detail, record.head.uri, ids) for detail in foreign_digests(record)]
        for row in rows:
            if wrong := foreign_differences(row.capture, record):
                yield self._found(What.ROW, record.offset, "; ".join(wrong), row.capture.url, (row.id,))
        of_the_web = (record.head.uri or "").lower().startswith(("http:", "https:"))
        if not rows and of_the_web and self._entered.closed and record.head.type in {"response", "revisit"}:
            yield self._without_row(record)

    def _beside(self, record: Record) -> Iterator[Finding]:
        """A request or metadata record, which says to what exchange it belongs."""
        yield from self._digests(record, None)
        yield from self._of_this_file(record)
        exchange, concurrent_to = self._exchange, (record.head.get("WARC-Concurrent-To") or "").strip("<>")
        if exchange is None or exchange.record_id != concurrent_to:
            if exchange is None or not exchange.shaken:
                detail = f"{record.head.type} record of {concurrent_to}, which is not before it"
                yield self._content(What.ORPHAN, record.offset, detail, record.head.uri)
        elif record.head.type == "metadata":
            yield from self._metadata(record, exchange)

    def _metadata(self, record: Record, exchange: _Exchange) -> Iterator[Finding]:
        exchange.complete = True
        if exchange.row is not None and (wrong := context_differences(exchange.row.capture, record)):
            yield self._found(What.ROW, exchange.offset, "; ".join(wrong), exchange.url, exchange.rows)

    def _digests(self, record: Record, message: Message | None) -> Iterator[Finding]:
        rows = self._exchange.rows if self._exchange else ()
        for detail in wrong_digests(record, message):
            yield self._content(What.DIGEST, record.offset, detail, record.head.uri, rows)

    def _of_this_file(self, record: Record) -> Iterator[Finding]:
        stated = (record.head.get("WARC-Warcinfo-ID") or "").strip("<>")
        if self._warcinfo_id is not None and stated != self._warcinfo_id:
            detail = f"{record.head.type} record of another file: its warcinfo record is {stated or 'not named'}"
            yield self._content(What.ORPHAN, record.offset, detail, record.head.uri)

    def _unfinished(self) -> Iterator[Finding]:
        """The exchange before this one must have had its last record, metadata."""
        exchange = self._exchange
        if exchange is not None and not exchange.complete and not exchange.shaken:
            yield self._content(What.INCOMPLETE, exchange.offset, "no metadata record", exchange.url, exchange.rows)

    # --- what is not whole

    def _damaged(self, damage: Damage) -> Iterator[Finding]:
        yield from self._before(damage.offset)
        rows = list(self._rows.below(damage.end if damage.end is not None else self._limit()))
        if damage.end is None and not self._entered.closed and not rows:
            return  # the torn tail of a file that is not closed: no row knows of it
        ids, url = [row.id for row in rows], rows[0].capture.url if rows else None
        if self._exchange is not None and not self._exchange.complete:
            ids, url = [*self._exchange.rows, *ids], url or self._exchange.url
        self._cut = damage.end is None and self._is_short()
        if self._index is not None:
            self._index.forget(damage.offset, damage.end)
        yield self._content(What.CUT if self._cut else What.FLIPPED, damage.offset, damage.reason, url, tuple(ids))
        self._exchange = self._exchange or _Exchange("", damage.offset, None, ())
        self._exchange.shaken = True

    def _limit(self) -> int | None:
        """Where rows can point at all; None: anywhere."""
        return max(self._entered.size or 0, self._size()) if self._entered.closed else None

    def _is_short(self) -> bool:
        return self._entered.size is None or self._size() < self._entered.size

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _before(self, offset: int) -> Iterator[Finding]:
        for row in self._rows.below(offset):
            yield self._without_record(row)

    def _without_record(self, row: Row) -> Finding:
        place = row.capture.place
        detail = f"no record of {place.length} bytes begins here"
        return self._found(What.ROW_WITHOUT_RECORD, place.offset, detail, row.capture.url, (row.id,))

    def _ended(self) -> Iterator[Finding]:
        if self._entered.closed:
            yield from self._resized()
            yield from self._unfinished()
        for row in self._rows.rest():
            yield self._without_record(row)
        if self._index is not None:
            for wrong in self._index.complaints():
                yield Finding(self._index.path.name, wrong.offset, What.CDXJ, str(wrong), wrong.url, tuple(wrong.rows))
        changed = self._entered.sha256 is None or self._walk.sha256() != self._entered.sha256
        for doubt in self._doubts if changed else ():  # what was so when it was ingested is how others wrote it
            yield self._content(What.DIGEST, *doubt)
        if self._entered.sha256 and not self._explained and changed:
            yield self._found(What.CHECKSUM, None, f"sha256 is not {self._entered.sha256}, as when it was closed")

    def _resized(self) -> Iterator[Finding]:
        """A cut between two records shows in the size alone."""
        size, was = self._size(), self._entered.size
        if was is None or size >= was or self._cut:
            return
        if self._exchange is not None:
            self._exchange.shaken = True
        if self._index is not None:
            self._index.forget(size, None)
        rows = tuple(row.id for row in self._rows.below(was))
        yield self._content(What.CUT, size, f"the file ends here, {was - size} bytes are missing", None, rows)

    def _content(
        self, what: What, offset: int, detail: str, url: str | None = None, rows: tuple[int, ...] = ()
    ) -> Finding:
        """A finding that explains a wrong checksum."""
        self._explained = True
        return self._found(what, offset, detail, url, rows)

    def _found(
        self, what: What, offset: int | None, detail: str, url: str | None = None, rows: tuple[int, ...] = ()
    ) -> Finding:
        return Finding(self._name, offset, what, detail, url, rows)


@dataclass(slots=True)
class _Exchange:
    """The exchange in hand: its main record was read, its metadata record may be still to come."""

    record_id: str
    offset: int
    url: str | None
    rows: tuple[int, ...]
    row: Row | None = None
    complete: bool = False
    shaken: bool = False  # there was damage since: nothing that misses is news


class _Rows:
    """Rows in the order of their offsets, taken as the file is read."""

    def __init__(self, rows: Iterable[Row], tally: Tally) -> None:
        self._rows = iter(rows)
        self._tally = tally
        self._next = next(self._rows, None)

    def below(self, offset: int | None) -> Iterator[Row]:
        """Those before an offset; all for None."""
        while (row := self._next) is not None and (offset is None or row.capture.place.offset < offset):
            self._next = next(self._rows, None)
            self._tally.rows += 1
            yield row

    def at(self, offset: int) -> list[Row]:
        """Those at an offset, when all before it were taken."""
        return list(self.below(offset + 1))

    def rest(self) -> Iterator[Row]:
        """All that are left."""
        return self.below(None)
