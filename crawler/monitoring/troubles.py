"""What is wrong with a source, and whether that needs a person: pure functions of its history and of what its polls gave."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from crawler.monitoring import silence
from crawler.monitoring.silence import Lull, Pulse
from storage.query.status import LastPoll
from storage.records import Kind

DAY = 86_400.0  # seconds
FIRST_SIGHT = 60 * DAY  # before a source is seen for the first time: what was published since tells of its rhythm
LATE = 3 * DAY  # what was published longer before it was found is no news: an archive that is read
FEWEST = 10  # pages that were no article, before that says something
RUNS = 3  # failed polls, before a source that worked is given up
ASKED = 10  # sources that a run asked, which can show that the network is away ...
ANSWERED = 0.1  # ... when no more than this share of them answered


class Trouble(StrEnum):
    """Why a source needs a person (`sources.trouble`)."""

    FAILING = "failing"  # no seed can be had or read
    WALL = "bot-wall"  # a wall stands in the place of every seed
    ROBOTS = "robots"  # robots.txt closes every seed
    REJECTED = "rejected"  # new pages come, and none becomes an article
    SILENT = "silent"  # its seeds can be read, and nothing new comes


PATIENCE = {Trouble.FAILING: 2 * DAY, Trouble.WALL: 1 * DAY, Trouble.ROBOTS: 1 * DAY}  # with a source that worked
EMPTY = ("no-links", "empty")  # reasons of a seed that was had, with nothing in it
_UNANSWERED = ("dns", "timeout", "unreachable", "refused", "reset", "disconnect", "proxy")
_WALLS = ("http-401", "http-403", "http-429", "bot-challenge", "consent-wall", "login", "paywall", "needs-javascript")


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of a source from run to run. Moments are seconds since 1970."""

    pulse: Pulse = field(default_factory=Pulse)
    failing_since: float | None = None  # its first poll since which no seed could be had
    failed: int = 0  # runs since then that polled it
    worked: bool = False  # a seed could be had once
    barren: int = 0  # pages since its newest article that became none
    barren_runs: int = 0  # runs that they were fetched in
    fertile: float = 0.0  # pages that became articles, of those before; fading
    futile: float = 0.0  # and that became none

    def to_json(self) -> str:
        """For the database: under 3 kB."""
        told = {"failing_since": self.failing_since, "failed": self.failed, "worked": int(self.worked)}
        told |= {"barren": self.barren, "barren_runs": self.barren_runs}
        told |= {"fertile": round(self.fertile, 1), "futile": round(self.futile, 1)}
        return json.dumps({"pulse": self.pulse.to_json(), **told}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> History:
        """What `to_json` wrote; a fresh one of anything else."""
        try:
            told = json.loads(text or "")
            since = told["failing_since"]
            return cls(
                pulse=Pulse.from_json(told["pulse"]),
                failing_since=None if since is None else float(since),
                failed=int(told["failed"]),
                worked=bool(told["worked"]),
                barren=int(told["barren"]),
                barren_runs=int(told["barren_runs"]),
                fertile=float(told["fertile"]),
                futile=float(told["futile"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            return cls()


@dataclass(frozen=True, slots=True)
class News:
    """An article that is new: when it was seen, and when it says that it was published, where that is known to the minute."""

    seen: float
    published: float | None = None


@dataclass(frozen=True, slots=True)
class Met:
    """What a run met at a source: of each seed that it polled why it could not be had, None where it could."""

    seeds: Sequence[str | None] = ()
    news: Sequence[News] = ()
    barren: int = 0  # pages fetched that are no article, or could not be had
    waiting: bool = False  # pages that are due were not fetched
    fails_anew: bool = False  # one of the seeds could be had at its poll before, or had none

    @property
    def is_failing(self) -> bool:
        """Whether no seed could be had."""
        return bool(self.seeds) and all(reason is not None for reason in self.seeds)

    @property
    def is_unanswered(self) -> bool:
        """Whether no seed was answered at all."""
        reasons = [(reason or "").removeprefix("robots-unreachable: ") for reason in self.seeds]
        return bool(reasons) and all(reason.startswith(_UNANSWERED) for reason in reasons)


# ---- what a run adds to the history


def after(history: History, met: Met, now: float) -> History:
    """The history after a run."""
    history = _failing(history, met, now)
    history = _yielding(history, met)
    moments = news_moments(met.news, history.pulse.last, now)
    if not moments:
        return history
    is_first = history.pulse.last is None
    return replace(history, pulse=silence.begun(moments) if is_first else silence.beat(history.pulse, moments))


def _failing(history: History, met: Met, now: float) -> History:
    if not met.seeds:
        return history
    if not met.is_failing:
        return replace(history, failing_since=None, failed=0, worked=True)
    since = now if history.failing_since is None else history.failing_since
    return replace(history, failing_since=since, failed=history.failed + 1)


def _yielding(history: History, met: Met) -> History:
    """Articles end a row of pages that were none."""
    if met.news:
        fertile, futile = history.fertile + len(met.news), history.futile + history.barren + met.barren
        fading = min(1.0, 1000 / (fertile + futile))
        return replace(history, barren=0, barren_runs=0, fertile=fertile * fading, futile=futile * fading)
    if met.barren:
        return replace(history, barren=history.barren + met.barren, barren_runs=history.barren_runs + 1)
    return history


def news_moments(news: Sequence[News], last: float | None, now: float) -> list[float]:
    """When news appeared, oldest first: as they say where that can be, else as they were seen.

    Of a source that is seen for the first time, those count that say when they were published, if there are some.
    """
    if last is None:
        dated = [one.published for one in news if one.published and now - FIRST_SIGHT < one.published <= now]
        return sorted(dated) if len(dated) > 2 else [one.seen for one in news][:1]
    return sorted(_moment(one, last) for one in news if one.published is None or one.seen - one.published < LATE)


def _moment(one: News, last: float) -> float:
    return one.published if one.published is not None and last < one.published <= one.seen else one.seen


# ---- what is wrong


def unanswered(met: Collection[Met]) -> int:
    """How many sources were asked in vain, where they are so many that it is the network that fails and not they; else 0."""
    asked, without = sum(bool(one.seeds) for one in met), sum(one.is_unanswered for one in met)
    return without if asked >= ASKED and asked - without <= ANSWERED * asked else 0


def trouble_of(history: History, met: Met, now: float, budget: float, lull: Lull | None = None) -> Trouble | None:
    """Why a source needs a person after a run that `history` knows already; None when it does not."""
    if met.is_failing:
        trouble = _closed(met.seeds)
        return trouble if _is_over(trouble, history, now) else None
    if _is_barren(history, budget):
        return Trouble.REJECTED
    if met.seeds and not met.waiting and silence.is_silent(history.pulse, now, budget, lull):
        return Trouble.SILENT
    return None


def _closed(seeds: Sequence[str | None]) -> Trouble:
    """What keeps us from seeds that all have a reason."""
    reasons = [reason or "" for reason in seeds]
    if all(reason == "robots" for reason in reasons):
        return Trouble.ROBOTS
    return Trouble.WALL if all(is_wall(reason) for reason in reasons) else Trouble.FAILING


def is_wall(reason: str) -> bool:
    """Whether a reason names a wall, which opens to a person perhaps."""
    return reason.startswith(_WALLS)


def why_silent(polls: Sequence[LastPoll], filtered: int) -> str:
    """What stands behind a silence: how its seeds stand, and how many new URLs were refused by rule since."""
    feeds = [poll for poll in polls if poll.kind in (Kind.FEED, Kind.SITEMAP)]
    if feeds and all(poll.reason in EMPTY for poll in feeds):
        return "its feeds are empty"
    if feeds and all(poll.reason for poll in feeds):
        return f"its feeds fail: {feeds[0].reason}"
    if filtered:
        return f"{filtered} new URLs, all refused by rule"
    if polls and all(poll.same or poll.reason for poll in polls):
        return "its pages are the same as before"
    return "really quiet: its pages change, and bring nothing new"


def _is_over(trouble: Trouble, history: History, now: float) -> bool:
    """Whether patience is: at once with a source that never worked, later with one that may come back by itself."""
    if not history.worked:
        return True
    since = now if history.failing_since is None else history.failing_since
    return history.failed >= RUNS and now - since >= PATIENCE[trouble]


def _is_barren(history: History, budget: float) -> bool:
    """Whether so many pages in a row that are no article are rare, by the share that became articles before."""
    if history.barren < FEWEST:
        return False
    if not history.fertile:
        return True
    return history.barren_runs >= RUNS and _row(history) < budget / 1000 / 14


def _row(history: History) -> float:
    """The predictive probability of such a row: each page fails with a share that is Beta(futile + 1, fertile + 1)."""
    probability = 1.0
    for n in range(min(history.barren, 1000)):
        probability *= (history.futile + 1 + n) / (history.futile + history.fertile + 2 + n)
    return probability
