"""`source check`: the sources of a collection, looked at again; nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.actions.source_known import known_feeds
from crawler.actions.source_verdicts import as_object, print_verdict
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.config.keys import Source
from crawler.config.naming import named, site_key
from crawler.sources.admission import Verdict
from crawler.sources.verdicts import Word, home_of, judge, lost_feeds, moved_feeds
from crawler.terminal import console
from storage.errors import UsageError

if TYPE_CHECKING:
    from crawler.options import Probe

SOME_FAILED = 4

Tell = Callable[[Source, "Probe"], None]
Look = Callable[[Collection, Sequence[Source], Mapping[str, Sequence[str]], Tell, int], None]


def check(folder: Path, names: Sequence[str], look: Look, note: Callable[[str], None], *, jobs: int, as_json: bool) -> int:
    """Look at the sources named, or at all that are not paused, and print a verdict on each; returns the exit code.

    Raises UsageError for an unknown name.
    """
    collection = collections.find(folder)
    chosen = [named(collection, name) for name in dict.fromkeys(names)]
    chosen = chosen or [source for source in collection.config.sources if not source.paused]
    if not chosen:
        raise UsageError(f"{collection.file}: there is no source to check")
    in_need: list[str] = []

    def tell(source: Source, probe: Probe) -> None:
        if _told(source, probe, as_json=as_json):
            in_need.append(source.name)

    look(collection, chosen, known_feeds(collection), tell, jobs)
    if in_need:
        note(f"{len(in_need)} of {len(chosen)} sources need a person")
    return SOME_FAILED if in_need else 0


def _told(source: Source, probe: Probe, *, as_json: bool) -> bool:
    """Print the verdict on a source; whether it needs a person."""
    word, details = judge(probe)
    home, lost, moved = home_of(probe, source.url), lost_feeds(probe), moved_feeds(probe)
    has_moved = site_key(home) != site_key(source.url)
    remarks = [
        *([f"the home page moved to {home}"] if has_moved else []),
        *(f"a feed that answered before does not any more: {url}" for url in lost),
        *(f"a feed moved: {url} leads to {new}" for url, new in moved.items()),
    ]
    verdict = Verdict(0, source.name, source.url, word, "; ".join([details, *remarks]), probe=probe)
    needs = word is not Word.FOUND or has_moved or bool(lost) or any(url in (source.feeds or ()) for url in moved)
    if as_json:
        shown = {name: value for name, value in as_object(verdict).items() if name not in ("line", "added")}
        more = {"home": home, "lost": lost, "moved": moved, "needs_a_person": needs}
        console.out(json.dumps(shown | more, ensure_ascii=False))
        console.flush()
    else:
        print_verdict(verdict, as_json=False)
    return needs
