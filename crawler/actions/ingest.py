"""`ingest`: from what was typed to the files of one ingestion, and from what came of it to lines."""

from __future__ import annotations

import glob
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.ingest.ingestion import Ingestion
from crawler.ingest.options import Ingested, IngestOptions, Input
from crawler.terminal import console, jsonlog
from pipelines.ingest import Tally
from storage.errors import DamageError, UsageError
from storage.foreign.fields import moment
from storage.foreign.kinds import SUFFIXES, is_wacz

Run = Callable[[Collection, IngestOptions, Sequence[Input]], Ingested]

_SHOWN = 20  # malformed records that are named
_COUNTS = ("records", "captures", "known", "filtered", "others", "unresolved", "rewritten")


def ingest(folder: Path, targets: tuple[str, ...], options: IngestOptions, run: Run, *, as_json: bool) -> int:
    """Ingest the files meant by `targets`. Raises UsageError when there are none, DamageError when some could not be read whole."""
    collection = collections.find(folder)
    options = _checked(collection, options)
    inputs, refused = _inputs(targets, collection.warc())
    if not inputs:
        raise UsageError(refused[0] if refused else f"{', '.join(targets)}: no WARC or WACZ file there")
    for line in refused:
        console.note(line)
    result = run(collection, options, inputs)
    malformed = sum(tally.malformed_count for tally in result.tallies)
    if as_json:
        console.out_json(_document(result, refused))
    elif not options.quiet or malformed:
        for line in _lines(result, quiet=options.quiet):
            console.note(line)
    if malformed or refused:
        unread = [f"{malformed} malformed records"] * bool(malformed) + [f"{len(refused)} files refused"] * bool(refused)
        raise DamageError(f"{' and '.join(unread)}; all else was ingested")
    return 0


def run(collection: Collection, options: IngestOptions, inputs: Sequence[Input]) -> Ingested:
    """Ingest, with what is worth telling on stderr."""
    logging.basicConfig(handlers=[jsonlog.speaker()], level=_level(options))
    return Ingestion(collection, options).run(inputs)


def _level(options: IngestOptions) -> int:
    return logging.ERROR if options.quiet else {0: logging.WARNING, 1: logging.INFO}.get(options.verbose, logging.DEBUG)


# --- what was typed ---------------------------------------------------------------------------------------------------


def _checked(collection: Collection, options: IngestOptions) -> IngestOptions:
    """The options with moments as rows have them. Raises UsageError."""
    if options.source is not None and collection.config.source(options.source) is None:
        try:
            checks.source_name(options.source)
        except ValueError as fault:
            raise UsageError(f"--source {fault}") from None
    return replace(options, since=_moment("--since", options.since), until=_moment("--until", options.until))


def _moment(option: str, text: str | None) -> str | None:
    found = moment(text)
    if text is not None and found is None:
        raise UsageError(f"{option} {checks.shown(text)} is no date; write 2026-03-01 or 2026-03-01T12:00:00Z")
    return found


def _inputs(targets: Sequence[str], warc: Path) -> tuple[list[Input], list[str]]:
    """The files to ingest, each once, and the lines about those that cannot be. Raises UsageError for what is not there."""
    found: dict[Path, Input] = {}
    refused = []
    for target in targets:
        for path in _files(target):
            if path.resolve().parent == warc.resolve():
                raise UsageError(f"{path}: lies in this collection's own archive")
            try:
                found.setdefault(path.resolve(), Input(path, str(path), is_wacz(path)))
            except UsageError as error:
                refused.append(str(error))
    return list(found.values()), refused


def _files(target: str) -> Iterator[Path]:
    path = Path(target)
    if path.is_dir():
        yield from sorted(one for one in path.rglob("*") if one.name.lower().endswith(SUFFIXES) and one.is_file())
    elif os.path.lexists(path):
        if not path.is_file():
            raise UsageError(f"{path}: is no file")
        yield path
    elif matches := sorted(glob.glob(target, recursive=True)):  # noqa: PTH207 - a pattern may be absolute
        for match in matches:
            yield from _files(match)
    else:
        raise UsageError(f"{target}: there is no such file or folder")


# --- what came of it --------------------------------------------------------------------------------------------------


def _lines(result: Ingested, *, quiet: bool) -> Iterator[str]:
    if not quiet:
        yield from (f"{tally.file}: {_summary(tally)}" for tally in result.tallies)
        if len(result.tallies) > 1:
            yield f"{len(result.tallies)} files: {_summary(_total(result.tallies))}"
    named = [line for tally in result.tallies for line in tally.malformed]
    yield from (f"Malformed: {line}" for line in named[:_SHOWN])
    if (more := sum(tally.malformed_count for tally in result.tallies) - len(named[:_SHOWN])) > 0:
        yield f"Malformed: and {more} more; --json names them"


def _summary(tally: Tally) -> str:
    """The counts of a file in one line: what there is none of is left out."""
    counts = [f"{tally.records} records", f"{tally.captures} captures"]
    words = {"known": "known before", "filtered": "filtered", "others": "not of the web", "unresolved": "unresolved revisits"}
    counts += [f"{count} {word}" for name, word in words.items() if (count := getattr(tally, name))]
    counts += [f"{tally.malformed_count} malformed"] * bool(tally.malformed_count)
    outcomes = [f"{count} {name}" for name, count in sorted(tally.outcomes.items(), key=lambda pair: (-pair[1], pair[0]))]
    return f"{', '.join(counts)}; articles: {', '.join(outcomes) or 'none'}"


def _total(tallies: Sequence[Tally]) -> Tally:
    total = Tally("all")
    for tally in tallies:
        for name in (*_COUNTS, "malformed_count"):
            setattr(total, name, getattr(total, name) + getattr(tally, name))
        total.outcomes += tally.outcomes
    return total


def _document(result: Ingested, refused: Sequence[str]) -> dict[str, object]:
    return {
        "run": result.run_id,
        "files": [
            {"file": tally.file, "name": tally.name, "in_place": tally.in_place, "malformed": tally.malformed} | _numbers(tally)
            for tally in result.tallies
        ],
        "totals": _numbers(_total(result.tallies)),
        "refused": list(refused),
    }


def _numbers(tally: Tally) -> dict[str, object]:
    counts = {name: getattr(tally, name) for name in (*_COUNTS, "malformed_count")}
    return {**counts, "outcomes": dict(Counter(tally.outcomes))}
