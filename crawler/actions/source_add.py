"""`source add`: a site, looked at and written to newswarc.toml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from crawler.config import collection as collections
from crawler.config import edit as config_edit
from crawler.config.collection import Collection
from crawler.config.keys import Source
from crawler.config.naming import known, new_source
from crawler.options import Probe, Trial
from crawler.sources.verdicts import OBSTACLES, home_of, way_in
from crawler.terminal import console
from storage.errors import AllSourcesFailed, UsageError
from storage.records import Candidate

SHOWN = 10  # URLs of a kind that are shown

Look = Callable[[Collection, Source], Probe]


def add(folder: Path, url: str, name: str | None, look: Look, *, force: bool, note: Callable[[str], None]) -> None:
    """Probe a site, show what was found, and add it to newswarc.toml. AllSourcesFailed when there is no way in."""
    collection = collections.find(folder)
    if (there := known(collection, url)) is not None:
        raise UsageError(f'{collection.file}: {url} is there already, as source "{there.name}"')
    source = new_source(collection, url, name)
    probe = look(collection, source)
    for line in report(probe):
        console.out(line)
    if not way_in(probe) and not force:
        raise AllSourcesFailed(f"{url}: not added, {obstacle(probe) or 'no article was found'}; --force adds it anyway")
    source = replace(source, url=home_of(probe, source.url))
    config_edit.add_source(collection.file, source)
    note(f'Added the source "{source.name}" to {collection.file}; `newswarc crawl {source.name}` crawls it')


def obstacle(probe: Probe) -> str | None:
    """What stands in the way, in words."""
    return OBSTACLES.get(probe.obstacle, probe.obstacle) if probe.obstacle else None


def report(probe: Probe) -> list[str]:
    """What a probe found, for a person."""
    rows = [
        *_listed("feeds", probe.feeds),
        *_listed("sitemaps", probe.sitemaps),
        *_listed("sections", probe.sections),
        *(("article", _sample(trial)) for trial in probe.samples),
    ]
    if (problem := obstacle(probe)) is not None:
        rows.append(("warning", problem))
    return [console.one_line(probe.url), *(f"  {title:9} {console.one_line(text)}" for title, text in rows)]


def _listed(title: str, urls: tuple[str, ...]) -> list[tuple[str, str]]:
    more = [("", f"and {len(urls) - SHOWN} more")] if len(urls) > SHOWN else []
    return [(title, url) for url in urls[:SHOWN] or ("none found",)] + more


def _sample(trial: Trial) -> str:
    if isinstance(trial.result, Candidate):
        return " · ".join(filter(None, (trial.result.published_at, trial.result.title, trial.url)))
    return f"no article ({trial.result.reason}): {trial.url}"
