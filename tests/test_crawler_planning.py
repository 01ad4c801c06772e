"""The pure choice of what a run would fetch: order, gaps, blocks, budgets."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from crawler.schedule.planning import Choice, DueRow, HostPlan, Promise, plan
from storage.records import LAST, Kind
from storage.times import later

NOW = "2026-03-01T12:00:00.000Z"


def row(number: int, host: str = "a.test", *, kind: Kind = Kind.ARTICLE, priority: int = 1, late: int = 0) -> DueRow:
    """A row that has been due for some seconds."""
    return DueRow(number, f"https://{host}/{number}", host, "s", kind, priority, later(NOW, -late))


def chosen(rows: list[DueRow], promises: Mapping[str, Promise] | None = None, *, concurrency: int = 32) -> list[Choice]:
    """The choices, with a gap of a second where nothing is said."""
    hosts = {each.host: Promise(1.0) for each in rows}
    return plan(rows, hosts | dict(promises or {}), NOW, concurrency=concurrency)[1]


def host_plan(rows: list[DueRow], promise: Promise) -> HostPlan:
    """The plan of the only host."""
    [host] = plan(rows, {"a.test": promise}, NOW, concurrency=8)[0]
    return host


def test_a_host_is_asked_by_priority_then_by_due_time_then_by_id() -> None:
    """The order of `leases.claim`, whatever order the rows come in; what has no row yet comes last of its moment."""
    rows = [
        row(4),
        row(3),
        replace(row(0, kind=Kind.HOME, priority=0), id=None),
        row(2, late=60),
        row(1, kind=Kind.FEED, priority=0),
        row(5, kind=Kind.REQUISITE, priority=LAST, late=900),
    ]
    assert [choice.row.url[-1] for choice in chosen(rows)] == ["1", "0", "2", "3", "4", "5"]


def test_hosts_take_turns_and_gaps_are_kept() -> None:
    """Two hosts go on side by side, each with its own gap."""
    rows = [row(1), row(2), row(3, "b.test"), row(4, "b.test"), row(5, "b.test")]
    at = {choice.row.id: choice.at for choice in chosen(rows, {"b.test": Promise(10.0)})}
    assert at == {1: 0.0, 2: 1.0, 3: 0.0, 4: 10.0, 5: 20.0}


def test_requisites_wait_for_the_last_page_of_any_host() -> None:
    """As in a run, where they are claimed when no page is left."""
    rows = [row(1), row(2), row(3), row(4, "b.test", kind=Kind.REQUISITE, priority=LAST)]
    assert [(choice.row.id, choice.at) for choice in chosen(rows)] == [(1, 0.0), (2, 1.0), (3, 2.0), (4, 2.0)]


def test_few_hosts_at_once_make_a_run_longer() -> None:
    """A request that waits for its turn takes one of the places."""
    rows = [row(n, f"h{n % 4}.test") for n in range(8)]
    assert max(choice.at for choice in chosen(rows, concurrency=4)) == 1.0
    assert max(choice.at for choice in chosen(rows, concurrency=1)) == 1.0
    slow = {f"h{n}.test": Promise(10.0) for n in range(4)}
    assert max(choice.at for choice in chosen(rows, slow, concurrency=4)) == 10.0
    assert max(choice.at for choice in chosen([*rows, row(9, "h1.test")], slow, concurrency=1)) > 10.0


def test_a_host_that_is_blocked_for_long_is_left_alone() -> None:
    """A block of a minute is waited for; a longer one leaves its rows to a later run; one that has passed is none."""
    assert (host_plan([row(1), row(2)], Promise(1.0, later(NOW, 30))).seconds) == 31.0
    blocked = host_plan([row(1), row(2)], Promise(1.0, later(NOW, 61)))
    assert (blocked.requests, blocked.left, blocked.blocked_until) == (0, 2, later(NOW, 61))
    assert host_plan([row(1)], Promise(1.0, later(NOW, -5))).blocked_until is None


def test_a_host_that_was_asked_a_moment_ago_is_waited_for() -> None:
    """Its turn is a gap after the last request of an earlier run; one beyond that is of a clock that was set back."""
    assert host_plan([row(1), row(2)], Promise(10.0, turn_at=later(NOW, 4))).seconds == 14.0
    assert host_plan([row(1)], Promise(10.0, turn_at=later(NOW, 5_000))).seconds == 10.0
    assert host_plan([row(1)], Promise(10.0, turn_at=later(NOW, -5))).seconds == 0.0
    assert host_plan([row(1)], Promise(600.0, turn_at=later(NOW, 300))).left == 1


def test_budgets_and_very_long_gaps_leave_the_rest() -> None:
    """A budget is of articles, not of seeds; of a host that wants more than a minute between requests one row is taken."""
    rows = [row(n) for n in range(5)]
    assert (host_plan(rows, Promise(0.0, budget=2)).requests, host_plan(rows, Promise(0.0, budget=2)).left) == (2, 3)
    seeds = [row(9, kind=Kind.FEED, priority=0), row(10, kind=Kind.REQUISITE, priority=LAST)]
    assert host_plan([*rows, *seeds], Promise(0.0, budget=1)).counts == {"seeds": 1, "new": 1, "requisites": 1}
    assert (host_plan(rows, Promise(61.0)).requests, host_plan(rows, Promise(61.0)).left) == (1, 4)


def test_a_host_of_few_turns_gives_half_of_them_to_pages() -> None:
    """Whether its gap is long or it asked for patience within a day; requisites come last; elsewhere seeds come first."""
    rows = [row(n, kind=Kind.FEED, priority=0) for n in (1, 2, 3)] + [row(n, priority=n - 3) for n in (4, 5, 6)]
    rows.append(row(7, kind=Kind.REQUISITE, priority=LAST))
    asked = Promise(0.0, later(NOW, -3_600))
    ids = [choice.row.id for choice in chosen(rows, {"a.test": asked})]
    assert ids in ([1, 4, 2, 5, 3, 6, 7], [4, 1, 5, 2, 6, 3, 7])
    assert [choice.row.id for choice in chosen(rows, {"a.test": Promise(0.0, later(NOW, -90_000))})] == [1, 2, 3, 4, 5, 6, 7]
    hours = [plan(rows, {"a.test": Promise(3_600.0)}, later(NOW, hour * 3_600), concurrency=8)[1] for hour in range(100)]
    begun = [choice.row.kind is Kind.FEED for [choice] in hours]
    assert 30 < sum(begun) < 70
    assert 30 < sum(begun[::2]) + sum(not seed for seed in begun[1::2]) < 70  # nor by turns of the clock


def test_rows_are_counted_by_what_they_are() -> None:
    """Seeds, new articles, what failed, what was stored, requisites."""
    rows = [
        row(1, kind=Kind.SECTION, priority=0),
        row(2),
        replace(row(3), attempts=2, fetched=True),
        replace(row(4), fetched=True),
        row(5, kind=Kind.REQUISITE, priority=LAST),
    ]
    assert host_plan(rows, Promise(0.0)).counts == {"seeds": 1, "new": 1, "again": 1, "revisits": 1, "requisites": 1}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 100)), max_size=40),
    st.lists(st.floats(0, 5), min_size=4, max_size=4),
    st.integers(1, 5),
)
def test_no_gap_is_ever_shorter_than_promised(made: list[tuple[int, int, int]], gaps: list[float], concurrency: int) -> None:
    """Whatever is due: every row is chosen once, in order of time, and no host is asked too early."""
    rows = [
        row(n, f"h{host}.test", priority=priority, late=late, kind=Kind.REQUISITE if priority == LAST else Kind.ARTICLE)
        for n, (host, priority, late) in enumerate(made)
    ]
    promises = {f"h{n}.test": Promise(gap) for n, gap in enumerate(gaps)}
    choices = chosen(rows, promises, concurrency=concurrency)
    assert sorted(choice.row.id or 0 for choice in choices) == list(range(len(rows)))
    assert [choice.at for choice in choices] == sorted(choice.at for choice in choices)
    for host, promise in promises.items():
        at = [choice.at for choice in choices if choice.row.host == host]
        assert all(later_ - earlier >= promise.gap - 0.002 for earlier, later_ in itertools.pairwise(at))
