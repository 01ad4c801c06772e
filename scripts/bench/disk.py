"""What a crawl leaves on the disk, against what came over the wire."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from scripts.bench.crawling import Crawled
from scripts.bench.figures import Figure

GOAL = 1.2


def figures(folder: Path, crawled: Crawled, *, zipped: bool) -> Iterator[Figure]:
    """The figure for one crawl of a server that does, or does not, compress."""
    received = crawled.served.sent
    parts = sizes(folder)
    total = sum(parts.values())
    ratio = total / received
    said = ", ".join(f"{name} {size / received:.3f}" for name, size in parts.items())
    pages = crawled.pages
    yield Figure(
        f"bytes on disk over bytes received, {'gzip' if zipped else 'not compressed'}",
        f"{ratio:.3f}",
        f"<= {GOAL}",
        ratio <= GOAL,
        note=f"{said}; {received / pages / 1e3:.1f} KB received a page, {total / pages / 1e3:.1f} KB kept; {pages} pages",
    )


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of a collection's files by kind, as `ls` says."""
    kinds = {"database": "news.db*", "WARC": "warc/*.warc.gz", "CDXJ": "warc/*.cdxj"}
    return {kind: sum(file.stat().st_size for file in folder.glob(pattern)) for kind, pattern in kinds.items()}


def tables(folder: Path, pages: int) -> Iterator[Figure]:
    """What each table and index of the database takes, the largest first; nothing where SQLite cannot say."""
    query = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 16"
    with closing(sqlite3.connect(f"file:{folder / 'news.db'}?mode=ro", uri=True)) as database:
        try:
            rows = database.execute(query).fetchall()
        except sqlite3.OperationalError:
            return
    for name, size in rows:
        yield Figure(f"    {name}", f"{size / pages:.0f} bytes a page")
