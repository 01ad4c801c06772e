"""The end of a run, for its sources: what is learnt of each that was polled, which need a person, and who has not heard of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crawler.troubles import FIRST_SIGHT, History, Met, News, Trouble, after, is_wall, trouble_of
from storage import sources
from storage.database import Connection
from storage.records import Verdict
from storage.sources import NewArticle, Remembered, SeedPoll
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
    judged = [_judged(row, met[row.source_id], budget, now, worked=row.source_id in worked) for row in before]
    sources.remember(conn, [row for row, old in zip((one.row for one in judged), before, strict=True) if row != old])
    new = tuple(one.concern for one in judged if one.concern is not None and one.concern.source in names)
    known = len(sources.troubled(conn, names)) - len(new)
    return Alarms(tuple(sorted(new, key=lambda concern: concern.source)), known, any(one.fails_anew for one in judged))


@dataclass(frozen=True, slots=True)
class _Judged:
    row: Remembered
    concern: Concern | None  # that nobody heard of yet
    fails_anew: bool


def _judged(row: Remembered, met: Met, budget: float, now: str, *, worked: bool) -> _Judged:
    """The row of a source after a run. Pure."""
    moment = _seconds(now)
    old = History.from_json(row.history)
    old = replace(old, worked=old.worked or worked)
    history = after(old, met, moment)
    trouble = trouble_of(history, met, moment, budget)
    newest = max((_text(one.seen) for one in met.news), default=row.last_new_at)
    row = replace(row, history=history.to_json(), last_new_at=newest)
    if trouble is None:
        row, concern = replace(row, trouble=None, trouble_since=None, told_at=None), None
    else:
        since = row.trouble_since or _text(_since(trouble, history, moment))
        reason = _commonest(met.seeds) if met.is_failing else None
        concern = Concern(row.name, trouble, since, reason) if row.told_at is None else None
        row = replace(row, trouble=str(trouble), trouble_since=since, told_at=row.told_at or now)
    return _Judged(row, concern, met.is_failing and met.fails_anew)


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
