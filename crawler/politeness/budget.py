"""How many pages a run asks one host for, so that no large site keeps it from ending: what is left over is the next run's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from crawler.sources.active import ActiveSource
from storage.records import Kind, Lease


class Budget:
    """Counts the pages that were begun, by host. Seeds are not counted, or nothing new would be seen; requisites neither.

    `default` is for hosts that no source names; 0 is no limit. Of several sources on one host the largest number counts.
    """

    def __init__(self, sources: Iterable[ActiveSource], default: int) -> None:
        self._default = default
        self._most: dict[str, list[int]] = {}
        self._begun: Counter[str] = Counter()
        for source in sources:
            for host in source.slots():
                self._most.setdefault(host, []).append(source.max_pages)

    def count(self, lease: Lease) -> None:
        """A leased row is about to be asked for."""
        if lease.kind is Kind.ARTICLE:
            self._begun[lease.host] += 1

    def left(self, host: str) -> int | None:
        """Pages that the host may still be asked for; None: any number."""
        most = self._most.get(host, [self._default])
        return None if 0 in most else max(0, max(most) - self._begun[host])
