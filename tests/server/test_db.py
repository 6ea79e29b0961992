"""Sessions and pools on a real Postgres."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from server import db


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://ada:secret@db.example.org/studio", "postgresql://ada:secret@db.example.org/studio"),
        ("postgresql+asyncpg://ada@db.example.org/studio", "postgresql://ada@db.example.org/studio"),
        ("postgresql://ada@/studio?host=/run/studio", "postgresql://ada@/studio?host=/run/studio"),
    ],
)
def test_every_spelling_of_an_address_is_understood(given: str, expected: str) -> None:
    assert db.asyncpg_dsn(given) == expected


@pytest.mark.parametrize("given", ["", "studio", "mysql://ada@db/studio"])
def test_another_kind_of_address_is_refused_with_a_hint(given: str) -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        db.asyncpg_dsn(given)
    with pytest.raises(ValueError, match="postgresql://"):
        db.create_engine(given)


@pytest.mark.parametrize("more", ["", "&sslmode=prefer", "&sslmode=disable&application_name=studio"])
async def test_an_address_may_hold_what_providers_write_into_it(db_url: str, more: str) -> None:
    await db.check(db_url + more)
    pool = await db.create_pool(db_url + more)
    await pool.close()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("&channel_binding=require", "channel_binding"),
        ("&sslmode=sometimes", "sslmode"),
        ("&sslmode=verify-full&sslrootcert=/nowhere", "FileNotFoundError|ConnectionError|ClientConfigurationError"),
        ("&port=none", "ValueError"),
    ],
)
async def test_an_address_that_cannot_be_used_is_told_in_a_sentence(db_url: str, more: str, says: str) -> None:
    with pytest.raises(db.DatabaseUnreachable, match=rf"({says}).*check DATABASE_URL"):
        await db.check(db_url + more)


async def test_a_transaction_commits_at_its_end_and_rolls_back_on_an_error(sessions: db.Sessions) -> None:
    async with db.transaction(sessions) as session:
        await session.execute(text("CREATE TABLE words (word text)"))
        await session.execute(text("INSERT INTO words VALUES ('kept')"))
    with pytest.raises(LookupError):
        async with db.transaction(sessions) as session:
            await session.execute(text("INSERT INTO words VALUES ('lost')"))
            raise LookupError
    async with db.transaction(sessions) as session:
        assert (await session.scalars(text("SELECT word FROM words"))).all() == ["kept"]


async def test_the_pool_reaches_the_same_database(pool: "asyncpg.Pool[Any]", db_url: str) -> None:
    assert await pool.fetchval("SELECT current_database()") in db_url


async def test_each_test_has_a_database_of_its_own(sessions: db.Sessions) -> None:
    async with sessions() as session:
        assert await session.scalar(text("SELECT to_regclass('words')")) is None
