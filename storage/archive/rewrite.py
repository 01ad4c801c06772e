"""A WARC file written anew without some of its exchanges. Records that stay are copied byte for byte, as gzip members."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from storage.archive.shelf import Response
from storage.errors import DamageError
from storage.records import Ended, FetchContext, Kind, RecordPlace
from storage.warc import cdxj
from storage.warc.file import ClosedFile, FilePair, cdxj_path, disk
from storage.warc.format import Member, RecordHead, measure, pieces
from storage.warc.read import Damage, Record, scan
from storage.warc.records import HowFetched, Reference, capture_of

_UNKNOWN = HowFetched(FetchContext("", "", Kind.ARTICLE, ""), Ended.COMPLETE, None)  # an index does not tell
_OF_REVISITS = frozenset(
    {"warc-profile", "warc-refers-to", "warc-refers-to-target-uri", "warc-refers-to-date", "warc-truncated"}
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to the records of a file, by record id. All others stay.

    `whole` are revisits whose original goes: they become responses, with what was served; `refer` are revisits that
    refer to one of those from now on.
    """

    drop: frozenset[str]
    whole: Mapping[str, Callable[[], Response]] = field(default_factory=dict)
    refer: Mapping[str, Reference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new file, and where the records that it has are now. `block_digests` are those of records made whole."""

    file: ClosedFile
    places: dict[str, RecordPlace]
    block_digests: dict[str, str]


def rewrite(old: Path, final: Path, plan: Plan, *, own: bool) -> Rewritten | None:
    """Write `final` from `old`, durably, with its CDXJ; None when no record but the warcinfo would be left.

    Raises DiskError, and DamageError when `old` is damaged: what cannot be read cannot be told from what has to go.
    """
    with disk("write", final), old.open("rb") as source:
        final.unlink(missing_ok=True)
        job = _Job(old, FilePair(final), source, plan)
        try:
            for record in _undamaged(old, own=own):
                with record:
                    job.take(record)
            return job.finish()
        except BaseException:
            job.pair.discard()
            raise


def _undamaged(path: Path, *, own: bool) -> Iterator[Record]:
    for record in scan(path, strict=own):
        if isinstance(record, Damage):
            raise DamageError(f"{record}; mend it with `newswarc verify --repair` first")
        yield record


class _Job:
    """One file being written."""

    def __init__(self, old: Path, pair: FilePair, source: IO[bytes], plan: Plan) -> None:
        self.pair = pair
        self._source = source
        self._plan = plan
        self._lines = dict(_lines_by_offset(old))
        self._places: dict[str, RecordPlace] = {}
        self._digests: dict[str, str] = {}
        self._dropped: set[str] = set(plan.drop)
        self._kept = 0

    def take(self, record: Record) -> None:
        """Copy a record, change it, or leave it out."""
        head, record_id = record.head, record.head.record_id
        beside = (head.get("WARC-Concurrent-To") or "").strip("<>")
        if record_id in self._dropped or beside in self._dropped:
            self._dropped.add(record_id)
        elif head.type == "warcinfo":
            self._append(record, replace(head, fields=_with(head, {"WARC-Filename": self.pair.final.name})), record.block)
        elif record_id in self._plan.whole:
            self._whole(record)
        elif record_id in self._plan.refer:
            self._refer(record, self._plan.refer[record_id])
        else:
            self._copy(record)
        self._kept += head.type != "warcinfo" and record_id not in self._dropped

    def finish(self) -> Rewritten | None:
        """Close the file."""
        if not self._kept:
            self.pair.discard()
            return None
        return Rewritten(self.pair.finish(), self._places, self._digests)

    def _copy(self, record: Record) -> None:
        start = self.pair.size
        for piece in pieces(self._source, record.offset, record.offset + record.length):
            self.pair.append(piece)
        place = self._at(record, start)
        if line := self._lines.get(record.offset):
            self.pair.index(_moved(line, place))

    def _append(self, record: Record, head: RecordHead, block: IO[bytes]) -> RecordPlace:
        start, member = self.pair.size, Member()
        self.pair.append(member.feed(bytes(head)))
        for piece in pieces(block, 0, head.content_length):
            self.pair.append(member.feed(piece))
        self.pair.append(member.feed(b"\r\n\r\n") + member.end())
        return self._at(record, start)

    def _at(self, record: Record, start: int) -> RecordPlace:
        record_id = record.head.record_id
        self._places[record_id] = RecordPlace(self.pair.final.name, start, self.pair.size - start, record_id)
        return self._places[record_id]

    def _refer(self, record: Record, reference: Reference) -> None:
        named = {
            "WARC-Refers-To": f"<{reference.record_id}>",
            "WARC-Refers-To-Target-URI": reference.url,
            "WARC-Refers-To-Date": reference.date,
        }
        place = self._append(record, replace(record.head, fields=_with(record.head, named)), record.block)
        if line := self._lines.get(record.offset):
            self.pair.index(_moved(line, place))

    def _whole(self, record: Record) -> None:
        """A response with the payload that the revisit referred to."""
        with self._plan.whole[record.head.record_id]() as response:
            measured = measure(response.block, response.length, hash_body=False)
            stays = tuple((name, value) for name, value in record.head.fields if name.lower() not in _OF_REVISITS)
            said = {
                "WARC-Type": "response",
                "WARC-Block-Digest": measured.block_digest,
                "Content-Length": str(measured.length),
            }
            head = RecordHead(record.head.version, stays)
            head = replace(head, fields=_with(head, said))
            place = self._append(record, head, response.block)
        self._digests[record.head.record_id] = measured.block_digest
        self.pair.index(cdxj.of_response(capture_of(head, place, measured, _UNKNOWN), measured.raw_head))


def _with(head: RecordHead, named: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The fields of a head, some with another value."""
    lower = {name.lower(): value for name, value in named.items()}
    return tuple((name, lower.get(name.lower(), value)) for name, value in head.fields)


def _lines_by_offset(old: Path) -> Iterator[tuple[int, str]]:
    path = cdxj_path(old)
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        yield int(json.loads(line.split(" ", 2)[2])["offset"]), line


def _moved(line: str, place: RecordPlace) -> str:
    """The line of a record that lies elsewhere now."""
    key, moment, said = line.split(" ", 2)
    where = {"length": str(place.length), "offset": str(place.offset), "filename": place.file}
    return f"{key} {moment} {json.dumps(json.loads(said) | where)}"


