"""What bounds a discovery, and what comes of one. Plain values: they travel to a worker process and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from storage.records import Link
from storage.urlkey import canonical, host_key, same_site

_NAMES_A_HOST = re.compile(r"\^?(?:\(\?[:i]+\)?)*https?(?:\(s\)\?|\?|\(\?:s\)\?)?:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which URLs belong to a source. URLs are canonical; patterns are regular expressions on the URL."""

    home: str
    hosts: frozenset[str]  # host keys; a leading `www.` makes no difference
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    @classmethod
    def of(cls, home: str, seeds: Iterable[str] = (), allow: Iterable[str] = (), deny: Iterable[str] = ()) -> Scope:
        """The scope of a home page and declared feeds, sitemaps and sections; raises InvalidURL."""
        return cls(canonical(home), frozenset(host_key(url) for url in (home, *seeds)), tuple(allow), tuple(deny))

    def refusal(self, url: str) -> str | None:
        """Why a URL may not be fetched as an article: offsite, denied, not-allowed; None when it may."""
        if not self._inside(url):
            return "offsite"
        if self._denied(url):
            return "denied"
        return "not-allowed" if self.allow and not self.allows(url) else None

    def seed_refusal(self, url: str) -> str | None:
        """Why a URL may not be polled: offsite, denied. Feeds and sitemaps may lie on any host of the site.

        `allow` speaks of articles: it lets other hosts in, and keeps no seed out.
        """
        if not self._inside(url) and not same_site(url, self.home):
            return "offsite"
        return "denied" if self._denied(url) else None

    def includes(self, url: str) -> bool:
        """Whether a URL may be fetched at all: on a host of the source and not denied."""
        return self._inside(url) and not self._denied(url)

    def allows(self, url: str) -> bool:
        """Whether an `allow` pattern names this URL."""
        return any(_compiled(pattern).search(url) for pattern in self.allow)

    def _inside(self, url: str) -> bool:
        return _bare(host_of(url)) in _bare_hosts(self.hosts) or any(_names(pattern, url) for pattern in self.allow)

    def _denied(self, url: str) -> bool:
        return any(_compiled(pattern).search(url) for pattern in self.deny)


@dataclass(frozen=True, slots=True)
class Discovered:
    """What one page, feed or sitemap led to.

    `links` and `seeds` are in canonical form, one for each page; refused ones are among `links`. `unusable` holds what
    has no canonical form (`refused` says why), its URL as written and cut to 500 characters.
    """

    links: tuple[Link, ...] = ()
    seeds: tuple[Link, ...] = ()
    unusable: tuple[Link, ...] = ()
    problem: str | None = None  # short and stable up to a colon, e.g. `not-a-feed: html`, `no-entries`
    hint: float | None = None  # seconds for which its publisher asks to be left alone, see `hints`
    title: str | None = None  # of the feed or page


def host_of(url: str) -> str:
    """The host key of a URL that is canonical already; cheaper than `host_key`."""
    return url.split("/", 3)[2]


def _bare(host: str) -> str:
    return host.removeprefix("www.")


@lru_cache(maxsize=256)
def _bare_hosts(hosts: frozenset[str]) -> frozenset[str]:
    return frozenset(_bare(host) for host in hosts)


def _names(pattern: str, url: str) -> bool:
    """Whether a pattern that says which host it means matches from the start."""
    return _NAMES_A_HOST.match(pattern) is not None and _compiled(pattern).match(url) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
