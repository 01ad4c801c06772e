"""How likely each block of a page is text of its story: two small sets of decision trees. Pure.

The trees are oblivious (every node of a level asks the same question), trained by `scripts/train_blocks.py`, and lie in
`pipelines/models/*.json`. `alone` judges by what is measured of the page; `with_verdict` also by what trafilatura took of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from pipelines.arrays import Array, Numbers, Whole
from pipelines.features import Measured

_PIECE = 30  # characters of a block that are looked for in a text
VERDICT_COLUMNS = 4
FOLDER = files("pipelines.models")  # `make eval` also measures weights that have not seen the sites it measures them on
_AT_ONCE = 2_000  # rows: what is held in memory stays small


@dataclass(frozen=True, slots=True)
class Trees:
    """`count` trees of one depth: which column each level asks for, above which border, and the leaves' values."""

    columns: Whole  # (count * depth,)
    borders: Array  # (count * depth,)
    leaves: Numbers  # (count, 2 ** depth)
    bias: float
    width: int  # columns of the rows that they were trained with

    def probabilities(self, rows: Array) -> Numbers:
        """The probability (0 to 1) of each row, (rows, width), to be text."""
        if not len(rows):
            return np.zeros(0)
        scores = [self._scores(rows[at : at + _AT_ONCE]) for at in range(0, len(rows), _AT_ONCE)]
        return 1 / (1 + np.exp(-np.clip(np.concatenate(scores), -50, 50)))

    def _scores(self, rows: Array) -> Numbers:
        count, size = self.leaves.shape
        depth = size.bit_length() - 1
        answers = (rows.T[self.columns] > self.borders[:, None]).reshape(count, depth, len(rows))
        leaf = np.zeros((count, len(rows)), np.intp)
        for level in range(depth):
            leaf += answers[:, level] << level
        scores: Numbers = self.leaves.ravel()[leaf + (np.arange(count) * size)[:, None]].sum(0) + self.bias
        return scores


@cache
def trees(name: str) -> Trees:
    """The trees of pipelines/models/NAME.json."""
    told = json.loads(FOLDER.joinpath(f"{name}.json").read_text("utf-8"))
    return Trees(
        np.array(told["columns"], np.int64),
        np.array(told["borders"], np.float32),
        np.array(told["leaves"], np.float64),
        told["bias"],
        told["width"],
    )


def alone(measured: Measured) -> Numbers:
    """The probability of each kept block to be text, judged by the page alone."""
    return trees("alone").probabilities(measured.rows)


def with_verdict(measured: Measured, texts: list[str], verdict: str) -> Numbers:
    """The same, judged also by the text that another extractor found on the page."""
    return trees("with_verdict").probabilities(np.hstack([measured.rows, agreement(measured, texts, verdict)]))


def agreement(measured: Measured, texts: list[str], verdict: str) -> Array:
    """How much of each kept block, of those beside it, and of the page, another extractor's text has: (kept, VERDICT_COLUMNS)."""
    found = squeezed(verdict)
    share = np.array([_share(squeezed(texts[index]), found) for index in measured.kept.tolist()])
    padded = np.concatenate([[0.0], share, [0.0]])
    width = measured.width[measured.kept]
    whole = (share * width).sum() / max(1.0, measured.width.sum())
    return np.column_stack([share, padded[:-2], padded[2:], np.full(len(share), whole)]).astype(np.float32)


def squeezed(text: str) -> str:
    """A text without white space and marks of Markdown, as two extractors' texts are compared."""
    return "".join(text.replace("|", " ").replace("*", " ").replace("#", " ").split())


def _share(text: str, found: str) -> float:
    """The share of a text's beginning, middle and end that is found."""
    size = len(text)
    if size <= 2 * _PIECE:
        return float(bool(text) and text in found)
    middle = size // 2
    pieces = (text[:_PIECE], text[middle : middle + _PIECE], text[-_PIECE:])
    return sum(piece in found for piece in pieces) / 3
