"""Sources as a run sees them: their scope, their seeds, their settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from crawler.config.keys import Config, Source
from crawler.discovery.scope import Scope
from crawler.wire.netguard import NetGuard
from crawler.wire.tape import Limits
from storage.records import Kind, Link
from storage.urlkey import canonical, host_key


@dataclass(frozen=True, slots=True)
class ActiveSource:
    """A source that takes part in a run, with its row's id."""

    id: int
    source: Source
    scope: Scope
    delay: float
    verify_tls: bool
    max_pages: int  # that a run asks a host for; 0: any number

    @property
    def name(self) -> str:
        """Its name in newswarc.toml."""
        return self.source.name

    def slots(self) -> Iterator[str]:
        """The downloader's slots that the source's delay is for: each host, with and without `www.`."""
        for host in self.scope.hosts:
            bare = host.removeprefix("www.")
            yield from (bare, f"www.{bare}")

    @property
    def obeys_robots(self) -> bool:
        """Whether robots.txt decides."""
        return self.source.robots == "obey"


def activate(source: Source, row_id: int, config: Config) -> ActiveSource:
    """A configured source with its database row."""
    return ActiveSource(
        row_id, source, scope_of(source), config.delay(source), config.verify_tls(source), config.max_pages(source)
    )


def scope_of(source: Source) -> Scope:
    """What URLs belong to a source: its own host, and the hosts of the seeds that its owner named."""
    declared = [*(source.feeds or ()), *(source.sitemaps or ()), *(source.sections or ())]
    return Scope.of(source.url, declared, source.allow, source.deny)


def seeds_of(source: Source) -> Iterator[Link]:
    """The seeds that newswarc.toml names: the home page, and the lists that are given.

    Where all lists are given and empty, stories come from a spider of somebody's own, and from nowhere else.
    """
    if (source.feeds, source.sitemaps, source.sections) != ((), (), ()):
        yield Link(canonical(source.url), Kind.HOME, priority=0)
    for kind, declared in ((Kind.FEED, source.feeds), (Kind.SITEMAP, source.sitemaps), (Kind.SECTION, source.sections)):
        for url in declared or ():
            yield Link(canonical(url), kind, priority=0)


def wanted_kinds(source: Source) -> frozenset[Kind]:
    """Kinds of seeds that are looked for: those for which the settings give no list."""
    given = {Kind.FEED: source.feeds, Kind.SITEMAP: source.sitemaps, Kind.SECTION: source.sections}
    return frozenset(kind for kind, declared in given.items() if declared is None)


def ports_of(config: Config) -> frozenset[int]:
    """Ports that may be asked: the web's own, and those that a source names."""
    from_sources = {
        port_of(url) for source in config.sources for url in [source.url, *(source.feeds or ()), *(source.sitemaps or ())]
    }
    return frozenset({80, 443} | {port for port in from_sources if port})


def port_of(url: str) -> int | None:
    """The port that a URL names, None for the web's own."""
    _, colon, port = host_key(url).rpartition(":")
    return int(port) if colon and port.isdigit() else None


def guard_of(config: Config) -> NetGuard:
    """The network guard that the settings ask for; their proxy may stand in a private network."""
    proxy = urlsplit(config.crawl.http_proxy).hostname if config.crawl.http_proxy else None
    return NetGuard(config.crawl.allow_private_networks, proxy=proxy)


def limits_of(config: Config, spool_folder: str | None = None) -> Limits:
    """What one exchange may cost; long responses wait in `spool_folder` for the archive."""
    crawl = config.crawl
    return Limits(
        max_page_bytes=crawl.max_page_bytes,
        max_capture_bytes=crawl.max_capture_bytes,
        timeout=crawl.timeout,
        spool_folder=spool_folder,
    )
