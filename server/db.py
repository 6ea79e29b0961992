"""Connections to Postgres and Redis: sessions for rows, a pool for the log of updates, a client for messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONNECT_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_SECONDS = 30
POOL_WAIT_SECONDS = 10
REDIS_TIMEOUT_SECONDS = 5
FIRST_REFUSAL = 400

Sessions = async_sessionmaker[AsyncSession]


class DatabaseUnreachable(Exception):
    """Postgres does not answer or does not let us in; the message says how that shows, without the address."""


def asyncpg_dsn(database_url: str) -> str:
    """Return the address in the spelling that libpq and asyncpg share. Raises ValueError with a hint."""
    scheme, separator, rest = database_url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgres", "postgresql"}:
        message = "DATABASE_URL must look like postgresql://user:password@host/name"
        raise ValueError(message)
    return f"postgresql://{rest}"


def create_engine(
    database_url: str, *, pool_size: int = 10, statement_seconds: float | None = STATEMENT_TIMEOUT_SECONDS
) -> AsyncEngine:
    """Make an engine whose every wait is limited; it connects when first used.

    `statement_seconds` is None only for migrations, which take as long as the tables are large.
    """
    address = asyncpg_dsn(database_url)

    async def connect() -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(
            address,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=statement_seconds,
            server_settings={"application_name": "quillroom"},
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        # The driver reads the address, here as in the pool: SQLAlchemy would not understand what libpq and every
        # provider of Postgres write into it, such as `sslmode`.
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=pool_size,
        # Past this bound a request gets an error page (503) instead of waiting for ever.
        pool_timeout=POOL_WAIT_SECONDS,
        # Finds connections that a Postgres restart has closed, before a person's request does.
        pool_pre_ping=True,
        # What people wrote, and hashes of their secrets, are no matter for a log.
        hide_parameters=True,
    )


async def check(database_url: str) -> None:
    """Connect once. Raises DatabaseUnreachable."""
    engine = create_engine(database_url)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise DatabaseUnreachable(f"Postgres does not answer ({_reason(error)}): check DATABASE_URL.") from error
    finally:
        await engine.dispose()


def _reason(error: BaseException) -> str:
    # The first cause is what the driver found.
    while error.__cause__ is not None:
        error = error.__cause__
    # Of the messages only those that name a parameter: others may hold an address with a password.
    if isinstance(error, asyncpg.UndefinedObjectError | asyncpg.exceptions.ClientConfigurationError):
        return str(error)
    return type(error).__name__


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
        # Single statements leave nothing behind to be reset, which would cost a round trip after each.
        reset=_leave_as_it_is,
        max_queries=10_000_000,
    )


async def _leave_as_it_is(connection: object) -> None:
    del connection


def create_redis(redis_url: str) -> Redis:
    """Make a client whose every wait is limited; it connects when first used, and again after a restart of Redis."""
    client: Redis = Redis.from_url(
        redis_url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        health_check_interval=15,
        # A connection that Redis closed while it lay idle is noticed only when it is used: try again with a new one.
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2),
        retry_on_error=[RedisConnectionError],
    )
    return client


class SessionPerRequest:
    """ASGI middleware that gives each HTTP request its `request.state.db`.

    The work is committed before the first byte of the answer leaves, so a redirect never overtakes its own commit.
    A refusal (status 400 and above) or an exception rolls back, wherever it was made into an answer.
    """

    def __init__(self, app: ASGIApp, *, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a session, pass on, and commit or roll back before the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        async with self._sessions() as session:

            async def send_after_commit(message: Message) -> None:
                if message["type"] == "http.response.start":
                    if message["status"] < FIRST_REFUSAL:
                        await session.commit()
                    else:
                        await session.rollback()
                await send(message)

            scope.setdefault("state", {})["db"] = session
            await self._app(scope, receive, send_after_commit)
