"""The history of the tables, for Alembic. `upgrade.py` runs it; `storage.database.engine` says when.

A new revision: change `storage/database/schema.py`, add `versions/NNNN_what.py`, and its name here. Views are not part of any
revision: they are dropped before and created after, from `storage/database/views.py`.
"""

from __future__ import annotations

REVISIONS = ("0001", "0002", "0003", "0004", "0005")  # oldest first; here, so that opening a database does not need to load Alembic
HEAD = REVISIONS[-1]
VERSION_TABLE = "newswarc_version"
