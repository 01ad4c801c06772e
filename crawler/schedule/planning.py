"""What a run would fetch, in which order and when: a pure function of due rows, the promises to hosts, and now.

The order is that of `storage/leases.claim` and of the frontier: at a host by priority, then by due time, then by id, but where
a host gives few turns (`storage/frontier/turns.py`); hosts take turns, each asked by one request at a time. Requisites come when no
page is left.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from storage.frontier.turns import LATELY, LONG_GAP, alternating
from storage.records import LAST, SEED_KINDS, Kind
from storage.times import later, parse

PATIENCE = 60.0  # seconds that a run waits for a host, as the frontier does; one whose gap is longer is asked for one page a run


@dataclass(frozen=True, slots=True)
class DueRow:
    """A row of the frontier that is due. `id` is None for a seed that has no row yet."""

    id: int | None
    url: str
    host: str
    source: str
    kind: Kind
    priority: int
    due_at: str
    fetched: bool = False  # it was fetched before
    attempts: int = 0  # fetches since the last success


@dataclass(frozen=True, slots=True)
class Promise:
    """What a host is promised: `gap` seconds between two requests, none before `blocked_until` or its turn."""

    gap: float
    blocked_until: str | None = None
    turn_at: str | None = None  # a gap after the last request of an earlier run
    budget: int | None = None  # articles a run

    def is_scarce(self, now: str) -> bool:
        """Whether it gives so few turns that seeds and pages share them."""
        return self.gap > LONG_GAP or (self.blocked_until or "") > later(now, -LATELY)


@dataclass(frozen=True, slots=True)
class Choice:
    """A row that is fetched `at` so many seconds after the run began, at the earliest."""

    row: DueRow
    at: float


@dataclass(slots=True)
class HostPlan:
    """What a run fetches of a host. `left` is over its budget, or waits until the block is over."""

    host: str
    gap: float
    blocked_until: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    left: int = 0
    wait: float = 0.0  # seconds until its first request
    seconds: float = 0.0  # from the run's start to its last request

    @property
    def requests(self) -> int:
        """Pages and requisites that are fetched."""
        return sum(self.counts.values())


SORTS = ("seeds", "new", "again", "revisits", "requisites")


def sort_of(row: DueRow) -> str:
    """seeds, new articles, those tried again after a failure, revisits of stored pages, requisites."""
    if row.kind in SEED_KINDS:
        return "seeds"
    if row.kind is Kind.REQUISITE:
        return "requisites"
    if row.attempts:
        return "again"
    return "revisits" if row.fetched else "new"


def plan(
    rows: Iterable[DueRow], promises: Mapping[str, Promise], now: str, *, concurrency: int
) -> tuple[list[HostPlan], list[Choice]]:
    """What a run that starts `now` would fetch: a plan a host, by name, and every choice in the order of time.

    New pages that the seeds lead to come on top. `concurrency` is how many hosts are asked at once.
    """
    queues = _by_host(rows)
    hosts = {host: _host_plan(host, promises[host], now) for host in sorted(queues)}
    for host in queues:
        if promises[host].is_scarce(now):
            queues[host] = _shared_out(queues[host], host, now)
    taken = {host: _taken(queues[host], promises[host].budget, each) for host, each in hosts.items()}
    choices = [*_in_turns(taken, hosts, concurrency)]
    for host, each in hosts.items():
        each.left = len(queues[host]) - len(taken[host])
    for choice in choices:
        of_host = hosts[choice.row.host]
        of_host.counts[sort_of(choice.row)] = of_host.counts.get(sort_of(choice.row), 0) + 1
        of_host.seconds = max(of_host.seconds, choice.at)
    return list(hosts.values()), choices


def _by_host(rows: Iterable[DueRow]) -> dict[str, list[DueRow]]:
    queues: dict[str, list[DueRow]] = {}
    for row in rows:
        queues.setdefault(row.host, []).append(row)
    for queue in queues.values():
        queue.sort(key=lambda row: (row.priority, row.due_at, row.id is None, row.id or 0))
    return queues


def _shared_out(queue: Sequence[DueRow], host: str, now: str) -> list[DueRow]:
    """Seeds and pages in turns, requisites after them."""
    seeds, rest = [row for row in queue if row.priority == 0], [row for row in queue if 0 < row.priority < LAST]
    return [*alternating(seeds, rest, host, now), *(row for row in queue if row.priority >= LAST)]


def _host_plan(host: str, promise: Promise, now: str) -> HostPlan:
    blocked = promise.blocked_until if (promise.blocked_until or "") > now else None
    turn = min(_seconds(now, promise.turn_at), promise.gap)  # a clock that was set back makes nobody wait for longer
    return HostPlan(host, promise.gap, blocked, wait=max(_seconds(now, blocked), turn, 0.0))


def _taken(queue: Sequence[DueRow], budget: int | None, host: HostPlan) -> list[DueRow]:
    """What a run takes of a host: nothing of one that it does not wait for, one row where gaps are very long."""
    if host.wait > PATIENCE:
        return []
    within = [*_within(queue, len(queue) if budget is None else budget)]
    return within[:1] if host.gap > PATIENCE else within


def _within(queue: Sequence[DueRow], budget: int) -> Iterator[DueRow]:
    """Articles as far as the budget goes, and all else."""
    articles = 0
    for row in queue:
        articles += row.kind is Kind.ARTICLE
        if row.kind is not Kind.ARTICLE or articles <= budget:
            yield row


def _in_turns(queues: Mapping[str, Sequence[DueRow]], hosts: Mapping[str, HostPlan], concurrency: int) -> Iterator[Choice]:
    """Pages first, then requisites; at most `concurrency` hosts have a request that waits for its turn or is on its way."""
    began = 0.0
    last: dict[str, float] = {}
    for requisites in (False, True):
        part = {host: deque(row for row in queue if (row.priority >= LAST) is requisites) for host, queue in queues.items()}
        ready = deque(sorted((host for host in part if part[host]), key=lambda host: (part[host][0].priority, host)))
        asked: list[tuple[float, str]] = []
        clock = began
        while ready or asked:
            while ready and len(asked) < max(1, concurrency):
                host = ready.popleft()
                heapq.heappush(asked, (max(clock, _turn(hosts[host], last.get(host))), host))
            clock, host = heapq.heappop(asked)
            last[host] = clock
            yield Choice(part[host].popleft(), round(clock, 3))
            if part[host]:
                ready.append(host)
        began = clock


def _turn(host: HostPlan, last: float | None) -> float:
    """When a host may be asked, in seconds after the start."""
    return host.wait if last is None else last + host.gap


def _seconds(now: str, then: str | None) -> float:
    return (parse(then) - parse(now)).total_seconds() if then else 0.0
