"""`try`: one page, looked at and not stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.keys import Config
from crawler.config.naming import checked_url, is_url
from crawler.options import Trial
from crawler.terminal import console
from pipelines.workers import Workers
from storage.errors import UsageError
from storage.records import Candidate

FIELDS = (
    "published_at",
    "modified_at",
    "page_type",
    "is_accessible_for_free",
    "authors",
    "organizations",
    "section",
    "tags",
    "language",
    "site_name",
    "canonical_url",
    "image_url",
)


Visit = Callable[[Config, str, Workers], Trial]  # of a URL
Read = Callable[[Config, bytes, str], Trial]  # of the bytes of a page, and its URL


def try_(folder: Path, target: str, url: str | None, visit: Visit, read: Read, *, as_json: bool) -> None:
    """Look at a URL or a file and print the article in it."""
    config = collections.find(folder).config if collections.exists(folder) else Config()
    trial = _visited(target, url, config, visit) if is_url(target) else _read(target, url, config, read)
    if as_json:
        console.out_json(as_object(trial))
        return
    for line in as_text(trial):
        console.out(line)


def _visited(target: str, url: str | None, config: Config, visit: Visit) -> Trial:
    if url is not None:
        raise UsageError("--url goes with a FILE; a URL is its own address")
    checked = checked_url(target)
    workers = Workers(1, preload=("pipelines.extract",))
    workers.start()  # loads the extractor on another core, while this one loads Scrapy and fetches the page
    try:
        return visit(config, checked, workers)
    finally:
        workers.close()


def _read(target: str, url: str | None, config: Config, read: Read) -> Trial:
    path = Path(target)
    if not path.is_file():
        raise UsageError(f"{checks.shown(target)} is no file here, and no URL (https://...)")
    return read(config, path.read_bytes(), checked_url(url) if url else path.absolute().as_uri())


def as_object(trial: Trial) -> dict[str, object]:
    """A trial as one JSON object: the article's fields, or why there is none."""
    head: dict[str, object] = {"url": trial.url, "http_status": trial.status}
    if not isinstance(trial.result, Candidate):
        return head | {"outcome": "rejected", "reason": trial.result.reason}
    article = {name: getattr(trial.result, name) for name in trial.result.__slots__ if name != "url"}
    return head | {"outcome": "article", "reason": None} | article | {"provenance": dict(trial.result.provenance)}


def as_text(trial: Trial) -> list[str]:
    """A trial for a person: what was found, then the text."""
    if not isinstance(trial.result, Candidate):
        return [trial.url, f"no article: {trial.result.reason}"]
    article = trial.result
    provenance = dict(article.provenance)
    lines = [trial.url, _field("title", article.title, provenance)]
    lines += [_field(name, getattr(article, name), provenance) for name in FIELDS if getattr(article, name) not in (None, ())]
    return [*map(console.one_line, [*lines, _field("words", article.word_count, provenance)]), "", article.text]


def _field(name: str, value: object, provenance: dict[str, str]) -> str:
    shown = ", ".join(value) if isinstance(value, tuple) else "unknown" if value is None else str(value)
    origin = f"  ({provenance[name]})" if name in provenance else ""
    return f"{name + ':':14} {shown}{origin}"
