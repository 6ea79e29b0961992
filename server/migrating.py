"""Bringing the database's tables to the form this version needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from server.db import create_engine

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def migrate(database_url: str) -> None:
    """Apply what is missing. Safe to run at any time and by several at once; what is up to date stays untouched."""
    command.upgrade(_config(database_url), "head")


async def is_current(database_url: str) -> bool:
    """Whether nothing is missing. Raises what SQLAlchemy raises if the database does not answer."""
    engine = create_engine(database_url)
    try:
        async with engine.connect() as connection:
            present = await connection.run_sync(_revision)
    finally:
        await engine.dispose()
    return present == ScriptDirectory.from_config(_config(database_url)).get_current_head()


def _config(database_url: str) -> Config:
    config = Config(toml_file=PROJECT)
    config.attributes["database_url"] = database_url
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
