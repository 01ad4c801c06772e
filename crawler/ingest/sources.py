"""Which source a page belongs to that was not crawled: the one that was named, one of newswarc.toml, or one of its own site."""

from __future__ import annotations

from crawler.config.keys import Config
from crawler.config.naming import name_for
from storage.urlkey import InvalidURL, host_key

_NOWHERE = "unknown"  # the source of URLs without a host


class Sources:
    """Names of sources, by the host of a URL."""

    def __init__(self, config: Config, named: str | None = None) -> None:
        self._named = named
        self._names: dict[str, str] = {}
        for source in config.sources:
            for url in (source.url, *(source.feeds or ()), *(source.sitemaps or ()), *(source.sections or ())):
                self._names.setdefault(_bare(host_key(url)), source.name)

    def name_of(self, url: str) -> str:
        """The source of a URL; without one, the host without `www.`."""
        if self._named is not None:
            return self._named
        try:
            host = _bare(host_key(url))
        except InvalidURL:
            return _NOWHERE
        name = self._names.get(host)
        if name is None:
            name = self._names[host] = name_for(f"http://{host}/", ())
        return name


def _bare(host: str) -> str:
    return host.removeprefix("www.")
