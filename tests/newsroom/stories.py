"""The stories that the newsroom prints: hand-written ones from texts/*.txt, and any number of templated ones.

Every town, person and event is invented; all texts were written for this project.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from . import templates

SECTIONS = {
    "city": "City",
    "business": "Business",
    "culture": "Culture",
    "science": "Science",
    "sport": "Sport",
    "travel": "Travel",
}
PRESS_TIME = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
"""When the newsroom's own clock starts; nothing is published later than this, save what a test adds."""

_FOLDER = Path(__file__).with_name("texts")


@dataclass(frozen=True, slots=True)
class Story:
    """One article as its author handed it in. `published` is a bare date where no time of day is known."""

    number: int
    slug: str
    language: str
    section: str
    title: str
    description: str
    authors: tuple[str, ...]
    published: datetime | date
    paragraphs: tuple[str, ...]
    tags: tuple[str, ...] = ()
    modified: datetime | None = None
    charset: str = "utf-8"

    @property
    def path(self) -> str:
        """The story's own path on the site, percent-encoded."""
        return quote(f"/{self.section}/{self.published:%Y/%m/%d}/{self.slug}")

    @property
    def text(self) -> str:
        """The paragraphs, one a line: what an extractor should find."""
        return "\n".join(self.paragraphs)

    @property
    def moment(self) -> datetime:
        """`published` as a moment, noon UTC where only the day is known; good for sorting."""
        if isinstance(self.published, datetime):
            return self.published
        return datetime(self.published.year, self.published.month, self.published.day, 12, tzinfo=UTC)


def stories(count: int, seed: int = 1) -> list[Story]:
    """The first `count` stories: the hand-written ones, newest first, then templated ones that grow older."""
    written = sorted(_hand_written(), key=lambda story: story.moment, reverse=True)
    chosen = [replace(story, number=number) for number, story in enumerate(written[:count])]
    return chosen + [templated(number, seed) for number in range(len(chosen), count)]


def templated(number: int, seed: int = 1, published: datetime | None = None) -> Story:
    """A story put together from sentence templates; the same for the same number and seed, unlike any other."""
    chance = random.Random(f"{seed}:{number}")
    language = chance.choice(sorted(templates.BANKS))
    bank = templates.BANKS[language]
    words = templates.cast(bank, chance, number)
    paragraphs = templates.paragraphs(bank, words, chance)
    author = words["author"]
    return Story(
        number=number,
        slug=templates.slug(words, number),
        language=language,
        section=chance.choice(sorted(SECTIONS)),
        title=templates.fill(chance.choice(bank.titles), words),
        description=templates.fill(bank.description, words),
        authors=(author,),
        published=published or PRESS_TIME - timedelta(days=13, hours=number, minutes=chance.randrange(60)),
        paragraphs=paragraphs,
        tags=(words["town"], words["thing"]),
    )


def _hand_written() -> list[Story]:
    texts = (path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.txt")))
    languages = (path.stem for path in sorted(_FOLDER.glob("*.txt")))
    return [
        _parse(story, language)
        for language, text in zip(languages, texts, strict=True)
        for story in text.split("\n====\n")
    ]


def _parse(text: str, language: str) -> Story:
    head, _, body = text.strip().partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    return Story(
        number=0,
        slug=fields["slug"],
        language=language,
        section=fields["section"],
        title=fields["title"],
        description=fields["description"],
        authors=tuple(fields["authors"].split("; ")),
        published=_moment(fields["published"]),
        paragraphs=tuple(" ".join(block.split()) for block in body.split("\n\n")),
        tags=tuple(fields["tags"].split("; ")),
        modified=datetime.fromisoformat(fields["modified"]) if "modified" in fields else None,
        charset=fields.get("charset", "utf-8"),
    )


def _moment(text: str) -> datetime | date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
