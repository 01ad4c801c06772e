"""What extraction is to reach on the corpus, and the table that says whether it does. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Scores = Mapping[str, Mapping[str, float | None]]  # corpus -> column of score.py -> figure

CPU_GOAL = 0.5  # of trafilatura's, mean and median


@dataclass(frozen=True, slots=True)
class Goal:
    """A column of score.py in one corpus ("": the sum of all), and what it should be at least, or at most."""

    what: str
    column: str
    corpus: str
    wanted: float
    at_most: bool = False

    def figure(self, scores: Scores) -> float | None:
        """What was reached; None where nothing was to be scored."""
        if not self.corpus:
            return sum(row.get(self.column) or 0 for row in scores.values())
        return scores.get(self.corpus, {}).get(self.column)

    def reached(self, figure: float) -> bool:
        """Whether that is enough, as exact as it is shown."""
        shown = round(figure, 3)
        return shown <= self.wanted if self.at_most else shown >= self.wanted

    def shown(self, figure: float | None) -> str:
        """A share with three digits, a number of pages as it is."""
        return "" if figure is None else f"{figure:.3f}" if self.corpus else f"{figure:.0f}"

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.shown(self.wanted)}"


GOALS = (
    Goal("title", "title", "fundus_tests", 0.94),
    Goal("title", "title", "wcxb_article_test", 0.80),
    Goal("title", "title", "trafilatura_eval", 0.82),
    Goal("date right", "date", "fundus_tests", 0.98),
    Goal("date right", "date", "wcxb_article_test", 0.94),
    Goal("date right", "date", "trafilatura_eval", 0.92),
    Goal("date wrong", "wrong", "fundus_tests", 0.015, at_most=True),
    Goal("date wrong", "wrong", "wcxb_article_test", 0.05, at_most=True),
    Goal("date wrong", "wrong", "trafilatura_eval", 0.06, at_most=True),
    Goal("authors F1", "authors", "fundus_tests", 0.91),
    Goal("authors F1", "authors", "wcxb_article_test", 0.80),
    Goal("authors F1", "authors", "trafilatura_eval", 0.72),
    Goal("body F", "F", "aeb", 0.975),
    Goal("body F", "F", "fundus_eval", 0.990),
    Goal("body F", "F", "fundus_tests", 0.970),
    Goal("body F", "F", "wcxb_article_test", 0.965),
    Goal("snippets F1", "snip", "trafilatura_eval", 0.940),
    Goal("empty pages", "empty", "", 0, at_most=True),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the pages, and what each extractor reached on them; no `peer` where it was not asked."""

    name: str
    pages: int
    ours: Scores
    peer: Scores | None


def table(parts: Sequence[Part]) -> Iterator[str]:
    """A line a goal, with what each part of the pages reached."""
    heads = [head for part in parts for head in _heads(part)]
    yield _row("", "corpus", "goal", *heads)
    yield _row("---", "---", *(["---:"] * (1 + len(heads))))
    for goal in GOALS:
        yield _row(goal.what, goal.corpus or "all", goal, *(cell for part in parts for cell in _cells(goal, part)))


def _heads(part: Part) -> list[str]:
    who = f"{part.name}, {part.pages} pages: "
    return [f"{who}newswarc", ""] if part.peer is None else [f"{who}trafilatura", "newswarc", ""]


def _cells(goal: Goal, part: Part) -> list[str]:
    figure = goal.figure(part.ours)
    verdict = "" if figure is None else "reached" if goal.reached(figure) else "no"
    theirs = [] if part.peer is None else [goal.shown(goal.figure(part.peer))]
    return [*theirs, goal.shown(figure), verdict]


def cpu(ours: Sequence[float], theirs: Sequence[float]) -> Iterator[str]:
    """Mean and median of the milliseconds of CPU time a page, and their ratio."""
    for name, average in (("mean", statistics.mean), ("median", statistics.median)):
        mine = average(ours)
        if not theirs:
            yield f"CPU a page, {name}: {mine:.1f} ms"
            continue
        peer = average(theirs)
        verdict = "reached" if round(mine / peer, 2) <= CPU_GOAL else "no"
        figures = f"trafilatura {peer:.1f} ms, newswarc {mine:.1f} ms, {mine / peer:.2f} of it"
        yield f"CPU a page, {name}: {figures} (≤ {CPU_GOAL}: {verdict})"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
