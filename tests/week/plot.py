"""What happens in the papers of a week: a seeded list of deeds. Stories come by day more than by night, edits soon after."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

STEP = timedelta(minutes=10)
NEWEST = 1 / 8  # of the time, at its end: nothing new appears


@dataclass(frozen=True, slots=True)
class Deed:
    """Something an editor does to the story with a number."""

    at: datetime
    paper: int
    what: str  # publish | amend | withdraw
    number: int


def deeds(start: datetime, end: datetime, paces: list[float], seed: int) -> list[Deed]:
    """The deeds of papers that publish so many stories a day; in order of time."""
    found: list[Deed] = []
    for paper, pace in enumerate(paces):
        chance = random.Random(f"{seed}:{paper}")
        for number, born in enumerate(_births(start, end - NEWEST * (end - start), pace, chance)):
            found.append(Deed(born, paper, "publish", number))
            found += _life(paper, number, born, end, chance)
    return sorted(found, key=lambda deed: (deed.at, deed.paper, deed.number))


def _births(start: datetime, end: datetime, pace: float, chance: random.Random) -> Iterator[datetime]:
    moment = start
    while moment < end:
        by_day = 1 + 0.8 * math.cos(2 * math.pi * (moment.hour + moment.minute / 60 - 13) / 24)
        if chance.random() < pace * by_day / 144:
            yield moment + STEP * chance.random()
        moment += STEP


def _life(paper: int, number: int, born: datetime, end: datetime, chance: random.Random) -> Iterator[Deed]:
    """Two of five stories are edited, one to four times; one of 25 is withdrawn."""
    moment = born
    for _ in range(chance.choice((1, 1, 2, 4)) if chance.random() < 0.4 else 0):
        moment += timedelta(minutes=10 * 60 ** chance.random())  # 10 minutes to 10 hours
        if moment < end:
            yield Deed(moment, paper, "amend", number)
    if chance.random() < 0.04:
        moment += timedelta(hours=6 + 42 * chance.random())
        if moment < end:
            yield Deed(moment, paper, "withdraw", number)
