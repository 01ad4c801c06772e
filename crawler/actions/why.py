"""`why`: all that was ever decided about a URL, or what would be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crawler.actions.database import opened
from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.config.keys import Config
from crawler.explain import decisions, foresight
from crawler.explain.reason_words import explained
from crawler.terminal import console
from storage.database.engine import Connection
from storage.errors import UsageError
from storage.query import history
from storage.query import known as query
from storage.query.history import History
from storage.times import now
from storage.urlkey import InvalidURL, canonical, host_key, key

Row = dict[str, Any]

SHOWN = 80  # characters of a field
EVENTS = 100  # outcomes, and captures, that are told; a seed has one for each poll of years


def why(folder: Path, target: str, *, as_json: bool) -> None:
    """Print what is known of a URL or uid, and why. Raises UsageError for what is neither."""
    collection = collections.find(folder)
    if not checks.is_text(target):
        raise UsageError(f"{checks.shown(target)} is no text, and so neither URL nor uid")
    with opened(collection) as conn:
        found = _asked(collection, conn, target)
    if as_json:
        console.out_json(found)
    else:
        for line in _text(found):
            console.out(console.indented(line))


def _asked(collection: Collection, conn: Connection, target: str) -> Row:
    typed = _address(conn, target)
    try:
        url = canonical(typed)
    except InvalidURL as error:
        raise UsageError(
            f"{checks.shown(target)} is no URL that can be fetched ({error.reason}), and no article has it as uid"
        ) from None
    moment, known = now(), history.of(conn, key(url), EVENTS)
    is_known = bool(known.url or known.article or known.withdrawal)
    found: Row = {"asked": target, "url": url, "key": key(url), "changed": foresight.changes(typed, url), "known": is_known}
    found |= _surroundings(collection.config, conn, known, url, moment)
    if is_known:
        return found | _told(collection.config, conn, known, found["host"]["blocked_until"], moment)
    return found | {"near": history.near(conn, key(url), host_key(url)), "seen": history.seen(conn, url)}


def _address(conn: Connection, target: str) -> str:
    """What was typed as a URL: that of the article where it is a uid."""
    if "://" in target or (article := query.article_by(conn, target)) is None:
        return target
    return str(article["url"])


def _surroundings(config: Config, conn: Connection, known: History, url: str, moment: str) -> Row:
    """What source, robots.txt and host say of a URL, whether it is known or not."""
    source = config.source(known.url["source"]) if known.url else None
    scopes = [foresight.prospect_of(source, url)] if source else foresight.prospects(config.sources, url)
    row, blocks = history.host(conn, host_key(url))
    host = {name: (row or {}).get(name) for name in ("delay", "crawl_delay", "blocked_until", "block_reason")}
    if (host["blocked_until"] or "") <= moment:  # it has passed
        host |= {"blocked_until": None, "block_reason": None}
    ignored = source is not None and source.robots == "ignore"
    return {
        "scopes": [asdict(scope) for scope in scopes],
        "robots": _robots(conn, url, ignored=ignored),
        "host": {"host": host_key(url)} | host | {"blocks": blocks},
    }


def _robots(conn: Connection, url: str, *, ignored: bool) -> Row:
    """The verdict of the robots.txt that is remembered: allowed, not allowed, closed (not readable), ignored or not known."""
    parts = urlsplit(url)
    row = history.robots_of(conn, f"{parts.scheme}://{parts.netloc}")
    if row is None:
        return {"verdict": "ignored" if ignored else "not known"}
    told = {name: row[name] for name in ("fetched_at", "expires_at", "http_status", "reason")}
    if ignored:
        verdict = "ignored"
    elif row["reason"]:
        verdict = "closed"
    else:
        verdict = "allowed" if foresight.robots_allow(row["body"], url) else "not allowed"
    return {"verdict": verdict} | told


def _told(config: Config, conn: Connection, known: History, blocked_until: str | None, moment: str) -> Row:
    own = known.url is not None and known.article is not None and known.url["state"] != "duplicate"
    versions = query.versions_of(conn, known.article["uid"]) if known.article and (own or known.url is None) else []
    source = config.source(known.url["source"]) if known.url else None
    active = known.url is None or (source is not None and not source.paused)
    visit = decisions.next_visit(known, active=active, blocked_until=blocked_until, now=moment)
    return {
        "standing": decisions.standing(known),
        "state": known.url["state"] if known.url else None,
        "reason": known.url["reason"] if known.url else None,
        "source": known.url["source"] if known.url else None,
        "article": _article(conn, known.article),
        "other_urls": known.other_urls,
        "events": [asdict(event) for event in decisions.events(known, versions)],
        "older": known.older,
        "next_visit": asdict(visit),
    }


def _article(conn: Connection, row: Row | None) -> Row | None:
    """What the extractor found, in the latest version: the fields that have a value, and where each came from."""
    article = query.article_by(conn, row["uid"]) if row else None
    if article is None or row is None:
        return None
    dates = {name: row.get(name) for name in ("redirected_at", "paywalled_at")}
    said = {name: value for name, value in (article | dates).items() if name != "text" and value not in (None, "", [])}
    return said | {"provenance": history.provenance(conn, row["uid"], row["version"])}


# ---- for a person


def _text(found: Row) -> Iterator[str]:
    yield found["url"]
    for change in found["changed"]:
        yield f"  canonical form: {change}"
    yield f"  key: {found['key']}"
    if found["known"]:
        yield f"  {found['standing']}" + (f" (source {found['source']})" if found["source"] else "")
        yield from _article_lines(found)
    else:
        yield "  is not known: no page, feed or sitemap that was read has led to it"
        if found["seen"]:
            yield "  it was fetched on the way to another URL: `newswarc show` has its captures"
    yield from _rule_lines(found)
    yield from _outlook(found) if found["known"] else _prospect(found)


def _article_lines(found: Row) -> Iterator[str]:
    if article := found["article"]:
        yield f"  article {article['uid']}, {article['url']}: version {article.get('version', 1)}"
        for name in ("gone_at", "redirected_at", "paywalled_at"):
            if name in article:
                yield f"  {name.removesuffix('_at')} since {article[name]}"
        for name, source in sorted(article["provenance"].items()):
            if name in article:
                yield f"  {name} from {source}: {_short(article[name])}"
    for row in found["other_urls"]:
        yield f"  the same article: {row['url']} ({row['state']})"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _rule_lines(found: Row) -> Iterator[str]:
    for scope in found["scopes"]:
        if scope["refused"]:
            yield f"  source {scope['source']}: refused, {explained(scope['refused'])}"
        elif scope["unlikely"] and found.get("state") != "seed":
            yield f"  source {scope['source']}: in its scope; as a link of a page refused, {explained(scope['unlikely'])}"
        elif found.get("state") == "seed":
            yield f"  source {scope['source']}: in its scope"
        else:
            yield f"  source {scope['source']}: in its scope, and its address may be that of an article"
    if not found["scopes"]:
        yield "  no source of newswarc.toml has this host"
    yield f"  robots.txt: {_robots_line(found['robots'])}"
    yield from _host_lines(found["host"])


def _robots_line(robots: Row) -> str:
    if "fetched_at" not in robots:
        return f"{robots['verdict']}" + (": it was not read yet, or was forgotten" if robots["verdict"] == "not known" else "")
    reason = f", {explained(robots['reason'])}" if robots["reason"] else ""
    return f"{robots['verdict']}{reason} (read {robots['fetched_at']}, holds until {robots['expires_at']})"


def _host_lines(host: Row) -> Iterator[str]:
    gaps = [f"{name.replace('_', '-')} {host[name]} s" for name in ("delay", "crawl_delay") if host[name]]
    blocked = f"blocked until {host['blocked_until']}" if host["blocked_until"] else ""
    if told := ", ".join(filter(None, [*gaps, blocked, host["block_reason"] or ""])):
        yield f"  host {host['host']}: {told}"
    for block in host["blocks"]:
        yield f"  host {host['host']}: was blocked from {block['since']} to {block['until']} ({block['reason']})"


def _outlook(found: Row) -> Iterator[str]:
    yield ""
    if found["older"]:
        yield f"{found['older']} older fetches and decisions are left out"
    for event in found["events"]:
        yield f"{event['at']}  {event['text']}" + (f" (run {event['run']})" if event["run"] else "")
    visit = found["next_visit"]
    yield f"next visit: {visit['at'] or 'never'}: {visit['why']}"


def _prospect(found: Row) -> Iterator[str]:
    fitting = {scope["source"]: scope["unlikely"] for scope in found["scopes"] if not scope["refused"]}
    if fitting and found["robots"]["verdict"] != "not allowed":
        what = "feed or sitemap" if all(fitting.values()) else "page, feed or sitemap"
        yield f"it would be fetched once a {what} of {', '.join(fitting)} leads to it"
        yield "`newswarc fetch` fetches it now"
    elif fitting:
        yield "it would not be fetched: the site's robots.txt does not allow it"
    else:
        yield "it would not be fetched: it is in the scope of no source"
    for row in found["near"]:
        yield f"known nearby: {row['url']} ({row['state']}{', ' + row['reason'] if row['reason'] else ''})"
