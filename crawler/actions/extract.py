"""`extract`: from what was typed to the pages meant by it, and from what each gives to a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from crawler.config import checks
from crawler.config.keys import Config, cores
from crawler.config.naming import checked_url
from crawler.look.extraction import Read, read_all
from crawler.look.given import Terms, of_manifest, of_targets
from crawler.terminal import console
from pipelines.paragraphs import markdown
from pipelines.workers import Workers
from storage.errors import DamageError, UsageError
from storage.foreign.fields import moment
from storage.records import Candidate
from storage.times import now

Show = Callable[[Read], None]

_AHEAD = 4  # pages a worker that may be in memory
_NAMED_OTHERWISE = frozenset({"url", "published_local"})  # `url` is as it was given, `date` as it was declared


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: `targets` and `manifest` as they were typed."""

    targets: tuple[str, ...]
    manifest: str | None
    url: str | None
    fetched_at: str | None
    form: str | None  # text, markdown, blocks; None: fields
    workers: int | None


@dataclass(slots=True)
class _Tally:
    show: Show
    pages: int = 0  # from which something could be read
    problems: int = 0

    def take(self, read: Read) -> None:
        """Shows what came of a page; what is wrong with it goes to stderr."""
        self.pages += read.single is not None and read.single.candidate is not None
        if read.problem is not None:
            self.problems += 1
            console.note(read.problem)
        if read.given.id is not None:
            self.show(read)
            console.flush()  # whoever hands in one page after the other waits for this one


def extract(wanted: Wanted) -> None:
    """Print what each page gives. Raises UsageError when none is named, DamageError when some could not be read (whole)."""
    terms = Terms(_moment(wanted.fetched_at), Config().crawl.max_page_bytes)
    url = _url_of_one(wanted)
    listed = None if wanted.manifest is None else of_manifest(wanted.manifest, terms)
    tally = _Tally(_SHOWS[wanted.form])
    count = wanted.workers or cores()
    with closing(Workers(count, preload=("pipelines.page:warm",))) as workers:
        workers.start()
        read_all(listed or of_targets(wanted.targets, url, terms), workers, _AHEAD * count, tally.take)
    if tally.problems:
        raise DamageError(f"{tally.problems} could not be read, or not whole; {tally.pages} pages were extracted")


def _url_of_one(wanted: Wanted) -> str:
    if not wanted.targets and wanted.manifest is None:
        raise UsageError("nothing to extract; name files or folders, or give --manifest FILE")
    if wanted.targets and wanted.manifest is not None:
        raise UsageError("--manifest goes without FILE; the manifest names them")
    if wanted.url is None:
        return ""
    if wanted.manifest is not None or len(wanted.targets) != 1 or Path(wanted.targets[0]).is_dir():
        raise UsageError("--url goes with one FILE")
    return checked_url(wanted.url)


def _moment(text: str | None) -> str:
    found = moment(text)
    if text is not None and found is None:
        raise UsageError(f"--fetched-at {checks.shown(text)} is no date; write 2026-03-01 or 2026-03-01T12:00:00Z")
    return found or now()


# --- what is shown ----------------------------------------------------------------------------------------------------


def _show_line(read: Read) -> None:
    console.out(json.dumps(as_object(read), ensure_ascii=False))


def _show_blocks(read: Read) -> None:
    paragraphs = read.single.paragraphs if read.single else ()
    blocks = [{"kind": paragraph.kind, "text": paragraph.text} for paragraph in paragraphs]
    console.out(json.dumps(as_object(read) | {"blocks": blocks}, ensure_ascii=False))


def _show_text(read: Read) -> None:
    if read.single and read.single.candidate:
        console.out(f"{read.single.candidate.title or ''}\n\n{read.single.candidate.text}\n")


def _show_markdown(read: Read) -> None:
    if read.single and read.single.candidate:
        console.out(f"# {read.single.candidate.title or ''}\n\n{markdown(read.single.paragraphs)}\n")


_SHOWS: dict[str | None, Show] = {None: _show_line, "text": _show_text, "markdown": _show_markdown, "blocks": _show_blocks}


def as_object(read: Read) -> dict[str, object]:
    """A page as one JSON object: all fields of its Candidate, null where nothing could be read."""
    given, single = read.given, read.single
    candidate = single.candidate if single else None
    found = asdict(candidate) if candidate else dict.fromkeys(field.name for field in fields(Candidate))
    head = {"id": given.id, "corpus": given.corpus, "url": (single.url if single else given.url) or None}
    head |= {"rejected": read.reason, "ms": single.ms if single else None, "date": found["published_local"]}
    rest = {name: value for name, value in found.items() if name not in _NAMED_OTHERWISE}
    return head | rest | {"provenance": dict(candidate.provenance) if candidate else None}
