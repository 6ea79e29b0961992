import httpx
from sqlalchemy import func, select, update
from sqlmodel import col
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts import tokens
from server.accounts.models import ApiToken, User, utc_now
from server.db import Sessions
from server.errors import Conflict
from tests.factories import make_team, sign_in

HTML = {"Accept": "text/html"}


async def who(request: Request) -> Response:
    user: User | None = request.state.user
    return Response(user.email if user else "nobody")


async def test_the_person_is_still_known_after_a_rollback(
    client: httpx.AsyncClient, app: Starlette, sessions: Sessions
) -> None:
    async def roll_back(request: Request) -> Response:
        await request.state.db.rollback()
        raise Conflict

    app.router.routes.append(Route("/roll-back", roll_back))
    user, _ = await make_team(sessions)
    await sign_in(client, sessions, user)
    answer = await client.get("/roll-back", headers=HTML)
    assert answer.status_code == 409
    assert user.email in answer.text


async def test_a_token_is_recognised_until_it_is_revoked(
    client: httpx.AsyncClient, app: Starlette, sessions: Sessions
) -> None:
    app.router.routes.append(Route("/who", who))
    user, _ = await make_team(sessions)
    async with sessions() as db:
        token, key = await tokens.create(db, user, "script")
        await db.commit()
    assert (await client.get("/who", headers={"Authorization": f"bearer {key}"})).text == user.email
    async with sessions() as db:
        used = await db.scalar(select(func.count()).where(col(ApiToken.last_used_at).is_not(None)))
        assert used == 1
        await tokens.revoke(db, user.id, token.id)
        await db.commit()
    assert (await client.get("/who", headers={"Authorization": f"Bearer {key}"})).text == "nobody"
    await sign_in(client, sessions, user)
    assert (await client.get("/who")).text == user.email
    assert (await client.get("/who", headers={"Authorization": f"Bearer {key}"})).text == "nobody"


async def test_a_person_who_is_disabled_is_nobody_at_the_next_request(
    client: httpx.AsyncClient, app: Starlette, sessions: Sessions
) -> None:
    app.router.routes.append(Route("/who", who))
    user, _ = await make_team(sessions)
    await sign_in(client, sessions, user)
    assert (await client.get("/who")).text == user.email
    async with sessions() as db:
        await db.execute(update(User).values(disabled_at=utc_now()))
        await db.commit()
    assert (await client.get("/who")).text == "nobody"


async def test_cookies_of_strangers_are_nobody(client: httpx.AsyncClient, app: Starlette) -> None:
    app.router.routes.append(Route("/who", who))
    for value in ("x", "x" * 10_000, "%00", '"quoted"', "a=b; c"):
        answer = await client.get("/who", headers={"Cookie": f"quillroom_session={value}"})
        assert (answer.status_code, answer.text) == (200, "nobody")
