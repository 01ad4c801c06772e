"""Fuzz what eats the network's bytes: guided by coverage where atheris is installed, else by mutating the seeds.

    python -m scripts.fuzz [--seconds 60] [--out fuzz-findings] [TARGET ...]

Each target runs in a process of its own with a limit on memory. What it raises, what takes longer than a few seconds and
what ends the process is a finding: the input is written to a folder, with the command that shows it again. Exit code 1 when
there is any.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import logging
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from types import FrameType

from tests.fuzz.giants import giants
from tests.fuzz.mutate import SEEDS, mutated, seeds

NAMES = sorted(folder.name for folder in SEEDS.iterdir() if folder.is_dir())
LIMIT_SECONDS = 5.0  # of CPU for one input
MEMORY = 3 << 30  # bytes of address space
_MAX_INPUT = 20_000  # bytes, of atheris; the large shapes are in tests/fuzz/giants.py
_HANG = 30  # seconds a C function may take before its process is ended
_GIANT = 1_000_000  # bytes
_BATCH = 500


Target = Callable[[bytes], None]


class _SlowError(Exception):
    """An input took longer than it may."""


def main() -> int:
    """Run the targets one after the other, or one input again."""
    options = _options()
    if options.input:
        return _again(options.targets[0], options.input)
    if options.child:
        return _fuzz(options.targets[0], options.seconds, options.out, options.child)
    failed = [name for name in options.targets or NAMES if not _ran(name, options.seconds, options.out)]
    print(f"findings in: {', '.join(failed)}" if failed else "no findings")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"), help="folder for findings")
    parser.add_argument("--input", type=Path, help="run one input through one target")
    parser.add_argument("--child", choices=("giants", "atheris", "mutation"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.targets) - set(NAMES):
        parser.error(f"no target {', '.join(sorted(unknown))}")
    if (options.input or options.child) and len(options.targets) != 1:
        parser.error("name one target")
    return options


# --- one target after the other ---------------------------------------------------------------------------------------


def _ran(name: str, seconds: float, out: Path) -> bool:
    """Whether a target found nothing, in large shapes and then in what is made of its seeds.

    Atheris stops at its first finding; mutation goes on.
    """
    ways = ("giants", "atheris" if _has_atheris() else "mutation")
    held = [_ran_as(way, name, seconds, out) for way in ways]
    return all(held)


def _ran_as(way: str, name: str, seconds: float, out: Path) -> bool:
    before = _found(out, name)
    asked = [sys.executable, "-m", "scripts.fuzz", "--child", way, "--seconds", str(seconds), "--out", str(out), name]
    print(f"== {name}: {way}", flush=True)
    try:
        code = subprocess.run(asked, check=False, timeout=seconds + 10 * _HANG).returncode
    except subprocess.TimeoutExpired:
        code = -signal.SIGKILL
    if code not in {0, 1} and _found(out, name) == before:
        _keep_last(out, name, f"ended with exit code {code}")
    for path in sorted(_found(out, name) - before):
        print(f"   {path}\n   again: python -m scripts.fuzz --input {path} {name}")
    return _found(out, name) == before and code == 0


def _has_atheris() -> bool:
    return subprocess.run([sys.executable, "-c", "import atheris"], check=False, capture_output=True).returncode == 0


def _found(out: Path, name: str) -> set[Path]:
    return {path for path in (out / name).glob("*") if path.suffix in {".bin", ""} and path.name != "last"}


def _keep_last(out: Path, name: str, why: str) -> None:
    """The input that ended the process, which had no time to say so."""
    last = out / name / "last"
    if last.exists():
        last.rename(last.with_name(f"ended-{hashlib.sha256(last.read_bytes()).hexdigest()[:12]}.bin"))
        print(f"   {why}")


# --- one target -------------------------------------------------------------------------------------------------------


def _target(name: str) -> Target:
    """Imported late: atheris has to see the import."""
    from tests.fuzz.targets import TARGETS

    return TARGETS[name]


def _prepared() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _alarm(_number: int, _frame: FrameType | None) -> None:
    raise _SlowError


def _fuzz(name: str, seconds: float, out: Path, way: str) -> int:
    _prepared()
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    if way == "atheris":
        return _guided(name, seconds, folder)
    if way == "giants":
        return _tried_all(name, (giant.of(_GIANT) for giant in giants(name)), folder)
    ends = time.monotonic() + seconds
    inputs = takewhile(lambda _: time.monotonic() < ends, _endlessly(list(seeds(name).values())))
    return _tried_all(name, inputs, folder)


def _tried_all(name: str, inputs: Iterable[bytes], folder: Path) -> int:
    target, tried, kinds = _target(name), 0, set[str]()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _alarm)
    for data in inputs:
        tried += 1
        kind = _tried(target, data, folder)
        if kind and kind not in kinds:
            kinds.add(kind)
            _kept(folder, data, kind)
    print(f"   {tried} inputs")
    return 1 if kinds else 0


def _endlessly(corpus: list[bytes]) -> Iterator[bytes]:
    yield from corpus
    number = time.time_ns()
    while True:
        yield from mutated(corpus, _BATCH, number)
        number += 1


def _tried(target: Target, data: bytes, folder: Path) -> str | None:
    """What went wrong, and where in our code or below; None when nothing did."""
    (folder / "last").write_bytes(data)
    faulthandler.dump_traceback_later(_HANG, exit=True)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_SECONDS)
    began = time.process_time()
    try:
        target(data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return f"slow: {target.__name__}" if time.process_time() - began > LIMIT_SECONDS else None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return _named(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()


def _named(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def _kept(folder: Path, data: bytes, kind: str) -> None:
    path = folder / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(f"{kind}\n", encoding="utf-8")
    print(f"   {kind}", flush=True)


def _guided(name: str, seconds: float, folder: Path) -> int:
    import atheris

    with atheris.instrument_imports(include=["crawler", "pipelines", "storage"]):
        target = _target(name)
    corpus = folder.parent / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for file, data in seeds(name).items():
        (corpus / file).write_bytes(data)
    limits = [
        f"-max_total_time={seconds:.0f}",
        f"-max_len={_MAX_INPUT}",
        "-timeout=20",
        "-rss_limit_mb=3000",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={folder}/", str(corpus)], target)
    atheris.Fuzz()
    return 0


def _again(name: str, path: Path) -> int:
    """One input once more, with its traceback."""
    began = time.process_time()
    _target(name)(path.read_bytes())
    spent = time.process_time() - began
    print(f"{spent:.2f} s of CPU")
    return 1 if spent > LIMIT_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
