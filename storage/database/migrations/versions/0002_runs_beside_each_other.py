"""Runs count their batches, and hosts have turns that several runs at once share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database.dialects import SortedText

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two columns; rows of before have nothing to say in them."""
    op.add_column("runs", sa.Column("batch", sa.Integer))
    op.add_column("hosts", sa.Column("next_turn_at", SortedText))


def downgrade() -> None:
    """A copy of the collection is the way back."""
    raise NotImplementedError
