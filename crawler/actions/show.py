"""`show`: an article, or what is known of a URL, or the archived bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crawler import checks, console
from crawler import collection as collections
from crawler.actions.database import opened
from crawler.collection import Collection
from storage import captures, query
from storage.errors import UsageError
from storage.shelf import Shelf

Row = dict[str, Any]

FIELDS = (
    "uid",
    "source",
    "url",
    "canonical_url",
    "site_name",
    "authors",
    "published_at",
    "published_local",
    "modified_at",
    "section",
    "tags",
    "language",
    "word_count",
    "first_seen_at",
    "last_seen_at",
    "gone_at",
)
CAPTURES = 20  # that are shown
CHUNK = 65_536  # bytes


def show(folder: Path, target: str, *, raw: bool, as_json: bool) -> None:
    """Print what is known of a URL or uid, or the archived bytes behind it. Raises UsageError when nothing is."""
    collection = collections.find(folder)
    known = _known(collection, target)
    if raw:
        _print_raw(collection, known, target)
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


def _print_raw(collection: Collection, known: Row, target: str) -> None:
    """What was served in the capture that an article's row points to, else in the newest one with an answer."""
    answered = [capture for capture in known["captures"] if capture["record_type"] in {"response", "revisit"}]
    place = known["article"] or next(iter(answered), None)
    if place is None:
        raise UsageError(f"{checks.shown(target)} never gave an answer: there are no bytes to show")
    with opened(collection) as conn:
        capture = captures.of_record(conn, place["warc_record_id"])
        assert capture is not None, "a row was made of it just now"
        with Shelf(collection.warc(), conn.engine).response(capture) as response:
            response.block.seek(0)
            console.out_bytes(iter(lambda: response.block.read(CHUNK), b""))


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
    return f"{name + ':':17}{', '.join(map(str, value)) if isinstance(value, list) else value}"


def _versions(versions: list[Row]) -> list[str]:
    return [f"version {row['version']}  {row['observed_at']}  {row['title'] or '(no title)'}" for row in versions]


def _captures(captures: list[Row]) -> list[str]:
    lines = [
        f"capture  {row['fetched_at']}  {row['http_status'] or '---'}  {row['warc_file']} at {row['warc_offset']}"
        for row in captures[:CAPTURES]
    ]
    return lines + ([f"and {len(captures) - CAPTURES} older captures"] if len(captures) > CAPTURES else [])
