"""The tables, in SQLAlchemy's terms.

Moments are text in the one form of `times`; digests are text as written in the WARC. The views, which are the contract
for data teams, are in `views.py`. What changes in the shape of the tables comes by a migration; a fresh database is
made from these tables directly, and a test holds that the migrations lead to the very same.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    text,
)

from storage.database.columns import CleanText, Json
from storage.database.dialects import ONLY_EQUALITY, Id, rows_where

# Records that a revisit may refer to: whole responses.
ORIGINAL = "record_type = 'response' AND truncated IS NULL"

# Rows of stored articles of which no schedule knows.
UNSCHEDULED = (
    "rhythm IS NULL AND next_fetch_at IS NULL AND article_id IS NOT NULL AND payload IS NULL AND state IN ('stored', 'gone')"
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sources = Table(
    "sources",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", CleanText, nullable=False, unique=True),
    Column("url", CleanText, nullable=False),
    Column("created_at", CleanText, nullable=False),
    Column("rhythm", CleanText, doc="JSON: how often it brings something new"),
    Column("last_new_at", CleanText, doc="when its newest article was first seen"),
    Column("trouble", CleanText, doc="why it needs a person; NULL: it does not"),
    Column("trouble_since", CleanText),
    Column("told_at", CleanText, doc="when a person was told of its trouble"),
    Column("edits", CleanText, doc="JSON: what its articles showed when they were fetched again"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("started_at", CleanText, nullable=False),
    Column("ended_at", CleanText),
    Column("exit_code", Integer),
    Column("version", CleanText, nullable=False, doc="newswarc's version"),
    Column("ledger", JSON(none_as_null=True), doc="JSON of records.Ledger, entered when the run ends"),
    Column("batch", Integer, doc="number of the last batch of jobs that was committed"),
    Column("archived_at", CleanText, doc="when its account was written into the archive"),
    Column("command", CleanText, nullable=False, server_default=text("'crawl'"), doc="what it was: crawl, ingest, ..."),
    Column("outage", CleanText, doc="exit code and since when sources do not answer; 0: they do; NULL: it asked none"),
    Index("ix_runs_started_at", "started_at"),
)

urls = Table(
    "urls",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", CleanText, nullable=False, unique=True, doc="the URL without scheme, query sorted: one row a page"),
    Column("url", CleanText, nullable=False, doc="canonical form, as it is fetched"),
    Column("host", CleanText, nullable=False, doc="host[:port]"),
    Column("source_id", Id, ForeignKey("sources.id"), nullable=False),
    Column("kind", CleanText, nullable=False),
    Column("state", CleanText, nullable=False),
    Column("reason", CleanText),
    Column("priority", SmallInteger, nullable=False),
    Column("hops", SmallInteger, nullable=False, server_default=text("0")),
    Column("discovered_at", CleanText, nullable=False),
    Column("discovered_from", CleanText),
    Column("announced", CleanText, doc="JSON of records.Announced"),
    Column("payload", CleanText, doc="JSON of an unusual request"),
    Column("spider", CleanText, doc="the spider that can read it; NULL: any"),
    Column("next_fetch_at", CleanText, doc="NULL: not to be fetched"),
    Column("lease_run", CleanText),
    Column("lease_until", CleanText),
    Column("attempts", Integer, nullable=False, server_default=text("0"), doc="fetches since the last success"),
    Column("last_fetch_at", CleanText),
    Column("etag", CleanText),
    Column("last_modified", CleanText),
    Column("validated_url", CleanText, doc="the URL, it may be a redirect's, whose answer etag and last_modified are of"),
    Column("validated_at", CleanText, doc="WARC-Date of that answer"),
    Column("article_id", Id, ForeignKey("articles.id")),
    Column("considered_run", CleanText, doc="the run that considered it last"),
    Column("rhythm", CleanText, doc="JSON: what schedules remember of it"),
    Index(
        "ix_urls_due",
        "priority",
        "host",
        "next_fetch_at",
        **rows_where("next_fetch_at IS NOT NULL AND lease_run IS NULL"),
    ),
    Index("ix_urls_leased", "lease_run", **rows_where("lease_run IS NOT NULL")),
    Index("ix_urls_source_state", "source_id", "state"),
    Index("ix_urls_article", "article_id"),
    Index("ix_urls_considered_run", "considered_run"),
    Index("ix_urls_unscheduled", "source_id", "discovered_at", **rows_where(UNSCHEDULED)),
)

warc_files = Table(
    "warc_files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", CleanText, nullable=False, unique=True, doc="final name, also while NAME.open is being written"),
    Column("run_id", CleanText, ForeignKey("runs.id")),
    Column("opened_at", CleanText, nullable=False),
    Column("closed_at", CleanText),
    Column("size", BigInteger),
    Column("sha256", CleanText),
    Column("state", CleanText, nullable=False, server_default=text("'here'"), doc="records.FileState"),
    Column("place", CleanText, doc="path or address where it is; NULL: in the collection's warc/"),
    Column("origin", CleanText, nullable=False, server_default=text("'own'"), doc="records.FileOrigin"),
    Column("read_until", BigInteger, doc="offset up to which a file that is being ingested was read; NULL: all of it"),
    Column("replaced_by", CleanText, doc="name of the file that a purge wrote in its place"),
)

captures = Table(
    "captures",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url_id", Id, ForeignKey("urls.id"), doc="the frontier row that it was fetched for"),
    Column("run_id", CleanText, ForeignKey("runs.id"), nullable=False),
    Column("url", CleanText, nullable=False, doc="WARC-Target-URI"),
    Column("fetched_at", CleanText, nullable=False, doc="WARC-Date"),
    Column("http_status", Integer),
    Column("kind", CleanText, nullable=False),
    Column("mime", CleanText),
    Column("record_type", CleanText, nullable=False),
    Column("warc_file_id", Id, ForeignKey("warc_files.id"), nullable=False),
    Column("warc_offset", BigInteger, nullable=False),
    Column("warc_length", BigInteger, nullable=False),
    Column("warc_record_id", CleanText, nullable=False, unique=True),
    Column("payload_digest", CleanText),
    Column("block_digest", CleanText, nullable=False),
    Column("body_sha256", CleanText, doc="of the decoded body"),
    Column("truncated", CleanText),
    Column("revisit_of", CleanText),
    Column("error", CleanText),
    Column("context", CleanText, nullable=False, doc="JSON of records.FetchContext"),
    Column("pending", Boolean, nullable=False, doc="its outcome is not stored yet"),
    Column("withdrawn_at", CleanText, doc="hidden since: see withdrawals"),
    Column("signals", CleanText, doc="JSON: what rights its publisher reserves, as far as it says so"),
    Index("ix_captures_file", "warc_file_id", "warc_offset"),
    Index("ix_captures_url", "url_id", "fetched_at"),
    Index("ix_captures_target", "url", **ONLY_EQUALITY),
    Index("ix_captures_pending", "id", **rows_where("pending", "pending = 1")),
    Index("ix_captures_payload", "payload_digest", **rows_where(ORIGINAL)),
    Index("ix_captures_run", "run_id", "kind"),
)

articles = Table(
    "articles",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uid", CleanText, nullable=False, unique=True, doc="derives from the URL key first stored; never changes"),
    Column("source_id", Id, ForeignKey("sources.id"), nullable=False),
    Column("url", CleanText, nullable=False),
    Column("canonical_url", CleanText),
    Column("first_seen_at", CleanText, nullable=False),
    Column("last_seen_at", CleanText, nullable=False),
    Column("gone_at", CleanText),
    Column("withdrawn_at", CleanText, doc="hidden since: see withdrawals"),
    Column("http_status", Integer, doc="of the newest capture"),
    Column("version", Integer, nullable=False, doc="number of the latest version"),
    Column("changed_seq", BigInteger, nullable=False),
    Column("redirected_at", CleanText, doc="when its URL was first seen to lead to the home page instead"),
    Column("paywalled_at", CleanText, doc="when it was first seen behind a paywall, having been free"),
    Index("ix_articles_changed_seq", "changed_seq"),
    Index("ix_articles_url", "url", **ONLY_EQUALITY),
    Index("ix_articles_source", "source_id", "last_seen_at"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("key", CleanText, primary_key=True, doc="URL key"),
    Column("article_id", Id, ForeignKey("articles.id"), nullable=False, index=True),
)

extractions = Table(
    "extractions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("capture_id", Id, ForeignKey("captures.id"), nullable=False),
    Column("extractor", CleanText, nullable=False),
    Column("title", CleanText),
    Column("text", CleanText, nullable=False),
    Column("text_sha256", CleanText, nullable=False, doc="of the wording: title and text"),
    Column("word_count", Integer, nullable=False),
    Column("canonical_url", CleanText),
    Column("site_name", CleanText),
    Column("authors", Json, nullable=False, doc="JSON list"),
    Column("tags", Json, nullable=False, doc="JSON list"),
    Column("published_at", CleanText),
    Column("published_local", CleanText),
    Column("published_precision", CleanText),
    Column("modified_at", CleanText),
    Column("section", CleanText),
    Column("description", CleanText),
    Column("image_url", CleanText),
    Column("language", CleanText),
    Column("truncated", Boolean, nullable=False),
    Column("provenance", Json, nullable=False, doc="JSON: field -> source of its value"),
    Column("organizations", Json, nullable=False, server_default=text("'[]'"), doc="JSON list: those of the authors"),
    Column("modified_local", CleanText),
    Column("modified_precision", CleanText),
    Column("is_accessible_for_free", Boolean),
    Column("page_type", CleanText),
    Index("uq_extractions_capture", "capture_id", "extractor", unique=True),
    Index("ix_extractions_text", "text_sha256"),
)

versions = Table(
    "versions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("article_id", Id, ForeignKey("articles.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("capture_id", Id, ForeignKey("captures.id"), nullable=False, doc="the capture that first showed it"),
    Column("extraction_id", Id, ForeignKey("extractions.id"), nullable=False),
    Column("observed_at", CleanText, nullable=False),
    Column("changed_seq", BigInteger, nullable=False),
    Column("words_added", Integer, doc="against the version before; NULL for the first"),
    Column("words_removed", Integer, doc="of the version before; NULL for the first"),
    Index("uq_versions_article_number", "article_id", "number", unique=True),
    Index("ix_versions_capture", "capture_id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", CleanText, ForeignKey("runs.id"), nullable=False),
    Column("url_id", Id, ForeignKey("urls.id"), nullable=False),
    Column("kind", CleanText, nullable=False),
    Column("verdict", CleanText, nullable=False),
    Column("reason", CleanText),
    Column("capture_id", Id, ForeignKey("captures.id")),
    Column("article_id", Id, doc="the article that it was about; NULL: none, or entered before this column was"),
    Column("at", CleanText, nullable=False),
    Index("ix_outcomes_run", "run_id", "kind", "verdict"),
    Index("ix_outcomes_url", "url_id", "at"),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("key", CleanText, primary_key=True, doc="URL key: what is captured under it is hidden"),
    Column("url", CleanText, nullable=False),
    Column("uid", CleanText, doc="the article that it was a URL of"),
    Column("reason", CleanText, nullable=False),
    Column("at", CleanText, nullable=False),
    Column("purged_at", CleanText, doc="when its bytes were taken out of the archive"),
)

hosts = Table(
    "hosts",
    metadata,
    Column("host", CleanText, primary_key=True, doc="host[:port]"),
    Column("crawl_delay", CleanText, doc="seconds, as robots.txt asks"),
    Column("blocked_until", CleanText, doc="Retry-After of a 429 or 503"),
    Column("next_turn_at", CleanText, doc="when it may be asked next"),
    Column("delay", CleanText, doc="seconds between two requests, as promised last"),
    Column("delay_since", CleanText, doc="the first request under that promise"),
    Column("block_reason", CleanText, doc="why it was blocked last; NULL: it has answered well since"),
)

host_blocks = Table(
    "host_blocks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("host", CleanText, nullable=False),
    Column("since", CleanText, nullable=False),
    Column("until", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Index("ix_host_blocks_host_since", "host", "since"),
)

robots = Table(
    "robots",
    metadata,
    Column("origin", CleanText, primary_key=True, doc="scheme://host[:port]"),
    Column("fetched_at", CleanText, nullable=False),
    Column("expires_at", CleanText, nullable=False),
    Column("http_status", Integer),
    Column("reason", CleanText, doc="why it could not be read: all is closed until it expires"),
    Column("body", CleanText, doc="as far as it is read"),
    Column("planted", CleanText, doc="JSON: source -> when the sitemaps that it names were made seeds of it"),
)

sequences = Table(
    "sequences",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("value", CleanText, nullable=False),
)
