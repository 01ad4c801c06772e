"""The machine that a collection lies on: disk, permissions, open files, memory."""

from __future__ import annotations

import os
import pwd
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from crawler.checkup.findings import Finding, Level, fail, ok, warn
from crawler.config.collection import Collection
from crawler.process.handles import ENOUGH, hosts_at_once
from pipelines.workers import MEMORY_BYTES
from storage.database.engine import open_readonly, reading
from storage.errors import DiskError, NewswarcError
from storage.query import health
from storage.times import now

FEW_BYTES = 1_000_000_000  # free space below which somebody should look
FEW_DAYS = 14  # that the free space lasts
FEW_FILES = 10_000  # inodes
MEASURED = 30  # days of growth
_PROBE = ".newswarc-doctor"


def span(seconds: float) -> str:
    """A time for a person: 90 s, 12 min, 5 h, 3 days."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


# ---- disk


def disk(collection: Collection) -> Iterator[Finding]:
    """Whether warc/ can be written and synced, and how long its free space lasts."""
    folder = collection.warc()
    yield _written(folder)
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    if space.f_files and space.f_favail < FEW_FILES:
        yield warn("inodes", f"{space.f_favail:,} are left on the disk of {folder}")
    yield _space(free, _growth(collection))


def _written(folder: Path) -> Finding:
    """A file is written, synced and removed, as a WARC file is."""
    probe = folder / f"{_PROBE}-{os.getpid()}"
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, bytes(4_096))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        return fail("disk", DiskError(f"{folder}: cannot be written: {error.strerror}"))
    return ok("disk", f"{folder} can be written and synced")


def _growth(collection: Collection) -> health.Growth | None:
    """What was archived of late; None where no database tells."""
    if collection.is_new():
        return None
    with suppress(NewswarcError):  # the database has a check of its own
        engine = open_readonly(collection.database_url, timeout=2.0)
        try:
            with reading(engine) as conn:
                return health.growth(conn, now(), MEASURED)
        finally:
            engine.dispose()
    return None


def _space(free: int, growth: health.Growth | None) -> Finding:
    told = f"{free / 1e9:,.1f} GB are free"
    a_day = growth.size / growth.days if growth and growth.days >= 1 else 0.0
    if a_day:
        told += f", {a_day / 1e6:,.0f} MB are archived a day: enough for {min(free / a_day, 99_999):,.0f} days"
    if free < FEW_BYTES or (a_day and free / a_day < FEW_DAYS):
        return Finding("space", Level.WARN, f"{told}; free some, or move WARC files (`newswarc files elsewhere`)")
    return ok("space", told)


# ---- permissions


def permissions(collection: Collection) -> Iterator[Finding]:
    """Whether whoever asks may read and write all that a run does, and owns what runs made."""
    places = [collection.file, collection.folder, collection.folder / "warc", *_database_files(collection)]
    there = [place for place in places if place.exists()]
    needed = {place: os.R_OK if place == collection.file else os.R_OK | os.W_OK for place in there}
    closed = [place for place, mode in needed.items() if not os.access(place, mode, effective_ids=True)]
    for place in closed:
        yield fail("permissions", DiskError(f"{place}: {name_of(os.geteuid())} may not read or write it"))
    owner = collection.folder.stat().st_uid
    for place in there:
        if place.stat().st_uid != owner and place != collection.file:
            owners = f"{name_of(place.stat().st_uid)}, the collection to {name_of(owner)}"
            yield warn("permissions", f"{place} belongs to {owners}: a run of another user made it; chown it")
    if os.geteuid() != owner:
        yield warn("permissions", f"you are {name_of(os.geteuid())}, the collection belongs to {name_of(owner)}")
    elif not closed:
        yield ok("permissions", f"all belongs to {name_of(owner)} and can be written")


def _database_files(collection: Collection) -> list[Path]:
    scheme, _, file = collection.database_url.partition(":///")
    return [Path(f"{file.partition('?')[0]}{end}") for end in ("", "-wal", "-shm")] if scheme == "sqlite" else []


def name_of(uid: int) -> str:
    """A user's name; the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


# ---- limits


def open_files(collection: Collection) -> Iterator[Finding]:
    """How many files a run may open, and how many hosts that lets it ask at once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    wanted = collection.config.crawl.concurrency
    hosts = hosts_at_once(wanted, limit)
    if hosts < wanted:
        yield warn("open files", f"{limit} (ulimit -Hn) allow {hosts} hosts at once; concurrency is {wanted}")
    else:
        yield ok("open files", f"{limit} are enough for {wanted} hosts at once")


def memory(collection: Collection) -> Iterator[Finding]:
    """Whether there is room for the workers at their limit."""
    available = _available()
    if available is None:
        return
    workers = collection.config.crawl.worker_count
    told = f"{available / 1e9:,.1f} GB are available for {workers} workers, each of at most {MEMORY_BYTES / 1e9:.1f} GB"
    yield (ok if available > MEMORY_BYTES else warn)("memory", told)


def _available() -> int | None:
    """Bytes that the machine can give, and that a control group lets us have (cgroup v2)."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    with suppress(OSError, ValueError):
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text("ascii")) - _used())
    return min(found, default=None)


def _used() -> int:
    return int(Path("/sys/fs/cgroup/memory.current").read_text("ascii"))
