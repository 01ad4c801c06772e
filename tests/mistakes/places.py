"""Mistakes with the collection's folder, its archive and its disk."""

# ruff: noqa: E501 - a mistake a line reads best as a table

from __future__ import annotations

import os
import shutil

from tests.mistakes.bench import DAMAGE, DATABASE, DISK, OK, USAGE, Bench, Mistake, Prepare, empty, steps

good, crawled = Bench.good, Bench.crawled

# Mounts of their own, gone with the command.
MOUNTED = 'exec unshare --mount bash -c \'{} || exit 77; cd "$PWD"; exec "$@"\' bash "$@"'
READ_ONLY = MOUNTED.format('mount --bind "$PWD" "$PWD" && mount -o remount,ro,bind "$PWD"')
FULL_WARC = MOUNTED.format("mount -t tmpfs -o size=4k none warc && head -c 4k /dev/zero >warc/ballast")
FULL_TMP = MOUNTED.format("mkdir full && mount -t tmpfs -o size=4k none full && head -c 4k /dev/zero >full/ballast")


def warc(bench: Bench) -> None:
    """The folder of the WARC files is there again."""
    path = bench.folder / "warc"
    path.unlink(missing_ok=True)
    path.mkdir()


def without_warc(bench: Bench) -> None:
    """A collection that lost its archive's folder."""
    bench.good()
    (bench.folder / "warc").rmdir()


def warc_gone(bench: Bench) -> None:
    """The archive lies on a disk that is not mounted."""
    without_warc(bench)
    (bench.folder / "warc").symlink_to("/media/nowhere/warc")


def warc_file(bench: Bench) -> None:
    """A file in place of the archive's folder."""
    without_warc(bench)
    (bench.folder / "warc").write_text("")


def forbidden(path: str, mode: int, after: Prepare = good) -> Prepare:
    """A collection of the ordinary user with one path that denies him something."""

    def prepare(bench: Bench) -> None:
        after(bench)
        bench.mode(path, mode)

    return prepare


def allowed(path: str, mode: int = 0o755) -> Prepare:
    """What denied is mended."""
    return lambda bench: bench.mode(path, mode)


def nested(where: str) -> Prepare:
    """A collection, and another somewhere below."""

    def prepare(bench: Bench) -> None:
        bench.good()
        inner = bench.folder / where
        inner.mkdir(parents=True)
        Bench(inner, bench.site, bench.sample).good()

    return prepare


def archive(change: Prepare) -> Prepare:
    """A collection after a crawl whose archive was changed."""

    def prepare(bench: Bench) -> None:
        bench.crawled()
        change(bench)

    return prepare


def removed(bench: Bench) -> None:
    for path in (bench.folder / "warc").glob("*.warc.gz"):
        path.unlink()


def moved(bench: Bench) -> None:
    bench.database("UPDATE warc_files SET state = 'elsewhere', place = 's3://cold/'")
    removed(bench)


def cut(bench: Bench) -> None:
    for path in (bench.folder / "warc").glob("*.warc.gz"):
        os.truncate(path, path.stat().st_size // 2)


def flipped(bench: Bench) -> None:
    for path in (bench.folder / "warc").glob("*.warc.gz"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)


def foreign(bench: Bench) -> None:
    shutil.copy(next((bench.folder / "warc").glob("*.warc.gz")), bench.folder / "warc" / "foreign.warc.gz")


def open_folder(bench: Bench) -> None:
    (bench.folder / "warc" / "x.warc.gz.open").mkdir()


def lock_folder(bench: Bench) -> None:
    bench.good()
    (bench.folder / "newswarc.lock").mkdir()


def linked(bench: Bench) -> None:
    """The collection is a link to its folder."""
    real = bench.folder / "real"
    real.mkdir()
    Bench(real, bench.site, bench.sample).good()
    (bench.folder / "link").symlink_to("real")


PLACES = [
    Mistake("a collection below another", "crawl --collection inner", USAGE, "newswarc: error: DIR/inner: lies inside of the collection DIR; collections cannot be nested", nested("inner")),
    Mistake("a collection in another's archive", "crawl --collection warc/inner", USAGE, "newswarc: error: DIR/warc/inner: lies inside of the collection DIR; collections cannot be nested", nested("warc/inner")),
    Mistake("a collection around another, which alone is refused: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", nested("inner")),
    Mistake("the collection is a link: no mistake", "crawl --collection link", OK, "Articles: 1 added, 0 pending", linked),
    Mistake("the archive's folder is gone", "crawl", DISK, "newswarc: error: DIR/warc: the folder of the WARC files is not there; mount its disk, or make it if it is new", without_warc, mend=warc),
    Mistake("the archive's disk is gone", "crawl", DISK, "newswarc: error: DIR/warc: the folder of the WARC files is not there; mount its disk, or make it if it is new", warc_gone, mend=warc),
    Mistake("the archive's disk is gone, for `verify`", "verify", DISK, "newswarc: error: DIR/warc: the folder of the WARC files is not there; mount its disk, or make it if it is new", archive(steps(lambda bench: shutil.rmtree(bench.folder / "warc"), lambda bench: (bench.folder / "warc").symlink_to("/media/nowhere/warc")))),
    Mistake("a file in place of the archive's folder", "crawl", DISK, "newswarc: error: DIR/warc: the folder of the WARC files is not there; mount its disk, or make it if it is new", warc_file, mend=warc),
    Mistake("the archive's folder may not be written", "crawl", DISK, "newswarc: error: cannot write DIR/warc/....warc.gz: Permission denied; check its permissions", forbidden("warc", 0o555), ordinary=True, mend=allowed("warc")),
    Mistake("the archive's folder may not be entered", "crawl", DISK, "newswarc: error: cannot write DIR/warc/....warc.gz: Permission denied; check its permissions", forbidden("warc", 0), ordinary=True, mend=allowed("warc")),
    Mistake("the archive's folder may not be read, for `verify`", "verify", DISK, "newswarc: error: cannot read DIR/warc: Permission denied; check its permissions", forbidden("warc", 0, crawled), ordinary=True),
    Mistake("the collection may not be written", "crawl", DISK, "newswarc: error: cannot lock DIR/newswarc.lock: Permission denied; a collection must be writable", forbidden(".", 0o555), ordinary=True, mend=allowed(".")),
    Mistake("the collection may not be written, after a crawl", "crawl", DATABASE, "newswarc: error: database DIR/news.db cannot be written; check the permissions of the file and of its folder", forbidden(".", 0o555, crawled), ordinary=True, mend=allowed(".")),
    Mistake("the collection may only be read, for `status`", "status", DATABASE, "newswarc: error: database DIR/news.db cannot be written; check the permissions of the file and of its folder", forbidden(".", 0o555, crawled), ordinary=True),
    Mistake("the collection may not be entered", "crawl", DISK, "newswarc: error: DIR: you have no permission to read this folder", forbidden(".", 0), ordinary=True, mend=allowed(".")),
    Mistake("the lock is somebody else's", "crawl", DISK, "newswarc: error: cannot lock DIR/newswarc.lock: Permission denied; a collection must be writable", steps(good, lambda bench: (bench.folder / "newswarc.lock").write_text(""), lambda bench: bench.mode("newswarc.lock", 0)), ordinary=True),
    Mistake("a folder in place of the lock", "crawl", DISK, "newswarc: error: cannot lock DIR/newswarc.lock: Is a directory; a collection must be writable", lock_folder, mend=lambda bench: (bench.folder / "newswarc.lock").rmdir()),
    Mistake("`init` in a folder that may not be written", "init new", DISK, "newswarc: error: DIR/new: the collection cannot be made: Permission denied", lambda bench: bench.mode(".", 0o555), ordinary=True),
    Mistake("a site, in a folder that may not be written", "crawl SITE/good/", DISK, "newswarc: error: DIR: the collection cannot be made: Permission denied", lambda bench: bench.mode(".", 0o555), ordinary=True),
    Mistake("`export` to a file that may not be written", "export --output out.jsonl", DATABASE, "newswarc: error: database DIR/news.db cannot be written; check the permissions of the file and of its folder", forbidden(".", 0o555, crawled), ordinary=True),
    Mistake("a disk that can only be read", "crawl", DISK, "newswarc: error: cannot lock DIR/newswarc.lock: Read-only file system; a collection must be writable", good, shell=READ_ONLY),
    Mistake("a disk that can only be read, for `status`: no mistake", "status", OK, "source\tarticles\tnew 24 h\tnew 7 d\tpending\tfailed\tlast success\tlast new\ttrouble", crawled, shell=READ_ONLY),
    Mistake("a disk that can only be read, for `verify`: no mistake", "verify", OK, "No damage in 1 files, 13 records, 3 captures, 1 versions, 1 articles", crawled, shell=READ_ONLY),
    Mistake("the archive's disk is full", "crawl", DISK, "newswarc: error: cannot write DIR/warc/....warc.gz: No space left on device; make room, then run again", good, shell=FULL_WARC, mend=empty),
    Mistake("`package` to a disk that is full", "package --output full/all.wacz", DISK, "newswarc: error: full/all.wacz: cannot be written: No space left on device", crawled, shell=FULL_TMP, keeps=("full",)),
    Mistake("the archive's files are gone", "verify", DAMAGE, "newswarc: error: DIR: 1 faults in 0 files, 0 records, 0 captures, 1 versions, 1 articles", archive(removed)),
    Mistake("the archive's files are gone, for `crawl`: no mistake", "crawl", OK, "Articles: 0 added, 0 pending", archive(removed)),
    Mistake("the archive's files are gone, for `verify --repair`", "verify --repair", DAMAGE, "newswarc: error: DIR: 1 faults in 0 files, 0 records, 0 captures, 1 versions, 1 articles", archive(removed)),
    Mistake("a disk that can only be read, for `verify --repair`", "verify --repair", DISK, "newswarc: error: cannot lock DIR/newswarc.lock: Read-only file system; a collection must be writable", crawled, shell=READ_ONLY),
    Mistake("the archive's files are gone, for `show --raw`", "show --raw SITE/good/", DAMAGE, "newswarc: error: DIR/warc/....warc.gz is missing; put it back or run `newswarc verify`", archive(removed)),
    Mistake("the archive's files were moved to other storage, for `show --raw`", "show --raw SITE/good/", DISK, "newswarc: error: ....warc.gz is in s3://cold/; bring it back, then say `newswarc files here`", archive(moved)),
    Mistake("a file of the archive is cut", "verify", DAMAGE, "newswarc: error: DIR: 1 faults in 1 files, 7 records, 3 captures, 1 versions, 1 articles", archive(cut)),
    Mistake("a file of the archive is cut, and moved away", "files elsewhere '*' --place s3://cold/", DAMAGE, "newswarc: error: DIR/warc/....warc.gz has ... bytes, and had ... when it was closed; it is another, or cut", archive(cut)),
    Mistake("a byte of the archive is changed, and it is moved away", "files elsewhere '*' --place s3://cold/", DAMAGE, "newswarc: error: DIR/warc/....warc.gz is not as it was closed: its SHA-256 is not ...", archive(flipped)),
    Mistake("a byte of the archive is changed", "verify", DAMAGE, "newswarc: error: DIR: 1 faults in 1 files, 12 records, 3 captures, 1 versions, 1 articles", archive(flipped)),
    Mistake("a file in the archive that is not ours", "verify", DAMAGE, "newswarc: error: DIR: 1 faults in 1 files, 13 records, 3 captures, 1 versions, 1 articles", archive(foreign)),
    Mistake("a folder named as an open file", "crawl", DISK, "newswarc: error: cannot recover DIR/warc/x.warc.gz.open: Is a directory; check the disk", archive(open_folder)),
    *(
        Mistake(f"a path with {name}: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, folder=b"news " + odd)
        for name, odd in {"quotes": b"\"it's\"", "% and #": b"100% #1", "a line end": b"a\nb", "other letters": "Zeitung ü 新聞".encode(), "bytes that are no text": b"caf\xe9"}.items()
    ),
    Mistake("a path with a question mark", "crawl", USAGE, "newswarc: error: DIR: a collection's path must not hold a question mark", good, folder=b"news?"),
]
