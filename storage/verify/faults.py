"""What `verify` can find, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum

from storage.warc.format import one_line

NAMED = 20  # articles that a fault names; of more it gives the number
_LONGEST = 400  # characters of a detail


class What(StrEnum):
    """The stable word of a fault."""

    MISSING_FILE = "missing-file"
    UNKNOWN_FILE = "unknown-file"
    SWAPPED = "swapped"  # the file holds what was written under another name
    CUT = "cut"  # bytes are missing at the end of a file
    FLIPPED = "flipped"  # bytes that are no whole record, at its place
    CHECKSUM = "checksum"  # of a whole file, where no record shows a fault
    DIGEST = "digest"  # a record's own digest does not fit what it holds
    ORPHAN = "orphan-record"  # belongs to no exchange, or to another file
    INCOMPLETE = "incomplete-exchange"
    RECORD_WITHOUT_ROW = "record-without-row"
    ROW_WITHOUT_RECORD = "row-without-record"
    ROW = "row"  # says other than its record
    CDXJ = "cdxj"
    VERSION = "version"
    ARTICLE = "article"
    REVISIT = "revisit"  # the record that it refers to is not there, or another
    REFERENCE = "reference"  # a row points to a row that is not there


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault as a file shows it; `captures` are the ids of the rows that it touches."""

    file: str
    offset: int | None
    what: What
    detail: str
    url: str | None = None
    captures: tuple[int, ...] = ()
    record_id: str | None = None  # of a record without row


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `str()` is one line. `file` is None when it lies in the database alone."""

    what: What
    file: str | None
    offset: int | None
    detail: str
    url: str | None = None  # of the exchange or article concerned
    articles: tuple[str, ...] = ()  # uids of the first articles with a version there
    articles_touched: int = 0  # how many there are

    def __str__(self) -> str:
        detail = self.detail if len(self.detail) <= _LONGEST else f"{self.detail[:_LONGEST]}..."
        place = self.file or "database"
        if self.offset is not None:
            place += f" at offset {self.offset}"
        named = ", ".join(self.articles[:3]) + (", ..." if self.articles_touched > 3 else "")
        touched = f"{self.articles_touched} articles: {named}" if self.articles_touched > 1 else f"article {named}"
        about = ", ".join(part for part in (self.url, touched if self.articles else None) if part)
        return one_line(f"{place}: {self.what}: {detail}" + (f" ({about})" if about else ""))


@dataclass(slots=True)
class Checked:
    """What was looked at. `notes` are one line each: no damage, but worth knowing."""

    files: int = 0
    records: int = 0
    captures: int = 0
    versions: int = 0
    articles: int = 0
    bytes: int = 0
    bodies: int = 0  # that have a digest in their row
    decoded: int = 0  # of these: the others' payloads were compared alone
    faults: int = 0
    elsewhere: int = 0  # captures whose files were moved to other storage: not looked at
    not_chosen: int = 0  # files left out by `since` or `sample`
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ("files", "records", "captures", "versions", "articles")
        return ", ".join(f"{getattr(self, name):,} {name}" for name in counts)

    def add(self, other: Checked) -> None:
        """What somebody else has looked at."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
