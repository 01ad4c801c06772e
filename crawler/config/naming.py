"""From a site's URL to its source: the name it gets, and its place in the collection."""

from __future__ import annotations

import re
from collections.abc import Collection as Names
from dataclasses import replace
from itertools import chain, count
from urllib.parse import urlsplit

from crawler.config import checks
from crawler.config import edit as config_edit
from crawler.config.collection import Collection
from crawler.config.keys import Source
from storage.errors import UsageError
from storage.urlkey import InvalidURL, canonical


def is_url(target: str) -> bool:
    """Whether a target on the command line is a URL; source names never hold a colon."""
    return "://" in target


def checked_url(text: str) -> str:
    """A full URL as it was typed. Raises UsageError."""
    try:
        canonical(text)
        return checks.web_address(text)
    except InvalidURL as error:
        raise UsageError(f"{checks.shown(text)} is no URL that can be fetched ({error.reason})") from None
    except ValueError as fault:
        raise UsageError(f"URL {fault}") from None


def known(collection: Collection, url: str) -> Source | None:
    """The source of this home page."""
    return next((source for source in collection.config.sources if config_edit.same_page(source.url, url)), None)


def site_key(url: str) -> str:
    """What the addresses of one site's home page have in common: no scheme, no `www.`, no slash at the end."""
    return config_edit.page_key(url).removeprefix("www.").rstrip("/")


def named(collection: Collection, name: str) -> Source:
    """The source of this name. Raises UsageError with the nearest one."""
    source = collection.config.source(name)
    if source is None:
        raise UsageError(_unknown(collection, name))
    return source


def _unknown(collection: Collection, name: str) -> str:
    names = [source.name for source in collection.config.sources]
    hint = checks.nearest(name, names) if names else "there is none yet, `newswarc source add URL` adds one"
    if "." in name:  # a site that was imported is named after its host
        near = f"{hint} " if hint.startswith("did you mean") else ""
        hint = f"{near}for a site write its URL, https://{name}/"
    return f"no source {checks.shown(name)} in {collection.file}; {hint}"


def paused(name: str) -> str:
    """What to do about a source that was named and is paused."""
    return f'the source "{name}" is paused; `newswarc source resume {name}` lets it be crawled again'


def new_source(collection: Collection, url: str, name: str | None = None) -> Source:
    """A source for a site, not yet added. Raises UsageError for a URL or name that cannot be one."""
    taken = {source.name for source in collection.config.sources}
    site = checked_url(url)
    if name in taken:
        raise UsageError(f'{collection.file}: there is a source "{name}" already; choose another --name')
    try:
        return Source(checks.source_name(name or name_for(site, taken)), site)
    except ValueError as fault:
        raise UsageError(f"--name {fault}") from None


def added(collection: Collection, url: str) -> tuple[Collection, Source, bool]:
    """The collection with a source for a site, that source, and whether it is new."""
    source = known(collection, url)
    if source is not None:
        return collection, source, False
    source = new_source(collection, url)
    return replace(collection, config=config_edit.add_source(collection.file, source)), source, True


def name_for(url: str, taken: Names[str], title: str = "") -> str:
    """A free name for a site: its title; its host without www, then with the first words of its path; then with a number."""
    parts = urlsplit(url)
    host = _word(parts.netloc.lower().removeprefix("www."))
    path = _word(f"{host}{parts.path}")
    word = title if checks.is_source_name(title) else _word(title, host)
    numbered = (f"{word}-{number}" for number in count(2))  # one by one: of a list of 20,000 sites each gets a name here
    return next(name for name in chain((word, host, path), numbered) if name not in taken)


def _word(text: str, otherwise: str = "site") -> str:
    return re.sub(r"[^\w.]+", "-", text).strip("-._")[:60] or otherwise
