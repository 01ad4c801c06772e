"""Lines among the blocks of a story that are none of it, told by lists of phrases and by plain sense. Pure."""

from __future__ import annotations

from pipelines.blocks import Blocks
from pipelines.normalize import fold


def without(page: Blocks, taken: list[int], title: str) -> list[int]:
    """The blocks that are left of those taken."""
    named = fold(title)
    return [index for index in taken if not (named and fold(page.blocks[index].text) == named)]
