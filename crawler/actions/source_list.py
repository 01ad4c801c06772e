"""`source list`: the sources in newswarc.toml."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from crawler.config import collection as collections
from crawler.config.keys import Config, Source
from crawler.terminal import console


def show(folder: Path, *, as_json: bool) -> None:
    """Print the sources of a collection."""
    config = collections.find(folder).config
    if as_json:
        console.out_json([settings_of(source, config) for source in config.sources])
        return
    rows = [(source.name, source.url, f"{config.delay(source):g}", _remarks(source)) for source in config.sources]
    console.out_table(("name", "url", "delay", "settings"), rows)


def settings_of(source: Source, config: Config) -> dict[str, object]:
    """A source as it is crawled: its own settings and those it takes from [crawl]."""
    return asdict(source) | {"delay": config.delay(source), "verify_tls": config.verify_tls(source)}


def _remarks(source: Source) -> str:
    """What a source does not leave to newswarc."""
    lists = [
        f"{name}={len(urls)}"
        for name in ("feeds", "sitemaps", "sections")
        if (urls := getattr(source, name)) is not None
    ]
    patterns = [f"{name}={len(regexes)}" for name in ("allow", "deny") if (regexes := getattr(source, name))]
    flags = [
        *(["paused"] if source.paused else []),
        *(["robots ignored"] if source.robots == "ignore" else []),
        *(["TLS unchecked"] if source.verify_tls is False else []),
        *(["requisites"] if source.requisites else []),
        *(["pdfs"] if source.pdfs else []),
    ]
    return " ".join([*lists, *patterns, *flags])
