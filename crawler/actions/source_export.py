"""`source export`: the sources of a collection as OPML, or as TOML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from crawler.actions.source_known import known_feeds
from crawler.config import collection as collections
from crawler.config import edit as config_edit
from crawler.config.collection import Collection
from crawler.config.keys import Source
from crawler.sources import opml
from crawler.sources.opml import Outline
from crawler.terminal import console, files
from storage.errors import UsageError


def export(folder: Path, output: Path | None, form: str) -> None:
    """Write all sources; a file appears only when it is complete. UsageError where there is none."""
    collection = collections.find(folder)
    if not collection.config.sources:
        raise UsageError(f"{collection.file}: no source yet; `newswarc source add URL` adds one")
    content = _as_opml(collection) if form == "opml" else _as_toml(collection)
    if output is None:
        console.out_bytes([content])
    else:
        files.write(output, content)


def _as_toml(collection: Collection) -> bytes:
    return "\n".join(map(config_edit.rendered, collection.config.sources)).encode()


def _as_opml(collection: Collection) -> bytes:
    return opml.written(collection.config.collection.name, _outlines(collection.config.sources, known_feeds(collection)))


def _outlines(sources: Sequence[Source], known: Mapping[str, Sequence[str]]) -> Iterator[Outline]:
    """An outline for each feed: those that are given, else those that were found; one without feed where there is none."""
    for source in sources:
        feeds = source.feeds if source.feeds is not None else known.get(source.name, ())
        for feed in feeds or ("",):
            yield Outline(0, source.name, source.url, feed, found=source.feeds is None)
