"""Sources of another make, as a trace file: newsrooms by time zone and desk, rather than rates drawn by hour of the week.

`python -m scripts.simulation.newsrooms > newsrooms.jsonl` prints it; `python -m scripts.simulation --traces newsrooms.jsonl`
reads it. The fortnight holds the night in which European clocks change. What the schedule is made for is in `generate.py`;
here is what it is not made for: clusters of breaking news, editions that come all at once, weekend papers, ten-entry feeds.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from scripts.simulation.trace import Spans, Trace, World, write

SEED = 42
EACH = 15  # sources of each kind
HOUR = 3600.0
DAY = 24 * HOUR
START = datetime(2026, 3, 23, tzinfo=UTC).timestamp()
END = START + 14 * DAY
BEFORE = START - 20 * DAY  # stories from here on are on the pages already
SUNDAY = 6
ZONES = tuple(
    map(
        ZoneInfo,
        (
            "Europe/Berlin",
            "Europe/London",
            "America/New_York",
            "America/Los_Angeles",
            "Asia/Tokyo",
            "Asia/Kolkata",
            "Australia/Sydney",
        ),
    )
)


def newsrooms(seed: int = SEED, each: int = EACH) -> World:
    """The same sources for the same numbers."""
    traces = []
    for kind, (make, windows, dated) in KINDS.items():
        for number in range(each):
            rng = Random(f"{seed} {kind} {number}")  # noqa: S311 - made-up news
            traces.append(_trace(rng, f"{kind}{number}", kind, make(rng), rng.choice(windows), dated))
    return World("newsrooms", START, END, tuple(traces))


def _trace(rng: Random, name: str, kind: str, moments: Sequence[float], window: int, dated: float) -> Trace:
    stories = tuple(sorted(float(round(moment)) for moment in moments if BEFORE <= moment < END))
    announced = tuple(moment - rng.randint(0, 60) for moment in stories) if rng.random() < dated else None
    down: Spans = ((START + 4 * DAY, START + 4 * DAY + 2 * HOUR), (START + 9 * DAY, START + 9.7 * DAY))
    return Trace(
        id=name,
        host=f"{name}.test",
        stories=stories,
        window=window,
        kind=kind,
        announced=announced,
        down=down if kind == "failing" else (),
        reason="http-503",
        lying=((START + 5 * DAY, END),) if kind == "lying" else (),
    )


def _office(zone: ZoneInfo, weekend: float) -> Callable[[float], float]:
    """How busy a newsroom is, 3 at the most: a morning's and an evening's peak by its own clock, quiet nights and weekends."""

    def busy(moment: float) -> float:
        local = datetime.fromtimestamp(moment, zone)
        hour = local.hour + local.minute / 60
        awake = 6 <= hour <= 22
        day = 1.2 + math.exp(-((hour - 9) ** 2) / 4) + 0.6 * math.exp(-((hour - 17) ** 2) / 3) if awake else 0.05
        return day * (weekend if local.weekday() >= SUNDAY - 1 else 1.0)

    return busy


def _poisson(rng: Random, a_day: float, busy: Callable[[float], float], most: float) -> Iterator[float]:
    """Moments of a Poisson process, thinned."""
    at = BEFORE
    while (at := at + rng.expovariate(a_day * most / DAY)) < END:
        if rng.random() * most < busy(at):
            yield at


def _by_clock(rng: Random, a_day: tuple[float, float], weekend: float = 0.2) -> list[float]:
    return list(_poisson(rng, rng.uniform(*a_day), _office(rng.choice(ZONES), weekend), 3.0))


def _daily(rng: Random) -> list[float]:
    return _by_clock(rng, (8, 40))


def _breaking(rng: Random) -> list[float]:
    """A daily paper, and now and then an event of which it writes again and again for hours."""
    moments = _by_clock(rng, (5, 25))
    for _ in range(rng.randint(5, 15)):
        event = rng.uniform(BEFORE, END)
        moments += [event + rng.expovariate(1 / (1.5 * HOUR)) for _ in range(rng.randint(5, 25))]
    return moments


def _days(zone: ZoneInfo, hour: int) -> Iterator[tuple[float, int]]:
    """The moment of an hour of each local day, and its weekday."""
    at = BEFORE
    while at < END:
        local = datetime.fromtimestamp(at, zone).replace(hour=hour, minute=0, second=0)
        yield local.timestamp(), local.weekday()
        at += DAY


def _weekend(rng: Random) -> list[float]:
    mornings = [at for at, weekday in _days(rng.choice(ZONES), 5) if weekday >= SUNDAY - 1]
    return [at + rng.uniform(0, 4 * HOUR) for at in mornings for _ in range(rng.randint(3, 12))]


def _edition(rng: Random) -> list[float]:
    """An edition comes within two minutes, early on each day but Sunday; little between two of them."""
    nights = [at for at, weekday in _days(rng.choice(ZONES), 5) if weekday != SUNDAY]
    return [*(at + rng.uniform(0, 120) for at in nights for _ in range(rng.randint(8, 25))), *_by_clock(rng, (4, 4))]


def _wire(rng: Random) -> list[float]:
    return list(_poisson(rng, rng.uniform(80, 300), lambda at: 1 + 0.2 * math.sin(at / DAY * 2 * math.pi), 1.2))


def _short(rng: Random) -> list[float]:
    return _by_clock(rng, (10, 60), weekend=0.5)


def _rare(rng: Random) -> list[float]:
    return [*(rng.uniform(BEFORE, START) for _ in range(4)), *(rng.uniform(START, END) for _ in range(3))]


def _magazine(rng: Random) -> list[float]:
    return _by_clock(rng, (0.5, 1.5), weekend=0.0)


# kind: how its stories come, how many entries its feed has, how many of such feeds have dates
KINDS: dict[str, tuple[Callable[[Random], list[float]], Sequence[int], float]] = {
    "daily": (_daily, (10, 25, 40), 0.8),
    "breaking": (_breaking, (10, 20, 50), 0.7),
    "weekend": (_weekend, (20,), 0.6),
    "edition": (_edition, (30,), 0.7),
    "wire": (_wire, (30, 50, 100), 1.0),
    "short": (_short, (10,), 0.5),
    "rare": (_rare, (10,), 0.5),
    "magazine": (_magazine, (15,), 0.8),
    "failing": (_daily, (20,), 0.8),
    "lying": (_daily, (20,), 0.8),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the traces."""
    parser = argparse.ArgumentParser(prog="python -m scripts.simulation.newsrooms", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="%(default)s")
    parser.add_argument("--each", type=int, default=EACH, help="sources of each kind, %(default)s")
    options = parser.parse_args(arguments)
    write(sys.stdout, newsrooms(options.seed, options.each))
    return 0


if __name__ == "__main__":
    sys.exit(main())
