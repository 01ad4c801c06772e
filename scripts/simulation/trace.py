"""The trace of a source: when its stories appear and how its server behaves. One JSON object a line, see docs/simulation.md."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TextIO

Spans = tuple[tuple[float, float], ...]


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
    head: dict[str, Any] = {}
    traces: list[Trace] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not traces and not head and "start" in row:
                head = {key: float(row[key]) for key in ("start", "end", "gap") if key in row}
            else:
                traces.append(_trace(row))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"line {number}: {error!r}") from None
    if not traces:
        raise ValueError("no source in it")
    return World(name, *_span(head, traces), tuple(traces), head.get("gap", 5.0))


def _trace(row: dict[str, Any]) -> Trace:
    known = {field.name for field in fields(Trace)}
    given: dict[str, Any] = {key: _frozen(value) for key, value in row.items() if key in known and value is not None}
    trace = Trace(**{**given, "id": str(row["id"]), "host": str(row.get("host") or row["id"])})
    order = sorted(range(len(trace.stories)), key=trace.stories.__getitem__)
    values = {key: getattr(trace, key) for key in known}
    for key in ("stories", "announced", "edits"):
        if values[key] is not None:
            if len(values[key]) != len(order):
                raise ValueError(f"{key} and stories differ in length")
            values[key] = tuple(values[key][index] for index in order)
    return Trace(**values)


def _frozen(value: object) -> object:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


def _span(head: dict[str, float], traces: Sequence[Trace]) -> tuple[float, float]:
    """From and until when to watch: as told, else from the first day's end of what there is."""
    moments = [moment for trace in traces for moment in (*trace.stories[:1], *trace.stories[-1:])] or [0.0]
    return head.get("start", min(moments)), head.get("end", max(moments))


def by_host(traces: Iterable[Trace]) -> Iterator[tuple[str, list[int]]]:
    """The places of the sources of each host."""
    hosts: dict[str, list[int]] = {}
    for place, trace in enumerate(traces):
        hosts.setdefault(trace.host, []).append(place)
    yield from hosts.items()
