"""The migrations make exactly the tables that the models describe."""

import asyncio
import os
import re
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlmodel import SQLModel

import server.accounts.models
import server.assets.models
import server.audit.models
import server.comments.models
import server.documents.models
import server.notifications.models
import server.publishing.bulk.models
import server.publishing.channels.sandbox_models
import server.publishing.models
import server.publishing.site.models
import server.review.models
import server.revisions.models
import server.workspaces.models  # noqa: F401 - imported, as the others, for the tables they declare
from server import db
from server.embedded import Servers
from server.migrating import is_current

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ROOT / "migrations" / "versions"

# What makes a schema: every column, constraint and index, as Postgres itself writes them down.
DESCRIPTION = """
SELECT 'column' AS kind, table_name || '.' || column_name AS name,
       concat_ws(' ', data_type, is_nullable, column_default) AS definition
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename || '.' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
ORDER BY 1, 2
"""


async def _describe(url: str) -> list[tuple[str, str, str]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(DESCRIPTION)
    await connection.close()
    return [tuple(row) for row in rows if "alembic_version" not in row["name"]]


@pytest.fixture
async def modelled(servers: Servers) -> str:
    """A database made from the models, without migrations."""
    connection = await asyncpg.connect(servers.database_url)
    await connection.execute("DROP DATABASE IF EXISTS modelled WITH (FORCE)")
    await connection.execute("CREATE DATABASE modelled")
    await connection.close()
    url = servers.database_url.replace("/quillroom?", "/modelled?")
    engine = db.create_engine(url)
    async with engine.begin() as opened:
        await opened.run_sync(SQLModel.metadata.create_all)
    await engine.dispose()
    return url


async def test_migrated_and_modelled_databases_are_alike(db_url: str, modelled: str) -> None:
    assert await _describe(db_url) == await _describe(modelled)


async def test_alembic_finds_nothing_to_do(db_url: str) -> None:
    def compare(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)

    engine = db.create_engine(db_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(compare) == []
    await engine.dispose()


async def test_an_empty_database_is_not_current_and_migrating_twice_is_once(servers: Servers) -> None:
    connection = await asyncpg.connect(servers.database_url)
    await connection.execute("CREATE DATABASE empty_one")
    await connection.close()
    url = servers.database_url.replace("/quillroom?", "/empty_one?")
    assert not await is_current(url)
    # Two installations of one database that start at once.
    command = [sys.executable, "-m", "server", "migrate"]
    environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": servers.redis_url}
    both = [await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT) for _ in range(2)]
    assert [await process.wait() for process in both] == [0, 0]
    assert await is_current(url)


def test_every_migration_is_named_by_its_day_and_says_its_phase() -> None:
    versions = sorted(VERSIONS.glob("*.py"))
    assert versions
    for path in versions:
        assert re.fullmatch(r"\d{8}_[a-z0-9_]+\.py", path.name), path.name
        assert re.search(r"Phase: (expand|contract)\.", path.read_text()), path.name
