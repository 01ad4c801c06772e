"""Runs Alembic on a connection that is already in a transaction. The only file that loads Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

FOLDER = Path(__file__).parent  # with env.py and versions/


def config_for(conn: Connection | None) -> Config:
    """Alembic's configuration without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    return config


def upgrade(conn: Connection, revision: str = "head") -> None:
    """Bring the tables to `revision`; from nothing, when there are none."""
    command.upgrade(config_for(conn), revision)
