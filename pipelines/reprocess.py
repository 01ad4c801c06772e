"""Extraction run again over the archive: extractions are added, or compared with those that are current."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from pipelines.archived import PageLimits, raw_page, read_ahead
from pipelines.page import read_article
from pipelines.workers import WorkerError, Workers
from storage.archive.shelf import Shelf
from storage.articles import rows as articles
from storage.articles.extractions import Seen
from storage.database.engine import Connection
from storage.errors import NewswarcError
from storage.records import Candidate, NoArticle

Result = Candidate | NoArticle | str  # str: why it could not be read


@dataclass(frozen=True, slots=True)
class Read:
    """A capture, read again."""

    seen: Seen
    result: Result


async def read_again(
    wanted: Iterable[Seen], shelf: Shelf, workers: Workers, limits: PageLimits, at_once: int
) -> AsyncIterator[Read]:
    """Every capture as the extractor at hand reads it, in their order; some are read ahead."""
    async for read in read_ahead((_read(seen, shelf, workers, limits) for seen in wanted), at_once):
        yield read


async def _read(seen: Seen, shelf: Shelf, workers: Workers, limits: PageLimits) -> Read:
    try:
        raw, _ = await asyncio.to_thread(raw_page, shelf, seen.capture, limits)
        return Read(seen, (await workers.run(read_article, raw)).result)
    except NewswarcError as error:
        return Read(seen, f"archive: {error}")
    except WorkerError as error:
        if error.again:
            raise
        return Read(seen, error.reason)


@dataclass(slots=True)
class Adding:
    """Adds extractions where they can matter: where a version begins now, and where a wording begins for this extractor.

    What is read is handed in article by article, in the order of dates.
    """

    read: int = 0
    added: int = 0
    known: int = 0
    not_articles: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    _article_id: int | None = None
    _wording: str | None = None  # that the article had last

    def take(self, conn: Connection, read: Read) -> None:
        """Store an extraction, if it is to be stored."""
        self.read += 1
        if read.seen.article_id != self._article_id:
            self._article_id, self._wording = read.seen.article_id, None
        match read.result:
            case Candidate() as candidate:
                self._add(conn, read.seen, candidate)
            case NoArticle(reason=reason):
                self.not_articles[reason] += 1
            case reason:
                self.unreadable[reason] += 1

    def _add(self, conn: Connection, seen: Seen, candidate: Candidate) -> None:
        begins = candidate.text_sha256 != self._wording
        self._wording = candidate.text_sha256
        if candidate.extractor in seen.extractors:
            self.known += 1
        elif begins or seen.extraction_id is not None:
            articles.insert_extraction(conn, candidate, seen.capture_id)
            self.added += 1
