"""docs/errors.md, from the tables: `python -m tests.mistakes.page` writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.mistakes.bench import Mistake
from tests.mistakes.table import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
HEAD = """\
# What can go wrong, and what is printed

Every mistake ends in one line on stderr and an exit code; [cli.md](cli.md#exit-codes) says what the codes mean. `DIR` is the
collection's folder, `SITE` a site, `...` stands for what differs. A run that reached its sites prints three lines, of which the one
that matters is shown. Where exit code 0 stands, newswarc gets along with it.

Each row is a test: this page is made from the table that the tests run (`python -m tests.mistakes.page`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(title, mistakes) for title, mistakes in TABLES.items())])


def _section(title: str, mistakes: Sequence[Mistake]) -> str:
    rows = [f"| {_cell(m.what)} | {_code(m.command())} | {_code(m.line)} | {m.code} |" for m in mistakes]
    return "\n".join([f"## {title}", "", "| what | command | line | exit code |", "|---|---|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _code(text: str) -> str:
    """Text as code in a cell, without what a page cannot show."""
    shown = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", lambda odd: f"\\x{ord(odd[0]) & 0xFF:02x}", text)
    shown = re.sub(r"x{40,}", "xxx...", shown)
    ticks = "``" if "`" in shown else "`"
    pad = " " if ticks == "``" else ""
    return f"{ticks}{pad}{_cell(shown)}{pad}{ticks}" if shown else ""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
