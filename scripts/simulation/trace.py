"""The trace of a source: when its stories appear and how its server behaves. One JSON object a line, see docs/simulation.md."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from math import nan
from typing import Any, TextIO, TypeVar

T = TypeVar("T")
Spans = tuple[tuple[float, float], ...]
LONGEST = 400 * 86_400.0  # seconds that are simulated at most


@dataclass(frozen=True, slots=True)
class Trace:
    """One source. Moments are POSIX seconds; `stories` is ordered by the moments at which they appear in the feed.

    `announced` has what the feed says of each story's moment (None: nothing). `down`, `lying` are spans in which the server
    fails, or answers every conditional request with 304. `edits` are the moments at which each story is edited.
    """

    id: str
    host: str
    stories: tuple[float, ...]
    window: int = 30
    kind: str = ""
    announced: tuple[float | None, ...] | None = None
    down: Spans = ()
    reason: str = "timeout"
    lying: Spans = ()
    edits: tuple[tuple[float, ...], ...] | None = None

    def is_down(self, at: float) -> bool:
        """Whether the server fails at a moment."""
        return _within(self.down, at)

    def lies(self, at: float) -> bool:
        """Whether the server says 304 whatever is new."""
        return _within(self.lying, at)

    def until(self, at: float) -> int:
        """How many stories have appeared."""
        return bisect_right(self.stories, at)

    def announcements(self, start: int, end: int) -> list[float]:
        """What the feed says of the moments of some stories, without those of which it says nothing."""
        if self.announced is None:
            return []
        return [moment for moment in self.announced[start:end] if moment is not None]


@dataclass(frozen=True, slots=True)
class World:
    """Sources that are watched from `start` to `end`; stories before `start` are on their pages already."""

    name: str
    start: float
    end: float
    traces: tuple[Trace, ...]
    gap: float = 5.0  # seconds between two requests to one host


def _within(spans: Spans, at: float) -> bool:
    return any(start <= at < end for start, end in spans)


def write(file: TextIO, world: World) -> None:
    """The world as JSON lines, the first of which tells its span."""
    head = {"name": world.name, "start": world.start, "end": world.end, "gap": world.gap}
    file.write(json.dumps(head) + "\n")
    file.writelines(json.dumps(asdict(trace)) + "\n" for trace in world.traces)


def read(lines: Iterable[str], name: str) -> World:
    """A world from JSON lines. Raises ValueError with the number of the line that is wrong."""
    head: dict[str, float] | None = None
    traces: dict[str, Trace] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _row(line)
            if head is None and not traces and "stories" not in row:
                head = {key: _moment(key, row[key]) for key in ("start", "end", "gap") if key in row}
                continue
            trace = _trace(row)
            _expect(trace.id not in traces, f"source {trace.id!r} is there twice")
            traces[trace.id] = trace
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    if not traces:
        raise ValueError("no source in it")
    return _world(name, head or {}, tuple(traces.values()))


def _world(name: str, head: dict[str, float], traces: tuple[Trace, ...]) -> World:
    """Watched from and until what the head tells, else from the first story to the last."""
    moments = [moment for trace in traces for moment in (*trace.stories[:1], *trace.stories[-1:])] or [0.0]
    start, end, gap = head.get("start", min(moments)), head.get("end", max(moments)), head.get("gap", 5.0)
    _expect(start < end, "what is watched has no length: no two stories, or an `end` that is not after `start`")
    _expect(end - start <= LONGEST, f"what is watched lasts longer than {LONGEST / 86_400:.0f} days: `start` and `end` say less")
    _expect(gap <= 3600, "`gap` is more than an hour")
    return World(name, start, end, traces, gap)


def _row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON: {str(error)[:80]}") from None
    _expect(isinstance(row, dict), "no JSON object")
    known: dict[str, Any] = row
    return known


def _trace(row: dict[str, Any]) -> Trace:
    """One source. Stories of one moment stay several, since they may appear at once."""
    for key in ("id", "stories"):
        _expect(row.get(key) is not None, f"no `{key}`")
    stories = _list("stories", row["stories"], _moment)
    order = sorted(range(len(stories)), key=stories.__getitem__)
    window = row.get("window", 30)
    _expect(type(window) is int and 0 < window <= 100_000, "`window` is no whole number from 1 to 100000")
    return Trace(
        id=str(row["id"]),
        host=str(row.get("host") or row["id"]),
        stories=tuple(stories[place] for place in order),
        window=window,
        kind=str(row.get("kind", "")),
        announced=_of_each(row, "announced", order, lambda key, value: None if value is None else _number(key, value)),
        down=_spans(row, "down"),
        reason=str(row.get("reason", "timeout")),
        lying=_spans(row, "lying"),
        edits=_of_each(row, "edits", order, lambda key, value: tuple(_list(key, value, _moment))),
    )


def _of_each(row: dict[str, Any], key: str, order: Sequence[int], check: Callable[[str, Any], T]) -> tuple[T, ...] | None:
    """What a key says of each story, in the order of stories."""
    if row.get(key) is None:
        return None
    values = _list(key, row[key], check)
    _expect(len(values) == len(order), f"`{key}` and `stories` differ in length")
    return tuple(values[place] for place in order)


def _spans(row: dict[str, Any], key: str) -> Spans:
    pairs = [tuple(_list(key, pair, _number)) for pair in _list(key, row.get(key) or [], lambda _, pair: pair)]
    _expect(all(len(pair) == 2 for pair in pairs), f"`{key}` has what is no pair [from, until]")
    _expect(all(pair[0] < pair[1] for pair in pairs), f"`{key}` has a span that ends before it begins, or at once")
    return tuple((pair[0], pair[1]) for pair in pairs)


def _list(key: str, value: object, check: Callable[[str, Any], T]) -> list[T]:
    if not isinstance(value, list):
        raise ValueError(f"`{key}` is no list")  # noqa: TRY004 - what is wrong with a file is one kind of error
    return [check(key, each) for each in value]


def _number(key: str, value: object) -> float:
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else nan
    _expect(-1e12 < number < 1e12, f"`{key}` has {str(value)[:40]!r}, which is no number of seconds")
    return number


def _moment(key: str, value: object) -> float:
    number = _number(key, value)
    _expect(0 <= number < 1e10, f"`{key}` has {number:.0f}, which is no moment in POSIX seconds")
    return number


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
