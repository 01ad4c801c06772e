"""Mistakes with the database, and with the clock."""

# ruff: noqa: E501 - a mistake a line reads best as a table

from __future__ import annotations

import os

from storage.database.migrations import HEAD
from tests.mistakes.bench import DATABASE, DISK, OK, Bench, Mistake, Prepare, steps
from tests.mistakes.places import forbidden

good, crawled = Bench.good, Bench.crawled
FUTURE = "'2999-01-01T00:00:00.000Z'"


def content(of_file: bytes, after: Prepare = good) -> Prepare:
    """A news.db of these bytes."""

    def prepare(bench: Bench) -> None:
        after(bench)
        for path in bench.folder.glob("news.db*"):
            path.unlink()
        (bench.folder / "news.db").write_bytes(of_file)

    return prepare


def gone(bench: Bench) -> None:
    """The bad database is moved away."""
    for path in bench.folder.glob("news.db*"):
        path.rmdir() if path.is_dir() else path.unlink()


def rows(script: str) -> Prepare:
    """A collection after a crawl whose rows were changed."""

    def prepare(bench: Bench) -> None:
        bench.crawled()
        bench.database(script)

    return prepare


def other_program(bench: Bench) -> None:
    bench.good()
    bench.database("CREATE TABLE customers (id INTEGER)")


def folder(bench: Bench) -> None:
    bench.good()
    (bench.folder / "news.db").mkdir()


def cut(bench: Bench) -> None:
    bench.crawled()
    os.truncate(bench.folder / "news.db", (bench.folder / "news.db").stat().st_size // 2)


def overwritten(bench: Bench) -> None:
    bench.crawled()
    with (bench.folder / "news.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * 4096 * 40)


def dangling(bench: Bench) -> None:
    bench.good()
    (bench.folder / "news.db").symlink_to("/media/nowhere/news.db")


def log_left(bench: Bench) -> None:
    """The write-ahead log of a database that is another."""
    bench.crawled()
    (bench.folder / "news.db-wal").write_bytes(b"\x00" * 5000)
    (bench.folder / "news.db-shm").write_bytes(b"\x00" * 32768)


AHEAD = rows(f"""
    UPDATE urls SET next_fetch_at = {FUTURE} WHERE next_fetch_at IS NOT NULL;
    UPDATE urls SET last_fetch_at = {FUTURE} WHERE last_fetch_at IS NOT NULL;
    INSERT INTO hosts (host, blocked_until) VALUES ('127.0.0.1', {FUTURE});
    UPDATE runs SET started_at = {FUTURE}, ended_at = {FUTURE};
""")
LOCKED = 'exec python3 -c \'import sqlite3, subprocess, sys; c = sqlite3.connect("news.db"); c.execute("BEGIN EXCLUSIVE"); sys.exit(subprocess.call(sys.argv[1:]))\' "$@"'

ROWS = [
    Mistake("another program's database", "crawl", DATABASE, "newswarc: error: database DIR/news.db has tables of something else (customers); use a database of its own", other_program, mend=gone),
    Mistake("another program's database, for `status`", "status", DATABASE, "newswarc: error: database DIR/news.db holds no collection yet; crawl first, or correct [database] url", other_program),
    Mistake("a database of a newer newswarc", "crawl", DATABASE, "newswarc: error: database DIR/news.db is of a newer newswarc (schema 9999, here ...); install the newest newswarc", rows("UPDATE newswarc_version SET version_num = '9999'"), mend=lambda bench: bench.database(f"UPDATE newswarc_version SET version_num = '{HEAD}'")),
    Mistake("a database of a newer newswarc, for `status`", "status", DATABASE, "newswarc: error: database DIR/news.db is of a newer newswarc (schema 9999, here ...); install the newest newswarc", rows("UPDATE newswarc_version SET version_num = '9999'")),
    Mistake("a text in place of the database", "crawl", DATABASE, "newswarc: error: database DIR/news.db is not a SQLite database; restore it from a copy or move it away", content(b"this is no database at all, but a text of some length\n" * 99), mend=gone),
    Mistake("a text in place of the database, for `export`", "export", DATABASE, "newswarc: error: database DIR/news.db is not a SQLite database; restore it from a copy or move it away", content(b"this is no database at all, but a text of some length\n" * 99)),
    Mistake("an empty file in place of the database: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", content(b"")),
    Mistake("an empty file in place of the database, for `status`", "status", DATABASE, "newswarc: error: database DIR/news.db holds no collection yet; crawl first, or correct [database] url", content(b"")),
    Mistake("a database of one byte: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", content(b"S"), mend=gone),
    Mistake("a folder in place of the database", "crawl", DATABASE, "newswarc: error: database DIR/news.db is a folder, not a file; correct [database] url", folder, mend=gone),
    Mistake("a folder in place of the database, for `status`", "status", DATABASE, "newswarc: error: database DIR/news.db is a folder, not a file; correct [database] url", folder),
    Mistake("half a database", "crawl", DATABASE, "newswarc: error: database DIR/news.db is damaged (database disk image is malformed, SQLITE_CORRUPT); restore it from a copy or move it away", cut),
    Mistake("half a database, for `export`", "export", DATABASE, "newswarc: error: database DIR/news.db is damaged (database disk image is malformed, SQLITE_CORRUPT); restore it from a copy or move it away", cut),
    Mistake("a database that was written over", "crawl", DATABASE, "newswarc: error: database DIR/news.db is damaged (database disk image is malformed, SQLITE_CORRUPT); restore it from a copy or move it away", overwritten),
    Mistake("a database that was written over, for `status`", "status", DATABASE, "newswarc: error: database DIR/news.db is damaged (database disk image is malformed, SQLITE_CORRUPT); restore it from a copy or move it away", overwritten),
    Mistake("the database's disk is gone", "crawl", DISK, "newswarc: error: database DIR/news.db is a link to what is not there; mount its disk or correct the link", dangling, mend=gone),
    Mistake("the database's disk is gone, for `status`", "status", DISK, "newswarc: error: database DIR/news.db is a link to what is not there; mount its disk or correct the link", dangling),
    Mistake("a write-ahead log of zeros is left over: no mistake", "crawl", OK, "Articles: 0 added, 0 pending", log_left),
    Mistake("the database may not be written", "crawl", DATABASE, "newswarc: error: database DIR/news.db cannot be written; check the permissions of the file and of its folder", forbidden("news.db", 0o444, crawled), ordinary=True, mend=lambda bench: bench.mode("news.db", 0o644)),
    Mistake("the database may not be read", "status", DATABASE, "newswarc: error: database DIR/news.db cannot be opened; check that it exists and its folder's permissions", forbidden("news.db", 0, crawled), ordinary=True),
    Mistake("the database is held by another program, for `status`: no mistake", "status", OK, "source\tarticles\tnew 24 h\tnew 7 d\tpending\tfailed\tlast success\tlast new\ttrouble", crawled, shell=LOCKED),
    Mistake("the collection came without its database", "status", OK, "source\tarticles\tnew 24 h\tnew 7 d\tpending\tfailed\tlast success\tlast new\ttrouble", steps(crawled, gone)),
    Mistake("the clock was set back", "crawl", OK, "... crawler.run.opening ERROR the clock is ... days behind the newest run (2999-01-01T00:00:00.000Z): check it; what waited for a time to come is due now", AHEAD),
    Mistake("the clock was set back, with -q", "crawl -q", OK, "... crawler.run.opening ERROR the clock is ... days behind the newest run (2999-01-01T00:00:00.000Z): check it; what waited for a time to come is due now", AHEAD),
]
