"""Which entries of a list become sources: one source a site, each with a name of its own. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crawler.config.keys import Config, Source
from crawler.config.naming import name_for, site_key
from crawler.options import Probe
from crawler.sources.lists import Entry
from crawler.sources.verdicts import Word, given_that_work, home_of, judge, unfound, working_feeds
from storage.urlkey import InvalidURL, canonical

_FORCED = frozenset({Word.NO_WAY_IN, Word.BOT_WALL, Word.ROBOTS, Word.JAVASCRIPT})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one entry."""

    line: int
    name: str
    url: str
    word: Word
    details: str
    added: bool = False
    probe: Probe | None = None

    @property
    def is_well(self) -> bool:
        """Whether nobody has to look at it: it was added, or was there."""
        return self.added or self.word is Word.KNOWN


@dataclass(slots=True)
class _Admitted:
    number: int  # its place in the list
    source: Source
    feeds: tuple[str, ...]  # that work


class Admission:
    """Takes verdicts as they come; `sources` are those that are new, in the order of the list."""

    def __init__(self, config: Config, *, force: bool = False) -> None:
        self._force = force
        self._names = {source.name for source in config.sources}
        self._sites = {site_key(source.url): source.name for source in config.sources}
        self._feeds = {site_key(url): source.name for source in config.sources for url in source.feeds or ()}
        self._new: dict[str, _Admitted] = {}

    @property
    def sources(self) -> list[Source]:
        """The new sources."""
        return [one.source for one in sorted(self._new.values(), key=lambda one: one.number)]

    def at_once(self, entry: Entry) -> Verdict | None:
        """The verdict on what needs no look: no URL, or a site that is there; else None."""
        if entry.fault:
            return Verdict(entry.line, entry.name or entry.home or "-", entry.home, Word.NO_URL, entry.fault)
        name = self._sites.get(site_key(entry.address))
        if name is None and not entry.home:
            name = self._feeds.get(site_key(entry.address))
        return self._known(entry, name) if name is not None else None

    def unseen(self, entry: Entry) -> Verdict:
        """The verdict on an entry that is to be added without a look."""
        known = self.at_once(entry)
        if known is not None:
            return known
        source = entry.source or Source("", entry.home or _root(entry.address), feeds=entry.feeds or None)
        return self._admit(entry, source, Word.UNPROBED, "", None)

    def seen(self, entry: Entry, asked: str, probe: Probe) -> Verdict:
        """The verdict after a look at `asked`."""
        word, details = judge(probe)
        home = home_of(probe, asked)
        name = self._sites.get(site_key(home)) or self._sites.get(site_key(probe.url))
        if name is not None:
            self._join(site_key(home), probe)
            return self._known(entry, name)
        if word is not Word.FOUND and not (self._force and word in _FORCED):
            return Verdict(entry.line, self._name(entry, home), home, word, details, probe=probe)
        feeds = given_that_work(probe) if unfound(probe) else None
        source = entry.source or Source("", home, feeds=feeds)
        details += "; added all the same" if word is not Word.FOUND else ""
        return self._admit(entry, source, word, details, probe)

    def _admit(self, entry: Entry, source: Source, word: Word, details: str, probe: Probe | None) -> Verdict:
        source = replace(source, name=self._name(entry, source.url))
        key = site_key(source.url)
        self._names.add(source.name)
        self._sites[key] = source.name
        feeds = working_feeds(probe) if probe else source.feeds or ()
        self._new[key] = _Admitted(entry.number, source, feeds)
        return Verdict(entry.line, source.name, source.url, word, details, added=True, probe=probe)

    def _join(self, key: str, probe: Probe) -> None:
        """A second entry of a site that is new itself: feeds that only it knows are kept with the first one's."""
        first, more = self._new.get(key), unfound(probe)
        if first is not None and first.source.feeds != () and set(more) - set(first.feeds):
            first.feeds = tuple(dict.fromkeys([*first.feeds, *more]))
            first.source = replace(first.source, feeds=first.feeds)

    def _known(self, entry: Entry, name: str) -> Verdict:
        return Verdict(entry.line, name, entry.address, Word.KNOWN, f"{entry.address} is this source")

    def _name(self, entry: Entry, url: str) -> str:
        return name_for(url, self._names, title=entry.name)


def merged(entries: Sequence[Entry]) -> list[Entry]:
    """Entries of one site made one, which has the first one's name and the feeds of all."""
    found: dict[str, Entry] = {}
    for number, one in enumerate(entries):
        alone = one.fault or one.source
        key = f"entry {number}" if alone else site_key(one.home) if one.home else f"feed {site_key(one.address)}"
        first = found.get(key)
        found[key] = one if first is None else replace(first, feeds=tuple(dict.fromkeys(first.feeds + one.feeds)))
    return list(found.values())


def _root(feed: str) -> str:
    try:
        return canonical("/", feed)
    except InvalidURL:
        return feed
