"""Sessions and pools on a real Postgres."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from server import db


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://ada:secret@db.example.org/studio", "postgresql+asyncpg://ada:secret@db.example.org/studio"),
        ("postgresql+asyncpg://ada@db.example.org/studio", "postgresql+asyncpg://ada@db.example.org/studio"),
        ("postgresql://ada@/studio?host=/run/studio", "postgresql+asyncpg://ada@/studio?host=%2Frun%2Fstudio"),
    ],
)
def test_every_spelling_of_an_address_is_understood(given: str, expected: str) -> None:
    assert db.sqlalchemy_url(given).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize("given", ["", "studio", "mysql://ada@db/studio"])
def test_another_kind_of_address_is_refused_with_a_hint(given: str) -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        db.sqlalchemy_url(given)


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
