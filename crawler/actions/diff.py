"""`diff`: what changed between two versions of an article, word by word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crawler.actions.database import opened
from crawler.config import checks
from crawler.config import collection as collections
from crawler.terminal import console
from crawler.terminal.console import Part, Style
from storage.articles.edits import Edit, Op, edits
from storage.articles.sizes import Wording, size_of
from storage.database.engine import Connection
from storage.errors import UsageError
from storage.frontier import withdrawals
from storage.query import known as query

Row = dict[str, Any]

_STYLES = {Op.EQUAL: Style.PLAIN, Op.DELETE: Style.GONE, Op.INSERT: Style.NEW}
_TOLD = ("version", "observed_at", "title", "extractor", "warc_file", "warc_offset", "warc_record_id")
_SKIPPED = "..."  # stands for paragraphs without a change


def diff(folder: Path, target: str, numbers: Sequence[int], *, as_json: bool) -> None:
    """Print the changes between two versions. Raises UsageError when there are no two."""
    collection = collections.find(folder)
    if not checks.is_text(target):
        raise UsageError(f"{checks.shown(target)} is no text, and so neither URL nor uid")
    with opened(collection) as conn:
        article = query.article_by(conn, target)
        if article is None:
            raise UsageError(_why_none(conn, target, collection.folder))
        before, after = (_version(conn, article, number, target) for number in _chosen(article, numbers, target))
    if as_json:
        console.out_json(_as_json(article, before, after))
        return
    for parts in _as_text(article, before, after):
        console.out_parts(parts)


def _why_none(conn: Connection, target: str, folder: Path) -> str:
    if since := withdrawals.article_withdrawn_at(conn, target):
        return f"{checks.shown(target)} was withdrawn at {since}: its versions are not shown"
    if row := query.url_row(conn, target):
        return f"{checks.shown(target)} is no article ({row['state']}{': ' + row['reason'] if row['reason'] else ''})"
    return f"{checks.shown(target)} is not known in {folder}, neither as URL nor as uid"


def _chosen(article: Row, numbers: Sequence[int], target: str) -> tuple[int, int]:
    """The numbers of two versions: those named, one and the one before it, or the last two."""
    if len(numbers) == 2:
        if numbers[0] == numbers[1]:
            raise UsageError(f"version {numbers[0]} and version {numbers[1]} are the same one")
        return numbers[0], numbers[1]
    if article["version"] == 1:
        raise UsageError(f"{checks.shown(target)} has one version only: nothing has changed since {article['first_seen_at']}")
    last = numbers[0] if numbers else article["version"]
    if last == 1:
        raise UsageError("version 1 is the first: there is none before it to compare it with")
    return last - 1, last


def _version(conn: Connection, article: Row, number: int, target: str) -> Row:
    found = query.version_of(conn, article["uid"], number)
    if found is None:
        raise UsageError(f"{checks.shown(target)} has no version {number}; the last is {article['version']}")
    return found


# ---- JSON


def _as_json(article: Row, before: Row, after: Row) -> Row:
    """All there is to say: joined, the equal and inserted stretches of a field are its later value."""
    counted = size_of(_wording(before), _wording(after))
    return {
        "uid": article["uid"],
        "url": article["url"],
        "before": {name: before[name] for name in _TOLD},
        "after": {name: after[name] for name in _TOLD},
        "words_added": counted.added,
        "words_removed": counted.removed,
        "title": [asdict(edit) for edit in _title(before, after)],
        "text": [asdict(edit) for edit in edits(before["text"], after["text"])],
    }


def _title(before: Row, after: Row) -> list[Edit]:
    return edits(before["title"] or "", after["title"] or "")


def _wording(version: Row) -> Wording:
    return version["title"] or "", version["text"]


# ---- text


def _as_text(article: Row, before: Row, after: Row) -> Iterator[list[Part]]:
    """Lines: what is compared, the title, and each paragraph in which something changed."""
    counted = size_of(_wording(before), _wording(after))
    yield [Part(article["url"])]
    for version in (before, after):
        yield [Part(f"version {version['version']}  {version['observed_at']}  {version['title'] or '(no title)'}")]
    yield [Part(f"{counted.added:,} words added, {counted.removed:,} removed")]
    yield []
    title = _title(before, after)
    if any(edit.op is not Op.EQUAL for edit in title):
        yield [Part("title: "), *next(_paragraphs(title))]
        yield []
    yield from _changed_only(_paragraphs(edits(before["text"], after["text"])))


def _changed_only(lines: Iterable[list[Part]]) -> Iterator[list[Part]]:
    """The paragraphs with a change; what is between them is left out."""
    skipped = False
    for line in lines:
        if any(part.style is not Style.PLAIN for part in line):
            if skipped:
                yield [Part(_SKIPPED)]
            yield line
            skipped = False
        else:
            skipped = True
    if skipped:
        yield [Part(_SKIPPED)]


def _paragraphs(found: Iterable[Edit]) -> Iterator[list[Part]]:
    """Edits as lines; a stretch of several lines has a part in each."""
    line: list[Part] = []
    for edit in found:
        first, *more = edit.text.split("\n")
        line += _parts(edit.op, first, line)
        for rest in more:
            yield line
            line = _parts(edit.op, rest, [])
    yield line


def _parts(op: Op, text: str, line: Sequence[Part]) -> list[Part]:
    """A stretch as the next parts of a line: the white space before a change is no part of it, and there just once."""
    words = text if op is Op.EQUAL else text.lstrip()
    space = "" if line and line[-1].style is Style.GONE else text[: len(text) - len(words)]
    return [part for part in (Part(space), Part(words, _STYLES[op])) if part.text]
