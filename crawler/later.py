"""The one place that imports by name: doors name what they need, and it is imported when it is first called.

    if TYPE_CHECKING:
        from crawler.engine import crawl
    else:
        crawl = later("crawler.engine:crawl")

So `--help` imports nothing heavy, type checkers see the real function, and import-linter the real edge.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class later:  # noqa: N801 - reads as a word at its place of use
    """A function known by `module:name` until it is called."""

    def __init__(self, path: str) -> None:
        self.path = path

    def function(self) -> Any:
        """The function itself, imported now."""
        module, _, name = self.path.partition(":")
        return getattr(import_module(module), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Import and call it."""
        return self.function()(*args, **kwargs)
