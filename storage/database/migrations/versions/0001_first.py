"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database.dialects import ONLY_EQUALITY, Id, SortedText, rows_where

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, those first that others point to, and start the count of changes."""
    _sources()
    _runs()
    _articles()
    _aliases()
    _urls()
    _warc_files()
    _captures()
    _extractions()
    _versions()
    _outcomes()
    _hosts()
    _sequences()
    _facts()
    op.execute(sa.text("INSERT INTO sequences (name, value) VALUES ('changed', 0)"))


def downgrade() -> None:
    """There is nothing before the first tables; a copy of the collection is the way back."""
    raise NotImplementedError


def _sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", SortedText, nullable=False, unique=True),
        sa.Column("url", SortedText, nullable=False),
        sa.Column("created_at", SortedText, nullable=False),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", SortedText, primary_key=True),
        sa.Column("started_at", SortedText, nullable=False),
        sa.Column("ended_at", SortedText),
        sa.Column("exit_code", sa.Integer),
        sa.Column("version", SortedText, nullable=False),
        sa.Column("ledger", sa.JSON(none_as_null=True)),
        sa.Index("ix_runs_started_at", "started_at"),
    )


def _articles() -> None:
    op.create_table(
        "articles",
        sa.Column("id", Id, primary_key=True),
        sa.Column("uid", SortedText, nullable=False, unique=True),
        sa.Column("source_id", Id, sa.ForeignKey("sources.id"), nullable=False),
        sa.Column("url", SortedText, nullable=False),
        sa.Column("canonical_url", SortedText),
        sa.Column("first_seen_at", SortedText, nullable=False),
        sa.Column("last_seen_at", SortedText, nullable=False),
        sa.Column("gone_at", SortedText),
        sa.Column("http_status", sa.Integer),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_seq", sa.BigInteger, nullable=False),
        sa.Index("ix_articles_changed_seq", "changed_seq"),
        sa.Index("ix_articles_url", "url", **ONLY_EQUALITY),
        sa.Index("ix_articles_source", "source_id", "last_seen_at"),
    )


def _aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("key", SortedText, primary_key=True),
        sa.Column("article_id", Id, sa.ForeignKey("articles.id"), nullable=False, index=True),
    )


def _urls() -> None:
    op.create_table(
        "urls",
        sa.Column("id", Id, primary_key=True),
        sa.Column("key", SortedText, nullable=False, unique=True),
        sa.Column("url", SortedText, nullable=False),
        sa.Column("host", SortedText, nullable=False),
        sa.Column("source_id", Id, sa.ForeignKey("sources.id"), nullable=False),
        sa.Column("kind", SortedText, nullable=False),
        sa.Column("state", SortedText, nullable=False),
        sa.Column("reason", SortedText),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("hops", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("discovered_at", SortedText, nullable=False),
        sa.Column("discovered_from", SortedText),
        sa.Column("announced", SortedText),
        sa.Column("payload", SortedText),
        sa.Column("spider", SortedText),
        sa.Column("next_fetch_at", SortedText),
        sa.Column("lease_run", SortedText),
        sa.Column("lease_until", SortedText),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("last_fetch_at", SortedText),
        sa.Column("etag", SortedText),
        sa.Column("last_modified", SortedText),
        sa.Column("article_id", Id, sa.ForeignKey("articles.id")),
        sa.Index(
            "ix_urls_due",
            "priority",
            "host",
            "next_fetch_at",
            **rows_where("next_fetch_at IS NOT NULL AND lease_run IS NULL"),
        ),
        sa.Index("ix_urls_leased", "lease_run", **rows_where("lease_run IS NOT NULL")),
        sa.Index("ix_urls_source_state", "source_id", "state"),
        sa.Index("ix_urls_article", "article_id"),
    )


def _warc_files() -> None:
    op.create_table(
        "warc_files",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", SortedText, nullable=False, unique=True),
        sa.Column("run_id", SortedText, sa.ForeignKey("runs.id")),
        sa.Column("opened_at", SortedText, nullable=False),
        sa.Column("closed_at", SortedText),
        sa.Column("size", sa.BigInteger),
        sa.Column("sha256", SortedText),
    )


def _captures() -> None:
    op.create_table(
        "captures",
        sa.Column("id", Id, primary_key=True),
        sa.Column("url_id", Id, sa.ForeignKey("urls.id")),
        sa.Column("run_id", SortedText, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("url", SortedText, nullable=False),
        sa.Column("fetched_at", SortedText, nullable=False),
        sa.Column("http_status", sa.Integer),
        sa.Column("kind", SortedText, nullable=False),
        sa.Column("mime", SortedText),
        sa.Column("record_type", SortedText, nullable=False),
        sa.Column("warc_file_id", Id, sa.ForeignKey("warc_files.id"), nullable=False),
        sa.Column("warc_offset", sa.BigInteger, nullable=False),
        sa.Column("warc_length", sa.BigInteger, nullable=False),
        sa.Column("warc_record_id", SortedText, nullable=False, unique=True),
        sa.Column("payload_digest", SortedText),
        sa.Column("block_digest", SortedText, nullable=False),
        sa.Column("body_sha256", SortedText),
        sa.Column("truncated", SortedText),
        sa.Column("revisit_of", SortedText),
        sa.Column("error", SortedText),
        sa.Column("context", SortedText, nullable=False),
        sa.Column("pending", sa.Boolean, nullable=False),
        sa.Index("ix_captures_file", "warc_file_id", "warc_offset"),
        sa.Index("ix_captures_url", "url_id", "fetched_at"),
        sa.Index("ix_captures_target", "url", **ONLY_EQUALITY),
        sa.Index("ix_captures_pending", "id", **rows_where("pending", "pending = 1")),
    )


def _extractions() -> None:
    op.create_table(
        "extractions",
        sa.Column("id", Id, primary_key=True),
        sa.Column("capture_id", Id, sa.ForeignKey("captures.id"), nullable=False),
        sa.Column("extractor", SortedText, nullable=False),
        sa.Column("title", SortedText),
        sa.Column("text", SortedText, nullable=False),
        sa.Column("text_sha256", SortedText, nullable=False),
        sa.Column("word_count", sa.Integer, nullable=False),
        sa.Column("canonical_url", SortedText),
        sa.Column("site_name", SortedText),
        sa.Column("authors", SortedText, nullable=False),
        sa.Column("tags", SortedText, nullable=False),
        sa.Column("published_at", SortedText),
        sa.Column("published_local", SortedText),
        sa.Column("published_precision", SortedText),
        sa.Column("modified_at", SortedText),
        sa.Column("section", SortedText),
        sa.Column("description", SortedText),
        sa.Column("image_url", SortedText),
        sa.Column("language", SortedText),
        sa.Column("truncated", sa.Boolean, nullable=False),
        sa.Column("provenance", SortedText, nullable=False),
        sa.Index("uq_extractions_capture", "capture_id", "extractor", unique=True),
        sa.Index("ix_extractions_text", "text_sha256"),
    )


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("id", Id, primary_key=True),
        sa.Column("article_id", Id, sa.ForeignKey("articles.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("capture_id", Id, sa.ForeignKey("captures.id"), nullable=False),
        sa.Column("extraction_id", Id, sa.ForeignKey("extractions.id"), nullable=False),
        sa.Column("observed_at", SortedText, nullable=False),
        sa.Column("changed_seq", sa.BigInteger, nullable=False),
        sa.Index("uq_versions_article_number", "article_id", "number", unique=True),
        sa.Index("ix_versions_capture", "capture_id"),
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("id", Id, primary_key=True),
        sa.Column("run_id", SortedText, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("url_id", Id, sa.ForeignKey("urls.id"), nullable=False),
        sa.Column("kind", SortedText, nullable=False),
        sa.Column("verdict", SortedText, nullable=False),
        sa.Column("reason", SortedText),
        sa.Column("capture_id", Id, sa.ForeignKey("captures.id")),
        sa.Column("at", SortedText, nullable=False),
        sa.Index("ix_outcomes_run", "run_id", "kind", "verdict"),
        sa.Index("ix_outcomes_url", "url_id", "at"),
    )


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("host", SortedText, primary_key=True),
        sa.Column("crawl_delay", SortedText),
        sa.Column("blocked_until", SortedText),
    )


def _sequences() -> None:
    op.create_table(
        "sequences",
        sa.Column("name", SortedText, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("name", SortedText, primary_key=True),
        sa.Column("value", SortedText, nullable=False),
    )
