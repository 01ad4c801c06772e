"""Metrics of runs for Prometheus' textfile collector: https://github.com/prometheus/node_exporter#textfile-collector.

A file for each collection, written anew by every run: its counters and what a run could not measure are carried over from
the file as it was, so that a run which found the database away still tells when the last good one was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from storage.query.measures import Measured
from storage.times import parse

MOST_BYTES: Final = 16 << 20  # of a file that is read
MOST_SOURCES: Final = 5_000  # that have series of their own

SUCCESS: Final = frozenset({0, 4})  # exit codes of a run that did its work: 4 is news of sources

Key = tuple[str, tuple[str, ...]]  # a name, and the values of its labels but `collection`
Samples = dict[Key, float]

# name -> labels beside `collection`, and what it says. Counters end in `_total`.
FAMILIES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "newswarc_runs_total": (("exit_code",), "Runs that have ended, by exit code."),
    "newswarc_last_run_timestamp_seconds": ((), "When the last run ended."),
    "newswarc_last_run_duration_seconds": ((), "How long the last run took."),
    "newswarc_last_run_exit_code": ((), "Exit code of the last run."),
    "newswarc_last_success_timestamp_seconds": ((), "When the last run ended that did its work (exit code 0 or 4)."),
    "newswarc_articles_total": (("verdict",), "Article URLs that runs considered, by what became of them."),
    "newswarc_polls_total": (("kind",), "Feeds, sitemaps, home and section pages that were read."),
    "newswarc_exchanges_total": (("status",), "Exchanges that were archived, by class of their status."),
    "newswarc_archived_bytes_total": ((), "Bytes of the records of these exchanges, compressed."),
    "newswarc_pending_urls": ((), "Article URLs that were due when the last run ended."),
    "newswarc_sources": ((), "Sources in newswarc.toml."),
    "newswarc_sources_in_trouble": (("trouble",), "Sources that need a person, by why."),
    "newswarc_warc_bytes": ((), "Bytes of the closed WARC files that are here."),
    "newswarc_database_bytes": ((), "Bytes of the database."),
    "newswarc_oldest_due_timestamp_seconds": ((), "Since when the URL is due that waits longest."),
    "newswarc_source_last_success_timestamp_seconds": (("source",), "When a run last got something from the source."),
    "newswarc_source_articles_total": (("source",), "Articles of the source that were added."),
}
_BY_SOURCE: Final = ("newswarc_source_last_success_timestamp_seconds", "newswarc_source_articles_total")
_WHOLE: Final = ("newswarc_sources_in_trouble", "newswarc_oldest_due_timestamp_seconds")  # of which nothing old stays


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended, however. None: not known."""

    at: float  # seconds of the epoch
    duration: float  # s
    exit_code: int
    measured: Measured | None
    sources: frozenset[str] | None  # names in newswarc.toml


def write(path: Path, collection: str, ended: Ended) -> None:
    """Write the file anew, in one step. Raises OSError."""
    registry = CollectorRegistry()
    registry.register(_Told(collection, updated(_read(path, collection), ended)))
    write_to_textfile(str(path), registry)


def updated(before: Samples, ended: Ended) -> Samples:
    """The samples after a run, of those before it. Pure."""
    now = dict(before)
    _count(now, "newswarc_runs_total", {str(ended.exit_code): 1})
    now["newswarc_last_run_timestamp_seconds", ()] = ended.at
    now["newswarc_last_run_duration_seconds", ()] = ended.duration
    now["newswarc_last_run_exit_code", ()] = ended.exit_code
    if ended.exit_code in SUCCESS:
        now["newswarc_last_success_timestamp_seconds", ()] = ended.at
    if ended.measured is not None:
        now = {key: value for key, value in now.items() if key[0] not in _WHOLE}
        _take(now, ended.measured, ended.at)
    if ended.sources is not None:
        now["newswarc_sources", ()] = len(ended.sources)
        shown = set(sorted(ended.sources)[:MOST_SOURCES])
        now = {key: value for key, value in now.items() if key[0] not in _BY_SOURCE or key[1][0] in shown}
    return now


def _take(now: Samples, measured: Measured, at: float) -> None:
    ledger = measured.ledger
    _count(now, "newswarc_articles_total", ledger.articles)
    polls = {name.partition("/")[0]: count for name, count in ledger.others.items() if name.endswith("/polled")}
    _count(now, "newswarc_polls_total", polls)
    _count(now, "newswarc_exchanges_total", measured.exchanges)
    _count(now, "newswarc_source_articles_total", measured.added)
    key: Key = ("newswarc_archived_bytes_total", ())
    now[key] = now.get(key, 0) + measured.archived_bytes
    now["newswarc_pending_urls", ()] = ledger.pending
    now["newswarc_warc_bytes", ()] = measured.warc_bytes
    now["newswarc_database_bytes", ()] = measured.database_bytes
    now |= {("newswarc_sources_in_trouble", (trouble,)): count for trouble, count in measured.troubles.items()}
    now |= {("newswarc_source_last_success_timestamp_seconds", (name,)): at for name in measured.good}
    if measured.oldest_due is not None:
        now["newswarc_oldest_due_timestamp_seconds", ()] = parse(measured.oldest_due).timestamp()


def _count(now: Samples, name: str, more: Mapping[str, int]) -> None:
    for label, count in more.items():
        now[name, (label,)] = now.get((name, (label,)), 0) + count


def _read(path: Path, collection: str) -> Samples:
    """The samples of a collection in a file; none when it is not there, or nothing that can be read."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8")
        return dict(_samples(text, collection))
    except (OSError, ValueError, KeyError, IndexError):  # what was never one of ours is written over
        return {}


def _samples(text: str, collection: str) -> Iterator[tuple[Key, float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels, _ = FAMILIES.get(sample.name, (None, ""))
            if labels is not None and sample.labels.get("collection") == collection:
                yield (sample.name, tuple(sample.labels[name] for name in labels)), sample.value


class _Told(Collector):
    """The samples as the library wants them."""

    def __init__(self, collection: str, samples: Samples) -> None:
        self._collection = collection
        self._samples = samples

    def collect(self) -> Iterable[Metric]:
        """All families, in their order."""
        for name, (labels, told) in FAMILIES.items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(name, told, labels=("collection", *labels))
            for (_, values), value in sorted(item for item in self._samples.items() if item[0][0] == name):
                family.add_metric((self._collection, *values), value)
            yield family
