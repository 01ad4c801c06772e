"""Jobs in worker processes: real processes, real kills."""

from __future__ import annotations

import _thread
import asyncio
import ctypes
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pipelines.workers import Stats, WorkerError, Workers

MIB = 1 << 20
BACKTRACK: tuple[Any, ...] = (re.match, r"(a+)+$", "a" * 64 + "b")  # for ever in C code, interpreter lock held
HOG = "kept = []\nwhile True: kept.append(bytearray(1 << 20))"
SWALLOW = f"try:\n  exec({HOG!r})\nexcept MemoryError:\n  del kept"
LEAVE_IDS = "import os; open({0!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}}\\n')\n"
STUCK_PARENT = """
import asyncio, sys
from pipelines.workers import Workers
async def main():
    workers = Workers(1)
    await workers.run(exec, sys.argv[1])
asyncio.run(main())
"""
REACTOR = """
import asyncio
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import defer, reactor
from pipelines.workers import Workers
workers = Workers(1)
async def main():
    print(await workers.run(len, b"four"))
    workers.close()
    reactor.stop()
reactor.callWhenRunning(lambda: defer.Deferred.fromFuture(asyncio.ensure_future(main())).addErrback(print))
reactor.run()
"""


def until(condition: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait for a condition and return how long that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - started


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@asynccontextmanager
async def pool(count: int = 1, **limits: Any) -> AsyncIterator[Workers]:
    """A pool that is closed at the end."""
    workers = Workers(count, **limits)
    try:
        yield workers
    finally:
        workers.close()


async def reason(job: Awaitable[object]) -> str:
    """Why a job failed."""
    with pytest.raises(WorkerError) as caught:
        await job
    assert str(caught.value) == caught.value.reason
    return caught.value.reason


def fails_alone(*job: Any, **limits: Any) -> tuple[str, Stats]:
    """The reason of a job that fails; a job before and one after it on the same pool succeed."""

    async def main() -> tuple[str, Stats]:
        async with pool(**limits) as workers:
            assert await workers.run(len, b"before") == len(b"before")
            why = await reason(workers.run(*job))
            assert await workers.run(len, b"after") == len(b"after")
            return why, workers.stats

    return asyncio.run(main())


def script(source: str, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
    """A Python process that can import the project."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", source, *arguments]
    return subprocess.Popen(command, env=environment, cwd=cwd, stdout=subprocess.PIPE)


def test_results_come_back() -> None:
    """Arguments and results of any size travel unchanged."""

    async def main() -> None:
        async with pool(2) as workers:
            for size in (0, 1, 70_000, 5 * MIB):
                page = os.urandom(size)
                assert await workers.run(bytes.__add__, page, b"!") == page + b"!"

    asyncio.run(main())


def test_a_loop_in_python_meets_the_cpu_limit() -> None:
    """An endless loop costs its CPU limit and only itself."""
    why, stats = fails_alone(exec, "while True: pass", cpu_seconds=0.3)
    assert why == "cpu-limit"
    assert stats == Stats(jobs=3, failed=1, forked=2, killed=1, cpu_seconds=stats.cpu_seconds, peak_rss=stats.peak_rss)
    assert 0.25 < stats.cpu_seconds < 1
    assert stats.peak_rss > MIB


def test_a_loop_in_c_meets_the_cpu_limit() -> None:
    """C code that never lets go of the interpreter lock is killed all the same."""
    assert fails_alone(*BACKTRACK, cpu_seconds=0.3)[0] == "cpu-limit"


def test_the_cpu_limit_is_per_job() -> None:
    """Many jobs, each within its limit, may together use more."""

    async def main() -> None:
        async with pool(cpu_seconds=0.5) as workers:
            for _ in range(4):
                await workers.run(
                    exec, "import time as t; end = t.process_time() + 0.2\nwhile t.process_time() < end: pass"
                )
            assert workers.stats.forked == 1
            assert workers.stats.cpu_seconds > 0.5

    asyncio.run(main())


def test_waiting_meets_the_time_limit() -> None:
    """A job that uses no CPU ends too."""
    assert fails_alone(time.sleep, 3600, wall_seconds=0.3)[0] == "time-limit"


@pytest.mark.parametrize("source", [HOG, SWALLOW])
def test_a_hog_meets_the_memory_limit(source: str) -> None:
    """A worker never grows beyond its limit, and a job that hides its MemoryError is not believed."""
    why, stats = fails_alone(exec, source, memory_bytes=128 * MIB)
    assert why == "memory-limit"
    assert stats.peak_rss <= 128 * MIB


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ((os._exit, 3), "crashed: exit 3"),
        ((ctypes.string_at, 0), "crashed: signal 11"),
        ((os.abort,), "crashed: signal 6"),
        ((os.closerange, 3, 100), "crashed: "),
        ((int, "x"), "error: ValueError: invalid literal for int() with base 10: 'x'"),
        ((sys.exit, 1), "error: SystemExit: 1"),
        ((exec, "raise ValueError('two\\nlines \\x1b[1m \\udc80' + 'x' * 9000)"), "error: ValueError: two lines "),
        ((_thread.allocate_lock,), "error: TypeError: cannot pickle '_thread.lock' object"),
        ((len, b"", _thread.allocate_lock()), "error: TypeError: cannot pickle '_thread.lock' object"),
        ((lambda: None,), "error: PicklingError: "),
    ],
)
def test_a_failure_is_named(job: tuple[Any, ...], expected: str) -> None:
    """Every way to fail is one short printable line, and the next job succeeds."""
    why, _ = fails_alone(*job)
    assert why.startswith(expected)
    assert why.isprintable()
    assert len(why) < 400


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_to_the_group_are_ours(number: int) -> None:
    """Workers and forker outlive a signal to the whole group: our process decides what ends."""

    async def main() -> None:
        async with pool() as workers:
            await workers.run(exec, f"import os; os.kill(os.getppid(), {number}); os.kill(os.getpid(), {number})")
            await workers.run(len, b"")
            assert workers.stats.forked == 1

    asyncio.run(main())


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    """After kill -9 of our process a worker stuck in C code and the forker are gone within 2 s."""
    ids = tmp_path / "ids"
    job = LEAVE_IDS.format(str(ids)) + f"import re; re.match({BACKTRACK[1]!r}, {BACKTRACK[2]!r})"
    with script(STUCK_PARENT, job) as parent:
        until(lambda: ids.exists() and ids.read_text().endswith("\n"))
        pids = [int(pid) for pid in ids.read_text().split()]
        assert all(map(alive, pids))
        parent.kill()
        until(lambda: not any(map(alive, pids)), seconds=2.0)


def test_an_importing_forker_notices_its_parents_end(tmp_path: Path) -> None:
    """After kill -9 of our process the forker ends even while it imports."""
    (tmp_path / "slow_module.py").write_text(
        LEAVE_IDS.format(str(tmp_path / "ids")) + "import time\nfor _ in range(600): time.sleep(0.1)\n"
    )
    source = f"import sys; sys.path.append({str(tmp_path)!r})" + STUCK_PARENT.replace(
        "(1)", "(1, preload=('slow_module',))"
    )
    ids = tmp_path / "ids"
    with script(source, "pass") as parent:
        until(lambda: ids.exists() and ids.read_text().endswith("\n"))
        pid = int(ids.read_text().split()[0])
        parent.kill()
        until(lambda: not alive(pid), seconds=2.0)


def test_a_killed_forker_is_replaced(tmp_path: Path) -> None:
    """Without its forker a running job fails as one to repeat, and the next one has a new forker."""
    ids = tmp_path / "ids"

    async def main() -> None:
        async with pool() as workers:
            stuck = asyncio.ensure_future(
                workers.run(exec, LEAVE_IDS.format(str(ids)) + "import time; time.sleep(3600)")
            )
            await asyncio.to_thread(until, lambda: ids.exists() and ids.read_text().endswith("\n"))
            worker, forker = map(int, ids.read_text().split())
            os.kill(forker, signal.SIGKILL)
            with pytest.raises(WorkerError, match="unavailable: ") as caught:
                await stuck
            assert caught.value.again
            assert await workers.run(os.getppid) != forker
            until(lambda: not alive(worker), seconds=2.0)

    asyncio.run(main())


def test_close_is_quick_while_jobs_are_stuck() -> None:
    """Closing kills stuck workers within a second; jobs without a result fail as closed; again is nothing."""

    async def main() -> float:
        workers = Workers(2)
        jobs = [asyncio.ensure_future(workers.run(*BACKTRACK)) for _ in range(10)]
        await asyncio.to_thread(until, lambda: workers.stats.forked == 2)
        started = time.monotonic()
        workers.close()
        workers.close()
        seconds = time.monotonic() - started
        assert {await reason(workers.run(len, b"")), *[await reason(job) for job in jobs]} == {"closed"}
        return seconds

    assert asyncio.run(main()) < 1.0


def test_close_is_quick_while_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing does not wait for slow imports."""
    (tmp_path / "slow_module.py").write_text("import time\ntime.sleep(3600)\n")
    monkeypatch.syspath_prepend(tmp_path)

    async def main() -> float:
        workers = Workers(1, preload=("slow_module",))
        job = asyncio.ensure_future(workers.run(len, b""))
        await asyncio.sleep(0)
        started = time.monotonic()
        workers.close()
        seconds = time.monotonic() - started
        assert await reason(job) == "closed"
        return seconds

    assert asyncio.run(main()) < 1.0


@pytest.mark.parametrize("executable", ["/no/such/python", "/bin/false"])
def test_no_process_at_all(executable: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where no process can be started each job fails as one to repeat, and one error is logged."""
    monkeypatch.setattr(sys, "executable", executable)

    async def main() -> None:
        async with pool() as workers:
            for _ in range(3):
                assert (await reason(workers.run(len, b""))).startswith("unavailable: ")

    asyncio.run(main())
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_an_unused_pool_starts_nothing() -> None:
    """Processes come with the first job or `start`."""

    async def main() -> None:
        async with pool(4) as workers:
            assert workers.stats == Stats()

    asyncio.run(main())


def test_first_come_first_served() -> None:
    """Many more jobs than there is room for end in the order they came."""
    ended: list[int] = []

    async def main() -> None:
        async with pool() as workers:

            async def one(number: int) -> None:
                ended.append(await workers.run(abs, number))

            await asyncio.gather(*map(one, range(300)))

    asyncio.run(main())
    assert ended == list(range(300))


def test_a_cancelled_wait_leaves_the_pool_whole() -> None:
    """Who no longer wants a result costs nobody else theirs."""

    async def main() -> None:
        async with pool(cpu_seconds=0.3) as workers:
            jobs = [asyncio.ensure_future(workers.run(*BACKTRACK)) for _ in range(5)]
            await asyncio.to_thread(until, lambda: workers.stats.forked == 1)
            for job in jobs:
                job.cancel()
            assert await workers.run(len, b"1") == 1
            assert workers.stats.jobs <= 3

    asyncio.run(main())


def test_workers_are_recycled() -> None:
    """A worker is replaced after so many jobs, and when it stays large."""

    async def main() -> None:
        async with pool(recycle_jobs=10, memory_bytes=512 * MIB) as workers:
            for _ in range(35):
                await workers.run(len, b"")
            assert workers.stats.forked == 4
            await workers.run(exec, "import builtins; builtins.kept = bytearray(300 << 20)")
            await workers.run(len, b"")
            assert workers.stats.forked == 5
            assert workers.stats.killed == 0

    asyncio.run(main())


def test_output_of_workers_becomes_debug_messages(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What a job prints never mixes with our own output."""
    caplog.set_level(logging.DEBUG, "pipelines.forker")

    async def main() -> None:
        async with pool() as workers:
            await workers.run(exec, "import sys; print('out', flush=True); print('err', file=sys.stderr, flush=True)")
            await asyncio.to_thread(until, lambda: len(caplog.messages) >= 2)

    asyncio.run(main())
    assert caplog.messages == ["worker: out", "worker: err"]
    assert capfd.readouterr() == ("", "")


def test_nothing_of_ours_is_inherited() -> None:
    """A worker holds its streams and its own socket, not even an inheritable socket of ours."""

    async def main() -> list[str]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.set_inheritable(True)
            async with pool() as workers:
                return await workers.run(os.listdir, "/proc/self/fd")

    listing = 1  # the descriptor that reads the folder
    assert len(asyncio.run(main())) == 3 + 1 + listing


def test_modules_of_the_current_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the folder a crawl runs in cannot pose as a module of the workers."""
    (tmp_path / "struct.py").write_text("raise SystemExit('wrong module')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])

    async def main() -> None:
        async with pool() as workers:
            assert await workers.run(os.getcwd) == str(tmp_path)

    asyncio.run(main())


def test_preloading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is named is loaded once, before the first job; a missing module harms only those who need it."""
    (tmp_path / "warm_module.py").write_text("import os\nby = []\ndef warm(): by.append(os.getpid())\n")
    monkeypatch.syspath_prepend(tmp_path)

    async def main() -> None:
        async with pool(preload=("no_such_module", "warm_module:warm")) as workers:
            workers.start()
            assert await workers.run(eval, "__import__('warm_module').by == [__import__('os').getppid()]")
            assert "ModuleNotFoundError" in await reason(workers.run(exec, "import no_such_module"))

    asyncio.run(main())


def test_works_in_the_reactor(tmp_path: Path) -> None:
    """The pool works in Twisted's asyncio reactor, started in another folder."""
    with script(REACTOR, cwd=tmp_path) as process:
        output, _ = process.communicate(timeout=30)
    assert output == b"4\n"
    assert process.returncode == 0
