"""A newsroom that lives by the virtual clock, may be down or busy, and remembers which wordings it has handed out."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.newsroom.feeds import robots
from tests.newsroom.server import Newsroom
from tests.newsroom.site import Answer, path_of
from tests.newsroom.stories import Story
from tests.week.clock import Clock

_EDITION = re.compile(r"edition number (\d+)")


@dataclass(frozen=True, slots=True)
class Wording:
    """An edition of a story; the first is number 0."""

    url: str
    edition: int


@dataclass(frozen=True, slots=True)
class Handed:
    """A wording that left the house."""

    wording: Wording
    at: float  # virtual seconds


@dataclass(frozen=True, slots=True)
class Busy:
    """A time in which the first who asks is told to come back later: 429 with Retry-After, as a date or in seconds."""

    begins: float  # virtual seconds
    patience: float  # seconds from the first request on
    as_date: bool


def edition_of(text: str) -> int:
    """Which edition of its story a text is."""
    found = _EDITION.search(text)
    return int(found[1]) if found else 0


class Paper(Newsroom):
    """See Newsroom. `crawl_delay`: seconds, in its robots.txt."""

    def __init__(
        self, address: str, port: int, clock: Clock, *, stories: int, seed: int, crawl_delay: float = 0.0
    ) -> None:
        super().__init__(stories, seed=seed, address=address, port=port)
        self.clock = clock
        self.crawl_delay = crawl_delay
        self.down: Sequence[tuple[float, float]] = ()  # from, until
        self.busy: list[Busy] = []  # those to come
        self.blocked: list[tuple[float, float]] = []  # when a 429 was sent, until when it holds
        self.handed: list[Handed] = []
        self.born: dict[str, float] = {story_url(self, story): 0.0 for story in self.site.live}
        self.edits: list[tuple[Wording, float]] = []  # and when
        self._originals = {story.number: story for story in self.site.live}
        if crawl_delay:
            text = robots(self.site.base).replace("User-agent: *\n", f"User-agent: *\nCrawl-delay: {crawl_delay:g}\n")
            self.replace("/robots.txt", Answer(200, text.encode(), "text/plain"))

    # --- what its editors do, each at a moment

    def publish(self, moment: datetime) -> Story:
        """A new story."""
        with self._lock:
            self._set(moment)
            story = self.add()
            self._originals[story.number] = story
            self.born[story_url(self, story)] = moment.timestamp()
        return story

    def amend(self, number: int, moment: datetime) -> None:
        """Another edition of a story."""
        with self._lock:
            self._set(moment)
            first = self._originals[number]
            edition = 1 + edition_of(self.site.story(number).text)
            more = f"In its edition number {edition} this story has {edition + 2} more lamps than in the one before it."
            self.edit(first, paragraphs=(*first.paragraphs, more))
            self.edits.append((Wording(story_url(self, first), edition), moment.timestamp()))

    def withdraw(self, number: int, moment: datetime) -> None:
        """A story is gone."""
        with self._lock:
            self._set(moment)
            self.remove(self._originals[number])

    def _set(self, moment: datetime) -> None:
        self.site.now = moment - timedelta(minutes=1)  # each deed takes one

    # --- what it answers

    def moment(self) -> float:
        """Virtual time."""
        return self.clock.seconds()

    def _serve(self, connection: socket.socket, request: bytes, number: int) -> bool:
        now = self.moment()
        if any(since <= now < until for since, until in self.down):
            return False
        return super()._serve(connection, request, number)

    def _answer(self, target: str, headers: tuple[tuple[str, str], ...]) -> Answer:
        now = self.moment()
        self.site.now = datetime.fromtimestamp(now, UTC)
        if self.busy and self.busy[0].begins <= now:
            return self._come_back(self.busy.pop(0), now)
        return super()._answer(target, headers)

    def _come_back(self, busy: Busy, now: float) -> Answer:
        until = datetime.fromtimestamp(now + busy.patience, UTC).replace(microsecond=0)
        self.blocked.append((now, until.timestamp() if busy.as_date else now + busy.patience))
        value = format_datetime(until, usegmt=True) if busy.as_date else f"{busy.patience:.0f}"
        return Answer(429, b"<h1>Too many requests</h1>", headers=(("Retry-After", value),))

    def _bytes(self, answer: Answer, asked, headers, fault):
        response, status = super()._bytes(answer, asked, headers, fault)
        story = self.site._paths.get(path_of(asked[1]))
        if status == 200 and story is not None:
            edition = edition_of(self.site.story(story).text)
            wording = Wording(story_url(self, self.site.story(story)), edition)
            self.handed.append(Handed(wording, self.moment()))
        return response, status


def story_url(paper: Newsroom, story: Story) -> str:
    """The URL of a story's own page."""
    return paper.site.url(story)
