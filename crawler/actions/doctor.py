"""`doctor`: everything that a crawl needs is looked at, one line each, in a bounded time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from crawler.checkup import machine, network, rows, software
from crawler.checkup.findings import Check, Finding, Level, fail, ok, warn, within
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.config.keys import FaultyConfig
from crawler.terminal import console
from storage.errors import ConfigError

PATIENCE = 30.0  # seconds for a check; the longest looks for LOOKING seconds of its own accord


def doctor(folder: Path, *, offline: bool, quiet: bool, as_json: bool) -> int:
    """Print what every check finds; the exit code is that of the first one that fails, 0 when none does.

    Raises UsageError where there is no collection.
    """
    found = [*_findings(folder, offline=offline)]
    code = next((finding.exit_code for finding in found if finding.level is Level.FAIL), 0)
    if as_json:
        console.out_json({"exit_code": code, "checks": [asdict(finding) for finding in found]})
    else:
        for finding in found:
            if not quiet or finding.level is not Level.OK:
                console.out(console.one_line(f"{finding.level:4}  {finding.check}: {finding.message}"))
    return code


def _findings(folder: Path, *, offline: bool) -> Iterator[Finding]:
    try:
        collection = collections.find(folder)
    except FaultyConfig as faulty:
        yield from (fail("config", ConfigError(fault)) for fault in faulty.faults)
        yield from within(PATIENCE, "versions", software.versions)
        return
    for name, check in _checks(collection, offline=offline):
        yield from within(PATIENCE, name, check)


def _checks(collection: Collection, *, offline: bool) -> Iterator[tuple[str, Check]]:
    yield "config", partial(_config, collection)
    yield "permissions", partial(machine.permissions, collection)
    yield "database", partial(rows.database, collection)
    yield "lock", partial(rows.lock, collection)
    yield "leftovers", partial(rows.leftovers, collection)
    yield "disk", partial(machine.disk, collection)
    yield "open files", partial(machine.open_files, collection)
    yield "memory", partial(machine.memory, collection)
    yield "clock", partial(rows.clock, collection)
    if not offline:
        yield "DNS", partial(network.dns, collection.config)
    yield "robots", partial(rows.robots, collection)
    yield "versions", software.versions


def _config(collection: Collection) -> Iterator[Finding]:
    config = collection.config
    if not config.sources:
        yield warn("config", f"{collection.file}: no source yet; `newswarc source add URL` adds one")
    elif config.collection.contact is None:
        yield warn("config", f"{collection.file}: no contact is set, sites cannot reach you")
    else:
        yield ok("config", f"{collection.file}: {len(config.sources)} sources")
