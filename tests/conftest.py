"""Real private servers for every test that asks for one: the same code starts them as in `quillroom serve`."""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import hypothesis
import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette

from server import db as database
from server.embedded import Servers, open_servers
from server.migrating import migrate
from server.settings import Settings

# Busy machines are slow, not wrong. CI repeats the same examples, so that a change is judged by what it changed;
# people's runs look for new ones.
hypothesis.settings.register_profile("people", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "people")

TEMPLATE = "quillroom_template"
PUBLIC_URL = "http://quillroom.test"

# A test's data may vanish with the machine; waiting for the disk would make each test slower.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> Iterator[None]:
    """A developer's own settings must not change what the tests see."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("QUILLROOM_") or name in {"DATABASE_URL", "REDIS_URL"}:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Run on uvloop, as the server does."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def short_dir() -> Iterator[Path]:
    """A directory whose path is short enough for unix sockets inside it."""
    path = Path(tempfile.mkdtemp(prefix="qr-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def servers(short_dir: Path) -> Iterator[Servers]:
    """Private Postgres and Redis for the whole run."""
    with open_servers(short_dir / "data", postgres_options=FAST) as servers:
        yield servers


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    """The name of a database with today's schema, to be cloned."""
    asyncio.run(_execute(servers.database_url, f"CREATE DATABASE {TEMPLATE}"))
    # In a thread of its own: it has its own event loop, and the plugin's may be in use around a session fixture.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(migrate, _named(servers.database_url, TEMPLATE)).result()
    return TEMPLATE


@pytest.fixture
async def db_url(servers: Servers, template: str) -> AsyncIterator[str]:
    """The address of a database of this test's own, with the schema and no rows."""
    name = f"test_{uuid.uuid4().hex}"
    await _execute(servers.database_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _named(servers.database_url, name)
    await _execute(servers.database_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def pool(db_url: str) -> "AsyncIterator[asyncpg.Pool[Any]]":
    """An asyncpg pool on this test's database."""
    pool = await database.create_pool(db_url)
    yield pool
    await pool.close()


@pytest.fixture
async def sessions(db_url: str) -> AsyncIterator[database.Sessions]:
    """A factory of SQLAlchemy sessions on this test's database."""
    engine = database.create_engine(db_url)
    yield database.create_sessions(engine)
    await engine.dispose()


@pytest.fixture
async def db(sessions: database.Sessions) -> AsyncIterator[AsyncSession]:
    """One session, rolled back at the end unless the test commits."""
    async with sessions() as session:
        yield session


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """The address of Redis; empty at the start of a test that also uses `redis` or `app`."""
    return servers.redis_url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty Redis."""
    client: Redis = Redis.from_url(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def settings(db_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation with this test's database, Redis and data directory."""
    return Settings(database_url=db_url, redis_url=redis_url, data_dir=tmp_path / "data", base_url=PUBLIC_URL)


@pytest.fixture
async def app(settings: Settings, redis: Redis) -> AsyncIterator[Starlette]:
    """The web application with its lifespan running."""
    from server.app import create_app

    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a window: keeps cookies, follows no redirects."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _named(url: str, name: str) -> str:
    return url.replace("/quillroom?", f"/{name}?")
