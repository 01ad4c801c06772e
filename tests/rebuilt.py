"""A database rebuilt from its archive, compared with the live one row by row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.desk import Desk

# What a data team and an archivist see of articles, versions and captures; changed_seq counts changes as they were made.
COMPARED = {
    "articles": (
        "SELECT uid, source, url, canonical_url, site_name, title, authors, published_at, modified_at, published_local,"
        " published_precision, language, section, tags, description, image_url, text, word_count, version, first_seen_at,"
        " last_seen_at, gone_at, http_status, warc_file, warc_offset, warc_length, warc_record_id, payload_digest, extractor,"
        " truncated, organizations, modified_local, modified_precision, is_accessible_for_free, page_type, reservations,"
        " redirected_at, paywalled_at FROM v_articles ORDER BY uid"
    ),
    "versions": (
        "SELECT uid, version, observed_at, title, text, authors, published_at, warc_file, warc_offset, warc_record_id,"
        " words_added, words_removed"
        " FROM v_versions ORDER BY uid, version"
    ),
    "captures": (
        "SELECT url, fetched_at, http_status, kind, mime, record_type, warc_file, warc_offset, warc_length, warc_record_id,"
        " payload_digest, block_digest, body_sha256, truncated, revisit_of, run_id, reservations"
        " FROM v_captures ORDER BY warc_record_id"
    ),
    "aliases": "SELECT key, uid FROM aliases JOIN articles ON articles.id = article_id ORDER BY key",
    "provenance": "SELECT uid, version, field, source FROM v_provenance ORDER BY 1, 2, 3",
    "settled URLs": (
        "SELECT u.url, u.state, u.reason, a.uid FROM urls u LEFT JOIN articles a ON a.id = u.article_id"
        " WHERE u.kind IN ('article', 'requisite') AND"
        " u.id IN (SELECT url_id FROM outcomes WHERE capture_id IS NOT NULL) ORDER BY u.url"
    ),
    "files": "SELECT name, size, sha256 FROM warc_files WHERE closed_at IS NOT NULL AND state = 'here' ORDER BY name",
    "replaced files": "SELECT name, sha256, replaced_by FROM warc_files WHERE state = 'withdrawn' ORDER BY name",
    "sources": "SELECT name, url FROM sources WHERE id IN (SELECT source_id FROM articles) ORDER BY name",
    "withdrawals": "SELECT key, url, uid, reason, at, purged_at FROM withdrawals ORDER BY key",
}


def assert_rebuilt(desk: Desk, target: Path) -> dict[str, int]:
    """Rebuild into `target`; it says what the live database says. Returns how many rows were compared."""
    desk.run("reprocess", "--into", str(target), timeout=600)
    return {name: _assert_equal(name, desk.rows(query), _rows(target, query)) for name, query in COMPARED.items()}


def _assert_equal(name: str, live: list[Any], rebuilt: list[Any]) -> int:
    missing = [row for row in live if row not in rebuilt][:3]
    invented = [row for row in rebuilt if row not in live][:3]
    assert not missing, f"{name}: not rebuilt: {missing}; instead: {invented}"
    assert rebuilt == live, f"{name}: invented: {invented}"
    return len(live)


def _rows(target: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(target)) as conn:
        return conn.execute(query).fetchall()
