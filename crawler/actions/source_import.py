"""`source import`: many sites at once, looked at and written to newswarc.toml."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.actions.source_verdicts import print_verdict
from crawler.config import collection as collections
from crawler.config import edit as config_edit
from crawler.config.collection import Collection
from crawler.sources import admission
from crawler.sources import lists as source_lists
from crawler.sources.admission import Admission, Verdict
from crawler.sources.lists import Entry
from crawler.terminal import console
from storage.errors import DiskError, UsageError

if TYPE_CHECKING:
    from crawler.options import Probe

STDIN = "-"
SOME_FAILED, ALL_FAILED = 4, 5

Tell = Callable[[Entry, str, "Probe"], None]  # an entry, the home page that was looked at, what was seen
Look = Callable[[Collection, list[Entry], Tell, int], None]  # at so many sites at a time


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a list is taken in."""

    form: str | None = None  # None: told by its content
    jobs: int = 32
    force: bool = False
    dry_run: bool = False
    probe: bool = True
    as_json: bool = False


def import_(folder: Path, file: str, options: ImportOptions, look: Look, note: Callable[[str], None]) -> int:
    """Take in a list of sources, print a verdict on each, and write those with a way in; returns the exit code.

    What was decided is written, also when a signal ends it. Raises UsageError for a list that cannot be read.
    """
    collection = collections.find(folder)
    entries = admission.merged(source_lists.read(_content(file), _shown(file), options.form))
    decided, admitted = _Decided(as_json=options.as_json), Admission(collection.config, force=options.force)
    try:
        _decide(collection, entries, options, look, admitted, decided)
    finally:
        new = admitted.sources
        if new and not options.dry_run:
            config_edit.add_sources(collection.file, new)
        if decided.count:
            note(_summary(decided.count, len(new), collection, options))
    return _exit_code(decided)


def _decide(
    collection: Collection, entries: list[Entry], options: ImportOptions, look: Look, admitted: Admission, decided: _Decided
) -> None:
    unclear = []
    for entry in entries:
        verdict = admitted.at_once(entry) if options.probe else admitted.unseen(entry)
        if verdict is None:
            unclear.append(entry)
        else:
            decided.take(verdict)
    look(collection, unclear, lambda entry, asked, probe: decided.take(admitted.seen(entry, asked, probe)), options.jobs)


class _Decided:
    """Verdicts, printed and counted as they come."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.count: Counter[str] = Counter()
        self.added = self.well = 0

    def take(self, verdict: Verdict) -> None:
        self.count[str(verdict.word)] += 1
        self.added += verdict.added
        self.well += verdict.is_well
        print_verdict(verdict, as_json=self._as_json)


def _exit_code(decided: _Decided) -> int:
    if decided.well == decided.count.total():
        return 0
    return SOME_FAILED if decided.well else ALL_FAILED


def _summary(count: Counter[str], new: int, collection: Collection, options: ImportOptions) -> str:
    told = ", ".join(f"{number} {word}" for word, number in count.most_common())
    done = f"would be added to {collection.file}" if options.dry_run else f"added to {collection.file}"
    return f"{count.total()} {'source' if count.total() == 1 else 'sources'}: {told}; {new} {done}"


def _content(file: str) -> bytes:
    """The bytes of a list. Raises DiskError, and UsageError when it is no file or too long."""
    try:
        if file == STDIN:
            if sys.stdin is None:
                raise UsageError("stdin is closed")
            content = sys.stdin.buffer.read(source_lists.MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(source_lists.MAX_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except OSError as error:
        raise DiskError(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > source_lists.MAX_BYTES:
        raise UsageError(f"{_shown(file)}: is longer than {source_lists.MAX_BYTES} bytes; is it a list of sources at all?")
    return content


def _shown(file: str) -> str:
    return "stdin" if file == STDIN else console.one_line(file)
