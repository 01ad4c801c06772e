"""The end of a run, for its sources: what is learnt of each that was polled, which need a person, and who has not heard of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crawler.monitoring.lulls import lull
from crawler.monitoring.troubles import FIRST_SIGHT, History, Met, News, Trouble, after, is_wall, trouble_of, unanswered
from storage.database.engine import Connection
from storage.frontier import sources
from storage.frontier.sources import NewArticle, Remembered, SeedPoll
from storage.records import Verdict
from storage.times import iso, later, parse


@dataclass(frozen=True, slots=True)
class Concern:
    """A source that needs a person, why, and since when."""

    source: str
    trouble: Trouble
    since: str
    reason: str | None = None  # why no seed can be had


@dataclass(frozen=True, slots=True)
class Alarms:
    """What a run has to tell of its sources."""

    new: tuple[Concern, ...] = ()  # nobody heard of them yet
    known: int = 0  # sources that needed a person before
    fails_anew: bool = False  # a seed of a source that fails did not fail at its poll before
    unanswered: int = 0  # sources that were asked in vain because the network was away: none of them is blamed
    asked: int = 0
    back_since: str | None = None  # sources answer again that did not since then

    @property
    def needs_a_person(self) -> bool:
        """Whether there is something that nobody heard of yet."""
        return bool(self.new) or (self.unanswered > 0 and self.fails_anew)

    @property
    def named(self) -> frozenset[str]:
        """The sources of the new ones."""
        return frozenset(concern.source for concern in self.new)


def sound(conn: Connection, run_id: str, names: Collection[str], budget: float, now: str) -> Alarms:
    """Judge all sources that a run polled, and remember what was learnt and told. `names` are the sources of the run."""
    polls = sources.polls(conn, run_id)
    before = sources.remembered(conn, polls)
    met = _met(conn, run_id, polls, now)
    worked = sources.with_articles(conn, [row.source_id for row in before if row.history is None])
    cases = [_Case(row, _history(row, worked), met[row.source_id]) for row in before]
    fails_anew = any(case.met.is_failing and case.met.fails_anew for case in cases)
    without = unanswered([case.met for case in cases])
    judged = _all_judged(_without_blame(cases) if without else cases, budget, now)
    sources.remember(conn, [row for row, old in zip((one.row for one in judged), before, strict=True) if row != old])
    new = tuple(one.concern for one in judged if one.concern is not None and one.concern.source in names)
    known = len(sources.troubled(conn, names)) - len(new)
    return Alarms(tuple(sorted(new, key=lambda concern: concern.source)), known, fails_anew, without, len(polls))


@dataclass(frozen=True, slots=True)
class _Case:
    """A source before it is judged: its row, what it remembers, and what the run met."""

    row: Remembered
    history: History
    met: Met


def _history(row: Remembered, worked: Collection[int]) -> History:
    old = History.from_json(row.history)
    return replace(old, worked=old.worked or row.source_id in worked)


def _without_blame(cases: Sequence[_Case]) -> list[_Case]:
    """As if nobody had asked the sources that did not answer."""
    return [replace(case, met=replace(case.met, seeds=())) if case.met.is_unanswered else case for case in cases]


@dataclass(frozen=True, slots=True)
class _Judged:
    row: Remembered
    concern: Concern | None  # that nobody heard of yet


def _all_judged(cases: Sequence[_Case], budget: float, now: str) -> list[_Judged]:
    """The rows of sources after a run, and what is new of them. Pure."""
    moment = _seconds(now)
    learnt = [replace(case, history=after(case.history, case.met, moment)) for case in cases]
    heard = [case for case in learnt if case.met.seeds and not case.met.is_failing and case.row.trouble is None]
    dip = lull([case.history.pulse for case in heard], moment)
    return [_judged(case, trouble_of(case.history, case.met, moment, budget, dip), now) for case in learnt]


def _judged(case: _Case, trouble: Trouble | None, now: str) -> _Judged:
    row, met, history = case.row, case.met, case.history
    newest = max((_text(one.seen) for one in met.news), default=row.last_new_at)
    row = replace(row, history=history.to_json(), last_new_at=newest)
    if not met.seeds:  # what was wrong with it is not known to be over
        return _Judged(row, None)
    if trouble is None:
        return _Judged(replace(row, trouble=None, trouble_since=None, told_at=None), None)
    since = row.trouble_since or _text(_since(trouble, history, _seconds(now)))
    reason = _commonest(met.seeds) if met.is_failing else None
    concern = Concern(row.name, trouble, since, reason) if row.told_at is None else None
    return _Judged(replace(row, trouble=str(trouble), trouble_since=since, told_at=row.told_at or now), concern)


def _since(trouble: Trouble, history: History, now: float) -> float:
    """When a trouble began."""
    began = history.pulse.last if trouble in (Trouble.SILENT, Trouble.REJECTED) else history.failing_since
    return now if began is None else began


def _commonest(reasons: Sequence[str | None]) -> str | None:
    counted = Counter(reason for reason in reasons if reason is not None)
    return counted.most_common(1)[0][0] if counted else None


def _met(conn: Connection, run_id: str, polls: Mapping[int, Sequence[SeedPoll]], now: str) -> Mapping[int, Met]:
    waiting = sources.waiting(conn, polls, now)
    news, barren = sources.new_articles(conn, polls, later(now, -FIRST_SIGHT)), _barren(conn, run_id)
    return {
        source_id: Met(
            seeds=[poll.reason for poll in asked],
            fails_anew=any(poll.reason is not None and poll.attempts <= 1 for poll in asked),
            news=list(_news(news[source_id])),
            barren=barren[source_id],
            waiting=source_id in waiting,
        )
        for source_id, asked in polls.items()
    }


def _news(found: Sequence[NewArticle]) -> Iterator[News]:
    for one in found:
        yield News(_seconds(one.first_seen_at), _published(one.published_at))


def _published(text: str | None) -> float | None:
    try:
        return None if text is None else _seconds(text)
    except ValueError:  # no moment: a page may say anything
        return None


def _barren(conn: Connection, run_id: str) -> dict[int, int]:
    """Source id -> pages of a run that became no article, and will not by being asked for again."""
    found: dict[int, int] = defaultdict(int)
    for source_id, verdict, reason, count in sources.barren(conn, run_id):
        if verdict == Verdict.REJECTED or is_wall(reason) or reason.startswith("http-4"):
            found[source_id] += count
    return found


def _seconds(text: str) -> float:
    return parse(text).timestamp()


def _text(moment: float) -> str:
    return iso(datetime.fromtimestamp(moment, UTC))
