"""What is remembered between runs: rhythms, promises to hosts, robots.txt, troubles of sources, reservations of rights."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database.dialects import Id, SortedText, rows_where

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NEW = {
    "runs": ("outage",),
    "sources": ("rhythm", "last_new_at", "trouble", "trouble_since", "told_at", "edits"),
    "urls": ("considered_run", "rhythm"),
    "hosts": ("delay", "delay_since", "block_reason"),
    "captures": ("signals",),
    "articles": ("redirected_at", "paywalled_at"),
}
_UNSCHEDULED = (
    "rhythm IS NULL AND next_fetch_at IS NULL AND article_id IS NOT NULL AND payload IS NULL AND state IN ('stored', 'gone')"
)


def upgrade() -> None:
    """New columns and tables, empty: they fill with the next visits. Young articles are taken up by the next crawls."""
    for table, names in _NEW.items():
        for name in names:
            op.add_column(table, sa.Column(name, SortedText))
    op.execute("UPDATE urls SET priority = priority + 1 WHERE priority >= 2")  # 2 is of articles that are fetched again
    op.create_index("ix_urls_considered_run", "urls", ["considered_run"])
    op.create_index("ix_urls_unscheduled", "urls", ["source_id", "discovered_at"], **rows_where(_UNSCHEDULED))
    op.create_index("ix_captures_run", "captures", ["run_id", "kind"])
    op.create_table(
        "robots",
        sa.Column("origin", SortedText, nullable=False),
        sa.Column("fetched_at", SortedText, nullable=False),
        sa.Column("expires_at", SortedText, nullable=False),
        sa.Column("http_status", sa.Integer),
        sa.Column("reason", SortedText),
        sa.Column("body", SortedText),
        sa.Column("planted", SortedText),
        sa.PrimaryKeyConstraint("origin", name="pk_robots"),
    )
    op.create_table(
        "host_blocks",
        sa.Column("id", Id, nullable=False),
        sa.Column("host", SortedText, nullable=False),
        sa.Column("since", SortedText, nullable=False),
        sa.Column("until", SortedText, nullable=False),
        sa.Column("reason", SortedText, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_host_blocks"),
    )
    op.create_index("ix_host_blocks_host_since", "host_blocks", ["host", "since"])


def downgrade() -> None:
    """A copy of the collection is the way back."""
    raise NotImplementedError
