"""What `newswarc ingest` was asked to do, and what came of it: plain values, nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.ingest import Tally
    from storage.records import Ledger


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """One ingestion. Moments as `times` writes them; `until` is exclusive."""

    in_place: bool = False
    source: str | None = None
    hosts: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    languages: tuple[str, ...] = ()
    mimes: tuple[str, ...] = ()
    limit: int | None = None
    patience: float = 0.0  # seconds, perhaps inf, to wait for the collection
    quiet: bool = False
    verbose: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """A file to ingest: where it is, how it is named to people, and whether WARC files lie in it."""

    path: Path
    shown: str
    wacz: bool = False


@dataclass(slots=True)
class Ingested:
    """What came of all files."""

    run_id: str
    tallies: list[Tally] = field(default_factory=list)
    ledger: Ledger | None = None
