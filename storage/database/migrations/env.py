"""What Alembic runs: the revisions on the connection it was given (see upgrade.py)."""

from __future__ import annotations

from alembic import context

from storage.database.migrations import VERSION_TABLE
from storage.database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
