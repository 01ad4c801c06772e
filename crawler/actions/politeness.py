"""`politeness`: per host, what was promised, what was kept, its robots.txt and its blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crawler.actions.database import opened
from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.config.keys import Config
from crawler.politeness.robots import rules_of
from crawler.sources.active import activate
from crawler.terminal import console
from storage.database.engine import Connection
from storage.errors import DamageError, UsageError
from storage.frontier import robots
from storage.query import gaps
from storage.query.gaps import Kept
from storage.query.moments import moment
from storage.times import later, now, parse
from storage.urlkey import InvalidURL, host_key

DAYS = 7 * 86_400.0  # seconds that are looked back
_HEADER = (
    "host",
    "delay",
    "crawl-delay",
    "promised",
    "requests",
    "smallest gap",
    "median gap",
    "too short",
    "in a block",
    "robots.txt",
    "blocked until",
)


def politeness(folder: Path, *, host: str | None, since: str | None, check: bool, as_json: bool) -> int:
    """Print how a collection keeps its promises to hosts; returns the exit code."""
    at = now()
    start = later(at, -DAYS) if since is None else moment(since)
    collection = collections.find(folder)
    found = _asked(collection, start, None if host is None else _named(host), at)
    if as_json:
        console.out_json({"since": start, "until": at, "hosts": found})
    else:
        console.out_table(_HEADER, map(_row, found))
    return DamageError.exit_code if check and any(row["too_short"] or row["inside_block"] for row in found) else 0


def _named(host: str) -> str:
    """A host as the database writes it. Raises UsageError."""
    try:
        return host_key(host if "://" in host else f"http://{host}/")
    except InvalidURL as error:
        raise UsageError(f"--host {checks.shown(host)} is no host ({error.reason})") from None


def _asked(collection: Collection, since: str, host: str | None, at: str) -> list[dict[str, Any]]:
    delays = _delays(collection.config)
    with opened(collection) as conn:
        kept = gaps.kept_since(conn, since, host)
        origins = gaps.origins_of(conn, [row.host for row in kept])
        return [
            _told(row, delays.get(row.host, collection.config.crawl.delay))
            | {"robots": [_robots(conn, origin, at) for origin in origins.get(row.host, ())]}
            for row in kept
        ]


def _delays(config: Config) -> dict[str, float]:
    """Host -> the delay of the settings."""
    found: dict[str, float] = {}
    for source in config.sources:
        for host in activate(source, 0, config).slots():
            found[host] = max(found.get(host, 0.0), config.delay(source))
    return found


def _told(kept: Kept, delay: float) -> dict[str, Any]:
    promise = kept.promise
    return {
        "host": kept.host,
        "delay": delay,
        "crawl_delay": promise.crawl_delay,
        "promised": promise.promised,
        "promised_since": promise.since,
        "next_turn_at": promise.next_turn_at,
        "requests": kept.requests,
        "smallest_gap": kept.smallest,
        "median_gap": kept.median,
        "gaps_judged": kept.judged,
        "too_short": [asdict(short) for short in kept.short],
        "inside_block": kept.inside_block,
        "blocked_until": promise.blocked_until,
        "blocks": [asdict(block) for block in kept.blocks],
    }


def _robots(conn: Connection, origin: str, at: str) -> dict[str, Any]:
    """What is known of an origin's robots.txt, and whether it lets us see the home page."""
    known = robots.of_origin(conn, origin)
    assert known is not None, "its row names it"
    rules = rules_of(known)
    return {
        "origin": origin,
        "fetched_at": known.fetched_at,
        "expires_at": known.expires_at,
        "age": round((parse(at) - parse(known.fetched_at)).total_seconds()),
        "http_status": known.http_status,
        "verdict": rules.reason or ("allowed" if rules.allow(f"{origin}/") else "disallowed"),
    }


def _row(told: dict[str, Any]) -> tuple[object, ...]:
    return (
        told["host"],
        _seconds(told["delay"]),
        _seconds(told["crawl_delay"]),
        _seconds(told["promised"]),
        told["requests"],
        _seconds(told["smallest_gap"]),
        _seconds(told["median_gap"]),
        len(told["too_short"]),
        len(told["inside_block"]),
        _robots_cell(told["robots"]),
        told["blocked_until"],
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _robots_cell(known: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{robots['verdict']} ({robots['age'] // 60} min)" for robots in known)
