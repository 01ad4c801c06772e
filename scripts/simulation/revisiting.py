"""What revisit ladders catch of edits, with how many requests: the real functions of crawler/schedule/revisits.py and its peers.

An edit is caught when a visit sees its wording before the next edit replaces it. Edits before a story's first fetch are
nobody's to catch and are not counted. `python -m scripts.simulation.revisiting` prints the table.
"""

from __future__ import annotations

import argparse
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import log
from statistics import median

from crawler.schedule import revisits
from crawler.schedule.revisits import Budget
from scripts.simulation.edits import DAY, HOUR, MINUTE, PARAMETERS, EditedStory, sites

Site = Sequence[EditedStory]
Visits = list[float]
Wait = Callable[[float, float], float | None]
"""(age, seconds since the last change that was seen) -> seconds until the next visit, None: never."""


def newsdiffs(age: float, since: float) -> float | None:  # noqa: ARG001 - a Wait
    """The ladder of NewsDiffs' scraper: by the time since the newest version, which begins with the first fetch."""
    for limit, wait in ((3 * HOUR, 15 * MINUTE), (DAY, HOUR), (7 * DAY, 3 * HOUR), (30 * DAY, 3 * DAY), (360 * DAY, 30 * DAY)):
        if since < limit:
            return wait
    return None


def geometric(ratio: float) -> Wait:
    """Visits whatever they show, at ages that grow by a ratio, from half an hour to thirty days."""
    return lambda age, _: max(30 * MINUTE, age * (ratio - 1)) if age < 30 * DAY else None


def every(wait: float, days: float) -> Wait:
    """A visit every so often, for some days."""
    return lambda age, _: wait if age + wait <= days * DAY else None


def climb(story: EditedStory, wait: Wait) -> Visits:
    """The visits of a ladder that knows of nothing but the story."""
    visits: Visits = []
    now = changed = story.found
    while (pause := wait(now - story.published, now - changed)) is not None:
        seen, now = now, now + pause
        visits.append(now)
        if bisect_right(story.edits, now) > bisect_right(story.edits, seen):
            changed = now
    return visits


def ours(site: Site, budget: Budget, days: float = 30) -> list[Visits]:
    """The visits of crawler/schedule/revisits.py to all stories of a site, which learns from each."""
    visits: list[Visits] = [[] for _ in site]
    known = [revisits.Story(story.published, story.found) for story in site]
    habits = revisits.Habits()
    due: list[tuple[float, int]] = [(story.found, number) for number, story in enumerate(site)]
    due.sort()
    while due:
        now, number = heappop(due)
        story = site[number]
        if now > story.found:
            changed = bisect_right(story.edits, now) > bisect_right(story.edits, known[number].at)
            known[number], more = revisits.seen_again(known[number], now, changed=changed)
            habits = habits.and_(more)
            visits[number].append(now)
        else:
            habits = habits.and_(revisits.Habits(stories=1))
        again = revisits.next_revisit(known[number], habits, now, days=days, name=story.name, budget=budget)
        if again is not None:
            heappush(due, (again, number))
    return visits


@dataclass(slots=True)
class Catch:
    """What a ladder did over all sites."""

    stories: int = 0
    requests: int = 0
    most: int = 0  # visits of one story
    edits: int = 0
    caught: int = 0
    by_site: list[tuple[int, int, int]] = field(default_factory=list)  # requests, edits, caught
    delays: list[float] = field(default_factory=list)  # from an edit to the visit that caught it

    @property
    def each(self) -> float:
        """Requests a story."""
        return self.requests / self.stories

    @property
    def share(self) -> float:
        """Of the edits, those caught."""
        return self.caught / max(1, self.edits)

    @property
    def yield_(self) -> float:
        """Edits caught by a hundred requests."""
        return 100 * self.caught / max(1, self.requests)


def judge(all_sites: Iterable[tuple[Site, Sequence[Visits]]]) -> Catch:
    """What visits caught."""
    total = Catch()
    for site, visited in all_sites:
        edits = caught = requests = 0
        for story, visits in zip(site, visited, strict=True):
            delays, possible = _caught(story, visits)
            edits, caught, requests = edits + possible, caught + len(delays), requests + len(visits)
            total.delays += delays
            total.most = max(total.most, len(visits))
        total.by_site.append((requests, edits, caught))
        total.stories += len(site)
        total.requests, total.edits, total.caught = total.requests + requests, total.edits + edits, total.caught + caught
    return total


def _caught(story: EditedStory, visits: Visits) -> tuple[list[float], int]:
    """The delays of the edits that were caught, and how many there were to catch."""
    possible = [edit for edit in story.edits if edit > story.found]
    delays: list[float] = []
    for edit, replaced in zip(possible, [*possible[1:], float("inf")], strict=False):
        first = bisect_right(visits, edit)
        if first < len(visits) and visits[first] < replaced:
            delays.append(visits[first] - edit)
    return delays, len(possible)


def by_ladder(made: Sequence[Site], wait: Wait) -> Catch:
    """What a ladder catches of all sites."""
    return judge((site, [climb(story, wait) for story in site]) for site in made)


def by_ours(made: Sequence[Site], budget: Budget, days: float = 30) -> Catch:
    """What crawler/schedule/revisits.py catches of all sites."""
    return judge((site, ours(site, budget, days)) for site in made)


def at_requests(made: Sequence[Site], each: float, days: float) -> tuple[Budget, Catch]:
    """The budget with which crawler/schedule/revisits.py makes about so many requests a story, and what it catches then."""
    patience, slope = 0.03, 0.7  # visits grow about as patience to the power of -slope
    budget, found = _of(patience), by_ours(made, _of(patience), days)
    for _ in range(6):
        if abs(found.each / each - 1) < 0.02:
            break
        nearer = patience * (found.each / each) ** (1 / slope)
        budget, better = _of(nearer), by_ours(made, _of(nearer), days)
        slope = min(2.0, max(0.2, log(better.each / found.each) / log(patience / nearer)))
        patience, found = nearer, better
    return budget, found


def _of(patience: float) -> Budget:
    """A budget that is bounded by nothing but its patience."""
    return Budget(patience, shortest=2 * MINUTE, step=1 / 150, mean=float("inf"))


KNOBS = (0.01, 0.03, 0.1, 0.3, 1.0)
RATIOS = (1.1, 1.3, 1.6, 2.0, 3.0)


def report(name: str, made: Sequence[Site]) -> None:
    """Print the table of one parameter set."""
    print(f"\n{name}: {sum(map(len, made)):,} stories of {len(made)} sites")
    print(f"{'ladder':34} {'visits a story':>14} {'most':>5} {'edits caught':>13} {'per 100 visits':>15} {'median delay':>13}")
    peer = _line("NewsDiffs", by_ladder(made, newsdiffs))
    for ratio in RATIOS:
        _line(f"ages growing by {ratio}", by_ladder(made, geometric(ratio)))
    for hours, days in ((0.25, 1), (1, 7), (24, 30)):
        _line(f"every {hours} h for {days} days", by_ladder(made, every(hours * HOUR, days)))
    own = _line("ours, as it is set", by_ours(made, revisits.BUDGET))
    for patience in KNOBS:
        _line(f"ours, patience {patience}", by_ours(made, _of(patience)))
    print(f"as it is set {own.yield_ / peer.yield_:.1f} x the edits that NewsDiffs' ladder catches per visit")
    for days in (30, 360):  # its ladder ends after 360 days
        budget, equal = at_requests(made, peer.each, days)
        _line(f"its visits, {days} days, patience {budget.patience:.3f}", equal)
        print(f"at equal visits {equal.share / peer.share:.2f} x the edits that it catches")


def _line(name: str, catch: Catch) -> Catch:
    delay = median(catch.delays) / MINUTE if catch.delays else 0.0
    print(f"{name:34} {catch.each:14.1f} {catch.most:5} {catch.share:13.1%} {catch.yield_:15.2f} {delay:9.0f} min", flush=True)
    return catch


def main() -> None:
    """Print the table of each parameter set."""
    parser = argparse.ArgumentParser(prog="python -m scripts.simulation.revisiting", description=__doc__)
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--stories", type=int, default=30, help="of each site")
    parser.add_argument("--set", choices=sorted(PARAMETERS), help="only this parameter set")
    chosen = parser.parse_args()
    report_all(chosen.set, chosen.sites, chosen.stories)


def report_all(chosen: str | None = None, count: int = 60, stories: int = 30) -> None:
    """Print the table of each parameter set, or of the chosen one."""
    for name, parameters in PARAMETERS.items():
        if chosen in (None, name):
            report(name, sites(parameters, count, stories))


if __name__ == "__main__":
    main()
