from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts import sessions as browsers
from server.accounts.models import Session
from server.db import Sessions
from tests.factories import make_user

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)


async def test_a_session_is_found_by_its_secret_until_it_expires(db: AsyncSession) -> None:
    user = await make_user(db)
    secret = await browsers.start(db, user, lasts=MONTH, now=NOW)
    found = await browsers.find(db, secret, now=NOW + MONTH - timedelta(seconds=1))
    assert found is not None
    assert found[1].id == user.id
    assert await browsers.find(db, secret, now=NOW + MONTH) is None


async def test_the_database_does_not_hold_the_secret(db: AsyncSession) -> None:
    secret = await browsers.start(db, await make_user(db), lasts=MONTH)
    row = (await db.execute(text("SELECT sessions::text FROM sessions"))).scalar_one()
    assert secret not in row
    assert secret.encode().hex() not in row


@pytest.mark.parametrize("secret", ["", "x", "\0", "\ud800", "x" * 10_000, "' OR 1=1 --"])
async def test_a_secret_nobody_was_given_opens_nothing(db: AsyncSession, secret: str) -> None:
    await browsers.start(db, await make_user(db), lasts=MONTH)
    assert await browsers.find(db, secret) is None


async def test_what_the_browser_says_of_itself_is_cut_and_cleaned(db: AsyncSession) -> None:
    await browsers.start(
        db, await make_user(db), lasts=MONTH, user_agent="Fire\0fox\x1b" + "x" * 5000, address="1" * 500
    )
    session = (await db.scalars(select(Session))).one()
    assert session.user_agent.startswith("Firefoxxx")
    assert len(session.user_agent) == browsers.MAX_USER_AGENT_CHARACTERS
    assert len(session.address) == browsers.MAX_ADDRESS_CHARACTERS


async def test_a_session_in_use_slides_once_an_hour(db: AsyncSession) -> None:
    secret = await browsers.start(db, await make_user(db), lasts=MONTH, now=NOW)
    found = await browsers.find(db, secret, now=NOW)
    assert found is not None
    session = found[0]
    assert not await browsers.renew(db, session, lasts=MONTH, now=NOW + timedelta(minutes=59))
    later = NOW + timedelta(hours=2)
    assert await browsers.renew(db, session, lasts=MONTH, now=later)
    await db.refresh(session)
    assert (session.last_seen_at, session.expires_at) == (later, later + MONTH)
    assert not await browsers.renew(db, session, lasts=MONTH, now=later)


async def test_requests_at_once_renew_once_and_wait_for_nobody(db: AsyncSession, sessions: Sessions) -> None:
    secret = await browsers.start(db, await make_user(db), lasts=MONTH, now=NOW)
    await db.commit()
    later = NOW + timedelta(hours=2)
    async with sessions() as first, sessions() as second:
        await second.execute(text("SET LOCAL lock_timeout = '2s'"))
        one = await browsers.find(first, secret, now=later)
        two = await browsers.find(second, secret, now=later)
        assert one is not None
        assert two is not None
        assert await browsers.renew(first, one[0], lasts=MONTH, now=later)
        assert not await browsers.renew(second, two[0], lasts=MONTH, now=later)


async def test_ending_one_session_leaves_the_others(db: AsyncSession) -> None:
    user = await make_user(db)
    here = await browsers.start(db, user, lasts=MONTH)
    there = await browsers.start(db, user, lasts=MONTH)
    await browsers.end(db, here)
    assert await browsers.find(db, here) is None
    assert await browsers.find(db, there) is not None
    await browsers.end_all(db, user.id)
    assert await browsers.find(db, there) is None


async def test_only_what_is_over_is_deleted(db: AsyncSession) -> None:
    user = await make_user(db)
    await browsers.start(db, user, lasts=timedelta(days=1), now=NOW)
    kept = await browsers.start(db, user, lasts=MONTH, now=NOW)
    assert await browsers.delete_expired(db, now=NOW + timedelta(days=2)) == 1
    assert await browsers.find(db, kept, now=NOW + timedelta(days=2)) is not None


async def test_open_sessions_are_listed_the_last_used_first(db: AsyncSession) -> None:
    user, other = await make_user(db), await make_user(db)
    for days, name in ((3, "long ago"), (1, "lately"), (40, "over")):
        await browsers.start(db, user, lasts=MONTH, user_agent=name, now=NOW - timedelta(days=days))
    await browsers.start(db, other, lasts=MONTH, user_agent="somebody else", now=NOW)
    assert [each.user_agent for each in await browsers.list_for(db, user.id, now=NOW)] == ["lately", "long ago"]


async def test_the_others_end_and_this_one_stays(db: AsyncSession) -> None:
    user, other = await make_user(db), await make_user(db)
    secrets = [await browsers.start(db, user, lasts=MONTH) for _ in range(3)]
    theirs = await browsers.start(db, other, lasts=MONTH)
    this = await browsers.find(db, secrets[0])
    assert this is not None
    assert await browsers.end_others(db, user.id, this[0].id) == 2
    assert [await browsers.find(db, secret) is not None for secret in secrets] == [True, False, False]
    assert await browsers.find(db, theirs) is not None
