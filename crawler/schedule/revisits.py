"""When an article is fetched again: pure functions of what its visits showed, of its site's habits, and of now.

Edits come thick at first and thin out with age, roughly as a power law. The model: a story is edited at the rate
`pace / (age + EARLY)`, so that visits with equal chances of news lie at ages that grow geometrically. `pace` is learnt by a
gamma prior (Cho and Garcia-Molina 2003 learn rates of change likewise from visits that miss some): of the site from all its
stories, of the story from its own visits. A change that was seen restarts part of the ladder, as edits come in bursts. A
visit is due once a certain number of edits is expected: of Poisson processes, equal expectations between visits catch most edits
with given requests. Moments are POSIX seconds, ages and waits seconds, exposure is the integral of 1 / (age + EARLY).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from pipelines.store import Met, When
from storage.articles.unscheduled import Unscheduled
from storage.records import OLD, REVISITED, Candidate, Lease, Outcome, Verdict
from storage.times import iso, parse

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EARLY = 15 * MINUTE  # ages below it are alike
PRIOR_PACE = 0.12  # edits a unit of exposure, of a site of which nothing is known: one in the first month of a story
PRIOR_EXPOSURE = 15.0  # it weighs as much as two stories that were watched for a month
STORY_SHAPE = 0.25  # how far stories of a site differ: 1 / the squared coefficient of variation
ECHO = 0.8  # the part of the ladder that a change restarts
MEMORY = 600.0  # exposure that a site's habits are learnt from: older stories fade

LATE = 0.6  # of `days`: who saw a story after that needs no last look
GONE_WAITS = (6 * HOUR, DAY, 4 * DAY, 14 * DAY)  # a story that is gone may come back
PASSING = 15 * MINUTE  # the first wait after a failure; four times as long after each that follows
LASTING = 6 * HOUR  # likewise after what asking again hardly mends: a wall, a rule, a page that is no article
LONGEST = 2 * DAY
FAILURES = 6  # in a row, after which an old story is left alone
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Budget:
    """How many visits stories may take. As it is, one story takes at most 300 in a month, however it changes."""

    patience: float = 0.08  # edits expected until the next visit
    shortest: float = 5 * MINUTE  # between two visits
    step: float = 1 / 48  # likewise, of the story's age
    mean: float = 24.0  # visits a story, of all stories of a site: above it the site is asked less, whatever it shows


BUDGET = Budget()


@dataclass(frozen=True, slots=True)
class Habits:
    """What a site's stories showed when they were fetched again. Fades, so that it follows a site that changes."""

    exposure: float = 0.0
    changes: float = 0.0
    stories: float = 0.0
    visits: float = 0.0

    def pace(self) -> float:
        """Edits a unit of exposure."""
        return (PRIOR_PACE * PRIOR_EXPOSURE + self.changes) / (PRIOR_EXPOSURE + self.exposure)

    def excess(self, mean: float) -> float:
        """How many times more patience it needs: above 1 once its stories take more visits than `mean` on average."""
        return max(1.0, self.visits / (1 + self.stories) / mean) ** 2

    def and_(self, more: Habits) -> Habits:
        """With what was seen since."""
        sums = [getattr(self, name) + getattr(more, name) for name in _HABITS]
        kept = min(1.0, MEMORY / sums[0]) if sums[0] > 0 else 1.0
        return Habits(*(number * kept for number in sums))

    def to_json(self) -> str:
        """Short text that `from_json` reads."""
        return json.dumps({name: round(getattr(self, name), 3) for name in _HABITS}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> Habits:
        """What `to_json` wrote; nothing seen where that is missing or broken."""
        read = _numbers(text)
        known = [read.get(name, -1.0) for name in _HABITS]
        return cls(*known) if all(0 <= number <= 1e6 for number in known) else cls()


_HABITS = ("exposure", "changes", "stories", "visits")


@dataclass(frozen=True, slots=True)
class Story:
    """What is remembered of a stored article between its visits. `born`: published, or first seen where that is unknown."""

    born: float
    at: float  # its last visit
    visits: int = 0  # after the first
    changes: int = 0  # of these that showed one
    changed_at: float | None = None  # the last of those
    exposure: float = 0.0
    gone: int = 0  # visits in a row that found it gone

    def to_json(self) -> str:
        """Short text that `from_json` reads."""
        said = {name: value for name, value in asdict(self).items() if name in ("born", "at") or value not in (None, 0)}
        return json.dumps({name: round(value, 4) for name, value in said.items()}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> Story | None:
        """What `to_json` wrote; None where that is missing or broken."""
        read = _numbers(text)
        if "born" not in read or "at" not in read or min(read.values()) < 0 or max(read.values()) > 1e11:
            return None
        whole = {name: int(read.pop(name, 0)) for name in ("visits", "changes", "gone")}
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in read.items() if name in known}, **whole)  # type: ignore[arg-type]


def _numbers(text: str | None) -> dict[str, float]:
    """The finite numbers in a JSON object; none where it is none."""
    try:
        read: Any = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(read, dict):
        return {}
    pairs = ((name, value) for name, value in read.items() if type(value) in (int, float))
    return {name: float(value) for name, value in pairs if -1e12 < value < 1e12}


def seen_again(story: Story, now: float, *, changed: bool) -> tuple[Story, Habits]:
    """A story after a visit that found it there, and what the visit tells of its site. A clock set back tells nothing."""
    exposure = max(0.0, _exposure(story, now) - _exposure(story, story.at))
    seen = replace(
        story,
        at=now,
        visits=story.visits + 1,
        changes=story.changes + changed,
        changed_at=now if changed else story.changed_at,
        exposure=story.exposure + exposure,
        gone=0,
    )
    return seen, Habits(exposure, float(changed), visits=1.0)


def next_revisit(
    story: Story, habits: Habits, now: float, *, days: float, name: str, budget: Budget = BUDGET
) -> float | None:
    """When a story that was there at its last visit, `now`, is fetched again; None: never.

    `days` after its publication it is looked at for the last time, unless it changes still. `name` (its URL) spreads the
    visits of stories that were published together.
    """
    end = _end(story, days * DAY)
    if now >= end - LATE / 10 * days * DAY:
        return None
    wanted = _when_expected(story, now, end, budget.patience * habits.excess(budget.mean) / _pace(story, habits))
    if wanted is None:
        return _last_look(story, now, end, days)
    soonest = max(budget.shortest, budget.step * (now - story.born))
    wait = max(soonest, (wanted - now) * (1 + JITTER * _spread(name, story.visits)))
    return now + wait if now + wait < end else _last_look(story, now, end, days)


def look_for_gone(story: Story, now: float) -> tuple[Story, float | None]:
    """A story after a visit that found it gone, and when it is looked for again."""
    wait = GONE_WAITS[story.gone] if story.gone < len(GONE_WAITS) else None
    return replace(story, at=now, visits=story.visits + 1, gone=story.gone + 1), now + wait if wait else None


def _end(story: Story, span: float) -> float:
    """The last moment at which a story is worth a visit."""
    return max(story.born + span, (story.changed_at or 0.0) + span / 2)


def _last_look(story: Story, now: float, end: float, days: float) -> float | None:
    """The late visit that tells whether the story is still there, free and as it was, if none was late enough."""
    return end if now - story.born < LATE * days * DAY else None


def _pace(story: Story, habits: Habits) -> float:
    """Edits of this story a unit of exposure: the site's, corrected by its own visits."""
    return (STORY_SHAPE + story.changes) / (STORY_SHAPE / habits.pace() + story.exposure)


def _exposure(story: Story, moment: float) -> float:
    """The integral of the ladder from birth on, with the part that the last change restarted."""
    grown = math.log1p(max(0.0, moment - story.born) / EARLY)
    if story.changed_at is None:
        return grown
    return grown + ECHO * math.log1p(max(0.0, moment - story.changed_at) / EARLY)


def _when_expected(story: Story, now: float, end: float, more: float) -> float | None:
    """When the exposure has grown by so much, to the second; None: not before the end."""
    goal = _exposure(story, now) + more
    if _exposure(story, end) < goal:
        return None
    low, high = now, end
    while high - low > 1.0:
        middle = (low + high) / 2
        low, high = (middle, high) if _exposure(story, middle) < goal else (low, middle)
    return high


def _spread(name: str, number: int) -> float:
    """A number from -1 to 1 that is always the same for the same visit."""
    return crc32(f"{name} {number}".encode("utf-8", "surrogatepass")) / 0x7FFFFFFF - 1


# --- of a row ---------------------------------------------------------------------------------------------------------

_SEEN = {Verdict.CHANGED, Verdict.UNCHANGED}
_SETBACKS = {Verdict.FAILED, Verdict.REJECTED, Verdict.FILTERED}
_LASTING = ("http-4", "bad-url", "scheme", "too-many-redirects")
MOMENTARY = ("http-408", "http-425", "http-429")  # of 4xx, those that say "not now"


def after_visit(lease: Lease, outcome: Outcome, met: Met, now: str, days: float) -> When | None:
    """The next visit of an article's row; None where its URL is not that of a stored article, or is not to be revisited."""
    if days <= 0 or lease.payload is not None:
        return None
    moment, story = parse(now).timestamp(), Story.from_json(lease.rhythm)
    if outcome.verdict is Verdict.ADDED or (outcome.verdict in _SEEN and story is None):
        began = _begun(lease, met.article, moment)
        return _when(began, next_revisit(began, Habits.from_json(lease.edits), moment, days=days, name=lease.url))
    if story is None:
        return None
    if outcome.verdict in _SEEN:
        seen, more = seen_again(story, moment, changed=outcome.verdict is Verdict.CHANGED)
        habits = Habits.from_json(lease.edits).and_(more)
        return _when(seen, next_revisit(seen, habits, moment, days=days, name=lease.url))
    if outcome.verdict is Verdict.GONE:
        return _when(*look_for_gone(story, moment))
    return _after_setback(lease, outcome, story, moment, days) if outcome.verdict in _SETBACKS else None


def _when(story: Story, moment: float | None, attempts: int = 0) -> When:
    due = None if moment is None else iso(datetime.fromtimestamp(moment, UTC))
    return When(due, attempts, story.to_json(), REVISITED)


def _after_setback(lease: Lease, outcome: Outcome, story: Story, moment: float, days: float) -> When:
    """A failure on the way does not end the ladder: what was seen stays, and the next visit waits longer each time."""
    attempts = lease.attempts + 1
    if attempts >= FAILURES and moment >= _end(story, days * DAY):
        return _when(story, None, attempts)
    reason = outcome.reason or ""
    passing = outcome.verdict is Verdict.FAILED and (reason.startswith(MOMENTARY) or not reason.startswith(_LASTING))
    wait = (PASSING if passing else LASTING) * 4 ** min(attempts - 1, 9)
    return _when(story, moment + min(wait, LONGEST), attempts)


def shown(lease: Lease, outcome: Outcome, now: str) -> Habits | None:
    """What a visit to an article's row tells of its site; None: nothing."""
    if outcome.verdict is Verdict.ADDED:
        return Habits(stories=1.0)
    story = Story.from_json(lease.rhythm)
    if story is None or outcome.verdict not in _SEEN or lease.payload is not None:
        return None
    return seen_again(story, parse(now).timestamp(), changed=outcome.verdict is Verdict.CHANGED)[1]


def _begun(lease: Lease, article: object, now: float) -> Story:
    """A story after its first visit."""
    discovered = min(now, parse(lease.discovered_at).timestamp()) if lease.discovered_at else now
    published = _published(article.published_at, article.published_precision) if isinstance(article, Candidate) else None
    return Story(_born(published, discovered, old=lease.priority >= OLD), now)


def _born(published: float | None, discovered: float, *, old: bool) -> float:
    if published is None:  # what a sitemap lists among old pages is not new because it has no date
        return 0.0 if old else discovered
    return max(0.0, min(published, discovered))


def _published(date: str | None, precision: str | None) -> float | None:
    """When it was published at the latest: of a mere day, its end."""
    try:
        published = datetime.fromisoformat(date or "")
    except ValueError:
        return None
    if published.tzinfo is None:
        published = published.replace(tzinfo=UTC)
    return published.timestamp() + (DAY if precision == "day" else 0.0)


def take_up(row: Unscheduled, now: str, days: float) -> When:
    """The next visit of a stored article of which no schedule knows, and what schedules know of it from now on.

    It is due when it would have been, had it been followed since it was last seen. Those that should have been visited by now
    are spread over the wait that each has at its age, so that a site is asked no more than if they had been followed all along.
    """
    moment = parse(now).timestamp()
    found = min(parse(row.discovered_at), parse(row.first_seen_at)).timestamp()
    born = _born(_published(row.published_at, row.published_precision), min(moment, found), old=row.priority >= OLD)
    story, habits = Story(born, min(moment, parse(row.last_seen_at).timestamp())), Habits.from_json(row.edits)
    due = next_revisit(story, habits, story.at, days=days, name=row.url)
    later = next_revisit(story, habits, moment, days=days, name=row.url)
    if due is None or later is None:
        return _when(story, None)
    share = (1 + _spread(row.url, -1)) / 2
    return _when(story, max(due, moment + share * (later - moment)))
