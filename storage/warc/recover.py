"""Puts right what a killed writer left: `.open` files are cut to their last whole exchange and get their final names.

And reads exchanges back as the captures that they were, so that rows can be made from the archive alone.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from storage.errors import DamageError
from storage.records import Capture, Ended
from storage.warc import cdxj
from storage.warc.fields import context_of
from storage.warc.file import (
    OPEN,
    UNSEEN,
    ClosedFile,
    cdxj_path,
    disk,
    lock,
    open_path,
    still_at,
    sync_folder,
    write_cdxj,
)
from storage.warc.format import Measured, is_log, is_settings, measure
from storage.warc.read import Damage, Record, scan
from storage.warc.records import HowFetched, capture_of
from storage.warc.reservations import as_json, of_response

OURS = "urn:newswarc:"
_MAIN_ONLY = frozenset({"warcinfo", "resource"})


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of one file that was left open. `closed` is None when nothing whole was in it, and it is gone."""

    name: str
    closed: ClosedFile | None
    cut: int  # bytes taken off its end
    damage: tuple[Damage, ...] = ()  # before whole records, so left where it is


@dataclass(frozen=True, slots=True)
class Unit:
    """What was written as a whole: an exchange, a resource or the warcinfo; `end` is the offset behind it."""

    end: int
    capture: Capture | None = None
    cdxj_line: str | None = None
    about_file: bool = False  # the warcinfo and the run's settings, which are of no use alone
    said: Said | None = None  # a resource of ours


@dataclass(frozen=True, slots=True)
class Said:
    """What this program wrote down for itself (`urn:newswarc:...`), but for what only people read."""

    uri: str
    date: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Main:
    """The main record of an exchange whose metadata record is still to come."""

    record: Record
    measured: Measured | None


def captures(path: Path) -> Iterator[Capture]:
    """Every whole exchange of a WARC file (it may be NAME.open) as its writer gave it back."""
    return (unit.capture for unit in units(path) if isinstance(unit, Unit) and unit.capture)


def units(path: Path) -> Iterator[Unit | Damage]:
    """What of a WARC file of ours was written as a whole, and the damage between."""
    main: _Main | None = None
    for record in scan(path):
        if isinstance(record, Damage):
            yield record
            continue
        with record:
            end = record.offset + record.length
            if record.head.type in _MAIN_ONLY:
                warcinfo = record.head.type == "warcinfo"
                line = None if warcinfo else cdxj.of_resource(record.head, record.place)
                about_file = warcinfo or is_settings(record.head.uri)
                yield Unit(end, cdxj_line=line, about_file=about_file, said=_said(record))
                continue
            if record.head.get("WARC-Concurrent-To") is None:
                main = _Main(record, _measured(record))
            if record.head.type == "metadata" and main and _belongs(record, main):
                yield _exchange(record, main, end)
                main = None


def _said(record: Record) -> Said | None:
    uri = record.head.uri or ""
    for_people = is_settings(uri) or is_log(uri)
    return Said(uri, record.head.date, record.content()) if uri.startswith(OURS) and not for_people else None


def _measured(record: Record) -> Measured | None:
    if record.head.type not in {"response", "revisit"}:
        return None
    whole = record.head.get("WARC-Truncated") is None
    measured = measure(record.block, record.head.content_length, hash_body=whole)
    return replace(measured, signals=as_json(of_response(record.head.uri or "", measured.head, record.block, measured.length)))


def _belongs(metadata: Record, main: _Main) -> bool:
    concurrent_to = (metadata.head.get("WARC-Concurrent-To") or "").strip("<>")
    return (concurrent_to or metadata.head.record_id) == main.record.head.record_id


def _exchange(metadata: Record, main: _Main, end: int) -> Unit:
    try:
        context, extra = context_of(metadata.content())
        how = HowFetched(context, Ended(extra.get("ended", Ended.COMPLETE)), extra.get("error"))
    except ValueError:
        return Unit(end)  # whole, but no exchange of ours
    capture = capture_of(main.record.head, main.record.place, main.measured, how)
    return Unit(end, capture, cdxj.of_response(capture, main.measured.raw_head) if main.measured else None)


# --- files that were left open ----------------------------------------------------------------------------------------


class Books(Protocol):
    """Rows of what files hold. What is told is on disk already, and the file keeps its old name until `kept` returns."""

    def met(self, capture: Capture) -> None:
        """A whole exchange."""

    def kept(self, name: str, closed: ClosedFile | None) -> None:
        """All that stays of a file; None: it is about to go. Rows of anything behind that point nowhere."""


class _NoBooks:
    def met(self, capture: Capture) -> None:
        pass

    def kept(self, name: str, closed: ClosedFile | None) -> None:
        pass


Spare = Callable[[Path, int], None]  # hears of a file, and of the offset from which on it is about to be cut


def recover_folder(folder: Path, books: Books | None = None, spare: Spare | None = None) -> list[Recovered]:
    """Recovers every file in `folder` that was left open; those of living writers are passed over. Raises DiskError."""
    with disk("recover", folder):
        names = sorted(path.name.removesuffix(OPEN) for path in folder.glob(f"*.warc.gz{OPEN}"))
        recovered = [done for name in names if (done := recover(folder, name, books, spare))]
        for path in folder.glob(f"*.cdxj{OPEN}"):
            if not path.with_name(path.name.removesuffix(f".cdxj{OPEN}") + f".warc.gz{OPEN}").exists():
                path.unlink(missing_ok=True)
        for path in folder.glob(f"*{OPEN}{UNSEEN}"):
            _remove_unseen(path)
    return recovered


def _remove_unseen(path: Path) -> None:
    """Remove a file whose writer was killed before it had its name; a living one has locked it, or will look for it."""
    try:
        file = io.FileIO(path, "r+")
    except FileNotFoundError:
        return
    with file:
        if lock(file) and still_at(file, path):
            path.unlink()


def recover(folder: Path, name: str, books: Books | None = None, spare: Spare | None = None) -> Recovered | None:
    """Cuts NAME.open to its last whole exchange, rebuilds its CDXJ and renames both.

    None when its writer lives, or has just closed it. Raises DiskError, and DamageError when NAME exists already.
    """
    final = folder / name
    path = open_path(final)
    with disk("recover", path):
        try:
            file = io.FileIO(path, "r+")
        except FileNotFoundError:
            return None
        with file:
            if not lock(file) or not still_at(file, path):
                return None
            return _recover(final, file, books or _NoBooks(), spare)


def _recover(final: Path, file: io.FileIO, books: Books, spare: Spare | None) -> Recovered:
    if final.exists():
        raise DamageError(f"{final} exists beside {final.name}{OPEN}; move one of them away")
    os.fsync(file.fileno())
    end, lines, damage = whole(units(open_path(final)), books.met)
    cut = os.fstat(file.fileno()).st_size - end
    if cut and spare is not None:
        spare(open_path(final), end)
    if not end:
        books.kept(final.name, None)
        open_path(final).unlink()
        open_path(cdxj_path(final)).unlink(missing_ok=True)
        return Recovered(final.name, None, cut)
    file.truncate(end)
    os.fsync(file.fileno())
    closed = ClosedFile(final.name, end, sha256_of(open_path(final)))
    books.kept(final.name, closed)
    write_cdxj(final, lines)
    open_path(final).rename(final)
    open_path(cdxj_path(final)).unlink(missing_ok=True)
    sync_folder(final.parent)
    return Recovered(final.name, closed, cut, damage)


def whole(
    found: Iterable[Unit | Damage], met: Callable[[Capture], None]
) -> tuple[int, list[bytes], tuple[Damage, ...]]:
    """Where the last whole unit ends, the CDXJ lines up to there, and the damage before it; `met` hears of captures.

    The end is 0 when there is nothing but what is said of the file.
    """
    end, lines, damage = 0, [], []
    for unit in found:
        if isinstance(unit, Damage):
            damage.append(unit)
            continue
        end = unit.end if end or not unit.about_file else 0
        if unit.capture:
            met(unit.capture)
        if unit.cdxj_line:
            lines.append(f"{unit.cdxj_line}\n".encode())
    return end, lines, tuple(one for one in damage if one.offset < end)


def sha256_of(path: Path) -> str:
    """Hex digest of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
