"""Stories that are edited, made from a seed: sites differ, a story's edits come in bursts and thin out with age.

No published set of edit moments may be shipped here, so the shapes are assumed; `PARAMETERS` has every number. What they
follow: few stories have most of the edits, most edits come within hours of publication, and a thin tail goes on for
weeks (the corpora of NewsDiffs, 2012, and NewsEdits, Spangher et al. 2022, are of that kind).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Parameters:
    """How sites and stories behave. Shares are of 1, ages and gaps seconds; `sigma` of logarithms."""

    seed: int
    edited: tuple[float, float]  # beta distribution, over sites, of the share of stories that are edited at all
    more: tuple[float, float]  # beta, over sites: the chance that an edit is followed by another
    live: float  # share of pages that report live
    live_edits: tuple[int, int]  # fewest and most edits of those
    live_gap: tuple[float, float]  # median and sigma of the gaps between them
    first: tuple[float, float]  # median and sigma of the age at the first edit
    tail: float  # share of first edits whose age is spread evenly over the logarithm instead: a power law
    tail_span: tuple[float, float]
    late: float  # share of first edits that are late corrections, spread evenly
    late_span: tuple[float, float]
    gap: tuple[float, float]  # median and sigma of the gap to the edit that follows
    found: tuple[float, float]  # median and sigma of the age at which a story is fetched first


PARAMETERS = {
    "tuned": Parameters(
        seed=20120722,
        edited=(0.8, 1.6),
        more=(1.5, 2.5),
        live=0.02,
        live_edits=(10, 60),
        live_gap=(12 * MINUTE, 1.0),
        first=(70 * MINUTE, 1.4),
        tail=0.25,
        tail_span=(5 * MINUTE, 30 * DAY),
        late=0.08,
        late_span=(1 * DAY, 25 * DAY),
        gap=(50 * MINUTE, 1.5),
        found=(12 * MINUTE, 0.9),
    ),
    # Never tuned on: other sites, slower first edits, more late ones, and no power law at all.
    "held-out": Parameters(
        seed=4207,
        edited=(0.4, 0.9),
        more=(1.0, 1.2),
        live=0.01,
        live_edits=(5, 120),
        live_gap=(25 * MINUTE, 1.5),
        first=(3 * HOUR, 1.9),
        tail=0.0,
        tail_span=(5 * MINUTE, 30 * DAY),
        late=0.15,
        late_span=(2 * DAY, 60 * DAY),
        gap=(2 * HOUR, 2.0),
        found=(25 * MINUTE, 1.2),
    ),
}


@dataclass(frozen=True, slots=True)
class EditedStory:
    """A story: when it was published, when it is fetched first, when it is edited (in order). Seconds of the virtual clock."""

    name: str
    published: float
    found: float
    edits: tuple[float, ...]


def sites(parameters: Parameters, count: int, stories: int, *, span: float = 60 * DAY) -> list[list[EditedStory]]:
    """Sites with their stories in the order in which these are found, published evenly over `span`."""
    random = Random(parameters.seed)  # noqa: S311 - no secret depends on it
    return [_site(parameters, random, f"site-{number}", stories, span) for number in range(count)]


def _site(parameters: Parameters, random: Random, name: str, stories: int, span: float) -> list[EditedStory]:
    edited = random.betavariate(*parameters.edited)
    more = 0.9 * random.betavariate(*parameters.more)
    made = (
        _story(parameters, random, f"{name}/{number}", random.uniform(0, span), edited, more) for number in range(stories)
    )
    return sorted(made, key=lambda story: story.found)


def _story(
    parameters: Parameters, random: Random, name: str, published: float, edited: float, more: float
) -> EditedStory:
    found = published + _lognormal(random, parameters.found)
    return EditedStory(name, published, found, tuple(published + age for age in edit_ages(parameters, random, edited, more)))


def edit_ages(parameters: Parameters, random: Random, edited: float, more: float) -> list[float]:
    """The ages at which one story is edited, in order."""
    if random.random() < parameters.live:
        return _series(random, _lognormal(random, parameters.live_gap), parameters.live_gap, _live_count(parameters, random))
    if random.random() >= edited:
        return []
    count = 1
    while count < 40 and random.random() < more:
        count += 1
    return _series(random, _first_age(parameters, random), parameters.gap, count)


def _live_count(parameters: Parameters, random: Random) -> int:
    return random.randint(*parameters.live_edits)


def _series(random: Random, first: float, gap: tuple[float, float], count: int) -> list[float]:
    """Edits that follow one another; each gap grows with the age that was reached, as bursts fade."""
    ages = [first]
    while len(ages) < count:
        ages.append(ages[-1] + _lognormal(random, gap) * max(1.0, math.sqrt(ages[-1] / (12 * HOUR))))
    return ages


def _first_age(parameters: Parameters, random: Random) -> float:
    kind = random.random()
    if kind < parameters.late:
        return random.uniform(*parameters.late_span)
    if kind < parameters.late + parameters.tail:
        low, high = parameters.tail_span
        return float(low * (high / low) ** random.random())
    return _lognormal(random, parameters.first)


def _lognormal(random: Random, shape: tuple[float, float]) -> float:
    median, sigma = shape
    return random.lognormvariate(math.log(median), sigma)
