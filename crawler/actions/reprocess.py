"""`reprocess`: extraction run again over the archive; extractions compared, and made current."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.sources.active import limits_of
from crawler.terminal import console
from pipelines.compare import FieldReport, Report
from pipelines.extractor import EXTRACTOR
from pipelines.reprocess import Adding, Read, read_again
from pipelines.workers import Workers
from storage.archive.shelf import Shelf
from storage.articles import extractions
from storage.articles.extractions import Promoted, Seen, Wanted
from storage.database.engine import Engine, open_database, open_readonly, reading, transaction
from storage.errors import UsageError
from storage.runs.lock import hold

BATCH = 50  # pages, or articles, in one transaction

Choice = Mapping[str, str | None]  # of source, since, until


def reprocess(folder: Path, choice: Choice, *, patience: float, as_json: bool) -> None:
    """Add what the extractor at hand reads to the extractions of captures that showed an article."""
    with _held(folder, patience) as (collection, engine):
        adding = asyncio.run(_add(collection, engine, Wanted(**choice)))
    done = {
        "extractor": EXTRACTOR,
        "read": adding.read,
        "added": adding.added,
        "known": adding.known,
        "not_articles": dict(adding.not_articles),
        "unreadable": dict(adding.unreadable),
    }
    if as_json:
        console.out_json(done)
        return
    console.out(f"{adding.read:,} captures read with {EXTRACTOR}: {adding.added:,} extractions added")
    for title, reasons in (("no article", adding.not_articles), ("not readable", adding.unreadable)):
        for reason, count in reasons.most_common():
            console.out(console.one_line(f"{count:8,} {title}: {reason}"))


@contextmanager
def _held(folder: Path, patience: float) -> Iterator[tuple[Collection, Engine]]:
    """A collection in which nobody else writes."""
    collection = collections.find(folder)
    with hold(collection.folder, patience=patience):
        engine = open_database(collection.database_url, create=False)
        try:
            yield collection, engine
        finally:
            engine.dispose()


async def _add(collection: Collection, engine: Engine, wanted: Wanted) -> Adding:
    adding, batch = Adding(), []
    async with _reading(collection, engine, extractions.seen(engine, wanted)) as pages:
        async for read in pages:
            batch.append(read)
            if len(batch) >= BATCH:
                await asyncio.to_thread(_store, engine, adding, batch)
                batch = []
    _store(engine, adding, batch)
    return adding


@asynccontextmanager
async def _reading(collection: Collection, engine: Engine, wanted: Iterator[Seen]) -> AsyncIterator[AsyncIterator[Read]]:
    count = collection.config.crawl.worker_count
    workers = Workers(count, preload=("pipelines.page:warm",))
    try:
        yield read_again(wanted, Shelf(collection.warc(), engine), workers, limits_of(collection.config), 4 * count)
    finally:
        workers.close()


def _store(engine: Engine, adding: Adding, batch: list[Read]) -> None:
    with transaction(engine) as conn:
        for read in batch:
            adding.take(conn, read)


# --- report -----------------------------------------------------------------------------------------------------------


def report(folder: Path, choice: Choice, *, as_json: bool) -> None:
    """Print what the extractor at hand reads otherwise than the current extractions say, version by version."""
    collection = collections.find(folder)
    engine = open_readonly(collection.database_url)
    try:
        found = asyncio.run(_compare(collection, engine, Wanted(**choice)))
    finally:
        engine.dispose()
    if as_json:
        console.out_json(_as_json(found))
        return
    for line in _lines(found):
        console.out(console.one_line(line))


async def _compare(collection: Collection, engine: Engine, wanted: Wanted) -> Report:
    found = Report()
    versions = (seen for seen in extractions.seen(engine, wanted) if seen.extraction_id is not None)
    async with _reading(collection, engine, versions) as pages:
        async for read in pages:
            assert read.seen.extraction_id is not None
            with reading(engine) as conn:
                before = dict(extractions.fields_of(conn, read.seen.extraction_id))
            found.take(read.seen.uid, read.seen.capture.url, before, read.result)
    return found


def _as_json(found: Report) -> dict[str, Any]:
    fields = {
        name: asdict(one) | {"share": round(one.share, 4), "largest": [asdict(each) for each in _largest(one)]}
        for name, one in found.fields.items()
    }
    told = {"extractor": EXTRACTOR, "captures": found.captures, "not_articles": dict(found.rejected)}
    return told | {"unreadable": dict(found.unreadable), "fields": fields}


def _largest(one: FieldReport) -> list[Any]:
    return sorted(one.largest, reverse=True)


def _lines(found: Report) -> Iterator[str]:
    yield f"{found.captures:,} versions read with {EXTRACTOR}"
    for title, reasons in (("no article", found.rejected), ("not readable", found.unreadable)):
        for reason, count in reasons.most_common():
            yield f"{count:8,} {title}: {reason}"
    yield f"{'field':14} {'same':>9} {'changed':>9} {'gained':>9} {'lost':>9} {'differ':>8}"
    for name, one in found.fields.items():
        yield f"{name:14} {one.same:9,} {one.changed:9,} {one.gained:9,} {one.lost:9,} {one.share:8.2%}"
    for name, one in found.fields.items():
        for each in _largest(one):
            yield f"{name} of {each.uid} ({each.url}): {each.before!r} -> {each.after!r}"


# --- promote ----------------------------------------------------------------------------------------------------------


def promote(folder: Path, extractor: str, *, patience: float, as_json: bool) -> None:
    """Compute versions anew from what one extractor read. Raises UsageError when it has read nothing here."""
    extractor = extractor or EXTRACTOR
    done = Promoted()
    with _held(folder, patience) as (_, engine):
        with reading(engine) as conn:
            known = extractions.extractors(conn)
        if extractor not in known:
            raise UsageError(f"there are no extractions by {extractor!r}; there are: {', '.join(sorted(known)) or 'none'}")
        ids = extractions.article_ids(engine)
        while chunk := list(islice(ids, BATCH)):
            with transaction(engine) as conn:
                for article_id in chunk:
                    extractions.promote(conn, article_id, extractor, done)
    if as_json:
        console.out_json({"extractor": extractor} | asdict(done))
        return
    console.out(
        f"{extractor} is current: {done.changed:,} of {done.articles:,} articles changed, {done.left:,} left as they were; "
        f"{done.versions_before:,} versions before, {done.versions_after:,} now"
    )
