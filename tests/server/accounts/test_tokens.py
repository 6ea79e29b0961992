from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts import tokens
from server.db import Sessions
from server.errors import Invalid, NotFound
from tests.factories import make_user

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


async def test_a_token_is_shown_once_and_kept_as_a_hash(db: AsyncSession) -> None:
    user = await make_user(db)
    token, key = await tokens.create(db, user, " Nightly\texport ")
    assert key.startswith("qr_")
    assert len(key) > 40
    assert (token.name, token.hint) == ("Nightly export", key[:8])
    row = (await db.execute(text("SELECT api_tokens::text FROM api_tokens"))).scalar_one()
    assert key not in row
    found = await tokens.find(db, key)
    assert found is not None
    assert found[1].id == user.id


@pytest.mark.parametrize("key", ["", "qr_", "qr_x", "x", "\0", "qr_\ud800"])
async def test_a_token_nobody_was_given_opens_nothing(db: AsyncSession, key: str) -> None:
    await tokens.create(db, await make_user(db), "script")
    assert await tokens.find(db, key) is None


async def test_a_token_without_its_beginning_is_no_token(db: AsyncSession) -> None:
    _, key = await tokens.create(db, await make_user(db), "script")
    assert await tokens.find(db, key.removeprefix("qr_")) is None
    assert await tokens.find(db, key + "x") is None


async def test_a_token_expires(db: AsyncSession) -> None:
    _, key = await tokens.create(db, await make_user(db), "script", expires_at=NOW + timedelta(days=1), now=NOW)
    assert await tokens.find(db, key, now=NOW) is not None
    assert await tokens.find(db, key, now=NOW + timedelta(days=1)) is None


async def test_a_token_is_revoked_by_its_owner_only(db: AsyncSession) -> None:
    user, stranger = await make_user(db), await make_user(db)
    token, key = await tokens.create(db, user, "script")
    with pytest.raises(NotFound):
        await tokens.revoke(db, stranger.id, token.id)
    with pytest.raises(NotFound):
        await tokens.revoke(db, user.id, uuid4())
    assert await tokens.find(db, key) is not None
    await tokens.revoke(db, user.id, token.id)
    assert await tokens.find(db, key) is None
    assert await tokens.list_for(db, user.id) == []


async def test_its_use_is_noted_once_a_minute(db: AsyncSession) -> None:
    token, _ = await tokens.create(db, await make_user(db), "script")
    assert await tokens.note_use(db, token, now=NOW)
    await db.refresh(token)
    assert token.last_used_at == NOW
    assert not await tokens.note_use(db, token, now=NOW + timedelta(seconds=59))
    assert await tokens.note_use(db, token, now=NOW + timedelta(seconds=60))


async def test_calls_at_once_note_it_once_and_wait_for_nobody(db: AsyncSession, sessions: Sessions) -> None:
    _, key = await tokens.create(db, await make_user(db), "script")
    await db.commit()
    async with sessions() as first, sessions() as second:
        await second.execute(text("SET LOCAL lock_timeout = '2s'"))
        one, two = await tokens.find(first, key), await tokens.find(second, key)
        assert one is not None
        assert two is not None
        assert await tokens.note_use(first, one[0], now=NOW)
        assert not await tokens.note_use(second, two[0], now=NOW)


@pytest.mark.parametrize("name", ["", " ", "\u200b", "x" * 81])
async def test_a_token_needs_a_name(db: AsyncSession, name: str) -> None:
    with pytest.raises(Invalid):
        await tokens.create(db, await make_user(db), name)


async def test_a_token_cannot_begin_expired(db: AsyncSession) -> None:
    with pytest.raises(Invalid):
        await tokens.create(db, await make_user(db), "script", expires_at=NOW, now=NOW)
