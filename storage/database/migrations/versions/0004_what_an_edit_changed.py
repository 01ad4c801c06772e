"""More fields of an article, and the size of each edit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.articles.sizes import measure
from storage.database.dialects import SortedText

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New columns. What was extracted before knows nothing of them; `newswarc reprocess` reads it again."""
    op.add_column(
        "extractions", sa.Column("organizations", SortedText, nullable=False, server_default=sa.text("'[]'"))
    )
    op.add_column("extractions", sa.Column("modified_local", SortedText))
    op.add_column("extractions", sa.Column("modified_precision", SortedText))
    op.add_column("extractions", sa.Column("is_accessible_for_free", sa.Boolean))
    op.add_column("extractions", sa.Column("page_type", SortedText))
    op.add_column("versions", sa.Column("words_added", sa.Integer))
    op.add_column("versions", sa.Column("words_removed", sa.Integer))
    for article_id in _edited():
        measure(op.get_bind(), article_id)


def downgrade() -> None:
    """A copy of the collection is the way back."""
    raise NotImplementedError


def _edited() -> list[int]:
    """The articles that have more than one version."""
    return list(op.get_bind().execute(sa.text("SELECT id FROM articles WHERE version > 1 ORDER BY id")).scalars())
