"""What a fault is: an answer, where it is announced, and what must become of its URL."""

from __future__ import annotations

from dataclasses import dataclass

from tests.hostile.server import Answer

NEVER = r"(?!stored|duplicate|gone)\w+:"  # anything but an article
ANYTHING = r"(?!pending)\w+:"  # judged, whatever the verdict
STORED = r"stored:$"


@dataclass(frozen=True)
class Fault:
    """One bad answer.

    `ends` is a regular expression that `state:reason` of its row must match from the start. `cut` is one for the
    WARC-Truncated value of its last capture ("" for none); None: not looked at. `kind`: page, feed or sitemap.
    """

    name: str
    answer: Answer
    ends: str = NEVER
    cut: str | None = None
    kind: str = "page"
    listed: bool = True  # found on home page, feed or sitemap; else only another fault leads there

    @property
    def path(self) -> str:
        """Where it is."""
        if self.kind == "page":
            return f"/news/2026/11/20/the-strange-case-of-{self.name}"
        return f"/{self.kind}s/{self.name}.xml"


@dataclass(frozen=True)
class Story:
    """A healthy article."""

    number: int
    paper: str

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/news/2026/11/19/council-of-{self.paper}-votes-on-bridge-{self.number}"

    @property
    def title(self) -> str:
        """Its headline."""
        return f"Council of {self.paper.replace('-', ' ').title()} votes on bridge number {self.number}"

    def html(self, head: str = "", body: str = "", title: str | None = None, ld: str | None = None) -> str:
        """Its page, with more in its head and at the end of its body."""
        name = self.title if title is None else title
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>{head}\n'
            f'<meta property="og:type" content="article">{self.json_ld() if ld is None else ld}</head><body>'
            f'<article><h1>{name}</h1><p class="byline">By Ada Marsh</p>{self.paragraphs()}{body}</article></body></html>'
        )

    def page(self, head: str = "", body: str = "", title: str | None = None, ld: str | None = None) -> bytes:
        """The same in UTF-8."""
        return self.html(head, body, title, ld).encode("utf-8", "surrogatepass")

    def paragraphs(self) -> str:
        """Its text."""
        place = self.paper.replace("-", " ").title()
        return "".join(
            f"<p>The council of {place} met on Thursday for reading {count} of plan {self.number}, which {why}, and sent "
            f"it back to the committee with {count + self.number} questions about the cost of the stone and the timber. "
            "The mayor said that the river would wait, as it had always done, and that nobody should hurry it.</p>"
            for count, why in enumerate(_WHYS, 2)
        )

    def json_ld(self) -> str:
        """What it says of itself."""
        return (
            '<script type="application/ld+json">{"@context":"https://schema.org","@type":"NewsArticle",'
            f'"headline":"{self.title}","datePublished":"2026-11-19T08:00:00Z",'
            '"author":{"@type":"Person","name":"Ada Marsh"}}</script>'
        )


_WHYS = (
    "nobody had read to its end",
    "names a bridge that does not stand yet",
    "was written by the ferryman's nephew",
    "counts the same pillar twice",
)
SPECIMEN = Story(7, "specimen")
