from datetime import UTC, datetime, timedelta

import anyio
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts import setup
from server.accounts.models import SetupLink, User
from server.accounts.secret import digest, new_secret
from server.db import Sessions
from server.errors import Invalid
from tests.factories import make_user

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


async def claim(db: AsyncSession, link: str, *, email: str = "ada@example.org", now: datetime = NOW) -> User:
    secret = link.removeprefix("/setup/")
    return await setup.claim(db, secret, email=email, name="Ada", password_hash="x", now=now)


async def issue(db: AsyncSession, *, now: datetime = NOW) -> str:
    link = await setup.issue_link(db, now=now)
    assert link is not None
    return link


async def test_a_link_makes_one_account(db: AsyncSession) -> None:
    link = await issue(db)
    user = await claim(db, link)
    assert user.email == "ada@example.org"
    with pytest.raises(setup.LinkSpent):
        await claim(db, link, email="eve@example.org")


async def test_a_link_ends_after_a_day(db: AsyncSession) -> None:
    link = await issue(db)
    await setup.check(db, link.removeprefix("/setup/"), now=NOW + timedelta(hours=24) - timedelta(seconds=1))
    with pytest.raises(setup.LinkSpent):
        await setup.check(db, link.removeprefix("/setup/"), now=NOW + timedelta(hours=24))
    with pytest.raises(setup.LinkSpent):
        await claim(db, link, now=NOW + timedelta(hours=24))


async def test_a_new_link_replaces_the_one_before(db: AsyncSession) -> None:
    before = await issue(db)
    await issue(db)
    with pytest.raises(setup.LinkSpent):
        await claim(db, before)


async def test_with_an_account_there_is_no_link_and_none_works(db: AsyncSession) -> None:
    link = await issue(db)
    await make_user(db)
    with pytest.raises(setup.LinkSpent):
        await claim(db, link)
    assert await setup.issue_link(db) is None


@pytest.mark.parametrize("secret", ["", "x", "\0", "\ud800", "x" * 100_000])
async def test_a_made_up_link_makes_nothing(db: AsyncSession, secret: str) -> None:
    await issue(db)
    with pytest.raises(setup.LinkSpent):
        await claim(db, f"/setup/{secret}")


async def test_a_refused_address_does_not_use_the_link_up(db: AsyncSession) -> None:
    link = await issue(db)
    with pytest.raises(Invalid):
        await claim(db, link, email="nonsense")
    await claim(db, link)


async def test_of_many_claims_at_once_one_wins(sessions: Sessions) -> None:
    """Two valid links cannot be had through `issue_link`; here there are two, and each is claimed by several."""
    secrets = [new_secret(), new_secret()]
    async with sessions() as db:
        for secret in secrets:
            db.add(SetupLink(token_hash=digest(secret), created_at=NOW, expires_at=NOW + timedelta(hours=1)))
        await db.commit()
    outcomes: list[str] = []

    async def try_one(number: int) -> None:
        async with sessions() as db:
            try:
                await claim(db, secrets[number % 2], email=f"person-{number}@example.org")
                await db.commit()
            except setup.LinkSpent:
                outcomes.append("spent")
            else:
                outcomes.append("won")

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(try_one, number)
    assert sorted(outcomes) == ["spent"] * 7 + ["won"]
    async with sessions() as db:
        assert await db.scalar(select(func.count()).select_from(User)) == 1


async def test_spent_links_are_deleted_and_a_good_one_is_kept(db: AsyncSession) -> None:
    await issue(db)
    assert await setup.delete_spent(db, now=NOW) == 0
    assert await setup.delete_spent(db, now=NOW + timedelta(hours=24)) == 1
