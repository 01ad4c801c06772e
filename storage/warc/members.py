"""Takes whole records out of WARC files as the gzip members they are, byte for byte; of uncompressed files as new ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from storage.errors import DamageError
from storage.records import Capture
from storage.warc.file import disk, open_path
from storage.warc.format import Member, pieces
from storage.warc.read import Damage, Record, scan

_GZIP = b"\x1f\x8b"
_MOST_LINKED = 8  # records behind a main one that may belong to it


@dataclass(frozen=True, slots=True)
class Span:
    """One record of a file, from `start` to `end`."""

    path: Path
    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes it has there."""
        return self.end - self.start

    def pieces(self) -> Iterator[bytes]:
        """It as a gzip member: the very bytes where it is one, else compressed."""
        with disk("read", self.path), self.path.open("rb") as file:
            if next(pieces(file, self.start, self.start + len(_GZIP)), b"") == _GZIP:
                yield from pieces(file, self.start, self.end)
            else:
                yield from _compressed(pieces(file, self.start, self.end))


def _compressed(plain: Iterator[bytes]) -> Iterator[bytes]:
    member = Member()
    for piece in plain:
        yield member.feed(piece)
    yield member.end()


@dataclass(frozen=True, slots=True)
class Copied:
    """An exchange to copy: its main record, which the caller closes, and where all its records are, that one first."""

    main: Record
    spans: tuple[Span, ...]


def exchange_at(path: Path, capture: Capture) -> Copied:
    """The main record of a capture with the records behind it that are linked to it (WARC-Concurrent-To).

    Raises DamageError when the main record is not whole, or is another one; damage behind it is left out.
    """
    path = _there(path)
    place = capture.place
    found = scan(path, place.offset, strict=False)
    main = _main(next(found, None), capture)
    spans = [Span(path, place.offset, place.offset + place.length)]
    for record in islice(found, _MOST_LINKED):
        if isinstance(record, Damage):
            break
        with record:
            if _concurrent_to(record) != place.record_id:
                break
            spans.append(Span(path, record.offset, record.offset + record.length))
    return Copied(main, tuple(spans))


def warcinfo_of(path: Path) -> Span | None:
    """The warcinfo record that a file begins with; None when it begins with something else."""
    path = _there(path)
    first = next(scan(path, strict=False), None)
    if first is None or isinstance(first, Damage):
        return None
    with first:
        return Span(path, first.offset, first.offset + first.length) if first.head.type == "warcinfo" else None


def _main(found: Record | Damage | None, capture: Capture) -> Record:
    place = capture.place
    if isinstance(found, Record) and found.place == place:
        return found
    if isinstance(found, Record):
        found.close()
    reason = (
        found.reason if isinstance(found, Damage) else f"there is no record {place.record_id} of {place.length} bytes"
    )
    raise DamageError(str(Damage(place.file, place.offset, f"{reason}; `newswarc verify` tells more")))


def _concurrent_to(record: Record) -> str:
    return (record.head.get("WARC-Concurrent-To") or "").strip("<>")


def _there(path: Path) -> Path:
    """The file, whether it is still being written or not. Raises DamageError when it is not there."""
    for candidate in (path, open_path(path), path):  # it may get its final name between two looks
        if candidate.exists():
            return candidate
    raise DamageError(f"{path} is missing; put it back or run `newswarc verify`")
