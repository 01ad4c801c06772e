"""The decisions taken on a URL, in time order, and what will become of it, in words for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crawler.explain.reason_words import explained
from storage.frontier.urls import announced_from
from storage.query.history import History
from storage.records import Announced, State, Verdict

Row = Mapping[str, Any]

_VERDICTS: Mapping[str, str] = {
    Verdict.ADDED: "stored as a new article",
    Verdict.CHANGED: "stored as a new version of its article",
    Verdict.UNCHANGED: "its article is as it was",
    Verdict.DUPLICATE: "a duplicate of an article that is stored",
    Verdict.REJECTED: "not stored as an article",
    Verdict.FILTERED: "not fetched",
    Verdict.FAILED: "failed",
    Verdict.GONE: "its article is gone from the site",
    Verdict.POLLED: "polled for links",
    Verdict.KEPT: "kept in the archive as a part of other pages",
}
_STATES: Mapping[str, str] = {
    State.PENDING: "was found, and waits for its turn",
    State.SEED: "is polled again and again for links to articles",
    State.STORED: "is the URL of a stored article",
    State.DUPLICATE: "is another URL of a stored article",
    State.REJECTED: "was fetched, and is no article",
    State.FILTERED: "is not fetched, by rule",
    State.FAILED: "could not be fetched or read",
    State.GONE: "is the URL of a stored article that is gone from the site",
    State.KEPT: "is a page requisite in the archive: no article is made of it",
}
_NEVER: Mapping[str, str] = {
    State.STORED: "its article is not expected to change any more",
    State.DUPLICATE: "its article is fetched under its own URL",
    State.REJECTED: "a page that is no article is not asked for twice",
    State.FILTERED: "a rule keeps it from being fetched",
    State.FAILED: "asking again was given up; `newswarc retry` makes it due",
    State.GONE: "its article was gone for long enough",
    State.KEPT: "what is in the archive as a part of pages is fetched once",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a URL: `what` is discovered, fetched, version, withdrawn, or a verdict."""

    at: str
    what: str
    text: str
    run: str | None = None
    reason: str | None = None


def events(history: History, versions: Sequence[Row]) -> list[Event]:
    """All that happened, in time order; a page is fetched before it is judged."""
    found = [
        *_discovered(history.url),
        *map(_fetched, history.captures),
        *(_judged(row, history.article) for row in history.outcomes),
        *map(_version, versions),
        *_withdrawn(history.withdrawal),
    ]
    return sorted(found, key=lambda event: event.at)


def _discovered(url: Row | None) -> Iterator[Event]:
    if url is None:
        return
    via = f"on {url['discovered_from']}" if url["discovered_from"] else "in no page: the settings or a person named it"
    said = _announced(announced_from(url["announced"]))
    yield Event(url["discovered_at"], "discovered", f"discovered {via}{said}")


def _announced(said: Announced | None) -> str:
    if said is None:
        return ""
    parts = [f'title "{said.title}"'] if said.title else []
    parts += [f"{name} {value}" for name, value in (("published", said.published), ("modified", said.modified)) if value]
    parts += [f"authors {', '.join(said.authors)}"] if said.authors else []
    return f"; announced: {', '.join(parts)}" if parts else ""


def _fetched(row: Row) -> Event:
    status = f"status {row['http_status']}" if row["http_status"] else "no answer"
    parts = [f"fetched {row['url']}: {status}"]
    parts += [f"ended by {row['truncated']}"] if row["truncated"] else []
    parts += [row["error"]] if row["error"] else []
    parts += ["the same bytes as before"] if row["revisit_of"] and row["http_status"] != 304 else []
    parts += ["its page is not read yet"] if row["pending"] else []
    parts += [f"the publisher says: {row['signals']}"] if row["signals"] else []
    place = f"{row['warc_file']} at {row['warc_offset']}"
    return Event(row["fetched_at"], "fetched", f"{', '.join(parts)}; {place}", row["run_id"])


def _judged(row: Row, article: Row | None) -> Event:
    verdict, reason = row["verdict"], row["reason"]
    text = _VERDICTS.get(verdict, verdict)
    if verdict == Verdict.DUPLICATE and article is not None:
        text = f"a duplicate of the article {article['uid']}, {article['url']}"
    if reason:
        text += f": {explained(reason)} [{reason}]"
    return Event(row["at"], verdict, text, row["run_id"], reason)


def _version(row: Row) -> Event:
    size = "" if row["words_added"] is None else f", +{row['words_added']:,} -{row['words_removed']:,} words"
    published = f", published {row['published_at']}" if row["published_at"] else ", no date of publication found"
    found = f"{row['word_count']:,} words{published}, by {row['extractor']}"
    return Event(row["observed_at"], "version", f'version {row["version"]}: "{row["title"] or "no title"}", {found}{size}')


def _withdrawn(row: Row | None) -> Iterator[Event]:
    if row is not None:
        purged = f"; its bytes were taken out of the archive at {row['purged_at']}" if row["purged_at"] else ""
        yield Event(row["at"], "withdrawn", f"withdrawn: {row['reason']}{purged}", None, row["reason"])


def standing(history: History) -> str:
    """What a URL is now, in a sentence without its full stop."""
    url = history.url
    if history.withdrawal is not None:
        return "is withdrawn: hidden, and never fetched again"
    if url is None:
        return "was never found by itself; pages of a stored article name it as the article's URL"
    text = _STATES.get(url["state"], url["state"])
    if url["lease_run"]:
        text += f", and is in hand of run {url['lease_run']}"
    if url["reason"]:
        text += f": {explained(url['reason'])}"
    return text


@dataclass(frozen=True, slots=True)
class NextVisit:
    """When a URL is fetched next, None for never, and why then."""

    at: str | None
    why: str


def next_visit(history: History, *, active: bool, blocked_until: str | None, now: str) -> NextVisit:
    """The next visit of a URL. `active`: its source takes part in runs; `blocked_until`: of its host."""
    url = history.url
    if (never := _never(history, active=active)) is not None or url is None:
        return NextVisit(None, never or "it is not known")
    if url["lease_run"]:
        return NextVisit(url["next_fetch_at"], "it is in hand of a run; had that run been killed, the next one takes it")
    if (blocked_until or "") > max(now, url["next_fetch_at"]):
        return NextVisit(blocked_until, "its host asked to be left alone until then")
    return NextVisit(url["next_fetch_at"], _purpose(url, now))


def _never(history: History, *, active: bool) -> str | None:
    """Why a URL is not fetched any more; None when it is."""
    url = history.url
    if history.withdrawal is not None:
        return "it is withdrawn"
    if url is None:
        return "it has no row of its own: the article is fetched under its own URL"
    if url["next_fetch_at"] is None:
        return _NEVER.get(url["state"], "nothing planned it")
    return None if active else "its source takes part in no run: it is not in newswarc.toml, or it is paused"


def _purpose(url: Row, now: str) -> str:
    due = "the next run takes it; " if url["next_fetch_at"] <= now else ""
    if url["attempts"]:
        return f"{due}it is tried again after {url['attempts']} fetches that failed"
    if url["state"] == State.SEED:
        return f"{due}it is polled for new links"
    if url["state"] in (State.STORED, State.GONE, State.DUPLICATE):
        return f"{due}its article is looked at again for edits"
    return f"{due}it waits for its turn"
