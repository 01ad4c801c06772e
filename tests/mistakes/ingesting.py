"""Mistakes with files of others."""

# ruff: noqa: E501 - a mistake a line reads best as a table

from __future__ import annotations

import gzip

from tests.mistakes.bench import DAMAGE, DISK, OK, USAGE, Bench, Mistake, Prepare, steps

good, crawled = Bench.good, Bench.crawled

RECORD = (
    b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:1>\r\nWARC-Date: 2026-03-01T12:00:00Z\r\n"
    b"WARC-Target-URI: http://paper.test/a.png\r\nContent-Type: application/http\r\nContent-Length: 44\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\r\n\r\n"
)
MEMBER = gzip.compress(RECORD, mtime=0)
ARC = b"filedesc://old.arc 0.0.0.0 20010301120000 text/plain 76\n1 0 InternetArchive\nURL IP-address Archive-date Content-type Archive-length\n\n"


def holding(name: str, content: bytes, after: Prepare = good) -> Prepare:
    """A collection with a file beside it."""

    def prepare(bench: Bench) -> None:
        after(bench)
        (bench.folder / name).write_bytes(content)

    return prepare


def empty_folder(bench: Bench) -> None:
    """A folder without archives."""
    good(bench)
    (bench.folder / "texts").mkdir()
    (bench.folder / "texts" / "notes.txt").write_text("x")


def unreadable(bench: Bench) -> None:
    """A file that denies permission."""
    holding("a.warc.gz", MEMBER)(bench)
    bench.mode("a.warc.gz", 0)


INGESTING = [
    Mistake("no file to ingest", "ingest", USAGE, "newswarc: error: Missing argument 'FILE|DIR|GLOB...'. See `newswarc ingest --help`.", good),
    Mistake("a file that is not there", "ingest missing.warc.gz", USAGE, "newswarc: error: missing.warc.gz: there is no such file or folder", good),
    Mistake("a pattern that nothing fits", ("ingest", "old/*.warc.gz"), USAGE, "newswarc: error: old/*.warc.gz: there is no such file or folder", good),
    Mistake("a folder without archives", "ingest texts", USAGE, "newswarc: error: texts: no WARC or WACZ file there", empty_folder),
    Mistake("a file that is no archive", "ingest page.html", USAGE, "newswarc: error: page.html: is no WARC file, and no WACZ", holding("page.html", b"<html>")),
    Mistake("an ARC file", "ingest old.arc", USAGE, "newswarc: error: old.arc: is an ARC file, which is not read; make it a WARC first (`warcio recompress` does)", holding("old.arc", ARC)),
    Mistake("an ARC file, compressed", "ingest old.arc.gz", USAGE, "newswarc: error: old.arc.gz: is an ARC file, which is not read; make it a WARC first (`warcio recompress` does)", holding("old.arc.gz", gzip.compress(ARC, mtime=0))),
    Mistake("an ARC file beside others", "ingest old.arc a.warc.gz", DAMAGE, "newswarc: error: 1 files refused; all else was ingested", steps(holding("old.arc", ARC), holding("a.warc.gz", MEMBER))),
    Mistake("a file compressed with zstd", "ingest a.warc.zst", USAGE, "newswarc: error: a.warc.zst: is compressed with zstd; decompress it first (`zstd -d`)", holding("a.warc.zst", b"\x28\xb5\x2f\xfd")),
    Mistake("a file that is cut", "ingest a.warc.gz", DAMAGE, "newswarc: error: 1 malformed records; all else was ingested", holding("a.warc.gz", MEMBER + MEMBER[:-9])),
    Mistake("a ZIP that is cut", "ingest a.wacz", DAMAGE, "Malformed: a.wacz: is no whole WACZ (File is not a zip file)", holding("a.wacz", b"PK\x03\x04 and no more")),
    Mistake("the collection's own archive", "ingest warc", USAGE, "newswarc: error: warc/....warc.gz: lies in this collection's own archive", crawled),
    Mistake("an empty file: no mistake", "ingest a.warc.gz", OK, "a.warc.gz: 0 records, 0 captures; articles: none", holding("a.warc.gz", b"")),
    Mistake("a file that may not be read", "ingest a.warc.gz", DISK, "newswarc: error: cannot read a.warc.gz: Permission denied; check its permissions", unreadable, ordinary=True),
    Mistake("`ingest` since nonsense", ("ingest", "--since", "last week", "a.warc.gz"), USAGE, 'newswarc: error: --since "last week" is no date; write 2026-03-01 or 2026-03-01T12:00:00Z', holding("a.warc.gz", MEMBER)),
    Mistake("`ingest` with a source of two words", "ingest --source 'my paper' a.warc.gz", USAGE, 'newswarc: error: --source must be one word of letters, digits and . _ - (at most 64), not "my paper"', holding("a.warc.gz", MEMBER)),
    Mistake("`ingest` of no pages", "ingest --limit 0 a.warc.gz", USAGE, "newswarc: error: Invalid value for '--limit': 0 is not in the range x>=1. See `newswarc ingest --help`.", holding("a.warc.gz", MEMBER)),
    Mistake("`ingest` without a collection", "ingest a.warc.gz", USAGE, "newswarc: error: DIR: no collection here (no newswarc.toml); `newswarc init` makes one, --collection DIR uses another"),
]
