"""Our own schedule as a policy: the very functions that a crawl uses."""

from __future__ import annotations

from dataclasses import dataclass, field

from crawler.schedule.refetch import Polled, after_poll, probe
from crawler.schedule.rhythm import EQUAL_SHARE, Bounds, Rhythm
from scripts.simulation.engine import Answer
from scripts.simulation.peers import MINUTE, phase
from scripts.simulation.trace import Trace


@dataclass
class Ours:
    """crawler/schedule/refetch.py, with its budget."""

    bounds: Bounds
    known: dict[int, tuple[Rhythm, int]] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)

    def begin(self, place: int, trace: Trace, at: float) -> float:
        """A new seed is due at once: within the first five minutes here."""
        self.known[place] = Rhythm(), 0
        self.due[place] = at + phase(place, 5 * MINUTE)
        return self.due[place]

    def conditional(self, place: int) -> bool:
        """Validators are sent unless it is a probe."""
        return not probe(self.known[place][0], self.due[place])

    def after(self, place: int, trace: Trace, answer: Answer) -> float:
        """The next poll, after the source's rhythm was learnt."""
        rhythm, attempts = self.known[place]
        polled = Polled(
            at=answer.at,
            failed=answer.failed,
            not_modified=answer.not_modified,
            new=answer.new,
            known=answer.entries - answer.new,
            published=trace.announcements(answer.first, answer.last),
            probed=not self.conditional(place),
        )
        due, attempts, rhythm = after_poll(rhythm, attempts, polled, self.bounds, trace.id)
        self.known[place] = rhythm, attempts
        self.due[place] = due
        return due


def ours(polls_per_day: float, equal_share: float = EQUAL_SHARE) -> Ours:
    """Our schedule with a budget of polls a source and day, and the share of it that all get alike."""
    return Ours(Bounds(polls_per_day=polls_per_day, equal_share=equal_share))
