"""What a run fetches beside pages: whose requisites, as links of the frontier, and how many bytes of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.page import Wanted
from pipelines.requisites import Requisites
from storage.frontier.leases import Want
from storage.records import LAST, Ended, Kind, Ledger, Link

if TYPE_CHECKING:
    from crawler.sources.active import ActiveSource

log = logging.getLogger(__name__)

_DONE = ("kept", "filtered", "failed", "pending")


class Allowance:
    """The requisites that a run may fetch: of the sources that want them, until `limit` bytes were received.

    `always` overrides what the sources say. What is on the wire when the limit is passed is finished.
    """

    def __init__(self, sources: Mapping[str, ActiveSource], limit: int, *, always: bool | None = None) -> None:
        self._wanted = {name: _wanted(active, always=always) for name, active in sources.items()}
        self._ids = [active.id for name, active in sources.items() if self._wanted[name]]
        self.limit = limit
        self.received = 0

    @property
    def is_spent(self) -> bool:
        """Whether nothing more is begun in this run."""
        return self.received >= self.limit

    @property
    def source_ids(self) -> Sequence[int]:
        """Rows of the sources that want them."""
        return self._ids

    def wanted(self, source: str) -> Wanted | None:
        """Which requisites of a source's articles are wanted, None for none."""
        return self._wanted.get(source)

    def spend(self, received: int) -> None:
        """Bytes of a requisite came."""
        was_spent, self.received = self.is_spent, self.received + received
        if self.is_spent and not was_spent:
            log.info("%d bytes of page requisites have come, the rest is left to the next run", self.received)

    def narrowed(self, want: Want) -> Want | None:
        """What to claim of what is wanted; None for nothing. Only requisites are narrowed."""
        if not want.last:
            return want
        return replace(want, source_ids=self._ids) if self._ids and not self.is_spent else None


def _wanted(active: ActiveSource, *, always: bool | None) -> Wanted | None:
    source = active.source
    return Wanted(pdfs=source.pdfs) if (source.requisites if always is None else always) else None


def links_to(found: Requisites, url: str) -> list[Link]:
    """Requisites of a page or stylesheet as links of the frontier."""
    if found.overflow:
        log.info("%s has more requisites than are taken of one page", url)
    return [Link(needed, Kind.REQUISITE, priority=LAST) for needed in found.urls]


def torn(ended: Ended) -> str | None:
    """Why a requisite is to be asked for again: it broke off. One that was cut by our own limit would be cut again."""
    return f"cut: {ended}" if ended not in (Ended.COMPLETE, Ended.LENGTH) else None


def told(ledger: Ledger, *, spent: int | None) -> str | None:
    """What became of a run's requisites, on one line; None when there were none. `spent`: the bytes they were limited to."""
    counts = {word: ledger.others.get(f"{Kind.REQUISITE}/{word}", 0) for word in _DONE}
    if not any(counts.values()):
        return None
    line = ", ".join(f"{count} {word}" for word, count in counts.items() if count or word == "kept")
    return f"Requisites: {line}" + (f" (max_requisite_bytes, {spent}, is spent)" if spent is not None else "")
