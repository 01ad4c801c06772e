"""`crawl` and `fetch`: from what was typed to the sources and pages of one run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.config.naming import added, checked_url, is_url, named, paused
from crawler.monitoring.reporting import Report, reported
from crawler.options import CrawlOptions
from crawler.terminal import console
from storage.errors import UsageError
from storage.urlkey import InvalidURL, canonical

Begun = Callable[[], None]
Run = Callable[[Collection, CrawlOptions, Begun | None], int]  # the engine's, returns the exit code


def crawl(folder: Path, targets: tuple[str, ...], options: CrawlOptions, run: Run, metrics: Path | None = None) -> int:
    """Run the sources and sites that were named, all when none was; returns the exit code."""
    with reported(folder, options, metrics) as report:
        code = _crawl(folder, targets, options, run, report)
    report.ended(code, None)
    return code


def _crawl(folder: Path, targets: tuple[str, ...], options: CrawlOptions, run: Run, report: Report) -> int:
    collection = _collection(folder, targets, options.quiet)
    report.of(collection)
    collection, names = sources_named(collection, targets, options.quiet)
    report.of(collection)
    if not collection.config.sources:
        raise UsageError(f"{collection.file}: no source yet; `newswarc source add URL` adds one")
    _refuse_paused(collection, names)
    _hint_contact(collection, options.quiet)
    return run(collection, replace(options, sources=names), report.begun)


def fetch(folder: Path, urls: tuple[str, ...], options: CrawlOptions, run: Run) -> int:
    """Fetch exactly some pages; returns the exit code."""
    pages = tuple(dict.fromkeys(_pages(urls)))
    if not pages:
        raise UsageError("no URL to fetch: stdin was empty")
    collection = collections.find(folder)
    _hint_contact(collection, options.quiet)
    return run(collection, replace(options, urls=pages, exact=True), None)


def _collection(folder: Path, targets: tuple[str, ...], quiet: bool) -> Collection:
    """The collection to crawl into; where a site was named and the folder is empty, it is made."""
    sites = [target for target in targets if is_url(target)]
    for site in sites:
        checked_url(site)
    if not sites:
        return collections.find(folder)
    collection, new = collections.find_or_make(folder)
    if new and not quiet:
        console.note(f"Made the collection {collection.folder}")
    return collection


def sources_named(collection: Collection, targets: tuple[str, ...], quiet: bool) -> tuple[Collection, tuple[str, ...]]:
    """The names of the sources meant by `targets`; a site that is none yet is added to the collection."""
    for name in targets:
        if not is_url(name):
            named(collection, name)
    names = []
    for target in targets:
        if not is_url(target):
            names.append(target)
            continue
        collection, source, new = added(collection, target)
        names.append(source.name)
        if new and not quiet:
            console.note(f'Added the source "{source.name}" to {collection.file}')
    return collection, tuple(dict.fromkeys(names))


def _refuse_paused(collection: Collection, names: tuple[str, ...]) -> None:
    """A paused source is not crawled, not even by its name: whoever wants it says so first."""
    for name in names:
        if named(collection, name).paused:
            raise UsageError(paused(name))
    if all(source.paused for source in collection.config.sources):
        raise UsageError(f"{collection.file}: every source is paused; `newswarc source resume NAME` lets one be crawled again")


def _pages(urls: Iterable[str]) -> Iterator[str]:
    """The canonical URLs of what was typed, `-` being the lines of stdin. Raises UsageError for what is none."""
    for url in urls:
        if url == "-":
            if sys.stdin is None:
                raise UsageError("no URL to fetch: stdin is closed")
            yield from _lines(sys.stdin)
        else:
            yield _page(url, "")


def _lines(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _page(line.strip(), f"stdin, line {number}: ")


def _page(url: str, where: str) -> str:
    try:
        return canonical(url)
    except InvalidURL as error:
        raise UsageError(f"{where}{checks.shown(url)} is no URL that can be fetched ({error.reason})") from None


def _hint_contact(collection: Collection, quiet: bool) -> None:
    if collection.config.collection.contact is None and not quiet:
        console.note(f"No contact is set: sites cannot reach you; set it in {collection.file}")
