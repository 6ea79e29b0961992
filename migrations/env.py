"""How Alembic reaches the database: with the address it is given, in one transaction, one migrator at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import server.accounts.models
import server.assets.models
import server.audit.models
import server.comments.models
import server.documents.models
import server.notifications.models
import server.publishing.aftercare.models
import server.publishing.bulk.models
import server.publishing.channels.sandbox_models
import server.publishing.models
import server.publishing.rules.models
import server.publishing.site.models
import server.review.models
import server.revisions.models
import server.suggestions.models
import server.workspaces.models  # noqa: F401 - imported, as the others, for the tables they declare
from server.db import create_engine
from server.settings import Settings

# Any number that nothing else uses: two processes that start at once must not migrate at once.
LOCK = 0x5155494C


def migrate(connection: Connection) -> None:
    """Bring the schema up to date, or as far as the command says."""
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


async def connect_and_migrate() -> None:
    """Connect for as long as it takes."""
    url = context.config.attributes.get("database_url") or Settings().database_url
    engine = create_engine(url, statement_seconds=None)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(connect_and_migrate())
