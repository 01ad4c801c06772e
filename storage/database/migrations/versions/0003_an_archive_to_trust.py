"""Files have a place and a state, captures can be revisits, and what was withdrawn stays known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database.dialects import Id, SortedText, rows_where

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ORIGINAL = "record_type = 'response' AND truncated IS NULL"


def upgrade() -> None:
    """New columns, whose defaults are right for rows of before, and one table."""
    op.add_column("runs", sa.Column("archived_at", SortedText))
    op.execute(sa.text("UPDATE runs SET archived_at = ended_at"))
    op.add_column("runs", sa.Column("command", SortedText, nullable=False, server_default=sa.text("'crawl'")))
    op.add_column("urls", sa.Column("validated_url", SortedText))
    op.add_column("urls", sa.Column("validated_at", SortedText))
    op.add_column("articles", sa.Column("withdrawn_at", SortedText))
    op.add_column("captures", sa.Column("withdrawn_at", SortedText))
    op.create_index("ix_captures_payload", "captures", ["payload_digest"], **rows_where(_ORIGINAL))
    _outcomes()
    _warc_files()
    _withdrawals()


def downgrade() -> None:
    """A copy of the collection is the way back."""
    raise NotImplementedError


def _outcomes() -> None:
    op.add_column("outcomes", sa.Column("article_id", Id))
    op.execute(
        sa.text("UPDATE outcomes SET article_id = (SELECT article_id FROM urls WHERE urls.id = outcomes.url_id)")
    )


def _warc_files() -> None:
    op.add_column("warc_files", sa.Column("state", SortedText, nullable=False, server_default=sa.text("'here'")))
    op.add_column("warc_files", sa.Column("place", SortedText))
    op.add_column("warc_files", sa.Column("origin", SortedText, nullable=False, server_default=sa.text("'own'")))
    op.add_column("warc_files", sa.Column("read_until", sa.BigInteger))
    op.add_column("warc_files", sa.Column("replaced_by", SortedText))


def _withdrawals() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("key", SortedText, primary_key=True),
        sa.Column("url", SortedText, nullable=False),
        sa.Column("uid", SortedText),
        sa.Column("reason", SortedText, nullable=False),
        sa.Column("at", SortedText, nullable=False),
        sa.Column("purged_at", SortedText),
    )
