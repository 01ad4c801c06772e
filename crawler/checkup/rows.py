"""The database of a collection: does it open, is it whole, can it be written; and what its rows tell of trouble."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from statistics import median
from urllib.parse import urlsplit

from crawler.checkup.findings import Finding, fail, ok, warn
from crawler.checkup.machine import span
from crawler.config.collection import Collection
from crawler.explain.foresight import robots_allow
from crawler.explain.reason_words import explained
from storage.archive.shelf import Shelf
from storage.database.engine import Engine, open_database, open_readonly, place, reading
from storage.errors import DatabaseError, NewswarcError, TemporaryDatabaseError
from storage.query import health
from storage.records import Capture
from storage.runs.lock import holder
from storage.times import now, parse
from storage.urlkey import canonical
from storage.warc.http_message import HEAD_LIMIT, split_head

LOOKING = 20.0  # seconds for the database's own check
TRYING = 2.0  # seconds to wait for another's lock
LONG_LOG = 500_000_000  # bytes of a write-ahead log that a reader keeps from being cut back
ANSWERS = 12  # whose Date is compared with our clock
ASTRAY = 60.0  # seconds that a clock may be wrong


def database(collection: Collection) -> Iterator[Finding]:
    """It opens, has this version's schema, is not damaged, and can be written."""
    if collection.is_new():
        yield ok("database", "is not there yet: the first crawl makes it")
        return
    reader = open_readonly(collection.database_url, timeout=TRYING)
    try:
        yield ok("database", f"{place(reader)} opens, and has this version's schema")
        yield from _whole(reader)
        if (log := health.log_bytes(reader)) > LONG_LOG:
            yield warn("database log", f"is {log / 1e6:,.0f} MB long: a reader stays; let analysts read `newswarc snapshot`")
    finally:
        reader.dispose()
    yield _writable(collection)


def _whole(engine: Engine) -> Iterator[Finding]:
    damage = health.damage(engine, LOOKING)
    if damage is None:
        yield ok("database check", f"is longer than {LOOKING:g} s; what was looked at is whole")
    elif damage:
        yield fail("database check", DatabaseError(f"is damaged: {damage}; restore it, or see docs/rebuild.md"))
    else:
        yield ok("database check", "nothing is damaged")


def _writable(collection: Collection) -> Finding:
    writer = open_database(collection.database_url, create=False, timeout=TRYING)
    try:
        health.probe_writing(writer)
    except TemporaryDatabaseError:
        return ok("database writing", "another process writes just now")
    except NewswarcError as error:
        return fail("database writing", error)
    finally:
        writer.dispose()
    return ok("database writing", "can be written")


def lock(collection: Collection) -> Iterator[Finding]:
    """Who holds the collection."""
    held = holder(collection.folder)
    yield ok("lock", f"{held} holds it" if held else "nobody holds the collection")


def leftovers(collection: Collection) -> Iterator[Finding]:
    """What a killed run left; a run at work has open files too."""
    held = holder(collection.folder) is not None
    files = [*(collection.folder / "warc").glob("*.open")]
    pending, leased = _left(collection)
    told = f"{len(files)} open WARC files, {pending} pages that are not settled, {leased} URLs in hand"
    if held or not (files or pending or leased):
        yield ok("leftovers", told if held else "no run left anything undone")
    else:
        yield warn("leftovers", f"{told}: a run was killed; the next one puts that right")


def _left(collection: Collection) -> tuple[int, int]:
    if collection.is_new():
        return 0, 0
    engine = open_readonly(collection.database_url, timeout=TRYING)
    try:
        with reading(engine) as conn:
            return health.leftovers(conn)
    finally:
        engine.dispose()


def robots(collection: Collection) -> Iterator[Finding]:
    """Whether the robots.txt of each source that is remembered lets us in at all."""
    if collection.is_new():
        return
    engine = open_readonly(collection.database_url, timeout=TRYING)
    try:
        with reading(engine) as conn:
            rows = health.robots_rows(conn)
    finally:
        engine.dispose()
    unknown = 0
    for source in collection.config.sources:
        url = canonical(source.url)
        parts = urlsplit(url)
        row = rows.get(f"{parts.scheme}://{parts.netloc}")
        if row is None:
            unknown += 1
        elif source.robots == "obey":
            yield from _closed(source.name, url, row["reason"], row["body"])
    known = len(collection.config.sources) - unknown
    yield ok("robots", f"the robots.txt of {known} sources are known, of {unknown} not")


def _closed(name: str, url: str, reason: str | None, body: str | None) -> Iterator[Finding]:
    if reason is not None:
        yield warn("robots", f"{name}: nothing is fetched for now: {explained(reason)}")
    elif not robots_allow(body, url):
        yield warn("robots", f"{name}: robots.txt does not allow its home page; ask its owner, or remove the source")


# ---- the clock


def clock(collection: Collection) -> Iterator[Finding]:
    """Our clock against the newest run, and against what servers said of theirs when they were asked last."""
    if collection.is_new():
        yield ok("clock", f"{now()}: there is nothing to compare it with yet")
        return
    engine = open_readonly(collection.database_url, timeout=TRYING)
    try:
        with reading(engine) as conn:
            newest = max(filter(None, health.newest_run(conn)), default=None)
            answers = health.newest_answers(conn, ANSWERS)
        yield from _against_runs(newest)
        yield from _against_servers(_skews(Shelf(collection.folder / "warc", engine), answers))
    finally:
        engine.dispose()


def _against_runs(newest: str | None) -> Iterator[Finding]:
    behind = (parse(newest) - parse(now())).total_seconds() if newest else 0.0
    if behind > 0:
        yield warn("clock", f"is {span(behind)} behind the newest run ({newest}): check it")
    else:
        yield ok("clock", f"{now()}, " + (f"the newest run was {span(-behind)} ago" if newest else "no run yet"))


def _against_servers(skews: list[float]) -> Iterator[Finding]:
    """One server may be wrong, or have answered from a cache; most are not."""
    if len(skews) < 3:
        return
    skew = median(skews)
    told = f"at the newest answers, servers' clocks were {span(abs(skew))} {'ahead of' if skew > 0 else 'behind'} this one"
    yield (warn if abs(skew) > ASTRAY else ok)("clock of servers", told)


def _skews(shelf: Shelf, answers: list[Capture]) -> list[float]:
    """Date (RFC 9110, 6.6.1) against WARC-Date, in seconds, of answers whose records can be read."""
    found = []
    for capture in answers:
        try:
            with shelf.response(capture) as response:
                date = split_head(response.block.read(min(response.length, HEAD_LIMIT))).get("date")
        except (NewswarcError, OSError):
            continue
        if date is not None and (seconds := _seconds(date, capture.fetched_at)) is not None:
            found.append(seconds)
    return found


def _seconds(date: str, fetched_at: str) -> float | None:
    try:
        return (parsedate_to_datetime(date) - parse(fetched_at)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
