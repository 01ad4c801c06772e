"""The lines of an article's text, and what each is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_CLOSE = frozenset({"li", "row"})  # no blank line stands between two of them
_MARKS = {"li": "- ", "quote": "> ", **{f"h{level}": "#" * max(2, level) + " " for level in range(1, 7)}}


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line of an article's text and what it is: p, h1 to h6, li, quote, row or pre."""

    text: str
    kind: str = "p"


def markdown(paragraphs: Iterable[Paragraph]) -> str:
    """The paragraphs as Markdown: headings, list items, quotes, rows of tables; blank lines between all but list items and rows."""
    lines: list[str] = []
    last = ""
    for paragraph in paragraphs:
        if lines and not (paragraph.kind == last and last in _CLOSE):
            lines.append("")
        lines.append(_MARKS.get(paragraph.kind, "") + paragraph.text)
        last = paragraph.kind
    return "\n".join(lines)
