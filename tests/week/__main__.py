"""`python -m tests.week`: the whole week, and its figures. Exit code 1 when something does not hold."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.week import cron
from tests.week.judge import faults, figures


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.week", description="A week of cron on a virtual clock.")
    parser.add_argument("--runs", type=int, default=cron.RUNS, help="every ten minutes one; 1008 are a week")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with TemporaryDirectory(prefix="week-") as folder, cron.opened(Path(folder), options.runs, options.seed) as week:
        cron.play(week, incidents(options.runs), _progress)
        broken = faults(week)
        for line in figures(week):
            print(line)
    print(f"{options.runs} runs of a schedule in {time.monotonic() - began:.0f} s; broken promises: {len(broken)}")
    for line in broken:
        print(f"BROKEN: {line}")
    return 1 if broken else 0


def incidents(runs: int) -> dict[int, cron.Incident]:
    """What befalls which run: spread over the time."""
    order = (
        cron.locked_out, cron.killed, cron.skipped, cron.full_disk, cron.killed, cron.set_back, cron.patient, cron.killed,
    )  # fmt: skip
    return {(number + 1) * runs // (len(order) + 2): incident for number, incident in enumerate(order)}


def _progress(number: int) -> None:
    if number % 100 == 99:
        print(f"{number + 1} runs", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
