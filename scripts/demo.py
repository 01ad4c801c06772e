"""`make demo`: crawl a small newsroom on loopback twice, and show what came of it.

Run as `python -m scripts.demo` in the checkout. The newsroom runs in this process; the crawler is the real command.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.newsroom import Newsroom, Story

FOLDER = Path("demo-news")
MARK = "# Made by scripts/demo.py, which removes this folder when it runs again.\n"
COMMAND = Path(sys.executable).with_name("newswarc")


class Place(NamedTuple):
    """Where a record lies."""

    file: str
    offset: int
    length: int
    url: str
    status: int
    original: str | None  # record id


def main() -> int:
    """Run the demo; 0 when every step did what it should."""
    if not cleared(FOLDER):
        print(f"{FOLDER}/ is there and was not made by the demo: move it away, or run the demo elsewhere")
        return 2
    with Newsroom() as newsroom:
        heading(f"A newsroom with {len(newsroom.site.live)} stories in nine languages runs at {newsroom.url}")
        prepare(newsroom)
        codes = [crawl(newsroom.url)]
        edited, removed, added = a_day_later(newsroom)
        codes.append(crawl("--now", "--refetch"))
        found = show_findings()
        show_changes(newsroom, edited, removed, added)
        show_one(newsroom, edited)
        proven = prove(newsroom, edited)
    show_next(removed, newsroom)
    return 0 if found and proven and set(codes) == {0} else 1


def heading(text: str) -> None:
    """A line that stands out from what the commands print."""
    print(f"\n== {text}")


def cleared(folder: Path) -> bool:
    """Remove what a former demo left; False when the folder is somebody else's."""
    if not folder.exists():
        return True
    settings = folder / "newswarc.toml"
    if not settings.is_file() or not settings.read_text(encoding="utf-8").startswith(MARK):
        return not any(folder.iterdir())
    shutil.rmtree(folder)
    return True


def prepare(newsroom: Newsroom) -> None:
    """Make the collection, and allow this one loopback address in it: private networks are out of reach otherwise."""
    run("--quiet", "init", str(FOLDER), "--name", "demo-news")
    settings = FOLDER / "newswarc.toml"
    own = f'[crawl]\ndelay = 0.02\nallow_private_networks = ["{newsroom.host}"]\n'
    text = settings.read_text(encoding="utf-8").replace("[crawl]\n", own, 1)
    settings.write_text(MARK + text, encoding="utf-8")


def run(*words: str) -> int:
    """Run newswarc with what it prints left as it is; its exit code."""
    sys.stdout.flush()
    return subprocess.run([COMMAND, *words], check=False).returncode


def crawl(*words: str) -> int:
    """Crawl into the demo's collection; its exit code."""
    arguments = ("crawl", *words, "--collection", str(FOLDER))
    heading(f"newswarc {' '.join(arguments)}")
    started = time.monotonic()
    code = run(*arguments)
    print(f"(exit code {code}, {time.monotonic() - started:.1f} s)")
    return code


def a_day_later(newsroom: Newsroom) -> tuple[Story, Story, Story]:
    """The editors change one story, withdraw another and publish a third."""
    first, *_, last = newsroom.site.live
    edited = newsroom.edit(first, title=f"{first.title} (corrected)")
    newsroom.remove(last)
    added = newsroom.add()
    heading("The newsroom changes its mind")
    print(f"edited:  {edited.title}\nremoved: {last.title}\nadded:   {added.title}")
    return edited, last, added


def query(sql: str, *values: str) -> list[tuple[str, ...]]:
    """Rows of the collection's database, which any SQLite tool can read."""
    with closing(sqlite3.connect(f"file:{FOLDER / 'news.db'}?mode=ro", uri=True)) as database:
        return database.execute(sql, values).fetchall()


def show(*rows: tuple[object, ...]) -> None:
    """Print rows under their heads, in columns."""
    cells = [tuple(map(str, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_findings() -> bool:
    """Print every state of the URLs found with its reasons, and the newest articles; whether there are any."""
    heading("What became of every URL  (SELECT state, reason, count(*) FROM v_urls GROUP BY 1, 2)")
    states = query("SELECT state, coalesce(reason, ''), count(*) FROM v_urls GROUP BY 1, 2 ORDER BY 1, 2")
    show(("state", "reason", "URLs"), *states)
    rows = query("SELECT published_at, language, word_count, version, title FROM v_articles ORDER BY 1 DESC")
    heading(f"{len(rows)} articles, the newest eight  (from v_articles)")
    show(("published", "lang", "words", "version", "title"), *rows[:8])
    return bool(rows)


def show_changes(newsroom: Newsroom, *changed: Story) -> None:
    """Print what the database says of the stories that were edited, removed and added."""
    heading("What the second crawl learnt")
    for story, what in zip(changed, ("edited", "removed", "added"), strict=True):
        rows = query(
            "SELECT version, coalesce(gone_at, 'no'), title FROM v_articles WHERE url = ? OR canonical_url = ?",
            newsroom.url_of(story),
            newsroom.url_of(story),
        )
        said = "; ".join(f"version {version}, gone: {gone}, {title!r}" for version, gone, title in rows)
        print(f"{what:8} {said or 'not stored'}")


def show_one(newsroom: Newsroom, story: Story) -> None:
    """Print one article as the command shows it."""
    heading("One article  (newswarc show URL)")
    run("show", newsroom.url_of(story), "--collection", str(FOLDER))


def prove(newsroom: Newsroom, story: Story) -> bool:
    """Compare archived bytes with the bytes that the newsroom sent: of one article, then of every exchange."""
    heading("The proof: the bytes in the archive are the bytes that were served")
    url = newsroom.url_of(story)
    place = Place(*query(f"{_PLACES} WHERE url = ? AND http_status = 200 ORDER BY fetched_at DESC", url)[0])  # type: ignore[arg-type]
    kept = archived(place)
    sent = [entry.response for entry in newsroom.served(url) if entry.status == 200][-1]
    print(f"{place.url}\nlies in {FOLDER}/warc/{place.file}, {place.length} bytes at offset {place.offset}")
    print(f"served:   {len(sent):6} bytes, sha256 {hashlib.sha256(sent).hexdigest()}")
    print(f"archived: {len(kept):6} bytes, sha256 {hashlib.sha256(kept).hexdigest()}")
    served = {entry.response for entry in newsroom.log}
    places = [Place(*row) for row in query(f"{_PLACES} WHERE record_type IN ('response', 'revisit')")]  # type: ignore[arg-type]
    equal = sum(archived(place) in served for place in places)
    revisits = sum(place.original is not None for place in places)
    told = f"the same holds for {equal} of {len(places)} records, {revisits} of them revisits"
    print(f"{told}; {len(newsroom.log)} answers were sent")
    return kept == sent and equal == len(places)


_PLACES = "SELECT warc_file, warc_offset, warc_length, url, http_status, revisit_of FROM v_captures"


def archived(place: Place) -> bytes:
    """What was served: of a revisit its own header block, and the payload of the record that it refers to; a 304 has none."""
    block = record_block(place)
    if place.original is None or place.status == 304:
        return block
    original = Place(*query(f"{_PLACES} WHERE warc_record_id = ?", place.original)[0])  # type: ignore[arg-type]
    return block + record_block(original).partition(b"\r\n\r\n")[2]


def record_block(place: Place) -> bytes:
    """The block of a WARC record, read with nothing but gzip."""
    with (FOLDER / "warc" / place.file).open("rb") as file:
        file.seek(place.offset)
        record = gzip.decompress(file.read(place.length))
    _, _, block = record.partition(b"\r\n\r\n")
    return block.removesuffix(b"\r\n\r\n")


def show_next(removed: Story, newsroom: Newsroom) -> None:
    """Three commands that work now, without the newsroom."""
    heading("Three commands to type next")
    newswarc = COMMAND.relative_to(Path.cwd()) if COMMAND.is_relative_to(Path.cwd()) else COMMAND
    print(f"{newswarc} verify --collection {FOLDER}")
    print(f"{newswarc} show {newsroom.url_of(removed)} --collection {FOLDER}")
    print(f"{newswarc} export --format jsonl --collection {FOLDER} | head -n 3")


if __name__ == "__main__":
    sys.exit(main())
