"""Gaps that were kept, against what was promised."""

from __future__ import annotations

from sqlalchemy import Engine

from storage.database.engine import reading, transaction
from storage.frontier import hosts, robots
from storage.frontier.robots import Kept
from storage.query import gaps
from storage.query.gaps import Block, Promise, Short, judged
from storage.times import iso_of, later, parse

T0 = "2026-03-01T12:00:00.000Z"
START = parse(T0).timestamp()
HOST = "gazette.test"


def moments(*seconds: float) -> list[float]:
    """Seconds after T0."""
    return [START + second for second in seconds]


def test_a_gap_that_is_too_short_is_told() -> None:
    """With the moment of the request that came too soon; the grain of the clock is no fault."""
    kept = judged(HOST, Promise(promised=1.0, since=T0), moments(0, 1, 1.999, 2.5, 9.5), [])
    assert kept.short == [Short(iso_of(START + 2.5), 0.501)]
    assert (kept.requests, kept.smallest, kept.judged) == (5, 0.501, 4)
    assert kept.is_broken


def test_a_promise_does_not_bind_what_was_before_it() -> None:
    """A delay that has grown makes no gap of before a fault; the first request under it has to keep it."""
    promise = Promise(promised=5.0, since=iso_of(START + 2))
    assert judged(HOST, promise, moments(0, 1, 7, 12), []).short == []
    assert judged(HOST, promise, moments(0, 1, 2, 7), []).short == [Short(iso_of(START + 2), 1.0)]
    assert judged(HOST, Promise(), moments(0, 0.1), []).short == []


def test_a_clock_that_was_set_back_is_no_fault() -> None:
    """The hour that comes twice is judged twice, each by itself; rows of runs beside each other come in any order."""
    promise = Promise(promised=1.0, since=T0)
    assert judged(HOST, promise, moments(3600, 3601, 0.5, 3600.5), []).short == []
    assert judged(HOST, promise, moments(0, 2, 1, 3), []).short == []


def test_requests_inside_a_block_are_told() -> None:
    """Those between its begin and its end, not the one that it is the answer of."""
    block = Block(iso_of(START + 0.1), iso_of(START + 60), "http-429")
    kept = judged(HOST, Promise(), moments(0, 30, 60), [block])
    assert kept.inside_block == [iso_of(START + 30)]


def test_what_is_remembered_of_a_host(database: Engine) -> None:
    """Turn, promise, the moment since when it holds, and the longest of its blocks, from run to run."""
    with transaction(database) as conn:
        hosts.asked(conn, HOST, T0, 1.0)
        hosts.asked(conn, HOST, later(T0, 1), 1.0)
        promise = gaps._promises(conn, HOST)[HOST]
        assert (promise.promised, promise.since, promise.next_turn_at) == (1.0, T0, later(T0, 2))
        hosts.asked(conn, HOST, later(T0, 2), 5.0)
        promise = gaps._promises(conn, None)[HOST]
        assert (promise.promised, promise.since, promise.next_turn_at) == (5.0, later(T0, 2), later(T0, 7))
        hosts.block(conn, HOST, T0, later(T0, 300), "http-429")
        hosts.block(conn, HOST, T0, later(T0, 60), "http-503")
        hosts.ask_delay(conn, HOST, 5.0, later(T0, 8))
        hosts.killed(conn, T0)
        memory = hosts.remembered(conn, later(T0, 3))
        assert memory.blocked == {HOST: later(T0, 300)}
        assert memory.turns == {HOST: later(T0, 8)}
        assert memory.crawl_delays == {HOST: 5.0}
        assert memory.last_blocks == {HOST: 60.0}
        assert memory.killed_at == T0
        hosts.answered_well(conn, HOST)
        hosts.ask_delay(conn, HOST, None)
        hosts.killed(conn, later(T0, 9))
        memory = hosts.remembered(conn, later(T0, 400))
        assert memory == hosts.Memory(killed_at=later(T0, 9), pleaded=frozenset({HOST}))
        assert hosts.remembered(conn, later(T0, 90_000)).pleaded == frozenset()


def test_turns_are_taken_one_after_another(database: Engine) -> None:
    """Each is a delay after the one before; one that is too far away is not taken; a clock that was set back takes none away."""
    with transaction(database) as conn:
        turns = [hosts.take_turn(conn, HOST, 40.0, T0, 60.0) for _ in range(4)]
        assert [turn.at for turn in turns[:2]] == [T0, later(T0, 40)]
        assert [turn.blocked_until for turn in turns] == [None, None, later(T0, 80), later(T0, 80)]
        assert hosts.take_turn(conn, HOST, 40.0, later(T0, -7200), 60.0).at == later(T0, -7200)


def test_robots_txt_is_kept_and_replaced(database: Engine) -> None:
    """Fresh ones are given at once, long and old ones when they are asked for; new rules are planted anew."""
    kept = Kept("https://a.test", T0, later(T0, 60), 200, None, "User-agent: *")
    long = Kept("https://b.test", T0, later(T0, 60), 200, None, "#" * 20_000)
    with transaction(database) as conn:
        for one in (kept, long):
            robots.keep(conn, one)
        robots.plant(conn, kept.origin, "paper", T0)
        robots.plant(conn, "https://nobody.test", "paper", T0)
        assert list(robots.fresh(conn, T0)) == [kept.origin]
        assert robots.fresh(conn, T0)[kept.origin].planted == {"paper": T0}
        assert robots.fresh(conn, later(T0, 60)) == robots.fresh(conn, later(T0, -1)) == {}
        robots.keep(conn, kept)
        assert robots.of_origin(conn, kept.origin) == kept
        assert robots.of_origin(conn, long.origin) == long
        assert robots.of_origin(conn, "https://nobody.test") is None
        assert gaps.origins_of(conn, ["a.test"]) == {"a.test": [kept.origin]}


def test_nobody_asked_is_no_host(database: Engine) -> None:
    """A collection without captures has none to tell of."""
    with reading(database) as conn:
        assert gaps.kept_since(conn, T0) == []
