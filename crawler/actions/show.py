"""`show`: an article, or what is known of a URL, now or as of a moment, or the archived bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crawler.actions.database import opened
from crawler.config import checks
from crawler.config import collection as collections
from crawler.config.collection import Collection
from crawler.terminal import console
from storage.archive import captures
from storage.archive.shelf import Shelf
from storage.errors import UsageError
from storage.query import known as query
from storage.query.moments import end_of
from storage.times import parse

Row = dict[str, Any]

FIELDS = (
    "uid",
    "source",
    "url",
    "canonical_url",
    "site_name",
    "authors",
    "organizations",
    "published_at",
    "published_local",
    "modified_at",
    "modified_local",
    "page_type",
    "is_accessible_for_free",
    "section",
    "tags",
    "language",
    "word_count",
    "first_seen_at",
    "last_seen_at",
    "gone_at",
    "redirected_at",
    "paywalled_at",
)
CAPTURES = 20  # that are shown
CHUNK = 65_536  # bytes
ANSWERS = ("response", "revisit")
NOT_MODIFIED = 304


def show(folder: Path, target: str, *, at: str | None, raw: bool, as_json: bool) -> None:
    """Print what is known of a URL or uid, now or as of a moment, or the archived bytes. Raises UsageError when nothing is."""
    collection = collections.find(folder)
    known = _known(collection, target)
    if at is not None:
        _show_at(collection, _as_of(known, target, at), raw=raw, as_json=as_json)
    elif raw:
        _print_raw(collection, _newest(known, target))
    elif as_json:
        console.out_json(known)
    else:
        for line in _text(known):
            console.out(line)


def _known(collection: Collection, target: str) -> Row:
    """Article and versions, the URL's own row, its captures: None or empty where there is nothing."""
    if not checks.is_text(target):
        raise UsageError(f"{checks.shown(target)} is no text, and so neither URL nor uid")
    with opened(collection) as conn:
        article = query.article_by(conn, target)
        url = target if "://" in target or article is None else article["url"]
        found = {
            "article": article,
            "versions": query.versions_of(conn, article["uid"]) if article else [],
            "url": query.url_row(conn, url),
            "captures": query.captures_of(conn, url),
        }
    if not any(found.values()):
        raise UsageError(f"{checks.shown(target)} is not known in {collection.folder}, neither as URL nor as uid")
    return found


def _newest(known: Row, target: str) -> str:
    """The id of the record that an article's row points to, else of the newest capture with an answer."""
    answered = (capture for capture in known["captures"] if capture["record_type"] in ANSWERS)
    place = known["article"] or next(answered, None)
    if place is None:
        raise UsageError(f"{checks.shown(target)} never gave an answer: there are no bytes to show")
    return str(place["warc_record_id"])


def _print_raw(collection: Collection, record_id: str) -> None:
    """An answer as it was served; of a revisit, with the payload that it refers to."""
    with opened(collection) as conn:
        capture = captures.of_record(conn, record_id)
        assert capture is not None, "a row was made of it just now"
        with Shelf(collection.warc(), conn.engine).response(capture) as response:
            response.block.seek(0)
            console.out_bytes(iter(lambda: response.block.read(CHUNK), b""))


# ---- as of a moment


def _as_of(known: Row, target: str, at: str) -> Row:
    """The newest capture with an answer up to a moment, and the version that was the newest then, if any.

    A 304 says that the one before it still holds.
    """
    end = parse(end_of(at))
    answered = [
        one for one in known["captures"] if one["record_type"] in ANSWERS and one["http_status"] != NOT_MODIFIED
    ]
    capture = next((one for one in answered if parse(one["fetched_at"]) < end), None)
    if capture is None:
        oldest = f"the oldest is of {answered[-1]['fetched_at']}" if answered else "it never gave an answer"
        raise UsageError(f"{checks.shown(target)} has no capture up to {at}; {oldest}")
    versions = [one for one in known["versions"] if parse(one["observed_at"]) < end]
    return {"capture": capture, "version": versions[-1] if versions else None}


def _show_at(collection: Collection, then: Row, *, raw: bool, as_json: bool) -> None:
    if raw:
        _print_raw(collection, then["capture"]["warc_record_id"])
    elif as_json:
        console.out_json(then)
    else:
        version = then["version"]
        lines = [_field(name, value) for name, value in then["capture"].items() if value is not None]
        lines += ["", *_versions([version])] if version else []
        for line in [*map(console.one_line, lines), *(["", version["text"]] if version else [])]:
            console.out(line)


def _text(known: Row) -> list[str]:
    article, url = known["article"], known["url"]
    lines = _article(article) if article else _url(url)
    lines += ["", *_versions(known["versions"]), *_captures(known["captures"])]
    return [*map(console.one_line, lines), *(["", article["text"]] if article else [])]


def _article(article: Row) -> list[str]:
    place = f"{article['warc_file']} at {article['warc_offset']}, {article['warc_length']} bytes"
    fields = [_field(name, article[name]) for name in FIELDS if article[name] not in (None, "", [])]
    return [article["title"] or "(no title)", *fields, _field("record", article["warc_record_id"]), _field("in", place)]


def _url(url: Row | None) -> list[str]:
    return [_field(name, value) for name, value in (url or {}).items() if value is not None]


def _field(name: str, value: object) -> str:
    return f"{name + ':':16} {', '.join(map(str, value)) if isinstance(value, list) else value}"


def _versions(versions: list[Row]) -> list[str]:
    return [
        f"version {row['version']}  {row['observed_at']}  {row['title'] or '(no title)'}{_size(row)}" for row in versions
    ]


def _size(version: Row) -> str:
    """The size of its edit; the first version has none."""
    if version["words_added"] is None:
        return ""
    return f"  (+{version['words_added']:,} -{version['words_removed']:,} words)"


def _captures(captures: list[Row]) -> list[str]:
    lines = [
        f"capture  {row['fetched_at']}  {row['http_status'] or '---'}  {row['warc_file']} at {row['warc_offset']}"
        for row in captures[:CAPTURES]
    ]
    return lines + ([f"and {len(captures) - CAPTURES} older captures"] if len(captures) > CAPTURES else [])
