"""`package`: articles and what replaying them needs, in one WACZ file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from crawler import PRODUCT_VERSION
from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.terminal import files
from pipelines.whole_page import WholePage
from storage.archive.shelf import Shelf
from storage.database.engine import Engine, open_readonly
from storage.errors import UsageError
from storage.replay.selection import Selection, Wanted, choose
from storage.replay.wacz import About, Packed, write_wacz
from storage.times import now

Note = Callable[[str], None]


def package(
    folder: Path, output: Path, asked: Mapping[str, str | None], note: Note, *, title: str | None, force: bool
) -> None:
    """Write the package; FILE appears when it is complete. Raises UsageError when nothing is selected."""
    _refuse_what_is_no_text({**asked, "title": title})
    if output.exists() and not force:
        raise UsageError(f"{output}: is there already; --force overwrites it")
    collection = collections.find(folder)
    engine = open_readonly(collection.database_url)
    try:
        selection = _selected(engine, asked, collection)
        about = About(title or collection.config.collection.name, _described(asked), PRODUCT_VERSION, now())
        packed, size = _write(output, collection, engine, selection, about)
    finally:
        engine.dispose()
    if selection.orphans:
        note(
            f"Left out: {selection.orphans} revisits, because the payload that they refer to is withdrawn or not known"
        )
    counted = f"{selection.articles:,} articles in {packed.pages:,} versions, {packed.captures:,} captures"
    note(f"Wrote {output} ({size / 1e6:,.1f} MB): {counted}")


def _refuse_what_is_no_text(asked: Mapping[str, str | None]) -> None:
    for name, value in asked.items():
        if value is not None and (not checks.is_text(value) or "\0" in value or not value.strip()):
            raise UsageError(f"--{name} {checks.shown(value)} is no text")


def _selected(engine: Engine, asked: Mapping[str, str | None], collection: Collection) -> Selection:
    whole = WholePage(engine, Shelf(collection.warc(), engine), collection.config.crawl.max_page_bytes)
    selection = choose(engine, Wanted(**asked), whole.captures)
    if not selection.captures:
        said = _described(asked)
        raise UsageError(
            f"{collection.folder}: nothing to package: no article with a capture{f' ({said})' if said else ''}"
        )
    return selection


def _described(asked: Mapping[str, str | None]) -> str:
    """The selection in the words in which it was asked for."""
    return ", ".join(f"{name}: {value}" for name, value in asked.items() if value is not None)


def _write(
    output: Path, collection: Collection, engine: Engine, selection: Selection, about: About
) -> tuple[Packed, int]:
    with files.appearing(output, part=True) as path, files.as_disk_error(output), path.open("w+b") as file:
        shelf = Shelf(collection.warc(), engine)
        packed = write_wacz(file, path.parent, engine, shelf, selection, about)
        return packed, file.tell()
