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
from pipelines.arrays import Flags, Numbers
from pipelines.blocks import Block, Blocks, blocks_of
from pipelines.features import Known, Measured, is_sentence, measure
from pipelines.paragraphs import Paragraph

CHANCE = 0.45  # probability from which a block is taken
LIKE_CHANCE = 0.2  # the same of a sentence among its like
DOUBT = 0.15  # share of a page's words in doubt, from which trafilatura is heard
_NEAR = 6  # blocks
_LONG = 40  # characters: so long a text does not stand twice in a story
_CELL = 200  # characters: cells of a data table are shorter


@dataclass(frozen=True, slots=True)
class Body:
    """The paragraphs of a story; `cut`: the page has more than was looked at."""

    paragraphs: list[Paragraph]
    cut: bool = False


def find(tree: HtmlElement, known: Known, verdict: Callable[[], str]) -> Body:
    """The body of the story on a page; `verdict()` gives the text that trafilatura finds, and is called in doubt alone."""
    page = blocks_of(tree)
    measured = measure(page, known) if page.blocks else None
    if measured is None or not len(measured.kept):
        return Body([])
    return Body(chosen(page, known, measured, _chances(page, measured, verdict)), page.cut)


def chosen(page: Blocks, known: Known, measured: Measured, chances: Numbers) -> list[Paragraph]:
    """The paragraphs of a page whose blocks belong to the story with these probabilities."""
    taken = measured.kept[_taken(page, measured, chances)].tolist()
    return _lines(page, _once(page, noise.without(page, taken, known.title, known.authors)))


def _taken(page: Blocks, measured: Measured, chances: Numbers) -> Flags:
    """What is likely, and less likely sentences between or beside two of their like that are."""
    taken = chances >= CHANCE
    boxes = [page.blocks[index].box for index in measured.kept.tolist()]
    likes = [(page.boxes[box].tag, page.boxes[box].label, page.boxes[page.boxes[box].parent].label) for box in boxes]
    for place in np.flatnonzero(~taken & (chances >= LIKE_CHANCE)).tolist():
        block = page.blocks[measured.kept[place]]
        around = range(max(0, place - _NEAR), min(len(boxes), place + _NEAR + 1))
        near = sum(bool(taken[at]) and likes[at] == likes[place] for at in around)
        if near > 1 and len(block.text) > _LONG and is_sentence(block.text):
            taken[place] = True
    return taken


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
    rows, cells = _of_tables(page, "tr"), _of_tables(page, "td", "th")
    found: list[Paragraph] = []
    last: Block | None = None
    for index in taken:
        block = page.blocks[index]
        if last and rows[block.box] == rows[last.box] >= 0 and cells[block.box] != cells[last.box] and _are_cells(last, block):
            found[-1] = Paragraph(f"{found[-1].text} | {block.text}", "row")
        else:
            found.append(Paragraph(block.text, _kind(page, block.box)))
        last = block
    return found


def _are_cells(*blocks: Block) -> bool:
    return all(len(block.text) <= _CELL for block in blocks)


def _of_tables(page: Blocks, *tags: str) -> list[int]:
    """Per box, the innermost row or cell that it stands in; -1 outside of tables."""
    if not any(box.tag in tags for box in page.boxes):
        return [-1] * len(page.boxes)
    found: list[int] = []
    for index, box in enumerate(page.boxes):
        found.append(index if box.tag in tags else found[box.parent] if box.parent >= 0 else -1)
    return found


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
