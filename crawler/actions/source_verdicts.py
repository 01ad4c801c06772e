"""A verdict on a source, as it is printed: a line for a person or a pipe, or a JSON object."""

from __future__ import annotations

import json

from crawler.sources.admission import Verdict
from crawler.sources.verdicts import broken, working_feeds, working_sitemaps
from crawler.terminal import console

_WIDTHS = (32, 16)  # characters of name and verdict on a terminal


def print_verdict(verdict: Verdict, *, as_json: bool) -> None:
    """Print one verdict, at once."""
    if as_json:
        console.out(json.dumps(as_object(verdict), ensure_ascii=False))
    else:
        cells = [console.one_line(cell) for cell in (verdict.name, verdict.word, verdict.details or verdict.url)]
        if console.is_terminal(console.stdout()):
            cells[:2] = [cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=False)]
        console.out(("  " if console.is_terminal(console.stdout()) else "\t").join(cells))
    console.flush()


def as_object(verdict: Verdict) -> dict[str, object]:
    """A verdict with all that was seen."""
    probe = verdict.probe
    return {
        "line": verdict.line or None,
        "name": verdict.name,
        "url": verdict.url,
        "verdict": str(verdict.word),
        "details": verdict.details,
        "added": verdict.added,
        "feeds": working_feeds(probe) if probe else None,
        "sitemaps": working_sitemaps(probe) if probe else None,
        "sections": probe.sections if probe else None,
        "broken": broken(probe) if probe else None,
    }
