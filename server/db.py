"""Connections to Postgres: SQLAlchemy sessions for rows, an asyncpg pool for the log of updates."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlmodel import SQLModel

# Constraint names are part of the schema: migrations must be able to name what they change.
# Set here, so a module that declares tables imports this one first.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

CONNECT_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_SECONDS = 30
POOL_WAIT_SECONDS = 10

Sessions = async_sessionmaker[AsyncSession]


def sqlalchemy_url(database_url: str) -> URL:
    """Translate a libpq address, socket directories included, for SQLAlchemy's asyncpg dialect.

    `postgresql://user@/name?host=/run/dir` is kept as it is: the dialect hands `host` to asyncpg,
    which takes a path for a socket directory.
    """
    return make_url(asyncpg_dsn(database_url)).set(drivername="postgresql+asyncpg")


def asyncpg_dsn(database_url: str) -> str:
    """Return the address in the spelling that libpq and asyncpg share."""
    scheme, separator, rest = database_url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgres", "postgresql"}:
        message = "DATABASE_URL must look like postgresql://user:password@host/name"
        raise ValueError(message)
    return f"postgresql://{rest}"


def create_engine(database_url: str, *, pool_size: int = 10) -> AsyncEngine:
    """Make an engine whose every wait is limited; it connects when first used."""
    return create_async_engine(
        sqlalchemy_url(database_url),
        pool_size=pool_size,
        max_overflow=pool_size,
        # Past this bound a request gets an error page (503) instead of waiting for ever.
        pool_timeout=POOL_WAIT_SECONDS,
        # Finds connections that a Postgres restart has closed, before a person's request does.
        pool_pre_ping=True,
        connect_args={
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "command_timeout": STATEMENT_TIMEOUT_SECONDS,
            "server_settings": {"application_name": "quillroom"},
        },
    )


def create_sessions(engine: AsyncEngine) -> Sessions:
    """Make the session factory; rows stay readable after the commit, for the template that shows them."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def transaction(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Give commands and jobs a session that commits at the end and rolls back on any exception."""
    async with sessions() as session, session.begin():
        yield session


async def create_pool(database_url: str, *, min_size: int = 1, max_size: int = 10) -> "asyncpg.Pool[Any]":
    """Open a pool of plain asyncpg connections, for statements where each microsecond counts."""
    return await asyncpg.create_pool(
        asyncpg_dsn(database_url),
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=STATEMENT_TIMEOUT_SECONDS,
        server_settings={"application_name": "quillroom-log"},
    )
