"""Reads pages in workers, many at once, and tells what each gives in the order in which they were given."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from crawler.look.given import Given
from pipelines.page import RawPage
from pipelines.single import Single, read_single
from pipelines.workers import WorkerError, Workers


@dataclass(frozen=True, slots=True)
class Read:
    """A page that was given, and what came of it; `problem`: one line that names it, where it could not be read (whole)."""

    given: Given
    single: Single | None
    reason: str | None  # why a crawl would not store it
    problem: str | None


def read_all(givens: Iterable[Given], workers: Workers, ahead: int, tell: Callable[[Read], None]) -> None:
    """Read what is given; `ahead`: how many pages may be in memory. `givens` is gone through in a thread: it may wait for more."""
    asyncio.run(_read_all(givens, workers, ahead, tell))


async def _read_all(givens: Iterable[Given], workers: Workers, ahead: int, tell: Callable[[Read], None]) -> None:
    loop = asyncio.get_running_loop()
    room = threading.Semaphore(ahead)
    arrived: asyncio.Queue[asyncio.Task[Read] | BaseException | None] = asyncio.Queue()

    def arrive(given: Given) -> None:
        arrived.put_nowait(loop.create_task(_read(given, workers)))

    def feed() -> None:
        last: BaseException | None = None
        with suppress(RuntimeError):  # of a loop that is closed: nobody wants more
            try:
                for given in givens:
                    room.acquire()
                    loop.call_soon_threadsafe(arrive, given)
            except Exception as error:  # noqa: BLE001 - it is raised where it is heard
                last = error
            loop.call_soon_threadsafe(arrived.put_nowait, last)

    threading.Thread(target=feed, name="feed", daemon=True).start()
    while isinstance(task := await arrived.get(), asyncio.Task):
        tell(await task)
        room.release()
    if task is not None:
        raise task


async def _read(given: Given, workers: Workers) -> Read:
    if given.raw is None:
        return Read(given, None, "unreadable", given.problem)
    try:
        single = await workers.run(read_single, given.raw)
    except WorkerError as error:
        return Read(given, None, error.reason, f"{given.name}: {error.reason}")
    return Read(given, single, single.reason, None if given.served else _wrong(given, given.raw, single))


def _wrong(given: Given, raw: RawPage, single: Single) -> str | None:
    if single.candidate is None:
        return f"{given.name}: {single.reason}"
    return f"{given.name}: is torn, or longer than {raw.limit} bytes; its first part was read" if single.cut else None
