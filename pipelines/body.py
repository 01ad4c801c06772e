"""The body of an article: which text blocks of a page belong to it, as paragraphs. Pure.

A small model weighs each block by what is measured of the page; where it is in doubt, it also hears what trafilatura found. What
lists of phrases and plain sense tell of the rest is left to `noise`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from lxml.html import HtmlElement

from pipelines import block_model, noise
from pipelines.blocks import Blocks, blocks_of
from pipelines.features import Known, Measured, Numbers, measure

CHANCE = 0.45  # probability from which a block is taken
DOUBT = 0.1  # share of a page's words in doubt, from which trafilatura is heard
_LONG = 40  # characters: so long a text does not stand twice in a story
_CELL = 200  # characters: cells of a data table are shorter


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line of an article's text and what it is: p, h1 to h6, li, quote, row or pre."""

    text: str
    kind: str = "p"


def paragraphs(tree: HtmlElement, known: Known, verdict: Callable[[], str]) -> list[Paragraph]:
    """The paragraphs of the story on a page; `verdict()` gives the text that trafilatura finds, and is called in doubt alone."""
    page = blocks_of(tree)
    if not page.blocks:
        return []
    measured = measure(page, known)
    chances = _chances(page, measured, verdict)
    taken = measured.kept[chances >= CHANCE].tolist()
    return _lines(page, noise.without(page, _once(page, taken), known.title))


def _chances(page: Blocks, measured: Measured, verdict: Callable[[], str]) -> Numbers:
    chances = block_model.alone(measured)
    if doubt(chances, measured.width[measured.kept]) <= DOUBT:
        return chances
    return block_model.with_verdict(measured, [block.text for block in page.blocks], verdict())


def doubt(chances: Numbers, widths: Numbers) -> float:
    """How much of what is taken may be wrong: width on the wrong side of each probability against width taken."""
    return float((widths * np.minimum(chances, 1 - chances)).sum() / max(200.0, (widths * chances).sum()))


def _once(page: Blocks, taken: list[int]) -> list[int]:
    """Without long blocks that say again what one before them said."""
    seen: set[str] = set()
    kept = []
    for index in taken:
        text = page.blocks[index].text
        if len(text) <= _LONG or text not in seen:
            kept.append(index)
        seen.add(text)
    return kept


def _lines(page: Blocks, taken: list[int]) -> list[Paragraph]:
    """The blocks as paragraphs; the cells of a table's row on one line."""
    rows = _rows(page)
    found: list[Paragraph] = []
    last = -1
    for index in taken:
        block = page.blocks[index]
        row = rows[block.box] if len(block.text) <= _CELL else -1
        if row >= 0 and row == last and found:
            found[-1] = Paragraph(f"{found[-1].text} | {block.text}", "row")
        else:
            found.append(Paragraph(block.text, "row" if row >= 0 else _kind(page, block.box)))
        last = row
    return found


def _rows(page: Blocks) -> list[int]:
    """Per box, the table row that it stands in; -1 outside of tables."""
    rows: list[int] = []
    for index, box in enumerate(page.boxes):
        rows.append(index if box.tag == "tr" else rows[box.parent] if box.parent >= 0 else -1)
    return rows


_KINDS = {"li": "li", "dd": "li", "blockquote": "quote", "pre": "pre", **{f"h{level}": f"h{level}" for level in range(1, 7)}}


def _kind(page: Blocks, box: int) -> str:
    """What a block is, by the nearest boxes around it."""
    for _ in range(3):
        if box < 0:
            break
        if kind := _KINDS.get(page.boxes[box].tag):
            return kind
        box = page.boxes[box].parent
    return "p"
