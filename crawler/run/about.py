"""What the archive says of a run: the warcinfo of its files, and the settings that it worked by. No password is in either."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from crawler import PRODUCT_VERSION, VERSION
from crawler.config.keys import Config
from crawler.options import CrawlOptions
from crawler.sources.active import ActiveSource
from storage.database.engine import without_user
from storage.warc.format import run_uri
from storage.warc.write import Resource

MOST_URLS = 1000  # of `fetch` that are written out
_PACKAGES = ("scrapy", "twisted", "trafilatura", "lxml", "sqlalchemy")  # what the archive and the articles depend on
_OF_THE_TERMINAL = ("quiet", "verbose", "run_id", "began", "if_locked")


def user_agent(config: Config) -> str:
    """Who we say we are."""
    contact = config.collection.contact
    return f"{PRODUCT_VERSION} (+{contact})" if contact else PRODUCT_VERSION


def warcinfo(run_id: str, config: Config, sources: Iterable[ActiveSource]) -> dict[str, str]:
    """The fields of every file's warcinfo record that differ from collection to collection."""
    ignoring = [source.source for source in sources if not source.obeys_robots]
    fields = {
        "robots": "mixed" if ignoring else "obey",
        "isPartOf": config.collection.name,
        "run": run_id,
        "http-header-user-agent": user_agent(config),
    }
    if config.collection.contact:
        fields["operator"] = config.collection.contact
    return fields | {
        f"robots-ignored-{source.name}": f"{source.url} because: {source.robots_reason}" for source in ignoring
    }


def command_of(options: CrawlOptions) -> str:
    """The command that a run is."""
    return "fetch" if options.exact else "crawl"


def settings(run_id: str, config: Config, options: CrawlOptions) -> Resource:
    """The resource record with all that a run was told: settings, defaults included, options, versions of what it runs on."""
    said = {
        "run": run_id,
        "command": command_of(options),
        "options": _options(options),
        "settings": _settings(config),
        "versions": {"newswarc": VERSION, "python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
    }
    content = json.dumps(said, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
    return Resource(run_uri(run_id, "settings"), "application/json", content + b"\n")


def _options(options: CrawlOptions) -> dict[str, Any]:
    given = {name: value for name, value in asdict(options).items() if name not in _OF_THE_TERMINAL}
    return given | {"urls": options.urls[:MOST_URLS], "url_count": len(options.urls)}


def _settings(config: Config) -> dict[str, Any]:
    """newswarc.toml in its own words. What a source leaves to newswarc is not repeated for each."""
    return {
        "collection": asdict(config.collection),
        "crawl": asdict(config.crawl) | {"workers": config.crawl.worker_count},
        "database": asdict(config.database) | {"url": without_user(config.database.url)},
        "source": [
            {name: value for name, value in asdict(source).items() if value not in (None, ())} for source in config.sources
        ],
    }
