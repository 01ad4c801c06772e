"""`source pause`, `source resume`, `source remove`: sources of newswarc.toml that rest, are crawled again, or leave the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from crawler.config import collection as collections
from crawler.config import edit as config_edit
from crawler.config.collection import Collection
from crawler.config.naming import named

Note = Callable[[str], None]


def pause(folder: Path, names: Sequence[str], note: Note) -> None:
    """Crawls leave these sources alone from here on. UsageError when one is unknown; then nothing is changed."""
    collection, wanted = _chosen(folder, names)
    config_edit.pause_sources(collection.file, wanted, yes=True)
    for name in wanted:
        note(f'Paused "{name}": crawls leave it alone; its articles and URLs stay')


def resume(folder: Path, names: Sequence[str], note: Note) -> None:
    """Crawls take up these sources again. UsageError when one is unknown; then nothing is changed."""
    collection, wanted = _chosen(folder, names)
    config_edit.pause_sources(collection.file, wanted, yes=False)
    for name in wanted:
        note(f'Resumed "{name}": the next crawl takes it up again')


def remove(folder: Path, names: Sequence[str], note: Note) -> None:
    """Take these sources out of newswarc.toml. UsageError when one is unknown; then nothing is changed."""
    collection, wanted = _chosen(folder, names)
    config_edit.remove_sources(collection.file, wanted)
    for name in wanted:
        note(f'Removed "{name}" from {collection.file}; its articles, URLs and archive stay, and nothing of it is fetched')


def _chosen(folder: Path, names: Sequence[str]) -> tuple[Collection, list[str]]:
    collection = collections.find(folder)
    return collection, [named(collection, name).name for name in dict.fromkeys(names)]
