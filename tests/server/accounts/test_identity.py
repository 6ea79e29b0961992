from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts import sessions, tokens
from server.accounts.identity import recognise
from tests.factories import make_user


async def test_a_cookie_or_a_token_tells_who_it_is(db: AsyncSession) -> None:
    user = await make_user(db)
    cookie = await sessions.start(db, user, lasts=timedelta(days=1))
    _, bearer = await tokens.create(db, user, "script")
    for found in (
        await recognise(db, cookie=cookie, bearer=None),
        await recognise(db, cookie=None, bearer=bearer),
    ):
        assert found is not None
        assert found.user.id == user.id
    assert await recognise(db, cookie=None, bearer=None) is None


async def test_a_wrong_token_is_nobody_even_beside_a_right_cookie(db: AsyncSession) -> None:
    """Otherwise any page could skip the CSRF check by sending a made-up Authorization header."""
    cookie = await sessions.start(db, await make_user(db), lasts=timedelta(days=1))
    for bearer in ("", "qr_wrong", "x" * 10_000):
        assert await recognise(db, cookie=cookie, bearer=bearer) is None


async def test_a_token_wins_over_a_cookie(db: AsyncSession) -> None:
    ada, bo = await make_user(db), await make_user(db)
    cookie = await sessions.start(db, ada, lasts=timedelta(days=1))
    _, bearer = await tokens.create(db, bo, "script")
    identity = await recognise(db, cookie=cookie, bearer=bearer)
    assert identity is not None
    assert identity.user.id == bo.id
    assert identity.session_id is None


async def test_secrets_of_one_kind_do_not_work_as_the_other(db: AsyncSession) -> None:
    user = await make_user(db)
    cookie = await sessions.start(db, user, lasts=timedelta(days=1))
    _, bearer = await tokens.create(db, user, "script")
    assert await recognise(db, cookie=bearer, bearer=None) is None
    assert await recognise(db, cookie=None, bearer=cookie) is None
